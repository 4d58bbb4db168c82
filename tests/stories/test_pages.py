"""Five interruptions, one page: the chronic outage from a switched-off server to the pager, with real parts."""

import json
import time
from pathlib import Path

import pytest

from probes.simulation import Power
from probes.simulation.entities import Vm
from tests.stories.site import SERVER, TERMS, Site, ago, site

QUIET_S = 6.0
"""Several rounds of scraping, evaluating and grouping."""


PAGE = "ChronicOutage"


def stays_at_one_page(told: Site) -> None:
    """Nothing that would page again comes within several rounds."""
    deadline = time.monotonic() + QUIET_S
    while time.monotonic() < deadline:
        assert len(told.pager.pages(PAGE)) == 1
        time.sleep(0.2)


@pytest.mark.timeout(240)
def test_five_interruptions_page_once_with_the_right_numbers_and_the_page_resolves_as_the_stage_moves_on(
    tmp_path: Path,
) -> None:
    with site(tmp_path) as told:
        told.interrupt(4)
        told.pager.wait("ChronicOutageAtRisk")
        assert told.pager.pages(PAGE) == []
        told.interrupt()
        (alert,) = told.pager.wait(PAGE)
        receivers = [
            notification["receiver"]
            for notification in told.pager.notifications
            if any(each["labels"]["alertname"] == PAGE for each in notification["alerts"])
        ]
        assert receivers == ["pager"]
        assert alert["labels"] == {
            "alertname": "ChronicOutage",
            "severity": "page",
            "client": "acme",
            "solution": "mail",
        }
        assert alert["annotations"]["summary"] == "Chronic outage of mail (acme)"
        assert alert["annotations"]["description"].startswith("5 qualifying interruptions")
        stays_at_one_page(told)
        assert "The notice is valid" in told.slad("notice", "give", "acme", "mail")
        told.pager.wait(PAGE, "resolved")
        assert "resolution" in told.slad("client", "show", "acme")
        assert len(told.pager.pages(PAGE)) == 1


@pytest.mark.long
@pytest.mark.timeout(240)
def test_killing_and_restarting_slad_neither_resolves_the_page_nor_pages_again(tmp_path: Path) -> None:
    with site(tmp_path) as told:
        told.interrupt(5)
        told.pager.wait(PAGE)
        told.daemon.kill()
        stays_at_one_page(told)
        port = told.daemon.port
        config = told.daemon.config
        config.write_text(config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
        told.daemon.start()
        told.prometheus.eventually('slad_solution_chronic_stage{stage="chronic"}')
        stays_at_one_page(told)
        assert told.pager.pages(PAGE, "resolved") == []


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_restart_of_alertmanager_in_the_middle_pages_no_second_time(tmp_path: Path) -> None:
    with site(tmp_path) as told:
        told.interrupt(5)
        told.pager.wait(PAGE)
        stays_at_one_page(told)  # until it has written down that it sent it
        (manager,) = told.alertmanagers
        manager.stop()
        time.sleep(2)
        manager.start()
        stays_at_one_page(told)
        told.slad("notice", "give", "acme", "mail")
        told.pager.wait(PAGE, "resolved")


@pytest.mark.long
@pytest.mark.timeout(240)
def test_two_alertmanagers_in_a_cluster_page_once(tmp_path: Path) -> None:
    with site(tmp_path, is_clustered=True) as told:
        told.interrupt(5)
        told.pager.wait(PAGE)
        stays_at_one_page(told)


@pytest.mark.long
@pytest.mark.timeout(240)
def test_maintenance_announced_in_time_takes_its_downtime_out_of_the_figure_and_announced_late_it_does_not(
    tmp_path: Path,
) -> None:
    history = tmp_path / "history.jsonl"
    announced = {"announced_at": ago(days=4), "recorded_at": ago(days=4), "solutions": ["mail"]}
    window = {"category": "scheduled_maintenance", "from": ago(minutes=2), "until": ago(minutes=-1)}
    history.write_text(json.dumps({"kind": "exclusion", "id": "in-time", **window, **announced}) + "\n")
    all_day = '[contract.scheduled_maintenance]\nbetween = ["00:00", "24:00"]\n'
    with site(tmp_path, history=history, sections={"contract": TERMS + all_day}) as told:
        late = next(name for name in told.names() if name != SERVER)
        said = told.slad("maintenance", "announce", "--from", window["from"], "--until", window["until"], "--server", late)  # fmt: skip
        assert "late notice" in said
        for name in (SERVER, late):
            told.vcenter.do(told.vcenter.world.machines.power_off, name, user="PROVIDER\\ops")
        ids = {name: f'{{server="{told.id_of(name)}"}}' for name in (SERVER, late)}
        for name, of in ids.items():
            told.prometheus.eventually(f"slad_server_downtime_seconds_total{of} > 2")
            told.vcenter.do(told.vcenter.world.machines.power_on, name, user="PROVIDER\\ops")
            told.prometheus.eventually(f"slad_server_up{of} == 1")
        told.prometheus.eventually(f"slad_server_month_excluded_seconds{ids[SERVER]} > 2")
        told.prometheus.eventually(f"slad_maintenance_ineligible_seconds{ids[late]} > 2")
        told.prometheus.eventually(f"slad_server_month_availability_ratio{ids[late]} < 1")
        figure = told.prometheus.eventually(
            f"slad_server_month_availability_ratio{ids[SERVER]}", timeout_s=90
        )
        assert float(figure[0]["value"][1]) == 1, "as soon as any of its time counts"
        for name, of in ids.items():
            excluded = told.prometheus.query(f"slad_server_month_excluded_seconds{of}")
            assert bool(excluded) is (name == SERVER)
        (alert,) = told.pager.wait("MaintenanceWindowIneligible")
        assert alert["labels"]["name"] == late
        assert alert["labels"]["reason"] == "late_notice"
        assert told.qualifying() == 0


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_lost_datastore_is_told_and_none_of_its_servers_not_even_one_with_disks_on_several(
    tmp_path: Path,
) -> None:
    with site(tmp_path) as told:
        machine = told.vcenter.do(lambda: one_with_two_datastores(told))
        lost = {"datastore": machine.disks[0].datastore.name}
        of = f'server="{machine.instance_uuid}"'
        told.vcenter.do(told.vcenter.world.outages.mount, machine.host.name, **lost, accessible=False)
        told.prometheus.eventually(f'slad_server_outage_info{{{of},datastore=~".+,.+"}}')
        told.prometheus.eventually(f'ALERTS{{alertname="VirtualServerDown",alertstate="firing",{of}}}')
        told.pager.wait("DatastoreInaccessible")
        told.vcenter.do(told.vcenter.world.outages.mount, machine.host.name, **lost, accessible=True)
        told.prometheus.eventually(f'ALERTS{{alertname="VirtualServerCauseTold",alertstate="firing",{of}}}')
        told.pager.wait("DatastoreInaccessible", "resolved")
        told.prometheus.eventually('absent(ALERTS{alertname=~"VirtualServer.*"})')
        assert told.pager.pages("VirtualServerDown") == []


def one_with_two_datastores(told: Site) -> Vm:
    """A server that runs, with disks on two datastores."""
    return next(
        vm
        for vm in told.vcenter.world.inventory.every(Vm)
        if vm.power is Power.ON and not vm.template and len({disk.datastore.name for disk in vm.disks}) > 1
    )
