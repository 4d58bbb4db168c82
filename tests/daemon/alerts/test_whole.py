"""The whole daemon tells a real Alertmanager, which pages a webhook."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from probes.simulation import ThreadedVCenter
from probes.simulation.entities import Datastore
from probes.simulation.wire import WireFaultKind
from sla.instants import SECOND, parse_instant
from tests.daemon.app.test_watching import in_contact, machines_on_one_host
from tests.daemon.harness import (
    Daemon,
    by_server,
    running_app,
    running_machines,
    scraped,
    simulated,
    write_config,
)
from tests.peers.alertmanager import Alertmanager, Pager, alertmanager, alertmanagers, pager, routes_to
from tests.waiting import until

TERMS = '[contract.chronic_outages]\ninterruptions = 2\nlasting = "1s"'
"""Two interruptions of a second are a chronic outage."""
HOME = 'external_labels = { site = "home" }\nrunbook_url = "https://wiki.example.net/slad/"\ndashboard_url = "https://grafana.example.net"'


def section(*those: Alertmanager, resend: str = "1s", more: str = "") -> str:
    urls = ", ".join(f'"{each.url}"' for each in those)
    return f'[alertmanager]\nurls = [{urls}]\nresend = "{resend}"\n{more}'


@contextmanager
def parts(folder: Path) -> Iterator[tuple[ThreadedVCenter, Alertmanager, Pager]]:
    """What is around a daemon: a vCenter, an Alertmanager and a pager."""
    with simulated() as vcenter, pager() as told, alertmanager(folder / "am", routes_to(told.url)) as one:
        yield vcenter, one, told


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outages are told at once."""
    for name in ("conditions.servers", "outages"):
        monkeypatch.setattr(f"daemon.alerts.{name}.DOWN_FOR_US", 0)


async def wait(
    told: Pager, alert: str, status: str = "firing", count: int = 1
) -> list[dict[str, dict[str, str]]]:
    return await asyncio.to_thread(lambda: told.wait(alert, status, count=count))


@pytest.mark.usefixtures("at_once")
async def test_a_server_that_is_down_is_told_with_its_labels_and_start_and_so_is_its_return(
    tmp_path: Path,
) -> None:
    with parts(tmp_path) as (vcenter, one, told):
        config = write_config(tmp_path, vcenter, alertmanager=section(one, more=HOME))
        name = machines_on_one_host(vcenter)[1][0]
        machine = vcenter.do(vcenter.world.machines.find, name)
        async with running_app(config) as app:
            await in_contact(app, "vc1")
            vcenter.do(vcenter.world.machines.power_off, machine.name)
            page = (await wait(told, "VirtualServerDown"))[0]
            labels, annotations = page["labels"], page["annotations"]
            server = labels["server"]
            assert labels == {
                "alertname": "VirtualServerDown",
                "severity": "critical",
                "server": machine.instance_uuid,
                "name": machine.name,
                "client": "acme" if machine.name.startswith("acme") else "unassigned",
                "vcenter": "vc1",
                "site": "home",
            }
            assert f"It runs on {machine.host.name}." in annotations["description"]
            assert annotations["summary"] == f"{machine.name} is down"
            assert annotations["runbook_url"] == "https://wiki.example.net/slad/VirtualServerDown"
            assert (
                annotations["dashboard_url"]
                == f"https://grafana.example.net/d/slad-server?var-server={server}"
            )

            def outages() -> dict[str, float]:
                return by_server(scraped(*app.addresses[0]), "slad_server_outage_start_timestamp_seconds")

            await until(lambda: server in outages(), "the outage on /metrics")
            began = (await asyncio.to_thread(outages))[server]
            assert parse_instant(str(page["startsAt"])) / SECOND == pytest.approx(began, abs=0.001)

            first = one.alert("VirtualServerDown")
            assert first is not None
            await until(
                lambda: one.alert("VirtualServerDown")["updatedAt"] > first["endsAt"],  # type: ignore[index]
                "that it was sent again after it would have ended",
            )
            assert told.pages("VirtualServerDown", "resolved") == []

            vcenter.do(vcenter.world.machines.power_on, machine.name)
            await wait(told, "VirtualServerDown", "resolved")
            assert len(told.pages("VirtualServerDown")) == 1
            samples = await asyncio.to_thread(scraped, *app.addresses[0])
            of_it = frozenset({("alertmanager", one.name)})
            assert samples["slad_alerts_sent_total", of_it] > 3
            assert samples["slad_alerts_failed_total", of_it] == 0
            assert samples["slad_alerts_firing", frozenset()] >= 1


async def test_hosts_and_datastores_that_fail_are_told_and_so_is_a_vcenter_out_of_sight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.alerts.conditions.shared.BLIND_FOR_US", 0)
    monkeypatch.setattr("daemon.alerts.conditions.shared.SILENT_FOR_US", 0)
    with parts(tmp_path) as (vcenter, one, told):
        host, _ = machines_on_one_host(vcenter)
        store = vcenter.do(lambda: next(iter(vcenter.world.inventory.every(Datastore))).name)
        async with running_app(write_config(tmp_path, vcenter, alertmanager=section(one))) as app:
            await in_contact(app, "vc1")
            vcenter.do(vcenter.world.outages.mount, host, datastore=store, accessible=False)
            labels = (await wait(told, "DatastoreInaccessible"))[0]["labels"]
            assert (labels["vcenter"], labels["datastore"], labels["severity"]) == ("vc1", store, "critical")
            vcenter.do(vcenter.world.outages.mount, host, datastore=store, accessible=True)
            await wait(told, "DatastoreInaccessible", "resolved")
            vcenter.do(vcenter.world.outages.host_not_responding, host)
            labels = (await wait(told, "HostNotResponding"))[0]["labels"]
            assert (labels["vcenter"], labels["host"], labels["severity"]) == ("vc1", host, "warning")
            vcenter.do(vcenter.world.outages.host_back, host)
            await wait(told, "HostNotResponding", "resolved")
            vcenter.do(vcenter.wire.inject, WireFaultKind.UNAVAILABLE)
            labels = (await wait(told, "SourceBlind"))[0]["labels"]
            assert labels == {"alertname": "SourceBlind", "severity": "warning", "vcenter": "vc1"}


