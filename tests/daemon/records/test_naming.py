"""What a name means: what is called so, or alone is so but for upper and lower case; and what was meant, perhaps."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from daemon.records import naming
from daemon.records.naming import find_client, find_server, find_solution, named
from daemon.records.refusals import AmbiguousNameError, NotFoundError
from sla.book import Book
from sla.records import ClientId, Exclusion
from tests.daemon.records.office import REQUEST, WINDOW, Caller, Office, fleet
from tests.sla.stories import Line, client, server


def book_of(lines: Sequence[Line]) -> Book:
    return Office(lines=lines).book


FLEET = [
    *fleet(),
    client("Big"),
    client("BIG"),
    server("x1", name="Mail"),
    server("x2", name="mail", client="d"),
    server("x3", name="MX", solution="Post"),
]


@pytest.mark.parametrize(
    ("name", "means"),
    [("x1", "x1"), ("lone", "s"), ("LONE", "s"), ("Mail", "x1"), ("mail", "x2"), ("mx", "x3")],
)
def test_a_server_is_called_exactly_so_or_else_but_for_case(name: str, means: str) -> None:
    book = book_of(FLEET)
    assert find_server(book, name) == means
    if name not in book.servers:
        assert list(asyncio.run(named(book, (name,))).servers[name]) == [means]


def test_a_name_of_several_says_whose_each_is() -> None:
    for name, told in (("MAIL", "x1 (of c), x2 (of d)"), ("web", "t (of d), w1 (of c)")):
        with pytest.raises(AmbiguousNameError) as refused:
            find_server(book_of(FLEET), name)
        assert str(refused.value) == f'2 servers are called "{name}": name one by its id, {told}'
        assert len(refused.value.candidates) == 2


@pytest.mark.parametrize(
    ("find", "message"),
    [
        (lambda book: find_server(book, "loen"), 'server: there is no server "loen": did you mean "lone"?'),
        (lambda book: find_client(book, "x"), 'client: there is no client "x": BIG, Big, c, d'),
        (lambda book: find_client(book, "big"), 'client: there is no client "big": there are BIG, Big'),
        (
            lambda book: find_solution(book, "sohp", None),
            'solution: there is no solution "sohp": did you mean "shop"?',
        ),
        (
            lambda book: find_solution(book, "shop", ClientId("d")),
            'solution: there is no solution "shop" of client "d"',
        ),
    ],
)
def test_what_is_not_there_is_told_with_what_was_meant(find: Any, message: str) -> None:
    with pytest.raises(NotFoundError) as refused:
        find(book_of(FLEET))
    assert str(refused.value) == message


def test_clients_and_solutions_are_called_so_but_for_case() -> None:
    book = book_of(FLEET)
    assert (find_client(book, "C"), find_client(book, "Big")) == ("c", "Big")
    assert find_solution(book, "POST", None) == find_solution(book, "post", ClientId("c")) == "Post"


def test_of_a_large_fleet_names_that_begin_or_end_alike_are_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naming, "_MOST_COMPARED", 3)
    for typed in ("lnoe-42", "lone-24"):
        lines = [*FLEET, server("y", name="lone-42")]
        with pytest.raises(NotFoundError, match='did you mean "lone-42"'):
            find_server(book_of(lines), typed)
    with pytest.raises(NotFoundError, match=r'"zzz"$'):
        find_server(book_of(FLEET), "zzz")


async def test_what_is_recorded_has_the_ids_that_are_meant(office: Office, caller: Caller) -> None:
    said = await caller.post("/v1/requests", {**REQUEST, "client": "C", "solution": "SHOP"})
    assert (said.json["client"], said.json["solution"]) == ("c", "shop")
    said = await caller.post("/v1/requests", {**REQUEST, "solution": "Lone"})
    assert said.json["solution"] == "s"
    scope = {"clients": ["D"], "solutions": ["Shop"], "servers": ["LONE"]}
    assert (await caller.post("/v1/maintenance", {**WINDOW, **scope})).status == 201
    windows = [record for record in office.recorded if isinstance(record, Exclusion)]
    assert {each for window in windows for each in (*window.clients, *window.solutions, *window.servers)} == {
        "d",
        "shop",
        "s",
    }
