"""Which events are read, and what they say of power (vSphere API reference, `Event` and its subtypes)."""

from typing import Final

from probes.vcenter.history import Turn

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

EVENT_TYPES: Final = (
    *TURNS,
    "VmStoppingEvent",
    "VmStartingEvent",
    "VmResumingEvent",
    "VmResettingEvent",
    "VmRemovedEvent",
    "VmRegisteredEvent",
    "VmReconfiguredEvent",
    "VmGuestShutdownEvent",
    "VmGuestRebootEvent",
    "VmGuestStandbyEvent",
    "VmGuestOSCrashedEvent",
    "VmDasBeingResetEvent",
    "VmDasBeingResetWithScreenshotEvent",
    "VmDasResetFailedEvent",
    "VmConnectedEvent",
    "VmOrphanedEvent",
    "VmFailoverFailed",
    "VmMaxRestartCountReached",
    "HostConnectionLostEvent",
    "HostDisconnectedEvent",
    "HostConnectedEvent",
    "HostShutdownEvent",
    "DasHostFailedEvent",
    "DasHostIsolatedEvent",
    "EnteringMaintenanceModeEvent",
    "EnteredMaintenanceModeEvent",
    "ExitMaintenanceModeEvent",
    "com.vmware.vc.HA.DasHostFailedEvent",
    "com.vmware.vc.HA.HostStateChangedEvent",
    "esx.problem.storage.apd.start",
    "esx.problem.storage.apd.timeout",
    "esx.clear.storage.apd.exit",
    "esx.problem.storage.connectivity.lost",
    "esx.clear.storage.connectivity.restored",
    "esx.problem.scsi.device.state.permanentloss",
    "esx.clear.scsi.device.state.permanentloss.deviceonline",
)
"""The leaf types that are read: base types are not documented to match."""
