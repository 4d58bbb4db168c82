"""The past that a demo makes: sound evidence, and a statement of last month with something of each kind."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from daemon.cli import main
from daemon.clock import SystemClock
from daemon.config.loading import load
from daemon.demo.configuration import written
from daemon.demo.estate import CLIENTS, add_helpers
from daemon.demo.past import Past
from daemon.demo.past_clock import PastClock
from daemon.demo.past_scenes import PastCalendar
from probes.simulation import SimulatedVCenter, build
from sla.records import CauseKind


async def make(folder: Path, calendar: PastCalendar, said: list[str]) -> None:
    clock = PastClock(calendar.begin)
    inventory = build(now=clock.now(), servers=30, clients=CLIENTS)
    async with SimulatedVCenter(inventory, now_us=clock.now) as vcenter:
        add_helpers(vcenter.world)
        address = f"{vcenter.host}:{vcenter.port}"
        config = written(folder, port=0, vcenter=address, gateway=9, beyond=(10, 11))
        await Past(load(config, {}), vcenter, clock, calendar, said.append).make()


def slad(*arguments: object) -> str:
    done = CliRunner().invoke(main, [str(each) for each in arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def calendar() -> PastCalendar:
    return PastCalendar(SystemClock().now())


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory, calendar: PastCalendar) -> Path:
    """What is exported of a past that was made until now."""
    folder, said = tmp_path_factory.mktemp("demo"), list[str]()
    asyncio.run(make(folder, calendar, said))
    assert said == [f"six weeks of past: week {week} of 6" for week in range(1, 7)]
    slad("export", "--ledger", folder / "ledger.db", "--output", folder / "evidence.jsonl")
    return folder / "evidence.jsonl"


def test_of_the_six_weeks_only_what_the_monitor_missed_is_blind(evidence: Path) -> None:
    lines = [json.loads(line) for line in evidence.read_text().splitlines()]
    blind = {(line["from"], line["until"]) for line in lines if line["kind"] == "blind"}
    assert len(blind) == 1
    said = Counter(line["decision"] for line in lines if line["kind"] == "proposal_decided")
    assert said["accepted"] == 1
    assert said["rejected"] == 1
    assert sum(line["kind"] == "proposal" for line in lines) > 4, "some wait yet"
    causes = {line["cause"] for line in lines if line["kind"] == "cause"}
    assert causes == {kind.value for kind in CauseKind}


def test_the_statement_of_last_month_has_something_of_each_kind(
    evidence: Path, calendar: PastCalendar
) -> None:
    said = [statement(evidence, calendar.last, client) for client in CLIENTS]
    exclusions = [each for document in said for each in document["exclusions"]]
    kept = {each["category"] for each in exclusions if each["excluded"]}
    assert kept == {
        "client_change",
        "force_majeure",
        "scheduled_maintenance",
        "emergency_security_update",
    }
    assert {refused["reason"] for each in exclusions for refused in each["refused"]} == {
        "late_notice",
        "over_weekly_cap",
    }
    requests = [each["response"] for document in said for each in document["service_requests"]]
    assert sorted(requests) == ["met", "missed"]
    assert {each["deadline"] for document in said for each in document["deadlines"]} == {
        "provisioning",
        "acceptance",
        "data_return",
    }
    incidents = Counter(each["incident"] for document in said for each in document["outages"])
    assert max(incidents.values()) > 1
    assert all(document["summary"][key] for document in said for key in ("met", "missed", "unobserved"))


def test_a_chronic_outage_is_in_its_notice_period_now(evidence: Path, calendar: PastCalendar) -> None:
    stages = statement(evidence, calendar.last, "acme")["summary"]["stages"]
    assert stages == [{"solution": "shop", "observed": "chronic", "documented": "chronic"}]


def statement(evidence: Path, month: str, client: str) -> Mapping[str, Any]:
    told = slad("evaluate", evidence, "--verify", "--month", month, "--client", client, "--format", "json")
    document: Mapping[str, Any] = json.loads(told)
    return document
