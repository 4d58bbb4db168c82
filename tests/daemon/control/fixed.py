"""Answers about the daemon and the fleet that never change, and who gives them."""

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from daemon.control.api import control_api
from daemon.control.questions import Listed, OutagesAsked, Page, PageKey, ServersAsked
from daemon.control.routes import ServerOrder
from daemon.control.routing import routes_of
from daemon.records.refusals import AmbiguousNameError, ConflictError, FieldFault, NotFoundError
from daemon.replies.causes import CauseStatus
from daemon.replies.clock import ClockStatus
from daemon.replies.common import Reply
from daemon.replies.events import EventStatus
from daemon.replies.exclusions import IneligibleTime, TimeSpan
from daemon.replies.hub import DisagreementStatus, HubStatus, MonitorStatus
from daemon.replies.outages import ExcludedPart, IncidentRow, OutageRow
from daemon.replies.servers import (
    LegStatus,
    MonthExclusion,
    MonthStatus,
    OutageStatus,
    ReachStatus,
    ServerStatus,
    ServerSummary,
)
from daemon.replies.solutions import (
    ChronicStatus,
    DeadlineStatus,
    InterruptionStatus,
    SolutionList,
    SolutionStatus,
)
from daemon.replies.statements import IssuedList, IssuedStatus, LetterheadStatus
from daemon.replies.status import (
    DownServer,
    LedgerStatus,
    OutdatedStatus,
    SourceStatus,
    Status,
    UndeliveredStatus,
    WayStatus,
)
from daemon.replies.users import UserList
from sla.calendars import Month
from sla.chronic import Chronic, Stage
from sla.client_document import NoDocumentError
from sla.disagreements import DisagreementKind, Point
from sla.exclusions import IneligibleReason
from sla.instants import DAY, HOUR, SECOND, Instant, parse_instant
from sla.lifecycle import DeadlineKind
from sla.records import Category, CauseKind, Confidence, Leg, State
from sla.requests import Outcome
from tests.daemon.records.office import Office

DOWN_SINCE = parse_instant("2026-11-22T09:00:00Z")
SETTLED_AT = parse_instant("2026-11-22T09:59:50Z")
WINDOW = parse_instant("2026-11-20T03:00:00Z")

