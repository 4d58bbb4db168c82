"""Who lists what: ids, contenders, departures and start-ups, without records."""

from daemon.servers.listings import STARTUP_LIMIT_US, Listings
from probes.report import ListedServer, Report
from sla.instants import MINUTE, Instant
from sla.records import Leg, Observation, ServerId, State, Witness

NOON = Instant(1_773_144_000_000_000)
GRACE_US = 5 * MINUTE
U = ServerId("u")


def listed(uuid: str) -> ListedServer:
    return ListedServer(server=ServerId(uuid), name=uuid)


def listings_of(*uuids: str, source: str = "vc1") -> Listings:
    listings = Listings()
    listings.hear(source, NOON)
    for uuid in uuids:
        assert listings.place(source, listed(uuid), NOON) == uuid
    return listings


def test_the_first_source_keeps_a_uuid_and_the_other_contends_for_it() -> None:
    listings = listings_of("u")
    assert listings.place("vc2", listed("u"), NOON) is None
    assert listings.id_of("vc2", U) is None
    assert listings.contender_for(U) == "vc2"


def test_a_contender_is_another_server_once_it_has_run_beside_the_first_for_grace() -> None:
    listings = listings_of("u")
    listings.place("vc2", listed("u"), NOON)
    assert listings.ripe_contenders(Instant(NOON + GRACE_US), GRACE_US) == [], "nobody saw it run"
    listings.contenders["vc2", U].keep(
        Observation(witness=Witness("mon", "vc2"), server=U, leg=Leg.RUNNING, state=State.UP, at=NOON)
    )
    listings.hear("vc1", Instant(NOON + 2 * GRACE_US - 1))
    assert listings.ripe_contenders(Instant(NOON + 3 * GRACE_US), GRACE_US) == [], "the first was not heard"
    listings.hear("vc1", Instant(NOON + 2 * GRACE_US))
    assert listings.ripe_contenders(Instant(NOON + 2 * GRACE_US - 1), GRACE_US) == []
    assert listings.ripe_contenders(Instant(NOON + 2 * GRACE_US), GRACE_US) == [("vc2", U)]


def test_a_contender_becomes_a_server_of_its_own_under_an_alias() -> None:
    listings = listings_of("u")
    listings.place("vc2", listed("u"), NOON)
    alias, _ = listings.separate("vc2", U)
    assert alias == "u@vc2"
    assert (listings.id_of("vc1", U), listings.id_of("vc2", U)) == ("u", "u@vc2")
    assert list(listings.of_source("vc2")) == [("u@vc2", "u")]
    assert listings.contender_for(U) is None


def test_a_contender_takes_the_place_of_a_server_that_departed() -> None:
    listings = listings_of("u", "v", "w")
    listings.place("vc2", listed("u"), NOON)
    assert [server for server, _ in listings.depart("vc1", [(U, NOON)], NOON)] == ["u"]
    listings.promote("vc2", U)
    assert (listings.by_id[U].source, listings.by_id[U].departed_at) == ("vc2", None)
    assert list(listings.overdue(Instant(NOON + STARTUP_LIMIT_US), GRACE_US)) == []


def test_a_contender_that_its_source_lists_no_longer_is_forgotten() -> None:
    listings = listings_of("u")
    listings.place("vc2", listed("u"), NOON)
    listings.forget_contenders(Report(source="vc1", fresh=True))
    assert listings.contender_for(U) == "vc2"
    listings.forget_contenders(Report(source="vc2", fresh=True))
    assert listings.contender_for(U) is None


def test_a_departure_is_overdue_after_grace_and_told_once() -> None:
    listings = listings_of("u", "v", "w")
    list(listings.depart("vc1", [(U, NOON)], NOON))
    assert list(listings.overdue(Instant(NOON + GRACE_US - 1), GRACE_US)) == []
    assert list(listings.overdue(Instant(NOON + GRACE_US), GRACE_US)) == [("u", NOON)]
    assert list(listings.overdue(Instant(NOON + GRACE_US), GRACE_US)) == []


def test_when_most_of_an_inventory_is_gone_its_source_starts_up_until_most_is_back() -> None:
    listings = listings_of("u", "v", "w")
    gone = [(ServerId(uuid), NOON) for uuid in "uvw"]
    assert all(listing.starting_up for _, listing in listings.depart("vc1", gone, NOON))
    later = Instant(NOON + GRACE_US)
    assert list(listings.overdue(later, GRACE_US)) == []
    assert listings.come_back(U, later, GRACE_US).may_have_run
    listings.come_back(ServerId("v"), later, GRACE_US)
    listings.look_for_startup_end("vc1", later)
    assert list(listings.overdue(Instant(later + GRACE_US - 1), GRACE_US)) == []
    assert list(listings.overdue(Instant(later + GRACE_US), GRACE_US)) == [("w", NOON)]


def test_a_start_up_is_believed_in_for_a_day() -> None:
    listings = listings_of("u", "v")
    list(listings.depart("vc1", [(U, NOON), (ServerId("v"), NOON)], NOON))
    assert list(listings.overdue(Instant(NOON + STARTUP_LIMIT_US - 1), GRACE_US)) == []
    assert len(list(listings.overdue(Instant(NOON + STARTUP_LIMIT_US), GRACE_US))) == 2


def test_a_gap_within_one_source_was_no_time_in_which_the_server_ran() -> None:
    listings = listings_of("u", "v", "w")
    list(listings.depart("vc1", [(U, NOON)], NOON))
    absence = listings.come_back(U, Instant(NOON + MINUTE), GRACE_US)
    assert (absence.since, absence.may_have_run) == (NOON, False)


def test_in_a_short_gap_between_two_sources_it_may_have_run() -> None:
    for gone_for, expected in ((GRACE_US - 1, True), (GRACE_US, False)):
        listings = listings_of("u", "v", "w")
        listings.hear("vc2", NOON)
        list(listings.depart("vc1", [(U, NOON)], NOON))
        back_at = Instant(NOON + gone_for)
        assert listings.place("vc2", listed("u"), back_at) == "u"
        assert listings.come_back(U, back_at, GRACE_US).may_have_run is expected


def test_before_a_source_was_heard_a_server_may_have_run_there() -> None:
    listings = listings_of("u", "v", "w")
    list(listings.depart("vc1", [(U, NOON)], NOON))
    much_later = Instant(NOON + 10 * GRACE_US)
    listings.hear("vc2", much_later)
    listings.place("vc2", listed("u"), much_later)
    assert listings.come_back(U, much_later, GRACE_US).may_have_run


def test_what_a_source_named_twice_departs_once() -> None:
    listings = listings_of("u", "v", "w")
    assert len(list(listings.depart("vc1", [(U, NOON), (U, Instant(NOON + 1))], NOON))) == 1
    assert listings.by_id[U].departed_at == NOON