def interrupt(vcenter: ThreadedVCenter, daemon: Daemon, machine: str, server: str, times: int) -> None:
    """Have a server down for more than a second, so often."""
    for _ in range(times):
        vcenter.do(vcenter.world.machines.power_off, machine)
        daemon.wait(lambda samples: counted(samples, server) > 1.2, "an interruption that counts")
        vcenter.do(vcenter.world.machines.power_on, machine)
        daemon.wait(lambda samples: by_server(samples, "slad_server_up").get(server) == 1, "that it is up")


def counted(samples: dict[tuple[str, frozenset[tuple[str, str]]], float], server: str) -> float:
    return next(
        (
            value
            for (name, labels), value in samples.items()
            if name == "slad_solution_interruption_counted_seconds" and ("solution", server) in labels
        ),
        0.0,
    )


@pytest.mark.long
@pytest.mark.parametrize("fault", ["alertmanager restarts", "slad restarts", "slad is killed"])
def test_a_chronic_outage_pages_once_whatever_restarts_in_the_middle(tmp_path: Path, fault: str) -> None:
    with parts(tmp_path) as (vcenter, one, told):
        # What fires outlives a restart for 4 x resend.
        config = write_config(tmp_path, vcenter, contract=TERMS, alertmanager=section(one, resend="5s"))
        name = next(each for each in running_machines(vcenter) if each.startswith("acme"))
        server = str(vcenter.do(vcenter.world.machines.find, name).instance_uuid)
        daemon = Daemon(config)
        daemon.start()
        try:
            daemon.wait(
                lambda samples: by_server(samples, "slad_server_up").get(server) == 1, "that it is up"
            )
            interrupt(vcenter, daemon, name, server, 2)
            page = told.wait("ChronicOutage")[0]
            assert page["labels"] == {
                "alertname": "ChronicOutage",
                "severity": "page",
                "client": "acme",
                "solution": server,
            }
            if fault == "alertmanager restarts":
                one.stop()
                one.start()
            else:
                daemon.terminate() if fault == "slad restarts" else daemon.kill()
                daemon.start()
            before = sent(daemon, one)
            daemon.wait(lambda _: sent(daemon, one) > before + 5, "that it was sent again")
            again = one.alert("ChronicOutage")
            assert again is not None
            assert again["startsAt"][:23] == page["startsAt"][:23]
            interrupt(vcenter, daemon, name, server, 1)  # a later alert goes the same way, after all of these
            told.wait("OutageQualifying", "resolved", count=len(told.pages("OutageQualifying")))
            assert len(told.pages("ChronicOutage")) == 1
            assert told.pages("ChronicOutage", "resolved") == []
        finally:
            daemon.kill()


def sent(daemon: Daemon, one: Alertmanager) -> float:
    return daemon.scraped().get(("slad_alerts_sent_total", frozenset({("alertmanager", one.name)})), 0.0)


@pytest.mark.long
def test_two_clustered_alertmanagers_page_once(tmp_path: Path) -> None:
    with simulated() as vcenter, pager() as told, alertmanagers(tmp_path, routes_to(told.url)) as pair:
        config = write_config(tmp_path, vcenter, contract=TERMS, alertmanager=section(*pair))
        name = next(each for each in running_machines(vcenter) if each.startswith("acme"))
        server = str(vcenter.do(vcenter.world.machines.find, name).instance_uuid)
        daemon = Daemon(config)
        daemon.start()
        try:
            daemon.wait(
                lambda samples: by_server(samples, "slad_server_up").get(server) == 1, "that it is up"
            )
            interrupt(vcenter, daemon, name, server, 2)
            told.wait("ChronicOutage")
            daemon.wait(lambda _: all(each.alert("ChronicOutage") for each in pair), "that both know")
            interrupt(vcenter, daemon, name, server, 1)
            assert len(told.pages("ChronicOutage")) == 1
        finally:
            daemon.kill()


@pytest.mark.usefixtures("at_once")
async def test_a_reload_begins_and_ends_the_push(tmp_path: Path) -> None:
    with parts(tmp_path) as (vcenter, one, told):
        config = write_config(tmp_path, vcenter)
        name = machines_on_one_host(vcenter)[1][0]
        async with running_app(config) as app:
            await in_contact(app, "vc1")
            vcenter.do(vcenter.world.machines.power_off, name)
            await until(
                lambda: 0 in by_server(scraped(*app.addresses[0]), "slad_server_up").values(),
                "that it is down",
            )
            samples = await asyncio.to_thread(scraped, *app.addresses[0])
            assert samples["slad_alerts_firing", frozenset()] == 0
            write_config(tmp_path, vcenter, alertmanager=section(one))
            app.reload()
            await wait(told, "VirtualServerDown")
            write_config(tmp_path, vcenter)
            app.reload()

            def is_forgotten() -> bool:
                samples = scraped(*app.addresses[0])
                return not any(name == "slad_alerts_sent_total" for name, _ in samples)

            await until(is_forgotten, "the end of the push")
            await wait(told, "VirtualServerDown", "resolved")  # nobody sends it any more