STATUS = Status(
    version="0.1.0",
    at=parse_instant("2026-11-22T10:00:00Z"),
    settled_at=None,
    not_ready=("the first inventory is not complete",),
    sources=(SourceStatus(name="vc1", up=False, last_contact_at=None, note="login refused"),),
    internet=(WayStatus(name="uplink transit", state=State.DOWN, reason="1 of 3 targets answer"),),
    ledger=LedgerStatus(records=77, verified_until=70, head="abcd", size_bytes=4096, last_commit_at=None),
    states={"up": 2, "down": 1},
    undelivered=(
        UndeliveredStatus(
            client="Ex",
            month="2026-10",
            way="smtp",
            since=DOWN_SINCE,
            attempts=3,
            why="mail:25: \x1b[31mrefused",
        ),
    ),
    outdated=(OutdatedStatus(client="Ex", month="2026-10", figures=3),),
    proposals_pending=3,
    down=(
        DownServer(
            server="id-3",
            name="web [bold]3[/bold] \x1b[31m",
            client="Ex",
            since=DOWN_SINCE,
            legs=(Leg.SAN, Leg.RUNNING),
            cause=CauseStatus(
                cause=CauseKind.CLIENT_CHANGE,
                confidence=Confidence.LIKELY,
                user="eve",
                because=("1",),
                text="eve, whom no pattern names, turned it off",
            ),
        ),
    ),
)
CLOCK = ClockStatus(
    at=parse_instant("2026-11-22T10:00:00Z"),
    wall_clock_at=parse_instant("2058-01-01T00:00:00Z"),
    offset_seconds=11_362 * DAY + 14 * HOUR,
    doubted_since=SETTLED_AT,
    why="it shows 2058",
    can_be_accepted=True,
)
SERVER = ServerStatus(
    server="id-3",
    name="web/3 ä",
    client="",
    solution="shop",
    timezone="America/St_Johns",
    owner_waits_for=(),
    owner_is_provisional=False,
    same_uuid=(),
    vcenter="vc1",
    state=State.DOWN,
    since=DOWN_SINCE,
    settled_at=SETTLED_AT,
    legs=(LegStatus(leg=Leg.SAN, state=State.DOWN, since=None, source="vc1", reason="APD"),),
    reach=(ReachStatus(target="icmp://192.0.2.7", required=False, state=State.DOWN, reason="timeout"),),
    outages=(
        OutageStatus(
            start=DOWN_SINCE,
            end=None,
            legs=(Leg.RUNNING, Leg.SAN),
            cause=CauseStatus(
                cause=CauseKind.STORAGE,
                confidence=Confidence.PROVED,
                user=None,
                because=("1007",),
                text="its host lost a datastore of its disks",
            ),
        ),
    ),
    counters_seconds={"up": 90_061 * SECOND, "down": 500_001},
    month=MonthStatus(
        month="2026-11",
        at=SETTLED_AT,
        target="0.999000000",
        availability="0.998999999",
        availability_low="0.998000000",
        availability_high="1.000000000",
        coverage=None,
        best_possible="0.999500000",
        budget_seconds=2592 * SECOND,
        budget_left_seconds=-61 * SECOND,
        times_seconds={"service": 90_062 * SECOND, "down": 500_001},
        excluded_seconds={Category.SCHEDULED_MAINTENANCE: HOUR},
        exclusions=(
            MonthExclusion(
                id="mw-7",
                category=Category.SCHEDULED_MAINTENANCE,
                start=WINDOW,
                end=None,
                seconds=2 * HOUR,
                ineligible=(
                    IneligibleTime(
                        reason=IneligibleReason.OVER_WEEKLY_CAP,
                        seconds=HOUR,
                        spans=(TimeSpan(start=WINDOW, end=Instant(WINDOW + HOUR)),),
                    ),
                ),
            ),
        ),
    ),
)
SUMMARY = ServerSummary(
    server="id-3",
    name="web/3 ä",
    client="Ex",
    solution="shop",
    timezone="America/Toronto",
    state=State.DOWN,
    since=DOWN_SINCE,
    cause=SERVER.outages[0].cause,
    availability="0.998999999",
    budget_left_seconds=-61 * SECOND,
)
_STORM: Any = {
    "incident": "in-1",
    "start": DOWN_SINCE,
    "end": None,
    "timezone": "America/Toronto",
    "lasted_seconds": HOUR,
    "cause": SERVER.outages[0].cause,
    "host": "esx1",
    "datastore": "san1",
    "uplink": "",
}
OUTAGE = OutageRow(
    **_STORM,
    server="id-3",
    name="web/3 ä",
    client="Ex",
    solution="shop",
    legs=(Leg.RUNNING, Leg.SAN),
    reasons={Leg.SAN: "its files are inaccessible"},
    down_seconds=HOUR - 1,
    excluded=ExcludedPart.PARTLY,
    excluded_seconds=HOUR // 2,
    exclusions=("ex-1",),
)
INCIDENT = IncidentRow(
    **_STORM, servers=12, servers_down=3, first="s3", named=("s3",), names=("web/3 ä",), clients=("Ex",)
)
EVENT = EventStatus(
    seq=7,
    source="vc1",
    key="1007",
    type="VmPoweredOffEvent",
    at=DOWN_SINCE,
    user="eve",
    text="off",
    recorded_at=SETTLED_AT,
)
DISAGREEMENT = DisagreementStatus(
    kind=DisagreementKind.OWNER,
    point=Point.OWNER,
    about="id-3",
    name="web/3 \x1b[31m",
    said={"mon1": ("Ex",), "mon2": ("beta", "shop")},
    holds=("Ex",),
    since=DOWN_SINCE,
    remedy="Give all of them the same rules.",
)
HUB = HubStatus(
    instance="hub1:7:ab",
    is_active=False,
    active="hub2:8:cd",
    behind_records=3,
    behind_seconds=SECOND // 2,
    records=12,
    head="ab" * 32,
    monitors=(
        MonitorStatus(observer="mon1", records=77, head="cd" * 32, seen_until=SETTLED_AT, is_retired=False),
        MonitorStatus(observer="mon2 \x1b[31m", records=0, head="", seen_until=None, is_retired=True),
    ),
    disagreements={kind: 3 if kind is DisagreementKind.OWNER else 0 for kind in DisagreementKind},
)
SOLUTION = SolutionStatus(
    id="shop",
    client="Ex",
    accepted_from=WINDOW,
    interruptions=(
        InterruptionStatus(
            start=DOWN_SINCE, end=None, counted_seconds=HOUR + 1, qualified_at=None, documented_at=DOWN_SINCE
        ),
    ),
    observed=ChronicStatus.of(Chronic(count=5, stage=Stage.CHRONIC, chronic_at=DOWN_SINCE)),
    documented=ChronicStatus.of(Chronic(count=0, stage=Stage.CLEAR)),
    deadlines=(
        DeadlineStatus(
            client="Ex",
            solution="shop",
            deadline=DeadlineKind.DATA_RETURN,
            due_at=SETTLED_AT,
            outcome=Outcome.PENDING,
        ),
    ),
)


