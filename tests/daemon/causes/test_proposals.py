"""What is proposed of outages over time: once each, prolonged, let go of, accepted by terms; across restarts and storms."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from daemon.causes.proposals import Proposals
from daemon.ledger import Batch, Entry
from daemon.records.validator import Recording, Validator
from sla.book import Declared
from sla.instants import DAY, HOUR, MINUTE, SECOND, Instant
from sla.pages import ProposalPages
from sla.people import People
from sla.records import (
    Category,
    Decision,
    Exclusion,
    ExclusionEnded,
    ExclusionId,
    ExclusionWithdrawn,
    Leg,
    ProposalDecided,
    Record,
    ServerId,
)
from tests.daemon.causes.test_attributor import DOWN, UP, Site, U
from tests.daemon.monitor import finished

PEOPLE = People(employees=(r"PROV\*",), users={"acme": (r"ACME\*",)})  # type: ignore[dict-item]
CLIENTS, NOBODYS, EMPLOYEE = r"ACME\bob", "eve", r"PROV\ann"


@dataclass
class Bureau(Site):
    """A site with proposals of it."""

    propose_s: float = 60.0
    terms: Collection[Category] = ()

    def restart(self) -> None:
        super().restart()
        self.attributor._people = PEOPLE
        self.proposals = Proposals(self.monitor.book, self._accept, self.propose_s)
        self.proposals.adopt(self.terms)

    def _accept(self, id_: str, now: Instant) -> Sequence[Declared]:
        validator = Validator(self.monitor.book.evidence, {})
        return validator.acceptance(id_, Recording(at=now, by="slad"), "terms").records

    def tell(self, passed_us: int = 5 * MINUTE, **keys: object) -> Any:
        """As of the site; and what was put on record of proposals."""
        causes = super().tell(passed_us, **keys)
        self.look()
        return causes

    def look(self) -> list[Record]:
        now = self.monitor.now
        found: list[Record] = list(finished(self.proposals.due(self.attributor.looked_at, now)))
        self.record(*found)
        accepted = finished(self.proposals.accepted(now))
        self.record(*accepted)
        return [*found, *accepted]

    def record(self, *records: Record) -> None:
        if records:
            self.monitor.commit(Batch(entries=[Entry(record=record) for record in records]))

    def exclude(self, id_: str, start: Instant, end: Instant | None) -> None:
        self.record(
            Exclusion(
                id=ExclusionId(id_),
                category=Category.FORCE_MAJEURE,
                start=start,
                end=end,
                servers=(U,),
                recorded_at=self.monitor.now,
            )
        )

    def off(self, user: str = CLIENTS) -> Instant:
        """A user turned the server off a minute ago; when."""
        self.tell()
        began = Instant(self.monitor.now + 4 * MINUTE)
        self.go_down(self.event("VmPoweredOffEvent", MINUTE, server=U, user=user))
        return began

    def up(self) -> Instant:
        self.tell(observations=(self.said(U, Leg.RUNNING, UP),))
        ended = self.monitor.now
        self.tell()
        return ended

    @property
    def pages(self) -> list[ProposalPages]:
        return list(self.monitor.book.evidence.proposals.values())

    def states(self) -> list[str]:
        return ["pending" if each.decided is None else each.decided.decision.value for each in self.pages]


@pytest.fixture
def bureau() -> Bureau:
    return Bureau()


def test_an_outage_by_a_client_is_proposed_once_and_prolonged(bureau: Bureau) -> None:
    began = bureau.off()
    (pages,) = bureau.pages
    assert (pages.record.start, pages.record.end, pages.record.servers) == (began, None, (U,))
    assert (pages.record.category, pages.record.because) == (Category.CLIENT_CHANGE, ("1",))
    for _ in range(3):
        bureau.tell()
    ended = bureau.up()
    (pages,) = bureau.pages
    assert (pages.record.start, pages.record.end) == (began, ended)
    assert bureau.look() == []


def test_an_outage_by_an_employee_is_not(bureau: Bureau) -> None:
    bureau.off(EMPLOYEE)
    bureau.up()
    assert bureau.pages == []


def test_another_cause_ends_it(bureau: Bureau) -> None:
    bureau.off()
    bureau.tell(events=(bureau.event("DasHostFailedEvent", 7 * MINUTE, key="9"),))
    assert bureau.states() == ["lapsed"]


@pytest.mark.parametrize("is_new", [False, True], ids=["the same process", "another process"])
def test_it_goes_on_after_a_restart(bureau: Bureau, is_new: bool) -> None:
    began = bureau.off()
    if is_new:
        bureau.monitor.restart()
        bureau.restart()
        assert bureau.look() == []
    ended = bureau.up()
    (pages,) = bureau.pages
    assert (pages.record.start, pages.record.end) == (began, ended)


def test_an_exclusion_that_was_recorded_before_a_crash_lets_it_lapse_at_the_start(bureau: Bureau) -> None:
    began = bureau.off()
    bureau.exclude("x", began, None)
    bureau.monitor.restart()
    bureau.restart()
    bureau.look()
    assert bureau.states() == ["lapsed"]


def test_an_exclusion_of_all_of_it_ends_it_and_a_withdrawal_brings_it_back(bureau: Bureau) -> None:
    began = bureau.off()
    bureau.up()
    bureau.tell(passed_us=3 * DAY)
    bureau.exclude("x", began, Instant(began + HOUR))
    bureau.tell()
    assert bureau.states() == ["lapsed"]
    bureau.record(ExclusionWithdrawn(id=ExclusionId("x"), why="", recorded_at=bureau.monitor.now))
    bureau.tell()
    assert bureau.states() == ["lapsed", "pending"]
    assert len({each.record.id for each in bureau.pages}) == 2


def test_the_time_that_an_exclusion_leaves_is_proposed(bureau: Bureau) -> None:
    began = bureau.off()
    ended = bureau.up()
    bureau.exclude("x", began, Instant(began + MINUTE))
    bureau.tell()
    (pages,) = bureau.pages
    assert (pages.record.start, pages.record.end) == (began + MINUTE, ended)


def test_an_outage_that_outlasts_its_exclusion_is_proposed_from_then_on(bureau: Bureau) -> None:
    bureau.tell()
    until = Instant(bureau.monitor.now + 30 * MINUTE)
    bureau.exclude("x", Instant(bureau.monitor.now - HOUR), until)
    bureau.go_down(bureau.event("VmPoweredOffEvent", MINUTE, server=U, user=CLIENTS))
    assert bureau.pages == []
    for _ in range(6):
        bureau.tell()
    (pages,) = bureau.pages
    assert (pages.record.start, pages.record.end) == (until, None)


def test_an_outage_that_was_none_has_none(bureau: Bureau) -> None:
    began = bureau.off()
    passed = bureau.monitor.now - began
    bureau.tell(observations=(bureau.said(U, Leg.RUNNING, UP, 5 * MINUTE + passed),))
    bureau.tell()
    assert bureau.states() == ["lapsed"]


class TestTerms:
    """`[people] accept`."""

    @pytest.fixture
    def bureau(self) -> Bureau:
        return Bureau(terms=(Category.CLIENT_CHANGE,))

    def test_accept_what_is_proved_at_once(self, bureau: Bureau) -> None:
        began = bureau.off()
        assert bureau.states() == ["accepted"]
        (window,) = bureau.monitor.book.evidence.windows(bureau.monitor.now)
        assert (window.start, window.record.end, window.record.servers) == (began, None, (U,))
        decided = bureau.pages[0].decided
        assert decided is not None
        assert (decided.recorded_by, decided.why, decided.exclusion) == ("slad", "terms", window.id)
        for _ in range(3):
            bureau.tell()
        assert bureau.states() == ["accepted"]

    def test_accept_nothing_that_is_only_likely(self, bureau: Bureau) -> None:
        bureau.off(NOBODYS)
        assert bureau.states() == ["pending"]

    def test_accept_nothing_of_another_category(self, bureau: Bureau) -> None:
        bureau.go_down(bureau.event("VmGuestOSCrashedEvent", MINUTE, server=U))
        assert bureau.states() == ["pending"]

    def test_accept_what_waited_when_they_say_so_later(self, bureau: Bureau) -> None:
        bureau.proposals.adopt(())
        bureau.off()
        assert bureau.states() == ["pending"]
        bureau.proposals.adopt((Category.CLIENT_CHANGE,))
        bureau.look()
        assert bureau.states() == ["accepted"]

    def test_are_followed_after_a_crash_before_the_acceptance(self, bureau: Bureau) -> None:
        bureau.proposals.adopt(())
        bureau.off()
        bureau.monitor.restart()
        bureau.restart()
        bureau.look()
        assert bureau.states() == ["accepted"]

    def test_accept_nothing_that_a_person_rejected(self, bureau: Bureau) -> None:
        bureau.proposals.adopt(())
        bureau.off()
        bureau.record(
            ProposalDecided(
                id=bureau.pages[0].record.id,
                decision=Decision.REJECTED,
                exclusion=None,
                why="",
                recorded_at=bureau.monitor.now,
            )
        )
        bureau.proposals.adopt((Category.CLIENT_CHANGE,))
        bureau.tell()
        assert bureau.states() == ["rejected"]

    def test_that_were_ended_by_hand_are_not_proposed_again(self, bureau: Bureau) -> None:
        bureau.off()
        (window,) = bureau.monitor.book.evidence.windows(bureau.monitor.now)
        bureau.tell()
        now = bureau.monitor.now
        bureau.record(ExclusionEnded(id=window.id, at=Instant(now - MINUTE), recorded_at=now))
        bureau.tell()
        assert bureau.states() == ["accepted"]


@pytest.mark.parametrize("terms", [(), (Category.CLIENT_CHANGE,)], ids=["by people", "by terms"])
def test_a_storm_is_proposed_once_each_and_in_slices(terms: Collection[Category]) -> None:
    storm = Bureau(servers=300, hosts=10, propose_s=0.0, terms=terms)
    servers = [ServerId(f"u{n}") for n in range(300)]
    storm.tell(
        observations=tuple(storm.said(server, Leg.RUNNING, DOWN, MINUTE) for server in servers),
        events=tuple(
            storm.event("VmPoweredOffEvent", MINUTE, server=server, user=CLIENTS, key=str(n))
            for n, server in enumerate(servers)
        ),
    )
    storm.tell(passed_us=SECOND)
    assert storm.proposals.is_behind
    ticks = 0
    while storm.proposals.is_behind:
        storm.tell(passed_us=SECOND)
        ticks += 1
    assert ticks > 1
    assert len(storm.pages) == 300
    assert {each.record.servers for each in storm.pages} == {(server,) for server in servers}
    assert set(storm.states()) == ({"accepted"} if terms else {"pending"})
