"""The event history of a vCenter: one collector, read forward from a stored position, each event once.

pyvmomi would fail a whole page for one event of a class that it does not know; they are read as plain values instead,
and what is no event is skipped and counted.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pyVmomi import vim

from probes.report import Resume, SourceEvent
from probes.vcenter import soap
from probes.vcenter.faults import PermissionDeniedError
from probes.vcenter.history import Turn
from probes.vcenter.objects import Moid, text
from probes.vcenter.properties import moid_of
from probes.vcenter.session import Session
from sla.instants import MINUTE, Instant, datetime_of

OVERLAP_US: Final = 2 * MINUTE
"""How far before the newest known event a collector begins: events of several hosts arrive out of order."""

PAGE: Final = 200
REMEMBERED_KEYS: Final = 20_000

TURNS: Final = {
    "VmPoweredOffEvent": Turn.OFF,
    "VmPowerOffOnIsolationEvent": Turn.OFF,
    "VmShutdownOnIsolationEvent": Turn.OFF,
    "VmSuspendedEvent": Turn.OFF,
    "VmPoweredOnEvent": Turn.ON,
    "DrsVmPoweredOnEvent": Turn.ON,
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
    "VmMigratedEvent",
    "DrsVmMigratedEvent",
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
    "com.vmware.vc.ha.VmRestartedByHAEvent",
    "esx.problem.storage.apd.start",
    "esx.problem.storage.apd.timeout",
    "esx.clear.storage.apd.exit",
    "esx.problem.storage.connectivity.lost",
    "esx.clear.storage.connectivity.restored",
    "esx.problem.scsi.device.state.permanentloss",
    "esx.clear.scsi.device.state.permanentloss.deviceonline",
)
"""The leaf types that are read: base types are not documented to match."""


class HostConnectionEvent(NamedTuple):
    """A host was connected, or was disconnected: then `reason` is vCenter's word for why, "" where it gives none."""

    host: Moid
    reason: str


class EventRead:
    """An event as it was read, the virtual machine that it is about, and what it says of a host's connection."""

    __slots__ = ("connection", "event", "turn", "vm")

    def __init__(self, event: SourceEvent, vm: Moid | None, connection: HostConnectionEvent | None) -> None:
        self.event = event
        self.vm = vm
        self.connection = connection
        self.turn = TURNS.get(event.type)


class EventReader:
    """Reads forward over sessions. `open` after each login; then `read` gives what is new, oldest first."""

    def __init__(self, resume: Resume) -> None:
        self._position = resume.events_until
        self._seen: OrderedDict[str, None] = OrderedDict.fromkeys(resume.event_keys)
        self._session: Session | None = None
        self._collector: Moid | None = None
        self._skipped = 0

    def open(self, session: Session, now: Instant, offset_us: int) -> None:
        """Make the collector; `now` is our clock and `offset_us` how far vCenter's is ahead of it."""
        self._session = session
        self._offset_us = offset_us
        begin = now if self._position is None else Instant(self._position - OVERLAP_US)
        self._position = self._position or now
        root = vim.event.EventFilterSpec.ByEntity(entity=session.content.rootFolder, recursion="all")
        spec = vim.event.EventFilterSpec(
            entity=root,
            time=vim.event.EventFilterSpec.ByTime(beginTime=datetime_of(Instant(begin + offset_us))),
            eventTypeId=list(EVENT_TYPES),
        )
        try:
            self._collector = moid_of(session.content.eventManager.CreateCollectorForEvents(spec))
        except PermissionDeniedError:
            # State goes on without history; `slad doctor` names the missing right.
            self._collector = None

    def read(self, pages: int, page_events: int = PAGE) -> tuple[list[EventRead], bool]:
        """New events of up to `pages` pages, and whether all that there are now were read."""
        found: list[EventRead] = []
        if self._session is None or self._collector is None:
            return found, True
        for _ in range(pages):
            page = self._session.next_events(self._collector, page_events)
            found += self._new(page)
            if not page:
                return found, True
        return found, False

    def skipped(self) -> int:
        """How many events could not be read since this was asked last."""
        skipped, self._skipped = self._skipped, 0
        return skipped

    def _new(self, page: list[Any]) -> Iterator[EventRead]:
        for event in page:
            try:
                read = _read(event, self._offset_us)
            except (AttributeError, LookupError, TypeError, ValueError):
                self._skipped += 1
                continue
            key = read.event.key
            if key in self._seen:
                continue
            self._seen[key] = None
            if len(self._seen) > REMEMBERED_KEYS:
                self._seen.popitem(last=False)
            assert self._position is not None
            self._position = max(self._position, read.event.at)
            yield read


def _read(event: Any, offset_us: int) -> EventRead:
    """An event of the reply. Raises LookupError, TypeError or ValueError for what is none."""
    at = soap.instant(event["createdTime"])
    if at is None:
        raise ValueError("an event without its time")
    machine, host = event.get("vm"), event.get("host")
    kind = event.get("eventTypeId") or event[soap.TYPE]
    connects = host and kind in ("HostConnectedEvent", "HostDisconnectedEvent")
    return EventRead(
        SourceEvent(
            key=event["key"],
            type=kind,
            at=Instant(at - offset_us),
            server=None,
            user=event.get("userName", ""),
            text=event.get("fullFormattedMessage", ""),
        ),
        Moid(machine["vm"]) if machine else None,
        HostConnectionEvent(Moid(host["host"]), text(event.get("reason"))) if connects else None,
    )
