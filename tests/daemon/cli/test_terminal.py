"""Tables stand in columns whatever the letters of a name are, and nothing prints but the one printer."""

import ast
import time
from pathlib import Path

import pytest

from daemon.cli import terminal
from daemon.cli.check_config import _columns
from daemon.cli.options import INSTANT
from daemon.cli.terminal import Printer, console, duration, plain, print_table, say
from daemon.cli.words import local

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


def narrow(monkeypatch: pytest.MonkeyPatch) -> Printer:
    for name, value in {"TTY_COMPATIBLE": "1", "TERM": "dumb", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    return console()


def test_prose_alone_goes_on_in_the_next_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [("i" * 30, "2026-11-30 04:56:35-05:00", "a reason of so many words that there is no room")]
    print_table(narrow(monkeypatch), ("id", "from", "why"), rows, prose=("why",))
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    assert "iiii  2026-11-30 04:56:35-05:00  a reason" in said


@pytest.mark.parametrize("name", ["n" * 60, "n" * 100, "名" * 40])
def test_what_has_no_room_beside_each_other_stands_below_each_other_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    rows = [(name, "2026-11-30 04:56:35-05:00", ""), ("b", "now", "x y " * 40)]
    print_table(narrow(monkeypatch), ("id", "from", "why"), rows, prose=("why",))
    said = capsys.readouterr().out.splitlines()
    assert said[:5] == ["", f"id    {name}", "from  2026-11-30 04:56:35-05:00", "", "id    b"]
    assert said[6].startswith("why   x y x y")
    assert said[7].startswith("      y x")
    assert max(map(len, said[4:])) <= 80


def test_instants_are_told_by_the_clock_of_a_zone_or_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    at = "2026-07-01T00:00:00.999999Z"
    assert local(at, "America/Toronto") == "2026-06-30 20:00:00-04:00"
    assert (local(None), local("not one")) == ("", "not one")
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert local(at) == "2026-07-01 05:30:00+05:30"
        assert INSTANT.convert(local(at), None, None) == "2026-07-01T05:30:00+05:30"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("seconds", "said"), [(90_061.4, "25:01:01"), (-61.5, "-0:01:02"), (-0.2, "0:00:00")]
)
def test_times_are_told_to_the_second(seconds: float, said: str) -> None:
    assert duration(seconds) == said


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
