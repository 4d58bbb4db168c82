"""`slad statement issue|list|show|diff|verify` on a daemon and its ledger: what was issued stays as it was."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from daemon.cli.words import local
from daemon.statements import clerk, delivering
from tests.daemon.cli.issuing import DOWN_S, MONTH, Issuer, imported, issuer, october
from tests.daemon.cli.recording import cells, run
from tests.sla.stories import exclusion
from tests.waiting import wait_until

OF_ACME = ("acme", "--month", MONTH)


@pytest.fixture
def issuing(tmp_path: Path) -> Iterator[Issuer]:
    with issuer(tmp_path) as running:
        yield running


def shown(issuing: Issuer, *more: str) -> bytes:
    return issuing.done("statement", "show", *OF_ACME, "--format", "json", *more).encode()


def test_a_statement_is_issued_once_and_again_where_a_figure_differs(issuing: Issuer) -> None:
    tried = issuing.issued("--dry-run")
    assert (tried["version"], tried["dry_run"], tried["seq"]) == (1, True, None)
    assert issuing.told("statement", "list") == {"statements": []}

    first = issuing.issued()
    assert (first["version"], first["corrects"], first["issued"]) == (1, None, True)
    document = shown(issuing)
    assert sha256(document).hexdigest() == first["sha256"]
    assert json.loads(document)["statement"]["version"] == 1
    assert sum(row["down"] for row in json.loads(document)["servers"]) == DOWN_S

    again = issuing.issued()
    assert (again["version"], again["issued"], again["seq"]) == (1, False, None)
    said = issuing.done("statement", "issue", *OF_ACME)
    assert "acme 2026-10 version 1: nothing changed since it was issued" in said

    issuing.corrected()
    second = issuing.issued()
    assert (second["version"], second["corrects"]) == (2, 1)
    assert shown(issuing, "--version", "1") == document
    text = issuing.done("statement", "show", *OF_ACME)
    assert "2, corrects version 1" in text
    rows = issuing.told("statement", "list", "acme")["statements"]
    assert [(row["version"], row["is_newest"]) for row in rows] == [(1, False), (2, True)]
    assert rows[0]["issued_by"].startswith("uid:")
    assert issuing.told("statement", "list", "beta", "--month", MONTH) == {"statements": []}


def test_the_difference_names_each_figure_and_the_records_that_made_it(issuing: Issuer) -> None:
    issuing.issued()
    assert issuing.told("statement", "diff", *OF_ACME)["figures"] == []
    issuing.corrected()
    so_far = issuing.told("statement", "diff", *OF_ACME)
    assert so_far["difference"]["after"]["version"] is None
    issuing.issued()
    answer = issuing.told("statement", "diff", *OF_ACME, "--version", "2")
    assert answer["figures"] == so_far["figures"]
    changed = {
        (row["part"], row["of"], row["figure"]): (row["before"], row["after"]) for row in answer["figures"]
    }
    assert changed["servers", "s", "down"] == (DOWN_S, DOWN_S / 2)
    assert changed["servers", "t", "excluded"] == (0, DOWN_S / 2)
    assert changed["exclusions", "x1", "category"] == (None, "force_majeure")
    assert [row["kind"] for row in answer["records"]] == ["exclusion"]
    (seq,) = (row["seq"] for row in answer["records"])
    lines = issuing.done("export").splitlines()
    assert json.loads(lines[seq - 1])["id"] == "x1"
    text = issuing.done("statement", "diff", *OF_ACME, "--version", "2")
    assert cells(text, "exclusion   ") == ["exclusion", "1", str(seq)]
    assert re.search(r"\d+ figures differ, of 2 servers, 1 outage, 1 exclusion, 2 interruptions\n", text)


def test_people_read_a_difference_by_names_and_in_the_words_of_a_statement(issuing: Issuer) -> None:
    issuing.issued()
    issuing.corrected()
    text = issuing.done("statement", "diff", *OF_ACME)
    assert "as known at 2026-11-20 07:" in text
    of_web = text.partition("\nserver web ")[2].partition("\nserver db  ")[0]
    assert re.search(r"^ +down +1h +30m *$", of_web, re.MULTILINE)
    assert re.search(r"^ +days, 2026-10-10, down +1h +30m *$", of_web, re.MULTILINE)
    assert re.search(r"^ +availability +99\.8655 % +99\.9327 % *$", of_web, re.MULTILINE)
    assert re.search(r"^outage of web from 2026-10-10 06:00:00-04:00  .*down ", text, re.MULTILINE)
    assert re.search(r"^ +excluded by, x1 +none +30m *$", text, re.MULTILINE)
    assert re.search(r"^ +from +none +2026-10-10 06:00:00-04:00 *$", text, re.MULTILINE)
    assert not re.search(r"\dZ\b|\d\.\d{5}", text)


def test_what_was_issued_is_verified_from_its_bytes_and_from_the_evidence_of_then(issuing: Issuer) -> None:
    first = issuing.issued()
    issuing.corrected()
    issuing.issued()
    for version in ("1", "2"):
        told = issuing.run("statement", "verify", *OF_ACME, "--version", version, "--format", "json")
        assert (told.exit_code, json.loads(told.stdout)["sound"]) == (0, True), told.output
    assert first["sha256"] in issuing.run("statement", "verify", *OF_ACME, "--version", "1").stdout


def test_evidence_that_does_not_give_the_bytes_of_a_statement_is_told(
    issuing: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as that of time zones, which are no part of it."""
    issuing.issued()
    monkeypatch.setattr("sla.client_document.client_document", lambda *_: "other bytes")
    monkeypatch.setattr("daemon.cli.issued.time_zone_release", lambda: "2099z")
    ended = issuing.run("statement", "verify", *OF_ACME)
    assert ended.exit_code == 1
    assert "gives other bytes" in ended.stderr
    assert "and these are 2099z" in ended.stderr


