"""Checks of a route table without traffic: which cluster a request would go to, as what, with what
changes.  The tests are in the format of Envoy's ``router_check_tool``, the routes Istio's or
Envoy's, so that tests that exist need no change."""

from .checker import Checker, Mismatch
from .loading import load_routes
from .tests import RouteTest, load_tests

__all__ = ["Checker", "Mismatch", "RouteTest", "load_routes", "load_tests"]
