"""Where monitors do not say the same of a server or a client (spec §3.3, §3.4, §10)."""

from collections.abc import Iterable
from typing import Any

import pytest

from sla.calendars import parse_month
from sla.disagreements import (
    Disagreement,
    DisagreementKind,
    disagreements_of_client,
    disagreements_of_server,
)
from sla.records import ClientId, ServerId
from tests.sla.defects import retired
from tests.sla.random_monitors import story_of_monitors
from tests.sla.stories import Line, at, book_as_told, client, server

NOON = "2026-03-12T12:00:00Z"
OWNER, IDENTITY, CONFIGURATION, CLOCK = DisagreementKind


def said(found: Iterable[Disagreement]) -> list[tuple[DisagreementKind, dict[str, tuple[str, ...]]]]:
    return [(each.kind, dict(each.said)) for each in found]


def of_server(*lines: Line, as_of: str = NOON) -> list[tuple[DisagreementKind, dict[str, tuple[str, ...]]]]:
    """What is said of server s, whose lines these are."""
    book = book_as_told([client(), client("d"), *lines])
    name = ServerId("s")
    return said(disagreements_of_server(name, book.servers[name], at(as_of)))


def of_client(as_of: str = NOON, **ledgers: list[Line]) -> Any:
    """What is said of client c in March."""
    books = {name: book_as_told(lines) for name, lines in ledgers.items()}
    return said(disagreements_of_client(ClientId("c"), books, parse_month("2026-03"), at(as_of)))


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
