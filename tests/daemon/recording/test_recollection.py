"""Whatever is committed is recollected: what a part took past the recollection would be in no snapshot."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3] / "daemon"
DOOR = {"recording/recollection.py", "book/live_book.py"}


def test_records_go_into_memory_by_one_door() -> None:
    past_it = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "take_record"
        if str(path.relative_to(ROOT)) not in DOOR
    }
    assert not past_it
