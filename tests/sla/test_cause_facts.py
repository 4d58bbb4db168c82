"""`spec/causes.md`: what is looked at, whose user it is, and what holds of all causes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.cause_events import CAUSE_EVENTS, CauseEvent, Component
from sla.causes import PROPOSES, Placement
from sla.instants import HOUR, MINUTE, SECOND, Instant
from sla.people import ActsFor, People
from sla.records import Category, CauseKind, Confidence, Leg
from tests.sla.cases import (
    ACME,
    APD,
    CLIENTS,
    EMPLOYEE,
    END,
    HOST,
    HOST_FAILED,
    NAMESAKE_HOST,
    NAMESAKE_STORE,
    NOBODYS,
    OFF,
    OTHER_HOST,
    OTHER_SERVER,
    OTHER_STORE,
    PEOPLE,
    RESTARTED,
    START,
    STORE,
    UNKNOWN,
    cause,
    of_host,
    of_server,
    verdict,
)


class TestWhatIsLookedAt:
    """Windows, and whose events count."""

    @pytest.mark.parametrize(
        "event", [of_server("VmGuestOSCrashedEvent"), of_host(HOST_FAILED), of_host(APD)]
    )
    def test_events_count_from_15_minutes_before_to_2_minutes_after_the_start(
        self, event: CauseEvent
    ) -> None:
        for offset, counts in (
            (-15 * MINUTE - 1, False),
            (-15 * MINUTE, True),
            (2 * MINUTE, True),
            (2 * MINUTE + 1, False),
        ):
            assert (verdict(replace(event, at=Instant(START + offset))) != UNKNOWN) is counts

    def test_restarts_by_ha_count_to_the_end(self) -> None:
        assert verdict(of_server(RESTARTED, HOUR)) == ("host_failure", "proved")
        assert verdict(of_server(RESTARTED, HOUR + 1)) == UNKNOWN
        assert verdict(of_server(RESTARTED, 24 * HOUR), end=None) == ("host_failure", "proved")
        soon = Instant(START + SECOND)
        assert verdict(of_server(RESTARTED, 2 * MINUTE), end=soon) == ("host_failure", "proved")

    @pytest.mark.parametrize("other", [OTHER_HOST, NAMESAKE_HOST, None])
    @pytest.mark.parametrize("kind", [HOST_FAILED, APD])
    def test_an_event_about_another_host_proves_nothing(self, kind: str, other: Component | None) -> None:
        assert verdict(of_host(kind, host=other)) == UNKNOWN

    @pytest.mark.parametrize("other", [OTHER_STORE, NAMESAKE_STORE])
    def test_an_event_about_another_datastore_proves_nothing(self, other: Component) -> None:
        assert verdict(of_host(APD, datastore=other)) == UNKNOWN
        assert verdict(of_server("com.vmware.vc.HA.VmcpTerminatingVm", datastore=other)) == UNKNOWN

    def test_hosts_count_on_which_it_was_within_15_minutes_before_the_start(self) -> None:
        stores = frozenset({STORE})

        def placed(left: int) -> tuple[Placement, ...]:
            moved_at = Instant(START + left)
            before = Placement(OTHER_HOST, stores, Instant(START - HOUR), moved_at)
            return before, Placement(HOST, stores, moved_at, None)

        failed = of_host(HOST_FAILED, -14 * MINUTE, host=OTHER_HOST)
        assert verdict(failed, placements=placed(-15 * MINUTE + 1)) == ("host_failure", "proved")
        assert verdict(failed, placements=placed(-15 * MINUTE)) == UNKNOWN

    def test_hosts_count_on_which_it_was_before_the_end(self) -> None:
        stores = frozenset({STORE})
        failed = of_host(HOST_FAILED, MINUTE, host=OTHER_HOST)
        for came, found in ((-1, ("host_failure", "proved")), (0, UNKNOWN)):
            placed = (
                Placement(HOST, stores, Instant(START - HOUR), Instant(END + came)),
                Placement(OTHER_HOST, stores, Instant(END + came), None),
            )
            assert verdict(failed, placements=placed) == found

    def test_a_server_of_which_no_placement_is_known_is_judged_by_its_own_events(self) -> None:
        assert verdict(of_host(HOST_FAILED), placements=()) == UNKNOWN
        assert verdict(of_server(OFF, user=CLIENTS), placements=()) == ("client_change", "proved")


class TestWhoseUserItIs:
    """By the patterns of people, without regard to case."""

    def of(self, user: str, people: People = PEOPLE) -> tuple[str, str]:
        return verdict(of_server(OFF, user=user), people=people)

    @pytest.mark.parametrize(
        ("user", "found"),
        [
            (r"PROV\svc-backup", ("provider_change", "proved")),
            (r"prov\SVC-backup", ("provider_change", "proved")),
            ("portal-7", ("client_change", "proved")),
            (EMPLOYEE, ("provider_change", "proved")),
            (CLIENTS, ("client_change", "proved")),
            (r"GLOBEX\gus", ("client_change", "proved")),
            (NOBODYS, ("client_change", "likely")),
            (rf"x{EMPLOYEE}", ("client_change", "likely")),
        ],
    )
    def test_in_order_and_whole(self, user: str, found: tuple[str, str]) -> None:
        assert self.of(user) == found
        assert cause(of_server(OFF, user=user)).user == user

    def test_the_text_says_whose(self) -> None:
        def text(user: str) -> str:
            return cause(of_server(OFF, user=user)).text

        assert "acme" in text(CLIENTS)
        assert "globex" in text(r"GLOBEX\gus")
        assert "no pattern names" in text(NOBODYS)

    def test_automation_goes_before_employees_and_these_before_clients(self) -> None:
        everybody = People(automation={"a*": ActsFor.CLIENT}, employees=("*b",), users={ACME: ("*",)})
        assert self.of("ab", everybody) == ("client_change", "proved")
        assert self.of("xb", everybody) == ("provider_change", "proved")
        assert self.of("x", everybody) == ("client_change", "proved")

    def test_without_employees_nobody_is_called_anything(self) -> None:
        people = replace(PEOPLE, employees=())
        for user in (EMPLOYEE, CLIENTS, NOBODYS):
            found = cause(of_server(OFF, user=user), people=people)
            assert (found.cause, found.confidence) == (CauseKind.UNKNOWN, Confidence.NONE)
            assert user in found.text
        assert self.of(r"PROV\svc-x", people) == ("provider_change", "proved")

    def test_what_looks_like_another_kind_of_pattern_is_text(self) -> None:
        people = People(employees=("[a-z]+", "a.c", "d?f"))
        assert self.of("[A-Z]+", people)[0] == "provider_change"
        assert self.of("abc", people)[0] == "client_change"
        assert self.of("dEf", people)[0] == "provider_change"


def test_two_causes_propose_an_exclusion() -> None:
    assert {cause.value: category.value for cause, category in PROPOSES.items()} == {
        "client_change": "client_change",
        "guest": "client_system",
    }
    assert set(PROPOSES.values()) <= set(Category)


MAKERS: Final[tuple[Callable[..., CauseEvent], ...]] = (of_server, of_host)
EVENTS = st.lists(
    st.builds(
        lambda make, kind, offset, user, reason: make(kind, offset * 10 * SECOND, user=user, reason=reason),
        st.sampled_from(MAKERS),
        st.sampled_from(sorted(CAUSE_EVENTS)),
        st.integers(-100, 20),
        st.sampled_from(["", EMPLOYEE, CLIENTS, NOBODYS]),
        st.sampled_from(["", "vmcpResetApdCleared"]),
    ),
    max_size=8,
)


@given(events=EVENTS, data=st.data(), down=st.sets(st.sampled_from(Leg), min_size=1))
def test_the_order_in_which_events_come_is_nothing(
    events: list[CauseEvent], data: st.DataObject, down: set[Leg]
) -> None:
    shuffled = data.draw(st.permutations(events))
    assert cause(*events, down=tuple(down)) == cause(*shuffled, down=tuple(down))


@given(events=EVENTS, others=EVENTS)
def test_events_about_others_prove_nothing(events: list[CauseEvent], others: list[CauseEvent]) -> None:
    about_others = [
        replace(each, server=OTHER_SERVER) if each.server else replace(each, host=OTHER_HOST)
        for each in others
    ]
    assert cause(*events, *about_others) == cause(*events)


@given(events=EVENTS)
def test_what_is_named_as_proof_proves_it(events: list[CauseEvent]) -> None:
    found = cause(*events)
    if found.because:
        assert cause(*(each for each in events if each.key in found.because)).cause is found.cause
    else:
        assert found.cause is CauseKind.UNKNOWN
