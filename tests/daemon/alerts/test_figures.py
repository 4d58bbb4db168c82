"""What the standing says becomes alerts: looked at bit by bit it is what a look at everything finds."""

from collections.abc import Iterator

import pytest

from daemon.alerts.figures import FigureAlerts
from daemon.alerts.server_labels import ServerLabels
from daemon.alerts.store import AlertStore
from daemon.book.live_book import LiveBook
from daemon.exposition.families import sample
from daemon.live.facts import ServerFacts
from daemon.live.figures import LiveFigures
from daemon.live.samples import DEADLINE
from sla.instants import Instant, parse_instant
from tests.daemon.alerts.labels import has_its_labels
from tests.daemon.live.random_days import Days
from tests.sla.stories import client, records_of, server

WHO = ServerLabels(ServerFacts(source_of=lambda _: "vc1"), lambda _: True, Instant(0))
SEEDS = 16
STEPS = 50


def firing(store: AlertStore) -> set[tuple[tuple[str, str], ...]]:
    """What fires and is not only kept."""
    return {labels for labels, posted in store.posted.items() if posted.ended_at is None} - store.kept.keys()


async def look(judged: FigureAlerts, standing: LiveFigures, now: Instant) -> None:
    assert standing.at is not None
    judging = await standing.judging(standing.at)
    _all(judged.mark(judging.at))
    _all(judged.work(judging, now))
    assert not judged.is_behind


def _all(steps: Iterator[None]) -> None:
    for _ in steps:
        pass


async def story(seed: int) -> set[str]:
    """The names of the alerts that fired while the days of a seed passed."""
    days = Days(seed)
    standing, store = LiveFigures(days.book), AlertStore()
    judged = FigureAlerts(standing, days.book.outages, store, WHO)
    told = set()
    for number, at in enumerate(days.steps(STEPS)):
        assert await standing.catch_up(at, 60.0)
        _all(days.book.outages.read())
        await look(judged, standing, days.now)
        anew = AlertStore()
        await look(FigureAlerts(standing, days.book.outages, anew, WHO), standing, days.now)
        assert firing(store) == firing(anew), f"seed {seed}, step {number}"
        assert store.firing == len(firing(store)) + len(store.kept)
        assert [labels for labels in firing(store) if not has_its_labels(dict(labels))] == []
        told |= {dict(labels)["alertname"] for labels in firing(store)}
    return told


async def test_9_1_of_two_orders_that_are_due_at_one_instant_the_alert_tells_as_the_metric_does() -> None:
    book, solution = LiveBook("mon"), {"client": "c", "solution": "s"}
    orders = [
        {"kind": "lifecycle", **solution, "event": "order_accepted", "at": at, "recorded_at": at}
        for at in ("2026-04-06T15:00:00Z", "2026-04-06T16:00:00Z")
    ]
    for record in records_of([client(), server(), *orders]):
        book.take_record(record, None)
    standing, store = LiveFigures(book), AlertStore()
    now = parse_instant("2026-04-14T00:00:00Z")
    assert await standing.catch_up(now, 60.0)
    await look(FigureAlerts(standing, book.outages, store, WHO), standing, now)
    told = [dict(labels) for labels in firing(store)]
    assert [each["deadline"] for each in told if "deadline" in each] == ["provisioning"]
    assert list(standing.solutions.listed[DEADLINE].values()) == [
        sample('solution="s",client="c",deadline="provisioning"', "1776139200.000000")
    ]


async def test_looked_at_bit_by_bit_it_is_what_a_look_at_everything_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("daemon.alerts.figures.SLOW_US", 0)
    told: set[str] = set()
    for seed in range(SEEDS):
        told |= await story(seed)
    assert told >= {
        "ChronicOutage",
        "ChronicOutageAtRisk",
        "OutageQualifying",
        "NoticePeriodOpen",
        "AvailabilityBudgetLow",
        "AvailabilityBudgetBurning",
        "AvailabilityBudgetSpent",
        "AvailabilityInconclusive",
        "ServiceRequestResponseDue",
        "ContractDeadlineDue",
        "MaintenanceWindowIneligible",
        "MaintenanceRunning",
    }
