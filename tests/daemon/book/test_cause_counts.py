"""How many outages had which cause: each once, never fewer, and the same after a restart."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from daemon.book.cause_counts import SETTLES_US
from daemon.ledger import Batch, Entry
from daemon.live.facts import ServerFacts
from daemon.live.figures import LiveFigures
from daemon.live.outages import MOST_INCIDENTS
from daemon.live.snapshots import Snapshots
from sla.instants import MINUTE, Instant
from sla.records import Cause, CauseKind, ClientId, Confidence, ServerId
from tests.daemon.monitor import START, Monitor, Source, Vm, finished

STORAGE, GUEST = CauseKind.STORAGE, CauseKind.GUEST


class Site:
    """Servers that are down from the third minute on."""

    def __init__(self, *names: str) -> None:
        self.monitor = Monitor()
        self.source = Source(self.monitor)
        self.source.add(*(Vm(name, name) for name in names))
        self.source.look()
        self.source.look()
        for vm in self.source.vms.values():
            vm.on = False
        self.source.look()
        self.source.look()
        self.down_at = Instant(START + 3 * MINUTE)

    def record(self, server: str, cause: CauseKind, **keys: Any) -> None:
        record = Cause(
            server=ServerId(server),
            start=self.down_at,
            cause=cause,
            confidence=Confidence.PROVED,
            user=None,
            because=(),
            text="",
            recorded_at=self.monitor.now,
        )
        self.monitor.commit(Batch(entries=[Entry(record=replace(record, **keys))]))

    def counted(self, *, after_us: int) -> Counter[tuple[ClientId, CauseKind]]:
        self.source.look(passed_us=after_us)
        return Counter(self.monitor.book.cause_counts.counted)


def test_an_outage_counts_once_by_what_its_cause_was_an_hour_later() -> None:
    site = Site("acme-1", "beta-1")
    site.record("acme-1", CauseKind.UNKNOWN)
    site.record("beta-1", GUEST)
    assert site.counted(after_us=SETTLES_US - MINUTE) == {}
    site.record("acme-1", STORAGE)
    told = {(ClientId("acme"), STORAGE): 1, (ClientId("beta"), GUEST): 1}
    assert site.counted(after_us=MINUTE) == told
    site.record("acme-1", GUEST)
    assert site.counted(after_us=2 * SETTLES_US) == told, "what is revised later moves no counter"


@pytest.mark.parametrize("passed_us", [SETTLES_US // 2, 3 * SETTLES_US])
def test_a_restart_goes_on_with_the_same_numbers(passed_us: int) -> None:
    site = Site("acme-1", "acme-2")
    site.record("acme-1", STORAGE)
    before = site.counted(after_us=passed_us)
    site.record("acme-1", GUEST)
    site.record("acme-2", GUEST)
    site.monitor.restart()
    assert site.monitor.book.cause_counts.counted == before
    site.source.restarted()
    assert sum(site.counted(after_us=3 * SETTLES_US).values()) == 2


def families(site: Site) -> dict[str, list[str]]:
    async def nothing() -> tuple[()]:
        return ()

    figures = LiveFigures(site.monitor.book)
    facts = ServerFacts(
        source_of=site.monitor.registry.source_of,
        uplink_of=lambda _: "",
        placement_of=lambda _: ("esx1", "san1"),
        labelled=nothing,
    )
    shown = finished(_snapshot(Snapshots(site.monitor.book, figures, facts)))
    return {family.name: list(family.samples) for family in shown.labelled}


async def _snapshot(snapshots: Snapshots) -> Any:
    return await snapshots.snapshot()


def test_an_incident_under_way_tells_how_many_servers_are_down() -> None:
    site = Site("acme-1", "acme-2", "beta-1")
    for server in ("acme-1", "beta-1"):
        site.record(server, STORAGE, incident="i1", host="esx1", datastore="san1")
    site.record("acme-2", GUEST, incident="of one")
    told = families(site)
    labels = 'incident="i1",cause="storage",vcenter="vc1",host="",datastore="san1",uplink=""'
    assert told["slad_incident_servers"] == [f"{{{labels}}} 2"]
    assert told["slad_incidents_left_out"] == [" 0"]
    site.source.vms["beta-1"].on = True
    site.source.look()
    site.source.look()
    assert families(site)["slad_incident_servers"] == [f"{{{labels}}} 1"]
    site.source.vms["acme-1"].on = True
    site.source.look()
    site.source.look()
    assert "slad_incident_servers" not in families(site)


def test_so_many_incidents_have_a_series_and_the_others_are_counted() -> None:
    names = [f"acme-{number}" for number in range(2 * MOST_INCIDENTS + 9)]
    site = Site(*names)
    for number, name in enumerate(names):
        incident = "large" if number < 3 else f"i{number // 2}"
        site.record(name, STORAGE, incident=incident)
    told = families(site)
    assert len(told["slad_incident_servers"]) == MOST_INCIDENTS
    assert 'incident="large"' in told["slad_incident_servers"][0]
    assert told["slad_incidents_left_out"] == [" 3"]


def test_the_counter_is_shown_by_client_and_cause() -> None:
    site = Site("acme-1")
    assert "slad_outages_by_cause_total" not in families(site)
    site.record("acme-1", STORAGE)
    site.counted(after_us=SETTLES_US)
    assert families(site)["slad_outages_by_cause_total"] == ['{client="acme",cause="storage"} 1']
