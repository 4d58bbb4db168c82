"""The wall clock is set under a daemon that is a process of its own: no server pays for it, and the evidence says what happened.

libfaketime stands in for whoever sets the clock: the daemon's wall clock follows a file, its other clocks do not.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from subprocess import run
from sys import executable
from typing import Any

import pytest

from daemon.ledger import Ledger
from sla.decoding import parse_line
from sla.instants import DAY, HOUR, SECOND, parse_instant
from sla.reader import EvidenceReader
from tests.daemon.harness import (
    Daemon,
    Samples,
    by_server,
    fetched,
    running_machines,
    simulated,
    write_config,
)
from tests.peers import require
from tests.waiting import wait_until

COUNTERS = ("uptime", "downtime", "unobserved")
DOUBT = ("slad_clock_in_doubt", frozenset[tuple[str, str]]())
STEPS = ("slad_clock_steps_total", frozenset[tuple[str, str]]())
LOOKS = ("slad_source_poll_duration_seconds_count", frozenset({("source", "vc1")}))


@contextmanager
def on_a_clock_of_its_own(folder: Path, config: Path) -> Iterator[tuple[Daemon, Callable[[int], None]]]:
    """A daemon, and how to set its wall clock so many seconds ahead of the true one."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    require(bool(found), "libfaketime is not installed (Debian: apt install faketime)")
    hand = folder / "hand"

    def set_ahead(seconds: int) -> None:
        new = folder / "hand.new"
        new.write_text(f"{seconds:+d}\n")
        new.rename(hand)

    set_ahead(0)
    env = {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(hand),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    daemon = Daemon(config, env=env)
    daemon.start()
    try:
        yield daemon, set_ahead
    finally:
        daemon.kill()


def counters(samples: Samples) -> dict[tuple[str, str], float]:
    return {
        (name, server): seconds
        for name in COUNTERS
        for server, seconds in by_server(samples, f"slad_server_{name}_seconds_total").items()
    }


def accept(folder: Path) -> None:
    said = run(
        [executable, "-m", "daemon", "clock", "accept", "--socket", folder / "control.sock"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert "The wall clock is believed." in said.stdout


def wait_ready(daemon: Daemon, *, ready: bool = True) -> str:
    def told() -> str | None:
        status, text = fetched(daemon.port, "/-/ready")
        return text if (status == 200) is ready else None

    return wait_until(told, "readiness", timeout_s=120)


def looked(daemon: Daemon, before: Samples) -> Samples:
    """After two more looks."""
    return daemon.wait(lambda samples: samples[LOOKS] >= before[LOOKS] + 2, "looks")


async def read_back(path: Path) -> list[dict[str, Any]]:
    """Every record of a ledger, after the strict reader had nothing to say."""
    ledger, reader = Ledger.open(path), EvidenceReader()
    try:
        bodies = [body for _, body, _ in ledger.replay()]
    finally:
        await ledger.close()
    for body in bodies:
        reader.read(body.encode())
    assert reader.faults == []
    return [parse_line(body.encode()) for body in bodies]


def steps(records: list[dict[str, Any]]) -> list[str]:
    return [record["text"] for record in records if record.get("type") == "clock_step"]


async def test_no_server_pays_for_a_clock_that_is_set(tmp_path: Path) -> None:
    with (
        simulated() as vcenter,
        on_a_clock_of_its_own(tmp_path, write_config(tmp_path, vcenter)) as (daemon, set_ahead),
    ):
        first = daemon.wait(
            lambda samples: sum(by_server(samples, "slad_server_uptime_seconds_total").values()) > 0, "time"
        )
        told = [first]
        for ahead_s, count in ((3600, 1), (3000, 2)):
            set_ahead(ahead_s)
            assert "slad clock accept" in wait_ready(daemon, ready=False)
            assert daemon.wait(lambda samples: samples[DOUBT] == 1, "the doubt")[STEPS] == count
            accept(tmp_path)
            told.append(looked(daemon, daemon.scraped()))
            assert told[-1][DOUBT] == 0
        for before, after in pairwise(told):
            then, now = counters(before), counters(after)
            assert all(now[key] >= seconds for key, seconds in then.items())
        assert len(by_server(first, "slad_server_up")) >= len(running_machines(vcenter))
        for server in {server for _, server in counters(told[-1])}:
            assert counters(told[-1])["downtime", server] == 0
            assert 3590 < counters(told[-1])["unobserved", server] < 3630
        assert daemon.terminate() == 0
    records = await read_back(tmp_path / "ledger.db")
    assert ["forward" in text for text in steps(records)] == [True, False]
    assert all(" accepted by uid:" in text for text in steps(records))
    # A look may fall between the last tick by the old clock and the step, so that nobody knows which it was: one span or two.
    blinds = [record for record in records if record["kind"] == "blind"]
    assert all("set forward" in blind["reason"] for blind in blinds)
    lasted_us = parse_instant(blinds[-1]["until"]) - parse_instant(blinds[0]["from"])
    assert HOUR - 5 * SECOND < lasted_us < HOUR + 30 * SECOND


async def test_a_day_ahead_for_four_seconds_and_a_process_that_stands_still_cost_nothing(
    tmp_path: Path,
) -> None:
    with (
        simulated() as vcenter,
        on_a_clock_of_its_own(tmp_path, write_config(tmp_path, vcenter)) as (daemon, set_ahead),
    ):
        before = daemon.wait(lambda samples: bool(by_server(samples, "slad_server_up")), "figures")
        set_ahead(DAY // SECOND)
        wait_ready(daemon, ready=False)
        await asyncio.sleep(4)
        set_ahead(0)
        wait_ready(daemon)
        daemon.send(signal.SIGSTOP)
        await asyncio.sleep(4)
        daemon.send(signal.SIGCONT)
        after = looked(daemon, daemon.scraped())
        assert after[STEPS] == 1
        assert sum(by_server(after, "slad_server_unobserved_seconds_total").values()) == 0
        assert by_server(after, "slad_server_up") == by_server(before, "slad_server_up")
        assert daemon.terminate() == 0
    records = await read_back(tmp_path / "ledger.db")
    assert [text.endswith("nothing was dated by it") for text in steps(records)] == [True]
    assert not [record for record in records if record["kind"] == "blind"]


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_time_that_holds_for_a_minute_is_believed(tmp_path: Path) -> None:
    with (
        simulated() as vcenter,
        on_a_clock_of_its_own(tmp_path, write_config(tmp_path, vcenter)) as (daemon, set_ahead),
    ):
        daemon.wait(lambda samples: bool(by_server(samples, "slad_server_up")), "figures")
        set_ahead(DAY // SECOND)
        wait_ready(daemon, ready=False)
        wait_ready(daemon)
        set_ahead(DAY // SECOND - 600)
        wait_ready(daemon, ready=False)
        wait_ready(daemon)
        assert daemon.terminate() == 0
