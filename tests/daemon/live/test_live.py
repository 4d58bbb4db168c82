"""The whole daemon with faults and records: at every tick its figures are those of `slad evaluate` on its export."""

import asyncio
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from daemon.book.live_book import LiveBook
from daemon.control.client import ControlClient, UnknownNameError
from daemon.holidays import holidays_around
from daemon.live.figures import LiveFigures
from probes.simulation import Power, ThreadedVCenter
from probes.simulation.entities import Host, Vm
from probes.simulation.wire import WireFaultKind
from sla.book import Book
from sla.calendars import calendar_of
from sla.chronic import Stage
from sla.instants import HOUR, MINUTE, SECOND, Instant, format_instant, parse_instant
from sla.reader import EvidenceReader
from sla.records import ClientId, ServerId, SolutionId
from sla.statement import Judgement, ServerMonth
from tests.daemon.harness import (
    Samples,
    by_server,
    running_app,
    running_machines,
    scraped,
    simulated,
    write_config,
)
from tests.daemon.live.comparing import assert_all_stands
from tests.waiting import until, until_told
from tests.wall import now

TERMS = """[contract.chronic_outages]
interruptions = 2
lasting = "1s"
[contract.scheduled_maintenance]
between = ["00:00", "24:00"]
notice = "0d"
"""
NINE = 10**9


class ComparedFigures(LiveFigures):
    """Figures that are held against statements of their instant whenever they have caught up with it."""

    times = 0

    async def catch_up(self, at: Instant, at_most_s: float) -> bool:
        done = await super().catch_up(at, at_most_s)
        if done:
            assert self.at is not None
            assert_all_stands(self, self.at, f"comparison {self.times}")
            self.times += 1
        return done


class Story:
    """What happens to the machines of a running daemon, and what people record."""

    def __init__(self, vcenter: ThreadedVCenter, folder: Path, address: tuple[str, int]) -> None:
        self.vcenter = vcenter
        self.machines = vcenter.world.machines
        self.outages = vcenter.world.outages
        self._socket = folder / "control.sock"
        self._address = address
        self._records = 0

    def samples(self) -> Samples:
        return scraped(*self._address)

    async def until_down(self, count: int) -> None:
        await until(
            lambda: list(by_server(self.samples(), "slad_server_up").values()).count(0) == count,
            f"{count} servers down",
        )

    async def until_it_qualifies(self) -> None:
        """Wait until the interruption of the solution has lasted for as long as TERMS ask for."""
        family = "slad_solution_interruption_counted_seconds"
        await until(
            lambda: any(name == family and value >= 1 for (name, _), value in self.samples().items()),
            "an interruption that qualifies",
        )

    async def until_leg(self, name: str, leg: str, value: int) -> None:
        server = self.vcenter.do(self._uuid, name)
        key = "slad_server_leg_up", frozenset({("server", server), ("leg", leg)})
        await until(lambda: self.samples().get(key) == value, f"{leg} of {name} {value}")

    def _uuid(self, name: str) -> str:
        return self.vcenter.world.inventory.find(Vm, name).instance_uuid

    async def until_long_unknown(self, name: str) -> None:
        """Wait until a server is unknown for longer than its boot can be in doubt."""

        async def holds() -> bool:
            return _is_long_unknown(await self.asked(f"/v1/servers/{name}"))

        await until_told(holds, f"{name} unknown for long")

    async def record(self, path: str, **body: object) -> None:
        self._records += 1
        async with ControlClient(self._socket) as client:
            await client.record(path, body, key=f"record-{self._records}")

    async def asked(self, path: str) -> Any:
        async with ControlClient(self._socket) as client:
            return await client.document(path)

    async def exported(self) -> Book:
        reader, book = EvidenceReader(), Book()
        async with ControlClient(self._socket) as client:
            async for line in client.export():
                record = reader.read(line.encode())
                assert record is not None, reader.faults
                book.add(record)
        return book


def _is_long_unknown(told: Any) -> bool:
    lasted_us = parse_instant(told["settled_at"]) - parse_instant(told["since"])
    return told["state"] == "unknown" and lasted_us > 3 * SECOND


