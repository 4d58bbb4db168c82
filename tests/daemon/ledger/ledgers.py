"""What the ledger's tests are made of: batches that can be told apart, and a process that writes them.

Run as a program (PATH SIZE COUNT) it commits COUNT batches of SIZE observations, says `begin N` before each and `done N
SEQ` once it is durable. When it cannot open the ledger it says `refused` and tries once more; after a fault it says
`fault N`, opens the ledger anew, says `landed N` or `again N`, and goes on.
"""

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.clock import SystemClock
from daemon.ledger import Batch, Entry, Lag, Ledger, LedgerFaultError, Stored
from sla.instants import Instant
from sla.records import Leg, Observation, ServerId, State, Witness

WITNESS = Witness("monitor", "vc1")
CLOCK = SystemClock()


def opened(path: Path) -> Ledger:
    return Ledger.open(path)


def observation(batch: int, number: int) -> Observation:
    return Observation(
        witness=WITNESS,
        server=ServerId(f"server-{number}"),
        leg=Leg.RUNNING,
        state=State.DOWN if batch % 2 else State.UP,
        at=Instant(1_772_000_000_000_000 + batch * 5_000_000 + number),
        reason=f"{batch}/{number}",
        noticed_at=Instant(1_772_000_000_500_000 + batch * 5_000_000),
    )


def batch_of(batch: int, size: int) -> Batch:
    """A batch of observations whose reasons say which of which batch they are, its watermark, and now and then a lag."""
    at = Instant(1_772_000_000_000_000 + batch * 5_000_000)
    return Batch(
        entries=[
            Entry(record=observation(batch, number), settled=at if number % 3 else None)
            for number in range(size)
        ],
        watermarks={WITNESS: at},
        lags=[Lag(witness=WITNESS, start=at, end=Instant(at + 1))] if batch % 4 == 0 else [],
        seal=batch % 5 == 0,
    )


def batches_in(records: Iterable[Stored]) -> dict[int, list[int]]:
    """The numbers of the observations of each batch, in order."""
    batches: dict[int, list[int]] = {}
    for _, body, _ in records:
        record = json.loads(body)
        if record["kind"] == "observation":
            batch, number = record["reason"].split("/")
            batches.setdefault(int(batch), []).append(int(number))
    return batches


@contextmanager
def closing(ledger: Ledger) -> Iterator[Ledger]:
    """For tests without a loop."""
    try:
        yield ledger
    finally:
        asyncio.run(ledger.close())


def written(path: Path, count: int, size: int = 3) -> Path:
    """A ledger of `count` batches, closed."""

    async def commit_all(ledger: Ledger) -> None:
        for number in range(count):
            await ledger.commit(batch_of(number, size))

    with closing(opened(path)) as ledger:
        asyncio.run(commit_all(ledger))
    return path


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def write(path: Path, size: int, count: int) -> None:
    try:
        ledger = opened(path)
    except LedgerFaultError:
        say("refused")
        ledger = opened(path)
    for number in range(count):
        batch, landed = batch_of(number, size), False
        say("begin", number)
        while not landed:
            try:
                await ledger.commit(batch)
                landed = True
            except LedgerFaultError:
                say("fault", number)
                landed = await ledger.reopen()
                say("landed" if landed else "again", number)
        say("done", number, ledger.head.seq)
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
