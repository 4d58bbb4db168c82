"""The Internet leg in the daemon: what the configuration asks for, watched for the servers that the registry knows.

Servers are followed as their records, places and power change. The watch begins with the first server that has the leg,
so that its witness says nothing before it knows whom it speaks of.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Final, Never

import structlog

from daemon.clock import Clock
from daemon.config.config import Config
from daemon.config.tables import CheckTable, InternetTable, ReachTable, UplinkTable, VantageTable
from daemon.config.values import ADDRESS
from daemon.exposition.families import LabelledFamily, label, sample
from daemon.metrics.internet import InternetMetrics
from daemon.pacing import paced
from daemon.servers.registry import ServerRegistry
from daemon.servers.rules import Rules, Undecided
from daemon.watching.addresses import ReportedAddresses, chosen
from probes.facts import NOT_KNOWN
from probes.internet.check import Check, Prober
from probes.internet.servers import Assignment, ReachCheck, Shown
from probes.internet.verdict import Verdict
from probes.internet.watch import InternetWatch
from probes.report import GuestAddress, ListedServer, Report
from probes.targets.connect import Origin
from probes.targets.own_addresses import OwnAddresses
from probes.targets.ping.pinger import Pinger, open_pings
from probes.targets.ping.settings import PingError, Pings, PingSettings, PingSourceError
from probes.targets.resolve import Resolver
from probes.targets.result import Reason, Result, unknown
from probes.targets.table import probe
from probes.targets.target import Method, Target, bracketed, parse_target
from probes.targets.tools import Tools, open_tools, trust
from sla.instants import SECOND, Instant
from sla.reasons import DetailedReason, PlainReason
from sla.records import ServerId, State

LookAt = Callable[[ServerId], bool]
"""Whether a server runs, by what is on record."""

_HERE: Final = Origin()

_log = structlog.get_logger()


class _ToolSet:
    """The tools that probe from one place of this machine."""

    def __init__(self, tools: Tools, pings: "_LazyPings", stack: AsyncExitStack) -> None:
        """`stack` closes the tools."""
        self.tools = tools
        self.pings = pings
        self._stack = stack
        self._trying = 0
        self._idle = asyncio.Event()

    async def probe(self, target: Target, timeout_s: float) -> Result:
        """Try a target from here."""
        self._trying += 1
        try:
            return await probe(target, self.tools, timeout_s)
        finally:
            self._trying -= 1
            self._idle.set()

    async def retire(self) -> None:
        """Close the tools once what is under way is over: a target is not down because we left in the middle."""
        while self._trying:
            self._idle.clear()
            await self._idle.wait()
        await self.close()

    async def close(self) -> None:
        await self._stack.aclose()


class Internet:
    """Owns the watch of the Internet leg, its probes' tools, and who is watched by what."""

    def __init__(
        self,
        *,
        clock: Clock,
        observer: str,
        metrics: InternetMetrics,
        registry: ServerRegistry,
        runs: LookAt,
        send: Callable[[Report], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._observer = observer
        self._metrics = metrics
        self._registry = registry
        self._runs = runs
        self._send = send
        self._config: Config | None = None
        """What the configuration says; None before the first was adopted."""
        self._rules: Rules[InternetTable] = Rules(())
        """Its rules `[[internet]]`: who goes by which uplink, and which checks of an address."""
        self._assigned: dict[ServerId, Assignment] = {}
        """By what each server goes that has the leg."""
        self._addresses: dict[ServerId, tuple[GuestAddress, ...]] = {}
        """The addresses that each of them had when they were last known."""
        self._origins: dict[str, Origin] = {}
        """By the name of an uplink: from where its targets are tried; what is not in it is tried from anywhere."""
        self._places: dict[Origin, _ToolSet] = {}
        """The tools of every place that targets are tried from, as the configuration in force has them."""
        self._resolver = Resolver()
        self._watch: InternetWatch | None = None
        """The watch; None until there is a server to watch."""
        self._wanted = asyncio.Event()
        """Set once there is a server to watch."""
        self._changed = asyncio.Event()
        """Set when a configuration waits to be followed by the watch."""
        self._own_addresses = OwnAddresses()
        """The monitor's."""
        self._own_changes = 0
        """How often they had changed when servers' addresses were chosen last."""
        self._reported = ReportedAddresses()
        """Those of all servers."""

    def adopt(self, config: Config) -> None:
        """Follow another configuration; servers follow it with `follow`, once the registry has adopted it too."""
        self._config = config
        self._rules = Rules(config.internet)
        self._changed.set()

    def servers(self) -> Iterable[ServerId]:
        """Those that have the leg."""
        return self._assigned.keys()

    def uplink_of(self, server: ServerId) -> str:
        """The name of a server's uplink; empty where it has none."""
        assignment = self._assigned.get(server)
        return assignment.uplink or "" if assignment is not None else ""

    def uplinks(self) -> Mapping[str, Verdict]:
        """What is known of each uplink by now."""
        return self._watch.uplinks() if self._watch is not None else {}

    def uplinks_down(self) -> Mapping[str, Instant]:
        """The uplinks that are known to be down, and since when by the watches' time."""
        return self._watch.uplinks_down() if self._watch is not None else {}

    def layers(self) -> Iterator[tuple[str, Verdict]]:
        """The monitor's own way out and every uplink, as far as they are watched."""
        if self._watch is not None and self._config is not None and self._config.vantage is not None:
            yield "vantage", self._watch.vantage()
        for name, verdict in self.uplinks().items():
            yield f"uplink {name}", verdict

    def progress_due_us(self) -> Iterator[tuple[str, int]]:
        """By when the rounds take their next step at the latest, by the monotonic clock; nothing before they began."""
        if self._watch is not None:
            yield "internet-rounds", int(self._watch.progress_due_s * SECOND)

    def reach(self, server: ServerId) -> tuple[Shown, ...]:
        """What the checks of a server's own address found last; those that decide nothing too."""
        return self._watch.shown(server) if self._watch is not None else ()

    async def labelled(self) -> tuple[LabelledFamily, ...]:
        """The same of all servers, as a family of metrics."""
        samples = []
        checked = [server for server, assignment in self._assigned.items() if assignment.reach]
        async for server in paced(checked):
            for shown in self.reach(server):
                if shown.result is not None and shown.result.state is not State.UNKNOWN:
                    labels = (
                        label("server", server),
                        label("target", shown.target.text),
                        label("required", "true" if shown.required else "false"),
                    )
                    samples.append(sample(",".join(labels), "1" if shown.result.state is State.UP else "0"))
        if not samples:
            return ()
        text = "Whether a server's own address answered last time; absent while unknown, and while it rests."
        return (LabelledFamily(name="slad_server_reach_up", help=text, kind="gauge", samples=samples),)

    async def follow(self) -> None:
        """Take what the registry says has changed since this was called last: after a commit."""
        changed = self._registry.take_changed()
        async for server in paced(changed):  # all of them first: what two report is neither's alone
            listed = self._registry.listed(server)
            told = listed.addresses if listed is not None else ()
            if told is not NOT_KNOWN:
                self._reported.tell(server, (each.number for each in told))
        async for server in paced(changed | self._rechosen()):
            self._follow(server)
        for place in self._places.values():
            if isinstance(place.pings.opened, Pinger):
                pinger = place.pings.opened
                self._metrics.pinged(place.tools.origin, dropped=pinger.dropped, strays=pinger.strays)

    async def run(self) -> Never:
        """Watch, once there is a server to watch."""
        async with AsyncExitStack() as stack:
            stack.callback(self._own_addresses.close)
            await self._wanted.wait()
            stack.push_async_callback(self._close)
            assert self._config is not None
            self._watch = InternetWatch(
                observer=self._observer,
                now=self._clock.now,
                emit=self._send,
                listener=self._metrics,
                at_once=_at_once(self._config),
            )
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._configure(tasks), name="internet-configuration")
                tasks.create_task(self._watch.run(), name="internet-watch")
        raise AssertionError

    # Servers

    def _rechosen(self) -> set[ServerId]:
        """Servers whose address may be another one now, though nothing was told of them."""
        others = self._reported.take_concerned()
        if self._config is None or not self._config.needs_addresses:
            return set()
        if self._own_changes != (changes := self._own_addresses.changes):
            self._own_changes = changes
            return set(self._assigned)
        return others

    def _follow(self, server: ServerId) -> None:
        assignment = self._assignment(server)
        if assignment is None:
            self._addresses.pop(server, None)
            if self._assigned.pop(server, None) is not None and self._watch is not None:
                self._watch.release(server)
            return
        before = self._assigned.get(server)
        self._assigned[server] = assignment
        self._wanted.set()
        if self._watch is None:
            return
        if before != assignment:
            self._watch.assign(server, assignment, running=self._runs(server))
        else:
            self._watch.running(server, self._runs(server))

    def _assignment(self, server: ServerId) -> Assignment | None:
        listed = self._registry.listed(server)
        if listed is None or not self._registry.is_in_service(server):
            return None
        rule = self._rules.first(self._registry.source_of(server), listed)
        if isinstance(rule, Undecided):
            return self._assigned.get(server)
        if rule is None:
            return None
        return Assignment(uplink=rule.uplink, reach=self._reach(rule, server, listed))

    def _reach(self, rule: InternetTable, server: ServerId, listed: ListedServer) -> tuple[ReachCheck, ...]:
        """The checks of a server's own address; one that has none to go to stays unknown, and says why."""
        assert self._config is not None
        table = self._config.reach
        if listed.addresses is not NOT_KNOWN:
            self._addresses[server] = listed.addresses
        own = chosen(
            self._addresses.get(server, ()),
            table,
            network=rule.network,
            own=self._own_addresses,
            is_shared=self._reported.is_shared,
        )
        checks = []
        for text in rule.reach:
            if ADDRESS not in text:
                check = _check(table, (parse_target(text),), 1, self._prober(""))
            elif own.number:
                target = parse_target(text.replace(ADDRESS, bracketed(own.number)))
                check = _check(table, (target,), 1, partial(self._probe_own, own.number))
            else:
                check = replace(
                    _check(table, (_nowhere(text),), 1, partial(_unaddressed, own.reason)),
                    untried=DetailedReason(PlainReason.NO_ADDRESS, own.reason),
                )
            checks.append(ReachCheck(check=check, required=rule.required))
        return tuple(checks)

    # Checks

    async def _configure(self, tasks: asyncio.TaskGroup) -> Never:
        """Have the watch follow each configuration."""
        assert self._watch is not None
        while True:
            self._changed.clear()
            config = self._config
            assert config is not None
            self._origins = {name: _origin(table) for name, table in config.uplinks.items()}
            before, self._places = self._places, await self._opened({_HERE, *self._origins.values()}, config)
            self._watch.limit(_at_once(config))
            self._watch.configure(
                _targets_check(config.vantage, self._prober("")) if config.vantage is not None else None,
                {name: _targets_check(table, self._prober(name)) for name, table in config.uplinks.items()},
            )
            async for server in paced(list(self._assigned)):
                if server in self._assigned:
                    self._watch.assign(server, self._assigned[server], running=self._runs(server))
            for place in before.values():
                tasks.create_task(place.retire(), name="internet-place-retiring")
            await self._changed.wait()

    async def _opened(self, origins: Iterable[Origin], config: Config) -> dict[Origin, _ToolSet]:
        """Tools for each place, as the configuration has them: also by what is in its files now."""
        tls = await asyncio.to_thread(trust, config.probes.ca_file)
        return {origin: await _opened(config, origin, self._resolver, tls) for origin in origins}

    def _prober(self, uplink: str) -> Prober:
        return partial(self._probe, uplink)

    async def _probe(self, uplink: str, target: Target, timeout_s: float) -> Result:
        """Try a target from where its uplink is to be tried from; the place is looked up anew, for it may change."""
        place = self._places.get(self._origins.get(uplink, _HERE))
        if place is None:
            return unknown(Reason.OVERRUN, "the configuration changes")
        return await place.probe(target, timeout_s)

    async def _probe_own(self, address: str, target: Target, timeout_s: float) -> Result:
        """Try a server's own address, unless the monitor has come to have it: `follow` will choose another."""
        if address in self._own_addresses:
            return unknown(Reason.NO_ADDRESS, f"{address} is the monitor's own")
        return await self._probe("", target, timeout_s)

    async def _close(self) -> None:
        for place in self._places.values():
            await place.close()
        self._places.clear()


async def _opened(config: Config, origin: Origin, resolver: Resolver, tls: ssl.SSLContext) -> _ToolSet:
    stack = AsyncExitStack()
    settings = PingSettings(backend=config.probes.ping, address=origin.address, interface=origin.interface)
    pings = _LazyPings(settings, stack)
    tools = await stack.enter_async_context(open_tools(pings, resolver, tls, origin=origin))
    return _ToolSet(tools, pings, stack)


class _LazyPings:
    """Pings as configured, opened with the first one; where they cannot be sent each is unknown, and says why."""

    def __init__(self, settings: PingSettings, stack: AsyncExitStack) -> None:
        """`stack` closes what is opened."""
        self.opened: Pings | None = None
        self._settings = settings
        self._stack = stack
        self._refused = unknown(Reason.PERMISSION, "")

    async def ping(self, address: str, timeout_s: float) -> Result:
        return (await self.ping_all((address,), timeout_s))[0]

    async def ping_all(self, addresses: Sequence[str], timeout_s: float) -> list[Result]:
        if self.opened is None and not await self._open():
            return [self._refused] * len(addresses)
        assert self.opened is not None
        return await self.opened.ping_all(addresses, timeout_s)

    async def _open(self) -> bool:
        """Whether pings can be sent: tried with every one, for somebody may have set what was missing."""
        try:
            self.opened = await self._stack.enter_async_context(open_pings(self._settings))
        except PingError as error:
            if str(error) != self._refused.text:
                _log.error("pings_refused", message=str(error))
                reason = Reason.NO_ROUTE if isinstance(error, PingSourceError) else Reason.PERMISSION
                self._refused = unknown(reason, str(error))
            return False
        _log.info("pings_opened", backend=self._settings.backend.value)
        return True


def _at_once(config: Config) -> dict[Method, int]:
    probes = config.probes
    return {
        Method.TCP: probes.tcp_at_once,
        Method.HTTP: probes.http_at_once,
        Method.HTTPS: probes.http_at_once,
    }


def _origin(table: UplinkTable) -> Origin:
    return Origin(address=table.source, interface=table.interface)


def _targets_check(table: VantageTable | UplinkTable, prober: Prober) -> Check:
    return _check(table, table.targets, table.needed, prober)


def _check(table: CheckTable | ReachTable, targets: tuple[Target, ...], quorum: int, prober: Prober) -> Check:
    return Check(
        targets=targets,
        quorum=quorum,
        interval_us=table.interval.us,
        timeout_us=table.timeout.us,
        confirm=table.confirm,
        probe=prober,
    )


async def _unaddressed(reason: str, _: Target, __: float) -> Result:
    """What a check finds that has no address to go to."""
    return unknown(Reason.NO_ADDRESS, reason)


def _nowhere(text: str) -> Target:
    """A target whose address is not known, as the configuration writes it."""
    target = parse_target(text.replace(ADDRESS, _ANYWHERE))
    return replace(
        target, host=target.host.replace(_ANYWHERE, ADDRESS), path=target.path.replace(_ANYWHERE, ADDRESS)
    )


_ANYWHERE: Final = "192.0.2.1"
