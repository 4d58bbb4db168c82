"""The event history of a vCenter: one collector, read forward from a stored position, each event once.

pyvmomi would fail a whole page for one event of a class that it does not know; they are read as plain values instead,
and what is no event is skipped and counted.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

from pyVmomi import vim

from probes.report import Resume, SourceEvent
from probes.vcenter import soap
from probes.vcenter.boots import TOLERANCE_US
from probes.vcenter.clocks import SANE_UNTIL, VCenterClock, VCenterInstant, stamp_us
from probes.vcenter.faults import PermissionDeniedError
from probes.vcenter.history import Turn
from probes.vcenter.objects import Moid, text
from probes.vcenter.positions import OVERLAP_US, EventIdentity, EventPosition
from probes.vcenter.properties import moid_of
from probes.vcenter.session import Session
from sla.instants import BEGINNING, SECOND, Instant, datetime_of

PAGE: Final = 200
LAG_US: Final = 10 * SECOND
"""How long after it happened an event of vCenter's own may still not be there to be read."""

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


class HostConnectionEvent(NamedTuple):
    """A host was connected, or was disconnected: then `reason` is vCenter's word for why, "" where it gives none."""

    host: Moid
    reason: str


class EventRead:
    """An event as it was read, the virtual machine that it is about, and what it says of a host's connection.

    `dated`: whether `event.at` is when it happened by vCenter's clock, and not only when it was read.
    """

    __slots__ = ("connection", "dated", "event", "turn", "vm")

    def __init__(
        self, event: SourceEvent, vm: Moid | None, connection: HostConnectionEvent | None, *, dated: bool
    ) -> None:
        self.event = event
        self.vm = vm
        self.connection = connection
        self.dated = dated
        self.turn = TURNS.get(event.type)


class EventReader:
    """Reads forward over sessions. `open` after each login, and when vCenter's clock was set; then `read`.

    Invariant: the position never lies in the future, whatever an event is dated.
    """

    def __init__(self, resume: Resume, clock: VCenterClock) -> None:
        self._clock = clock
        self._position = EventPosition(resume.known_events)
        self._resumed_at = resume.observed_until
        self._began_at: Instant | None = None
        """When the first collector was made."""
        self._drained_at: Instant | None = None
        """When all events that there were had been read last."""
        self._not_before: Instant = BEGINNING
        self._session: Session | None = None
        self._collector: Moid | None = None
        self._skipped = 0

    def open(self, session: Session, now: Instant) -> None:
        """Make the collector; `now` is our clock. What it gives again of what was read is not told again."""
        self._session = session
        if self._began_at is None:
            self._began_at = now
            if self._position.until is None:
                # Where no event is known, what is older is none of this watch's.
                self._not_before = min(now, self._resumed_at or now)
        until = self._position.until or self._resumed_at
        begin = self._began_at if until is None else Instant(min(until, now) - OVERLAP_US)
        root = vim.event.EventFilterSpec.ByEntity(entity=session.content.rootFolder, recursion="all")
        spec = vim.event.EventFilterSpec(
            entity=root,
            time=vim.event.EventFilterSpec.ByTime(beginTime=_asked_for(self._clock.at_the_earliest(begin))),
            eventTypeId=list(EVENT_TYPES),
        )
        about = session.content.about
        self._position.opened(str(getattr(about, "instanceUuid", None) or ""))
        try:
            self._collector = moid_of(session.content.eventManager.CreateCollectorForEvents(spec))
        except PermissionDeniedError:
            # State goes on without history; `slad doctor` names the missing right.
            self._collector = None

    def read(self, pages: int, page_events: int = PAGE) -> tuple[list[Any], bool]:
        """What there is of up to `pages` pages, oldest first, for `new`; and whether that is all that there is now."""
        found: list[Any] = []
        if self._session is None or self._collector is None:
            return found, True
        for _ in range(pages):
            page = self._session.next_events(self._collector, page_events)
            found += page
            if not page:
                return found, True
        return found, False

    def new(self, found: Iterable[Any], now: Instant, *, drained: bool) -> list[EventRead]:
        """The events that were not told before, of what was read by `now`; vCenter's clock was measured since."""
        read_before = self._drained_at or self._position.until or self._resumed_at or self._began_at or now
        expected_after = Instant(read_before - LAG_US)
        new = [read for each in found if (read := self._told(each, now, expected_after)) is not None]
        if drained and self._collector is not None:
            self._position.drained()
            self._drained_at = now
        return new

    def skipped(self) -> int:
        """How many events could not be read since this was asked last."""
        skipped, self._skipped = self._skipped, 0
        return skipped

    def faults(self) -> tuple[str, ...]:
        """What was found wrong with the history since this was asked last."""
        return self._position.faults()

    def _told(self, event: Any, now: Instant, expected_after: Instant) -> EventRead | None:
        """An event of the reply; None for one that is known, or none."""
        try:
            stamp, vm = _stamp(event), _vm(event)
            when = self._clock.ours(stamp, now, expected_after)
            if when is not None and when.latest < expected_after - OVERLAP_US:
                when = None  # older than what was asked for: its clock showed something that was not measured
            dated = when is not None and when.width_us <= TOLERANCE_US
            read = _read(event, when.latest if when is not None else now, vm, dated=dated)
        except (AttributeError, LookupError, TypeError, ValueError):
            self._skipped += 1
            return None
        identity = EventIdentity(read.event.key, stamp, read.event.type, vm)
        is_new = self._position.take(identity, None if when is None else when.latest)
        is_older = when is not None and when.earliest < self._not_before
        return read if is_new and not is_older else None


def _asked_for(begin: VCenterInstant) -> datetime:
    """A begin time as far as a calendar has it."""
    return datetime_of(Instant(min(max(begin.us, 0), SANE_UNTIL)))


def _stamp(event: Any) -> VCenterInstant:
    """When an event was made, by vCenter's clock. Raises LookupError, TypeError or ValueError for what is none."""
    us = stamp_us(event["createdTime"])
    if us is None:
        raise ValueError("an event without its time")
    return VCenterInstant(us)


def _vm(event: Any) -> Moid | None:
    machine = event.get("vm")
    return Moid(machine["vm"]) if machine else None


def _read(event: Any, at: Instant, vm: Moid | None, *, dated: bool) -> EventRead:
    """An event of the reply. Raises AttributeError, LookupError or TypeError for what is none."""
    host = event.get("host")
    kind = event.get("eventTypeId") or event[soap.TYPE]
    connects = host and kind in ("HostConnectedEvent", "HostDisconnectedEvent")
    return EventRead(
        SourceEvent(
            key=event["key"],
            type=kind,
            at=at,
            server=None,
            user=event.get("userName", ""),
            text=event.get("fullFormattedMessage", ""),
        ),
        vm,
        HostConnectionEvent(Moid(host["host"]), text(event.get("reason"))) if connects else None,
        dated=dated,
    )
