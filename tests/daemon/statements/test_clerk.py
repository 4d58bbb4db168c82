"""The clerk: statements that are due are issued once, and what evidence corrects is noticed."""

import json
import os
import re
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from daemon.config.config import Config
from daemon.config.statements import StatementsTable
from daemon.metrics import StatementMetrics
from daemon.records.refusals import FieldFault, NotRecordingError, RefusedError
from daemon.records.service import RecordCall
from daemon.replies.words import NO_SERVICE
from daemon.statements import clerk as room
from daemon.statements.register import StatementKey, StatementRegister
from sla.instants import SECOND, Instant, parse_instant
from sla.records import ClientId
from tests.daemon.cli.issuing import MONTH, Issuer, imported, issuer, october
from tests.sla.stories import book_of, client, says, seen, server
from tests.waiting import wait_until

DUE = '[statements]\nissue_after = "5d"'
NOT_YET = '[statements]\nissue_after = "27d"'


class Looks:
    """How often the clerks of a test have looked."""

    def __init__(self) -> None:
        self.done = 0

    def wait(self) -> None:
        """For a look that begins from now on to end."""
        enough = self.done + 2
        wait(lambda: self.done >= enough, "the clerk looks")


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    counted, look = Looks(), room.Clerk.look

    async def counting(clerk: room.Clerk) -> None:
        await look(clerk)
        counted.done += 1

    monkeypatch.setattr(room, "LOOK_S", 0.02)
    monkeypatch.setattr(room.Clerk, "look", counting)
    return counted


def metrics(issuing: Issuer) -> str:
    host, port = issuing.app.addresses[0]
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=30) as response:
        return str(response.read().decode())


def rows(issuing: Issuer) -> list[tuple[str, int, str]]:
    told = issuing.told("statement", "list")["statements"]
    return [(row["client"], row["version"], row["issued_by"]) for row in told]


def wait(condition: Callable[[], bool], what: str) -> None:
    wait_until(lambda: condition() or None, what)


def test_last_months_statements_are_issued_once_also_over_restarts(tmp_path: Path, looks: Looks) -> None:
    with issuer(tmp_path, statements=DUE) as issuing:
        wait(lambda: bool(rows(issuing)), "it is issued")
        assert rows(issuing) == [("acme", 1, "slad")], "nobody else had a server in October"
        (row,) = issuing.told("statement", "list")["statements"]
        assert row["month"] == MONTH
    for _ in range(2):
        with issuer(tmp_path, statements=DUE) as issuing:
            looks.wait()
            assert rows(issuing) == [("acme", 1, "slad")]


def test_a_persons_earlier_issue_counts(tmp_path: Path, looks: Looks) -> None:
    with issuer(tmp_path) as issuing:
        issuing.issued()
    with issuer(tmp_path, statements=DUE) as issuing:
        looks.wait()
        ((_, version, by),) = rows(issuing)
        assert (version, by) == (1, f"uid:{os.getuid()} ({by.partition('(')[2]}")


def test_before_it_is_due_and_without_the_table_nothing_is_issued(tmp_path: Path, looks: Looks) -> None:
    for sections in ({}, {"statements": NOT_YET}):
        with issuer(tmp_path, **sections) as issuing:
            looks.wait()
            assert rows(issuing) == []


def test_a_correction_is_noticed_told_everywhere_and_ends_with_its_issue(tmp_path: Path) -> None:
    with issuer(tmp_path) as issuing:
        issuing.issued()
        assert issuing.told("status")["outdated"] == []
        issuing.corrected()
        wait(lambda: bool(issuing.told("status")["outdated"]), "it is noticed")
        (outdated,) = issuing.told("status")["outdated"]
        differing = len(issuing.told("statement", "diff", "acme", "--month", MONTH)["figures"])
        assert outdated == {"client": "acme", "month": MONTH, "figures": differing}
        assert "outdated statement" in issuing.done("status")
        assert f"outdated: {differing} figures differ" in issuing.done("statement", "list")
        family = f'slad_statement_outdated_figures{{client="acme",month="{MONTH}"}} {differing}.0'
        wait(lambda: family in metrics(issuing), "the metric")
    with issuer(tmp_path) as issuing:
        wait(lambda: bool(issuing.told("status")["outdated"]), "it is known again after a restart")
        assert issuing.issued()["version"] == 2
        assert issuing.told("status")["outdated"] == []
        wait(lambda: "slad_statement_outdated_figures{" not in metrics(issuing), "the metric")


def test_the_statement_issued_last_is_a_metric_and_the_one_before_it_is_none_any_more(
    tmp_path: Path, looks: Looks
) -> None:
    def issued(issuing: Issuer) -> dict[str, float]:
        family = "slad_statement_issued_timestamp_seconds"
        return dict(re.findall(rf"^{family}\{{(.*)\}} (\S+)$", metrics(issuing), re.MULTILINE))

    with issuer(tmp_path) as issuing:
        looks.wait()
        assert issued(issuing) == {}
        issuing.issued()
        first = f'client="acme",month="{MONTH}",version="1"'
        wait(lambda: first in issued(issuing), "the metric")
        at = parse_instant(issuing.told("statement", "list")["statements"][0]["issued_at"])
        assert float(issued(issuing)[first]) == at / SECOND
        issuing.corrected()
        wait(lambda: bool(issuing.told("status")["outdated"]), "it is noticed")
        issuing.issued()
        wait(lambda: list(issued(issuing)) == [first.replace('"1"', '"2"')], "the second version alone")
    with issuer(tmp_path) as issuing:
        wait(lambda: list(issued(issuing)) == [first.replace('"1"', '"2"')], "it is known after a restart")


