"""Typical mistakes: what is typed, what is wrong with it, and the sentence with the cure by which the command ends (issue 17)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.daemon.cli.every_command import EVIDENCE
from tests.daemon.cli.launching import Launcher, launcher
from tests.daemon.cli.recording import AN_HOUR_AGO, NEXT_MARCH, Slad
from tests.probes.targets.targets import closed_port

REFUSED, USAGE, UNREACHABLE, NOTHING = 1, 2, 3, 4


class Mistake(NamedTuple):
    """`typed`: words behind `slad`, with what is known later in braces; `ended`: by which status; `told`: what is said at the end."""

    wrong: str
    typed: str
    ended: int
    told: str


FROM, MARCH = f"--from {AN_HOUR_AGO}", " ".join(NEXT_MARCH)
MISTAKES: Final = (
    # The command line
    Mistake("a command that is mistyped", "stauts", USAGE, "Did you mean 'status'"),
    Mistake(
        "a command of a group that is mistyped",
        "maintenance anounce {door}",
        USAGE,
        "Did you mean 'announce'",
    ),
    Mistake("an option that is mistyped", "status --fromat json", USAGE, "Did you mean '--format'"),
    Mistake(
        "a word that is none", "servers --state dwon {door}", USAGE, "is not one of 'unknown', 'down', 'up'"
    ),
    Mistake("an argument that is missing", "client show {door}", USAGE, "Missing argument 'CLIENT'"),
    Mistake("a reason that is missing", "maintenance withdraw mw-1 {door}", USAGE, "Missing option '--why'"),
    Mistake(
        "an instant without a zone",
        "outages --since 2026-12-01T23:30 {door}",
        USAGE,
        "such as 2026-12-01T23:30-05:00",
    ),
    Mistake(
        "an instant in words", "outages --since yesterday {door}", USAGE, "such as 2026-12-01T23:30-05:00"
    ),
    Mistake("a month that is none", "outages --month 2026-13 {door}", USAGE, "is no month, such as 2026-03"),
    Mistake("a statement of no month", "statement {door}", USAGE, "Missing option '--month'"),
    Mistake("a PDF of all clients", "statement --month 2026-01 --format pdf {door}", USAGE, "say --client"),
    Mistake(
        "a window without a beginning", "maintenance announce --all --duration 1h {door}", USAGE, "--from"
    ),
    Mistake("a window of nobody", f"maintenance announce {MARCH} {{door}}", USAGE, "--all for everybody"),
    Mistake(
        "a window of all and of one",
        f"maintenance announce {MARCH} --all --client acme {{door}}",
        USAGE,
        "leave out",
    ),
    Mistake(
        "a length without a unit",
        f"maintenance announce {FROM} --duration 90 --all {{door}}",
        USAGE,
        'such as "2h", not "90"',
    ),
    Mistake(
        "an exclusion without an end",
        f"exclusion add force_majeure {FROM} --all {{door}}",
        USAGE,
        "--until, or --open",
    ),
    Mistake("a port that is none", "demo --port 99999", USAGE, "not in the range 0<=x<=65535"),
    Mistake("a number that is none", "demo --port abc", USAGE, "'abc' is not a valid number"),
    Mistake(
        "a link for too long",
        "client link acme --expires 732d {door}",
        REFUSED,
        "slad: --expires: must be at most 63158400 (731d)",
    ),
    # Names
    Mistake(
        "a link for a client that is mistyped", "client link acm {door}", REFUSED, 'did you mean "acme"?'
    ),
    Mistake("links of a client that is mistyped", "client links acm {door}", REFUSED, 'did you mean "acme"?'),
    Mistake("a server that is mistyped", "server wbe7 {door}", REFUSED, 'did you mean "web7"?'),
    Mistake("a name of several servers", "server twin {door}", REFUSED, "(of acme)"),
    Mistake("a client that is mistyped", "servers --client acem {door}", REFUSED, 'did you mean "acme"?'),
    Mistake(
        "a client that is none",
        "client show zzz {door}",
        REFUSED,
        'no client "zzz": acme, borealis, unassigned',
    ),
    Mistake(
        "a solution that is mistyped",
        "request open acme shpo --by ann --channel phone {door}",
        REFUSED,
        'no solution "shpo": did you mean "shop"?',
    ),
    Mistake(
        "a statement of a client that is none",
        "statement --client nobody --month 2026-01 {door}",
        REFUSED,
        "no client",
    ),
    Mistake(
        "a window that is none",
        "maintenance withdraw mw-nix --why x {door}",
        REFUSED,
        "maintenance windows has their ids",
    ),
    Mistake(
        "a proposal that is none",
        "proposals accept pr-nix {door}",
        REFUSED,
        "the list of proposals has their ids",
    ),
    # What may not be recorded
    Mistake(
        "a request of somebody who may not",
        "request open acme shop --by eve --channel phone {door}",
        REFUSED,
        "'eve' may not open a request: the tech admins are 'ann' and 'bob'",
    ),
    Mistake(
        "an end before the beginning",
        "maintenance announce --from 2030-01-02T00:00Z --until 2030-01-01T00:00Z --all {door}",
        REFUSED,
        "until: must be after from",
    ),
    Mistake(
        "a cause of no outage",
        "cause set web7 2020-01-01T00:00Z guest --why x {door}",
        REFUSED,
        "the server was not down then: it never was",
    ),
    Mistake(
        "a month that is not over",
        "statement issue acme --month 2999-01 {door}",
        REFUSED,
        "is not over: it ends at",
    ),
    Mistake(
        "a month before all", "statement --month 2020-01 {door}", NOTHING, "nothing is on record of 2020-01"
    ),
    # The daemon, and the way to it
    Mistake(
        "no daemon", "status --socket {folder}/none.sock", UNREACHABLE, "start it, or name its door: --socket"
    ),
    Mistake(
        "no daemon there",
        "status --url https://127.0.0.1:{nothing} --token-file {folder}/token",
        UNREACHABLE,
        "start it",
    ),
    Mistake(
        "no TLS", "status --url http://x:1 --token-file {folder}/token", USAGE, "must be https://HOST:PORT"
    ),
    Mistake("no token", "status --url https://x:1", USAGE, "--url needs --token-file"),
    Mistake(
        "no such file of a token",
        "status --url https://x:1 --token-file none",
        USAGE,
        "It must hold the one line that `slad token` printed",
    ),
    Mistake("two doors", "status --url https://x:1 --socket s", USAGE, "are two doors: choose one"),
    Mistake(
        "an export from no daemon",
        "export --socket {folder}/none.sock",
        UNREACHABLE,
        "start it, or name its door",
    ),
    # Files
    Mistake(
        "no configuration",
        "run --config none.toml",
        REFUSED,
        "No such file or directory: make it, or name another place",
    ),
    Mistake(
        "a text without quotes",
        "check-config --config {folder}/quotes.toml",
        REFUSED,
        'write "…" around a text',
    ),
    Mistake(
        "a table that is mistyped",
        "check-config --config {folder}/table.toml",
        REFUSED,
        'did you mean "client"?',
    ),
    Mistake(
        "a solution without a client",
        "check-config --config {folder}/solution.toml",
        REFUSED,
        'is a solution without its client: write client = "ID" too',
    ),
    Mistake(
        "a port that is taken",
        "demo --port {taken}",
        REFUSED,
        "end it, or take any free port: slad demo --port 0, or make run PORT=0",
    ),
    Mistake(
        "no evidence there", "evaluate none.jsonl --month 2026-01", USAGE, "File 'none.jsonl' does not exist"
    ),
    Mistake("no evidence in it", "evaluate {folder}/quotes.toml --month 2026-01", REFUSED, "quotes.toml:1: "),
    Mistake(
        "evidence without a proof",
        "verify {folder}/evidence.jsonl",
        REFUSED,
        "carries no proof: no seq and chain",
    ),
    Mistake(
        "a ledger that is there",
        "import {folder}/evidence.jsonl --ledger {folder}/quotes.toml",
        REFUSED,
        "is there already: evidence is imported into a new ledger only",
    ),
    Mistake("a target without a method", "probe 127.0.0.1", USAGE, "icmp://"),
)
ASKS: Final = (
    "server",
    "client",
    "outages",
    "maintenance",
    "exclusion",
    "proposals",
    "request",
    "cause",
    "statement",
)
"""Commands whose mistakes are met by the daemon."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "token").write_text("slad_" + "x" * 43)
    (folder / "quotes.toml").write_text("observer = mon1\n")
    (folder / "table.toml").write_text('[clients.acme]\nname = "ACME"\ntimezone = "UTC"\n')
    (folder / "solution.toml").write_text('[[rule]]\nsolution = "shop"\n')
    (folder / "evidence.jsonl").write_text(EVIDENCE)
    return folder


@pytest.fixture(scope="module")
def launched(folder: Path) -> Iterator[Launcher]:
    with launcher(folder) as launched:
        yield launched


def test_there_are_thirty_and_more() -> None:
    assert len({mistake.wrong for mistake in MISTAKES}) == len(MISTAKES) >= 30


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.wrong)
def test_a_mistake_ends_in_a_sentence_with_the_cure(
    slad: Slad, launched: Launcher, folder: Path, mistake: Mistake
) -> None:
    _, taken = slad.app.addresses[0]
    door = f"--socket {slad.socket}"
    typed = mistake.typed.format(folder=folder, taken=taken, nothing=closed_port(), door=door)
    ended = launched.run(*typed.split())
    assert ended.status == mistake.ended, ended
    assert mistake.told in "\n".join(ended.err.splitlines()[-3:]), ended
