"""The table of every bench: multiples, what missed its target, what became worse."""

import json
from pathlib import Path

import pytest

from bench import table
from bench.table import MEMORY, Row, show

B = 0.25


@pytest.fixture(autouse=True)
def figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where figures are kept; the baseline is no measurement here."""
    path = tmp_path / "figures.json"
    monkeypatch.setattr(table, "FIGURES", path)
    monkeypatch.setattr(table, "baseline_s", lambda: B)
    monkeypatch.delenv(table.KEEP, raising=False)
    return path


def cells(capsys: pytest.CaptureFixture[str], *rows: Row) -> list[list[str]]:
    """What is printed below the head of a table."""
    show("things, 10 of them", rows)
    _, _, *lines = capsys.readouterr().out.splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_time_is_told_as_a_multiple_of_the_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    assert cells(capsys, Row("work", 0.5)) == [["work", "500 ms", "2 × B", "-", "-"]]


def test_a_time_beside_a_peer_is_told_as_a_multiple_of_the_peers(capsys: pytest.CaptureFixture[str]) -> None:
    rows = cells(capsys, Row("work", 0.5).beside("theirs", 5.0))
    assert rows == [["work", "500 ms", "0.1 × theirs", "-", "-"]]


def test_what_misses_its_target_is_bold(capsys: pytest.CaptureFixture[str]) -> None:
    hit, missed = cells(capsys, Row("hit", 1, most=1), Row("missed", 1.5, most=1))
    assert (hit[1], missed[1]) == ("1.00 s", "**1.50 s**")


@pytest.mark.parametrize(
    ("row", "worse"),
    [
        (Row("work", B), False),
        (Row("work", 1.19 * B), False),
        (Row("work", 1.21 * B), True),
        (Row("work", 121, MEMORY), True),
        (Row("work", 12.1).beside("theirs", 10), True),
        (Row("work", 2, ""), False),
    ],
)
def test_what_became_worse_by_more_than_a_fifth_is_marked(
    row: Row, worse: bool, figures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    committed = 100 if row.unit == MEMORY else 1
    figures.write_text(json.dumps({"things, 10 of them": {"work": committed}}))
    assert ("worse" in cells(capsys, row)[0][-1]) == worse


def test_figures_of_another_size_are_not_compared(figures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures.write_text(json.dumps({"things, 20 of them": {"work": 0.001}}))
    assert cells(capsys, Row("work", 1))[0][-1] == "-"


def test_figures_are_kept_where_that_is_asked_for(
    figures: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cells(capsys, Row("work", B))
    assert not figures.exists()
    others = {"other things": {"work": 7}}
    figures.write_text(json.dumps(others))
    monkeypatch.setenv(table.KEEP, "1")
    cells(capsys, Row("work", 2 * B), Row("memory", 30, MEMORY), Row("pieces", 4, ""))
    assert json.loads(figures.read_text()) == {**others, "things, 10 of them": {"work": 2, "memory": 30}}


def test_the_committed_figures_are_all_of_benches() -> None:
    committed = json.loads(Path(table.__file__).with_name("figures.json").read_text())
    assert committed
    assert all(value >= 0 for rows in committed.values() for value in rows.values())


def test_the_baseline_is_measured() -> None:
    assert table.baseline_s() > 0
