"""A simulated vCenter that an unmodified pyvmomi talks to; never part of a daemon that watches a real one."""

from probes.simulation.building import build
from probes.simulation.entities import Connection, HostConnection, MountLoss, Power
from probes.simulation.server import SimulatedVCenter, ThreadedVCenter
from probes.simulation.wire import WireFaultKind

__all__ = [
    "Connection",
    "HostConnection",
    "MountLoss",
    "Power",
    "SimulatedVCenter",
    "ThreadedVCenter",
    "WireFaultKind",
    "build",
]
