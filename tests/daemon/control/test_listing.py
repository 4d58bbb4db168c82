"""Lists are read a page at a time, by cursors that only slad gives, and that belong to one question."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.control.client import ControlClient, RefusedByDaemonError, UnknownNameError
from daemon.control.paging import CursorError, cursor_of, key_in
from daemon.control.questions import OutagesAsked, Page, ServersAsked
from daemon.control.routes import (
    LIST_DISAGREEMENTS,
    LIST_EVENTS,
    LIST_INCIDENTS,
    LIST_OUTAGES,
    LIST_SERVERS,
    ServerOrder,
)
from sla.calendars import Month
from sla.disagreements import DisagreementKind
from sla.records import CauseKind, State
from tests.daemon.control.fixed import (
    DISAGREEMENT,
    DOWN_SINCE,
    EVENT,
    INCIDENT,
    OUTAGE,
    SUMMARY,
    FixedControl,
    fixed_api,
    told,
)

QUESTION = "outages", OutagesAsked(client="acme")


@pytest.fixture
def control() -> FixedControl:
    return FixedControl()


@pytest.fixture
async def client(control: FixedControl, tmp_path: Path) -> AsyncIterator[ControlClient]:
    path = tmp_path / "control.sock"
    async with fixed_api(path, control), ControlClient(path) as client:
        yield client


async def test_a_list_is_shown_with_what_its_next_page_begins_by(
    client: ControlClient, control: FixedControl
) -> None:
    first = await client.document(LIST_OUTAGES.path(), {"client": "Ex"})
    assert first["outages"] == [told(OUTAGE)]
    await client.document(LIST_OUTAGES.path(), {"client": "Ex", "limit": "7", "cursor": first["next"]})
    asked = OutagesAsked(client="Ex")
    assert control.asked == [(asked, Page(None, 100)), (asked, Page((DOWN_SINCE, "id-3"), 7))]


async def test_the_last_page_has_no_next(client: ControlClient) -> None:
    assert await client.document(LIST_INCIDENTS.path()) == {"incidents": [told(INCIDENT)], "next": None}


@pytest.mark.parametrize("order", ServerOrder)
async def test_servers_are_listed_in_each_order(
    client: ControlClient, control: FixedControl, order: ServerOrder
) -> None:
    query = {"sort": order.value, "state": "down", "name": "web*"}
    first = await client.document(LIST_SERVERS.path(), query)
    assert first["servers"] == [told(SUMMARY)]
    await client.document(LIST_SERVERS.path(), {**query, "cursor": first["next"]})
    assert {asked for asked, _ in control.asked} == {ServersAsked(state=State.DOWN, name="web*", order=order)}


async def test_every_filter_is_understood(client: ControlClient, control: FixedControl) -> None:
    filters = {"solution": "s", "server": "web1", "open": "true", "cause": "guest", "sort": "oldest"}
    await client.document(LIST_OUTAGES.path(), {**filters, "month": "2026-11"})
    await client.document(
        LIST_OUTAGES.path(), {"from": "2026-11-22T09:00:00Z", "until": "2027-01-01T00:00:00Z"}
    )
    (first, _), (second, _) = control.asked
    assert first == OutagesAsked(
        solution="s",
        server="web1",
        month=Month(2026, 11),
        is_open=True,
        cause=CauseKind.GUEST,
        oldest_first=True,
    )
    assert isinstance(second, OutagesAsked)
    assert second.since == DOWN_SINCE


async def test_events_are_those_of_a_server(client: ControlClient) -> None:
    found = await client.document(LIST_EVENTS.path(), {"server": "web/3 ä"})
    assert (found["server"], found["events"]) == ("id-3", [told(EVENT)])
    with pytest.raises(RefusedByDaemonError, match="server: is missing"):
        await client.document(LIST_EVENTS.path())
    with pytest.raises(UnknownNameError, match=r"2 servers are called twin: id-1, id-2"):
        await client.document(LIST_EVENTS.path(), {"server": "twin"})


async def test_disagreements_are_those_of_a_kind(client: ControlClient, control: FixedControl) -> None:
    first = await client.document(LIST_DISAGREEMENTS.path(), {"kind": "owner"})
    assert first["disagreements"] == [told(DISAGREEMENT)]
    assert first["disagreements"][0]["said"] == {"mon1": ["Ex"], "mon2": ["beta", "shop"]}
    await client.document(LIST_DISAGREEMENTS.path(), {"kind": "owner", "cursor": first["next"]})
    owner = DisagreementKind.OWNER
    assert control.asked == [(owner, Page(None, 100)), (owner, Page((0, "id-3"), 100))]
    with pytest.raises(UnknownNameError, match="this is a monitor"):
        await client.document(LIST_DISAGREEMENTS.path(), {"kind": "clock"})
    with pytest.raises(RefusedByDaemonError, match="kind: must be owner, identity, configuration or clock"):
        await client.document(LIST_DISAGREEMENTS.path(), {"kind": "odd"})


BAD: list[tuple[dict[str, str], str]] = [
    ({"limit": "0"}, "limit: must be a whole number from 1 to 1000"),
    ({"limit": "1001"}, "limit: must be a whole number"),
    ({"limit": "9" * 5000}, "limit: must be a whole number"),
    ({"limit": "٣"}, "limit: must be a whole number"),
    ({"cause": "nobody"}, "cause: must be client_change, .* or unknown"),
    ({"cause": ""}, "cause: must be client_change"),
    ({"sort": "worst"}, "sort: must be newest or oldest"),
    ({"month": "2026-13"}, 'month: "2026-13" is no month'),
    ({"month": "9999-12"}, "month: 9999-12 lies outside"),
    ({"month": "2026-11", "from": "2026-11-01T00:00:00Z"}, "month: takes the place"),
    ({"from": "2026-11-02T00:00:00Z", "until": "2026-11-01T00:00:00Z"}, "until: must be after from"),
    ({"open": "yes"}, "open: must be true or false"),
    ({"client": ""}, "client: must not be empty"),
    ({"server": "x" * 1001}, "server: is too long"),
    ({"after": "3"}, "after: is no parameter"),
]


@pytest.mark.parametrize(("query", "message"), BAD, ids=[str(query)[:40] for query, _ in BAD])
async def test_what_a_parameter_cannot_be_is_refused(
    client: ControlClient, query: dict[str, str], message: str
) -> None:
    with pytest.raises(RefusedByDaemonError, match=message):
        await client.document(LIST_OUTAGES.path(), query)


def forged(*said: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode()


def digest() -> str:
    return str(json.loads(base64.urlsafe_b64decode(cursor_of(QUESTION, (0, "x")) + "=="))[1])


FOREIGN = [
    (cursor_of(("outages", OutagesAsked(client="other")), (1, "s")), "other filters"),
    (cursor_of(("servers", ServersAsked()), ("a", "s")), "another list"),
    (forged(0, digest(), 1, "s"), "another version"),
    (forged(1, digest(), "1", "s"), "none that slad gave"),
    (forged(1, digest(), 1), "none that slad gave"),
    (forged(1, digest(), True, "s"), "none that slad gave"),
    (forged(1), "none that slad gave"),
    (base64.urlsafe_b64encode(b"{}").decode(), "none that slad gave"),
    (base64.urlsafe_b64encode(b"[" * 900).decode()[:1000], "none that slad gave"),
    ("_", "none that slad gave"),
    ("é", "none that slad gave"),
]


@pytest.mark.parametrize(("cursor", "message"), FOREIGN)
async def test_a_cursor_that_is_none_here_is_refused(
    client: ControlClient, control: FixedControl, cursor: str, message: str
) -> None:
    with pytest.raises(RefusedByDaemonError, match=f"cursor: .*{message}.*begin again without it"):
        await client.document(LIST_OUTAGES.path(), {"client": "acme", "cursor": cursor})
    assert control.asked == []


@given(st.integers(), st.text(st.characters()))
def test_whatever_a_key_is_it_comes_back(number: int, name: str) -> None:
    cursor = cursor_of(QUESTION, (number, name))
    assert key_in(cursor, QUESTION, (0, "")) == (number, name)
    with pytest.raises(CursorError):
        key_in(cursor[1:], QUESTION, (0, ""))
