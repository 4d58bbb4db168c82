"""The events that rules of causes ask for, and what each says (vSphere API reference, `Event`; `spec/causes.md`)."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from sla.instants import Instant
from sla.records import ServerId


class Component(NamedTuple):
    """A host or datastore, by the source that tells of it and the name that it has there."""

    source: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseEvent:
    """An event as far as rules ask: what it is about is None where it does not name one. `user`: "" for nobody."""

    key: str
    type: str
    at: Instant
    user: str = ""
    server: ServerId | None = None
    host: Component | None = None
    datastore: Component | None = None
    reason: str = ""
    """vCenter's word for why."""


TURNED_OFF: Final = "VmPoweredOffEvent"
STOPS: Final = {TURNED_OFF: "turned it off", "VmSuspendedEvent": "suspended it"}
ASKS: Final = {
    "VmGuestShutdownEvent": "asked its guest to shut down",
    "VmGuestRebootEvent": "asked its guest to restart",
    "VmGuestStandbyEvent": "asked its guest to stand by",
}
RESTARTS: Final = {
    "com.vmware.vc.ha.VmRestartedByHAEvent": "HA restarted it",
    "VmRestartedByHAEvent": "HA restarted it",
    "VmRestartedOnAlternateHostEvent": "HA restarted it",
    "com.vmware.vc.HA.VMIsHADisabledRestartEvent": "HA restarted it",
}
STARTS: Final = frozenset({"VmPoweredOnEvent", "DrsVmPoweredOnEvent", *RESTARTS})
CRASHED: Final = "VmGuestOSCrashedEvent"
RESETS: Final = frozenset({"VmDasBeingResetEvent", "VmDasBeingResetWithScreenshotEvent"})
HOST_LOST: Final = "HostConnectionLostEvent"
MAINTENANCE: Final = frozenset({"EnteringMaintenanceModeEvent", "EnteredMaintenanceModeEvent"})

_RESET_FOR_STORAGE: Final = "vmcpResetApdCleared"
_RESET_AS_ASKED: Final = "appImmediateResetRequest"
_ISOLATED: Final = "it was turned off because its host was isolated"
_KILLED: Final = "its host killed it"
_SERVER_FAULTS: Final = RESTARTS | {
    "VmPowerOffOnIsolationEvent": _ISOLATED,
    "VmShutdownOnIsolationEvent": _ISOLATED,
    "esx.problem.vm.kill.unexpected.fault.failure": _KILLED,
    "esx.problem.vm.kill.unexpected.forcefulPageRetire": _KILLED,
    "esx.problem.vm.kill.unexpected.forcefulPageRetire.64": _KILLED,
    "esx.problem.vm.kill.unexpected.noSwapResponse": _KILLED,
    "esx.problem.vm.kill.unexpected.vmtrack": _KILLED,
}
_FAILED: Final = "its host failed"
_SHUT_DOWN: Final = "its host was shut down"
_WITHOUT_NETWORK: Final = "its host lost its network"
_HOST_FAULTS: Final = {
    "DasHostFailedEvent": _FAILED,
    "com.vmware.vc.HA.DasHostFailedEvent": _FAILED,
    "esx.audit.host.crash.reason.available": _FAILED,
    "esx.audit.host.crash.reason.unreachable": _FAILED,
    "DasHostIsolatedEvent": "its host was isolated",
    "com.vmware.vc.HA.DasHostIsolatedEvent": "its host was isolated",
    "HostShutdownEvent": _SHUT_DOWN,
    "esx.audit.host.poweroff.reason.available": _SHUT_DOWN,
    "esx.audit.host.poweroff.reason.unreachable": _SHUT_DOWN,
    "esx.audit.host.reboot.reason.available": _SHUT_DOWN,
    "esx.audit.host.reboot.reason.unreachable": _SHUT_DOWN,
    "com.vmware.vc.HA.DasHostCompleteNetworkFailureEvent": _WITHOUT_NETWORK,
    "com.vmware.vc.HA.HostNetworkFailedEvent": _WITHOUT_NETWORK,
}
_STORAGE_FAULTS: Final = frozenset(
    {
        "esx.problem.storage.apd.start",
        "esx.problem.storage.apd.timeout",
        "esx.problem.storage.connectivity.lost",
        "vprob.storage.connectivity.lost",
        "esx.problem.vmfs.nfs.server.disconnect",
        "vprob.vmfs.nfs.server.disconnect",
        "esx.problem.scsi.device.state.permanentloss",
        "esx.problem.scsi.device.state.permanentloss.noopens",
        "esx.problem.scsi.device.state.permanentloss.pluggedback",
        "esx.problem.scsi.device.state.permanentloss.withreservationconflict",
        "esx.problem.vmfs.heartbeat.timedout",
        "esx.problem.vmfs.heartbeat.unrecoverable",
        "vprob.vmfs.heartbeat.timedout",
        "vprob.vmfs.heartbeat.unrecoverable",
        "com.vmware.vc.HA.DasHostCompleteDatastoreFailureEvent",
        "com.vmware.vc.HA.VmcpStorageFailureDetectedForVm",
        "com.vmware.vc.HA.VmcpTerminatingVm",
        "com.vmware.vc.HA.VmcpTerminateVmAborted",
        "com.vmware.vc.HA.AnsweredVmTerminatePDLEvent",
        "com.vmware.vc.HA.CannotResetVmWithInaccessibleDatastore",
    }
)

CAUSE_EVENTS: Final = (
    STOPS.keys()
    | ASKS.keys()
    | STARTS
    | RESETS
    | {CRASHED, HOST_LOST}
    | MAINTENANCE
    | _SERVER_FAULTS.keys()
    | _HOST_FAULTS.keys()
    | _STORAGE_FAULTS
)
"""The types that rules ask for; all others prove nothing."""


def is_storage_fault(event: CauseEvent) -> bool:
    """Whether an event tells of a lost path, a permanent loss, a heartbeat that timed out, or how HA reacted to them."""
    if event.type in RESETS:
        return event.reason == _RESET_FOR_STORAGE
    return event.type in _STORAGE_FAULTS


def is_for_silence(event: CauseEvent) -> bool:
    """Whether a reset by HA was one for a heartbeat that fell silent, which it is unless another reason is given."""
    return event.reason not in (_RESET_FOR_STORAGE, _RESET_AS_ASKED)


def host_fault(event: CauseEvent) -> str | None:
    """What an event says of a host that failed a server; None where it says nothing of the kind."""
    return (_HOST_FAULTS if event.server is None else _SERVER_FAULTS).get(event.type)
