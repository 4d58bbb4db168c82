"""`slad statement` and `slad evaluate` in every format: where it goes, what it is refused for, by which status they end."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from tests.daemon.cli.test_statement import EVIDENCE, slad
from tests.daemon.config.pictures import PNG

ASKED = ("--month", "2026-03", "--as-of", "2026-04-02T00:00:00Z", "--client", "c")
FORMATS = ("text", "json", "html", "pdf", "csv")


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    path = tmp_path / "evidence.jsonl"
    path.write_text(EVIDENCE)
    return path


@pytest.fixture
def ledger(tmp_path: Path, evidence: Path) -> Path:
    path = tmp_path / "ledger.db"
    assert slad("import", evidence, "--ledger", path).exit_code == 0
    return path


@pytest.fixture
def letterhead(tmp_path: Path) -> Path:
    (tmp_path / "logo.png").write_bytes(PNG)
    path = tmp_path / "provider.toml"
    path.write_text(
        '[provider]\nname = "Nordhost"\naddress = ["1 Main"]\nlogo = "logo.png"\nlanguage = "fr_CA"\n'
    )
    return path


def made(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("layout", FORMATS)
def test_the_statement_of_a_ledger_is_that_of_its_export(
    tmp_path: Path,
    ledger: Path,
    letterhead: Path,
    layout: str,
) -> None:
    export, one, other = tmp_path / "export.jsonl", tmp_path / "one", tmp_path / "other"
    assert slad("export", "--ledger", ledger, "--output", export).exit_code == 0
    asked = (*ASKED, "--format", layout, "--letterhead", letterhead)
    from_ledger = slad("statement", "--ledger", ledger, *asked, "--output", one)
    from_export = slad("evaluate", export, "--verify", *asked, "--output", other)
    assert from_ledger.exit_code == from_export.exit_code == 0, from_ledger.output + from_export.output
    if layout == "csv":
        assert made(one) == made(other)
        assert set(made(one)) == {"servers.csv", "outages.csv"}
    else:
        assert one.read_bytes() == other.read_bytes()
        assert stat.S_IMODE(one.stat().st_mode) & 0o600 == 0o600
        printed = slad("evaluate", export, "--verify", *asked)
        assert printed.stdout_bytes == one.read_bytes()


def test_a_clients_own_export_gives_its_statement_byte_for_byte(tmp_path: Path, evidence: Path) -> None:
    """Of what is recorded today, without causes: an export of one client holds none."""
    evidence.write_text(
        EVIDENCE.replace(', "ticket": 7', "").replace('"no answer"', '"too few targets answer"')
    )
    whole, own, ledger = tmp_path / "whole.jsonl", tmp_path / "own.jsonl", tmp_path / "ledger.db"
    assert slad("import", evidence, "--ledger", ledger).exit_code == 0
    assert slad("export", "--ledger", ledger, "--output", whole).exit_code == 0
    assert slad("export", "--ledger", ledger, "--client", "c", "--output", own).exit_code == 0
    asked = (*ASKED, "--verify", "--format", "json")
    of_whole, of_own = slad("evaluate", whole, *asked), slad("evaluate", own, *asked)
    assert of_own.exit_code == 0, of_own.output
    assert of_own.stdout == of_whole.stdout
    assert json.loads(of_own.stdout)["outages"][0]["reasons"] == ["too few targets answer"]
    assert '"omitted"' in own.read_text()


def test_a_statement_names_the_head_only_where_it_was_held_against_one(tmp_path: Path, ledger: Path) -> None:
    export = tmp_path / "export.jsonl"
    slad("export", "--ledger", ledger, "--output", export)
    plain = json.loads(slad("evaluate", export, *ASKED, "--format", "json").stdout)
    proved = json.loads(slad("evaluate", export, *ASKED, "--format", "json", "--verify").stdout)
    head = json.loads(slad("verify", export, "--format", "json").stdout)["head"]
    assert plain["statement"]["ledgers"] == []
    assert proved["statement"]["ledgers"] == [{"ledger": "", "seq": head["seq"], "head": head["sha256"]}]


def test_without_a_client_it_is_what_is_said_of_all(evidence: Path) -> None:
    asked = ASKED[:4]
    said = json.loads(slad("evaluate", evidence, *asked, "--format", "json").stdout)
    assert list(said) == ["month", "as_of", "servers", "solutions", "service_requests", "deadlines"]
    text = slad("evaluate", evidence, *asked).stdout
    assert "Client c (c)" in text
    for layout in ("html", "pdf", "csv"):
        refused = slad("evaluate", evidence, *asked, "--format", layout, "--output", "x")
        assert refused.exit_code == 2
        assert f"--format {layout} is of one client: say --client" in refused.stderr


def test_the_language_is_the_letterheads_unless_another_is_asked_for(
    evidence: Path, letterhead: Path
) -> None:
    asked = (*ASKED, "--letterhead", letterhead)
    assert "Relevé de service, mars 2026" in slad("evaluate", evidence, *asked).stdout
    assert "Statement of service, March 2026" in slad("evaluate", evidence, *asked, "--language", "en").stdout


def test_a_bad_letterhead_is_told_and_nothing_is_made(tmp_path: Path, evidence: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('[provider]\nlogo = "evidence.jsonl"\n')
    result = slad("evaluate", evidence, *ASKED, "--letterhead", bad)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "provider.logo" in result.stderr
    assert "is no picture" in result.stderr


@pytest.mark.parametrize("layout", FORMATS)
def test_an_output_that_cannot_be_written_is_told_and_nothing_is_half_done(
    tmp_path: Path,
    evidence: Path,
    layout: str,
) -> None:
    for place in (tmp_path / "no" / "such" / "place", evidence / "x"):
        result = slad("evaluate", evidence, *ASKED, "--format", layout, "--output", place)
        assert result.exit_code == 1
        assert str(place) in result.stderr
    assert set(made(tmp_path)) == {"evidence.jsonl"}


def test_of_two_files_none_is_written_where_one_cannot_be(tmp_path: Path, evidence: Path) -> None:
    folder = tmp_path / "sheets"
    folder.mkdir()
    (folder / "outages.csv").mkdir()
    result = slad("evaluate", evidence, *ASKED, "--format", "csv", "--output", folder)
    assert result.exit_code == 1
    assert [path.name for path in folder.iterdir()] == ["outages.csv"]
    assert f"{folder / 'outages.csv'}: is a folder" in result.stderr


def test_a_place_of_another_kind_is_told_as_what_it_is(tmp_path: Path, evidence: Path) -> None:
    for layout, place, said in (("csv", evidence, "is no folder"), ("html", tmp_path, "is a folder")):
        result = slad("evaluate", evidence, *ASKED, "--format", layout, "--output", place)
        assert result.exit_code == 1
        assert f"{place}: {said}" in result.stderr
        assert "name another place" in result.stderr


def test_a_file_that_is_there_is_replaced_whole(tmp_path: Path, evidence: Path) -> None:
    place = tmp_path / "statement.html"
    place.write_text("old")
    other = tmp_path / "kept"
    os.link(place, other)
    assert slad("evaluate", evidence, *ASKED, "--format", "html", "--output", place).exit_code == 0
    assert place.read_text().startswith("<!doctype html>")
    assert other.read_text() == "old"


def test_a_link_stays_one(tmp_path: Path, evidence: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "link.html"
    link.symlink_to(tmp_path / "far" / "statement.html")
    assert slad("evaluate", evidence, *ASKED, "--format", "html", "--output", link).exit_code == 0
    assert link.is_symlink()
    assert set(made(tmp_path / "far")) == {"statement.html"}


def test_a_device_is_written_to(evidence: Path) -> None:
    result = slad("evaluate", evidence, *ASKED, "--format", "html", "--output", "/dev/null")
    assert result.exit_code == 0, result.stderr
    assert not Path("/dev/null").is_file()


def test_a_dash_is_stdout(evidence: Path) -> None:
    dashed = slad("evaluate", evidence, *ASKED, "--output", "-")
    assert dashed.stdout == slad("evaluate", evidence, *ASKED).stdout
    assert not Path("-").exists()


def test_a_month_of_which_no_client_has_a_statement_is_told(evidence: Path) -> None:
    result = slad("evaluate", evidence, "--month", "2026-05")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no client has a statement of 2026-05 as known at 2026-04-02T00:00:00Z" in result.stderr


def test_a_pdf_is_refused_on_a_terminal_and_csv_on_stdout(
    evidence: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = slad("evaluate", evidence, *ASKED, "--format", "csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "say --output FOLDER" in result.stderr
    monkeypatch.setattr("daemon.cli.layouts.is_watched", lambda: True)
    result = slad("evaluate", evidence, *ASKED, "--format", "pdf")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "a PDF is nothing for a terminal" in result.stderr


def test_a_pdf_without_typst_says_what_to_install(evidence: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    result = slad("evaluate", evidence, *ASKED, "--format", "pdf", "--output", evidence.parent / "x.pdf")
    assert result.exit_code == 1
    assert "slad[report]" in result.stderr
    assert not (evidence.parent / "x.pdf").exists()


@pytest.mark.parametrize("layout", FORMATS)
def test_a_month_without_service_is_made_and_ends_with_4(tmp_path: Path, evidence: Path, layout: str) -> None:
    asked = ("--month", "2026-02", "--client", "c", "--format", layout, "--output", tmp_path / "made")
    result = slad("evaluate", evidence, *asked)
    assert result.exit_code == 4, result.output
    assert (tmp_path / "made").exists()


def test_a_month_to_come_and_one_that_never_was_are_refused(evidence: Path) -> None:
    to_come = slad("evaluate", evidence, "--month", "2026-05", "--client", "c")
    assert (to_come.exit_code, to_come.stdout) == (1, "")
    assert "2026-05 has not begun" in to_come.stderr
    never = slad("evaluate", evidence, "--month", "2026-13", "--client", "c")
    assert never.exit_code == 2
    assert "is no month" in never.stderr


def test_a_month_that_is_not_over_is_provisional(evidence: Path) -> None:
    asked = ("--month", "2026-03", "--as-of", "2026-03-15T00:00:00Z", "--client", "c")
    assert "provisional: the month is not over" in slad("evaluate", evidence, *asked).stdout


def test_a_client_is_called_as_the_daemon_takes_names(evidence: Path) -> None:
    known = slad("evaluate", evidence, *ASKED)
    asked = [each.upper() if each == "c" else each for each in ASKED]
    assert asked != list(ASKED)
    assert slad("evaluate", evidence, *asked).stdout == known.stdout
    other = slad("evaluate", evidence, *ASKED[:2], "--client", "cc")
    assert (other.exit_code, other.stdout) == (1, "")
    assert 'there is no client "cc": did you mean "c"?' in other.stderr