def evaluated(book: Book, at: Instant, zone: str) -> Judgement:
    """What `slad evaluate` works out of a book for the month of an instant in a zone."""
    month = calendar_of(zone).month_of(at)
    return Judgement(book, month=month, as_of=at, national_holidays=holidays_around([at]))


def billionths(value: Fraction | None) -> int | None:
    return None if value is None else value.numerator * NINE // value.denominator


def assert_row(samples: Samples, row: ServerMonth) -> None:
    """The server's series are its figures, rounded down."""

    def shown(name: str, places: int, **labels: str) -> int | None:
        value = samples.get((name, frozenset({"server": row.id, **labels}.items())))
        return None if value is None else round(value * places)

    figures = row.figures
    assert shown("slad_server_month_availability_ratio", NINE) == billionths(figures.availability())
    assert shown("slad_server_month_availability_low_ratio", NINE) == billionths(figures.availability_low)
    assert shown("slad_server_month_availability_high_ratio", NINE) == billionths(figures.availability_high)
    assert shown("slad_server_month_coverage_ratio", NINE) == billionths(figures.coverage)
    assert shown("slad_server_month_best_possible_ratio", NINE) == billionths(figures.best_possible)
    assert shown("slad_server_month_budget_seconds", SECOND) == figures.budget // 1
    assert shown("slad_server_month_budget_remaining_seconds", SECOND) == figures.budget_left // 1
    for category, time in figures.excluded_by:
        assert shown("slad_server_month_excluded_seconds", SECOND, category=category.value) == time


