"""What a statement costs: `slad evaluate` over a fleet's month, and one server's month from memory.

`python -m bench.evaluate [SERVERS [RECORDS]]` prints a table. The first rows are the command in a process of its own,
from the file to the document; the others are the best of many rounds in this process.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from bench.measuring import cpu_of
from bench.table import MEMORY, Row, show
from daemon.holidays import national_holidays
from daemon.timezones import use_packaged_time_zones
from sla.book import Book
from sla.calendars import parse_month
from sla.evidence import encode
from sla.instants import DAY, HOUR, MINUTE, Instant, parse_instant
from sla.records import (
    ALL_LEGS,
    Category,
    Client,
    ClientId,
    Exclusion,
    ExclusionId,
    Leg,
    Observation,
    ObservedUntil,
    Record,
    Server,
    ServerId,
    SolutionId,
    State,
    Witness,
)
from sla.statement import Judgement

START: Final = parse_instant("2026-03-01T05:00:00Z")
AS_OF: Final = parse_instant("2026-04-02T00:00:00Z")
MONTH: Final = parse_month("2026-03")
WITNESSES: Final = {
    Leg.RUNNING: Witness("monitor", "vcenter"),
    Leg.SAN: Witness("monitor", "vcenter"),
    Leg.INTERNET: Witness("monitor", "internet"),
}
CLIENTS: Final = 200
WINDOWS: Final = 8
ROUNDS: Final = 50
RUNS: Final = 3


def fleet(servers: int, records: int) -> Iterator[Record]:
    """A month of a fleet: each server is down for a while now and then, one leg after the other."""
    before = Instant(START - 30 * DAY)
    for number in range(CLIENTS):
        yield Client(
            id=ClientId(f"c{number}"),
            name=f"Client {number}",
            timezone=("America/Toronto", "America/St_Johns", "Europe/London")[number % 3],
            tech_admins=("ann",),
            recorded_at=before,
        )
    for number in range(WINDOWS):
        at = Instant(START + number * 4 * DAY - HOUR)
        yield Exclusion(
            id=ExclusionId(f"w{number}"),
            category=Category.SCHEDULED_MAINTENANCE,
            start=at,
            end=Instant(at + HOUR),
            announced_at=before,
            recorded_at=before,
        )
    for number in range(servers):
        yield Server(
            id=ServerId(f"s{number}"),
            name=f"Server {number}",
            client=ClientId(f"c{number % CLIENTS}"),
            solution=SolutionId(f"solution {number // 3}") if number % 2 else None,
            in_service_from=before,
            in_service_until=None,
            recorded_at=before,
        )
    yield from _observations(servers, records - CLIENTS - WINDOWS - servers - 2)
    for witness in sorted(set(WITNESSES.values())):
        yield ObservedUntil(witness=witness, at=AS_OF)


def _observations(servers: int, count: int) -> Iterator[Record]:
    for number in range(count):
        server, turn = number % servers, number // servers
        if turn < len(ALL_LEGS):
            leg, state, at = ALL_LEGS[turn], State.UP, Instant(START - DAY)
        else:
            leg = ALL_LEGS[(turn // 2) % len(ALL_LEGS)]
            state = State.DOWN if turn % 2 else State.UP
            at = Instant(START + turn * 14 * HOUR + (server % 600) * MINUTE)
        yield Observation(
            witness=WITNESSES[leg], server=ServerId(f"s{server}"), leg=leg, state=state, at=at, noticed_at=at
        )


def one_server(transitions: int) -> Book:
    """A server that was up all month but for `transitions` changes, in a book that holds it alone."""
    book = Book()
    for record in fleet(1, CLIENTS + WINDOWS + 1 + 2 + len(ALL_LEGS)):
        book.add(record)
    for number in range(transitions):
        leg = ALL_LEGS[(number // 2) % len(ALL_LEGS)]
        state = State.UP if number % 2 else State.DOWN
        at = Instant(START + DAY + number * 40 * MINUTE)
        book.add(Observation(witness=WITNESSES[leg], server=ServerId("s0"), leg=leg, state=state, at=at))
    return book


def judgement_of(book: Book) -> Judgement:
    return Judgement(book, month=MONTH, as_of=AS_OF, national_holidays=national_holidays(2025, 2029))


def seconds_a_server(book: Book) -> float:
    """The CPU time of one server's month, with what its client's servers share at hand."""
    judgement = judgement_of(book)
    return _best(lambda: judgement.server(ServerId("s0")))


def seconds_a_solution(book: Book) -> float:
    """The same for its solution: interruptions and chronic stages."""
    judgement = judgement_of(book)
    return _best(lambda: judgement.solution((SolutionId("s0"), ClientId("c0"))))


def _best(work: Callable[[], object]) -> float:
    work()
    return cpu_of(ROUNDS, work)


def command(path: Path, servers: int) -> tuple[float, float]:
    """CPU and wall seconds of `slad evaluate`."""
    run = [
        sys.executable,
        "-c",
        "from daemon.cli.evaluate import evaluate; evaluate()",
        str(path),
        *("--month", str(MONTH), "--as-of", "2026-04-02T00:00:00Z", "--format", "json"),
    ]
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    document = subprocess.run(run, check=True, stdout=subprocess.PIPE).stdout
    took, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert len(json.loads(document)["servers"]) == servers
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, took


def rows_of(servers: int, records: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "evidence.jsonl"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(encode(record) + "\n" for record in fleet(servers, records))
        runs = [command(path, servers) for _ in range(RUNS)]
    yield Row("slad evaluate: CPU", min(cpu_s for cpu_s, _ in runs), most=5.0)
    yield Row("its time on the wall", min(wall_s for _, wall_s in runs), most=3.0)
    memory_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    yield Row("its memory", memory_mb, MEMORY, most=700)
    busy, quiet = one_server(1000), one_server(0)
    yield Row("a server's month with 1,000 transitions", seconds_a_server(busy), most=0.005)
    yield Row("its solution", seconds_a_solution(busy))
    yield Row("the month of a server that was up", seconds_a_server(quiet), most=50e-6)
    yield Row("and its solution", seconds_a_solution(quiet))


def main() -> None:
    """Print the table."""
    use_packaged_time_zones()
    servers = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    records = int(sys.argv[2]) if len(sys.argv) > 2 else 500_000
    show(f"slad evaluate, {servers:,} servers, {records:,} records", rows_of(servers, records))


if __name__ == "__main__":
    main()
