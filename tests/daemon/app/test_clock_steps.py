"""The wall clock is set while the daemon runs: no server pays for it, and the evidence says what happened.

libfaketime stands in for whoever sets the clock: the daemon's wall clock follows a file, its other clocks do not.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from daemon.clock import STEP_US, SteadyClock
from daemon.ledger import Ledger
from sla.instants import HOUR, MINUTE, SECOND, Instant, parse_instant
from sla.reader import EvidenceReader
from tests.daemon.harness import Daemon, Samples, by_server, running_machines, simulated, write_config
from tests.peers import require

COUNTERS = ("uptime", "downtime", "unobserved")
STEPS = ("slad_clock_steps_total", frozenset[tuple[str, str]]())


BEGIN = Instant(1_800_000_000 * SECOND)


@dataclass
class Hand:
    """A clock's hand, moved at will."""

    wall: Instant = BEGIN
    boot: int = 0

    def now(self) -> Instant:
        return self.wall

    def monotonic_us(self) -> int:
        return self.boot

    def boottime_us(self) -> int:
        return self.boot

    def pass_(self, us: int, *, step_us: int = 0) -> None:
        self.boot += us
        self.wall = Instant(self.wall + us + step_us)


def test_a_clock_that_is_set_back_stands_still_until_it_has_caught_up() -> None:
    hand = Hand()
    clock = SteadyClock(hand)
    before = clock.now()
    hand.pass_(SECOND, step_us=-10 * MINUTE)
    assert clock.now() == before
    hand.pass_(10 * MINUTE)
    assert clock.now() == before + SECOND


def test_a_step_is_told_once_and_a_drift_never() -> None:
    hand = Hand()
    clock = SteadyClock(hand)
    for step_us in (HOUR, -10 * MINUTE, STEP_US + 1):
        hand.pass_(SECOND, step_us=step_us)
        assert clock.stepped_us() == step_us
        assert clock.stepped_us() == 0
    for _ in range(100):
        hand.pass_(SECOND, step_us=STEP_US)
        assert clock.stepped_us() == 0


def test_a_clock_that_was_set_back_while_the_daemon_was_down_says_so() -> None:
    hand = Hand()
    clock = SteadyClock(hand)
    newest = Instant(hand.wall + HOUR)
    clock.not_before(newest)
    assert clock.now() == newest
    assert clock.stepped_us() == -HOUR


def test_a_start_after_the_newest_record_is_no_step() -> None:
    hand = Hand()
    clock = SteadyClock(hand)
    clock.not_before(Instant(hand.wall - HOUR))
    hand.pass_(SECOND)
    assert clock.stepped_us() == 0


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


async def read_back(path: Path) -> list[dict[str, str]]:
    """Every record of a ledger, after the strict reader had nothing to say."""
    ledger, reader = Ledger.open(path), EvidenceReader()
    try:
        bodies = [body for _, body, _ in ledger.replay()]
    finally:
        await ledger.close()
    for body in bodies:
        reader.read(body.encode())
    assert reader.faults == []
    return [json.loads(body) for body in bodies]


async def test_no_server_pays_for_a_clock_that_is_set(tmp_path: Path) -> None:
    with (
        simulated() as vcenter,
        on_a_clock_of_its_own(tmp_path, write_config(tmp_path, vcenter)) as (daemon, set_ahead),
    ):
        up = "slad_server_up"
        first = daemon.wait(
            lambda samples: sum(by_server(samples, "slad_server_uptime_seconds_total").values()) > 0, "time"
        )
        set_ahead(3600)
        forward = daemon.wait(
            lambda samples: samples[STEPS] == 1 and bool(by_server(samples, up)), "sight after the step"
        )
        set_ahead(3000)
        back = daemon.wait(lambda samples: samples[STEPS] == 2, "the step back")
        contact = ("slad_source_poll_duration_seconds_count", frozenset({("source", "vc1")}))
        later = daemon.wait(lambda samples: samples[contact] >= back[contact] + 2, "looks after it")
        for before, after in ((first, forward), (forward, back), (back, later)):
            then, now = counters(before), counters(after)
            assert all(now[key] >= seconds for key, seconds in then.items())
        servers = {server for name, server in counters(later)}
        started_up = set(by_server(first, up))
        assert len(started_up) >= len(running_machines(vcenter))
        for server in servers:
            assert counters(later)["downtime", server] == 0
            assert 3590 < counters(later)["unobserved", server] < 3630
        assert daemon.terminate() == 0
    records = await read_back(tmp_path / "ledger.db")
    steps = [record["text"] for record in records if record["kind"] == "event" and record["source"] == "slad"]
    assert len(steps) == 2
    assert ["forward" in text for text in steps] == [True, False]
    # A look may fall between the last tick by the old clock and the step, so that nobody knows which it was: one span or two.
    blinds = [record for record in records if record["kind"] == "blind"]
    assert all("set forward" in blind["reason"] for blind in blinds)
    assert all(before["until"] == after["from"] for before, after in pairwise(blinds))
    lasted_us = parse_instant(blinds[-1]["until"]) - parse_instant(blinds[0]["from"])
    assert HOUR - 5 * SECOND < lasted_us < HOUR + 30 * SECOND
