"""Which events are read, and what they say of power (vSphere API reference, `Event` and its subtypes)."""

from typing import Final

from probes.vcenter.history import Turn
from sla.cause_events import CAUSE_EVENTS

TURNS: Final = {
    "VmPoweredOffEvent": Turn.OFF,
    "VmPowerOffOnIsolationEvent": Turn.OFF,
    "VmShutdownOnIsolationEvent": Turn.OFF,
    "VmSuspendedEvent": Turn.OFF,
    "VmPoweredOnEvent": Turn.ON,
    "DrsVmPoweredOnEvent": Turn.ON,
    "com.vmware.vc.ha.VmRestartedByHAEvent": Turn.RESTARTED,
    "VmRestartedByHAEvent": Turn.RESTARTED,
    "VmRestartedOnAlternateHostEvent": Turn.RESTARTED,
    "VmMigratedEvent": Turn.MOVED,
    "DrsVmMigratedEvent": Turn.MOVED,
    "VmDisconnectedEvent": Turn.LOST,
}
"""What events say of power; a reset says nothing, for the power stays on."""

_OTHERS: Final = frozenset(
    {
        "VmStoppingEvent",
        "VmStartingEvent",
        "VmResumingEvent",
        "VmResettingEvent",
        "VmRemovedEvent",
        "VmRegisteredEvent",
        "VmReconfiguredEvent",
        "VmDasResetFailedEvent",
        "VmConnectedEvent",
        "VmOrphanedEvent",
        "VmFailoverFailed",
        "VmMaxRestartCountReached",
        "HostDisconnectedEvent",
        "HostConnectedEvent",
        "ExitMaintenanceModeEvent",
        "com.vmware.vc.HA.HostStateChangedEvent",
        "esx.clear.storage.apd.exit",
        "esx.clear.storage.connectivity.restored",
        "esx.clear.scsi.device.state.permanentloss.deviceonline",
    }
)
"""What is kept for people to read beside outages."""

EVENT_TYPES: Final = tuple(sorted(TURNS.keys() | CAUSE_EVENTS | _OTHERS))
"""The leaf types that are read: base types are not documented to match."""
