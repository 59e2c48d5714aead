"""The command line: one module per command, no logic of its own beyond what a terminal needs."""

from .app import cli, main

__all__ = ["cli", "main"]
