"""`withdraw` and `list` of requests, notices and steps; and what is asked about before it is recorded."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.cli.words import local
from tests.daemon.cli.recording import A_MINUTE_AGO, AN_HOUR_AGO, OPEN, RECORDED, Slad, cells, run
from tests.daemon.harness import WAIT_S

FAR = ("--from", AN_HOUR_AGO, "--until", "2999-01-01T00:00Z", "--client", "acme")


@pytest.mark.parametrize(
    ("group", "record"),
    [
        ("request", (*OPEN, "--by", "ann")),
        ("notice", ("notice", "give", "acme", "shop")),
        ("lifecycle", ("lifecycle", "record", "acme", "shop", "data_requested")),
    ],
)
def test_a_record_is_listed_by_its_id_and_once_withdrawn_only_with_all(
    slad: Slad, group: str, record: tuple[str, ...]
) -> None:
    name = f"w-{group}"
    assert f"as {name}" in slad.done(*record, "--id", name).splitlines()[0]
    made = slad.told(*record)["id"]
    rows = slad.done(group, "list")
    assert cells(rows, name)[:3] == [name, "acme", "shop"]
    assert cells(rows, made)[0] == made
    assert slad.done(group, "withdraw", name, "--why", "a mistake") == f"{name} is withdrawn.\n"
    assert name not in slad.done(group, "list")
    assert cells(slad.done(group, "list", "--all"), name)[-1] == "a mistake"
    told = slad.told(group, "withdraw", made, "--why", "another")
    assert (told["id"], told["why"], told["dry_run"]) == (made, "another", False)
    (key,) = slad.told(group, "list").keys()
    assert made not in {row["id"] for row in slad.told(group, "list")[key]}
    again = slad.run(group, "withdraw", made, "--why", "another")
    assert (again.exit_code, again.stdout) == (1, "")
    assert f"{made} was withdrawn already, at " in again.stderr


def test_a_key_by_hand_withdraws_once(slad: Slad) -> None:
    slad.done("notice", "give", "acme", "shop", "--id", "w-once")
    withdraw = ("notice", "withdraw", "w-once", "--why", "x", "--idempotency-key", "w-once")
    assert slad.told(*withdraw) == slad.told(*withdraw)


def test_what_gives_pause_is_refused_where_nobody_can_be_asked_and_done_with_yes(slad: Slad) -> None:
    before = slad.records()
    result = slad.run("exclusion", "add", "client_system", *FAR, "--id", "w-far")
    assert (result.exit_code, result.stdout) == (1, "")
    question, refusal = result.stderr.splitlines()
    assert question.startswith(f"slad: until, {local('2999-01-01T00:00:00Z')}, is ")
    assert question.endswith(" years ahead")
    assert refusal == "slad: this may be a slip: nothing was done. Where it is meant, say so with --yes"
    assert slad.records() == before
    slad.done("exclusion", "add", "client_system", *FAR, "--id", "w-far", "--yes")
    assert slad.run("exclusion", "withdraw", "w-far", "--why", "x").exit_code == 1
    slad.done("exclusion", "withdraw", "w-far", "--why", "x", "--yes")


def test_a_step_that_turns_a_running_solution_back_is_asked_about(slad: Slad) -> None:
    order = ("lifecycle", "record", "acme", "db", "order_accepted", "--at", A_MINUTE_AGO, "--id", "w-order")
    result = slad.run(*order)
    assert (result.exit_code, result.stdout) == (1, "")
    assert " on: it would be so no more\n" in result.stderr
    assert "w-order" in slad.done(*order, "--yes")
    slad.done("lifecycle", "withdraw", "w-order", "--why", "another server")


@pytest.mark.parametrize(("answer", "records"), [("y\n", 1), ("n\n", 0), ("\x04", 0)])
def test_who_sits_at_a_terminal_is_asked(slad: Slad, answer: str, records: int) -> None:
    before = slad.records()
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    try:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "daemon",
                "exclusion",
                "add",
                "client_system",
                *FAR,
                "--socket",
                slad.socket,
            ],
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 1 - records
    assert "years ahead\nRecord it all the same? [y/N]:" in done.stderr
    assert ("Recorded as ex-" in done.stdout) == bool(records)
    assert slad.records() == before + records * RECORDED


@pytest.mark.parametrize(
    ("day", "exit_code", "told"),
    [
        ("2020-01-01", 2, "--expires 2020-01-01 is over: the token would never hold"),
        ("0001-01-01", 2, "--expires 0001-01-01 is over"),
        ("9999-12-31", 1, "slad: --expires, 9999-12-31 00:00:00+00:00, is 79"),
    ],
)
def test_a_token_that_is_over_is_refused_and_one_that_holds_for_ages_asked_about(
    day: str, exit_code: int, told: str
) -> None:
    result = run("token", "--expires", day)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert told in " ".join(result.stderr.split())
    confirmed = run("token", "--expires", day, "--yes")
    assert confirmed.exit_code == (exit_code if exit_code == 2 else 0)
    assert (f"expires = {day}" in confirmed.stdout) == (exit_code == 1)


@pytest.mark.parametrize("month", ["9999-12", "3000-01", "0001-01", "1969-12"])
def test_a_month_that_nobody_can_mean_is_refused(month: str, tmp_path: Path) -> None:
    (tmp_path / "evidence.jsonl").touch()
    for command in (("evaluate", str(tmp_path / "evidence.jsonl")), ("statement",)):
        result = run(*command, "--month", month)
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"{month} lies outside of the years 1970 to 2999" in result.stderr