async def test_figures_under_faults_and_records_are_those_of_the_evidence(tmp_path: Path) -> None:
    made: list[ComparedFigures] = []

    def make(book: LiveBook) -> LiveFigures:
        made.append(ComparedFigures(book))
        return made[0]

    rule = '[[rule]]\nname = "acme-*"\nclient = "acme"\nsolution = "mail"'
    with simulated(40) as vcenter:
        async with running_app(write_config(tmp_path, vcenter, rule=rule, terms=TERMS), make) as app:
            (compared,) = made
            story = Story(vcenter, tmp_path, app.addresses[0])
            await story.until_down(0)
            await until(lambda: len(by_server(story.samples(), "slad_server_up")) > 10, "the fleet")
            names = running_machines(vcenter)
            victim = next(name for name in names if name.startswith("acme"))
            other = next(name for name in names if name.startswith("borealis"))

            vcenter.do(story.machines.power_off, victim, user="eve")
            await story.until_down(1)
            opened = {"client": "acme", "solution": "mail", "opened_by": "ann", "channel": "phone"}
            await story.record("/v1/requests", id="r1", **opened)
            await story.record("/v1/lifecycle", client="acme", solution="mail", event="data_requested")
            at = now()
            window = {"from": format_instant(Instant(at - HOUR)), "until": format_instant(Instant(at + HOUR))}
            await story.record("/v1/maintenance", clients=["unassigned"], announced_at=None, **window)
            await story.record(
                "/v1/exclusions",
                category="client_change",
                servers=[other],
                open=True,
                **{"from": format_instant(Instant(at - MINUTE))},
            )
            vcenter.do(story.machines.power_off, other, user="eve")
            await story.until_down(2)
            await story.until_it_qualifies()
            vcenter.do(story.machines.power_on, victim, user="eve")
            await story.until_down(1)
            vcenter.do(story.machines.power_off, victim, user="eve")
            await story.until_down(2)
            host, guest = await asyncio.to_thread(_a_host_of_many, vcenter)
            vcenter.do(story.outages.host_not_responding, host)
            await story.until_long_unknown(guest)
            vcenter.do(story.outages.ha_restart, host)
            vcenter.do(vcenter.world.kill_sessions)
            home, store = await asyncio.to_thread(_where_it_runs, vcenter, other)
            vcenter.do(story.outages.mount, home, datastore=store, accessible=False)
            await story.until_leg(other, "san", 0)
            vcenter.do(story.outages.mount, home, datastore=store, accessible=True)
            await story.until_leg(other, "san", 1)
            vcenter.do(vcenter.wire.inject, WireFaultKind.UNAVAILABLE)
            lost = "slad_source_up", frozenset({("source", "vc1")})
            await until(lambda: story.samples()[lost] == 0, "the loss of the vCenter")
            before = compared.times
            await until(lambda: compared.times > before + 3, "figures while nobody sees")
            vcenter.do(vcenter.wire.clear)
            chronic = (
                "slad_solution_chronic_stage",
                frozenset({("basis", "observed"), ("stage", "chronic")}),
            )
            await until(
                lambda: any(
                    family == chronic[0] and chronic[1] <= labels for family, labels in story.samples()
                ),
                "a chronic outage",
            )
            await story.record("/v1/requests/r1/respond")
            await story.record("/v1/notices", client="acme", solution="mail")
            for name in (victim, other):
                vcenter.do(story.machines.power_on, name, user="eve")
            await story.until_down(0)

            told = await story.asked(f"/v1/servers/{other}")
            by_category = {each["category"]: each for each in told["month"]["exclusions"]}
            change, maintenance = by_category["client_change"], by_category["scheduled_maintenance"]
            assert told["month"]["excluded_seconds"] == {"client_change": change["seconds"]}
            (late,) = maintenance["ineligible"]
            assert (late["reason"], late["seconds"]) == ("late_notice", maintenance["seconds"])
            listed = (await story.asked("/v1/solutions"))["solutions"]
            (mail,) = (each for each in listed if each["id"] == "mail")
            assert [each["deadline"] for each in mail["deadlines"]] == ["data_return"]
            assert (await story.asked("/v1/solutions/acme/mail"))["observed"] == mail["observed"]
            with pytest.raises(UnknownNameError, match="there is no solution"):
                await story.asked("/v1/solutions/acme/nothing")
            samples = await asyncio.to_thread(story.samples)
            book = await story.exported()
            at = Instant(round(samples["slad_figures_timestamp_seconds", frozenset()] * SECOND))
    assert compared.times > 5
    shown = by_server(samples, "slad_server_month_coverage_ratio")
    zones = {"acme": "America/Toronto", "unassigned": "UTC"}
    for server in shown:
        client = book.servers[ServerId(server)].records[-1].client
        (row,) = evaluated(book, at, zones[client]).server(ServerId(server), client)
        assert_row(samples, row)
    state = evaluated(book, at, "America/Toronto").solution((SolutionId("mail"), ClientId("acme")))
    assert state is not None
    assert state.observed.stage is Stage.RESOLUTION
    named = {("solution", "mail"), ("client", "acme")}
    stage = frozenset({*named, ("basis", "observed"), ("stage", "resolution")})
    assert samples["slad_solution_chronic_stage", stage] == 1
    acme = frozenset({("client", "acme")})
    assert samples["slad_contract_qualifying_interruption_seconds", acme] == 1, "as TERMS have it"
    assert samples["slad_contract_evaluation_max_interruptions", acme] == 2
    count = frozenset({*named, ("basis", "observed")})
    assert samples["slad_solution_qualifying_interruptions", count] == state.observed.count


def _where_it_runs(vcenter: ThreadedVCenter, name: str) -> tuple[str, str]:
    """The host of a machine, and the datastore of its disks."""

    def found() -> tuple[str, str]:
        machine = vcenter.world.inventory.find(Vm, name)
        return machine.host.name, machine.disks[0].datastore.name

    return vcenter.do(found)


def _a_host_of_many(vcenter: ThreadedVCenter) -> tuple[str, str]:
    """The host on which most machines run, and the name of one of them."""

    def found() -> tuple[str, str]:
        running = {
            host.name: [vm.name for vm in host.vms.values() if vm.power is Power.ON and not vm.template]
            for host in vcenter.world.inventory.every(Host)
        }
        host = max(running, key=lambda name: len(running[name]))
        return host, running[host][0]

    return vcenter.do(found)
