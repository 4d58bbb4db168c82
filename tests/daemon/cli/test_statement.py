"""`slad statement` and `slad import`: the ledger's figures are those of its export, and an export makes a ledger again."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.cli import main

EVIDENCE = """\
{"kind": "client", "id": "c", "name": "Client c", "timezone": "America/Toronto", "tech_admins": ["ann"], "recorded_at": "2026-01-01T00:00:00Z"}
{"kind": "client", "id": "d", "name": "Client d", "timezone": "UTC", "tech_admins": []}
{"kind": "server", "id": "s", "name": "Server s", "client": "c", "solution": null, "in_service_from": "2026-03-01T05:00:00Z", "legs": ["internet"], "ticket": 7}
{"kind": "observation", "observer": "o", "source": "icmp", "server": "s", "leg": "internet", "state": "up", "at": "2026-03-01T05:00:00Z"}
{"kind": "observation", "observer": "o", "source": "icmp", "server": "s", "leg": "internet", "state": "down", "at": "2026-03-10T10:00:00Z", "reason": "no answer"}
{"kind": "observation", "observer": "o", "source": "icmp", "server": "s", "leg": "internet", "state": "up", "at": "2026-03-10T11:00:00Z"}
{"kind": "observed_until", "observer": "o", "source": "icmp", "at": "2026-04-02T00:00:00Z"}
"""


def slad(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    path = tmp_path / "evidence.jsonl"
    path.write_text(EVIDENCE)
    return path


@pytest.fixture
def ledger(tmp_path: Path, evidence: Path) -> Path:
    path = tmp_path / "ledger.db"
    result = slad("import", evidence, "--ledger", path)
    assert result.exit_code == 0, result.output
    return path


def test_the_statement_of_a_ledger_is_that_of_its_evidence(evidence: Path, ledger: Path) -> None:
    asked = ("--month", "2026-03", "--as-of", "2026-04-02T00:00:00Z", "--format", "json")
    from_ledger, from_file = slad("statement", "--ledger", ledger, *asked), slad("evaluate", evidence, *asked)
    assert from_ledger.exit_code == from_file.exit_code == 0
    assert from_ledger.stdout == from_file.stdout
    assert json.loads(from_ledger.stdout)["servers"][0]["down"] == 3600


def test_a_statement_can_be_one_clients(ledger: Path) -> None:
    asked = ("--month", "2026-03", "--as-of", "2026-04-02T00:00:00Z", "--ledger", ledger)
    assert "Server s" in slad("statement", "--client", "c", *asked).stdout
    of_other = slad("statement", "--client", "d", *asked)
    assert of_other.exit_code == 4
    assert "No virtual server was in service with this client in this month." in of_other.stdout
    assert "Server s" not in of_other.stdout
    nobody = slad("statement", "--client", "e", *asked)
    assert nobody.exit_code == 1
    assert 'there is no client "e"' in nobody.stderr


def test_an_export_makes_the_same_ledger_again(tmp_path: Path, ledger: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    assert slad("export", "--ledger", ledger, "--output", first).exit_code == 0
    again = tmp_path / "again.db"
    assert slad("import", first, "--ledger", again).exit_code == 0
    assert slad("export", "--ledger", again, "--output", second).exit_code == 0
    assert slad("verify", second).exit_code == 0
    then, now = ([_plain(line) for line in path.read_text().splitlines()] for path in (first, second))
    assert then == now
    assert any(record.get("ticket") == 7 for record in now)


def _plain(line: str) -> dict[str, object]:
    return {key: value for key, value in json.loads(line).items() if key not in ("salt", "chain", "seq")}


def test_a_bad_line_stops_an_import_before_anything_is_taken(tmp_path: Path, evidence: Path) -> None:
    evidence.write_text(EVIDENCE.replace('"state": "down"', '"state": "broken"'))
    ledger = tmp_path / "ledger.db"
    result = slad("import", evidence, "--ledger", ledger)
    assert result.exit_code == 1
    assert f"{evidence}:5: state:" in result.stderr
    assert not ledger.exists()


def test_evidence_is_not_mixed_into_a_ledger_that_is_there(evidence: Path, ledger: Path) -> None:
    before = ledger.read_bytes()
    result = slad("import", evidence, "--ledger", ledger)
    assert result.exit_code == 1
    assert "is there already" in result.stderr
    assert ledger.read_bytes() == before
