"""Exports: every line proves itself, a client sees its own alone, and the figures stay the same."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from daemon.cli.evaluate import evaluate
from daemon.cli.export import export
from daemon.cli.verify import verify
from daemon.evidence.export import ExportError, exported
from daemon.ledger import Batch, Chained, Entry, Ledger
from sla.chain import link_of, verified_heads
from sla.instants import Instant, parse_instant
from sla.reader import EvidenceReader
from sla.records import ClientId, Witness
from tests.daemon.ledger.ledgers import closing, opened

Line = dict[str, Any]

ANN = {"name": "A secret name", "timezone": "America/Toronto", "tech_admins": ["ann"]}
BOB = {"name": "B secret name", "timezone": "Europe/Berlin", "tech_admins": ["bob"]}


def server(id_: str, client: str, since: str = "2026-03-01T05:00:00Z", **more: object) -> Line:
    return {
        "kind": "server",
        "id": id_,
        "name": f"name of {id_}",
        "client": client,
        "solution": None,
        "in_service_from": since,
        "in_service_until": None,
        "legs": ["running"],
        **more,
    }


def observation(id_: str, state: str, at: str) -> Line:
    return {
        "kind": "observation",
        "observer": "m1",
        "source": "vc1",
        "server": id_,
        "leg": "running",
        "state": state,
        "at": at,
    }


def exclusion(id_: str, day: int, **scope: object) -> Line:
    return {
        "kind": "exclusion",
        "id": id_,
        "category": "client_change",
        "from": f"2026-03-{day:02}T00:00:00Z",
        "until": f"2026-03-{day:02}T01:00:00Z",
        **scope,
    }


EVIDENCE: Sequence[Line] = (
    {"kind": "contract", "client": None, "effective_from": "2026-01", "terms": {}, "recorded_at": "2026-01-01T00:00:00Z"},
    {"kind": "client", "id": "a", **ANN},
    {"kind": "client", "id": "b", **BOB},
    {"kind": "contract", "client": "b", "effective_from": "2026-02", "terms": {"availability": {"target": "0.99"}}},
    server("a1", "a", solution="shop"),
    server("b1", "b"),
    server("moved", "b"),
    observation("a1", "up", "2026-03-01T05:00:00Z"),
    observation("b1", "up", "2026-03-01T05:00:00Z"),
    observation("moved", "up", "2026-03-01T05:00:00Z"),
    exclusion("everybody", 2),
    exclusion("ours", 3, clients=["a"]),
    exclusion("theirs", 4, servers=["b1"]),
    exclusion("both.1", 5, servers=["a1"]),
    exclusion("both.2", 5, servers=["b1"]),
    exclusion("shop", 6, solutions=["shop"]),
    {"kind": "exclusion_withdrawn", "id": "theirs", "why": "a secret why"},
    {"kind": "exclusion_withdrawn", "id": "shop", "why": "a mistake"},
    {"kind": "blind", "observer": "m1", "source": "vc1", "from": "2026-03-07T00:00:00Z", "until": "2026-03-07T00:10:00Z"},
    {"kind": "event", "source": "vc1", "key": "1", "type": "VmPoweredOff", "at": "2026-03-08T00:00:00Z", "server": "b1",
     "user": "secret user", "text": ""},
    *(observation(id_, "down", "2026-03-10T00:00:00Z") for id_ in ("a1", "b1", "moved")),
    *(observation(id_, "up", "2026-03-10T03:00:00Z") for id_ in ("a1", "b1", "moved")),
    server("moved", "b", in_service_until="2026-03-12T00:00:00Z", recorded_at="2026-03-12T00:00:00Z"),
    server("moved", "a", since="2026-03-12T00:00:00Z", name="a later name"),
    {"kind": "service_request", "id": "r1", "client": "a", "solution": "shop", "opened_at": "2026-03-12T00:00:00Z",
     "opened_by": "ann", "channel": "email"},
    {"kind": "service_request", "id": "r2", "client": "b", "solution": "b1", "opened_at": "2026-03-12T00:00:00Z",
     "opened_by": "bob", "channel": "email"},
    {"kind": "service_request_responded", "id": "r2", "at": "2026-03-12T00:00:00Z"},
    {"kind": "lifecycle", "client": "b", "solution": "b1", "event": "activated", "at": "2026-03-12T00:00:00Z"},
    {"kind": "lifecycle", "id": "l1", "client": "a", "solution": "shop", "event": "activated", "at": "2026-03-12T00:00:00Z"},
    {"kind": "lifecycle", "id": "l2", "client": "b", "solution": "b1", "event": "activated", "at": "2026-03-12T00:00:00Z"},
    {"kind": "cancellation_notice", "id": "n2", "client": "b", "solution": "b1", "given_at": "2026-03-12T00:00:00Z"},
    {"kind": "withdrawn", "what": "lifecycle", "id": "l1", "why": "a mistake"},
    {"kind": "withdrawn", "what": "lifecycle", "id": "l2", "why": "a secret mistake"},
    {"kind": "withdrawn", "what": "cancellation_notice", "id": "n2", "why": "a secret mistake"},
    {"kind": "service_request", "id": "r3", "client": "b", "solution": "b1", "opened_at": "2026-03-12T00:00:00Z",
     "opened_by": "bob", "channel": "email"},
    {"kind": "withdrawn", "what": "service_request", "id": "r3", "why": "a secret mistake"},
    observation("moved", "down", "2026-03-20T00:00:00Z"),
    observation("moved", "up", "2026-03-20T00:30:00Z"),
    observation("a1", "down", "2026-03-28T00:00:00Z"),
)  # fmt: skip
WATERMARK = parse_instant("2026-03-29T00:00:00Z")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    reader = EvidenceReader()
    records = [reader.read(json.dumps(line).encode()) for line in EVIDENCE]
    assert reader.faults == []

    async def commit(ledger: Ledger) -> None:
        for record in records:
            assert record is not None
            await ledger.commit(Batch(entries=[Entry(record=record)]))
        await ledger.commit(Batch(watermarks={Witness("m1", "vc1"): WATERMARK}))

    path = tmp_path / "ledger.db"
    with closing(opened(path)) as ledger:
        asyncio.run(commit(ledger))
    return path


def run(command: Any, *arguments: object) -> Result:
    return CliRunner().invoke(command, list(map(str, arguments)))


def lines_of(path: Path, *options: str) -> list[str]:
    result = run(export, "--ledger", path, *options)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def shown(lines: Sequence[str]) -> list[Line]:
    return [record for record in map(json.loads, lines) if record["kind"] != "omitted"]


def figures(folder: Path, lines: Sequence[str]) -> Line:
    file = folder / "evidence.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines))
    options = ("--month", "2026-03", "--as-of", "2026-04-02T00:00:00Z", "--format", "json", "--verify")
    result = run(evaluate, file, *options)
    assert result.exit_code == 0, result.output
    document: Line = json.loads(result.stdout)
    return document


def of_client(document: Line, client: str) -> Line:
    """What a statement says of one client; but for names: that of a server is the newest, whoever gave it."""
    requests = {"a": "r1", "b": "r2"}
    return {
        "servers": [{**row, "name": ""} for row in document["servers"] if row["client"] == client],
        "solutions": [row for row in document["solutions"] if row["client"] == client],
        "deadlines": [row for row in document["deadlines"] if row["client"] == client],
        "requests": [row for row in document["service_requests"] if row["id"] == requests[client]],
    }


def test_a_whole_export_holds_every_record_and_the_watermarks_and_proves_itself(path: Path) -> None:
    lines = lines_of(path)
    records = shown(lines)
    assert [record["kind"] for record in records] == [line["kind"] for line in EVIDENCE] + ["observed_until"]
    assert [record["seq"] for record in records] == list(range(1, len(EVIDENCE) + 2))
    (head,) = verified_heads(link for line in lines if (link := link_of(line)) is not None).values()
    assert records[-1]["chain"] == head.chain.hex()
    assert lines_of(path) == lines, "the second export seals nothing more"


@pytest.mark.parametrize("client", ["a", "b"])
def test_from_its_own_export_a_client_works_out_the_same_figures(
    tmp_path: Path, path: Path, client: str
) -> None:
    whole = of_client(figures(tmp_path, lines_of(path)), client)
    own = of_client(figures(tmp_path, lines_of(path, "--client", client)), client)
    assert own == whole
    assert whole["servers"]
    assert whole["requests"]


def test_the_export_of_one_client_shows_nothing_of_another(path: Path) -> None:
    lines = lines_of(path, "--client", "a")
    assert len(lines) == len(EVIDENCE) + 1
    assert {record["id"] for record in shown(lines) if record["kind"] == "exclusion"} == {
        "everybody",
        "ours",
        "both.1",
        "shop",
    }
    text = "\n".join(lines)
    for secret in (
        "B secret name",
        "bob",
        "a secret why",
        "secret user",
        "theirs",
        "both.2",
        "name of b1",
        "name of moved",
        "r2",
        '"0.99"',
    ):
        assert secret not in text
    hidden = [json.loads(line) for line in lines if '"kind":"omitted"' in line]
    assert "a later name" not in "\n".join(lines_of(path, "--client", "b"))
    assert {tuple(line) for line in hidden} == {("kind", "digest", "seq", "chain")}
    assert len({line["digest"] for line in hidden}) == len(hidden), "equal records do not look equal"


def test_of_other_times_only_what_still_holds_is_shown(path: Path, tmp_path: Path) -> None:
    lines = lines_of(path, "--from", "2026-03-15T00:00:00Z", "--until", "2026-03-25T00:00:00Z")
    seen = [
        (record["server"], record["state"], record["at"][:16])
        for record in shown(lines)
        if record["kind"] == "observation"
    ]
    assert seen == [
        ("a1", "up", "2026-03-10T03:00"),
        ("b1", "up", "2026-03-10T03:00"),
        ("moved", "up", "2026-03-10T03:00"),
        ("moved", "down", "2026-03-20T00:00"),
        ("moved", "up", "2026-03-20T00:30"),
    ]
    others = [record["kind"] for record in shown(lines) if record["kind"] != "observation"]
    assert others == [line["kind"] for line in EVIDENCE if line["kind"] != "observation"] + ["observed_until"]
    assert figures(tmp_path, lines)["servers"], "it can still be evaluated and verified"


def test_of_two_observations_at_one_instant_the_later_line_is_the_one_that_holds(tmp_path: Path) -> None:
    def row(seq: int, state: str) -> Chained:
        return Chained(
            seq, json.dumps(observation("a1", state, "2026-03-01T00:00:00Z"), separators=(",", ":")), b""
        )

    rows = [row(1, "up"), row(2, "down")]

    async def read(after_seq: int, limit: int) -> Sequence[Chained]:
        return rows[after_seq : after_seq + limit]

    async def collect() -> list[str]:
        return [line async for line in exported(read, since=Instant(WATERMARK))]

    (line,) = shown(asyncio.run(collect()))
    assert line["state"] == "down"


def test_what_is_recorded_while_an_export_runs_does_not_disturb_it(path: Path) -> None:
    async def collect(ledger: Ledger) -> list[str]:
        lines: list[str] = []
        async for line in exported(ledger.read, client=ClientId("a")):
            if not lines:
                await ledger.commit(
                    Batch(watermarks={Witness("m1", "vc1"): Instant(WATERMARK + 1)}, seal=True)
                )
            lines.append(line)
        return lines

    with closing(opened(path)) as ledger:
        assert len(asyncio.run(collect(ledger))) == len(EVIDENCE)


async def test_a_client_that_nobody_knows_is_an_error_before_the_first_line(path: Path) -> None:
    ledger = opened(path)
    with pytest.raises(ExportError, match="knows no client 'nobody'"):
        await anext(exported(ledger.read, client=ClientId("nobody")))
    await ledger.close()


def test_the_command_says_what_is_wrong_and_that_the_export_is_not_complete(
    path: Path, tmp_path: Path
) -> None:
    result = run(export, "--ledger", path, "--client", "nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "knows no client" in result.stderr
    result = run(export, "--socket", tmp_path / "no.sock")
    assert result.exit_code == 3
    assert "The export is not complete." in result.stderr


# slad verify


@contextmanager
def changed(file: Path, old: str, new: str) -> Iterator[None]:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    yield
    file.write_text(text)


def test_an_export_is_verified_and_any_change_of_it_is_told(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    lines = lines_of(path, "--client", "a", "--output", str(file))
    assert lines == []
    result = run(verify, file)
    assert result.exit_code == 0
    assert f"{len(EVIDENCE) + 1} records, the chain holds." in result.stdout
    assert f"head {len(EVIDENCE) + 1} " in result.stdout
    for old, new, finding in (
        ('"state":"down"', '"state":"up"', "was changed"),
        ('"kind":"omitted","digest":"', '"kind":"omitted","digest":"00', "carries no proof|was changed"),
        ('"seq":7', '"seq":8', "record 7 is missing"),
    ):
        with changed(file, old, new):
            result = run(verify, file)
            assert result.exit_code == 1
            assert any(part in result.stderr for part in finding.split("|"))


def test_a_ledger_is_verified_and_held_against_a_head_seen_elsewhere(path: Path) -> None:
    lines = lines_of(path)
    earlier = json.loads(lines[9])["chain"]
    result = run(verify, "--ledger", path, "--head", earlier, "--format", "json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["sound"], report["records"], report["head_was_record"]) == (True, len(lines), 10)
    head = {"seq": len(lines), "sha256": json.loads(lines[-1])["chain"]}
    assert report["head"] == head
    assert report["ledgers"] == [{"ledger": "", "records": len(lines), "first": 1, "head": head}]

    result = run(verify, "--ledger", path, "--head", "ab" * 32, "--format", "json")
    assert (result.exit_code, json.loads(result.stdout)["sound"]) == (1, False)


def test_the_commands_usage_is_checked(path: Path, tmp_path: Path) -> None:
    assert run(verify, path, "--ledger", path).exit_code == 2
    assert run(verify, "--socket", tmp_path / "nobody.sock").exit_code == 3
    assert run(verify, "--ledger", path, "--head", "abc").exit_code == 2
    assert run(verify, "--ledger", tmp_path / "none.db").exit_code == 1
    assert run(export, "--ledger", path, "--from", "2026-03-01").exit_code == 2
