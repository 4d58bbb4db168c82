"""A server that is sold alone is a solution, and may be named by its name."""

import pytest

from tests.daemon.cli.recording import (
    NEXT_MARCH,
    RECORDED,
    STEERED,
    Slad,
    cells,
)


def of_acme(slad: Slad, name: str) -> str:
    """The id of Acme's server of a name, as a dry run tells it."""
    told = slad.told("maintenance", "announce", *NEXT_MARCH, "--client", "acme", "--dry-run")
    (server,) = (row["server"] for row in told["servers"] if row["name"] == name)
    return str(server)


def test_a_server_that_is_sold_alone_may_be_named_where_a_solution_is_asked_for(slad: Slad) -> None:
    db = of_acme(slad, "db")
    opened = slad.told("request", "open", "acme", "db", "--by", "ann", "--channel", "phone")
    assert opened["solution"] == db
    assert cells(slad.done("request", "list"), opened["id"])[2] == "db"
    assert slad.told("lifecycle", "record", "acme", "db", "data_requested")["solution"] == db
    assert slad.told("notice", "give", "acme", "db")["solution"] == db
    assert slad.told("notice", "give", "acme", db)["solution"] == db
    assert slad.told("notice", "give", "ACME", "DB")["solution"] == db
    assert slad.told("notice", "give", "acme", STEERED)["solution"] == of_acme(slad, STEERED)


def test_a_solution_goes_before_a_server_of_its_name(slad: Slad) -> None:
    assert of_acme(slad, "shop") != "shop"
    assert slad.told("notice", "give", "acme", "shop")["solution"] == "shop"


def test_a_name_is_recorded_once_under_its_key(slad: Slad) -> None:
    before = slad.records()
    give = ("notice", "give", "acme", "db", "--idempotency-key", "by-name")
    assert slad.told(*give) == slad.told(*give)
    assert slad.records() == before + RECORDED


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("twin", 'solution: 2 servers are called "twin": name one by its id, '),
        ("web7", 'solution: client "acme" has no solution "web7"'),
        ("borealis-mail-00006", 'solution: client "acme" has no solution "borealis-mail-00006"'),
        ("nothing", 'solution: client "acme" has no solution "nothing"'),
        ("..", 'solution: client "acme" has no solution ".."'),
    ],
)
def test_a_name_that_is_not_one_lone_server_s_is_refused(slad: Slad, name: str, message: str) -> None:
    before = slad.records()
    result = slad.run("notice", "give", "acme", name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr
    assert slad.records() == before
