"""Maintenance as calendars that people subscribe to, read back by icalendar (RFC 5545)."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event

from daemon.answers.calendars import (
    MOST_EVENTS,
    calendar_of,
    client_events,
    fleet_events,
)
from daemon.records.idempotency import RecordedRequests
from daemon.records.windows import AHEAD, BACK, around
from daemon.statements.ics import CalendarEvent, lines_of
from sla.instants import BEGINNING, FOREVER, HOUR, SECOND, Instant, datetime_of, parse_instant
from sla.records import ClientId
from sla.texts import printable
from tests.daemon.evidence.several_clients import AS_OF, CLIENTS, Telling
from tests.daemon.evidence.test_discreet import SEEDS, export_of, rows_of, shown
from tests.daemon.records.office import MAINTENANCE, NOW, Caller, Office
from tests.sla.stories import Line, at, book_of, client, maintenance, server

ALWAYS = (BEGINNING, FOREVER)


def made(
    events: Iterable[CalendarEvent | None], within: tuple[Instant, Instant] = ALWAYS, now: str = NOW
) -> bytes:
    return asyncio.run(calendar_of("Maintenance", events, within, at(now)))


def events_in(document: bytes) -> list[Event]:
    """The events, in order; nothing in the document breaks the rules of its form."""
    assert document.endswith(b"\r\n")
    assert max(map(len, document.split(b"\r\n"))) <= 75
    calendar = Calendar.from_ical(document)
    assert (calendar["version"], calendar["prodid"]) == ("2.0", "-//slad//maintenance//EN")
    events = list(calendar.events)
    assert not [error for event in events for error in event.errors]
    uids = [str(event["uid"]) for event in events]
    assert len(set(uids)) == len(uids)
    return events


async def fleet(office: Office) -> list[Event]:
    """The calendar of an office."""
    events = fleet_events(office.book, office.recorded_requests, "mon1")
    return events_in(await calendar_of("Maintenance", events, around(office.at), office.at))


async def one(office: Office) -> Event:
    (event,) = await fleet(office)
    return event


async def test_a_window_is_an_event(office: Office, caller: Caller) -> None:
    await caller.post("/v1/maintenance", {**MAINTENANCE, "id": "mw", "reference": "CHG-1, a; b"})
    event = await one(office)
    assert str(event["uid"]) == "mw@mon1"
    assert (event.start, event.end) == (
        datetime_of(at("2026-03-17T03:00:00Z")),
        datetime_of(at("2026-03-17T04:00:00Z")),
    )
    assert str(event["summary"]) == "Maintenance: Client c"
    assert str(event["description"]) == "Clients: Client c\nReference: CHG-1, a; b"
    assert (str(event["status"]), int(str(event["sequence"]))) == ("CONFIRMED", 0)
    assert event.DTSTAMP == event.LAST_MODIFIED == datetime_of(at(NOW))


async def test_one_that_is_withdrawn_is_cancelled_under_the_same_uid(office: Office, caller: Caller) -> None:
    await caller.post("/v1/maintenance", {**MAINTENANCE, "id": "mw"})
    before = await one(office)
    office.set("2026-03-11T00:00:00Z")
    await caller.post("/v1/maintenance/mw/withdraw", {"why": "not needed"})
    after = await one(office)
    assert before["uid"] == after["uid"]
    assert (str(after["status"]), int(str(after["sequence"]))) == ("CANCELLED", 1)
    assert datetime_of(office.at) == after.LAST_MODIFIED
    assert "Withdrawn: not needed" in str(after["description"])


async def test_one_of_several_clients_is_one_event_and_of_what_is_left_of_it(
    office: Office, caller: Caller
) -> None:
    await caller.post("/v1/maintenance", {**MAINTENANCE, "clients": ["c", "d"], "id": "mw"})
    whole = await one(office)
    first, second = office.book.exclusions
    await caller.post(f"/v1/maintenance/{first}/withdraw", {"why": "not needed"})
    part = await one(office)
    await caller.post(f"/v1/maintenance/{second}/withdraw", {"why": "nor this"})
    none = await one(office)
    assert {str(each["uid"]) for each in (whole, part, none)} == {"mw@mon1"}
    assert [str(each["summary"]) for each in (whole, part)] == [
        "Maintenance: Client c, Client d",
        "Maintenance: Client d",
    ]
    assert [int(str(each["sequence"])) for each in (whole, part, none)] == [0, 1, 2]
    assert str(none["status"]) == "CANCELLED"


async def test_the_windows_of_a_series_are_events_of_their_own(office: Office, caller: Caller) -> None:
    body = {"every": "sun 23:00", "count": 3, "duration_seconds": 3600, "clients": ["c"], "id": "mw"}
    await caller.post("/v1/maintenance/series", body)
    assert [str(each["uid"]) for each in await fleet(office)] == ["mw-1@mon1", "mw-2@mon1", "mw-3@mon1"]


def test_one_that_is_open_has_no_end_and_says_so() -> None:
    """None is recorded at the door; evidence of another may hold one."""
    line = {**maintenance("w", "2026-03-17T03:00:00Z", "2026-03-17T04:00:00Z"), "until": None}
    (event,) = events_in(made(fleet_events(book_of([client(), line]), RecordedRequests(), "mon1")))
    assert "DTEND" not in event
    assert "It is open" in str(event["description"])


def test_what_is_far_away_is_left_out_and_of_much_the_nearest_is_shown() -> None:
    now = at(NOW)

    def event(number: int, start: int) -> CalendarEvent:
        return CalendarEvent(
            uid=f"w{number}",
            start=Instant(start),
            end=Instant(start + HOUR),
            summary="",
            description=(),
            category="Maintenance",
            created_at=now,
            changed_at=now,
            sequence=0,
            is_cancelled=False,
        )

    edges = [
        event(1, now - BACK - HOUR),
        event(2, now - BACK),
        event(3, now + AHEAD - 1),
        event(4, now + AHEAD),
    ]
    assert [each["uid"] for each in events_in(made(edges, around(now)))] == ["w2", "w3"]
    many = [event(number, now + number * SECOND) for number in range(MOST_EVENTS + 5)]
    document = made(reversed(many), around(now))
    assert [each["uid"] for each in events_in(document)] == [f"w{number}" for number in range(MOST_EVENTS)]
    assert f"the {MOST_EVENTS} nearest of {MOST_EVENTS + 5}" in str(
        Calendar.from_ical(document)["x-wr-caldesc"]
    )


INSTANTS = st.integers(
    parse_instant("1970-01-01T00:00:00Z"), parse_instant("9999-12-31T23:59:59.999999Z")
).map(Instant)
EVENTS = st.builds(
    CalendarEvent,
    uid=st.text(min_size=1),
    start=INSTANTS,
    end=st.none() | INSTANTS,
    summary=st.text(),
    description=st.lists(st.text()).map(tuple),
    category=st.sampled_from(["Maintenance", "Emergency security update"]),
    created_at=INSTANTS,
    changed_at=INSTANTS,
    sequence=st.integers(0, 2000),
    is_cancelled=st.booleans(),
)


@given(EVENTS)
@settings(deadline=None)
def test_whatever_a_window_says_is_read_back(event: CalendarEvent) -> None:
    (found,) = events_in(made([event]))
    assert str(found["uid"]) == printable(event.uid)
    assert str(found["summary"]) == printable(event.summary)
    assert str(found["description"]) == "\n".join(map(printable, event.description))
    assert timedelta() <= datetime_of(event.start) - found.DTSTART < timedelta(seconds=1)
    assert found.DTEND is None if event.end is None else found.DTEND is not None
    assert (found["status"] == "CANCELLED") == event.is_cancelled
    assert lines_of(event) == lines_of.__wrapped__(event)


# Of one client


def of_client(lines: Iterable[Line], name: str) -> bytes:
    return made(client_events(book_of(lines), ClientId(name), "mon1"), now=AS_OF)


@given(seed=SEEDS, name=st.sampled_from(CLIENTS), secret=st.integers(1, 2**32))
@settings(max_examples=40, deadline=None)
def test_a_clients_calendar_does_not_depend_on_what_others_keep_secret(
    seed: int, name: str, secret: int
) -> None:
    before = dict.fromkeys(CLIENTS, 0)
    after = {each: 0 if each == name else secret for each in CLIENTS}
    first, second = (of_client(Telling(seed, secrets).told(), name) for secrets in (before, after))
    assert first == second


@given(seed=SEEDS, name=st.sampled_from(CLIENTS))
@settings(max_examples=40, deadline=None)
def test_a_client_has_the_windows_in_its_calendar_that_its_export_shows(seed: int, name: str) -> None:
    lines = Telling(seed, dict.fromkeys(CLIENTS, 0)).told()
    windows = {
        line["id"]
        for line in shown(export_of(rows_of(lines), name))
        if line["kind"] == "exclusion"
        and line["category"] in ("scheduled_maintenance", "emergency_security_update")
    }
    assert {str(event["uid"]).removesuffix("@mon1") for event in events_in(of_client(lines, name))} == windows


def test_the_stories_tell_of_windows_and_of_withdrawn_ones() -> None:
    """So that the two properties are about something."""
    told = [
        str(event["status"])
        for seed in range(40)
        for event in events_in(of_client(Telling(seed, dict.fromkeys(CLIENTS, 0)).told(), "a"))
    ]
    assert {"CONFIRMED", "CANCELLED"} == set(told)


def test_a_server_has_the_name_that_it_had_with_the_client() -> None:
    """Another's name for it is another's secret."""
    lines = [
        client("c"),
        client("d"),
        server("s", name="web", recorded_at="2026-01-01T00:00:00Z", in_service_until="2026-03-20T00:00:00Z"),
        maintenance("w", "2026-03-17T03:00:00Z", "2026-03-17T04:00:00Z", servers=["s"]),
        server(
            "s", client="d", name="secret", since="2026-03-20T00:00:00Z", recorded_at="2026-03-20T00:00:00Z"
        ),
    ]
    (event,) = events_in(of_client(lines, "c"))
    assert str(event["summary"]) == "Maintenance: web"
    assert events_in(of_client(lines, "d")) == []


def test_a_solution_that_another_client_has_later_tells_that_one_of_no_earlier_window() -> None:
    lines = [
        client("c"),
        client("d"),
        server(
            "s", solution="shop", recorded_at="2026-01-01T00:00:00Z", in_service_until="2026-03-10T00:00:00Z"
        ),
        maintenance("w", "2026-03-17T03:00:00Z", "2026-03-17T04:00:00Z", solutions=["shop"]),
        server(
            "t", client="d", solution="shop", since="2026-03-20T00:00:00Z", recorded_at="2026-03-20T00:00:00Z"
        ),
    ]
    assert len(events_in(of_client(lines, "c"))) == 1
    assert events_in(of_client(lines, "d")) == []
