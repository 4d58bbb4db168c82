"""What may not be recorded, and what the commands say of it."""

import re
from pathlib import Path

import pytest

from tests.daemon.cli.recording import (
    ADD,
    AN_HOUR_AGO,
    ANNOUNCE,
    CLIENTS,
    NEXT_MARCH,
    OPEN,
    TOMORROW,
    Slad,
    run,
)
from tests.daemon.harness import write_config


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*ANNOUNCE, "--server", "nobody"), 'servers[1]: there is no server "nobody"'),
        ((*ANNOUNCE, "--server", "twin"), 'servers[1]: 2 servers are called "twin": name one by its id'),
        ((*ANNOUNCE, "--client", "acmee"), 'clients[1]: there is no client "acmee": did you mean "acme"?'),
        ((*ANNOUNCE, "--solution", "shpo"), 'solutions[1]: there is no solution "shpo"'),
        ((*ANNOUNCE[:2], "--from", TOMORROW, "--duration", "32d", "--all"), "--duration: "),
        (
            (
                *ANNOUNCE[:2],
                *("--every", "sun 23:00", "--count", "2", "--timezone", "UTC", "--all", "--duration", "8d"),
            ),
            "--duration: must be at most 604800 (7d)",
        ),
        ((*ANNOUNCE, "--all", "--announced-at", TOMORROW), "announced_at: is in the future"),
        ((*ANNOUNCE, "--all", "--id", "a b"), "id: is no id"),
        ((*ANNOUNCE, "--all", "--reference", "x" * 300_000), "the body is too large"),
        (
            ("maintenance", "announce", "--from", TOMORROW, "--until", AN_HOUR_AGO, "--all"),
            "until: must be after from",
        ),
        (
            ("maintenance", "announce", "--from", "2025-01-01T00:00Z", *NEXT_MARCH[2:], "--all"),
            "until: is more",
        ),
        (
            ("maintenance", "withdraw", "nothing", "--why", "x"),
            'id: there is no maintenance window "nothing"',
        ),
        (("maintenance", "withdraw", "a/b", "--why", "x"), 'id: there is no maintenance window "a/b"'),
        (("maintenance", "withdraw", "mw", "--why", ""), "why: "),
        ((*ADD, "--until", AN_HOUR_AGO, "--all"), "until: must be after from"),
        ((*ADD, "--open", "--all", "--announced-at", TOMORROW), "announced_at: is in the future"),
        ((*ADD, "--open", "--client", "x"), 'clients[1]: there is no client "x"'),
        (("exclusion", "end", "nothing"), 'id: there is no exclusion "nothing"'),
        (("exclusion", "withdraw", "nothing", "--why", "x"), 'id: there is no exclusion "nothing"'),
        (
            (*OPEN, "--by", "eve"),
            "--by: 'eve' may not open a request: the tech admins are 'ann' and 'bob'",
        ),
        ((*OPEN, "--by", "ann", "--at", TOMORROW), "--at: is in the future"),
        (("request", "respond", "nothing"), 'id: there is no service request "nothing"'),
        (("request", "close", "nothing"), 'id: there is no service request "nothing"'),
        (("notice", "give", "x", "shop"), 'client: there is no client "x"'),
        (("notice", "give", "acme", "shop", "--at", TOMORROW), "--at: is in the future"),
        (("lifecycle", "record", "x", "shop", "activated"), 'client: there is no client "x"'),
        (("lifecycle", "record", "acme", "shop", "activated", "--at", TOMORROW), "at: is in the future"),
        (("client", "show", "x"), 'client: there is no client "x"'),
    ],
)
def test_what_may_not_be_recorded_is_refused_with_the_field(
    slad: Slad, arguments: tuple[str, ...], message: str
) -> None:
    before = slad.records()
    for form in ("text", "json"):
        result = slad.run(*arguments, "--format", form)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"slad: {message}" in result.stderr or message in result.stderr.splitlines()[0]
    assert slad.records() == before


def test_all_that_is_wrong_is_told_at_once(slad: Slad) -> None:
    result = slad.run(*ANNOUNCE, "--server", "x", "--client", "y")
    assert [line.split(":")[1].strip() for line in result.stderr.splitlines()] == ["servers[1]", "clients[1]"]