def test_a_byte_that_was_changed_or_lost_shows(tmp_path: Path) -> None:
    with issuer(tmp_path) as issuing:
        issuing.issued()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db:
        db.execute("UPDATE document SET content = x'00'")
        db.commit()
    assert run("verify", "--ledger", str(tmp_path / "ledger.db")).exit_code == 1
    with issuer(tmp_path) as issuing:
        for command in ("show", "verify", "diff"):
            ended = issuing.run("statement", command, *OF_ACME)
            assert ended.exit_code == 3, ended.output
            assert "was changed" in ended.stderr
        assert issuing.issued()["version"] == 2, "nothing can be compared with it"
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db:
        db.execute("DELETE FROM document")
        db.commit()
    with issuer(tmp_path) as issuing:
        ended = issuing.run("statement", "show", *OF_ACME)
        assert ended.exit_code == 1
        assert "are not in this ledger" in ended.stderr


def test_where_its_bytes_are_gone_evidence_alone_makes_another_version(tmp_path: Path) -> None:
    """As after a restore without the files of what was issued: nobody is to get a correction that corrects nothing."""
    with issuer(tmp_path) as issuing:
        issuing.issued()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db:
        db.execute("DELETE FROM document")
        db.commit()
    with issuer(tmp_path) as issuing:
        again = issuing.issued()
        assert (again["issued"], again["version"]) == (False, 1)
        issuing.corrected()
        assert issuing.issued()["version"] == 2


