"""`slad evaluate`: the command as people and programs run it."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from daemon.cli import main
from daemon.cli.evaluate import evaluate
from sla.chain import GENESIS, digest_of, exported, linked, omitted, salted
from sla.document import DocumentShare, rows_of
from sla.statement import Statement
from tests.sla.defects import DEFECTS, SOUND
from tests.sla.random_evidence import story_of
from tests.sla.stories import Line, client, in_order, maintenance, says, seen, server

LINES = [
    client(),
    server(),
    maintenance("mw-6", "2026-03-12T03:00:00Z", "2026-03-12T04:00:00Z"),
    maintenance("mw-7", "2026-03-19T03:00:00Z", "2026-03-19T04:00:00Z", recorded_at="2026-03-17T15:00:00Z"),
    says("up", "2026-03-01T05:00:00Z"),
    says("down", "2026-03-19T03:00:00Z"),
    says("up", "2026-03-19T06:00:00Z"),
    seen("2026-04-02T00:00:00Z"),
]


def run(*args: object) -> Result:
    return CliRunner().invoke(evaluate, [str(arg) for arg in args])


def written(folder: Path, lines: list[Any], name: str = "evidence.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def export(folder: Path, lines: list[Any], hidden: tuple[int, ...] = ()) -> tuple[Path, bytes]:
    """The lines with their proof, some of them left out; and the head of the chain."""
    chain, texts = GENESIS, []
    for seq, line in enumerate(lines, 1):
        body = salted(json.dumps(line, separators=(",", ":")), f"{seq:032x}")
        chain = linked(chain, digest_of(body))
        hides = omitted(digest_of(body), seq, chain) if seq in hidden else exported(body, seq, chain)
        texts.append(hides + "\n")
    path = folder / "export.jsonl"
    path.write_text("".join(texts), encoding="utf-8")
    return path, chain


def test_it_works_out_the_month_as_json(tmp_path: Path) -> None:
    result = run(written(tmp_path, LINES), "--month", "2026-03", "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    said = json.loads(result.stdout)
    assert list(said) == ["month", "as_of", "servers", "solutions", "service_requests", "deadlines"]
    assert said["as_of"] == "2026-04-02T00:00:00Z"
    assert said["servers"][0]["down"] == 3 * 3600


def test_keys_stand_in_the_order_of_the_format(tmp_path: Path) -> None:
    said = json.loads(run(written(tmp_path, LINES), "--month", "2026-03", "--format", "json").stdout)
    assert list(said["servers"][0]) == [
        "id",
        "name",
        "client",
        "solution",
        "service",
        "excluded",
        "excluded_by",
        "agreed",
        "up",
        "down",
        "unobserved",
        "disputed",
        "availability",
        "availability_low",
        "availability_high",
        "by_basis",
        "coverage",
        "target",
        "met",
        "conclusive",
        "best_possible",
        "budget",
        "budget_left",
        "down_by_leg",
        "ineligible",
    ]
    assert list(said["solutions"][0]) == [
        "id",
        "client",
        "accepted_from",
        "interruptions",
        "observed",
        "documented",
    ]
    assert list(said["solutions"][0]["observed"]) == [
        "count",
        "stage",
        "chronic_at",
        "notice_closes_at",
        "notice_given_at",
        "resolution_until",
        "evaluation_until",
        "evaluation_count",
    ]


def test_1_5_two_runs_give_the_same_bytes_and_one_newline_at_the_end(tmp_path: Path) -> None:
    path = written(tmp_path, LINES)
    command = [sys.executable, "-c", "from daemon.cli.evaluate import evaluate; evaluate()", str(path)]
    outputs = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": f"Asia/Tokyo{seed}"}
        for form in ("json", "text"):
            done = subprocess.run(
                [*command, "--month", "2026-03", "--format", form],
                env=environment,
                check=True,
                capture_output=True,
                timeout=60,
            )
            outputs.add(done.stdout)
            assert done.stdout.endswith(b"\n")
            assert not done.stdout.endswith(b"\n\n")
    assert len(outputs) == 2


def test_evidence_comes_from_standard_input_too(tmp_path: Path) -> None:
    text = written(tmp_path, LINES).read_text(encoding="utf-8")
    result = CliRunner().invoke(evaluate, ["-", "--month", "2026-03", "--format", "json"], input=text)
    assert json.loads(result.stdout)["servers"][0]["id"] == "s"


def test_as_of_is_the_newest_instant_in_the_evidence_by_default(tmp_path: Path) -> None:
    for newest in (
        says("up", "2026-05-01T00:00:00Z"),
        seen("2026-05-01T00:00:00Z"),
        client(recorded_at="2026-05-01T00:00:00Z"),
        {
            "kind": "blind",
            "observer": "o",
            "source": "x",
            "from": "2026-04-01T00:00:00Z",
            "until": "2026-05-01T00:00:00Z",
        },
    ):
        path = written(tmp_path, [*LINES, newest])
        assert (
            json.loads(run(path, "--month", "2026-03", "--format", "json").stdout)["as_of"]
            == "2026-05-01T00:00:00Z"
        )


def test_a_contract_takes_the_place_of_all_contract_records(tmp_path: Path) -> None:
    record = {"kind": "contract", "effective_from": "2026-01", "terms": {"availability": {"target": "0.5"}}}
    path = written(tmp_path, [*LINES[:3], record, *LINES[3:]])
    toml = tmp_path / "contract.toml"
    toml.write_text("[contract.support]\nholidays = [2026-12-25]\n", encoding="utf-8")
    of_record = json.loads(run(path, "--month", "2026-03", "--format", "json").stdout)
    of_file = json.loads(run(path, "--month", "2026-03", "--format", "json", "--contract", toml).stdout)
    assert (of_record["servers"][0]["target"], of_file["servers"][0]["target"]) == (0.5, 0.999)


def test_every_fault_of_a_contract_is_named_with_its_line(tmp_path: Path) -> None:
    toml = tmp_path / "contract.toml"
    toml.write_text(
        '[contract.availability]\ntarget = 0.999\nbasis = "month"\n[contract.holiday]\n[other]\n',
        encoding="utf-8",
    )
    result = run(written(tmp_path, LINES), "--month", "2026-03", "--contract", toml)
    assert (result.exit_code, result.stdout) == (1, "")
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [
        [f"{toml}:5", "other"],
        [f"{toml}:4", "contract.holiday"],
        [f"{toml}:2", "contract.availability.target"],
        [f"{toml}:3", "contract.availability.basis"],
    ]


@pytest.mark.parametrize("text", [b"[contract", b"\xff", b"x = " + b"1" * 5000, b"x = " + b"[" * 100_000])
def test_a_contract_that_is_no_toml_is_refused_by_name(tmp_path: Path, text: bytes) -> None:
    toml = tmp_path / "contract.toml"
    toml.write_bytes(text)
    result = run(written(tmp_path, LINES), "--month", "2026-03", "--contract", toml)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{toml}:")
    assert len(result.stderr.splitlines()) == 1


def test_bad_evidence_ends_with_1_and_a_line_for_each_fault(tmp_path: Path) -> None:
    path = written(tmp_path, [*LINES, {"kind": "nonsense"}, says("off", "2026-03-01T00:00:00Z")])
    result = run(path, "--month", "2026-03")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        f'{path}:9: kind: there is no kind "nonsense"',
        f'{path}:10: state: must be one of up, down, unknown, not "off"',
    ]


def test_after_twenty_faults_reading_stops(tmp_path: Path) -> None:
    result = run(written(tmp_path, [5] * 1000), "--month", "2026-03")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 21


def asked(command: str, evidence: Path) -> list[str]:
    """The arguments by which a command reads evidence."""
    more = {"evaluate": ["--month", "2026-03"], "import": ["--ledger", str(evidence.with_name("ledger.db"))]}
    return [command, str(evidence), *more[command]]


@pytest.mark.parametrize("command", ["evaluate", "import"])
@pytest.mark.parametrize(
    ("lines", "message"), [pytest.param(those, m, id=name) for name, those, m in DEFECTS]
)
def test_every_defect_is_told_with_its_place_and_stops_the_command(
    tmp_path: Path, lines: list[Line | bytes], message: str, command: str
) -> None:
    path = tmp_path / "evidence.jsonl"
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in [*SOUND, *lines]]
    path.write_bytes(b"".join(text.removesuffix(b"\n") + b"\n" for text in texts))
    result = CliRunner().invoke(main, asked(command, path))
    assert isinstance(result.exception, SystemExit), result.exception
    assert (result.exit_code, result.stdout) == (1, "")
    told = result.stderr.splitlines()
    assert told[0].startswith(f"{path}:{message}")
    assert all(re.match(r":\d+: ", line.removeprefix(str(path))) for line in told)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("command", ["evaluate", "import"])
def test_a_line_of_a_gigabyte_does_not_fill_the_memory(tmp_path: Path, command: str) -> None:
    path = tmp_path / "evidence.jsonl"
    with path.open("wb") as file:
        file.truncate(2**30)  # a sparse file: one line of zeros
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + json.dumps(client(zone="nowhere")).encode())
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30)); "
        "from daemon.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *asked(command, path)], check=False, capture_output=True, timeout=100
    )
    assert (done.returncode, done.stdout) == (1, b"")
    first, second = done.stderr.decode().splitlines()
    assert first.startswith(f"{path}:1: is longer than")
    assert second.startswith(f"{path}:2: timezone: ")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--month", "2026-13"),
        ("--month", "March"),
        ("--month", "9999-01"),
        ("--month", "2026-03", "--as-of", "2026-04-01T00:00:00"),
        ("--month", "2026-03", "--as-of", "9999-04-01T00:00:00Z"),
        ("--month", "2026-03", "--format", "xml"),
    ],
)
def test_a_wrong_command_line_ends_with_2(tmp_path: Path, args: tuple[str, ...]) -> None:
    assert run(written(tmp_path, LINES), *args).exit_code == 2


def test_evidence_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    assert run(tmp_path / "none.jsonl", "--month", "2026-03").exit_code == 2


def test_without_any_instant_as_of_must_be_said(tmp_path: Path) -> None:
    assert run(written(tmp_path, []), "--month", "2026-03").exit_code == 2
    said = run(
        written(tmp_path, []), "--month", "2026-03", "--as-of", "2026-04-01T00:00:00Z", "--format", "json"
    )
    assert json.loads(said.stdout)["servers"] == []


def test_instants_at_the_ends_of_time_are_judged_like_others(tmp_path: Path) -> None:
    last = "9999-12-31T23:59:59Z"
    lines = [
        client(),
        server(since="0001-01-01T00:00:00Z", in_service_until=last),
        maintenance("x", "2026-01-01T00:00:00Z", last),
        says("down", "0001-01-01T00:00:00Z"),
        seen(last),
    ]
    result = run(
        written(tmp_path, lines), "--month", "2026-03", "--as-of", "2026-04-02T00:00:00Z", "--format", "json"
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["solutions"][0]["interruptions"][0]["start"] == "0001-01-01T00:00:00Z"
    assert run(written(tmp_path, lines), "--month", "2026-03").exit_code == 2


def test_a_proof_that_holds_shows_the_head_of_the_chain(tmp_path: Path) -> None:
    path, head = export(tmp_path, LINES)
    result = run(path, "--month", "2026-03", "--verify", "--format", "json")
    assert result.exit_code == 0
    assert result.stderr == f"{path}: the chain holds; its head is {len(LINES)} {head.hex()}\n"
    assert json.loads(result.stdout) == json.loads(
        run(written(tmp_path, LINES), "--month", "2026-03", "--format", "json").stdout
    )


def test_an_export_of_one_client_verifies_too(tmp_path: Path) -> None:
    lines = [client(), client("d"), server(), server("t", client="d"), *LINES[2:]]
    path, head = export(tmp_path, lines, hidden=(2, 4))
    result = run(path, "--month", "2026-03", "--verify", "--format", "json")
    assert head.hex() in result.stderr
    assert [row["id"] for row in json.loads(result.stdout)["servers"]] == ["s"]


def test_an_export_from_which_records_were_left_out_is_not_imported(tmp_path: Path) -> None:
    lines = [client(), client("d"), server(), server("t", client="d"), *LINES[2:]]
    path, _ = export(tmp_path, lines, hidden=(2, 4))
    result = CliRunner().invoke(main, asked("import", path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"{path}:2: kind: a record was left out here: an export of all clients is wanted, not of one\n"
    )
    assert list(tmp_path.iterdir()) == [path]


def test_evidence_of_several_ledgers_is_not_imported(tmp_path: Path) -> None:
    path = written(tmp_path, [client(ledger="m-1"), server(ledger="m-1"), client("d", ledger="m-2")])
    result = CliRunner().invoke(main, asked("import", path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f'{path}:3: ledger: is "m-2", and "m-1" above: a ledger takes the lines of one\n'
    )
    assert list(tmp_path.iterdir()) == [path]


def test_evidence_that_was_changed_is_refused(tmp_path: Path) -> None:
    path, _ = export(tmp_path, LINES)
    text = path.read_text(encoding="utf-8")
    for wrong in (
        text.replace("2026-03-19T06:00:00Z", "2026-03-19T03:00:01Z"),
        "".join(line for line in text.splitlines(True) if '"mw-7"' not in line),
    ):
        path.write_text(wrong, encoding="utf-8")
        result = run(path, "--month", "2026-03", "--verify")
        assert (result.exit_code, result.stdout) == (1, "")
        assert len(result.stderr.splitlines()) == 1
        assert result.stderr.startswith(f"{path}: record ")


def test_evidence_without_a_proof_cannot_be_verified(tmp_path: Path) -> None:
    path = written(tmp_path, LINES)
    result = run(path, "--month", "2026-03", "--verify")
    assert (result.exit_code, result.stdout) == (1, "")
    assert (
        result.stderr
        == f"{path}:1: carries no proof: no seq and chain at its end, as slad export writes them\n"
    )
    assert run(written(tmp_path, []), "--month", "2026-03", "--verify").exit_code == 1


def test_the_text_tells_what_was_measured_excluded_and_why(tmp_path: Path) -> None:
    text = re.sub(" +", " ", run(written(tmp_path, LINES), "--month", "2026-03").stdout)
    for part in (
        "Statement of service, March 2026",
        "Lowest availability Server s: 99.5956 %",
        "Server Availability Target Verdict Down Excluded Unobserved",
        "Server s 99.5956 % 99.9000 % missed 3 h 00 min 00 s 1 h 00 min 00 s",
        "mw-7 scheduled maintenance Mar 18, 2026 23:00:00 EDT Mar 19, 2026 00:00:00 EDT",
        "all servers 0 s 1 h 00 min 00 s: notice came too late",
        "Mar 18, 2026 23:00:00 EDT Mar 19, 2026 02:00:00 EDT 3 h 00 min 00 s Server s Internet",
        "Mar 19, 2026 02:00:00 EDT 3 h 00 min 00 s Mar 19, 2026 01:00:00 EDT",
    ):
        assert part in text


def cause(at: str, **keys: object) -> dict[str, object]:
    told = {"kind": "cause", "server": "s", "from": at, "cause": "host_failure", "confidence": "likely"}
    return {**told, "because": [], "text": "its host failed", "recorded_at": "2026-03-20T00:00:00Z", **keys}


@pytest.mark.parametrize(
    ("causes", "said"),
    [
        ([], ""),
        ([cause("2026-03-19T03:00:00Z")], "failure of its host (likely)"),
        ([cause("2026-03-18T03:00:00Z")], ""),
        (
            [
                cause("2026-03-19T03:00:00Z"),
                cause("2026-03-19T03:00:00Z", cause="unknown", confidence="none"),
            ],
            "unknown",
        ),
        (
            [
                cause("2026-03-19T03:00:00Z"),
                cause("2026-03-19T03:00:00Z", cause="guest", recorded_at="2026-04-09T00:00:00Z"),
            ],
            "failure of its host (likely)",
        ),
    ],
    ids=["none", "its own", "of another outage", "the later", "not of what came later"],
)
def test_the_text_tells_the_cause_of_an_outage(
    tmp_path: Path, causes: list[dict[str, object]], said: str
) -> None:
    lines = [*LINES, *causes]
    text = run(written(tmp_path, lines), "--month", "2026-03", "--as-of", "2026-04-02T00:00:00Z").stdout
    (outage,) = re.findall(r"  3 h 00 min 00 s  Server s  Internet *(.*)\n", text)
    assert outage == said


def test_ratios_are_rounded_down_for_people(tmp_path: Path) -> None:
    """44 minutes 34.8 seconds would meet the target; a second more must not read as 99.9000 %."""
    down = [says("down", "2026-03-02T00:00:00Z"), says("up", "2026-03-02T00:44:35.8Z")]
    text = run(
        written(tmp_path, [client(), server(), says("up", "2026-03-01T05:00:00Z"), *down, seen()]),
        "--month",
        "2026-03",
        "--as-of",
        "2026-04-02T00:00:00Z",
    ).stdout
    assert "99.8999 %  99.9000 %  missed" in text


def test_progress_is_shown_only_where_somebody_watches(tmp_path: Path) -> None:
    path = tmp_path / "evidence.jsonl"
    lines = [json.dumps(line) for line in LINES] + [json.dumps(seen("2026-04-02T00:00:00Z"))] * 50_000
    path.write_text("\n".join(lines), encoding="utf-8")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from daemon.cli.evaluate import evaluate; evaluate()", str(path)]
    subprocess.run(
        [*command, "--month", "2026-03"], stderr=theirs, stdout=subprocess.DEVNULL, check=True, timeout=60
    )
    os.close(theirs)
    assert b"50,000 lines read" in os.read(ours, 1000)
    os.close(ours)
    assert run(path, "--month", "2026-03").stderr == ""


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("layout", ["json", "text"])
def test_the_bytes_are_the_same_whatever_the_jobs(seed: int, layout: str, tmp_path: Path) -> None:
    path = written(tmp_path, in_order(story_of(seed).lines))
    by_jobs = [run(path, "--month", "2026-03", "--format", layout, "--jobs", jobs) for jobs in (1, 2, 5)]
    assert len({(each.exit_code, each.stdout_bytes) for each in by_jobs}) == 1
    assert by_jobs[0].exit_code in (0, 4), "4: no server was in service"


@pytest.mark.parametrize("lines", [pytest.param(those, id=name) for name, those, _ in DEFECTS])
def test_faults_are_told_the_same_whatever_the_jobs(lines: list[Line | bytes], tmp_path: Path) -> None:
    path = tmp_path / "evidence.jsonl"
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in [*SOUND, *lines]]
    path.write_bytes(b"\n".join(texts))
    by_one, by_three = (run(path, "--month", "2026-03", "--jobs", jobs) for jobs in (1, 3))
    assert by_one.exit_code == by_three.exit_code == 1
    assert by_one.stderr == by_three.stderr


@pytest.mark.parametrize("is_sound", [True, False])
def test_a_chain_is_judged_the_same_whatever_the_jobs(is_sound: bool, tmp_path: Path) -> None:
    path, _ = export(tmp_path, in_order(story_of(1).lines))
    if not is_sound:
        head, key, tail = path.read_text(encoding="utf-8").rpartition('"salt":"')
        path.write_text(f"{head}{key}0{tail}", encoding="utf-8")
    asked_for = (path, "--month", "2026-03", "--verify", "--format", "json", "--jobs")
    by_jobs = [run(*asked_for, jobs) for jobs in (1, 2, 5)]
    assert len({(each.exit_code, each.stdout_bytes, each.stderr) for each in by_jobs}) == 1
    assert (by_jobs[0].exit_code != 1) == is_sound


def test_a_job_that_was_killed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = os.getpid()

    def rows_or_death(statement: Statement) -> DocumentShare:
        if os.getpid() != parent:
            os._exit(9)
        return rows_of(statement)

    monkeypatch.setattr("daemon.cli.evaluate.rows_of", rows_or_death)
    lines = [client(), client("d"), server(), server("t", client="d"), seen("2026-04-02T00:00:00Z")]
    result = run(written(tmp_path, lines), "--month", "2026-03", "--format", "json", "--jobs", 2)
    assert (result.exit_code, result.stdout) == (1, "")
    assert (
        result.stderr
        == "slad: A process that did a share of the work was killed: --jobs 1 needs less memory.\n"
    )
