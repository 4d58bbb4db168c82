"""Tables stand in columns whatever the letters of a name are, and nothing prints but the one printer."""

import ast
from pathlib import Path

import pytest

from daemon.cli import terminal
from daemon.cli.check_config import _columns
from daemon.cli.terminal import console, plain, print_table, say

WIDE = ["名前サーバ", "e\u0301cole", "plain", "a\u200db", "가나다", "x\x1b[31m"]
"""Letters of two cells, marks of none, and what is written out."""


def test_columns_of_a_table_stand_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(console(), ("name", "state"), [(name, "up|") for name in WIDE])
    rows = [line for line in capsys.readouterr().out.splitlines() if "|" in line]
    assert len(rows) == len(WIDE)
    assert len({plain(row.partition("|")[0]).cell_len for row in rows}) == 1


def test_columns_of_lines_do_too() -> None:
    rows = list(_columns([[name, "|"] for name in WIDE]))
    assert len({plain(row.partition("|")[0]).cell_len for row in rows}) == 1


def test_square_brackets_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(console(), ("name",), [("[red]x[/red] [link=file:///etc]y[/link]",)])
    say("[bold]z[/bold]")
    said = capsys.readouterr().out
    assert "[red]x[/red] [link=file:///etc]y[/link]" in said
    assert "[bold]z[/bold]" in said


def test_only_the_printer_prints() -> None:
    """What the linter forbids by name; here, that no command writes to a stream itself."""
    writing = {
        f"{path.name}: {ast.unparse(node)}"
        for path in Path(terminal.__file__).parent.glob("*.py")
        if path.name != "terminal.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("sys.stdout", "sys.stderr.write", "click.style")
    }
    assert not writing
