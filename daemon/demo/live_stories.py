"""What goes wrong while the demo is live, told as it happens, on other servers and hosts each time."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import TypeVar

from daemon.demo.estate import CUSTOMER, EMPLOYEE, Estate
from daemon.demo.lifeline import Lifeline
from daemon.demo.story_names import StoryName
from probes.simulation.entities import Host
from probes.simulation.world import World

T = TypeVar("T")


class LiveStories:
    """Stories without end: each step makes something happen, or mends it, and says so. What has nobody to happen to is left out."""

    def __init__(self, world: World, gateway: Lifeline, beyond: Sequence[Lifeline]) -> None:
        """`gateway`: the monitor's own way out; `beyond`: what the uplink leads to."""
        self._gateway = gateway
        self._beyond = beyond
        self._world = world
        self._estate = Estate(world)
        self._turn = count()

    def chapters(self, only: StoryName | None = None) -> Iterator[str]:
        """All stories over and over, or `only` one; it ends where nothing can happen any more."""
        names = tuple(StoryName) if only is None else (only,)
        is_told = True
        while is_told:
            is_told = False
            for name in names:
                for line in self._story(name):
                    is_told = True
                    yield line

    def _story(self, name: StoryName) -> Iterator[str]:
        match name:
            case StoryName.SWITCHED_OFF:
                return self._switched_off()
            case StoryName.LOST_DATASTORE:
                return self._lost_datastore()
            case StoryName.SUSPENDED:
                return self._suspended()
            case StoryName.CRASHED:
                return self._crashed()
            case StoryName.LOST_UPLINK:
                return self._lost_uplink()
            case StoryName.LOST_OWN_LINE:
                return self._lost_own_line()
            case StoryName.LOST_MANAGEMENT:
                return self._lost_management()
            case StoryName.LOST_HOST:
                return self._lost_host()
            case StoryName.LOST_SESSION:
                return self._lost_session()

    def _switched_off(self) -> Iterator[str]:
        for name in self._one_of(self._estate.running("acme-")):
            self._world.machines.power_off(name, user=CUSTOMER)
            yield f"{CUSTOMER} switches {name} off: it is down from that second on (slad server {name})"
            self._world.machines.power_on(name, user=CUSTOMER)
            yield (
                f"{name} is switched on again: up, by its event; a client's own people did it, so slad proposes to exclude"
                " the outage (slad proposals list)"
            )

    def _lost_datastore(self) -> Iterator[str]:
        mounts = [mount for mount in self._estate.mounts() if self._estate.running_with(*mount)]
        for host, datastore in self._one_of(mounts):
            servers = _counted(self._estate.running_with(host, datastore))
            self._world.outages.mount(host.name, datastore=datastore.name, accessible=False)
            yield (
                f"{host.name} loses all paths to {datastore.name}: the leg `san` of {servers} there is down,"
                " other hosts still reach it, so vCenter's summary says that it is accessible"
            )
            self._world.outages.mount(host.name, datastore=datastore.name, accessible=True)
            yield f"the paths of {host.name} to {datastore.name} are back"

    def _suspended(self) -> Iterator[str]:
        for name in self._one_of(self._estate.running()):
            self._world.machines.suspend(name, user=EMPLOYEE)
            yield f"{EMPLOYEE} suspends {name}: down by the provider's own hand, and nothing is proposed"
            self._world.machines.resume(name, user=EMPLOYEE)
            yield f"{name} is resumed"

    def _crashed(self) -> Iterator[str]:
        for name in self._one_of(self._estate.running()):
            self._world.machines.guest_crash(name)
            self._world.machines.power_off(name)
            yield f"the operating system of {name} crashes and it goes off: the client's own system, another proposal"
            self._world.machines.power_on(name, user=EMPLOYEE)
            yield f"{EMPLOYEE} starts {name} again"

    def _lost_uplink(self) -> Iterator[str]:
        self._beyond[0].cut()
        yield "one of two targets beyond the uplink does not answer: one is the quorum, nothing is down"
        self._beyond[1].cut()
        yield "the other one does not either: after three rounds the leg `internet` of all servers is down, from the first"
        for line in self._beyond:
            line.mend()
        yield "the targets beyond the uplink answer again: up from the first good round"

    def _lost_own_line(self) -> Iterator[str]:
        for line in (self._gateway, *self._beyond):
            line.cut()
        yield "somebody pulls the monitor's own cable: nothing answers, its gateway neither; servers that were up are unknown"
        for line in (self._gateway, *self._beyond):
            line.mend()
        yield "the cable is plugged in again"

    def _lost_management(self) -> Iterator[str]:
        for host in self._one_of(self._hosts()):
            servers = _counted(self._estate.running_on(host))
            self._world.outages.host_not_responding(host.name)
            yield f"{host.name} does not respond to vCenter: {servers} there are unknown, not down; nobody can say"
            self._world.outages.host_back(host.name)
            yield f"{host.name} responds again and its servers never stopped: that was only the management path"

    def _lost_host(self) -> Iterator[str]:
        for host in self._one_of(self._hosts()):
            servers = _counted(self._estate.running_on(host))
            self._world.outages.host_not_responding(host.name)
            yield f"{host.name} does not respond, and this time it is dead"
            self._world.outages.ha_restart(host.name)
            yield (
                f"HA restarted {servers} of {host.name} elsewhere; vCenter never showed them powered off,"
                " but its events tell: down from the loss of contact to the restart"
            )
            self._world.outages.host_back(host.name)
            yield f"{host.name} is repaired"

    def _lost_session(self) -> Iterator[str]:
        self._world.kill_sessions()
        yield "vCenter ends slad's session: slad logs in anew, and what it did not see in between is on record as blind"

    def _hosts(self) -> list[Host]:
        """Those with servers that run."""
        return [host for host in self._estate.hosts() if self._estate.running_on(host)]

    def _one_of(self, these: Sequence[T]) -> Sequence[T]:
        """Another one each time; none of none."""
        return these and (these[next(self._turn) % len(these)],)


def _counted(servers: Sequence[str]) -> str:
    return f"{len(servers)} server{'' if len(servers) == 1 else 's'}"
