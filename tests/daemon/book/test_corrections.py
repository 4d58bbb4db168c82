"""What is learned of time that was counted already, by a monitor without clocks, threads and disk."""

from daemon.book.patterns import Counter
from probes.report import Report
from sla.instants import MINUTE, SECOND, Instant
from sla.records import Leg, Observation, ServerId, State, Witness
from tests.daemon.monitor import START, Monitor, Source, Vm

SERVER = ServerId("a")


def test_what_happened_just_before_a_counted_watermark_is_a_correction_and_the_statements() -> None:
    """An event can be older than an answer that did not show it yet: an answer is dated by when it came."""
    monitor = Monitor()
    source = Source(monitor)
    source.add(Vm("a", "acme-web-1"))
    source.look()
    began_at = Instant(START + MINUTE)
    monitor.tell(
        Report(source="vc1", fresh=False, observed_until=Instant(began_at + 1_808_494)), passed_us=1_808_494
    )
    off = Observation(
        witness=Witness("mon", "vc1"),
        server=SERVER,
        leg=Leg.RUNNING,
        state=State.DOWN,
        at=Instant(monitor.now - 11_406),
        noticed_at=Instant(monitor.now + SECOND),
    )
    until = Instant(monitor.now + SECOND)
    monitor.tell(
        Report(source="vc1", fresh=False, observed_until=until, observations=(off,)), passed_us=SECOND
    )
    us = monitor.book.counts(SERVER).us
    assert (us[Counter.UP], us[Counter.DOWN]) == (1_808_494, SECOND)
    lasted = [(part.state, part.end - part.start) for part in monitor.book.segments(SERVER, began_at, until)]
    assert lasted == [(State.UP, 1_797_088), (State.DOWN, SECOND + 11_406)]
    assert monitor.book.corrected == {(State.UP, State.DOWN): 11_406}
