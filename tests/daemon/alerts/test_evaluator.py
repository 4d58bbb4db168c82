"""The lookout: what it puts on the store after each commit, and what that costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

from daemon.alerts.evaluator import AlertEvaluator
from daemon.alerts.store import AlertStore
from daemon.live.facts import ServerFacts
from daemon.live.figures import LiveFigures
from daemon.replies.status import UndeliveredStatus
from daemon.watching.sources import Source as WatchedSource
from probes.internet.verdict import Verdict
from probes.report import Report
from sla.instants import HOUR, MINUTE, SECOND, Instant
from sla.reasons import DetailedReason, PlainReason
from sla.records import Leg, Observation, ServerId, State, Witness
from tests.daemon.monitor import START, Monitor, Source, Vm


@dataclass
class Contacted:
    """What the lookout asks of a source."""

    up: bool = True
    note: str = ""
    failures: int = 0


@dataclass
class Post:
    """A monitor without clocks, threads and disk, and its lookout."""

    monitor: Monitor = field(default_factory=Monitor)
    sources: dict[str, Contacted] = field(default_factory=lambda: {"vc1": Contacted()})
    uplinks: dict[str, Verdict] = field(default_factory=dict)
    listed: bool = True
    host: str = "esx1"
    uplink: str = "transit"
    outdated: dict[tuple[str, str], int] = field(default_factory=dict)
    undelivered: list[UndeliveredStatus] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.standing = LiveFigures(self.monitor.book)
        self.store = AlertStore()
        self.lookout = self.another(self.store)

    def another(self, store: AlertStore, **limits: Any) -> AlertEvaluator:
        lookout = AlertEvaluator(
            clock=cast(Any, self),
            book=self.monitor.book,
            figures=self.standing,
            sources=cast("list[tuple[str, WatchedSource]]", self.sources.items()),
            uplinks=self._uplinks,
            facts=ServerFacts(
                source_of=self.monitor.registry.source_of,
                uplink_of=lambda _: self.uplink,
                placement_of=lambda _: (self.host, "san1,san2"),
            ),
            is_listed=lambda _: self.listed,
            outdated=self.outdated.items,
            undelivered=lambda: self.undelivered,
            store=store,
            **limits,
        )
        lookout.want(True)
        return lookout

    def now(self) -> Instant:
        return self.monitor.now

    def _uplinks(self) -> Mapping[str, Verdict]:
        return self.uplinks

    async def look(self, *told: Report) -> set[str]:
        """The names of what fires after a look."""
        await self.standing.catch_up(self.monitor.book.settled_at(), 60.0)
        assert await self.lookout.evaluate(told)
        return self.names()

    def names(self) -> set[str]:
        return {each["alertname"] for each in self.firing()} - {"Watchdog"}

    def firing(self) -> list[dict[str, str]]:
        """What fires and is not only kept."""
        fires = [labels for labels, posted in self.store.posted.items() if posted.ended_at is None]
        return [dict(labels) for labels in fires if labels not in self.store.kept]

    def of(self, name: str) -> dict[str, str]:
        (labels,) = [each for each in self.firing() if each["alertname"] == name]
        return labels


def fleet(post: Post, count: int = 3) -> Source:
    source = Source(post.monitor)
    source.add(*(Vm(f"u{number}", f"acme-web-{number}") for number in range(count)))
    source.look()
    return source


def storage(post: Post, server: str, state: State) -> None:
    """A server loses its storage, or has it back."""
    at, witness = post.now(), Witness("mon", "vc1")
    told = Observation(
        witness=witness, server=ServerId(server), leg=Leg.SAN, state=state, at=at, noticed_at=at
    )
    post.monitor.tell(Report(source="vc1", observed_until=at, observations=(told,)))


async def test_an_outage_is_told_after_a_minute_with_who_and_where_and_until_it_is_over() -> None:
    post = Post()
    source = fleet(post)
    assert await post.look() == set()
    source.vms["u1"].on = False
    source.look()
    began = post.now()
    source.look(passed_us=59 * SECOND)
    assert "VirtualServerDown" not in await post.look()
    source.look(passed_us=SECOND)
    assert "VirtualServerDown" in await post.look()
    labels = post.of("VirtualServerDown")
    assert labels == {
        "alertname": "VirtualServerDown",
        "severity": "critical",
        "server": "u1",
        "name": "acme-web-1",
        "client": "acme",
        "solution": "acme-web",
        "vcenter": "vc1",
        "uplink": "transit",
    }
    (posted,) = [p for each, p in post.store.posted.items() if dict(each) == labels]
    assert posted.starts_at == began
    post.host = "esx2"
    source.look()
    await post.look()
    assert post.of("VirtualServerDown") == labels, "an alert is the same while its outage goes on"
    source.vms["u1"].on = True
    source.look()
    source.look()  # what happened at a watermark is known with the next one
    assert "VirtualServerDown" not in await post.look()


async def test_an_alert_stays_the_same_where_its_outage_began_anew_between_two_looks() -> None:
    post = Post()
    source = fleet(post)
    source.vms["u1"].on = False
    source.look(passed_us=MINUTE)
    source.look(passed_us=2 * MINUTE)
    await post.look()
    for on in (True, False):
        source.vms["u1"].on = on
        source.look(passed_us=SECOND)
        source.look(passed_us=SECOND)
    post.uplink = "other"
    await post.look()
    source.look(passed_us=2 * MINUTE)
    await post.look()
    assert post.of("VirtualServerDown")["uplink"] == "transit"


async def test_an_interruption_is_told_as_time_alone_passes() -> None:
    post = Post()
    source = fleet(post)
    source.vms["u1"].on = False
    source.look()
    told = []
    for _ in range(27):
        source.look(passed_us=5 * MINUTE)
        await post.look()
        told.append([each["severity"] for each in post.firing() if each["alertname"] == "OutageQualifying"])
    assert told == [[]] * 17 + [["warning"]] * 6 + [["critical"]] * 4


async def test_after_a_start_an_outage_waits_for_its_source_but_not_for_ever() -> None:
    post = Post(listed=False)
    source = fleet(post)
    source.vms["u1"].on = False
    source.look()
    source.look(passed_us=2 * MINUTE)
    post.lookout = post.another(post.store)  # it begins here
    assert "VirtualServerDown" not in await post.look()
    source.look(passed_us=MINUTE)
    assert "VirtualServerDown" in await post.look()


async def test_whatever_happens_the_outages_told_are_those_under_way() -> None:
    post, dice = Post(), Random(5)
    source = fleet(post, 12)
    for step in range(60):
        for vm in dice.sample(list(source.vms.values()), dice.choice((0, 0, 1, 3))):
            vm.on = not vm.on
        if dice.random() < 0.1:
            source.add(Vm(f"v{step}", f"acme-web-v{step}"))
        source.look(passed_us=dice.choice((20 * SECOND, 2 * MINUTE)))
        await post.look()
        anew = AlertStore()
        await post.another(anew).evaluate(())
        down = {labels for labels in anew.posted if ("alertname", "VirtualServerDown") in labels}
        told = {
            tuple(sorted(each.items())) for each in post.firing() if each["alertname"] == "VirtualServerDown"
        }
        assert told == down, f"step {step}"


async def test_a_source_out_of_sight_is_told_once_an_attempt_failed() -> None:
    post = Post()
    source = fleet(post)
    contact = post.sources["vc1"]
    contact.up, contact.note = False, "no contact yet"
    post.monitor.now = Instant(post.now() + HOUR)
    assert await post.look() == set()
    contact.failures, contact.note = 1, "connection refused"
    assert await post.look() == {"SourceBlind"}
    assert post.of("SourceBlind") == {"alertname": "SourceBlind", "severity": "warning", "vcenter": "vc1"}
    contact.up = True
    source.look()
    assert "SourceBlind" not in await post.look()


async def test_an_uplink_is_down_until_it_is_up_or_gone_and_not_while_nobody_knows() -> None:
    post = Post()
    fleet(post)
    post.uplinks["transit"] = Verdict(
        State.DOWN, DetailedReason(PlainReason.TOO_FEW_ANSWER, "1 of 3 answers")
    )
    assert await post.look() == {"UplinkDown"}
    post.uplinks["transit"] = Verdict(State.UNKNOWN)
    assert await post.look() == {"UplinkDown"}
    post.uplinks["transit"] = Verdict(State.UP)
    assert await post.look() == set()
    post.uplinks["transit"] = Verdict(State.DOWN)
    assert await post.look() == {"UplinkDown"}
    del post.uplinks["transit"]
    assert await post.look() == set()


async def test_hosts_and_datastores_are_told_by_what_changed_and_by_what_is_all_there_is() -> None:
    post = Post()
    fleet(post)
    failed = {"esx1": State.DOWN, "esx2": State.UP}
    stores = {"san1": State.DOWN, "san2": State.DOWN}
    report = Report(source="vc1", hosts=failed, datastores=stores)
    assert await post.look(report) == {"DatastoreInaccessible"}
    post.monitor.now = Instant(post.now() + MINUTE)
    assert await post.look() == {"DatastoreInaccessible", "HostNotResponding"}
    assert await post.look(Report(source="vc1", hosts={"esx1": State.UNKNOWN})) == {"DatastoreInaccessible"}
    await post.look(Report(source="vc1", gone_datastores=("san1",)))
    assert post.of("DatastoreInaccessible")["datastore"] == "san2"
    assert await post.look(Report(source="vc1", fresh=True)) == set()
    await post.look(Report(source="vc1", datastores=stores))
    post.sources.clear()
    assert await post.look() == set()


async def test_a_server_is_silenced_by_its_hosts_or_its_datastores_alert_and_by_no_others() -> None:
    post = Post()
    source = fleet(post)
    source.vms["u1"].on = False
    source.look()
    storage(post, "u2", State.DOWN)
    source.look(passed_us=2 * MINUTE)
    assert await post.look() == {"VirtualServerDown"}
    await post.look(Report(source="vc1", datastores={"san2": State.DOWN}))
    assert post.of("VirtualServerCauseTold") == {
        "alertname": "VirtualServerCauseTold",
        "severity": "none",
        "server": "u2",
        "name": "acme-web-2",
        "client": "acme",
        "solution": "acme-web",
    }
    assert "VirtualServerCauseTold" not in await post.look(
        Report(source="vc1", datastores={"san2": State.UP})
    )
    await post.look(Report(source="vc1", hosts={"esx1": State.DOWN, "esx2": State.UP}))
    assert "VirtualServerCauseTold" not in post.names(), "the host's alert does not fire yet"
    post.monitor.now = Instant(post.now() + MINUTE)
    await post.look()
    told = [each["server"] for each in post.firing() if each["alertname"] == "VirtualServerCauseTold"]
    assert sorted(told) == ["u1", "u2"]
    post.host = "esx2"
    assert "VirtualServerCauseTold" not in await post.look()


async def test_what_silences_a_server_fires_until_the_server_is_known_to_be_back() -> None:
    post = Post()
    source = fleet(post)
    source.look()
    storage(post, "u2", State.DOWN)
    source.look(passed_us=2 * MINUTE)
    await post.look(Report(source="vc1", datastores={"san1": State.DOWN}))
    assert {"VirtualServerDown", "VirtualServerCauseTold"} <= post.names()
    storage(post, "u2", State.UP)
    await post.look(Report(source="vc1", datastores={"san1": State.UP}))
    silencing = {dict(labels)["alertname"] for labels in post.store.kept}
    assert silencing == {"VirtualServerCauseTold"}
    source.look(passed_us=MINUTE)
    await post.look()
    assert "VirtualServerDown" not in post.names()
    assert {dict(labels)["alertname"] for labels in post.store.kept} == silencing
    source.look(passed_us=MINUTE)
    await post.look()
    assert post.store.kept == {}


async def test_nothing_is_kept_while_nobody_is_to_be_told_and_everything_is_told_then() -> None:
    post = Post()
    source = fleet(post)
    source.vms["u1"].on = False
    source.look()
    post.lookout.want(False)
    source.look(passed_us=5 * MINUTE)
    assert await post.look(Report(source="vc1", datastores={"san1": State.DOWN})) == set()
    assert post.store.posted == {}
    post.lookout.want(True)
    assert {"VirtualServerDown", "DatastoreInaccessible"} <= await post.look()


async def test_a_storm_is_taken_in_bit_by_bit() -> None:
    post = Post()
    post.lookout = post.another(post.store, evaluate_s=0.0, turn_s=-1.0)
    source = fleet(post, 50)
    for vm in source.vms.values():
        vm.on = False
    source.look()
    source.look(passed_us=2 * MINUTE)
    await post.standing.catch_up(post.monitor.book.settled_at(), 60.0)
    looks = 0
    while not await post.lookout.evaluate(()):
        looks += 1
        assert looks < 1000
    assert looks > 10
    assert sum(each["alertname"] == "VirtualServerDown" for each in post.firing()) == 50


async def test_an_outdated_statement_is_told_until_it_is_issued_again() -> None:
    post = Post()
    assert await post.look() == set()
    post.outdated["acme", "2026-02"] = 3
    assert await post.look() == {"StatementOutdated"}
    labels = post.of("StatementOutdated")
    assert (labels["client"], labels["month"], labels["severity"]) == ("acme", "2026-02", "warning")
    (alert,) = [
        posted.alert
        for posted in post.store.posted.values()
        if "StatementOutdated" in str(posted.alert.labels)
    ]
    assert alert.summary == "The statement of acme of 2026-02 is outdated"
    assert alert.description.startswith("3 figures of the month differ from what was issued")
    post.outdated.clear()
    assert await post.look() == set()


async def test_a_statement_that_is_not_delivered_is_told_after_a_quarter_of_an_hour_once_for_all_ways() -> (
    None
):
    post, began = Post(), START
    post.undelivered = [
        UndeliveredStatus(client="acme", month="2026-02", way=way, since=began, attempts=4, why="it is full")
        for way in ("folder", "smtp")
    ]
    post.monitor.now = Instant(began + 15 * MINUTE - 1)
    assert await post.look() == set()
    post.monitor.now = Instant(began + 15 * MINUTE)
    assert await post.look() == {"StatementNotDelivered"}
    assert post.of("StatementNotDelivered")["month"] == "2026-02"
    post.undelivered = []
    assert await post.look() == set()
