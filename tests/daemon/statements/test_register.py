"""The register of issued statements: evidence of an issued month makes it a suspect, evidence of now costs a comparison."""

import json

import pytest

from daemon.statements.register import StatementKey, StatementRegister
from sla import bearing
from sla.book import Book
from sla.calendars import Month
from sla.reader import EvidenceReader
from sla.records import ClientId, ServerId, Witness
from tests.sla.stories import Line, at, blind, client, exclusion, says, seen, server

MARCH = StatementKey(ClientId("c"), "2026-03")
OF_D = StatementKey(ClientId("d"), "2026-03")
MAY = "2026-05-10T00:00:00Z"
WITNESS = Witness("o", "icmp")


def issued(of: str = "c", month: str = "2026-03", version: int = 1) -> Line:
    line = {"kind": "issued", "client": of, "month": month, "as_of": "2026-04-02T00:00:00Z"}
    return {**line, "version": version, "sha256": "0" * 64, "recorded_at": "2026-04-02T00:00:00Z"}


class Desk:
    """A register with what is read into it, in the order of the lines."""

    def __init__(self, *lines: Line) -> None:
        self.book = Book()
        self.register = StatementRegister(self.book)
        self._reader = EvidenceReader()
        self.take(
            client(),
            client("d", zone="UTC"),
            server(),
            server("t", client="d"),
            seen("2026-04-02T00:00:00Z"),
            issued(),
            issued("d"),
            *lines,
        )

    def take(self, *lines: Line) -> None:
        for line in lines:
            record = self._reader.read(json.dumps(line).encode())
            assert record is not None, self._reader.faults
            self.book.add(record)
            self.register.take(record)

    @property
    def suspects(self) -> set[StatementKey]:
        return set(self.register.suspects)


def test_what_is_issued_is_no_suspect() -> None:
    desk = Desk()
    assert desk.suspects == set()
    assert desk.register.newest(MARCH) is desk.book.issued[MARCH][-1]
    assert desk.register.newest(StatementKey(ClientId("c"), "2026-04")) is None


@pytest.mark.parametrize(
    ("line", "suspects"),
    [
        (says("down", "2026-03-20T00:00:00Z"), {MARCH}),
        (says("down", "2026-03-20T00:00:00Z", server="t"), {OF_D}),
        (says("down", "2026-04-01T02:00:00Z"), {MARCH}),
        (says("down", "2026-04-01T02:00:00Z", server="t"), set()),
        (says("down", MAY), set()),
        (blind("2026-03-20T00:00:00Z", "2026-03-21T00:00:00Z"), {MARCH, OF_D}),
        (blind("2026-04-20T00:00:00Z", "2026-04-21T00:00:00Z"), set()),
        (seen(MAY), set()),
        (exclusion("x", "force_majeure", "2026-03-20T00:00:00Z", None, recorded_at=MAY), {MARCH, OF_D}),
        (exclusion("x", "force_majeure", MAY, None, recorded_at=MAY), set()),
        (client(zone="UTC", recorded_at=MAY), {MARCH}),
        ({**server(), "in_service_until": MAY, "recorded_at": MAY}, set()),
    ],
)
def test_evidence_of_an_issued_month_makes_it_a_suspect(line: Line, suspects: set[StatementKey]) -> None:
    desk = Desk(line)
    assert desk.suspects == suspects
    assert desk.register.news(MARCH) == (MARCH in suspects)


def test_a_witness_that_answers_late_for_the_month_makes_it_one() -> None:
    desk = Desk()
    desk.register.see({Witness("o", "vc"): at("2026-03-20T00:00:00Z")})
    assert desk.suspects == set(), "before it nothing was known of this witness"
    desk.register.see({Witness("o", "vc"): at(MAY), WITNESS: at(MAY)})
    assert desk.suspects == {MARCH, OF_D}


def test_another_version_settles_it() -> None:
    desk = Desk(says("down", "2026-03-20T00:00:00Z"))
    desk.register.settle(MARCH, 3)
    assert (desk.suspects, desk.register.outdated) == (set(), {MARCH: 3})
    desk.take(says("up", "2026-03-20T01:00:00Z"))
    assert desk.suspects == {MARCH}
    desk.take(issued(version=2))
    assert (desk.suspects, desk.register.outdated) == (set(), {})


def test_a_month_that_is_watched_and_not_issued_is_counted_and_no_suspect() -> None:
    desk = Desk()
    key = desk.register.watch(ClientId("c"), Month(2026, 4))
    desk.take(says("down", "2026-04-20T00:00:00Z"))
    assert (desk.register.news(key), desk.suspects) == (1, set())


def test_another_time_zone_moves_the_month() -> None:
    desk = Desk(client(zone="UTC", recorded_at=MAY))
    desk.register.settle(MARCH, 0)
    desk.take(says("down", "2026-04-01T02:00:00Z"))
    assert desk.suspects == set()


def test_evidence_of_now_asks_nothing_of_the_book(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    monkeypatch.setattr(bearing, "owners", None)
    monkeypatch.setattr("daemon.statements.register.owners", None)
    for _ in range(1000):
        desk.register.observe(ServerId("nobody's"), at(MAY))
    desk.register.see({WITNESS: at(MAY)})
