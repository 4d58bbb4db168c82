"""Records of people in the whole daemon: durable before the answer, once under one key, through kills and full disks."""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import pytest

from daemon.ledger import Ledger
from probes.simulation import ThreadedVCenter
from sla.instants import HOUR, MINUTE, Instant, format_instant
from sla.reader import EvidenceReader
from sla.records import Exclusion, ExclusionWithdrawn, Record, Recorded
from tests.daemon.harness import Daemon, by_server, fetched, running_machines, simulated, write_config
from tests.daemon.records.office import Caller
from tests.waiting import until
from tests.wall import now

SHOP = '[[rule]]\nname = "acme-*"\nclient = "acme"\nsolution = "shop"'
SERIES = {"every": "sun 23:00", "timezone": "America/Toronto", "count": 2, "duration_seconds": 3600}
DIES_BEFORE_IT_ANSWERS = """
import os, signal
from daemon.records import service
async def die(*_): os.kill(os.getpid(), signal.SIGKILL)
service.receipt_of = die
from tests.daemon.quick import main
main()
"""


@asynccontextmanager
async def calling(folder: Path) -> AsyncIterator[Caller]:
    """Somebody at the daemon's socket."""
    connector = aiohttp.UnixConnector(str(folder / "control.sock"))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Caller(session)


@contextmanager
def started(daemon: Daemon) -> Iterator[Daemon]:
    """A daemon that has seen its servers; killed at the end if it still runs."""
    daemon.start()
    try:
        daemon.wait(lambda samples: bool(by_server(samples, "slad_server_up")), "the first figures")
        yield daemon
    finally:
        daemon.kill()


def quiet(folder: Path, vcenter: ThreadedVCenter) -> Daemon:
    """One that commits nothing of its own for a minute."""
    config = write_config(folder, vcenter)
    config.write_text(config.read_text().replace('poll = "1s"', 'poll = "60s"'))
    return Daemon(config)


def from_now(shift_us: int) -> str:
    return format_instant(Instant(now() + shift_us))


async def by_people(folder: Path) -> list[Record]:
    """What people recorded in a ledger that nobody holds, after the strict reader had nothing to say."""
    ledger, reader = Ledger.open(folder / "ledger.db"), EvidenceReader()
    try:
        records = [reader.read(body.encode()) for _, body, _ in ledger.replay()]
    finally:
        await ledger.close()
    assert reader.faults == []
    return [r for r in records if isinstance(r, Recorded) and r.recorded_by == "provider"]


async def test_what_was_answered_is_on_record_after_a_kill(tmp_path: Path) -> None:
    with simulated() as vcenter:
        config = write_config(tmp_path, vcenter, rule=SHOP)
        window = {
            "from": from_now(HOUR),
            "until": from_now(2 * HOUR),
            "servers": running_machines(vcenter)[:1],
        }
        of_shop = {"client": "acme", "solution": "shop"}
        asked: list[tuple[str, object]] = [
            ("/v1/maintenance", {**window, "id": "mw"}),
            ("/v1/maintenance/mw/withdraw", {"why": "not needed"}),
            (
                "/v1/exclusions",
                {"category": "client_system", "from": from_now(-HOUR), "open": True, "id": "ex"},
            ),
            ("/v1/exclusions/ex/end", {"at": from_now(-MINUTE)}),
            ("/v1/exclusions/ex/withdraw?confirmed=true", {"why": "was ours"}),
            ("/v1/requests", {**of_shop, "opened_by": "ann", "channel": "portal", "id": "sr"}),
            ("/v1/requests/sr/respond", None),
            ("/v1/requests/sr/close", None),
            ("/v1/notices", of_shop),
            ("/v1/lifecycle", {**of_shop, "event": "data_requested"}),
            (
                "/v1/maintenance",
                {
                    "from": from_now(HOUR),
                    "until": from_now(2 * HOUR),
                    "clients": ["acme", "unassigned"],
                    "id": "all",
                },
            ),
            ("/v1/maintenance/series", {**SERIES, "clients": ["acme", "unassigned"], "id": "weekly"}),
        ]
        with started(Daemon(config)) as daemon:
            async with calling(tmp_path) as caller:
                answers = [await caller.post(path, body) for path, body in asked]
            daemon.kill()
        assert [said.status for said in answers] == [201] * len(asked), answers
        kept = await by_people(tmp_path)
        assert [record.kind for record in kept] == [
            "exclusion",
            "exclusion_withdrawn",
            "exclusion",
            "exclusion_ended",
            "exclusion_withdrawn",
            "service_request",
            "service_request_responded",
            "service_request_closed",
            "cancellation_notice",
            "lifecycle",
            *["exclusion"] * 6,
        ]
        with started(Daemon(config)):
            async with calling(tmp_path) as caller:
                for number, ((path, body), answer) in enumerate(zip(asked, answers, strict=True), 1):
                    again = await caller.post(path, body, key=f"key-{number}")
                    assert (again.status, again.headers["Idempotent-Replay"]) == (200, "true")
                    if path in ("/v1/maintenance", "/v1/maintenance/series", "/v1/exclusions"):
                        assert again.json == answer.json
                shown = (await caller.get("/v1/maintenance?past=true")).json["maintenance"]
        windows = {row["id"]: row for row in shown}
        assert windows.keys() == {"mw", "all", "weekly-1", "weekly-2"}
        assert windows["mw"]["withdrawn"]["why"] == "not needed"
        several = [len(windows[id_]["records"]) for id_ in ("all", "weekly-1", "weekly-2")]
        assert several == [2, 2, 2], "each is still one thing"
        assert {row["recorded_by"] for row in shown} == {answers[0].json["recorded_by"]}
        assert await by_people(tmp_path) == kept


