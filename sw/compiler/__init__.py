"""From the route table to the image that the NIC loads."""

from .errors import CompileError
from .report import Outcome, Report, RouteReport, Usage
from .table import CompiledTable, Row, compile_table

__all__ = [
    "CompileError",
    "CompiledTable",
    "Outcome",
    "Report",
    "RouteReport",
    "Row",
    "Usage",
    "compile_table",
]