def test_it_is_there_after_a_restart_and_under_its_key(tmp_path: Path) -> None:
    with issuer(tmp_path) as issuing:
        first = issuing.issued("--idempotency-key", "once")
        document = shown(issuing)
        issuing.corrected()
    with issuer(tmp_path) as issuing:
        assert issuing.issued("--idempotency-key", "once") == first
        assert shown(issuing) == document
        assert issuing.issued()["version"] == 2
        exported = issuing.done("export", "--client", "acme").splitlines()
        assert [json.loads(line)["version"] for line in exported if '"kind":"issued"' in line] == [1, 2]
        assert '"kind":"issued"' not in issuing.done("export", "--client", "beta")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody", "--month", MONTH), 'there is no client "nobody"'),
        (("acme", "--month", "2027-01"), f"2027-01 is not over: it ends at {local('2027-02-01T05:00:00Z')}"),
        (("quiet", "--month", MONTH), 'no server was in service with client "quiet" in 2026-10'),
        (("beta", "--month", MONTH), 'no server was in service with client "beta" in 2026-10'),
    ],
)
def test_what_cannot_be_issued_is_refused(issuing: Issuer, arguments: tuple[str, ...], said: str) -> None:
    ended = issuing.run("statement", "issue", *arguments)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert said in ended.stderr
    assert issuing.told("statement", "list") == {"statements": []}


def test_of_all_clients_those_are_issued_that_had_a_server(issuing: Issuer) -> None:
    answer = issuing.told("statement", "issue", "--all", "--month", MONTH)
    assert [(row["client"], row["version"]) for row in answer["statements"]] == [("acme", 1)]
    assert answer["refused"] == []
    refused = issuing.run("statement", "issue", "--all", "--month", "2027-01")
    assert refused.exit_code == 1
    assert "is not over" in refused.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "acme", "--month", MONTH),
        ("diff", "acme", "--month", MONTH),
        ("verify", "acme", "--month", MONTH, "--version", "3"),
    ],
)
def test_of_what_is_not_issued_there_is_nothing(issuing: Issuer, arguments: tuple[str, ...]) -> None:
    ended = issuing.run("statement", *arguments)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert 'the statement of client "acme" of 2026-10 is not issued' in ended.stderr


def test_the_first_version_has_none_before_it(issuing: Issuer) -> None:
    issuing.issued()
    ended = issuing.run("statement", "diff", *OF_ACME, "--version", "1")
    assert "version 1 is the first: there is none before it" in ended.stderr
    assert "has no version 7" in issuing.run("statement", "show", *OF_ACME, "--version", "7").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("issue", "--month", MONTH),
        ("issue", "acme", "--all", "--month", MONTH),
        ("issue", "acme"),
        (),
        ("--month", MONTH, "list"),
    ],
)
def test_a_wrong_command_line_is_told(issuing: Issuer, arguments: tuple[str, ...]) -> None:
    assert run("statement", *arguments).exit_code == 2


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"no JSON", b'{"statement": {}}', b'{"statement": 7, "summary": []}']
)
def test_what_another_tool_issued_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """Its bytes come with `slad import --statements`."""
    monkeypatch.setattr(clerk, "LOOK_S", 0.02)
    monkeypatch.setattr(delivering, "LOOK_S", 0.02)
    as_of = "2026-11-10T00:00:00Z"
    foreign = {
        "kind": "issued",
        "client": "acme",
        "month": MONTH,
        "as_of": as_of,
        "version": 1,
        "recorded_at": as_of,
    }
    late = exclusion(
        "x",
        "force_majeure",
        "2026-10-10T10:00:00Z",
        "2026-10-10T10:30:00Z",
        recorded_at="2026-11-11T00:00:00Z",
    )
    folder = tmp_path / "delivered"
    folder.mkdir()
    (folder / "1.json").write_bytes(content)
    imported(
        tmp_path,
        [*october(), {**foreign, "sha256": sha256(content).hexdigest()}, late],
        "--statements",
        str(folder),
    )
    with issuer(tmp_path, statements=f'[statements]\nfolder = "{folder}"') as issuing:
        wait_until(lambda: issuing.told("status")["undelivered"] or None, "the delivery is tried")
        assert "cannot be laid out" in issuing.told("status")["undelivered"][0]["why"]
        assert "slad did not make it" in issuing.run("statement", "diff", *OF_ACME).stderr
        assert issuing.issued()["version"] == 2
        wait_until((folder / "acme" / f"{MONTH}-v2").exists, "it is delivered")
