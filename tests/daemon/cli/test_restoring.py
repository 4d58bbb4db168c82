"""A ledger is restored from its export, and what that lacks of what was acknowledged is no secret."""

import asyncio
import json
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.cli.export import export
from daemon.cli.import_ import import_
from daemon.cli.verify import verify
from daemon.ledger import Batch, Entry, noted
from daemon.ledger.noted_head import note_of
from sla.instants import parse_instant
from sla.records import Client, ClientId
from tests.daemon.hand import Hand
from tests.daemon.ledger.ledgers import closing, opened

AT = parse_instant("2026-03-01T00:00:00Z")


def run(command: object, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])  # type: ignore[arg-type]


def add(path: Path, number: int) -> None:
    client = Client(
        id=ClientId(f"c{number}"), name="C", timezone="UTC", tech_admins=(), recorded_at=AT, recorded_by=""
    )
    with closing(opened(path)) as ledger:
        asyncio.run(ledger.commit(Batch(entries=[Entry(record=client)])))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger of which an older export and its newest one are there."""
    path = tmp_path / "ledger.db"
    for number, name in enumerate(("older", "newest")):
        add(path, number)
        assert run(export, "--ledger", path, "--output", tmp_path / f"{name}.jsonl").exit_code == 0
    return path


def test_from_its_newest_export_it_is_restored_and_goes_on(path: Path, tmp_path: Path) -> None:
    path.unlink()
    assert run(import_, tmp_path / "newest.jsonl", "--ledger", path).exit_code == 0
    with closing(opened(path)) as ledger:
        assert not ledger.lost
    add(path, 2)
    told = run(verify, "--ledger", path)
    assert (told.exit_code, "In this chain is the head noted beside it" in told.stdout) == (0, True)


def test_an_older_export_is_refused_unless_it_is_accepted_which_is_put_on_record(
    path: Path, tmp_path: Path
) -> None:
    before = noted(path)
    assert before is not None
    path.unlink()
    told = run(import_, tmp_path / "older.jsonl", "--ledger", path)
    assert (told.exit_code, path.exists()) == (1, False)
    assert f"does not hold record {before.seq}" in told.stderr
    assert "--accept-older-ledger" in told.stderr
    accepted = run(
        import_, tmp_path / "older.jsonl", "--ledger", path, "--accept-older-ledger", "no other is left"
    )
    assert accepted.exit_code == 0, accepted.stderr
    exported = run(export, "--ledger", path).stdout
    assert "Why that was accepted: no other is left" in exported
    with closing(opened(path)) as ledger:
        assert not ledger.lost


@pytest.mark.parametrize("shown_at", ["1970-01-02T00:00:00Z", "2058-01-01T00:00:00Z"])
def test_what_is_accepted_is_not_dated_by_a_clock_in_doubt(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown_at: str
) -> None:
    path.unlink()
    monkeypatch.setattr("daemon.cli.import_.SystemClock", lambda: Hand(wall=parse_instant(shown_at)))
    older = tmp_path / "older.jsonl"
    assert run(import_, older, "--ledger", path, "--accept-older-ledger", "no other is left").exit_code == 0
    exported = run(export, "--ledger", path).stdout.splitlines()
    (accepted,) = [json.loads(line) for line in exported if "no other is left" in line]
    assert parse_instant(accepted["recorded_at"]) == AT, "that of the newest record"


def test_where_no_ledger_was_any_evidence_begins_one(path: Path, tmp_path: Path) -> None:
    new = tmp_path / "elsewhere.db"
    assert run(import_, tmp_path / "older.jsonl", "--ledger", new).exit_code == 0
    assert noted(new) is not None


def test_a_copy_is_held_against_the_head_noted_beside_it(path: Path) -> None:
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    told = run(verify, "--ledger", copy)
    assert (told.exit_code, "no head seen elsewhere" in told.stdout) == (0, True)
    add(path, 2)
    note_of(copy).write_bytes(note_of(path).read_bytes())
    told = run(verify, "--ledger", copy)
    assert told.exit_code == 1
    assert "sound by itself" in told.stderr


def test_issued_statements_come_back_from_their_files(tmp_path: Path) -> None:
    document = b'{"statement":{"client":"c"}}\n'
    issued = {"kind": "issued", "client": "c", "month": "2026-03", "as_of": "2026-04-02T00:00:00Z"}
    lines = [
        {
            "kind": "client",
            "id": "c",
            "name": "C",
            "timezone": "UTC",
            "tech_admins": [],
            "recorded_at": "2026-01-01T00:00:00Z",
        },
        {**issued, "version": 1, "sha256": sha256(document).hexdigest()},
        {**issued, "version": 2, "sha256": "0" * 64},
    ]
    evidence, folder = tmp_path / "evidence.jsonl", tmp_path / "delivered/c"
    evidence.write_text("".join(json.dumps(line) + "\n" for line in lines))
    folder.mkdir(parents=True)
    (folder / "1.json").write_bytes(document)
    (folder / "other.json").write_bytes(b"{}")
    ledger = tmp_path / "new.db"
    imported = run(import_, evidence, "--ledger", ledger, "--statements", tmp_path / "delivered")
    assert imported.exit_code == 0, imported.output
    assert imported.stderr == f"The bytes of an issued statement are not: c 2026-03 2 (SHA-256 {'0' * 64}).\n"
    told = run(verify, "--ledger", ledger)
    assert "Of what was issued are not here the bytes of c 2026-03 version 2." in told.stdout
