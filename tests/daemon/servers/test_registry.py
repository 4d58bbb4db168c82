"""Which servers are in service, whose they are and since when, whatever vCenter lists: spec §3."""

from dataclasses import replace

import pytest

from daemon.servers.listings import STARTUP_LIMIT_US
from daemon.servers.policy import Owner
from daemon.servers.services import PROVISIONAL
from probes.report import Departed, ListedServer, Report, SourceEvent
from sla.instants import DAY, HOUR, MINUTE, SECOND, Instant, parse_instant
from sla.reasons import PlainReason
from sla.records import Blind, ClientId, Leg, Observation, ServerId, State, Witness
from sla.service import parts_of
from tests.daemon.monitor import GRACE_US, START, Monitor, Source, Vm, policy, servers
from tests.daemon.servers.watched import LONG_US, watched

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN


# The beginning of service, and whose it is


def test_service_begins_when_a_server_is_first_seen_running() -> None:
    monitor, source = watched(Vm("u1", "acme-1", on=False), Vm("u2", "acme-2"))
    assert [record.id for record, _ in monitor.records if record.kind == "server"] == ["u2"]  # type: ignore[union-attr]
    source.vms["u1"].on = True
    (record,) = servers(source.look())
    assert (record.id, record.in_service_from, record.client) == ("u1", START + MINUTE, "acme")
    assert monitor.history("u1", record.in_service_from) == []


def test_what_was_said_before_service_began_is_on_record_from_its_beginning() -> None:
    monitor, source = watched(Vm("u1", "acme-1", on=False))
    source.vms["u1"].on = True
    source.look()
    source.look()
    assert monitor.history("u1", Instant(START + MINUTE)) == [(UP, 1)]


def test_an_ignored_server_is_never_in_service() -> None:
    monitor, source = watched(Vm("u1", "ignored-1"))
    source.vms["u1"].on = False
    source.look()
    source.vms["u1"].on = True
    source.look(fresh=True)
    del source.vms["u1"]
    source.look()
    source.look(passed_us=LONG_US)
    assert {record.kind for record, _ in monitor.records} == {"client", "blind"}


def test_a_server_that_was_never_in_service_leaves_without_a_trace() -> None:
    _monitor, source = watched(Vm("u1", "acme-1", on=False))
    del source.vms["u1"]
    assert source.look() == []
    assert source.look(passed_us=LONG_US) == []


def test_a_rename_corrects_the_record_and_begins_nothing() -> None:
    monitor, source = watched(Vm("u1", "acme-1"))
    source.vms["u1"].name = "acme-2"
    (record,) = source.look()
    assert record == replace(monitor.record("u1"), name="acme-2", in_service_from=START)
    assert len(parts_of(monitor.book.evidence.servers[ServerId("u1")].records)) == 1


def test_another_owner_holds_it_from_the_instant_at_which_that_was_seen() -> None:
    monitor, source = watched(Vm("u1", "acme-1"))
    source.vms["u1"].name = "beta-1"
    ended, begun = servers(source.look())
    first, second = parts_of(monitor.book.evidence.servers[ServerId("u1")].records)
    assert (first.client, first.end, second.client, second.start) == (
        "acme",
        START + MINUTE,
        "beta",
        START + MINUTE,
    )
    assert (ended.client, ended.name, ended.in_service_until) == ("acme", "acme-1", START + MINUTE)
    assert (begun.client, begun.name, begun.in_service_until) == ("beta", "beta-1", None)
    assert not second.moved_in, "an end and a beginning: neither record tells of both clients"


def test_a_server_moved_to_another_solution_is_a_move_too() -> None:
    monitor, source = watched(Vm("u1", "acme-web-1"))
    source.vms["u1"].name = "acme-db-1"
    source.look()
    assert [part.solution for part in parts_of(monitor.book.evidence.servers[ServerId("u1")].records)] == [
        "acme-web",
        "acme-db",
    ]