async def test_a_crash_between_commit_and_answer_records_once(tmp_path: Path) -> None:
    with simulated() as vcenter:
        config = write_config(tmp_path, vcenter)
        body = {"from": from_now(HOUR), "until": from_now(2 * HOUR), "clients": ["acme"]}
        with started(Daemon(config, program=("-c", DIES_BEFORE_IT_ANSWERS))) as daemon:
            async with calling(tmp_path) as caller:
                with pytest.raises(aiohttp.ClientError):
                    await caller.post("/v1/maintenance", body, key="once")
            daemon.wait_ended()
        assert len(await by_people(tmp_path)) == 1
        with started(Daemon(config)):
            async with calling(tmp_path) as caller:
                said = await caller.post("/v1/maintenance", body, key="once")
                other = await caller.post("/v1/maintenance", {**body, "reference": "x"}, key="once")
        assert (said.status, said.headers.get("Idempotent-Replay")) == (200, "true")
        assert said.json["summary"]["servers"] > 0
        assert (other.status, other.json["errors"][0]["field"]) == (409, "Idempotency-Key")
        (record,) = await by_people(tmp_path)
        assert isinstance(record, Exclusion)
        assert said.json["id"] == record.id


async def test_two_withdrawals_at_once_are_one_and_a_conflict(tmp_path: Path) -> None:
    with simulated() as vcenter, started(Daemon(write_config(tmp_path, vcenter))):
        async with calling(tmp_path) as caller:
            body = {"from": from_now(HOUR), "until": from_now(2 * HOUR), "clients": ["acme"], "id": "mw"}
            async with asyncio.TaskGroup() as tasks:
                same = [tasks.create_task(caller.post("/v1/maintenance", body, key="a")) for _ in range(4)]
            async with asyncio.TaskGroup() as tasks:
                racing = [
                    tasks.create_task(caller.post("/v1/maintenance/mw/withdraw", {"why": "no"}))
                    for _ in range(4)
                ]
    assert sorted(task.result().status for task in same) == [200, 200, 200, 201]
    assert sorted(task.result().status for task in racing) == [201, 409, 409, 409]
    assert [type(record) for record in await by_people(tmp_path)] == [Exclusion, ExclusionWithdrawn]


async def test_while_the_disk_is_full_nothing_is_answered_as_recorded(tmp_path: Path) -> None:
    """The vCenter has nothing to tell, so that the record's commit is the first that fails."""
    with simulated(longest_wait_s=None) as vcenter, started(quiet(tmp_path, vcenter)) as daemon:
        assert daemon.process is not None
        pid = daemon.process.pid
        body = {"category": "end_user_pc", "from": from_now(-HOUR), "open": True, "id": "ex"}
        async with calling(tmp_path) as caller:
            before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (512, resource.RLIM_INFINITY))
            refused = await caller.post("/v1/exclusions", body, key="once")
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
            await until(lambda: fetched(daemon.port, "/-/ready")[0] == 200, "readiness")
            said = await caller.post("/v1/exclusions", body, key="once")
        assert refused.status == 503
        assert "it may yet be recorded" in refused.json["error"]
        assert refused.headers["Retry-After"]
        assert "Idempotency-Key" in refused.json["error"]
        assert said.status in (200, 201)
        assert daemon.terminate() == 0
    assert len(await by_people(tmp_path)) == 1
