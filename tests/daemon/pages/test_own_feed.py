"""The feed of one client: outages and windows, each once, another thing when it has changed; it is sound Atom (RFC 4287)."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from daemon.answers.own_feed import MOST_ENTRIES
from daemon.statements.feed import FeedEntry, atom_of, feed_id
from daemon.statements.speech import Speech
from sla.instants import Instant
from sla.texts import printable
from tests.daemon.config.configured import WHOLE, read
from tests.daemon.pages.own_stage import opened, stage_of
from tests.daemon.pages.test_links import AT, story
from tests.sla.defects import CAUSE
from tests.sla.stories import at, says, seen, server

ATOM = "{http://www.w3.org/2005/Atom}"
OF_C: dict[str, Any] = {"observer": "m1", "source": "vc1"}


async def feed_of(lines: list[Any], folder: Path, client: str = "c", now: str = AT) -> ElementTree.Element:
    stage = stage_of(lines, folder, now)
    await stage.work_out()
    async with opened(stage) as door:
        return ElementTree.fromstring(await door.under(client, "feed.atom"))


def titles(feed: ElementTree.Element) -> list[str]:
    return [entry.findtext(f"{ATOM}title") or "" for entry in feed.findall(f"{ATOM}entry")]


def ids(feed: ElementTree.Element) -> list[str]:
    return [entry.findtext(f"{ATOM}id") or "" for entry in feed.findall(f"{ATOM}entry")]


async def test_it_tells_of_outages_and_windows_the_latest_first(tmp_path: Path) -> None:
    feed = await feed_of(story(), tmp_path)
    assert titles(feed) == [
        "we<b> is down",
        "we<b> was down for 1 h 00 min 00 s",
        "Maintenance: Client c",
    ]
    assert len(set(ids(feed))) == 3
    assert feed.findtext(f"{ATOM}title") == "Outages and maintenance, Client c"
    assert feed.findtext(f"{ATOM}updated") == "2026-03-20T09:00:00Z"
    first = feed.find(f"{ATOM}entry")
    assert first is not None
    assert (first.findtext(f"{ATOM}content") or "").split("\n") == [
        "Start: Mar 20, 2026 05:00:00 EDT",
        "End: ongoing",
        "What was down: Internet",
    ]


async def test_an_outage_that_ended_is_the_same_entry_and_was_updated(tmp_path: Path) -> None:
    ended = [*story()[:-1], says("up", "2026-03-20T10:30:00Z", **OF_C), seen(AT, **OF_C)]
    before, after = await feed_of(story(), tmp_path), await feed_of(ended, tmp_path)
    assert ids(before) == ids(after)
    assert titles(after)[0] == "we<b> was down for 1 h 30 min 00 s"
    updated = [feed.findtext(f"{ATOM}updated") for feed in (before, after)]
    assert updated == ["2026-03-20T09:00:00Z", "2026-03-20T10:30:00Z"]


async def test_one_over_the_turn_of_the_month_is_told_once(tmp_path: Path) -> None:
    lines = [*story()[:-1], seen("2026-04-02T12:00:00Z", **OF_C)]
    feed = await feed_of(lines, tmp_path, now="2026-04-02T12:00:00Z")
    assert titles(feed).count("we<b> is down") == 1
    assert "we<b> was down for 1 h 00 min 00 s" in titles(feed), "of the month before"


async def test_another_client_reads_nothing_of_it(tmp_path: Path) -> None:
    feed = await feed_of(story(), tmp_path, "d")
    assert titles(feed) == []
    assert feed.findtext(f"{ATOM}updated") == AT, "it was never another"


async def test_a_server_that_came_while_it_was_down_is_down_since_it_came(tmp_path: Path) -> None:
    moved = "2026-03-20T10:00:00Z"
    lines = [
        *story(),
        server("s", name="we<b>", in_service_until=moved, recorded_at=moved),
        server("s", client="d", name="new", since=moved, recorded_at=moved),
    ]
    feed = await feed_of(lines, tmp_path, "d")
    assert titles(feed) == ["new is down"]
    assert "06:00:00 EDT" in (feed.findtext(f"{ATOM}entry/{ATOM}content") or "")


def storm(*servers: str, back: str = "2026-03-19T05:00:11Z", incident: str = "i1") -> list[Any]:
    """Servers of c that were down for 11 seconds, of which one thing was the cause."""
    down = "2026-03-19T05:00:00Z"
    cause = {**CAUSE, "from": down, "incident": incident, "recorded_at": "2026-03-19T05:03:00Z"}
    return [
        *(server(each, name=f"web-{each}") for each in servers),
        *(says("up", "2026-03-01T05:00:00Z", server=each, **OF_C) for each in servers),
        *(says("down", down, server=each, **OF_C) for each in servers),
        *(says("up", back, server=each, **OF_C) for each in servers[1:]),
        *({**cause, "server": each} for each in servers),
    ]


async def test_an_incident_is_one_entry_and_drives_nothing_out(tmp_path: Path) -> None:
    """Nor do many outages that stand alone, whose servers are named."""
    many = [f"n{number:03}" for number in range(120)]
    lines = [*story()[:-1], *storm(*many), says("up", "2026-03-19T05:00:11Z", server="n000", **OF_C)]
    feed = await feed_of([*lines, seen(AT, **OF_C)], tmp_path)
    assert titles(feed) == [
        "we<b> is down",
        "120 servers were down for 11 s",
        "we<b> was down for 1 h 00 min 00 s",
        "Maintenance: Client c",
    ]
    told = feed.findall(f"{ATOM}entry/{ATOM}content")[1].text or ""
    assert told.endswith(f"Virtual servers: {', '.join(f'web-{each}' for each in many[:50])} and 70 more")
    alone = await feed_of([*lines[:-121], *lines[-1:], seen(AT, **OF_C)], tmp_path)
    assert len(titles(alone)) == MOST_ENTRIES + 1
    assert "Maintenance: Client c" in titles(alone)


async def test_an_incident_is_the_entry_of_the_outage_that_began_it(tmp_path: Path) -> None:
    """While it lasts it tells of those that are down still."""
    first, both = [*story()[:-1], *storm("m")], [*story()[:-1], *storm("m", "n", "o")]
    one, some = [await feed_of([*those, seen(AT, **OF_C)], tmp_path) for those in (first, both)]
    assert (titles(one)[1], ids(one)) == ("web-m is down", ids(some))
    assert titles(some)[1] == "web-m is down"
    over = [*both, says("up", "2026-03-19T05:01:00Z", server="m", **OF_C), seen(AT, **OF_C)]
    after = await feed_of(over, tmp_path)
    assert (ids(after), titles(after)[1]) == (ids(some), "3 servers were down for 1 min 00 s")


async def test_its_author_is_the_provider_and_its_references_hold_no_link(tmp_path: Path) -> None:
    stage = stage_of(story(), tmp_path, AT)
    stage.documents.adopt(read(tmp_path, WHOLE + '[provider]\nname = "Nordhost"\n'))
    await stage.work_out()
    async with opened(stage) as door:
        feed = ElementTree.fromstring(await door.under("c", "feed.atom"))
    assert feed.findtext(f"{ATOM}author/{ATOM}name") == "Nordhost"
    assert links(feed) == {"self": "feed.atom", "alternate": "./"}
    assert {link.get("href") for link in feed.findall(f"{ATOM}entry/{ATOM}link")} == {"./"}


def links(feed: ElementTree.Element) -> dict[str | None, str]:
    return {link.get("rel"): link.get("href") or "" for link in feed.findall(f"{ATOM}link")}


async def test_it_speaks_the_clients_language(tmp_path: Path) -> None:
    stage = stage_of(story(), tmp_path, AT)
    config = WHOLE.replace("[[rule]]", '[client.c]\nname = "C"\ntimezone = "UTC"\nlanguage = "fr"\n[[rule]]')
    stage.documents.adopt(read(tmp_path, config))
    await stage.work_out()
    async with opened(stage) as door:
        feed = ElementTree.fromstring(await door.under("c", "feed.atom"))
        badge = await door.under("c", "badge/state.svg")
        calendar = Calendar.from_ical(await door.under("c", "maintenance.ics"))
        status = json.loads(await door.under("c", "status.json"))
        page = await door.under("c", "maintenance?month=2026-03")
    window = calendar.events[0]
    assert (str(calendar["x-wr-calname"]), str(window["summary"])) == (
        "Entretien pour Client c",
        "Entretien : Client c",
    )
    assert str(window["description"]).startswith("Clients : Client c")
    assert {each["summary"] for each in status["maintenance"]} <= {"Entretien : Client c"}
    assert "Entretien : Client c" in " ".join(titles(feed))
    assert b"Maintenance: Client c" in page
    assert titles(feed)[0] == "we<b> est en panne"
    assert feed.get("{http://www.w3.org/XML/1998/namespace}lang") == "fr"
    assert ">état: en panne<".encode() in badge


INSTANTS = st.integers(at("1970-01-01T00:00:00Z"), at("9999-12-31T23:59:59Z")).map(Instant)
ENTRIES = st.builds(
    FeedEntry,
    id=st.text(min_size=1).map(feed_id),
    title=st.text(),
    published_at=INSTANTS,
    updated_at=INSTANTS,
    lines=st.lists(st.text()).map(tuple),
)


@given(st.text(), st.lists(ENTRIES, max_size=4))
def test_whatever_an_entry_says_is_read_back(title: str, entries: list[FeedEntry]) -> None:
    feed = ElementTree.fromstring(atom_of(feed_id("x"), title, entries, author="a", language="en", at=at(AT)))
    assert (feed.findtext(f"{ATOM}title") or "") == printable(title)
    assert titles(feed) == [printable(each.title) for each in entries]
    contents = [each.findtext(f"{ATOM}content") or "" for each in feed.findall(f"{ATOM}entry")]
    assert contents == ["\n".join(map(printable, each.lines)) for each in entries]


def test_a_speech_of_every_language_has_what_feeds_say() -> None:
    assert Speech("fr", "UTC").say("is_down", server="a") == "a est en panne"
