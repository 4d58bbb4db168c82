"""What happened in the six weeks before the demo, as stories that run side by side on the past's clock.

Most of it lies in the last eleven days of last month, which six weeks hold whatever the date is, so that last month's statement has
something of each kind; what a chronic outage needs lies in the 30 days before now. Times of day are local, and no scene begins in
the hour that a clock change skips.
"""

from itertools import count, cycle
from typing import Any, Final

from daemon.demo.estate import CUSTOMER, EMPLOYEE, Estate
from daemon.demo.past_scenes import ZONE, Asked, Away, Decided, PastCalendar, PastUplink, Story
from daemon.records.service import RecordService
from probes.simulation.entities import Datastore, Host, Power
from probes.simulation.world import World
from sla.instants import DAY, HOUR, MINUTE, Instant, format_instant
from sla.records import State

BOREALIS_USER: Final = r"BOREALIS\bob"
STRANGER: Final = r"CONTRACTOR\zoe"
"""Who does things in the stories, beside those of the live ones; the configuration says nothing of the stranger."""
SHOP: Final = "shop"
PORTAL: Final = "portal"
"""A solution of each client."""
LOOK_US: Final = 12 * HOUR
"""How often something is seen at least: causes are looked for up to a day back."""


class PastStories:
    """All stories of the past, in a world that is at its beginning."""

    def __init__(self, world: World, uplink: PastUplink, calendar: PastCalendar) -> None:
        self.calendar = calendar
        self._world = world
        self._uplink = uplink
        self._estate = Estate(world)
        running = self._estate.running
        self._shop = running("acme-web-", "acme-app-")
        self._acme = cycle([name for name in running("acme-") if name not in self._shop])
        self._borealis = cycle(
            [name for name in running("borealis-") if not name.startswith("borealis-web-")]
        )
        self._moved = cycle(running())

    def all(self) -> list[Story]:
        """Every story, at its beginning."""
        return [
            self._looks(),
            self._changed_by_the_client(),
            self._crashed(),
            self._suspended_by_an_employee(),
            self._changed_by_a_stranger(),
            self._host_maintenance(),
            self._lost_datastore(),
            self._lost_host(),
            self._lost_uplink(),
            self._unexplained(),
            self._lost_management(),
            self._monitor_away(),
            self._maintenance_in_time(),
            self._maintenance_late(),
            self._maintenance_over_the_hour(),
            self._emergency(),
            self._request_met(),
            self._request_missed(),
            self._request_pending(),
            self._life_cycle(),
            self._chronic(),
            self._pending_proposals(),
            self._maintenance_to_come(),
        ]

    def move(self) -> None:
        """DRS moves a server that is well to another host: something to look at."""
        hosts = self._estate.hosts()
        server = next(
            server
            for server in map(self._world.machines.find, self._moved)
            if server.power is Power.ON and server.host in hosts
        )
        target = next(host for host in hosts if host is not server.host and host.parent is server.host.parent)
        self._world.machines.vmotion(server.moid, host=target.name)

    def _looks(self) -> Story:
        for number in count(1):
            yield Instant(self.calendar.begin + number * LOOK_US)

    # causes

    def _changed_by_the_client(self) -> Story:
        name, at = next(self._acme), self.calendar.last_month
        yield at(10, "10:15")
        self._world.machines.power_off(name, user=CUSTOMER)
        yield at(10, "10:40")
        self._world.machines.power_on(name, user=CUSTOMER)
        yield at(10, "15:00")
        yield Decided(server=name)

    def _crashed(self) -> Story:
        name, at = next(self._borealis), self.calendar.last_month
        yield at(9, "05:12")
        self._crash(name)
        yield at(9, "05:31")
        self._world.machines.power_on(name, user=EMPLOYEE)
        yield at(9, "11:00")
        yield Decided(server=name, why="it was the driver that we installed")

    def _suspended_by_an_employee(self) -> Story:
        name, at = next(self._acme), self.calendar.last_month
        yield at(9, "14:00")
        self._world.machines.suspend(name, user=EMPLOYEE)
        yield at(9, "14:20")
        self._world.machines.resume(name, user=EMPLOYEE)

    def _changed_by_a_stranger(self) -> Story:
        name, at = next(self._borealis), self.calendar.last_month
        yield at(8, "16:30")
        self._world.machines.power_off(name, user=STRANGER)
        yield at(8, "16:48")
        self._world.machines.power_on(name, user=EMPLOYEE)

    def _host_maintenance(self) -> Story:
        at = self.calendar.last_month
        yield at(7, "12:55")
        host = self._busiest_host()
        stopped = self._estate.running_on(host)[:2]
        self._world.outages.maintenance(host.name, on=True, user=EMPLOYEE)
        yield at(7, "13:00")
        for name in stopped:
            self._world.machines.power_off(name)
        yield at(7, "13:35")
        self._world.outages.maintenance(host.name, on=False, user=EMPLOYEE)
        for name in stopped:
            self._world.machines.power_on(name, user=EMPLOYEE)

    def _lost_datastore(self) -> Story:
        at = self.calendar.last_month
        yield at(6, "10:05")
        host, datastore = self._busiest_mount()
        self._world.outages.mount(host.name, datastore=datastore.name, accessible=False)
        yield at(6, "10:30")
        self._world.outages.mount(host.name, datastore=datastore.name, accessible=True)

    def _lost_host(self) -> Story:
        at = self.calendar.last_month
        yield at(4, "04:20")
        host = self._busiest_host()
        self._world.outages.host_not_responding(host.name)
        yield at(4, "04:24")
        self._world.outages.ha_restart(host.name)
        yield at(4, "09:00")
        self._world.outages.host_back(host.name)

    def _lost_uplink(self) -> Story:
        at = self.calendar.last_month
        yield at(3, "18:10")
        self._uplink.turn(State.DOWN, at(3, "18:10"))
        yield at(3, "18:14")
        self._uplink.turn(State.UP, at(3, "18:14"))
        yield at(2, "09:00")
        yield Asked(
            record=RecordService.exclude,
            said={
                "category": "force_majeure",
                "from": format_instant(at(3, "18:10")),
                "until": format_instant(at(3, "18:13")),
                "clients": ["borealis"],
                "reference": "ice storm, as declared by the carrier for three minutes",
            },
        )

    def _unexplained(self) -> Story:
        name, at = next(self._acme), self.calendar.last_month
        machines = self._world.machines
        yield at(2, "19:00")
        server = machines.find(name)
        with self._world.inventory.changing(server):
            server.power = Power.OFF
        yield at(2, "19:09")
        machines.power_on(name, user=EMPLOYEE)

    # unobserved

    def _lost_management(self) -> Story:
        at = self.calendar.last_month
        yield at(8, "09:00")
        host = self._busiest_host()
        self._world.outages.host_not_responding(host.name)
        yield at(8, "09:20")
        self._world.outages.host_back(host.name)

    def _monitor_away(self) -> Story:
        yield self.calendar.last_month(5, "05:00")
        yield Away(until=self.calendar.last_month(5, "05:05"))

    # maintenance

    def _maintenance_in_time(self) -> Story:
        at = self.calendar.last_month
        yield at(11, "09:00")
        yield _window(at(6, "23:00"), 40, clients=["acme"], reference="firmware of the storage")
        yield at(6, "23:05")
        server = self._shop[-1]
        self._world.machines.power_off(server, user=EMPLOYEE)
        yield at(6, "23:30")
        self._world.machines.power_on(server, user=EMPLOYEE)

    def _maintenance_late(self) -> Story:
        at, server = self.calendar.last_month, next(self._acme)
        yield at(5, "15:00")
        yield _window(at(4, "23:15"), 30, servers=[server], reference="a disk that could not wait")
        yield at(4, "23:20")
        self._world.machines.power_off(server, user=EMPLOYEE)
        yield at(4, "23:40")
        self._world.machines.power_on(server, user=EMPLOYEE)

    def _maintenance_over_the_hour(self) -> Story:
        at, server = self.calendar.last_month, next(self._borealis)
        yield at(11, "09:30")
        yield _window(at(3, "23:00"), 150, servers=[server], reference="move to new hardware")
        yield at(3, "23:05")
        self._world.machines.power_off(server, user=EMPLOYEE)
        yield Instant(at(3, "23:05") + 110 * MINUTE)
        self._world.machines.power_on(server, user=EMPLOYEE)

    def _emergency(self) -> Story:
        at, server = self.calendar.last_month, next(self._borealis)
        yield at(1, "14:00")
        yield _window(
            at(1, "14:10"),
            20,
            servers=[server],
            category="emergency_security_update",
            reference="hole in the hypervisor",
        )
        yield at(1, "14:11")
        self._world.machines.power_off(server, user=EMPLOYEE)
        yield at(1, "14:24")
        self._world.machines.power_on(server, user=EMPLOYEE)

    def _maintenance_to_come(self) -> Story:
        yield self.calendar.ago(1, "11:00")
        yield Asked(
            record=RecordService.announce_series,
            said={
                "every": "sun 23:00",
                "timezone": ZONE,
                "count": 4,
                "duration_seconds": 30 * 60,
                "clients": ["acme"],
                "from": format_instant(Instant(self.calendar.now + 4 * DAY)),
                "reference": "weekly patches",
            },
        )
        yield _window(self.calendar.ago(-9, "23:30"), 45, clients=["borealis"], reference="a new core switch")

    # people

    def _request_met(self) -> Story:
        at, request = self.calendar.last_month, "rq-backup"
        yield at(10, "09:40")
        yield _request(request, "acme", SHOP, "art@acme.example")
        yield at(10, "10:30")
        yield Asked(record=RecordService.respond, about=request, said={})
        yield at(10, "13:00")
        yield Asked(record=RecordService.close_request, about=request, said={})

    def _request_missed(self) -> Story:
        at, request = self.calendar.last_month, "rq-slow"
        yield at(8, "10:00")
        yield _request(request, "borealis", PORTAL, "bea@borealis.example")
        yield at(1, "16:00")
        yield Asked(record=RecordService.respond, about=request, said={})

    def _request_pending(self) -> Story:
        yield Instant(self.calendar.now - 20 * MINUTE)
        yield _request("rq-now", "acme", SHOP, "art@acme.example")

    def _life_cycle(self) -> Story:
        at = self.calendar.last_month
        for days, event in (
            (11, "order_accepted"),
            (9, "provisioned"),
            (8, "activated"),
            (7, "problem_reported"),
            (6, "problem_fixed"),
            (5, "data_requested"),
            (4, "data_returned"),
        ):
            yield at(days, "12:00")
            yield Asked(
                record=RecordService.record_step,
                said={"client": "borealis", "solution": PORTAL, "event": event},
            )

    def _chronic(self) -> Story:
        """Five interruptions of a solution of 130 minutes each, for another reason each, and its client's people complain."""
        machines = self._world.machines
        faults = cycle((machines.kill, machines.vmcp_terminate, self._crash))
        for number, (days, fault) in enumerate(zip((24, 18, 12, 7, 3), faults, strict=False), 1):
            name, start = self._shop[number % 2], self.calendar.ago(days, "20:10")
            yield start
            fault(name)
            yield Instant(start + 20 * MINUTE)
            yield _request(f"rq-shop-{number}", "acme", SHOP, "ann@acme.example")
            yield Instant(start + 50 * MINUTE)
            yield Asked(record=RecordService.respond, about=f"rq-shop-{number}", said={})
            yield Instant(start + 130 * MINUTE)
            machines.power_on(name, user=EMPLOYEE)

    def _pending_proposals(self) -> Story:
        acme, borealis = next(self._acme), next(self._borealis)
        yield self.calendar.ago(2, "11:20")
        self._world.machines.power_off(borealis, user=BOREALIS_USER)
        yield self.calendar.ago(2, "11:50")
        self._world.machines.power_on(borealis, user=BOREALIS_USER)
        yield self.calendar.ago(1, "08:05")
        self._crash(acme)
        yield self.calendar.ago(1, "08:17")
        self._world.machines.power_on(acme, user=EMPLOYEE)

    # the world

    def _crash(self, name: str) -> None:
        self._world.machines.guest_crash(name)
        self._world.machines.power_off(name)

    def _busiest_host(self) -> Host:
        return max(self._estate.hosts(), key=lambda host: len(self._estate.running_on(host)))

    def _busiest_mount(self) -> tuple[Host, Datastore]:
        return max(self._estate.mounts(), key=lambda mount: len(self._estate.running_with(*mount)))


def _window(
    start: Instant, minutes: int, *, reference: str, category: str = "scheduled_maintenance", **scope: Any
) -> Asked:
    return Asked(
        record=RecordService.announce,
        said={
            "category": category,
            "from": format_instant(start),
            "duration_seconds": minutes * 60,
            "reference": reference,
            **scope,
        },
    )


def _request(name: str, client: str, solution: str, by: str) -> Asked:
    said = {"client": client, "solution": solution, "opened_by": by, "channel": "email", "id": name}
    return Asked(record=RecordService.open_request, said=said)
