"""Two monitors that do not see the same: in whatever order it is brought together, it says the same (fault 17).

What a monitor cannot see the other one may; where both saw and say otherwise, the time is disputed (spec §2.4, §5.1).
"""

import asyncio
import json
import random
from pathlib import Path

import pytest

from sla.instants import HOUR, MINUTE, Instant
from tests.daemon.monitor import Vm
from tests.faults.evaluating import months_of, statement_of
from tests.faults.virtual_daemon import POLL_S, START, VCenter, VirtualSite, running
from tests.virtual import run

SAW = ("observation", "blind", "observed_until")
END = Instant(START + HOUR)


@pytest.fixture
def monitors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """The evidence of an hour: the first is cut off for 20 minutes; the second's clock is 5 minutes ahead."""
    vms = {f"u{number}": Vm(f"u{number}", f"acme-{number}") for number in range(3)}
    first = VirtualSite(tmp_path / "first", {"vc1": VCenter(vms)}, "first")
    second = VirtualSite(tmp_path / "second", {"vc1": VCenter(vms)}, "second")
    second.clocks.ahead_us = 5 * MINUTE

    async def main() -> None:
        async with running(monkeypatch, first, second):
            for minute in range(60):
                vms["u1"].on = minute not in range(10, 22)
                vms["u2"].on = minute not in range(37, 40)
                first.vcenters["vc1"].lost = "no route" if minute in range(30, 50) else ""
                for _ in range(60 // POLL_S):
                    first.look()
                    second.look()
                    await asyncio.sleep(POLL_S)

    run(main())
    return first.evidence(), second.evidence()


def brought_together(chance: random.Random, first: list[str], second: list[str]) -> list[str]:
    """All lines of the first, and between them, at random, what the second saw; each in its own order."""
    known = next(
        number for number, line in reversed(list(enumerate(first))) if json.loads(line)["kind"] == "server"
    )
    saw = [line for line in second if json.loads(line)["kind"] in SAW]
    places = sorted(chance.randint(known + 1, len(first)) for _ in saw)
    together = list(first)
    for place, line in reversed(list(zip(places, saw, strict=True))):
        together.insert(place, line)
    return together


def test_what_two_monitors_saw_is_the_same_in_whatever_order_it_is_brought_together(
    monitors: tuple[list[str], list[str]],
) -> None:
    first, second = monitors
    said = {statement_of(brought_together(random.Random(seed), first, second), END) for seed in range(20)}
    assert len(said) == 1
    alone, both = months_of(statement_of(first, END)), months_of(said.pop())
    for server in ("u0", "u1", "u2"):
        unseen = alone[server]["unobserved"] - both[server]["unobserved"]
        assert abs(unseen - 20 * 60) <= 2 * POLL_S, "what the first did not see the second did"
    assert both["u0"]["down"] == both["u0"]["disputed"] == 0
    assert abs(both["u1"]["disputed"] - 2 * 5 * 60) <= 2 * POLL_S, "five minutes at either end of the outage"
    assert abs(both["u1"]["down"] - (12 - 5) * 60) <= 2 * POLL_S, "what both say"
    assert abs(both["u2"]["down"] - 3 * 60) <= 2 * POLL_S, "only the second saw it"
