"""Five interruptions, one page: the chronic outage from a switched-off server to the pager, with real parts."""

import time
from pathlib import Path

import pytest

from tests.stories.site import SERVER, Site, site

QUIET_S = 8.0
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
        assert alert["annotations"]["description"].startswith("5 interruptions")
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
def test_maintenance_announced_late_does_not_take_its_downtime_out_of_the_figure_and_says_why(
    tmp_path: Path,
) -> None:
    with site(tmp_path) as told:
        server = told.id_of(SERVER)
        now = time.gmtime(time.time())  # noqa: TID251  a window around now
        start = time.strftime("%Y-%m-%dT%H:%MZ", now)
        end = time.strftime("%Y-%m-%dT23:59:59Z", now)
        said = told.slad("maintenance", "announce", "--from", start, "--until", end, "--server", SERVER)
        assert "late notice" in said
        told.interrupt()
        told.prometheus.eventually(
            f'slad_maintenance_ineligible_seconds{{server="{server}",reason="late_notice"}} > 0'
        )
        told.prometheus.eventually(f'slad_server_month_availability_ratio{{server="{server}"}} < 1')
        told.pager.wait("MaintenanceWindowIneligible")