def test_a_correction_that_is_taken_back_is_none(tmp_path: Path) -> None:
    with issuer(tmp_path) as issuing:
        issuing.issued()
        issuing.corrected()
        wait(lambda: bool(issuing.told("status")["outdated"]), "it is noticed")
        issuing.done("exclusion", "withdraw", "x1", "--why", "a slip", "--yes")
        wait(lambda: not issuing.told("status")["outdated"], "it is none")
        assert issuing.issued()["issued"] is False


def test_evidence_that_changes_no_figure_makes_nothing_outdated(tmp_path: Path, looks: Looks) -> None:
    with issuer(tmp_path) as issuing:
        issuing.issued()
        issuing.corrected("x2", "--from", "2026-10-11T10:00Z", "--until", "2026-10-11T10:00:00.000001Z")
        issuing.done("exclusion", "withdraw", "x2", "--why", "a slip", "--yes")
        issuing.corrected("x3", "--from", "2026-11-11T10:00Z", "--until", "2026-11-11T11:00Z")
        looks.wait()
        assert issuing.told("status")["outdated"] == []


def test_each_clients_month_ends_by_its_own_clock(tmp_path: Path) -> None:
    lines = [
        *october(),
        client("west", zone="America/Vancouver"),
        server("w", client="west"),
        says("up", "2026-03-01T05:00:00Z", server="w"),
    ]
    imported(
        tmp_path,
        [line for line in lines if line["kind"] != "observed_until"] + [seen("2026-11-20T00:00:00Z")],
    )
    with issuer(tmp_path, statements=DUE) as issuing:
        wait(lambda: len(rows(issuing)) == 2, "both are issued")
        ends = {
            row["client"]: json.loads(
                issuing.done("statement", "show", row["client"], "--month", MONTH, "--format", "json")
            )["statement"]["until"]
            for row in issuing.told("statement", "list")["statements"]
        }
        assert ends == {"acme": "2026-11-01T04:00:00Z", "west": "2026-11-01T07:00:00Z"}


@dataclass
class Desk:
    """A clerk without a daemon: its clock, and what it asks to have recorded."""

    now_at: str = "2026-11-06T04:00:00Z"
    doubt: str | None = None
    can_record: bool = True
    asked: list[RecordCall] = field(default_factory=list)
    fails_with: Exception | None = None

    def __post_init__(self) -> None:
        self.book = book_of(october())
        self.register = StatementRegister(self.book)
        part = cast(Any, self)
        self.clerk = room.Clerk(
            clock=part,
            book=self.book,
            register=self.register,
            issuing=part,
            records=part,
            can_record=lambda: self.can_record,
            metrics=StatementMetrics(CollectorRegistry()),
        )
        self.adopt(leaves_issuing_to_hub=False)

    def adopt(self, *, leaves_issuing_to_hub: bool) -> None:
        table = StatementsTable.model_validate({"issue_after": "5d"})
        said = SimpleNamespace(statements=table, leaves_issuing_to_hub=leaves_issuing_to_hub)
        self.clerk.adopt(cast(Config, said))

    def now(self) -> Instant:
        return parse_instant(self.now_at)

    async def issue(self, call: RecordCall) -> None:
        self.asked.append(call)
        if self.fails_with is not None:
            raise self.fails_with


async def of(desk: Desk) -> list[str]:
    """For whom a look asks."""
    desk.asked.clear()
    await desk.clerk.look()
    return [f"{call.said['client']} {call.said['month']}" for call in desk.asked]


async def test_a_statement_is_due_by_its_clients_own_clock() -> None:
    assert await of(Desk("2026-11-05T23:59:59Z")) == []
    assert await of(Desk("2026-11-06T00:00:00Z")) == ["beta 2026-10", "quiet 2026-10"]
    assert await of(Desk("2026-11-06T04:00:00Z")) == ["acme 2026-10", "beta 2026-10", "quiet 2026-10"]
    assert await of(Desk("2026-12-01T04:59:59Z")) == ["acme 2026-10"], "of beta it is last month's no more"


async def test_while_the_clock_is_in_doubt_nothing_is_issued() -> None:
    desk = Desk(doubt="it was set")
    assert await of(desk) == []
    desk.doubt = None
    assert len(await of(desk)) == 3


async def test_who_can_record_nothing_issues_nothing_and_says_nothing() -> None:
    """As a hub that stands by."""
    desk = Desk(can_record=False)
    with capture_logs() as logs:
        assert await of(desk) == []
    assert logs == []
    desk.can_record = True
    assert len(await of(desk)) == 3


async def test_a_monitor_with_a_hub_issues_nothing_and_calls_nothing_outdated() -> None:
    desk = Desk()
    desk.register.outdated[StatementKey(ClientId("acme"), MONTH)] = 3
    desk.adopt(leaves_issuing_to_hub=True)
    assert await of(desk) == []
    assert desk.register.outdated == {}
    desk.adopt(leaves_issuing_to_hub=False)
    assert len(await of(desk)) == 3


async def test_where_there_is_nothing_to_issue_it_is_not_asked_again_and_what_failed_is() -> None:
    desk = Desk()
    desk.fails_with = NotRecordingError("nothing was recorded: the disk is full")
    with capture_logs() as logs:
        assert len(await of(desk)) == len(await of(desk)) == 3
    assert [each["event"] for each in logs] == ["statement_waits"] * 3, "told once"
    desk.fails_with = RefusedError([FieldFault("month", f"{NO_SERVICE} with client acme in 2026-10")])
    assert len(await of(desk)) == 3
    assert await of(desk) == []
