"""No float on the way to a verdict (spec §1.3): the only divisions that make one stand where the document is written."""

import ast
from pathlib import Path

import pytest

import sla

MODULES = sorted(Path(str(sla.__file__)).parent.glob("*.py"))
AT_THE_EDGE = {"document.py"}
# Numbers of unknown keys, which are read only to be written out again.
KEPT_BUT_NOT_READ = {("decoding.py", "float")}


def _floats(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=float() as number):
                found.append(f"the number {number}")
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                found.append("a division")
            case (
                ast.Name(id="float" | "round" as name)
                | ast.Attribute(attr="total_seconds" | "timestamp" as name)
            ):
                found.append(name)
            case ast.Import(names=names) if any(name.name in {"math", "statistics"} for name in names):
                found.append("math")
            case ast.ImportFrom(module="math" | "statistics"):
                found.append("math")
            case _:
                pass
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_module_of_the_arithmetic_makes_a_float(path: Path) -> None:
    if path.name in AT_THE_EDGE:
        return
    found = [
        each
        for each in _floats(ast.parse(path.read_text(encoding="utf-8")))
        if (path.name, each) not in KEPT_BUT_NOT_READ
    ]
    assert found == []


def test_the_search_finds_floats() -> None:
    assert _floats(ast.parse("x = a / 2 + 0.5")) == ["a division", "the number 0.5"]
    assert _floats(ast.parse("float(x).timestamp()")) == ["timestamp", "float"]
