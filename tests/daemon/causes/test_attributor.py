"""Which outages are attributed, when, and how often: by what a source tells, tick by tick."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from daemon.causes.attributor import Attributor
from daemon.causes.traces import Traces
from daemon.ledger import Batch, Entry, Trace
from probes.facts import NOT_KNOWN
from probes.report import ListedServer, Report, SourceEvent
from sla.instants import DAY, HOUR, MINUTE, SECOND, Instant
from sla.people import People
from sla.records import Cause, CauseKind, Leg, Observation, Record, ServerId, State, Witness
from tests.daemon.monitor import START, Monitor, finished

UP, DOWN = State.UP, State.DOWN
U = ServerId("u0")


@dataclass
class Site:
    """A monitor with an attributor, and a vCenter of `servers` that stand on `hosts`, ten minutes in contact."""

    servers: int = 1
    hosts: int = 1
    attribute_s: float = 60.0
    is_placed: bool = True
    """Whether the vCenter tells where they stand."""
    monitor: Monitor = field(default_factory=Monitor)
    kept: dict[tuple[str, Instant], Trace] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.restart()
        every = [
            ListedServer(
                server=ServerId(f"u{n}"),
                name=f"acme-{n}",
                host=f"esx{n % self.hosts}" if self.is_placed else NOT_KNOWN,
                datastores=("san",),
            )
            for n in range(self.servers)
        ]
        for fresh in (True, False):
            said = [self.said(each.server, leg, UP) for each in every for leg in (Leg.RUNNING, Leg.SAN)]
            self.tell(fresh=fresh, listed=tuple(every), observations=tuple(said) if fresh else ())

    def restart(self) -> None:
        """As another process, which has read the ledger, would go on."""
        traces = Traces()
        traces.remember(self.kept[key] for key in sorted(self.kept))
        self.attributor = Attributor(
            book=self.monitor.book,
            registry=self.monitor.registry,
            traces=traces,
            uplink_of=lambda _: "",
            uplinks_down=dict,
            attribute_s=self.attribute_s,
        )

    def said(
        self, server: ServerId, leg: Leg, state: State, ago_us: int = 0, *, passed_us: int = 5 * MINUTE
    ) -> Observation:
        """An observation for the report that is told `passed_us` from now."""
        at = Instant(self.monitor.now + passed_us - ago_us)
        return Observation(witness=Witness("mon", "vc1"), server=server, leg=leg, state=state, at=at)

    def event(self, kind: str, ago_us: int = 0, *, key: str = "1", **keys: object) -> SourceEvent:
        """An event for the report that is told in five minutes."""
        at = Instant(self.monitor.now + 5 * MINUTE - ago_us)
        event = SourceEvent(key=key, type=kind, at=at, server=None, user="", text="", host="esx0")
        return replace(event, **keys)  # type: ignore[arg-type]

    def tell(self, passed_us: int = 5 * MINUTE, **keys: object) -> list[Cause]:
        """The causes that are recorded after a report."""
        monitor = self.monitor
        monitor.now = now = Instant(monitor.now + passed_us)
        report = replace(Report(source="vc1", observed_until=now), **keys)  # type: ignore[arg-type]
        batch = finished(monitor.transitions.batch_of([report], now))
        traces = finished(self.attributor.take([report], batch.entries, now))
        self.kept |= {(each.about, each.start): each for each in traces}
        monitor.commit(batch)
        found = finished(self.attributor.causes(now))
        monitor.commit(Batch(entries=[Entry(record=cause) for cause in found]))
        return whole(found)

    def go_down(self, *events: SourceEvent, leg: Leg = Leg.RUNNING) -> list[Cause]:
        """The server was up, and is down since a minute."""
        self.tell(observations=(self.said(U, leg, DOWN, MINUTE),), events=events)
        return self.tell(passed_us=SECOND)


def whole(causes: Iterable[Cause]) -> list[Cause]:
    """Without the records that show a client less than the one after them says."""
    return list({(each.server, each.start, each.recorded_at): each for each in causes}.values())


def told(causes: Sequence[Record]) -> list[tuple[str, str]]:
    return [
        (each.cause.value, each.confidence.value) if isinstance(each, Cause) else ("", "") for each in causes
    ]


@pytest.fixture
def site() -> Site:
    return Site()


def all_causes(site: Site) -> list[Cause]:
    return whole(record for record, _ in site.monitor.records if isinstance(record, Cause))


def test_a_cause_is_recorded_once(site: Site) -> None:
    down_at = site.monitor.now + 4 * MINUTE
    site.go_down(site.event("VmPoweredOffEvent", MINUTE, server=U))
    for _ in range(3):
        assert site.tell() == []
    (cause,) = all_causes(site)
    assert (cause.server, cause.start, cause.because) == (U, down_at, ("1",))
    assert told([cause]) == [("guest", "likely")]


def test_a_server_that_was_never_down_has_no_cause(site: Site) -> None:
    site.tell(events=(site.event("DasHostFailedEvent"),))
    site.tell()
    assert all_causes(site) == []


def test_an_outage_that_was_over_before_it_was_told_has_one(site: Site) -> None:
    site.tell(
        observations=(
            site.said(U, Leg.RUNNING, DOWN, 2 * MINUTE),
            site.said(U, Leg.RUNNING, UP, MINUTE),
        )
    )
    site.tell()
    assert told(all_causes(site)) == [("unknown", "none")]


def test_late_events_revise_it(site: Site) -> None:
    site.go_down()
    assert told(all_causes(site)) == [("unknown", "none")]
    late = site.event("VmGuestOSCrashedEvent", 6 * MINUTE, server=U, key="9")
    assert told(site.tell(events=(late,))) == [("guest", "proved")]
    of_its_host = site.event("DasHostFailedEvent", 11 * MINUTE, key="10")
    assert told(site.tell(events=(of_its_host,))) == [("host_failure", "proved")]
    assert len({cause.start for cause in all_causes(site)}) == 1


@pytest.mark.parametrize(("later_us", "is_revised"), [(DAY - HOUR, True), (DAY + HOUR, False)])
@pytest.mark.parametrize("is_new", [False, True], ids=["the same process", "another process"])
def test_until_24_hours_after_its_end(site: Site, later_us: int, is_revised: bool, is_new: bool) -> None:
    began_at = Instant(site.monitor.now + 4 * MINUTE)
    site.go_down()
    site.tell(observations=(site.said(U, Leg.RUNNING, UP),))
    site.tell(passed_us=later_us)
    if is_new:
        site.restart()
        assert site.tell(passed_us=SECOND) == []
    late = replace(site.event("VmGuestOSCrashedEvent", server=U), at=began_at)
    assert told(site.tell(events=(late,))) == ([("guest", "proved")] if is_revised else [])


@pytest.mark.parametrize("is_new", [False, True], ids=["the same process", "another process"])
def test_an_outage_that_lasts_keeps_its_start(site: Site, is_new: bool) -> None:
    began_at = Instant(site.monitor.now + 4 * MINUTE)
    site.go_down()
    for _ in range(6):
        site.tell(passed_us=12 * HOUR)
    if is_new:
        site.restart()
    late = replace(site.event("VmGuestOSCrashedEvent", server=U), at=began_at)
    site.tell(events=(late,))
    site.tell(observations=(site.said(U, Leg.RUNNING, UP),))
    site.tell()
    assert {cause.start for cause in all_causes(site)} == {began_at}
    assert told(all_causes(site)) == [("unknown", "none"), ("guest", "proved")]


def test_facts_survive_a_restart(site: Site) -> None:
    site.tell(lost_mounts=frozenset({("esx0", "san")}))
    site.restart()
    site.go_down(leg=Leg.SAN)
    assert told(all_causes(site)) == [("storage", "proved")]


def test_two_outages_have_a_cause_each(site: Site) -> None:
    site.go_down(site.event("VmPoweredOffEvent", MINUTE, server=U))
    site.tell(observations=(site.said(U, Leg.RUNNING, UP),), passed_us=5 * MINUTE)
    site.tell(passed_us=HOUR)
    site.go_down(site.event("VmGuestOSCrashedEvent", MINUTE, server=U, key="2"))
    assert told(all_causes(site)) == [("guest", "likely"), ("guest", "proved")]


def test_a_storm_is_attributed_once_each_and_in_slices() -> None:
    storm = Site(servers=500, hosts=10, attribute_s=0.0)
    lost = frozenset((f"esx{n}", "san") for n in range(10))
    downs = tuple(storm.said(ServerId(f"u{n}"), Leg.SAN, DOWN) for n in range(500))
    events = tuple(
        storm.event(
            "esx.problem.storage.apd.start", host=f"esx{n % 10}", datastore="san", key=str(n), ago_us=n
        )
        for n in range(100)
    )
    storm.tell(observations=downs, lost_mounts=lost, events=events)
    storm.tell(passed_us=SECOND)
    assert storm.attributor.is_behind
    ticks = 0
    while storm.attributor.is_behind:
        storm.tell(passed_us=SECOND)
        ticks += 1
    assert ticks > 1
    found = all_causes(storm)
    assert told(found) == [("storage", "proved")] * 500
    assert len({cause.server for cause in found}) == 500
    assert min(cause.recorded_at for cause in found) > START


# Incidents


@pytest.mark.parametrize("restarted", [False, True], ids=["the same process", "another process"])
def test_a_storm_is_one_incident(restarted: bool) -> None:
    storm = Site(servers=60, hosts=3)
    lost = frozenset((f"esx{n}", "san") for n in range(3))

    def go_down(servers: range, ago_us: int) -> None:
        downs = tuple(storm.said(ServerId(f"u{n}"), Leg.SAN, DOWN, ago_us) for n in servers)
        storm.tell(observations=downs, lost_mounts=lost)
        storm.tell(passed_us=SECOND)

    go_down(range(30), 0)
    if restarted:
        storm.restart()
    go_down(range(30, 60), 4 * MINUTE)
    found = all_causes(storm)
    assert len(found) == 60
    assert {(each.datastore, len(each.incident)) for each in found} == {("san", 12)}
    assert {each.host for each in found} == {"esx0", "esx1", "esx2"}
    assert len({each.incident for each in found}) == 1


def test_a_revision_stays_in_its_incident_unless_the_cause_is_another(site: Site) -> None:
    site.go_down(site.event("VmPoweredOffEvent", MINUTE, server=U))
    (likely,) = all_causes(site)
    (proved,) = site.tell(events=(site.event("VmGuestOSCrashedEvent", 6 * MINUTE, server=U, key="2"),))
    assert told([likely, proved]) == [("guest", "likely"), ("guest", "proved")]
    assert likely.incident == proved.incident
    (other,) = site.tell(events=(site.event("DasHostFailedEvent", 11 * MINUTE, key="3"),))
    assert told([other]) == [("host_failure", "proved")]
    assert other.incident not in ("", likely.incident)


# What the client is shown


def shown(site: Site) -> list[Cause]:
    return [record for record, _ in site.monitor.records if isinstance(record, Cause) and record.shown_to]


def test_the_client_is_shown_neither_host_nor_who_of_the_provider_it_was(site: Site) -> None:
    site.attributor.adopt(People(employees=("PROV-*",)))
    site.go_down(site.event("VmPoweredOffEvent", MINUTE, server=U, user="PROV-ann"))
    (cause,) = all_causes(site)
    (seen,) = shown(site)
    assert (cause.user, cause.host, cause.shown_to) == ("PROV-ann", "esx0", "")
    assert cause.text == "PROV-ann, an employee of the provider, turned it off"
    assert seen == replace(
        cause,
        user="provider",
        host="",
        text="an employee of the provider turned it off",
        shown_to="acme",
    )


def test_what_may_be_shown_whole_is_one_record() -> None:
    site = Site(is_placed=False)
    site.go_down()
    (cause,) = all_causes(site)
    assert cause.shown_to == "acme"
    assert (
        shown(site) == [record for record, _ in site.monitor.records if isinstance(record, Cause)] == [cause]
    )


def overrule(site: Site, by: str = "provider", **keys: object) -> None:
    cause = all_causes(site)[-1]
    said = replace(cause, recorded_by=by, recorded_at=site.monitor.now, **keys)  # type: ignore[arg-type]
    site.monitor.commit(Batch(entries=[Entry(record=said)]))


@pytest.mark.parametrize("is_new", [False, True], ids=["the same process", "another process"])
def test_a_persons_word_is_overwritten_by_nothing_until_it_is_taken_back(site: Site, is_new: bool) -> None:
    site.go_down()
    found = all_causes(site)[-1]
    overrule(site, cause=CauseKind.PROVIDER_CHANGE, text="the wrong cable")
    if is_new:
        site.monitor.restart()
        site.restart()
    late = site.event("VmGuestOSCrashedEvent", 6 * MINUTE, server=U, key="9")
    assert site.tell(events=(late,)) == []
    overrule(site, by="slad", cause=found.cause, text=found.text, confidence=found.confidence)
    assert told(site.tell()) == [("guest", "proved")]
