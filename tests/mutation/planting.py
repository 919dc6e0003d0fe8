"""Every small fault that can be planted in the functions of a module.

A fault has a name that does not change when lines move: the function, what is changed, and how.
"""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import types
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

__all__ = ["Fault", "faults_of", "plant"]

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Fault:
    """A fault in one function.

    Attributes:
        module: where, such as `segprune.core.planning.budget`.
        function: name of the module's function, or of a class and its method.
        change: what is changed into what; the third of the same kind ends in `#3`.
        tree: the module's syntax tree with the fault.
    """

    module: str
    function: str
    change: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return f"{self.module}: {self.function}: {self.change}"


def faults_of(module: str) -> Iterator[Fault]:
    """All faults of a module, function by function."""
    source = inspect.getsource(importlib.import_module(module))
    tree = ast.parse(source)
    for name, function in _functions(tree):
        seen: Counter[str] = Counter()
        for number, (node, _) in enumerate(_places(function)):
            for change, faulty in _variants(node):
                seen[change] += 1
                again = copy.deepcopy(tree)
                place = dict(_functions(again))[name]
                _put(place, number, faulty)
                count = f" #{seen[change]}" if seen[change] > 1 else ""
                yield Fault(module, name, change + count, ast.fix_missing_locations(again))


def plant(fault: Fault) -> None:
    """Give the live function the faulty code; all who have imported it run that from now on."""
    module = importlib.import_module(fault.module)
    path = module.__file__ or "<module>"
    compiled = compile(fault.tree, path, "exec")
    codes = {code.co_qualname: code for code in _codes(compiled)}
    _plain(_found(module, fault.function)).__code__ = codes[fault.function]


# -- the tree --------------------------------------------------------------------------------------


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.FunctionDef):
                    yield f"{node.name}.{part.name}", part


def _places(function: ast.FunctionDef) -> Iterator[tuple[ast.AST, list[Any]]]:
    """Nodes that may be changed, each with the way to it; not messages, names of types, asserts."""
    waiting: list[tuple[ast.AST, list[Any]]] = [(node, []) for node in reversed(function.body)]
    while waiting:
        node, way = waiting.pop()
        if isinstance(node, (ast.Raise, ast.Assert, ast.JoinedStr, ast.AnnAssign)):
            continue
        yield node, way
        waiting.extend((child, way) for child in reversed([*ast.iter_child_nodes(node)]))


def _put(function: ast.FunctionDef, number: int, faulty: ast.AST) -> None:
    target = next(node for place, (node, _) in enumerate(_places(function)) if place == number)

    class Change(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return faulty if node is target else self.generic_visit(node)

    Change().visit(function)


def _variants(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What a node may be changed into, with a name for the change."""
    made: ast.AST
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        other = _COMPARISONS[type(node.ops[0])]
        made = ast.Compare(node.left, [other()], node.comparators)
        yield f"{ast.unparse(node)} -> {other.__name__}", made
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        operator = _OPERATORS[type(node.op)]
        made = ast.BinOp(node.left, operator(), node.right)
        yield f"{ast.unparse(node)} -> {operator.__name__}", made
    elif isinstance(node, ast.BoolOp):
        swapped = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        made = ast.BoolOp(swapped, node.values)
        yield f"{ast.unparse(node)} -> {type(swapped).__name__}", made
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"{ast.unparse(node)} -> without not", node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} -> {not node.value}", ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        value = node.value + 1 if isinstance(node.value, int) else node.value * 1.5 + 0.01
        yield f"{node.value} -> {value}", ast.Constant(value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _TWINS:
        twin = _TWINS[node.func.id]
        made = ast.Call(ast.Name(twin, ast.Load()), node.args, node.keywords)
        yield f"{ast.unparse(node)[:60]} -> {twin}", made
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield f"{ast.unparse(node)[:60]} -> left out", ast.Pass()


# -- the live function -----------------------------------------------------------------------------


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield part
            yield from _codes(part)


def _found(module: types.ModuleType, name: str) -> Any:
    found: Any = module
    for part in name.split("."):
        found = vars(found)[part]
    return found


def _plain(found: Any) -> types.FunctionType:
    """The function behind properties, class methods and decorators."""
    while not isinstance(found, types.FunctionType) or hasattr(found, "__wrapped__"):
        if isinstance(found, property):
            found = found.fget
        elif isinstance(found, cached_property):
            found = found.func
        elif isinstance(found, (staticmethod, classmethod)):
            found = found.__func__
        elif isinstance(found, partial):
            found = found.func
        else:
            found = found.__wrapped__
    return found
