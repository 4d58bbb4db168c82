"""Which outages are one incident."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, count, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.grouping import TOGETHER_US, Grouping, grounds_of
from sla.instants import MINUTE, SECOND, Instant, parse_instant
from sla.records import Cause, CauseKind, Confidence, ServerId

START = parse_instant("2026-11-18T12:00:00Z")


def cause(
    after_us: int = 0,
    kind: CauseKind = CauseKind.STORAGE,
    host: str = "",
    datastore: str = "",
    uplink: str = "",
    user: str | None = None,
) -> Cause:
    return Cause(
        server=ServerId("u"),
        start=Instant(START + after_us),
        cause=kind,
        confidence=Confidence.PROVED,
        user=user,
        because=(),
        text="",
        host=host,
        datastore=datastore,
        uplink=uplink,
        recorded_at=START,
    )


def ids(*causes: Cause, source: str = "vc", incidents: Grouping | None = None) -> list[str]:
    """The ids of the causes' incidents, once all are known."""
    incidents = incidents or Grouping()
    numbers = count(1)
    of = [incidents.of(each, source) for each in causes]
    return [each.id(lambda: f"i{next(numbers)}") for each in of]


def are_one(*causes: Cause) -> bool:
    return len(set(ids(*causes))) == 1


def test_same_host_or_same_datastore() -> None:
    assert are_one(cause(host="a", datastore="x"), cause(host="a", datastore="y"))
    assert are_one(cause(host="a", datastore="x"), cause(host="b", datastore="x"))
    assert not are_one(cause(host="a", datastore="x"), cause(host="b", datastore="y"))


def test_same_uplink() -> None:
    one, other = (cause(kind=CauseKind.NETWORK, uplink=uplink) for uplink in ("dsl", "fibre"))
    assert are_one(one, one)
    assert not are_one(one, other)


def test_another_cause_is_another_incident() -> None:
    assert not are_one(cause(host="a"), cause(host="a", kind=CauseKind.HOST_FAILURE))


def test_what_two_users_did_on_a_host_is_not_one_thing() -> None:
    def by(user: str) -> Cause:
        return cause(kind=CauseKind.CLIENT_CHANGE, host="a", user=user)

    assert are_one(by("Ann"), by("ann"))
    assert not are_one(by("ann"), by("bob"))


def test_what_is_not_known_is_nothing_in_common() -> None:
    assert not are_one(cause(), cause())
    assert not are_one(cause(kind=CauseKind.NETWORK), cause(kind=CauseKind.NETWORK))


def test_names_of_two_vcenters_are_not_the_same() -> None:
    incidents = Grouping()
    (one,) = ids(cause(datastore="datastore1"), source="vc1", incidents=incidents)
    other = incidents.of(cause(datastore="datastore1"), "vc2")
    assert other.id(lambda: "another") == "another" != one


@pytest.mark.parametrize(("apart_us", "one"), [(TOGETHER_US, True), (TOGETHER_US + 1, False)])
def test_within_two_minutes_of_each_other(apart_us: int, one: bool) -> None:
    assert are_one(cause(host="a"), cause(apart_us, host="a")) is one
    assert are_one(cause(apart_us, host="a"), cause(host="a")) is one


def test_two_minutes_of_all_others() -> None:
    first, middle, last = (cause(minutes * MINUTE, host="a") for minutes in (0, 1, 3))
    assert ids(first, middle, last) == ["i1", "i1", "i2"]
    assert ids(last, middle, first) == ["i1", "i1", "i2"]


def test_one_that_stands_between_two_makes_them_one() -> None:
    three = (
        cause(host="a", datastore="x"),
        cause(host="b", datastore="y"),
        cause(host="b", datastore="x"),
    )
    for order in permutations(three):
        assert are_one(*order)


def test_those_on_record_go_on_and_stay_what_they_are() -> None:
    incidents = Grouping()
    incidents.remember(replace(cause(host="a", datastore="x"), incident="old"), "vc")
    incidents.remember(replace(cause(SECOND, host="b", datastore="y"), incident="new"), "vc")
    between = cause(host="b", datastore="x")
    assert ids(between, cause(host="b"), incidents=incidents) == ["old", "old"]
    assert ids(cause(datastore="y"), incidents=incidents) == ["new"]


def test_what_is_forgotten_is_joined_no_more() -> None:
    incidents = Grouping()
    (one,) = ids(cause(host="a"), incidents=incidents)
    incidents.forget(START)
    assert ids(cause(host="a"), incidents=incidents) == [one]
    incidents.forget(Instant(START + 1))
    assert incidents.of(cause(host="a"), "vc").known_as == ""


CAUSES = st.builds(
    cause,
    st.integers(0, 6 * MINUTE),
    st.sampled_from((CauseKind.STORAGE, CauseKind.HOST_FAILURE, CauseKind.NETWORK)),
    st.sampled_from(("", "a", "b", "c")),
    st.sampled_from(("", "x", "y", "z")),
    st.sampled_from(("", "dsl")),
)


@given(st.lists(CAUSES, max_size=12))
def test_each_incident_is_one_thing(causes: Sequence[Cause]) -> None:
    of: dict[str, list[Cause]] = {}
    for each, incident in zip(causes, ids(*causes), strict=True):
        of.setdefault(incident, []).append(each)
    for members in of.values():
        assert max(each.start for each in members) - min(each.start for each in members) <= TOGETHER_US
        assert len({each.cause for each in members}) == 1
        assert _is_connected(members)


def _is_connected(members: Sequence[Cause]) -> bool:
    reached = {0}
    for _ in members:
        for one, other in combinations(range(len(members)), 2):
            if set(grounds_of(members[one], "vc")) & set(grounds_of(members[other], "vc")) and reached & {
                one,
                other,
            }:
                reached |= {one, other}
    return len(reached) == len(members)
