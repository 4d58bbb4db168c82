"""The commands that a statement prints give the hash that it prints, of an export that went on since, in any shell."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.cli.issuing import MONTH, Issuer, imported, issuer, october
from tests.daemon.cli.pasting import pasted, said
from tests.daemon.cli.recording import run
from tests.sla.stories import says

NAME = "Nord's “Höst” \\n 100 % $(false)"
ADDRESS = '1 Main "St"\', #[x]'
PROVIDER = f"""[provider]
name = '''{NAME}'''
address = ['''{ADDRESS}''', "Toronto\\u00adON"]"""
OF_ACME = ("acme", "--month", MONTH)


@pytest.fixture
def issuing(tmp_path: Path) -> Iterator[Issuer]:
    """With an outage that goes on."""
    imported(tmp_path, [*october()[:-1], says("down", "2026-10-30T10:00:00Z", server="t"), october()[-1]])
    with issuer(tmp_path, provider=PROVIDER) as running:
        yield running


@pytest.mark.parametrize("whose", [(), ("--client", "acme")])
def test_what_was_issued_is_recomputed_from_a_later_export(
    issuing: Issuer, tmp_path: Path, whose: tuple[str, ...]
) -> None:
    folder = tmp_path / "client's own"
    folder.mkdir()
    issuing.issued()
    issuing.corrected()
    issuing.issued()
    now = issuing.done("statement", "--month", MONTH, "--client", "acme")
    issuing.corrected("x2", "--from", "2026-10-10T10:30Z", "--until", "2026-10-10T10:40Z")
    issuing.done("export", *whose, "--output", str(folder / "evidence.jsonl"))
    versions = [issuing.done("statement", "show", *OF_ACME, "--version", version) for version in "12"]
    for text in (*versions, now):
        printed = pasted(folder, said(text, "Its letterhead"), said(text, "Recompute it"))
        assert printed.split() == [said(text, "SHA-256 of the JSON document"), "-"]


def test_a_version_is_that_of_one_clients_statement(tmp_path: Path) -> None:
    (tmp_path / "evidence.jsonl").write_text("")
    ended = run("evaluate", str(tmp_path / "evidence.jsonl"), "--month", MONTH, "--version", "1")
    assert ended.exit_code == 2
    assert "say --client" in ended.stderr
