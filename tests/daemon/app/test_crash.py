"""The daemon killed at random points under changes: nothing acknowledged is lost, no counter falls, gaps are unknown."""

import asyncio
import json
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from time import sleep

import pytest

from daemon.ledger import Ledger
from probes.simulation import ThreadedVCenter
from sla.chain import digest_of, linked
from sla.instants import SECOND, parse_instant
from tests.daemon.harness import Daemon, Samples, by_server, running_machines, simulated, write_config
from tests.daemon.quick import TICK_US

COUNTERS = ("uptime", "downtime", "unobserved")


@contextmanager
def changes(vcenter: ThreadedVCenter, seed: int) -> Iterator[None]:
    """Virtual machines go off and on, at random, until the end."""
    chance, stop = random.Random(seed), threading.Event()
    names = running_machines(vcenter)
    off: set[str] = set()

    def change() -> None:
        while not stop.wait(chance.uniform(0.01, 0.1)):
            name = chance.choice(names)
            machines = vcenter.world.machines
            vcenter.do(machines.power_on if name in off else machines.power_off, name, user="eve")
            off.symmetric_difference_update({name})

    thread = threading.Thread(target=change, name="changes")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def published_head(samples: Samples) -> tuple[int, str]:
    seq = int(samples["slad_ledger_records", frozenset()])
    return seq, next(dict(labels)["sha256"] for name, labels in samples if name == "slad_ledger_head_info")


def counters(samples: Samples) -> dict[str, dict[str, float]]:
    return {name: by_server(samples, f"slad_server_{name}_seconds_total") for name in COUNTERS}


def records(path: Path) -> tuple[list[dict[str, object]], list[str]]:
    """Every record of a ledger that nobody holds, and the chain value after each, worked out anew."""
    ledger = Ledger.open(path)
    try:
        bodies = [body for _, body, _ in ledger.replay()]
    finally:
        asyncio.run(ledger.close())
    chain, chains = bytes(32), []
    for body in bodies:
        chain = linked(chain, digest_of(body))
        chains.append(chain.hex())
    return [json.loads(body) for body in bodies], chains


def kill_and_look(tmp_path: Path, *, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    sys.stdout.write(f"seed {seed}\n")
    in_contact = ("slad_source_up", frozenset({("source", "vc1")}))
    with simulated(servers=40) as vcenter, changes(vcenter, seed):
        daemon = Daemon(write_config(tmp_path, vcenter))
        before: dict[str, dict[str, float]] = {name: {} for name in COUNTERS}
        for _ in range(kills):
            daemon.start()
            samples = daemon.wait(lambda shown: shown.get(in_contact) == 1, "contact with vCenter")
            for name, values in counters(samples).items():
                for server, seconds in before[name].items():
                    assert values[server] >= seconds, f"{name} of {server} fell"
            sleep(chance.uniform(0, 3 * TICK_US / SECOND))
            samples = daemon.scraped()
            # Of a stop in good order a snapshot is left, from which the next start begins.
            if chance.random() < 0.3:
                daemon.terminate()
            else:
                daemon.kill()
            before = counters(samples)
            seq, head = published_head(samples)
            kept, chains = records(tmp_path / "ledger.db")
            assert len(kept) >= seq
            assert chains[seq - 1] == head
        daemon.start()
        daemon.wait(lambda shown: shown.get(in_contact) == 1, "contact with vCenter")
        assert daemon.terminate() == 0
    check_gaps(tmp_path, restarts=kills)


STEPS = (
    "slad_started",
    "ledger_replayed",
    "control_door_opened",
    "public_door_opened",
    "ledger_verified",
    "source_contacted",
)


@pytest.mark.timeout(300)
def test_a_daemon_killed_at_any_step_of_its_start_begins_from_the_snapshot_again(tmp_path: Path) -> None:
    in_contact = ("slad_source_up", frozenset({("source", "vc1")}))
    with simulated(servers=40) as vcenter:
        daemon = Daemon(write_config(tmp_path, vcenter))
        daemon.start()
        before = counters(daemon.wait(lambda shown: shown.get(in_contact) == 1, "contact with vCenter"))
        assert daemon.terminate() == 0
        snapshot = tmp_path / "ledger.db.snapshot"
        written, (kept, _) = snapshot.read_bytes(), records(tmp_path / "ledger.db")
        for step in STEPS:
            daemon.launch()
            daemon.logged(step)
            daemon.kill()
            assert snapshot.read_bytes() == written
            now, _ = records(tmp_path / "ledger.db")
            assert now[: len(kept)] == kept
        daemon.launch()
        replayed = json.loads(daemon.logged("ledger_replayed"))
        assert replayed["after"] == len(kept)
        assert daemon.terminate() == 0
        daemon.start()
        shown = counters(daemon.wait(lambda shown: shown.get(in_contact) == 1, "contact with vCenter"))
        for name, values in before.items():
            assert all(shown[name][server] >= seconds for server, seconds in values.items())
        assert daemon.terminate() == 0


def check_gaps(tmp_path: Path, *, restarts: int) -> None:
    """Each restart left one blind span; within it the witness observed nothing, and outside of it nothing is missing."""
    kept, _ = records(tmp_path / "ledger.db")
    blind = [record for record in kept if record["kind"] == "blind"]
    assert len(blind) == restarts
    spans = [(parse_instant(str(gap["from"])), parse_instant(str(gap["until"]))) for gap in blind]
    assert all(start < end for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    told = [parse_instant(str(r["at"])) for r in kept if r["kind"] == "observation" and r["source"] == "vc1"]
    assert not [at for at in told for start, end in spans if start < at < end]


@pytest.mark.timeout(300)
def test_a_daemon_killed_ten_times_loses_nothing(tmp_path: Path) -> None:
    kill_and_look(tmp_path, kills=10, seed=20261122)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_daemon_killed_two_hundred_times_loses_nothing(tmp_path: Path) -> None:
    kill_and_look(tmp_path, kills=200, seed=random.randrange(2**32))