def test_a_server_that_no_san_holds_is_not_judged_by_the_leg_san() -> None:
    monitor, source = watched(Vm("u1", "acme-1"))
    assert monitor.record("u1").legs == (Leg.RUNNING, Leg.SAN)
    source.vms["u1"].san = False
    source.look()
    assert monitor.record("u1").legs == (Leg.RUNNING,)
    assert monitor.record("u1").in_service_from == START
    source.vms["u1"].san = True
    source.look()
    assert monitor.record("u1").legs == (Leg.RUNNING, Leg.SAN)


def test_a_record_is_recorded_when_it_is_written_and_not_when_the_answer_came() -> None:
    monitor, source = watched(Vm("u1", "acme-1"))
    event = SourceEvent(key="1", type="X", at=START, server=ServerId("u1"), user="", text="")
    monitor.now = Instant(START + MINUTE)
    source.vms["u1"].name = "acme-2"
    late = source.report()
    monitor.tell(Report(source="vc2", events=(event,)), late, passed_us=10 * SECOND)
    assert monitor.record("u1").recorded_at == START + MINUTE + 10 * SECOND


# Rules that change


def test_rules_that_change_move_servers_at_once() -> None:
    monitor, _ = watched(Vm("u1", "acme-1"), Vm("u2", "beta-2"))
    monitor.now = Instant(START + MINUTE)
    all_beta = policy(rule=lambda source, sighted: Owner(client=ClientId("beta")))
    ended, record = servers(monitor.configure(all_beta))
    assert (ended.client, ended.in_service_until) == ("acme", START + MINUTE)
    assert record == monitor.record("u1")
    assert (monitor.record("u1").client, monitor.record("u1").in_service_from) == ("beta", START + MINUTE)


def test_rules_that_ignore_a_server_end_its_service_and_that_is_not_provisional() -> None:
    monitor, source = watched(Vm("u1", "acme-1"))
    source.vms["u1"].name = "ignored-1"
    source.look()
    assert monitor.record("u1").in_service_until == START + MINUTE
    assert monitor.record("u1").extra == ()


@pytest.mark.parametrize("restart", [False, True])
def test_a_server_that_is_ignored_is_not_back_in_service_because_it_is_seen(restart: bool) -> None:
    monitor, source = watched(Vm("u1", "acme-1"))
    source.vms["u1"].name = "ignored-1"
    source.look()
    if restart:
        monitor.restart()
        source.restarted()
    assert servers(source.look(fresh=True)) == []
    del source.vms["u1"]
    source.look()
    source.look(passed_us=LONG_US)
    source.add(Vm("u1", "ignored-1"))
    assert source.look() == []
    assert monitor.record("u1").in_service_until == START + MINUTE


@pytest.mark.parametrize("restart", [False, True])
def test_a_server_that_is_no_longer_ignored_is_in_service_from_then_on(restart: bool) -> None:
    monitor, source = watched(Vm("u1", "acme-1"))
    source.vms["u1"].name = "ignored-1"
    source.look()
    if restart:
        monitor.restart()
        source.restarted()
        source.look()
    source.vms["u1"].name = "acme-1"
    (record,) = servers(source.look(passed_us=HOUR))
    assert record.in_service_from == monitor.now
    assert record.in_service_until is None
    source.look()
    assert monitor.history("u1", record.in_service_from) == [(UP, 1)]


def test_a_server_ignored_while_it_was_off_is_in_service_again_once_it_runs() -> None:
    monitor, source = watched(Vm("u1", "acme-1"))
    source.vms["u1"].name = "ignored-1"
    source.look()
    source.vms["u1"].on = False
    source.look()
    source.vms["u1"].name = "acme-1"
    assert servers(source.look()) == []
    source.vms["u1"].on = True
    (record,) = servers(source.look())
    assert record.in_service_from == monitor.now


def test_what_an_ignored_server_did_before_a_restart_is_not_known_after_it() -> None:
    """Its evidence ended with its service; the newest says that it ran, and it was switched off since."""
    monitor, source = watched(Vm("u1", "acme-1"))
    source.vms["u1"].name = "ignored-1"
    source.look()
    source.vms["u1"].on = False
    source.look()
    monitor.restart()
    source.restarted()
    monitor.configure(policy(rule=lambda source, sighted: Owner(client=ClientId("acme"))))
    assert servers(source.look(fresh=True)) == []
    source.vms["u1"].on = True
    (record,) = servers(source.look())
    assert record.in_service_from == monitor.now


