"""Prometheus away for an hour: the evidence is the same, and the counters are where they would be (fault 19)."""

import asyncio
import re
from itertools import pairwise
from pathlib import Path

import pytest

from sla.instants import HOUR, SECOND
from tests.daemon.monitor import Vm
from tests.faults.virtual_daemon import POLL_S, VCenter, VirtualSite, running, scraped
from tests.virtual import run

COUNTERS = re.compile(r"^(slad_server_\w+_total\{.*\}) (\S+)$", re.MULTILINE)


def counters(text: str) -> dict[str, float]:
    return {series: float(value) for series, value in COUNTERS.findall(text)}


RANDOM = re.compile(r',"salt":.*|"incident":"[0-9a-f]+"|pr-[0-9]{8}-[0-9a-f]+')
"""What is another text each time."""


def two_hours(
    folder: Path, monkeypatch: pytest.MonkeyPatch, away: range
) -> tuple[list[str], list[dict[str, float]]]:
    """The evidence, and the counters of all scrapes: one a minute, but for the minutes in which nobody scrapes."""
    vms = {f"u{number}": Vm(f"u{number}", f"acme-{number}") for number in range(4)}
    site = VirtualSite(folder, {"vc1": VCenter(vms)})
    told: list[dict[str, float]] = []

    async def main() -> None:
        async with running(monkeypatch, site) as (app,):
            for minute in range(2 * HOUR // SECOND // 60):
                vms["u1"].on = minute % 7 != 3
                vms["u2"].on = minute % 31 < 20
                for _ in range(60 // POLL_S):
                    site.look()
                    await asyncio.sleep(POLL_S)
                if minute not in away:
                    told.append(counters(await scraped(app)))

    run(main())
    return [RANDOM.sub("", line) for line in site.evidence()], told


def test_an_hour_without_a_scrape_changes_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evidence, there = two_hours(tmp_path / "there", monkeypatch, range(0))
    same, away = two_hours(tmp_path / "away", monkeypatch, range(30, 90))
    assert same == evidence
    assert {series.partition("{")[0] for series in away[-1]} >= {
        "slad_server_uptime_seconds_total",
        "slad_server_downtime_seconds_total",
    }
    assert len(away) == 60
    for back, other in zip(away, there[:30] + there[90:], strict=True):
        assert back.keys() == other.keys()
        assert all(abs(back[series] - value) <= POLL_S for series, value in other.items()), (
            "as of another tick"
        )
    for before, after in pairwise(away):
        assert before.keys() <= after.keys()
        assert all(after[series] >= value for series, value in before.items())
