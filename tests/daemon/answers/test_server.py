"""What is answered of one server, by a monitor without clocks, threads and disk."""

from types import SimpleNamespace
from typing import Any, cast

from daemon.answers.answers import Answers
from daemon.causes.traces import Traces
from daemon.live.figures import LiveFigures
from sla.instants import MINUTE, Instant
from sla.records import Leg
from tests.daemon.monitor import GRACE_US, START, Monitor, Source, Vm


class NothingWatched:
    """The way to the Internet of a monitor that does not watch it."""

    def reach(self, _: str) -> tuple[()]:
        return ()


class ItsClock:
    """The time of a monitor."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def now(self) -> Instant:
        return self._monitor.now

    def monotonic_us(self) -> int:
        return self._monitor.now


def answers(monitor: Monitor, **ledger: Any) -> Answers:
    """`ledger`: what is asked of it."""
    nobody = cast(Any, None)
    return Answers(
        clock=cast(Any, ItsClock(monitor)),
        ledger=cast(Any, SimpleNamespace(**ledger)),
        book=monitor.book,
        registry=monitor.registry,
        sources=nobody,
        internet=cast(Any, NothingWatched()),
        readiness=nobody,
        committed_at=nobody,
        seal=nobody,
        verified_until=nobody,
        figures=LiveFigures(monitor.book),
        recorded_requests=nobody,
        documents=nobody,
        issuing=nobody,
        deliveries=nobody,
        traces=Traces(),
    )


def after(minutes: int) -> Instant:
    return Instant(START + minutes * MINUTE)


def test_6_2_the_outages_of_a_server_last_from_down_to_the_next_up_the_latest_first() -> None:
    monitor = Monitor()
    source, vm = Source(monitor), Vm("a", "acme-web-1")
    source.add(vm)
    for on in (True, False, True, False, False):
        vm.on = on
        source.look()
    told = answers(monitor).server("a")
    assert told is not None
    assert [(each.start, each.end, each.legs) for each in told.outages] == [
        (after(4), None, (Leg.RUNNING,)),
        (after(2), after(3), (Leg.RUNNING,)),
    ]


def test_6_2_an_outage_ends_where_the_server_leaves_service() -> None:
    monitor = Monitor()
    source, vm = Source(monitor), Vm("a", "acme-web-1")
    source.add(vm)
    source.look()
    vm.on = False
    source.look()
    del source.vms["a"]
    source.look()
    source.look(passed_us=GRACE_US)
    source.look()
    left_at = monitor.record("a").in_service_until
    assert left_at is not None
    told = answers(monitor).server("a")
    assert told is not None
    assert [(each.start, each.end) for each in told.outages] == [(after(2), left_at)]
