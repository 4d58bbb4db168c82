"""Where monitors do not say the same of a server or a client (spec §3.3, §3.4, §10)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from sla.book import Book
from sla.calendars import parse_month
from sla.disagreements import (
    MOST_TURNS,
    Disagreement,
    DisagreementKind,
    Point,
    disagreements_of_client,
    disagreements_of_server,
    has_one_word,
    turns_of_server,
)
from sla.instants import SECOND, Instant, format_instant
from sla.records import ClientId, ServerId
from tests.sla.defects import retired
from tests.sla.random_monitors import story_of_monitors
from tests.sla.stories import Line, at, book_as_told, client, records_of, server

NOON = "2026-03-12T12:00:00Z"
OWNER, IDENTITY, CONFIGURATION, CLOCK = DisagreementKind


def said(found: Iterable[Disagreement]) -> list[tuple[DisagreementKind, dict[str, tuple[str, ...]]]]:
    return [(each.point.kind, dict(each.said)) for each in found]


def found_of_server(*lines: Line, as_of: str = NOON) -> list[Disagreement]:
    """What is said differently of server s, whose lines these are."""
    book = book_as_told([client(), client("d"), *lines])
    name = ServerId("s")
    return list(disagreements_of_server(name, book.servers[name], at(as_of)))


def of_server(*lines: Line, as_of: str = NOON) -> list[tuple[DisagreementKind, dict[str, tuple[str, ...]]]]:
    return said(found_of_server(*lines, as_of=as_of))


def found_of_client(
    ledgers: Mapping[str, Sequence[Line]],
    as_of: str = NOON,
    month: str = "2026-03",
    ended: Sequence[str] = (),
) -> list[Disagreement]:
    """What is said differently of client c in ledgers, which arrived one after the other."""
    whole, books = Book(), {name: Book() for name in ledgers}
    lines = [(name, {**line, "ledger": name}) for name, those in ledgers.items() for line in those]
    for (name, _), record in zip(lines, records_of(line for _, line in lines), strict=True):
        books[name].add(record)
        whole.add(record)
    return list(disagreements_of_client(ClientId("c"), books, whole, parse_month(month), at(as_of), ended))


def of_client(as_of: str = NOON, **ledgers: list[Line]) -> Any:
    return said(found_of_client(ledgers, as_of))


def contract(terms: Any, **keys: Any) -> Line:
    recorded = {"effective_from": "2026-03", "recorded_at": "2026-01-02T00:00:00Z"}
    return {"kind": "contract", "terms": terms, **recorded, **keys}


class TestOfAServer:
    def test_who_agree_or_are_alone_do_not_disagree(self) -> None:
        assert of_server(server(observer="a")) == []
        assert of_server(server(observer="a"), server(observer="b")) == []
        assert of_server(server(name="old"), server(name="new"), server(client="d")) == []

    @pytest.mark.parametrize(
        ("keys", "kind", "first", "second"),
        [
            ({"client": "d"}, OWNER, ("c",), ("d",)),
            ({"solution": "mail"}, OWNER, ("c",), ("c", "mail")),
            ({"name": "other"}, IDENTITY, ("Server s",), ("other",)),
            ({"legs": ["san", "internet"]}, CONFIGURATION, ("internet",), ("san", "internet")),
        ],
    )
    def test_each_kind_is_told_with_what_each_says(
        self, keys: dict[str, Any], kind: DisagreementKind, first: Any, second: Any
    ) -> None:
        lines = [server(observer="a"), server(observer="b", **keys)]
        assert of_server(*lines) == of_server(*reversed(lines)) == [(kind, {"a": first, "b": second})]

    def test_the_order_in_which_legs_are_named_is_no_disagreement(self) -> None:
        legs = ["san", "internet"]
        assert of_server(server(observer="a", legs=legs), server(observer="b", legs=legs[::-1])) == []

    def test_only_those_are_asked_that_have_it_in_service_then(self) -> None:
        """By what is known then; whoever was retired is asked no more."""
        ends = server(observer="b", client="d", in_service_until="2026-03-11T00:00:00Z")
        assert of_server(server(observer="a"), ends) == []
        assert of_server(server(observer="a"), ends, as_of="2026-03-10T00:00:00Z") != []
        later = server(observer="b", client="d", recorded_at="2026-03-13T00:00:00Z")
        assert of_server(server(observer="a"), later) == []
        gone = retired("b", "2026-03-05T00:00:00Z", recorded_at=NOON)
        lines = [server(observer="a"), server(observer="b", client="d"), gone]
        assert of_server(*lines) == []
        assert of_server(*lines, as_of="2026-03-12T11:00:00Z") != []

    def test_the_newest_record_of_each_is_what_it_says(self) -> None:
        lines = [server(observer="a"), server(observer="b", client="d"), server(observer="b", name="x")]
        assert of_server(*lines) == [(IDENTITY, {"a": ("Server s",), "b": ("x",)})]

    @pytest.mark.parametrize("seed", range(20))
    def test_an_owner_that_others_would_have_is_told_wherever_the_order_of_lines_decides(
        self, seed: int
    ) -> None:
        """And of those that are told one is the owner that the statement goes by."""
        book = book_as_told(story_of_monitors(seed).lines)
        for name, pages in book.servers.items():
            for record in pages.records:
                as_of = record.recorded_at
                owners = [part.owner for part in pages.parts(as_of) if part.start <= as_of < part.end]
                for kind, each in said(disagreements_of_server(name, pages, as_of)):
                    if kind is OWNER:
                        (client_, solution) = owners[0]
                        assert (client_, *(() if solution is None else (solution,))) in each.values()


class TestOfAClient:
    def test_who_agree_or_are_alone_do_not_disagree(self) -> None:
        assert of_client(a=[client()]) == of_client(a=[client()], b=[client()]) == []
        assert of_client(a=[client()], b=[client("d", "UTC")]) == [], "a ledger without it says nothing of it"

    @pytest.mark.parametrize(
        ("keys", "kind", "first", "second"),
        [
            ({"name": "other"}, IDENTITY, "Client c", "other"),
            ({"timezone": "UTC"}, CLOCK, "America/Toronto", "UTC"),
            ({"tech_admins": ["bob"]}, CONFIGURATION, "ann", "bob"),
        ],
    )
    def test_each_kind_is_told_with_what_each_says(
        self, keys: dict[str, Any], kind: DisagreementKind, first: str, second: str
    ) -> None:
        found = of_client(a=[client()], b=[client(**keys)])
        assert found == [(kind, {"a": (first,), "b": (second,)})]
        assert of_client(a=[client()], b=[client(), client(**keys, recorded_at="2026-03-13T00:00:00Z")]) == []

    def test_the_order_of_tech_admins_is_no_disagreement(self) -> None:
        both = ["ann", "bob"]
        assert of_client(a=[client(tech_admins=both)], b=[client(tech_admins=both[::-1])]) == []

    def test_terms_are_compared_by_what_they_mean(self) -> None:
        default = {"availability": {"target": "0.999"}}
        assert of_client(a=[client()], b=[client(), contract(default)]) == []
        other = {"availability": {"target": "0.99"}}
        found = of_client(
            a=[client()], b=[client(), contract(other)], c=[client(), contract(default, client="c")]
        )
        assert found == [
            (
                CONFIGURATION,
                {
                    "a": ("{}",),
                    "b": ('{"availability":{"target":"0.99"}}',),
                    "c": ('{"availability":{"target":"0.999"}}',),
                },
            )
        ]
        assert of_client(a=[client()], b=[client(), contract(other, effective_from="2026-04")]) == []

    def test_who_has_ended_is_asked_only_for_what_holds(self) -> None:
        """Its client record goes on to hold, for nobody told another one since (spec §3.3)."""
        lines = {"a": [client(timezone="UTC")], "b": [client()]}
        assert found_of_client(lines, ended=["a"]) == []
        assert said(found_of_client(lines, ended=["b"])) == [
            (CLOCK, {"a": ("UTC",), "b": ("America/Toronto",)})
        ]

    def test_terms_of_all_that_a_ledger_without_the_client_tells_are_held_against_its_own(self) -> None:
        """Of several that are for all the newest line holds, for every client (spec §10)."""
        strict, lax = {"availability": {"target": "0.999"}}, {"availability": {"target": "0.99"}}
        lines = {"a": [client(), contract(strict)], "b": [client("d"), contract(lax)]}
        (found,) = found_of_client(lines)
        texts = {
            name: (f'{{"availability":{{"target":"{target}"}}}}',)
            for name, target in (("a", "0.999"), ("b", "0.99"))
        }
        assert (found.point, found.said, found.holds) == (Point.TERMS, texts, texts["b"])
        assert found_of_client({**lines, "a": [*lines["a"], contract(lax)]}) == []


class TestWhatHoldsAndSinceWhen:
    def test_of_a_server_it_is_what_the_statement_goes_by(self) -> None:
        first = server(observer="a", legs=["san"], recorded_at="2026-03-02T00:00:00Z")
        second = server(observer="b", name="x", client="d", recorded_at="2026-03-03T00:00:00Z")
        found = found_of_server(first, second)
        assert {each.point: each.holds for each in found} == {
            Point.OWNER: ("d",),
            Point.SERVER_NAME: ("x",),
            Point.LEGS: ("san", "internet"),
        }
        assert {each.since for each in found} == {at("2026-03-03T00:00:00Z")}

    def test_it_goes_on_while_they_only_disagree_otherwise(self) -> None:
        days = [f"2026-03-0{day}T00:00:00Z" for day in range(2, 7)]
        lines = [
            server(observer="a", recorded_at=days[0]),
            server(observer="b", name="x", recorded_at=days[1]),
            server(observer="a", name="y", recorded_at=days[2]),
        ]
        assert [each.since for each in found_of_server(*lines)] == [at(days[1])]
        agreed = [*lines, server(observer="b", name="y", recorded_at=days[3])]
        assert found_of_server(*agreed) == []
        again = [*agreed, server(observer="b", name="z", recorded_at=days[4])]
        assert [each.since for each in found_of_server(*again)] == [at(days[4])]

    def test_it_begins_with_the_service_of_the_second(self) -> None:
        """However early that was announced."""
        later = server(since="2026-03-09T00:00:00Z", observer="b", name="x")
        (found,) = found_of_server(server(observer="a"), later)
        assert found.since == at("2026-03-09T00:00:00Z")

    def test_of_a_client_likewise(self) -> None:
        told = "2026-03-04T00:00:00Z"
        lines = {"a": [client()], "b": [client(), client(timezone="UTC", recorded_at=told)]}
        (found,) = found_of_client(lines)
        assert (found.holds, found.since) == (("UTC",), at(told))

    def test_who_changes_his_word_without_end_holds_nothing_up(self) -> None:
        """Then the disagreement is told to be younger than it is."""
        began = at("2026-03-05T00:00:00Z")
        lines = [server(observer="a", recorded_at="2026-03-02T00:00:00Z")]
        for second in range(MOST_TURNS * 3):
            told = format_instant(Instant(began + second * SECOND))
            lines.append(server(observer="b", name=f"x{second}", recorded_at=told))
        (found,) = found_of_server(*lines)
        assert found.since > began

    @pytest.mark.parametrize("seed", range(20))
    def test_nothing_changes_between_two_turns_and_since_is_where_it_began(self, seed: int) -> None:
        book = book_as_told(story_of_monitors(seed).lines)
        for name, pages in book.servers.items():
            turns = sorted(set(turns_of_server(pages)))
            assert not has_one_word(pages) or not any(
                list(disagreements_of_server(name, pages, turn)) for turn in turns
            )
            before: dict[Point, Instant] = {}
            for turn, later in zip(turns, [*turns[1:], Instant(turns[-1] + 2 * SECOND)], strict=True):
                found = list(disagreements_of_server(name, pages, turn))
                assert list(disagreements_of_server(name, pages, Instant(later - 1))) == found
                now = {each.point: before.get(each.point, turn) for each in found}
                assert {each.point: each.since for each in found} == now
                before = now


def test_every_kind_has_a_point() -> None:
    assert {point.kind for point in Point} == set(DisagreementKind)