def test_what_is_over_cannot_be_ended_again(slad: Slad) -> None:
    slad.done(
        "exclusion", "add", "force_majeure", "--from", AN_HOUR_AGO, "--open", "--all", "--id", "ex-twice"
    )
    slad.done("exclusion", "end", "ex-twice")
    slad.done(*ANNOUNCE, "--all", "--id", "mw-twice")
    slad.done("maintenance", "withdraw", "mw-twice", "--why", "x")
    slad.done(*OPEN, "--by", "ann", "--id", "T-30")
    slad.done("request", "close", "T-30")
    before = slad.records()
    for arguments, message in (
        (("exclusion", "end", "ex-twice"), "exclusion ex-twice was ended at "),
        (("maintenance", "withdraw", "mw-twice", "--why", "x"), "mw-twice was withdrawn already, at "),
        (("request", "close", "T-30"), "T-30 was closed already, at "),
        ((*OPEN, "--by", "ann", "--id", "T-30"), "id: T-30 is taken"),
    ):
        result = slad.run(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert message in result.stderr
    assert slad.records() == before


def test_a_third_tech_admin_is_refused_where_tech_admins_are_named(slad: Slad, tmp_path: Path) -> None:
    three = CLIENTS.replace('["ann", "bob"]', '["ann", "bob", "eve"]')
    config = write_config(tmp_path, slad.vcenter, client=three)
    result = run("check-config", "--config", str(config))
    assert result.exit_code == 1
    assert re.search(r"slad\.toml:\d+: client\.acme\.tech_admins: ", result.output)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*ANNOUNCE,), "say whom it concerns"),
        ((*ANNOUNCE, "--all", "--client", "acme"), "--all means everybody"),
        ((*ANNOUNCE[:4], "--all"), "a window needs its end: --until"),
        (("maintenance", "announce", "--all"), "a window needs its beginning: --from"),
        (("maintenance", "announce", "--from", "2090-03-01T12:00"), "is no instant with a zone"),
        (("maintenance", "announce", "--from", "tomorrow"), "is no instant with a zone"),
        (("maintenance", "withdraw", "x"), "Missing option '--why'"),
        (
            ("exclusion", "add", "vandalism"),
            "is not one of 'force_majeure', 'client_change', 'client_system'",
        ),
        ((*ADD, "--all"), "--until, or --open"),
        ((*ADD, "--all", "--open", "--until", TOMORROW), "--until, or --open"),
        ((*OPEN[:-1], "fax", "--by", "ann"), "is not one of 'phone', 'email', 'portal'"),
        (("lifecycle", "record", "acme", "shop", "sold"), "is not one of 'order_accepted', 'provisioned'"),
        (("notice", "give", "acme", "shop", "--idempotency-key", " x"), "a key has 1 to 200 printable"),
        (("notice", "give", "acme", "shop", "--idempotency-key", "x" * 201), "a key has 1 to 200 printable"),
        (("client", "list", "--url", "https://127.0.0.1:1"), "--socket and --url are two doors"),
    ],
)
def test_wrong_usage_exits_with_2(slad: Slad, arguments: tuple[str, ...], message: str) -> None:
    before = slad.records()
    result = slad.run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in " ".join(result.stderr.split())
    assert slad.records() == before


def test_without_a_daemon_commands_exit_with_3_and_name_the_socket(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "none.sock")
    for arguments in (
        (*ANNOUNCE, "--all"),
        (*ANNOUNCE, "--all", "--dry-run"),
        ("maintenance", "list"),
        (*ADD, "--open", "--all"),
        ("exclusion", "end", "x"),
        (*OPEN, "--by", "ann"),
        ("notice", "give", "acme", "shop"),
        ("lifecycle", "record", "acme", "shop", "activated"),
        ("client", "show", "acme"),
    ):
        result = run(*arguments, "--socket", nowhere)
        assert (result.exit_code, result.stdout) == (3, "")
        assert (
            result.stderr == f"slad: slad does not run, or has another door: nobody answers at {nowhere};"
            " start it, or name its door: --socket, or --url (slad --help)\n"
        )
