"""On whose months a record may bear: more than it changes, and never less."""

import json
from typing import Any

import pytest

from sla.bearing import Bearing, bearing_of
from sla.book import Book
from sla.instants import BEGINNING, FOREVER, parse_instant
from sla.records import ClientId
from tests.sla.defects import request, step
from tests.sla.stories import Line, at, blind, client, exclusion, records_of, says, seen, server

C, D = ClientId("c"), ClientId("d")
MARCH = at("2026-03-01T05:00:00Z"), at("2026-04-01T04:00:00Z")
BEFORE = (
    client(),
    client("d", zone="UTC"),
    server(solution="shop"),
    server("t", client="d"),
    exclusion("x", "force_majeure", "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z", clients=["c"]),
    request(solution="shop"),
)
MAY = "2026-05-10T00:00:00Z"


def bearing(*lines: Line) -> Bearing | None:
    """Of the last line, after all others."""
    book, last = Book(), None
    for record in records_of((*BEFORE, *lines)):
        book.add(record)
        last = record
    assert last is not None
    return bearing_of(book, last)


def moved(**keys: Any) -> Line:
    return {**server(solution="shop"), "recorded_at": MAY, **keys}


@pytest.mark.parametrize(
    ("line", "clients", "start"),
    [
        (says("down", "2026-03-10T10:00:00Z"), {C}, "2026-03-10T10:00:00Z"),
        (says("down", "2026-03-10T10:00:00Z", server="t"), {D}, "2026-03-10T10:00:00Z"),
        (blind("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"), None, "2026-03-01T00:00:00Z"),
        (moved(in_service_until=MAY), {C}, MAY),
        (moved(client="d", in_service_from=MAY), {C, D}, MAY),
        (moved(in_service_from="2026-03-05T00:00:00Z"), {C}, "2026-03-01T05:00:00Z"),
        (moved(legs=["internet", "running"]), {C}, MAY),
        (server("n", since=MAY, client="d", recorded_at=MAY), {D}, MAY),
        (exclusion("y", "force_majeure", MAY, None, recorded_at=MAY), None, "2026-05-03T00:00:00Z"),
        (
            exclusion("y", "force_majeure", MAY, None, servers=["t"], recorded_at=MAY),
            {D},
            "2026-05-03T00:00:00Z",
        ),
        (
            exclusion("y", "force_majeure", MAY, None, solutions=["shop"], recorded_at=MAY),
            {C},
            "2026-05-03T00:00:00Z",
        ),
        (
            exclusion("y", "force_majeure", MAY, None, solutions=["t"], recorded_at=MAY),
            {D},
            "2026-05-03T00:00:00Z",
        ),
        (
            {"kind": "exclusion_withdrawn", "id": "x", "why": "a mistake", "recorded_at": MAY},
            {C},
            "2026-03-03T00:00:00Z",
        ),
        (step(solution="shop", at=MAY, recorded_at=MAY), {C}, MAY),
    ],
)
def test_a_record_bears_on_whom_it_speaks_of_from_when_it_speaks_of(
    line: Line, clients: set[ClientId] | None, start: str
) -> None:
    found = bearing(line)
    assert found is not None
    assert (None if found.clients is None else set(found.clients), found.start) == (
        clients,
        parse_instant(start),
    )


@pytest.mark.parametrize(
    "line",
    [
        moved(name="renamed"),
        moved(),
        seen(),
        {
            "kind": "issued",
            "client": "c",
            "month": "2026-03",
            "as_of": MAY,
            "version": 1,
            "sha256": "0" * 64,
            "recorded_at": MAY,
        },
    ],
)
def test_what_changes_no_figure_bears_on_nothing(line: Line) -> None:
    assert bearing(line) is None, json.dumps(line)


def test_a_client_bears_on_all_of_its_months() -> None:
    found = bearing(client(zone="UTC", recorded_at=MAY))
    assert found == Bearing((C,), BEGINNING, FOREVER)
    assert found.is_on(C, MARCH)
    assert not found.is_on(D, MARCH)


def test_the_ends_are_open() -> None:
    assert not Bearing(None, MARCH[1]).is_on(C, MARCH)
    assert not Bearing(None, BEGINNING, MARCH[0]).is_on(C, MARCH)
    assert Bearing(None, MARCH[0]).is_on(C, MARCH)
