"""What a storm costs: a host array with thousands of servers is lost at once, and each outage gets its cause.

`python -m bench.causes [SERVERS [LOST]]` prints a table: of taking the report with all that it tells of hosts, mounts and events,
and of attributing the outages.
"""

import asyncio
import sys
from collections.abc import Iterable

from bench.measuring import measured
from bench.table import Row, cpu_and_stall, show
from daemon.book.live_book import LiveBook
from daemon.causes.attributor import Attributor
from daemon.causes.traces import Traces
from daemon.ledger import Batch
from daemon.pacing import tune_gc
from daemon.recording.transitions import Transitions
from daemon.servers.policy import Owner, Policy
from daemon.servers.registry import ServerRegistry
from probes.report import ListedServer, Report, SourceEvent
from sla.instants import MINUTE, SECOND, Instant, parse_instant
from sla.records import Cause, Client, ClientId, Leg, Observation, Record, ServerId, State, Witness

NOON = parse_instant("2026-11-18T12:00:00Z")
VC = Witness("bench", "vc")
A_HOST = 50
"""Servers on one host."""
EVENTS = 20
"""Events of each host that lost its storage."""


class Fleet:
    """Servers in contact for ten minutes, and who attributes their outages."""

    def __init__(self, servers: int) -> None:
        self.book = LiveBook("bench")
        policy = Policy(
            assign=lambda _, __: Owner(client=ClientId("acme")),
            zone_of=lambda _: "UTC",
            legs={"vc": frozenset((Leg.RUNNING, Leg.SAN))},
            grace_us=5 * MINUTE,
        )
        self.registry = ServerRegistry("bench", policy, self.book.last_said)
        self.transitions = Transitions(self.book, self.registry)
        self.attributor = Attributor(
            book=self.book,
            registry=self.registry,
            traces=Traces(),
            uplink_of=lambda _: "",
            uplinks_down=dict,
            attribute_s=3600,
        )
        self.causes: list[Cause] = []
        self.rows: list[Row] = []
        """What it took."""
        client = Client(id=ClientId("acme"), name="ACME", timezone="UTC", tech_admins=(), recorded_at=NOON)
        self._commit(Batch(), (client,), NOON)
        self.listed = tuple(
            ListedServer(
                server=ServerId(f"server-{number}"),
                name=f"server-{number}",
                host=f"esx{number // A_HOST}",
                datastores=(f"san{number // 1000}",),
            )
            for number in range(servers)
        )

    async def take(self, report: Report, what: str) -> None:
        """What the recorder does with a report, up to the settling."""
        assert report.observed_until is not None
        now = report.observed_until
        batch = await self.transitions.batch_of([report], now)
        took = await measured(lambda: self._took(report, batch, now))
        self.rows += cpu_and_stall(what, took)
        self._commit(batch, (), now)

    async def attribute(self, now: Instant, what: str) -> None:
        """Look at what is settled."""
        took = await measured(lambda: self._attributed(now))
        self.rows += cpu_and_stall(f"{what}, {len(self.causes):,} causes", took)

    async def _took(self, report: Report, batch: Batch, now: Instant) -> None:
        await self.attributor.take([report], batch.entries, now)

    async def _attributed(self, now: Instant) -> None:
        self.causes += await self.attributor.causes(now)

    def _commit(self, batch: Batch, others: Iterable[Record], now: Instant) -> None:
        self.book.take_watermarks(batch.watermarks, (), ())
        for record in others:
            self.book.take_record(record, None)
        for entry in batch.entries:
            self.book.take_record(entry.record, entry.settled)
        self.book.settle(now)


def said(listed: ListedServer, leg: Leg, state: State, at: Instant) -> Observation:
    """What the vCenter says of a server."""
    return Observation(witness=VC, server=listed.server, leg=leg, state=state, at=at)


async def storm(servers: int, lost: int) -> None:
    """A fleet as it begins, and then its storm."""
    tune_gc()
    fleet = Fleet(servers)
    ups = tuple(said(each, leg, State.UP, NOON) for each in fleet.listed for leg in (Leg.RUNNING, Leg.SAN))
    await fleet.take(
        Report(source="vc", fresh=True, observed_until=NOON, listed=fleet.listed, observations=ups),
        "take the list of all",
    )
    at = Instant(NOON + 10 * MINUTE)
    victims = fleet.listed[:lost]
    mounts = frozenset((str(each.host), store) for each in victims for store in each.datastores)
    events = tuple(
        SourceEvent(
            key=f"{number}-{host}",
            type="esx.problem.storage.apd.start",
            at=Instant(at - number * SECOND),
            server=None,
            user="",
            text="",
            host=host,
            datastore=store,
        )
        for host, store in sorted(mounts)
        for number in range(EVENTS)
    )
    downs = tuple(said(each, Leg.SAN, State.DOWN, at) for each in victims)
    await fleet.take(
        Report(source="vc", observed_until=at, observations=downs, lost_mounts=mounts, events=events),
        f"take the storm, {len(events):,} events",
    )
    await fleet.take(Report(source="vc", observed_until=Instant(at + SECOND)), "take a quiet report")
    await fleet.attribute(Instant(at + SECOND), "attribute")
    show(f"{servers:,} servers, of which {lost:,} lose their storage at once", fleet.rows)


def main() -> None:
    """As the module says."""
    given = list(map(int, sys.argv[1:]))
    servers, lost = (*given, *(40_000, 5_000)[len(given) :])
    asyncio.run(storm(servers, lost))


if __name__ == "__main__":
    main()