def test_a_vcenter_that_is_no_longer_watched_leaves_its_servers_in_service_and_unknown() -> None:
    monitor, _ = watched(Vm("u1", "acme-1"))
    assert monitor.configure(policy("vc2")) == []
    assert monitor.tell(passed_us=DAY) == []
    assert monitor.record("u1").in_service_until is None
    assert monitor.history("u1") == [(UNKNOWN, DAY / MINUTE)]


@pytest.mark.parametrize("restart", [False, True])
def test_a_vcenter_that_goes_by_another_name_has_the_same_servers(restart: bool) -> None:
    monitor, _ = watched(Vm("u1", "acme-1"))
    monitor.policy = policy("main")
    if restart:
        monitor.restart()
    else:
        monitor.configure(monitor.policy)
    renamed = Source(monitor, "main")
    renamed.add(Vm("u1", "acme-1"))
    renamed.look()
    renamed.look(passed_us=LONG_US)
    assert set(monitor.book.evidence.servers) == {"u1"}
    assert monitor.history("u1", Instant(START + MINUTE)) == [(UP, LONG_US / MINUTE)]


# Leaving the inventory


def gone(*, now: Instant = START) -> tuple[Monitor, Source]:
    """A server among others that left the inventory a minute after `now`."""
    monitor, source = watched(
        Vm("u1", "acme-1"), Vm("u2", "acme-2"), Vm("u3", "acme-3"), Vm("u4", "acme-4"), now=now
    )
    del source.vms["u1"]
    source.look()
    return monitor, source


def test_a_server_that_leaves_the_inventory_is_unknown_at_once() -> None:
    monitor, source = gone()
    said = [record for record, _ in monitor.records if isinstance(record, Observation)][-2:]
    assert [(o.leg, o.state, o.at, o.reason) for o in said] == [
        (Leg.RUNNING, UNKNOWN, START + MINUTE, PlainReason.NOT_LISTED),
        (Leg.SAN, UNKNOWN, START + MINUTE, PlainReason.NOT_LISTED),
    ]
    source.look()
    assert monitor.history("u1") == [(UP, 1), (UNKNOWN, 1)]


def test_after_grace_its_service_ended_provisionally_when_it_left() -> None:
    _monitor, source = gone()
    assert servers(source.look(passed_us=GRACE_US - 1)) == []
    (record,) = servers(source.look(passed_us=1))
    assert (record.in_service_until, record.extra) == (START + MINUTE, (PROVISIONAL,))


def test_back_within_grace_its_service_never_ended_and_the_gap_is_down() -> None:
    monitor, source = gone()
    source.add(Vm("u1", "acme-1"))
    assert servers(source.look()) == []
    source.look()
    assert monitor.history("u1") == [(UP, 1), (DOWN, 1), (UP, 1)]


@pytest.mark.parametrize("restart", [False, True])
def test_back_within_the_month_its_service_never_ended_and_the_gap_is_down(restart: bool) -> None:
    monitor, source = gone()
    source.look(passed_us=LONG_US)
    if restart:
        monitor.restart()
        source.restarted()
        source.look()
    source.add(Vm("u1", "acme-1"))
    (record,) = servers(source.look(passed_us=DAY))
    assert (record.in_service_from, record.in_service_until, record.extra) == (START, None, ())
    source.look()
    nobody_watched = [(UNKNOWN, 1), (DOWN, DAY / MINUTE)]
    assert monitor.history("u1") == [
        (UP, 1),
        *([(DOWN, LONG_US / MINUTE), *nobody_watched] if restart else [(DOWN, (DAY + LONG_US) / MINUTE)]),
        (UP, 1),
    ]
    assert len(parts_of(monitor.book.evidence.servers[ServerId("u1")].records)) == 1


