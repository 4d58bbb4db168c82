"""Whatever two vCenters list, in whatever order, over restarts and other rules: the evidence is valid, and true.

Every record is read back by the strict reader as it is made. What the evidence says of a server in service is held
against what happened: down only while it was off or listed nowhere, up only while it ran.
"""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon.servers.policy import Owner
from daemon.servers.rules import Undecided
from probes.facts import NOT_KNOWN
from probes.report import ListedServer
from sla.instants import DAY, HOUR, MINUTE, SECOND, Instant
from sla.records import Blind, ClientId, Observation, ServerId, State
from sla.service import parts_of
from tests.daemon.monitor import Monitor, Source, Vm, assign, policy

NAMES = ("acme-1", "acme-web-1", "acme-web-2", "beta-1", "beta-db-1", "ignored-1", "other")
UUIDS = ("u0", "u1", "u2", "u3", "u4")
SOURCES = ("vc1", "vc2")


def everything_is_betas(source: str, sighted: ListedServer) -> Owner | None:
    return Owner(client=ClientId("beta"))


RULES = (assign, everything_is_betas)

change = st.one_of(
    st.tuples(st.just("power"), st.sampled_from(UUIDS)),
    st.tuples(st.just("name"), st.sampled_from(UUIDS), st.sampled_from(NAMES)),
    st.tuples(st.just("forget"), st.sampled_from(UUIDS)),
    st.tuples(st.just("san"), st.sampled_from(UUIDS)),
    st.tuples(st.just("list"), st.sampled_from(UUIDS), st.sampled_from(SOURCES)),
    st.tuples(st.just("list"), st.sampled_from(UUIDS), st.just("vc1")),
    st.tuples(st.just("move"), st.sampled_from(UUIDS)),
    st.tuples(st.just("vanish"), st.sampled_from(SOURCES)),
    st.tuples(st.just("fill"), st.sampled_from(SOURCES), st.integers(1, 5)),
    st.tuples(st.just("rules"), st.sampled_from(RULES)),
    st.tuples(st.just("restart")),
)
steps = st.fixed_dictionaries(
    {
        "passed_us": st.sampled_from([0, 10 * SECOND, MINUTE, 3 * MINUTE, 6 * MINUTE, HOUR, DAY, 20 * DAY]),
        "changes": st.lists(change, max_size=4),
        "answer": st.sets(st.sampled_from(SOURCES), min_size=1),
        "together": st.booleans(),
    }
)


