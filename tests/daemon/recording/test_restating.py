"""A ledger of old, in which one salt served a transaction: what still holds is put on record once more, and can be shown."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from daemon.app.wiring import replayed
from daemon.believed_clock import BelievedClock
from daemon.clock import SystemClock
from daemon.config.config import Config
from daemon.config.loading import load
from daemon.evidence.export import exported
from daemon.ledger import Batch, Entry, Ledger, sums
from sla.reader import EvidenceReader
from sla.records import ClientId, Record
from tests.daemon.evidence.several_clients import CLIENTS, Line, Telling
from tests.daemon.evidence.test_discreet import figures, shown

LATER = "2100-01-01T00:00:00Z"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    file = tmp_path / "slad.toml"
    file.write_text(f'[ledger]\npath = "{tmp_path / "ledger.db"}"\n')
    return load(file, {})


def records_of(lines: Sequence[Line]) -> list[Record]:
    reader = EvidenceReader()
    return [record for line in lines if (record := reader.read(json.dumps(line).encode())) is not None]


async def written_of_old(config: Config, lines: Sequence[Line], monkeypatch: pytest.MonkeyPatch) -> None:
    """All in one transaction, and with one salt."""
    with monkeypatch.context() as patched:
        patched.setattr(sums, "_salts", lambda records: ["5a17" * 4] * records)
        ledger = Ledger.open(config.ledger.path)
        await ledger.commit(Batch(entries=[Entry(record=record) for record in records_of(lines)]))
        await ledger.close()


async def started(config: Config) -> list[str]:
    """The bodies of the ledger after a start."""
    ledger = Ledger.open(config.ledger.path)
    try:
        await replayed(config, BelievedClock(SystemClock()), ledger)
        return [row.body for row in await ledger.read(0, 10_000)]
    finally:
        await ledger.close()


async def export_of(config: Config, client: str) -> list[str]:
    ledger = Ledger.open(config.ledger.path)
    try:
        return [line async for line in exported(ledger.read, client=ClientId(client))]
    finally:
        await ledger.close()


@pytest.mark.parametrize("seed", range(8))
async def test_it_is_said_once_more_once_and_changes_nothing(
    config: Config, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    lines = Telling(seed, dict.fromkeys(CLIENTS, 0)).told()
    await written_of_old(config, lines, monkeypatch)
    for client in CLIENTS:
        assert shown(await export_of(config, client)) == [], "one salt for all of it"
    bodies = await started(config)
    assert len(bodies) > len(lines)
    for client in CLIENTS:
        assert figures(bodies, client, LATER) == figures(bodies[: len(lines)], client, LATER)
    assert await started(config) == bodies


@pytest.mark.parametrize("seed", range(8))
async def test_a_client_is_shown_what_holds_and_nothing_of_others(
    config: Config, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    lines = Telling(seed, dict.fromkeys(CLIENTS, 0)).told()
    await written_of_old(config, lines, monkeypatch)
    await started(config)
    for client in CLIENTS:
        told = shown(await export_of(config, client))
        assert [line["id"] for line in told if line["kind"] == "client"] == [client]
        retired = {line["observer"]: n for n, line in enumerate(lines) if line["kind"] == "observer_retired"}
        newest = {
            line["id"]: {} if n < retired.get(line["observer"], 0) else line
            for n, line in enumerate(lines)
            if line["kind"] == "server"
        }
        in_service = {id_ for id_, line in newest.items() if line.get("client") == client}
        assert {line["id"] for line in told if line["kind"] == "server"} == in_service
        assert {line["server"] for line in told if line["kind"] == "observation"} <= in_service
        assert min(line["seq"] for line in told) > len(lines)


async def test_a_ledger_of_this_version_is_left_as_it_is(config: Config) -> None:
    ledger = Ledger.open(config.ledger.path)
    told = records_of(Telling(0, dict.fromkeys(CLIENTS, 0)).told())
    await ledger.commit(Batch(entries=[Entry(record=record) for record in told]))
    await ledger.close()
    assert len(await started(config)) == len(told)
