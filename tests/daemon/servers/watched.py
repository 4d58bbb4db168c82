"""A monitor whose vCenter has servers that run."""

from sla.instants import Instant
from tests.daemon.monitor import GRACE_US, START, Monitor, Source, Vm

LONG_US = GRACE_US + 1


def watched(*vms: Vm, now: Instant = START) -> tuple[Monitor, Source]:
    """A monitor that has looked at one vCenter once."""
    monitor = Monitor(now=now)
    source = Source(monitor)
    source.add(*vms)
    source.look(passed_us=0)
    return monitor, source
