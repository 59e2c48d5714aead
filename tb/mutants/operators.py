"""The faults: each operator says where in a syntax tree it applies, and what it makes of the place.

One change for each place and operator, the one that a test is most likely to miss: ``<`` becomes
``<=``, not ``>``.  What no test could notice is left alone: texts, annotations, names of signals.
"""

import ast
import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from .edits import Edit, Source

__all__ = ["OPERATORS", "edits"]

_Operator = Callable[[Source, ast.AST, tuple[ast.AST, ...]], Iterator[tuple[int, int, str]]]
"""From a node and those around it, the outermost first, to changes."""

OPERATORS: dict[str, _Operator] = {}
"""By name."""

_COMPARISONS = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_LOGIC = {ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"), ast.BitXor: ("^", "|")}
_BOOLEANS = {ast.And: ("and", "or"), ast.Or: ("or", "and")}
_INVERTERS = {ast.Invert: "~", ast.Not: "not"}
_ARITHMETIC = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.Pow: ("**", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Div: ("/", "*"),
    ast.Mod: ("%", "//"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
}
_CHOICES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_SHAPED = {"Signal", "In", "Out", "unsigned", "StructLayout", "ArrayLayout", "like"}
"""What takes a shape: there a number is a width."""

_SILENT_KEYWORDS = {"strict", "name", "reset_less", "frozen", "slots", "always_ready"}
"""What they say is checked elsewhere, or changes nothing that can be seen."""
_SILENT_FUNCTIONS = {"__repr__", "__format__"}


def edits(source: Source) -> list[Edit]:
    """All changes of *source*, in its order."""
    found = [
        Edit(name, *change)
        for node, around in _walk(source.tree, ())
        for name, operator in OPERATORS.items()
        for change in operator(source, node, around)
    ]
    return sorted(set(found), key=lambda edit: (edit.start, edit.end, edit.operator))


def _walk(
    node: ast.AST, around: tuple[ast.AST, ...]
) -> Iterator[tuple[ast.AST, tuple[ast.AST, ...]]]:
    yield node, around
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _silent(node, name, child):
                yield from _walk(child, (*around, node))


def _silent(node: ast.AST, name: str, child: ast.AST) -> bool:
    """Whether nobody notices what happens to the *child* of *node*."""
    match child:
        case ast.JoinedStr() | ast.Assert():
            return True
        case ast.keyword(arg=keyword):
            return keyword in _SILENT_KEYWORDS
        case ast.FunctionDef(name=function):
            return function in _SILENT_FUNCTIONS
    text_of_error = isinstance(node, ast.Raise)
    return text_of_error or name in ("annotation", "returns", "decorator_list", "type_params")


def _operator(name: str) -> Callable[[_Operator], _Operator]:
    def register(operator: _Operator) -> _Operator:
        OPERATORS[name] = operator
        return operator

    return register


# ------------------------------------------------------------------ conditions
@_operator("condition")
def _condition(source, node, around):
    """A condition is taken for its opposite."""
    match node:
        case ast.Call(func=ast.Attribute(attr="If" | "Elif"), args=[test]):
            yield source.start(test), source.end(test), f"({source.of(test)}) == 0"
        case ast.Call(func=ast.Name(id="Mux"), args=[test, _, _]):
            yield source.start(test), source.end(test), f"({source.of(test)}) == 0"
        case ast.If(test=test) | ast.IfExp(test=test):
            yield source.start(test), source.end(test), f"not ({source.of(test)})"
        case ast.comprehension(ifs=tests):
            for test in tests:
                yield source.start(test), source.end(test), f"not ({source.of(test)})"


@_operator("comparison")
def _comparison(source, node, around):
    """A bound is off by one, or equal taken for unequal."""
    match node:
        case ast.Compare(left=left, ops=operators, comparators=others):
            if _is_condition(node, around) and not isinstance(operators[0], _ORDER):
                return  # the opposite of a condition already
            for before, operator, behind in zip([left, *others], operators, others, strict=False):
                yield from _between(source, before, behind, _COMPARISONS[type(operator)])


@_operator("logic")
def _logic(source, node, around):
    """One gate for another, or an inverter gone."""
    match node:
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _LOGIC:
            yield from _between(source, left, right, _LOGIC[type(operator)])
        case ast.BoolOp(op=operator, values=values):
            for left, right in pairwise(values):
                yield from _between(source, left, right, _BOOLEANS[type(operator)])
        case ast.UnaryOp(op=operator) if type(operator) in _INVERTERS:
            if not _is_condition(node, around):
                start = source.start(node)
                yield start, start + len(_INVERTERS[type(operator)]), ""
        case ast.AugAssign(op=operator) if type(operator) in _LOGIC:
            yield from _between(source, node.target, node.value, _augmented(_LOGIC, operator))


@_operator("arithmetic")
def _arithmetic(source, node, around):
    """One calculation for another."""
    match node:
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _ARITHMETIC:
            if not any(
                isinstance(side, ast.List | ast.ListComp | ast.JoinedStr) or _is_text(side)
                for side in (left, right)
            ):
                yield from _between(source, left, right, _ARITHMETIC[type(operator)])
        case ast.AugAssign(op=operator) if type(operator) in _ARITHMETIC and not _is_domain(node):
            if not isinstance(node.value, ast.List | ast.ListComp):
                changed = _augmented(_ARITHMETIC, operator)
                yield from _between(source, node.target, node.value, changed)


@_operator("choice")
def _choice(source, node, around):
    """The largest for the smallest, all for any."""
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in _CHOICES:
            yield source.start(node.func), source.end(node.func), _CHOICES[name]
        case ast.Call(func=ast.Attribute(attr=name)) if name in _CHOICES:
            end = source.end(node.func)
            yield end - len(name), end, _CHOICES[name]


# ------------------------------------------------------------------ numbers
@_operator("number")
def _number(source, node, around):
    """A number is off by one, where it is not a width."""
    match node:
        case ast.Constant(value=bool(value)):
            yield source.start(node), source.end(node), str(not value)
        case ast.Constant(value=int(value)) if not _is_shape(node, around):
            yield source.start(node), source.end(node), str(value + 1)


@_operator("width")
def _width(source, node, around):
    """A signal lacks its highest bit."""
    match node:
        case ast.Constant(value=int(value)) if value > 1 and _is_shape(node, around):
            yield source.start(node), source.end(node), str(value - 1)
        case ast.Call(func=ast.Name(id="range"), args=[*_, end]) if _is_shape(node, around):
            yield source.start(end), source.end(end), f"({source.of(end)}) // 2"


@_operator("range")
def _range(source, node, around):
    """The last one is left out."""
    match node:
        case ast.Call(func=ast.Name(id="range"), args=[end] | [_, end] | [_, end, _]):
            if not isinstance(end, ast.Constant) and not _is_shape(node, around):
                yield source.start(end), source.end(end), f"({source.of(end)}) - 1"


@_operator("lane")
def _lane(source, node, around):
    """The lane, the stage, the entry next to the right one."""
    match node:
        case ast.Subscript(slice=ast.Slice(lower=lower, upper=upper)):
            for bound in (lower, upper):
                if bound is not None and not isinstance(bound, ast.Constant):
                    yield source.start(bound), source.end(bound), f"({source.of(bound)}) - 1"
        case ast.Subscript(slice=ast.Name(id=name) as index) if len(name) == 1 or name in _INDICES:
            yield source.start(index), source.end(index), f"{name} - 1"
        case ast.Subscript(slice=ast.BinOp() as index):
            yield source.start(index), source.end(index), f"({source.of(index)}) - 1"


_INDICES = {"at", "lane", "bit", "beat", "stage", "index", "number", "position", "row", "engine"}
"""Names that count, where other names are keys."""


# ------------------------------------------------------------------ stages and assignments
@_operator("stage")
def _stage(source, node, around):
    """A register is left out of the pipeline."""
    match node:
        case ast.Call(func=ast.Name(id="delayed"), args=[_, _, clocks]):
            yield source.start(clocks), source.end(clocks), f"({source.of(clocks)}) - 1"
        case ast.AugAssign(target=ast.Attribute(attr="sync") as target) if _is_domain(node):
            conditional = any(isinstance(outer, ast.With) for outer in around)
            if not conditional and not _feeds_itself(source, node.value):
                end = source.end(target)
                yield end - len("sync"), end, "comb"


@_operator("drop")
def _drop(source, node, around):
    """Something is not done."""
    match node:
        case ast.Call(func=ast.Attribute(attr="eq")):
            yield source.start(node), source.end(node), "[]"
        case ast.Expr(value=ast.Call() as call) if "super().__init__" not in source.of(call):
            yield source.start(node), source.end(node), "pass"
        case ast.AugAssign() if not _is_domain(node):
            yield source.start(node), source.end(node), "pass"
        case ast.AugAssign() if ".eq(" not in source.of(node.value):
            yield source.start(node), source.end(node), "pass"
        case ast.Raise():
            yield source.start(node), source.end(node), "pass"
        case ast.Break() | ast.Continue():
            yield source.start(node), source.end(node), "pass"


@_operator("stuck")
def _stuck(source, node, around):
    """All bits of a signal are stuck at one."""
    match node:
        case ast.Call(func=ast.Attribute(attr="eq"), args=[value]) if source.of(value) != "1":
            yield source.start(value), source.end(value), "-1"


# ------------------------------------------------------------------ what a node is
def _between(
    source: Source, left: ast.AST, right: ast.AST, change: tuple[str, str]
) -> Iterator[tuple[int, int, str]]:
    """The operator that stands between two operands, changed."""
    old, new = change
    gap = source.between(source.end(left), source.start(right))
    found = re.fullmatch(rf"([\s)]*){re.escape(old)}[\s(]*", gap)
    if found:
        start = source.end(left) + len(found[1])
        yield start, start + len(old), new


def _augmented(table: dict[type, tuple[str, str]], operator: ast.operator) -> tuple[str, str]:
    old, new = table[type(operator)]
    return f"{old}=", f"{new}="


def _is_condition(node: ast.AST, around: tuple[ast.AST, ...]) -> bool:
    """Whether *node* is all of a condition that is taken for its opposite."""
    match around[-1]:
        case ast.If(test=test) | ast.IfExp(test=test):
            return test is node
        case ast.comprehension(ifs=tests):
            return any(test is node for test in tests)
        case ast.Call(func=ast.Attribute(attr="If" | "Elif")):
            return True
        case ast.Call(func=ast.Name(id="Mux"), args=[test, _, _]):
            return test is node
    return False


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def _is_domain(node: ast.AugAssign) -> bool:
    """Whether statements are added to a clock domain: ``m.d.sync += ...``."""
    match node.target:
        case ast.Attribute(value=ast.Attribute(attr="d")):
            return True
    return False


def _is_shape(node: ast.AST, around: tuple[ast.AST, ...]) -> bool:
    """Whether *node* says how wide something is."""
    parents = [outer for outer in around if not isinstance(outer, ast.Dict | ast.BinOp)]
    match parents[-1]:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args):
            return name in _SHAPED and node not in args[1:]
    return False


def _feeds_itself(source: Source, value: ast.AST) -> bool:
    """Whether an assignment under *value* reads what it assigns: without its register, a loop."""
    for node in ast.walk(value):
        match node:
            case ast.Call(func=ast.Attribute(attr="eq", value=target), args=[read]):
                whole = source.of(target).split(".")[0].split("[")[0]
                if whole == "self" or re.search(rf"\b{re.escape(whole)}\b", source.of(read)):
                    return whole != "self" or source.of(target) in source.of(read)
    return False
