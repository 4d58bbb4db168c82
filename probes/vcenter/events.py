"""The event history of a vCenter: one collector, read forward from a stored position, each event once.

An event that pyvmomi cannot parse fails the whole page that holds it; the page is then read again one event at a time,
and the one that fails is skipped and counted.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final

from pyVmomi import vim

from probes.report import Happening, Resume
from probes.vcenter.faults import PermissionDeniedError, ReplyError
from probes.vcenter.history import Turn
from probes.vcenter.inventory import Moid
from probes.vcenter.session import Session
from sla.instants import MINUTE, Instant, datetime_of, instant_of

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
"""The leaf types that are read: base types are not documented to match, and task events can defy the parser."""


class Read:
    """An event as it was read, and the virtual machine that it is about."""

    __slots__ = ("happening", "turn", "vm")

    def __init__(self, happening: Happening, vm: Moid | None) -> None:
        self.happening = happening
        self.vm = vm
        self.turn = TURNS.get(happening.type)


class EventReader:
    """Reads forward over sessions. `open` after each login; then `read` gives what is new, oldest first."""

    def __init__(self, resume: Resume) -> None:
        self._position = resume.happenings_until
        self._seen: OrderedDict[str, None] = OrderedDict.fromkeys(resume.happening_keys)
        self._collector: Any = None
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
            self._collector = session.content.eventManager.CreateCollectorForEvents(spec)
        except PermissionDeniedError:
            # State goes on without history; `slad doctor` names the missing right.
            self._collector = None

    def read(self, pages: int) -> tuple[list[Read], bool]:
        """New events of up to `pages` pages, and whether all that there are now were read."""
        found: list[Read] = []
        if self._collector is None:
            return found, True
        for _ in range(pages):
            page = self._page()
            found += self._new(page)
            if not page:
                return found, True
        return found, False

    def skipped(self) -> int:
        """How many events could not be read since this was asked last."""
        skipped, self._skipped = self._skipped, 0
        return skipped

    def _page(self) -> list[Any]:
        try:
            return list(self._collector.ReadNextEvents(PAGE) or ())
        except ReplyError:
            return self._one_by_one()

    def _one_by_one(self) -> list[Any]:
        self.open(self._session, Instant(0), self._offset_us)
        events: list[Any] = []
        for _ in range(PAGE):
            try:
                one = self._collector.ReadNextEvents(1)
            except ReplyError:
                self._skipped += 1
                continue
            if not one:
                break
            events += one
        return events

    def _new(self, page: list[Any]) -> Iterator[Read]:
        for event in page:
            key = str(event.key)
            if key in self._seen:
                continue
            self._seen[key] = None
            if len(self._seen) > REMEMBERED_KEYS:
                self._seen.popitem(last=False)
            at = Instant(instant_of(event.createdTime) - self._offset_us)
            assert self._position is not None
            self._position = max(self._position, at)
            yield Read(
                Happening(
                    key=key,
                    type=_type_of(event),
                    at=at,
                    server=None,
                    user=event.userName or "",
                    text=event.fullFormattedMessage or "",
                ),
                _vm_of(event),
            )


def _type_of(event: Any) -> str:
    return str(getattr(event, "eventTypeId", None) or type(event).__name__.rpartition(".")[2])


def _vm_of(event: Any) -> Moid | None:
    argument = getattr(event, "vm", None)
    return Moid(argument.vm._moId) if argument is not None else None  # noqa: SLF001  reading any other attribute is a call