@pytest.mark.parametrize(
    ("back_at", "new_period"), [("2026-04-01T02:29:59Z", False), ("2026-04-01T02:30:00Z", True)]
)
def test_the_month_is_that_of_the_clients_zone(back_at: str, new_period: bool) -> None:
    """In St. John's April begins at 02:30 UTC."""
    left_at = parse_instant("2026-03-31T23:00:00Z")
    monitor, source = gone(now=Instant(left_at - MINUTE))
    source.look(passed_us=LONG_US)
    source.add(Vm("u1", "acme-1"))
    source.look(passed_us=parse_instant(back_at) - monitor.now)
    parts = parts_of(monitor.book.evidence.servers[ServerId("u1")].records)
    assert len(parts) == (2 if new_period else 1)
    assert monitor.record("u1").in_service_from == (
        parse_instant(back_at) if new_period else left_at - MINUTE
    )


@pytest.mark.parametrize("restart", [False, True])
def test_back_in_a_later_month_a_new_period_begins_once_it_runs(restart: bool) -> None:
    monitor, source = gone()
    source.look(passed_us=LONG_US)
    if restart:
        monitor.restart()
        source.restarted()
    source.add(Vm("u1", "acme-1", on=False))
    assert servers(source.look(passed_us=40 * DAY)) == []
    del source.vms["u1"]
    source.look()
    source.add(Vm("u1", "beta-1", on=False))
    assert servers(source.look()) == [], "it did not run: there is nothing to cancel"
    source.vms["u1"].on = True
    (record,) = servers(source.look())
    assert (record.client, record.in_service_from) == ("beta", monitor.now)
    first, second = parts_of(monitor.book.evidence.servers[ServerId("u1")].records)
    assert (first.end, second.start) == (START + MINUTE, record.in_service_from)


def test_a_restart_remembers_since_when_a_server_is_gone() -> None:
    monitor, source = gone()
    monitor.restart()
    source.restarted()
    assert servers(monitor.tell(passed_us=LONG_US)) == [], "its vCenter has not been heard yet"
    (record,) = servers(source.look())
    assert record.in_service_until == START + MINUTE
    source.add(Vm("u1", "acme-1"))
    source.look()
    source.look()
    minutes = (monitor.now - START) / MINUTE
    # Of the restart, the minute before and after the first look, nobody knows.
    assert monitor.history("u1")[0] == (UP, 1)
    assert monitor.history("u1")[-1] == (UP, 1)
    assert sum(lasted for state, lasted in monitor.history("u1") if state is DOWN) >= 1
    assert sum(lasted for _, lasted in monitor.history("u1")) == minutes


def test_a_server_that_left_while_nobody_watched_left_when_that_was_seen() -> None:
    monitor, source = watched(Vm("u1", "acme-1"), Vm("u2", "acme-2"), Vm("u3", "acme-3"), Vm("u4", "acme-4"))
    monitor.restart()
    source.restarted()
    del source.vms["u1"]
    source.look(passed_us=HOUR)
    source.look(passed_us=LONG_US)
    assert monitor.record("u1").in_service_until == START + HOUR
    assert monitor.history("u1") == [(UNKNOWN, (HOUR + LONG_US) / MINUTE)]


def test_a_restart_on_an_unchanged_inventory_records_nothing_but_the_gap() -> None:
    monitor, source = watched(Vm("u1", "acme-1"), Vm("u2", "beta-web-2", on=False), Vm("u3", "ignored-3"))
    source.look()
    monitor.restart()
    source.restarted()
    assert [record.kind for record in source.look()] == ["blind"]


# A vCenter that starts up


def fleet(size: int = 10) -> tuple[Monitor, Source]:
    monitor, source = watched(*(Vm(f"u{number}", f"acme-{number}") for number in range(size)))
    return monitor, source


@pytest.mark.parametrize("restart", [False, True])
def test_when_most_of_the_inventory_is_gone_at_once_nothing_is_concluded(restart: bool) -> None:
    monitor, source = fleet()
    vms, source.vms = source.vms, {}
    source.look(fresh=True)
    if restart:
        monitor.restart()
        source.restarted()
    for uuid, vm in vms.items():
        source.add(vm)
        assert servers(source.look()) == [], uuid
    source.look()
    for uuid in vms:
        assert DOWN not in {state for state, _ in monitor.history(uuid)}
        assert monitor.history(uuid)[-1][0] is UP


