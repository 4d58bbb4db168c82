"""Evidence of several ledgers on the command line: a chain and a head for each (`spec/evidence.md`, Proof)."""

import json
from pathlib import Path

import pytest
from click import Command
from click.testing import CliRunner, Result

from daemon.cli.evaluate import evaluate
from daemon.cli.verify import verify
from sla.chain import GENESIS, digest_of, exported, linked, salted
from tests.daemon.cli.pasting import pasted, said
from tests.sla.stories import Line, client, exclusion, says, seen, server

HELD: list[tuple[str, Line]] = [
    ("m-1", client()),
    ("m-1", server(observer="m-1")),
    ("hub", exclusion("x", "client_change", "2026-03-10T10:00:00Z", "2026-03-10T11:00:00Z")),
    ("m-2", server(observer="m-2", recorded_at="2025-12-01T00:00:00Z")),
    ("m-2", says("up", "2026-03-01T05:00:00Z", observer="m-2")),
    ("m-1", says("down", "2026-03-10T10:00:00Z", observer="m-1")),
    ("m-2", seen(observer="m-2")),
    ("m-1", seen(observer="m-1")),
]


def run(command: Command, *args: object) -> Result:
    return CliRunner().invoke(command, [str(arg) for arg in args])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An export of three ledgers."""
    heads: dict[str, tuple[int, bytes]] = {}
    path = tmp_path / "export.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, (ledger, line) in enumerate(HELD):
            seq, before = heads.get(ledger, (0, GENESIS))
            body = salted(json.dumps(line, separators=(",", ":")), f"{number:032x}")
            heads[ledger] = seq + 1, linked(before, digest_of(body))
            file.write(exported(body, *heads[ledger], ledger) + "\n")
    return path


def heads_in(path: Path) -> dict[str, str]:
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {line["ledger"]: f"{line['seq']} {line['chain']}" for line in lines}


def test_evaluate_shows_a_head_for_each_and_the_same_statement(path: Path) -> None:
    told = run(evaluate, path, "--verify", "--month", "2026-03", "--format", "json")
    heads = heads_in(path)
    assert told.stderr.splitlines() == [
        f'{path}: the chain of ledger "{name}" holds; its head is {heads[name]}'
        for name in ("m-1", "hub", "m-2")
    ]
    plain = run(evaluate, path, "--month", "2026-03", "--format", "json")
    assert (told.exit_code, told.stdout) == (0, plain.stdout)
    (row,) = json.loads(told.stdout)["servers"]
    assert (row["excluded"], row["down"], row["disputed"] > 0) == (3600, 0, True)


def test_verify_shows_a_head_for_each(path: Path) -> None:
    told, heads = run(verify, path), heads_in(path)
    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        f"{path}: 8 records of 3 ledgers, each chain holds.",
        *(f'head of ledger "{name}" {heads[name]}' for name in ("m-1", "hub", "m-2")),
        "It was compared with no head seen elsewhere: --head gives one.",
    ]


def test_a_head_seen_elsewhere_is_found_in_whichever_ledger_it_is(path: Path) -> None:
    earlier = json.loads(path.read_text(encoding="utf-8").splitlines()[4])
    told = run(verify, path, "--head", earlier["chain"])
    assert 'The head given is that of record 2 of ledger "m-2".' in told.stdout
    report = json.loads(run(verify, path, "--head", earlier["chain"], "--format", "json").stdout)
    assert (report["head_was_record"], report["head_was_of"], report["records"]) == (2, "m-2", 8)
    assert (report["head"], report["first"]) == (None, None)
    assert [(each["ledger"], each["records"], each["first"]) for each in report["ledgers"]] == [
        ("m-1", 4, 1),
        ("hub", 1, 1),
        ("m-2", 3, 1),
    ]
    assert run(verify, path, "--head", "ab" * 32).exit_code == 1


@pytest.mark.parametrize(
    ("place", "old", "new", "problem"),
    [
        (4, '"up"', '"down"', 'record 2 of ledger "m-2" was changed'),
        (5, '"m-1","seq"', '"m-2","seq"', 'record 3 of ledger "m-2" was changed, or one before it'),
        (2, '"x"', '"y"', 'record 1 of ledger "hub" was changed'),
    ],
)
def test_what_was_changed_is_told_with_its_ledger(
    path: Path, place: int, old: str, new: str, problem: str
) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert old in lines[place]
    lines[place] = lines[place].replace(old, new)
    path.write_text("".join(lines), encoding="utf-8")
    for told in (run(verify, path), run(evaluate, path, "--verify", "--month", "2026-03")):
        assert (told.exit_code, problem in told.stderr) == (1, True), told.stderr


def test_a_statement_of_several_is_recomputed_from_a_file_that_went_on(path: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.jsonl"
    earlier.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    asked = ("--verify", "--month", "2026-03", "--as-of", "2026-04-01T00:00:00Z", "--client", "c")
    text = run(evaluate, earlier, *asked).stdout
    path.rename(tmp_path / "evidence.jsonl")
    printed = pasted(tmp_path, said(text, "Recompute it"))
    assert printed.split() == [said(text, "SHA-256 of the JSON document"), "-"]
