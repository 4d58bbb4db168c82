"""The book: what it knows, and what it would say with one more record."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from sla.book import Book, Declared
from sla.calendars import parse_month
from sla.client_document import Imprint, NoDocumentError, client_document
from sla.document import document
from sla.records import (
    Client,
    ClientId,
    Leg,
    ObserverRetired,
    Record,
    Recorded,
    Server,
    ServerId,
    State,
    Witness,
)
from sla.statement import Judgement
from tests.sla.defects import RECORDED, notice, request, step
from tests.sla.random_evidence import story_of
from tests.sla.random_monitors import story_of_monitors
from tests.sla.stories import (
    HOLIDAYS,
    Line,
    at,
    blind,
    book_of,
    client,
    exclusion,
    judgement,
    records_of,
    says,
    seen,
    server,
)

AS_OF = at("2026-04-02T00:00:00Z")
LINES = [
    client(),
    server(),
    says("up", "2026-03-01T05:00:00Z"),
    *(says(*said) for said in (("down", "2026-03-10T10:00:00Z"), ("up", "2026-03-10T13:00:00Z"))),
    seen(),
    exclusion("x", "client_change", "2026-03-10T10:00:00Z", None, servers=["s"]),
    {**request(), "opened_at": "2026-01-15T15:00:00Z", "recorded_at": "2026-01-15T15:00:00Z"},
    step(event="order_accepted", at="2026-01-15T15:00:00Z"),
]
LATER: list[Line] = [
    exclusion("y", "force_majeure", "2026-03-11T10:00:00Z", "2026-03-11T11:00:00Z", recorded_at=RECORDED),
    {
        "kind": "exclusion_ended",
        "id": "x",
        "at": "2026-03-10T11:00:00Z",
        "recorded_at": "2026-03-20T00:00:00Z",
    },
    {"kind": "exclusion_withdrawn", "id": "x", "why": "a mistake", "recorded_at": RECORDED},
    {**request(id="q"), "opened_at": "2026-01-20T15:00:00Z", "recorded_at": RECORDED},
    {"kind": "service_request_responded", "id": "r", "at": "2026-01-15T16:00:00Z", "recorded_at": RECORDED},
    step(event="activated", at="2026-01-20T15:00:00Z", recorded_at=RECORDED),
]


def book_with(records: list[Record]) -> Book:
    """A book of these records."""
    book = Book()
    for record in records:
        book.add(record)
    return book


def supposing(book: Book, record: Record) -> Book:
    """The book with one more record that somebody made."""
    assert isinstance(record, Declared)
    return book.supposing(record)


def said_by(book: Book) -> str:
    """The statement of a book."""
    month = parse_month("2026-03")
    return document(Judgement(book, month=month, as_of=AS_OF, national_holidays=HOLIDAYS).statement())


@pytest.mark.parametrize("line", LATER, ids=lambda line: line["kind"])
def test_a_record_that_is_supposed_counts_as_if_added_and_leaves_the_book_as_it_was(line: Any) -> None:
    *before, record = records_of([*LINES, line])
    book = book_with(before)
    unchanged = said_by(book)
    supposed = said_by(supposing(book, record))
    assert supposed == said_by(book_with([*before, record])) != unchanged
    assert said_by(book) == unchanged == said_by(book_with(before))


def test_notices_and_closings_that_are_supposed_leave_the_book_as_it_was() -> None:
    closed = {
        "kind": "service_request_closed",
        "id": "r",
        "at": "2026-01-15T16:00:00Z",
        "recorded_at": RECORDED,
    }
    *before, closing, given = records_of([*LINES, closed, notice()])
    book = book_with(before)
    assert [pages.closed for pages in supposing(book, closing).requests.values()] == [[closing]]
    assert [pages.closed for pages in book.requests.values()] == [[]]
    ((noticed,),) = supposing(book, given).notices.values()
    assert noticed == given
    assert not book.notices
    again = supposing(book, given)
    supposing(again, given)
    assert [len(those) for those in again.notices.values()] == [1]


@pytest.mark.parametrize(
    ("line", "newest"),
    [
        (says("up", "2026-05-01T00:00:00Z"), "2026-05-01T00:00:00Z"),
        (seen("2026-12-02T00:00:00Z"), "2026-12-02T00:00:00Z"),
        (blind("2026-04-01T00:00:00Z", "2027-01-01T00:00:00Z"), "2027-01-01T00:00:00Z"),
        (client(recorded_at="2027-01-01T00:00:00Z"), "2027-01-01T00:00:00Z"),
    ],
)
def test_the_newest_instant_of_all_evidence_is_the_knowledge_of_a_book(line: Line, newest: str) -> None:
    without = [each for each in LINES if each["kind"] != "observed_until"]
    lines = [*without, line] if line["kind"] != "observed_until" else [*LINES, line]
    book = book_with(records_of([*lines, client(recorded_at=line.get("recorded_at", RECORDED))]))
    assert book.newest_at == at(newest)
    assert Book().newest_at is None


def test_of_a_client_that_is_not_on_record_nothing_is_known() -> None:
    book = book_with(records_of(LINES))
    assert book.client(ClientId("d"), AS_OF) is None
    assert book.client(ClientId("c"), at("2025-12-31T00:00:00Z")) is None
    assert book.client(ClientId("c"), at("2026-01-01T00:00:00Z")) is not None


def test_a_book_has_one_track_for_each_witness_and_leg_of_a_server() -> None:
    book = Book()
    track = book.track(ServerId("s"), Leg.SAN, Witness("o", "x"))
    assert book.track(ServerId("s"), Leg.SAN, Witness("o", "x")) is track
    assert book.track(ServerId("s"), Leg.SAN, Witness("o", "y")) is not track
    assert book.track(ServerId("s"), Leg.RUNNING, Witness("o", "x")) is not track


@pytest.mark.parametrize("seed", range(40))
def test_an_excerpt_of_a_client_gives_its_document(seed: int) -> None:
    story = story_of(seed)
    asked = judgement(story.lines, month=story.month, as_of=story.as_of, terms=story.tables())
    book = asked.book
    for who in sorted(book.clients):
        excerpt = book.excerpt(who)
        for name in sorted(book.servers_of_clients((who,))):
            excerpt.take_over(name, book)
        of_excerpt = replaced(asked, excerpt)
        assert _told(of_excerpt, who) == _told(asked, who)


def test_an_excerpt_does_not_follow_the_book() -> None:
    book = book_of([client(), server(), says("up", "2026-03-01T05:00:00Z"), seen("2026-03-05T00:00:00Z")])
    excerpt = book.excerpt(ClientId("c"))
    excerpt.take_over(ServerId("s"), book)
    witness, noon = Witness("o", "icmp"), at("2026-03-04T12:00:00Z")
    book.track(ServerId("s"), Leg.INTERNET, witness).add(noon, State.DOWN)
    book.sights.of(witness).observed_until(at("2026-04-05T00:00:00Z"))
    assert excerpt.sights.of(witness).until == at("2026-03-05T00:00:00Z")
    assert excerpt.track(ServerId("s"), Leg.INTERNET, witness).around(noon)[1] is State.UP


def replaced(asked: Judgement, book: Book) -> Judgement:
    """The same judgement of another book."""
    assert asked._terms is not None
    return Judgement(
        book, month=asked.month, as_of=asked.as_of, national_holidays=HOLIDAYS, terms=asked._terms
    )


def _told(asked: Judgement, who: ClientId) -> str:
    try:
        return client_document(asked, who, Imprint(time_zones="2026a"))
    except NoDocumentError as error:
        return str(error)


@pytest.mark.parametrize("seed", range(20))
def test_what_it_says_of_service_does_not_depend_on_what_it_was_asked_before(seed: int) -> None:
    """Asked as it grows, of instants that go back and forth; clients, of whom much may be left out, come anywhere."""
    dice, story = Random(seed), story_of_monitors(seed)
    records = [each for each in records_of(story.lines) if isinstance(each, Recorded)]
    clients = [records.pop(records.index(each)) for each in list(records) if isinstance(each, Client)]
    instants = [each.recorded_at for each in records]
    for each in clients * 2:
        known_from = replace(each, recorded_at=dice.choice(instants))
        records.insert(dice.choice((0, dice.randrange(len(records) + 1))), known_from)
    service = [each for each in records if isinstance(each, Client | Server | ObserverRetired)]
    asked = Book()
    for number, record in enumerate(service, 1):
        asked.add(record)
        for as_of in dice.choices(instants, k=4):
            fresh = book_with([*service[:number]])
            for name, pages in fresh.servers.items():
                assert asked.servers[name].parts(as_of) == pages.parts(as_of)


def test_a_server_is_in_a_solution_once_however_often_that_is_told() -> None:
    told = [
        server(name, solution=solution) for solution in ("mail", "mail", "web", "mail") for name in ("a", "b")
    ]
    book = book_of([client(), *told])
    assert book.servers_of == {("mail", "c"): ["a", "b"], ("web", "c"): ["a", "b"]}
    assert book.clients_of == {"mail": ("c",), "web": ("c",)}


def test_what_servers_have_alike_is_one_object() -> None:
    keys: dict[str, Any] = {"observer": "mon", "recorded_by": "slad", "legs": ["san", "running"]}
    book = book_of([client(), server("a", **keys), server("b", **keys)])
    one, other = (pages.records[0] for pages in book.servers.values())
    assert (one.id, one.legs) == ("a", (Leg.SAN, Leg.RUNNING)), "as they are told"
    for alike in ("client", "observer", "recorded_by", "legs"):
        assert getattr(one, alike) is getattr(other, alike), alike
