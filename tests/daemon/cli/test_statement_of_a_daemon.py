"""`slad statement` asks the running daemon: its document is that of the export, on the socket as on TCP."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.daemon.cli.recording import READER, Slad, run


@pytest.fixture
def remote(slad: Slad, tmp_path: Path) -> Callable[..., Result]:
    """A command of somebody with a token to read, on TCP."""
    token = tmp_path / "token"
    token.write_text(READER.token + "\n")

    def remote(*arguments: str) -> Result:
        door = ("--url", slad.url, "--token-file", str(token), "--ca-file", str(slad.folder / "ca.pem"))
        return run(*arguments, *door)

    return remote


def without_ledgers(document: str) -> Any:
    said = json.loads(document)
    said["statement"].pop("ledgers")
    return said


def test_the_daemons_document_is_that_of_its_export(slad: Slad, tmp_path: Path) -> None:
    """But for the head: an export puts the watermarks on record, and so has a later one. What is settled stays as it is."""
    as_of = slad.told("status")["settled_at"]
    asked = ("--month", slad.month, "--client", "acme", "--as-of", as_of, "--format", "json")
    told = slad.done("statement", *asked)
    export = tmp_path / "export.jsonl"
    slad.done("export", "--output", str(export))
    evaluated = run("evaluate", str(export), "--verify", *asked)
    assert evaluated.exit_code == 0, evaluated.output
    assert without_ledgers(told) == without_ledgers(evaluated.stdout)
    (ledger,) = json.loads(told)["statement"]["ledgers"]
    verified = run("verify", str(export), "--head", ledger["head"])
    assert f"The head given is that of record {ledger['seq']}." in verified.stdout
    assert json.loads(told)["summary"]["servers"] > 5


@pytest.mark.parametrize("layout", ["text", "html", "json"])
def test_a_statement_is_printed(slad: Slad, layout: str) -> None:
    said = slad.done("statement", "--month", slad.month, "--client", "acme", "--format", layout)
    assert "ACME" in said


def test_every_command_that_only_asks_works_on_tcp(
    slad: Slad, remote: Callable[..., Result], tmp_path: Path
) -> None:
    as_of = slad.told("status")["settled_at"]
    asked = ("--month", slad.month, "--client", "acme", "--as-of", as_of, "--format", "json")
    statement = remote("statement", *asked)
    assert statement.exit_code == 0, statement.output
    assert without_ledgers(statement.stdout) == without_ledgers(slad.done("statement", *asked))
    of_all = remote("statement", "--month", slad.month, "--format", "json")
    assert json.loads(of_all.stdout)["month"] == slad.month
    export = tmp_path / "export.jsonl"
    assert remote("export", "--output", str(export)).exit_code == 0
    assert run("verify", str(export)).exit_code == 0
    verified = remote("verify")
    assert verified.exit_code == 0, verified.output
    assert "In this chain is the head that the daemon acknowledged" in verified.stdout


def test_of_nobody_and_of_a_month_to_come_the_daemon_has_none(slad: Slad) -> None:
    nobody = slad.run("statement", "--month", slad.month, "--client", "nobody")
    assert (nobody.exit_code, nobody.stdout) == (1, "")
    assert 'there is no client "nobody"' in nobody.stderr
    to_come = slad.run("statement", "--month", "2090-01", "--client", "acme")
    assert to_come.exit_code == 1
    assert "2090-01 has not begun" in to_come.stderr
    before = slad.run("statement", "--month", "2020-01", "--client", "acme")
    assert before.exit_code == 4
    assert "No virtual server was in service" in before.stdout
    of_nobody = slad.run(
        "statement", "--month", slad.month, "--client", "acme", door=slad.folder / "none.sock"
    )
    assert of_nobody.exit_code == 3


def test_the_letterhead_is_in_place_of_the_daemons(slad: Slad, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(
        '[provider]\nname = "Südhost"\naddress = ["2 Side"]\nlanguage = "fr"\n'
    )
    other = ("--letterhead", str(tmp_path / "other.toml"))
    as_of = slad.told("status")["settled_at"]
    asked = ("--month", slad.month, "--client", "acme", "--as-of", as_of)
    own, changed = (slad.done("statement", *asked, "--format", "json", *more) for more in ((), other))
    before = json.dumps(json.loads(own)["statement"]["provider"], ensure_ascii=False)
    after = '{"name": "Südhost", "address": ["2 Side"]}'
    assert without_ledgers(changed) == without_ledgers(
        own.replace(f'"provider": {before}', f'"provider": {after}')
    )
    text = slad.done("statement", *asked, *other)
    assert text.startswith("Südhost\n2 Side\n")
