"""`slad compact` on a ledger: what is taken out, and that every other command says the same afterwards."""

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import Result

from daemon.ledger import Ledger
from tests.daemon.cli.recording import run
from tests.daemon.ledger.ledgers import closing
from tests.sla.stories import Line, client, says, seen, server

MONTH = "2024-02"


def evidence() -> Iterator[Line]:
    yield client("c", "America/Toronto", recorded_at="2024-01-10T00:00:00Z")
    yield server("s", "2024-02-01T05:00:00Z", client="c", recorded_at="2024-01-10T00:00:00Z")
    for month in range(2, 9):
        for day in range(1, 28):
            yield says("down", f"2024-{month:02}-{day:02}T10:00:00Z", reason=f"{month} {day}")
            yield says("up", f"2024-{month:02}-{day:02}T11:00:00Z")
    yield seen("2024-08-28T00:00:00Z")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger of January to August 2024, in which February is issued."""
    lines = list(evidence())
    before = imported(tmp_path / "first", lines)
    document = done("statement", "--ledger", before, "--client", "c", "--month", MONTH, "--format", "json")
    (delivered := tmp_path / "delivered").mkdir()
    (delivered / "february.json").write_text(document)
    issued = {
        "kind": "issued",
        "client": "c",
        "month": MONTH,
        "as_of": json.loads(document)["statement"]["as_of"],
        "version": 1,
        "sha256": sha256(document.encode()).hexdigest(),
        "recorded_at": "2024-08-27T12:00:00Z",
    }
    *rest, last = lines
    return imported(tmp_path / "second", [*rest, issued, last], "--statements", str(delivered))


def imported(folder: Path, lines: Iterable[Line], *more: str) -> Path:
    """The ledger of a new folder, with lines in it in their order."""
    folder.mkdir()
    evidence, ledger = folder / "evidence.jsonl", folder / "ledger.db"
    evidence.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done("import", evidence, "--ledger", ledger, *more)
    return ledger


def compact(ledger: Path, *more: str) -> Result:
    return run("compact", "--ledger", str(ledger), "--keep", "2", *more)


def done(*arguments: object) -> str:
    ended = run(*map(str, arguments))
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def files(ledger: Path) -> dict[str, bytes]:
    return {
        each.name: each.read_bytes()
        for each in sorted(ledger.parent.iterdir())
        if not each.name.endswith((".lock", "-journal"))
    }


def answers(ledger: Path) -> list[str]:
    """What other commands say of a ledger."""
    return [
        done("export", "--ledger", ledger),
        done("export", "--ledger", ledger, "--client", "c", "--from", "2024-02-10T00:00:00Z"),
        done("statement", "--ledger", ledger, "--client", "c", "--month", MONTH),
        done("statement", "--ledger", ledger, "--month", "2024-07", "--format", "json"),
        done("verify", "--ledger", ledger, "--format", "json"),
    ]


def test_a_dry_run_says_what_would_be_taken_out_and_why_the_rest_stays(ledger: Path) -> None:
    records = len(done("export", "--ledger", ledger).splitlines())
    told = json.loads(compact(ledger, "--dry-run", "--format", "json").stdout)
    assert [(row["month"], row["open"]) for row in told["months"]] == [
        ("2024-01", None),
        ("2024-02", None),
        ("2024-03", "its statement for client c is not issued: slad statement issue c --month 2024-03"),
        ("2024-04", "comes after 2024-03"),
        ("2024-05", "comes after 2024-03"),
        ("2024-06", "is kept: it is no more than 2 months old"),
        ("2024-07", "is kept: it is no more than 2 months old"),
    ]
    assert told["sealed"] == []
    assert not list(ledger.parent.glob("*.gz"))
    assert len(done("export", "--ledger", ledger).splitlines()) == records
    text = compact(ledger, "--dry-run").stdout
    assert text.startswith("2 months of the ledger may be taken out.")
    assert "comes after 2024-03" in text


def test_every_other_command_says_the_same_afterwards(ledger: Path) -> None:
    before = answers(ledger)
    told = json.loads(compact(ledger, "--format", "json").stdout)
    assert [(each["first"], each["last"]) for each in told["sealed"]] == [(1, 2), (3, 56)]
    assert [Path(each["file"]).name for each in told["sealed"]] == [
        "ledger.db.2024-01.jsonl.gz",
        "ledger.db.2024-02.jsonl.gz",
    ]
    assert answers(ledger) == before


def test_it_says_which_file_has_what_and_a_second_time_that_there_is_no_more(ledger: Path) -> None:
    assert "ledger.db.2024-02.jsonl.gz has the records 3 to 56 now" in compact(ledger).stdout
    before = {name: content for name, content in files(ledger).items() if name != "ledger.db"}
    assert compact(ledger).stdout.startswith("0 months of the ledger may be taken out.")
    assert {name: content for name, content in files(ledger).items() if name != "ledger.db"} == before


def test_verify_and_evaluate_read_month_files(ledger: Path, tmp_path: Path) -> None:
    compact(ledger)
    whole = tmp_path / "whole.jsonl"
    whole.write_text(done("export", "--ledger", ledger))
    head = json.loads(done("verify", ledger.with_name("ledger.db.2024-02.jsonl.gz"), "--format", "json"))
    assert (head["first"], head["records"]) == (3, 54)
    months = sorted(ledger.parent.glob("*.gz"))
    (joined := tmp_path / "months").write_bytes(b"".join(each.read_bytes() for each in months))
    (lines := tmp_path / "lines").write_text("".join(whole.read_text().splitlines(keepends=True)[:56]))
    said = [
        done("evaluate", file, "--verify", "--month", MONTH, "--as-of", "2024-02-28T00:00:00Z")
        for file in (joined, lines)
    ]
    assert said[0] == said[1]
    done("import", joined, "--ledger", tmp_path / "restored.db")


@pytest.mark.parametrize("length", [5, 200, -1])
def test_one_that_is_cut_off_is_told_in_a_sentence(ledger: Path, tmp_path: Path, length: int) -> None:
    compact(ledger)
    (cut := tmp_path / "cut.gz").write_bytes(
        ledger.with_name("ledger.db.2024-02.jsonl.gz").read_bytes()[:length]
    )
    for command in (("verify", cut), ("evaluate", cut, "--month", MONTH)):
        ended = run(*map(str, command))
        assert ended.exit_code == 1
        assert f"{cut}: is cut off, or was changed: it cannot be unpacked" in ended.stderr


def test_beside_a_daemon_it_is_refused(ledger: Path) -> None:
    with closing(Ledger.open(ledger)):
        before = files(ledger)
        ended = compact(ledger)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "is in use by process" in ended.stderr
    assert files(ledger) == before


def test_a_month_file_that_is_gone_is_named_and_nothing_is_done(ledger: Path) -> None:
    compact(ledger)
    gone = ledger.with_name("ledger.db.2024-01.jsonl.gz")
    gone.rename(gone.with_suffix(".aside"))
    for ended in (
        compact(ledger),
        run("export", "--ledger", str(ledger)),
        run("verify", "--ledger", str(ledger)),
    ):
        assert ended.exit_code == 1
        assert f"The month file {gone} cannot be read: No such file or directory." in ended.stderr


def test_of_a_ledger_that_is_not_there(tmp_path: Path) -> None:
    ended = compact(tmp_path / "none.db")
    assert (ended.exit_code, ended.stderr) == (1, f"There is no ledger {tmp_path / 'none.db'}.\n")