ISSUED = IssuedStatus(
    client="acme",
    month="2026-10",
    version=2,
    corrects=1,
    as_of=SETTLED_AT,
    sha256="ab" * 32,
    issued_at=SETTLED_AT,
    issued_by="uid:0 (\x1b[31mroot)",
    is_newest=True,
    outdated=3,
)
DIFFERENCE = {
    "difference": {
        "client": "acme",
        "month": "2026-10",
        "timezone": "America/Toronto",
        "before": {"version": 2, "as_of": "2026-11-22T09:59:50Z", "seq": 70},
        "after": {"version": None, "as_of": "2026-11-22T10:00:00Z", "seq": 77},
    },
    "figures": [
        {
            "part": "servers",
            "of": "id-2",
            "name": "web \x1b[31m",
            "since": None,
            "figure": "down",
            "before": 0,
            "after": 60.5,
        },
        {
            "part": "servers",
            "of": "id-3",
            "name": "db",
            "since": None,
            "figure": "met",
            "before": True,
            "after": None,
        },
    ],
    "records": [{"seq": 71, "kind": "exclusion"}],
}


def told(reply: Reply) -> Any:
    """A reply as its JSON says it."""
    return json.loads(reply.as_json())


@dataclass
class FixedControl:
    """Who gives these answers."""

    lines: list[str] = field(default_factory=lambda: ["{}"])
    breaks_off: bool = False
    accepted: list[str] = field(default_factory=list)
    """By whom the clock was accepted; once is enough."""
    asked: list[tuple[object, Page]] = field(default_factory=list)
    """For which lists, a page at a time."""
    exported: list[tuple[str | None, Instant | None, Instant | None]] = field(default_factory=list)

    def status(self) -> Status:
        return STATUS

    async def users(self) -> UserList:
        return UserList(users=("ann",))

    def clock(self) -> ClockStatus:
        return CLOCK

    async def accept_clock(self, by: str) -> ClockStatus:
        if self.accepted:
            raise ConflictError([FieldFault("", "the clock is not in doubt: there is nothing to accept")])
        self.accepted.append(by)
        return CLOCK.model_copy(update={"doubted_since": None, "why": "", "can_be_accepted": False})

    def server(self, name: str) -> ServerStatus:
        if name == "twin":
            raise AmbiguousNameError(f"2 servers are called {name}: id-1, id-2", ["id-1", "id-2"])
        if name not in (SERVER.server, SERVER.name):
            raise NotFoundError([FieldFault("server", f"there is no server {name}")])
        return SERVER

    async def servers(self, asked: ServersAsked, page: Page) -> Listed[ServerSummary]:
        self.asked.append((asked, page))
        key: PageKey = (0, 0, "id-3") if asked.order is ServerOrder.WORST else ("web/3 ä", "id-3")
        return Listed(rows=(SUMMARY,), next=(0, "id-3") if asked.order is ServerOrder.SINCE else key)

    async def outages(self, asked: OutagesAsked, page: Page) -> Listed[OutageRow]:
        self.asked.append((asked, page))
        return Listed(rows=(OUTAGE,), next=(DOWN_SINCE, "id-3"))

    async def incidents(self, asked: OutagesAsked, page: Page) -> Listed[IncidentRow]:
        self.asked.append((asked, page))
        return Listed(rows=(INCIDENT,), next=None)

    async def events(self, server: str, page: Page) -> tuple[str, Listed[EventStatus]]:
        self.asked.append((server, page))
        if server == "twin":
            raise AmbiguousNameError(f"2 servers are called {server}: id-1, id-2", ["id-1", "id-2"])
        return "id-3", Listed(rows=(EVENT,), next=(7,))

    async def disagreements(self, kind: DisagreementKind | None, page: Page) -> Listed[DisagreementStatus]:
        self.asked.append((kind, page))
        if kind is DisagreementKind.CLOCK:
            raise NotFoundError([FieldFault("", "this is a monitor")])
        return Listed(rows=(DISAGREEMENT,), next=(0, "id-3"))

    async def solutions(self) -> SolutionList:
        return SolutionList(at=SETTLED_AT, solutions=(SOLUTION,))

    def solution(self, client: str, name: str) -> SolutionStatus | None:
        return SOLUTION if (client, name) == (SOLUTION.client, SOLUTION.id) else None

    async def windows(self, client: str | None, start: Instant | None, until: Instant | None) -> bytes:
        if client not in (None, SOLUTION.client):
            raise NotFoundError([FieldFault("client", f"there is no client {client}")])
        return b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"

    async def statement(self, client: str, month: Month, as_of: Instant | None) -> bytes:
        if client != "acme":
            raise NoDocumentError(f"There is no client {client!r} on record.")
        return json.dumps(
            {"statement": {"client": client, "month": str(month)}, "summary": {"servers": 0}}
        ).encode()

    def issued(self, client: str | None, month: Month | None) -> IssuedList:
        return IssuedList(statements=(ISSUED,))

    async def issued_document(self, client: str, month: Month, version: int | None) -> bytes:
        if (client, version) not in (("acme", None), ("acme", 2)):
            raise NotFoundError(
                [FieldFault("", f"the statement of client {client!r} of {month} is not issued")]
            )
        return await self.statement(client, month, None)

    async def difference(self, client: str, month: Month, version: int | None) -> bytes:
        await self.issued_document(client, month, version)
        return json.dumps(DIFFERENCE).encode()

    def letterhead(self, client: str) -> LetterheadStatus:
        return LetterheadStatus(name="Nordhost", address=(client,), logo=None, language="fr_CA")

    async def export(
        self, client: str | None, start: Instant | None, until: Instant | None
    ) -> AsyncIterator[str]:
        self.exported.append((client, start, until))
        for line in self.lines:
            yield line
        if self.breaks_off:
            raise RuntimeError("the ledger cannot be read")


def fixed_api(path: Path, control: FixedControl | None = None) -> AbstractAsyncContextManager[None]:
    """The control API on a Unix socket, which gives them."""
    return control_api(partial(routes_of, control or FixedControl(), Office().records), path)
