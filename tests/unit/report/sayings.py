"""English texts in source code, to be compared with those that have a Chinese form."""

import ast
from collections.abc import Iterator
from pathlib import Path

from inferfleet.planner import refusals

_REFUSALS = {name for name, found in vars(refusals).items() if isinstance(found, type)}
# Variables that hold what to do about a refusal, which the report does not show, and what modules document.
_OTHER = {"remedy", "also", "offers", "hint", "instead", "near", "DOCUMENTATION", "EXAMPLES", "RETURN"}


def pieces(file: Path, without: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield what stands between the values of every English text of a file, `without` that of some functions."""
    tree = ast.parse(file.read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name not in without]
    constants = [node for node in tree.body if isinstance(node, ast.Assign)]
    for statement in [*constants, *(found for function in functions for found in function.body)]:
        yield from _pieces(statement)


def _pieces(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)) if " " in text.strip():
            yield text.strip()
        case ast.Expr(value=ast.Constant()) | ast.FunctionDef():
            return  # a docstring; a function has its own turn
        case ast.Assign(targets=[ast.Name(id=name), *_]) | ast.AugAssign(target=ast.Name(id=name)) if name in _OTHER:
            return
        case ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id=name), *_])]) if name in _OTHER:
            return
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name))) if name in {*_OTHER, "re"}:
            return
        case ast.Call(func=ast.Name(id=name), args=[message, *_]) if name in _REFUSALS:
            yield from _pieces(message)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _pieces(child)
