"""Checks of a route table without traffic: which cluster a request would go to, as what, with what
changes.  The tests are in the format of Envoy's ``router_check_tool``, so that those that exist
need no change."""

from .checker import Checker, Mismatch
from .tests import RouteTest, load_tests

__all__ = ["Checker", "Mismatch", "RouteTest", "load_tests"]
