"""Outages as tests of causes write them."""

from itertools import count
from typing import Any, Final

from sla.cause_events import CauseEvent, Component
from sla.causes import Attribution, Case, Placement, attributed
from sla.instants import HOUR, SECOND, Instant
from sla.people import ActsFor, People
from sla.records import ClientId, Leg, ServerId

START: Final = Instant(1_800_000_000 * SECOND)
END: Final = Instant(START + HOUR)
SERVER, OTHER_SERVER = ServerId("vm-1"), ServerId("vm-2")
ACME, OTHER_CLIENT = ClientId("acme"), ClientId("globex")
HOST, OTHER_HOST = Component("vc", "esx-1"), Component("vc", "esx-2")
STORE, OTHER_STORE = Component("vc", "san-1"), Component("vc", "san-2")
NAMESAKE_HOST, NAMESAKE_STORE = Component("vc2", "esx-1"), Component("vc2", "san-1")

PEOPLE: Final = People(
    automation={r"PROV\svc-*": ActsFor.PROVIDER, r"portal-*": ActsFor.CLIENT},
    employees=(r"PROV\*",),
    users={ACME: (r"ACME\*",), OTHER_CLIENT: (r"GLOBEX\*",)},
)
EMPLOYEE, CLIENTS, NOBODYS = r"PROV\ann", r"ACME\bob", r"ELSE\eve"

_numbers = count(1)


def of_server(kind: str, offset: int = 0, **keys: Any) -> CauseEvent:
    """An event about the server, so long after the start."""
    about = {"server": SERVER, "host": HOST, "key": str(next(_numbers))}
    return CauseEvent(type=kind, at=Instant(START + offset), **(about | keys))


def of_host(kind: str, offset: int = 0, **keys: Any) -> CauseEvent:
    """An event about the host."""
    return of_server(kind, offset, **({"server": None} | keys))


def case(*events: CauseEvent, down: tuple[Leg, ...] = (Leg.RUNNING,), **keys: Any) -> Case:
    """An outage of an hour of a server that stands on its host and datastore."""
    placed = Placement(HOST, frozenset({STORE}), Instant(START - 24 * HOUR), None)
    whole: dict[str, Any] = {"server": SERVER, "client": ACME, "start": START, "end": END}
    whole |= {"down": frozenset(down), "placements": (placed,), "events": events}
    return Case(**(whole | keys))


def cause(*events: CauseEvent, people: People = PEOPLE, **keys: Any) -> Attribution:
    return attributed(case(*events, **keys), people)


def verdict(*events: CauseEvent, **keys: Any) -> tuple[str, str]:
    found = cause(*events, **keys)
    return found.cause.value, found.confidence.value


UNKNOWN: Final = ("unknown", "none")
OFF, SUSPENDED, ASKED = "VmPoweredOffEvent", "VmSuspendedEvent", "VmGuestShutdownEvent"
APD, HOST_FAILED = "esx.problem.storage.apd.start", "DasHostFailedEvent"
RESTARTED = "com.vmware.vc.ha.VmRestartedByHAEvent"