@dataclass
class World:
    """What there is. `truth` says of each UUID what was so from an instant on: runs, is listed; None: nobody can tell."""

    monitor: Monitor = field(default_factory=Monitor)
    listed: dict[str, dict[str, Vm]] = field(default_factory=lambda: {source: {} for source in SOURCES})
    hidden: dict[str, set[str]] = field(default_factory=lambda: {source: set() for source in SOURCES})
    doubtful: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    truth: dict[str, list[tuple[Instant, bool, bool | None]]] = field(
        default_factory=lambda: {uuid: [] for uuid in UUIDS}
    )
    lost: set[str] = field(default_factory=lambda: set(SOURCES))

    def __post_init__(self) -> None:
        self.vms = {uuid: Vm(uuid, NAMES[number]) for number, uuid in enumerate(UUIDS)}
        self.sources = {name: Source(self.monitor, name) for name in SOURCES}
        self.listed["vc1"] = {uuid: self.vms[uuid] for uuid in UUIDS[:4]}

    def step(self, step: dict[str, Any]) -> None:
        self.monitor.now = Instant(self.monitor.now + step["passed_us"])
        for what, *about in step["changes"]:
            getattr(self, f"_{what}")(*about)
        self._note(step["answer"])
        reports = []
        for name in SOURCES:
            if name not in step["answer"]:
                self.lost.add(name)
                continue
            source = self.sources[name]
            source.vms = {u: vm for u, vm in self.listed[name].items() if u not in self.hidden[name]}
            reports.append(source.report(fresh=name in self.lost))
            self.lost.discard(name)
        if step["together"]:
            self.monitor.tell(*reports)
        else:
            for report in reports:
                self.monitor.tell(report)
        self._check_service(step["answer"])

    def _power(self, uuid: str) -> None:
        self.vms[uuid].on = not self.vms[uuid].on

    def _name(self, uuid: str, name: str) -> None:
        self.vms[uuid].name = name

    def _forget(self, uuid: str) -> None:
        """Its name is not known for a while: the path of its .vmx file stands there."""
        self.vms[uuid].name = NOT_KNOWN

    def _san(self, uuid: str) -> None:
        self.vms[uuid].san = not self.vms[uuid].san

    def _list(self, uuid: str, source: str) -> None:
        if self.listed[source].pop(uuid, None) is None:
            self.listed[source][uuid] = self.vms[uuid]
            self.moved.add(uuid)

    def _move(self, uuid: str) -> None:
        for source, other in (SOURCES, SOURCES[::-1]):
            if uuid in self.listed[source] and uuid not in self.listed[other]:
                self.listed[other][uuid] = self.listed[source].pop(uuid)
                self.moved.add(uuid)
                return

    def _vanish(self, source: str) -> None:
        self.hidden[source] = set(UUIDS)

    def _fill(self, source: str, count: int) -> None:
        self.hidden[source] -= set(sorted(self.hidden[source])[:count])

    def _rules(self, rule: Any) -> None:
        self.monitor.configure(policy(rule=rule))

    def _restart(self) -> None:
        self.monitor.restart()
        for source in self.sources.values():
            source.restarted()

    def _note(self, answer: set[str]) -> None:
        for uuid, vm in self.vms.items():
            holders = [source for source in SOURCES if uuid in self.listed[source]]
            if len(holders) > 1:
                self.doubtful.add(uuid)
            if uuid in self.moved and not answer.issuperset(holders):
                self.doubtful.add(uuid)  # it runs where nobody looks, and where somebody looks it is gone
            in_doubt = any(uuid in self.hidden[source] for source in holders)
            self.truth[uuid].append((self.monitor.now, vm.on, None if in_doubt else bool(holders)))

    def _check_service(self, answered: set[str]) -> None:
        for uuid, vm in self.vms.items():
            holders = [source for source in SOURCES if uuid in self.listed[source]]
            pages = self.monitor.book.evidence.servers.get(ServerId(uuid))
            newest = pages.records[-1] if pages is not None else None
            if len(holders) != 1 or uuid in self.doubtful or holders[0] not in answered:
                continue
            if uuid in self.hidden[holders[0]]:
                continue
            if self.monitor.registry.source_of(ServerId(uuid)) != holders[0]:
                continue  # its former vCenter has not said yet that it left
            owner = self.monitor.policy.assign("", ListedServer(server=ServerId(uuid), name=vm.name))
            if isinstance(owner, Undecided):
                continue
            if owner is None:
                assert newest is None or newest.in_service_until is not None, f"{uuid} is ignored"
            elif vm.on:
                assert newest is not None, f"{uuid} runs"
                assert newest.in_service_until is None, f"{uuid} runs"
                assert (newest.client, newest.solution) == (owner.client, owner.solution)
                assert vm.name is NOT_KNOWN or newest.name == vm.name

    def check_truth(self) -> None:
        for server, pages in self.monitor.book.evidence.servers.items():
            uuid = server.partition("@")[0]
            for part in parts_of(pages.records):
                end = min(part.end, self.monitor.now)
                for segment in pages.timeline.segments(pages.records[-1].legs[:1], part.start, end):
                    for on, listed in self._true_within(uuid, segment.start, segment.end):
                        if segment.state is State.UP:
                            assert on, f"{server} was off when it is said to be up"
                        elif segment.state is State.DOWN and uuid not in self.doubtful:
                            assert not (on and listed), f"{server} ran when it is said to be down"

    def _true_within(self, uuid: str, start: Instant, end: Instant) -> list[tuple[bool, bool | None]]:
        notes = self.truth[uuid]
        untils = [note[0] for note in notes[1:]] + [self.monitor.now]
        return [
            (on, listed)
            for (since, on, listed), until in zip(notes, untils, strict=True)
            if max(since, start) < min(until, end)
        ]


def looked(answer: str, *changes: tuple[str, ...], passed_us: int = 0) -> dict[str, Any]:
    return {
        "passed_us": passed_us,
        "changes": list(changes),
        "answer": set(answer.split()),
        "together": False,
    }


THERE_AND_BACK = [
    looked("vc1"),
    looked("vc2", ("move", "u0")),
    looked("vc2", passed_us=6 * MINUTE),
    looked("vc1 vc2"),
    looked("vc1", ("move", "u0"), passed_us=10 * SECOND),
]
"""A server moves while its first vCenter is silent, and back."""


@example(THERE_AND_BACK)
@settings(max_examples=500, deadline=None)
@given(st.lists(steps, min_size=1, max_size=14))
def test_the_evidence_of_any_inventory_is_valid_and_true(story: list[dict[str, Any]]) -> None:
    world = World()
    for step in story:
        world.step(step)
    world.check_truth()


@settings(max_examples=100, deadline=None)
@given(st.lists(steps, min_size=1, max_size=10))
def test_a_restart_on_an_unchanged_inventory_says_nothing_new(story: list[dict[str, Any]]) -> None:
    world = World()
    quiet: dict[str, Any] = {"changes": [], "answer": set(SOURCES), "together": True}
    for step in story:
        world.step(step)
    world.hidden = {source: set() for source in SOURCES}
    for vm in world.vms.values():
        vm.name = NAMES[0] if vm.name is NOT_KNOWN else vm.name
    for passed_us in (MINUTE, 6 * MINUTE, 6 * MINUTE, DAY):  # until all that time can conclude is concluded
        world.step(quiet | {"passed_us": passed_us})
    before = len(world.monitor.records)
    states = {server: world.monitor.book.state(server) for server in world.monitor.book.places}
    world.step(quiet | {"passed_us": MINUTE, "changes": [("restart",)]})
    world.step(quiet | {"passed_us": MINUTE})
    for record, _ in world.monitor.records[before:]:
        # Of two servers with one UUID the ledger knows only those that ever ran.
        about = record.server if isinstance(record, Observation) else getattr(record, "id", "")
        assert isinstance(record, Blind) or about in world.doubtful, record
    assert {server: world.monitor.book.state(server) for server in states} == states
