"""Calls that create user-visible texts, and whether their templates are literals that Babel extracts."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_POSITIONS = {
    "Problem": (1, 2),
    "Message": (1,),
    "UsageError": (1, 2),
    "Refusal": (0, 1),
    "EvaluationError": (1, 2),
    "CatalogError": (0,),
    "UnsupportedArchitectureError": (0,),
    "UnfitValueError": (0, 1),
    "PoolError": (0, 1),
}
"""Where the templates stand among a class's positional arguments; a subclass has those of its base."""
_INHERITED = ("Refusal", "UsageError", "CatalogError", "UnsupportedArchitectureError")


def sources() -> list[Path]:
    """Return the files whose texts people read."""
    return sorted([*(ROOT / "src/inferfleet").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")])


def text_classes() -> dict[str, tuple[int, ...]]:
    """Return every class that is made of templates, with their positions."""
    bases = {
        node.name: [base.id for base in node.bases if isinstance(base, ast.Name)]
        for file in sources()
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    found = dict(_POSITIONS)
    for name, of in bases.items():
        for _ in bases:  # at most as many steps as there are classes: two may share a name
            of = of if not of or of[0] in _INHERITED else bases.get(of[0], [])
        if of:
            found.setdefault(name, _POSITIONS[of[0]])
    return found


def unmarked(file: Path, classes: dict[str, tuple[int, ...]]) -> list[str]:
    """Return the lines of a file that make a text out of anything but literals marked with N_."""
    tree = ast.parse(file.read_text("utf-8"))
    return [
        f"{file.relative_to(ROOT)}:{argument.lineno}: {ast.unparse(argument)[:80]}"
        for scope, call in _calls(tree, tree)
        for position in _templates_of(call, classes)
        if position < len(call.args) and not _marked(argument := call.args[position], scope)
    ]


def _calls(node: ast.AST, scope: ast.AST) -> Iterator[tuple[ast.AST, ast.Call]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield scope, child
        yield from _calls(child, child if isinstance(child, ast.FunctionDef | ast.Lambda) else scope)


def _templates_of(call: ast.Call, classes: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    if isinstance(call.func, ast.Name):
        return classes.get(call.func.id, ())
    if isinstance(call.func, ast.Attribute) and call.func.attr in classes:
        return classes[call.func.attr]
    return ()


def _marked(value: ast.expr, scope: ast.AST) -> bool:
    """Return whether a template is translated: a marked literal, a bare field, or a name that holds only such."""
    match value:
        case ast.Call(func=ast.Name(id="N_"), args=[ast.Constant()]):
            return True
        case ast.Constant(value=str(text)):
            return not any(letter.isalpha() for letter in _without_fields(text))
        case ast.IfExp():
            return _marked(value.body, scope) and _marked(value.orelse, scope)
        case ast.BoolOp(values=values):
            return all(_marked(part, scope) for part in values)
        case ast.Name(id=name):
            return all(_marked(given, scope) for given in _assigned(name, scope))
        case ast.Attribute() | ast.Subscript():
            return True  # of data, whose templates tools/translations.py reads
        case ast.Starred():
            return True  # values that a function returns are checked there
        case _:
            return False


def _without_fields(text: str) -> str:
    depth, kept = 0, ""
    for letter in text:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        kept += letter if not depth else ""
    return kept


def _assigned(name: str, scope: ast.AST) -> Iterator[ast.expr]:
    """Yield what is assigned to a name in a function; a parameter's value is checked where it is passed."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    yield node.value
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    yield from (
                        given
                        for part, given in zip(target.elts, node.value.elts, strict=False)
                        if isinstance(part, ast.Name) and part.id == name
                    )
        elif (
            isinstance(node, ast.AugAssign | ast.AnnAssign | ast.NamedExpr)
            and isinstance(node.target, ast.Name)
            and node.target.id == name
            and node.value is not None
        ):
            yield node.value
