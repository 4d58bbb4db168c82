"""A simulated vCenter that an unmodified pyvmomi talks to; never part of a daemon that watches a real one."""

from probes.simulation.building import build
from probes.simulation.entities import HostConnection, MountLoss, Power, VmConnection
from probes.simulation.server import SimulatedVCenter, ThreadedVCenter
from probes.simulation.wire import WireFaultKind

__all__ = [
    "HostConnection",
    "MountLoss",
    "Power",
    "SimulatedVCenter",
    "ThreadedVCenter",
    "VmConnection",
    "WireFaultKind",
    "build",
]
