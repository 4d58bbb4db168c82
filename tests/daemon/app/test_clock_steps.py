"""The wall clock is set under a daemon, which runs in this process on a clock of the test's: nothing is dated by a time in doubt.

A process whose clock libfaketime sets is in `test_clock_of_a_process`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from daemon.app import App, wiring
from daemon.believed_clock import HOLD_US
from daemon.cli import main
from daemon.control.client import ControlClient
from probes.simulation import ThreadedVCenter
from sla.instants import DAY, HOUR, MINUTE, SECOND, Instant, datetime_of, parse_instant
from tests.daemon.hand import SetClock
from tests.daemon.harness import (
    Samples,
    by_server,
    fetched,
    running_app,
    running_machines,
    scraped,
    simulated,
    write_config,
)
from tests.waiting import until

YEARS_US = 32 * 366 * DAY
DOUBT = ("slad_clock_in_doubt", frozenset[tuple[str, str]]())
STEPS = ("slad_clock_steps_total", frozenset[tuple[str, str]]())


@dataclass
class Watched:
    """A daemon that runs, its clocks, its vCenter and its folder."""

    app: App
    clock: SetClock
    vcenter: ThreadedVCenter
    folder: Path

    async def slad(self, *arguments: str) -> Result:
        """A command that asks it."""
        said = [*arguments, "--socket", str(self.folder / "control.sock")]
        return await asyncio.to_thread(CliRunner().invoke, main, said)

    async def exclude(self) -> Result:
        """Put something on record."""
        window = ("--from", "2026-11-01T03:00Z", "--until", "2026-11-01T04:00Z")
        return await self.slad("exclusion", "add", "force_majeure", *window, "--client", "acme")

    async def ready(self) -> tuple[int, str]:
        return await asyncio.to_thread(fetched, self.app.addresses[0][1], "/-/ready")

    async def until_ready(self, *, ready: bool = True) -> str:
        """Wait until it is, or is not; what it says."""
        wanted = 200 if ready else 503

        def told() -> str | None:
            status, text = fetched(self.app.addresses[0][1], "/-/ready")
            return text if status == wanted else None

        return await until(told, f"readiness {wanted}")

    async def scraped_when(self, condition: Callable[[Samples], bool], what: str) -> Samples:
        def found() -> Samples | None:
            samples = scraped(*self.app.addresses[0])
            return samples if condition(samples) else None

        return await until(found, what)

    async def sees(self) -> Samples:
        """Wait until it has looked twice, and counted."""
        contact = ("slad_source_poll_duration_seconds_count", frozenset({("source", "vc1")}))
        before = await asyncio.to_thread(scraped, *self.app.addresses[0])
        looks = before.get(contact, 0) + 2
        return await self.scraped_when(
            lambda samples: samples.get(contact, 0) >= looks and bool(by_server(samples, "slad_server_up")),
            "looks",
        )

    async def hold(self) -> None:
        """Let the minute pass for which another time has to hold; the watches look in it, as they do."""
        await asyncio.sleep(0.5)
        self.clock.sleep(HOLD_US)

    async def records(self) -> list[dict[str, Any]]:
        async with ControlClient(self.folder / "control.sock") as daemon:
            return [json.loads(line) async for line in daemon.export()]


@asynccontextmanager
async def watched(folder: Path, clock: SetClock | None = None) -> AsyncIterator[Watched]:
    clock = clock or SetClock()
    with simulated(6, now_us=clock.true) as vcenter:
        async with running_app(write_config(folder, vcenter), clock=clock) as app:
            yield Watched(app, clock, vcenter, folder)


def instants(records: list[dict[str, Any]]) -> list[Instant]:
    """Every instant by which slad dated something: all but those that people gave."""
    keys = ("recorded_at", "at", "until", "from", "noticed_at", "in_service_from")
    return [
        parse_instant(record[key])
        for record in records
        if record["kind"] not in ("contract", "exclusion")
        for key in keys
        if record.get(key) is not None
    ]


def of_kind(records: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [record for record in records if record["kind"] == kind]


async def test_a_day_ahead_for_seconds_costs_nobody_anything(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.until_ready()
        before = await it.sees()
        it.clock.set_us = DAY
        why = await it.until_ready(ready=False)
        assert "the clock is in doubt" in why
        assert "slad clock accept" in why
        assert (await it.scraped_when(lambda samples: samples[DOUBT] == 1, "the metric"))[STEPS] == 1
        assert "not ready: the clock is in doubt" in (await it.slad("status")).stdout
        refused = await it.exclude()
        assert refused.exit_code == 3
        assert "nothing was recorded: the clock is in doubt" in refused.output
        victim = running_machines(it.vcenter)[0]
        it.vcenter.do(it.vcenter.world.machines.power_off, victim, user="eve")
        went_off_at = it.clock.true()
        await asyncio.sleep(1.5)
        it.clock.set_us = 0
        await it.until_ready()
        after = await it.scraped_when(
            lambda samples: 0 in by_server(samples, "slad_server_up").values(), "what was seen in doubt"
        )
        assert (await it.exclude()).exit_code == 0
        records = await it.records()
        for server, seconds in by_server(after, "slad_server_unobserved_seconds_total").items():
            assert seconds - by_server(before, "slad_server_unobserved_seconds_total")[server] == 0
    assert of_kind(records, "blind") == []
    assert max(instants(records)) <= it.clock.true()
    (step,) = [record for record in records if record.get("type") == "clock_step"]
    assert step["text"].endswith("nothing was dated by it")
    (off,) = [r for r in of_kind(records, "observation") if r["state"] == "down"]
    assert abs(parse_instant(off["at"]) - went_off_at) < SECOND


async def test_nothing_is_dated_years_ahead_while_it_runs_or_after_a_restart(tmp_path: Path) -> None:
    clock = SetClock()
    async with watched(tmp_path, clock) as it:
        await it.until_ready()
        await it.sees()
        clock.set_us = YEARS_US
        assert "more than a year ahead" in await it.until_ready(ready=False)
        await it.hold()
        assert (await it.exclude()).exit_code == 3
        assert (await it.ready())[0] == 503
    clock.set_us = 0
    async with watched(tmp_path, clock) as it:
        await it.until_ready()
        made = await it.exclude()
        assert made.exit_code == 0, made.output
        await it.sees()
        records = await it.records()
    assert max(instants(records)) <= clock.true()


async def test_a_clock_that_is_set_right_by_an_hour_costs_that_hour_and_no_more(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.until_ready()
        before = await it.sees()
        set_at = it.clock.true()
        it.clock.set_us = HOUR
        await it.until_ready(ready=False)
        victim = running_machines(it.vcenter)[0]
        it.vcenter.do(it.vcenter.world.machines.power_off, victim, user="eve")
        went_off_at = it.clock.true()
        await it.hold()
        await it.until_ready()
        assert (await it.exclude()).exit_code == 0
        after = await it.sees()
        records = await it.records()
        unobserved = by_server(after, "slad_server_unobserved_seconds_total")
        for server, seconds in by_server(before, "slad_server_unobserved_seconds_total").items():
            assert 3595 < unobserved[server] - seconds < 3610
        assert set(by_server(after, "slad_server_downtime_seconds_total")) == set(unobserved)
    blinds = of_kind(records, "blind")
    assert {blind["source"] for blind in blinds} == {"vc1"}
    assert {blind["reason"] for blind in blinds} == {"the monitor's clock was set forward"}
    assert parse_instant(blinds[0]["from"]) >= set_at - SECOND
    assert abs(parse_instant(blinds[-1]["until"]) - (set_at + HOUR)) < 2 * SECOND
    (off,) = [r for r in of_kind(records, "observation") if r["state"] == "down"]
    assert abs(parse_instant(off["at"]) - (went_off_at + HOUR)) < SECOND, (
        "what was seen in doubt is dated anew"
    )
    (step,) = [record for record in records if record.get("type") == "clock_step"]
    assert step["text"].endswith("believed, for that time held")


async def test_a_clock_that_is_set_back_makes_nothing_go_back(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.until_ready()
        before = await it.sees()
        it.clock.set_us = -10 * MINUTE
        noticed_at = it.clock.true()
        await it.until_ready(ready=False)
        await it.hold()
        await it.until_ready()
        made = await it.exclude()
        assert made.exit_code == 0, made.output
        assert "time stands still until it has caught up" in (await it.slad("clock", "show")).stdout
        (exclusion,) = of_kind(await it.records(), "exclusion")
        assert abs(parse_instant(exclusion["recorded_at"]) - noticed_at) < 2 * SECOND
        after = await it.sees()
        for name in ("downtime", "unobserved"):
            family = f"slad_server_{name}_seconds_total"
            assert by_server(after, family) == by_server(before, family)
        it.clock.sleep(10 * MINUTE)
        await it.sees()
        records = await it.records()
    recorded = [parse_instant(record["recorded_at"]) for record in records if record.get("recorded_at")]
    assert recorded == sorted(recorded)
    assert max(instants(records)) <= it.clock.now()


async def test_who_accepts_another_time_is_on_record(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.until_ready()
        await it.sees()
        nothing = await it.slad("clock", "accept")
        assert nothing.exit_code == 1
        assert "there is nothing to accept" in nothing.output
        it.clock.set_us = DAY
        await it.until_ready(ready=False)
        shown = await it.slad("clock", "show")
        assert "Nothing is recorded since" in shown.stdout
        accepted = await it.slad("clock", "accept")
        assert accepted.exit_code == 0, accepted.output
        assert "The wall clock is believed." in accepted.stdout
        assert (await it.ready())[0] == 200, "at once"
        records = await it.records()
    (step,) = [record for record in records if record.get("type") == "clock_step"]
    assert step["user"].startswith("uid:")
    assert step["text"] == f"the monitor's clock was set forward by 86400 s: accepted by {step['user']}"


async def test_a_ledger_from_a_future_that_does_not_come_takes_no_records(tmp_path: Path) -> None:
    clock = SetClock()
    clock.set_us = YEARS_US
    async with watched(tmp_path, clock) as it:  # a first start has nothing to compare with
        await it.until_ready()
        await it.sees()
        records = await it.records()
        head, newest = records[-1], max(instants(records))
    clock.set_us = 0
    async with watched(tmp_path, clock) as it:
        why = await it.until_ready(ready=False)
        assert f"what is on record reaches to {datetime_of(newest):%Y}" in why
        assert "a ledger that was restored" in why
        await it.hold()
        refused = await it.slad("clock", "accept")
        assert refused.exit_code == 1
        assert "nothing is recorded before that" in refused.output
        assert (await it.exclude()).exit_code == 3
        await asyncio.sleep(1)
        assert (await it.ready())[0] == 503
        later = await it.records()
    assert head in later
    assert not [record for record in later if record["kind"] in ("exclusion", "event")]
    clock.set_us = YEARS_US
    async with watched(tmp_path, clock) as it:
        await it.until_ready()


async def test_a_start_years_later_waits_for_a_person(tmp_path: Path) -> None:
    clock = SetClock()
    async with watched(tmp_path, clock) as it:
        await it.until_ready()
        await it.sees()
        ended_at = clock.true()
    clock.sleep(3 * 366 * DAY)
    async with watched(tmp_path, clock) as it:
        assert "the newest record is of" in await it.until_ready(ready=False)
        await it.hold()
        assert (await it.ready())[0] == 503
        assert (await it.slad("clock", "accept")).exit_code == 0
        await it.until_ready()
        after = await it.sees()
        records = await it.records()
        assert not any(by_server(after, "slad_server_downtime_seconds_total").values())
    (blind,) = of_kind(records, "blind")
    assert abs(parse_instant(blind["from"]) - ended_at) < 5 * SECOND
    assert abs(parse_instant(blind["until"]) - clock.true()) < MINUTE + 30 * SECOND


@pytest.mark.parametrize("us", [10 * MINUTE, 8 * HOUR, 7 * DAY])
async def test_a_machine_that_slept_is_in_no_doubt(tmp_path: Path, us: int) -> None:
    async with watched(tmp_path) as it:
        await it.until_ready()
        await it.sees()
        it.clock.sleep(us)
        samples = await it.sees()
        assert (samples[STEPS], samples[DOUBT]) == (0, 0)
        assert (await it.exclude()).exit_code == 0
        records = await it.records()
    assert max(instants(records)) <= it.clock.true()
    assert not [record for record in records if record.get("type") == "clock_step"]


async def test_a_start_anew_does_not_make_a_wrong_clock_right(tmp_path: Path) -> None:
    clock = SetClock()
    async with watched(tmp_path, clock) as it:
        await it.until_ready()
        await it.sees()
    clock.set_us = DAY
    async with watched(tmp_path, clock) as it:
        assert "by the boot clock it is" in await it.until_ready(ready=False)
        assert (await it.exclude()).exit_code == 3
        clock.set_us = 0
        await it.until_ready()
        assert (await it.exclude()).exit_code == 0
        samples = await it.sees()
        records = await it.records()
    assert max(instants(records)) <= clock.true()
    assert max(by_server(samples, "slad_server_unobserved_seconds_total").values()) < MINUTE / SECOND


async def test_after_a_boot_a_clock_that_is_a_day_ahead_of_the_newest_record_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SetClock()
    async with watched(tmp_path, clock) as it:
        await it.until_ready()
    clock.set_us = DAY
    monkeypatch.setattr(wiring, "boot_id", lambda: "another boot")
    async with watched(tmp_path, clock) as it:
        await it.until_ready()
        assert (await it.sees())[STEPS] == 0


async def test_a_week_off_is_normal(tmp_path: Path) -> None:
    clock = SetClock()
    async with watched(tmp_path, clock) as it:
        await it.until_ready()
        await it.sees()
    clock.sleep(7 * DAY)
    async with watched(tmp_path, clock) as it:
        await it.until_ready()
        samples = await it.sees()
        assert samples[STEPS] == 0