def test_it_says_on_record_that_the_vcenter_may_be_starting_up() -> None:
    _monitor, source = fleet(2)
    source.vms = {}
    said = [record for record in source.look() if isinstance(record, Observation)]
    assert {observation.reason for observation in said} == {PlainReason.STARTING_UP}


def test_who_is_not_back_when_most_are_has_grace_from_then_on() -> None:
    monitor, source = fleet()
    vms, source.vms = source.vms, {}
    source.look(fresh=True)
    left_at = monitor.now
    missing = vms.pop("u0")
    source.add(*vms.values())
    source.look(passed_us=HOUR)
    assert servers(source.look(passed_us=GRACE_US - 1)) == []
    (record,) = servers(source.look(passed_us=1))
    assert (record.id, record.in_service_until) == ("u0", left_at)
    source.add(missing)
    source.look()
    assert DOWN not in {state for state, _ in monitor.history("u0")}, "it came back late, that is all"


def test_an_inventory_that_stays_empty_for_a_day_is_empty() -> None:
    _monitor, source = fleet(3)
    source.vms = {}
    source.look()
    assert servers(source.look(passed_us=STARTUP_LIMIT_US - 1)) == []
    assert len(servers(source.look(passed_us=1))) == 3


# One UUID at two vCenters


def test_what_the_recovered_witness_says_is_no_sign_of_running() -> None:
    monitor, _source = watched()
    at = monitor.now
    recovered = Observation(
        witness=Witness("mon", "vc1/recovered"), server=ServerId("u9"), leg=Leg.RUNNING, state=UP, at=at
    )
    seen = ListedServer(server=ServerId("u9"), name="acme-9")
    assert (
        monitor.tell(
            Report(source="vc1", observed_until=at, listed=(seen,), observations=(recovered,)),
            passed_us=MINUTE,
        )
        == []
    )


def test_a_departure_of_what_nobody_knows_is_nothing() -> None:
    monitor, _ = watched()
    left = Departed(server=ServerId("u9"), at=monitor.now)
    assert (
        monitor.tell(Report(source="vc1", observed_until=monitor.now, departed=(left,)), passed_us=MINUTE)
        == []
    )


def test_blind_spans_come_with_a_look_that_stands_on_no_earlier_one_only() -> None:
    _monitor, source = watched(Vm("u1", "acme-1"))
    assert [r for r in source.look() if isinstance(r, Blind)] == []
    (blind,) = source.look(fresh=True)
    assert isinstance(blind, Blind)
    assert (blind.start, blind.end) == (START + MINUTE, START + 2 * MINUTE)


def test_a_server_that_may_be_one_of_those_that_vcenter_does_not_name_is_unknown_and_not_gone() -> None:
    monitor, source = watched(Vm("u1", "acme-1"), Vm("u2", "acme-2"), Vm("u3", "acme-3"))
    del source.vms["u2"], source.told["u2"]
    monitor.now = at = Instant(monitor.now + MINUTE)
    monitor.tell(replace(source.report(fresh=True), partial=True))
    assert servers(source.look(passed_us=LONG_US)) == [], "its service goes on"
    assert monitor.history("u2", at)[0][0] is UNKNOWN
    assert monitor.history("u1", at)[0][0] is UP
    source.add(Vm("u2", "acme-2"))
    source.look(fresh=True)
    source.look()
    assert DOWN not in {state for state, _ in monitor.history("u2", at)}
    assert monitor.history("u2", at)[-1][0] is UP


def test_a_server_that_was_only_hidden_was_not_down_meanwhile() -> None:
    """As rights to its folder come and go: it is the same object as before, which was never unregistered."""
    monitor, source = watched(Vm("u1", "acme-1"), Vm("u2", "acme-2"), Vm("u3", "acme-3"))
    hidden = source.vms.pop("u2")
    source.look()
    at = monitor.now
    source.add(hidden)
    monitor.now = Instant(monitor.now + MINUTE)
    report = source.report()
    monitor.tell(replace(report, listed=tuple(replace(each, returned=True) for each in report.listed)))
    source.look()
    assert [state for state, _ in monitor.history("u2", at)] == [UNKNOWN, UP]
