"""The commands on the control door on TCP, with tokens; and the tokens."""

import codecs
import hashlib
import json
import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import Result

from daemon.config.loading import load
from sla.instants import format_instant
from tests.daemon.cli.recording import ANNOUNCE, CONTROL, EXPIRED, READER, RECORDER, STRANGER, Slad, run
from tests.daemon.harness import write_config
from tests.peers.tls import Certificate, issue


@dataclass(frozen=True, kw_only=True)
class Remote:
    """Somebody with a token, on TCP."""

    slad: Slad
    folder: Path

    def run(self, token: str, *arguments: str, ca_file: Path | None = None) -> Result:
        file = self.folder / "token"
        file.write_text(token + "\n")
        ca = ca_file or self.slad.folder / "ca.pem"
        return run(
            *arguments,
            "--url",
            self.slad.url,
            "--token-file",
            str(file),
            "--ca-file",
            str(ca),
            "--format",
            "json",
        )


@pytest.fixture
def remote(slad: Slad, tmp_path: Path) -> Remote:
    return Remote(slad=slad, folder=tmp_path)


def test_a_token_to_record_records_under_its_name(remote: Remote) -> None:
    result = remote.run(RECORDER.token, *ANNOUNCE, "--client", "acme")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["recorded_by"] == "token:portal"


def test_a_token_to_read_reads_and_records_nothing(remote: Remote) -> None:
    before = remote.slad.records()
    assert json.loads(remote.run(READER.token, "client", "list").stdout) == remote.slad.told("client", "list")
    for command in (
        (*ANNOUNCE, "--all"),
        (*ANNOUNCE, "--all", "--dry-run"),
        ("notice", "give", "acme", "shop"),
    ):
        result = remote.run(READER.token, *command)
        assert (result.exit_code, result.stdout) == (1, "")
        assert (
            'the token grafana has the role "read": to record needs one with the role "record"'
            in result.stderr
        )
    assert remote.slad.records() == before


def test_a_wrong_or_an_expired_token_is_refused(remote: Remote) -> None:
    before = remote.slad.records()
    for token, message in (
        (STRANGER.token, "the token is wrong"),
        (EXPIRED.token, "the token old expired at 2020-01-02 00:00:00"),
    ):
        for command in (("client", "list"), (*ANNOUNCE, "--all")):
            result = remote.run(token, *command)
            assert (result.exit_code, result.stdout) == (1, "")
            assert message in result.stderr
    assert remote.slad.records() == before


def test_a_daemon_that_no_trusted_authority_vouches_for_is_not_told_the_token(
    remote: Remote, tmp_path: Path
) -> None:
    other: Certificate = issue(tmp_path)
    result = remote.run(RECORDER.token, *ANNOUNCE, "--all", ca_file=other.cafile)
    assert (result.exit_code, result.stdout) == (3, "")
    assert (
        f"{remote.slad.url} does not prove who it is: unable to get local issuer certificate" in result.stderr
    )
    result = remote.run(RECORDER.token, "client", "list", ca_file=other.keyfile)
    assert (result.exit_code, result.stderr) == (
        3,
        f"slad: {other.keyfile} holds no certificate in PEM form\n",
    )
    other.cafile.write_bytes(codecs.BOM_UTF8 + other.cafile.read_bytes())
    result = remote.run(RECORDER.token, "client", "list", ca_file=other.cafile)
    assert result.exit_code == 3
    assert f"{other.cafile} begins with a byte order mark: save it" in result.stderr


def test_a_door_on_tcp_is_named_whole_and_with_a_token(slad: Slad, tmp_path: Path) -> None:
    token, empty = tmp_path / "token", tmp_path / "empty"
    token.write_text(RECORDER.token)
    empty.write_text("\n")
    two = tmp_path / "two"
    two.write_text(f"{RECORDER.token}\n{READER.token}\n")
    for arguments, message in (
        (("--url", "http://127.0.0.1:1", "--token-file", str(token)), "--url must be https://HOST:PORT"),
        (("--url", "https://127.0.0.1", "--token-file", str(token)), "--url must be https://HOST:PORT"),
        (("--url", "https://127.0.0.1:1/v1", "--token-file", str(token)), "--url must be https://HOST:PORT"),
        (("--url", "https://127.0.0.1:x", "--token-file", str(token)), "--url must be https://HOST:PORT"),
        (("--url", slad.url), "--url needs --token-file"),
        (("--url", slad.url, "--token-file", str(empty)), "is empty"),
        (("--url", slad.url, "--token-file", str(two)), "holds more than one line"),
        (("--token-file", str(token)), "are for --url"),
        (("--url", slad.url, "--token-file", str(tmp_path / "none")), "It must hold the one line"),
    ):
        result = run("client", "list", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in " ".join(result.stderr.split())


def test_a_token_is_read_as_an_editor_wrote_it_and_from_a_pipe(remote: Remote, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_text, args=(READER.token,), daemon=True).start()
    marked = tmp_path / "marked"
    marked.write_bytes(codecs.BOM_UTF8 + READER.token.encode() + b"\r\n")
    for file in (marked, pipe):
        door = (
            "--url",
            remote.slad.url,
            "--token-file",
            str(file),
            "--ca-file",
            str(remote.slad.folder / "ca.pem"),
        )
        assert run("client", "list", *door).exit_code == 0


def test_a_socket_by_hand_goes_before_a_url_of_the_environment(
    slad: Slad, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(READER.token)
    monkeypatch.setenv("SLAD_URL", slad.url)
    monkeypatch.setenv("SLAD_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("SLAD_CA_FILE", str(slad.folder / "ca.pem"))
    assert run("client", "list").exit_code == 0
    assert run(*ANNOUNCE, "--all").exit_code == 1
    assert slad.run(*ANNOUNCE, "--all").exit_code == 0


# Tokens


def test_a_new_token_comes_with_the_lines_that_let_it_in(
    slad: Slad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("token", "--name", "status-page", "--role", "read", "--expires", "2100-12-31", "--yes")
    assert result.exit_code == 0
    token = re.search(r"^ +(slad_\S+)$", result.stdout, re.MULTILINE)
    assert token is not None
    assert list(tmp_path.iterdir()) == []
    lines = result.stdout[result.stdout.index("[[") :].replace("\n    ", "\n")
    certificate = "".join(CONTROL.partition("[[")[:1])
    issue(tmp_path)
    config = write_config(tmp_path, slad.vcenter, control=certificate, zz=lines)
    (read,) = load(config, {}).control.token
    assert (read.name, read.role) == ("status-page", "read")
    assert read.expires is not None
    assert format_instant(read.expires) == "2101-01-01T00:00:00Z"
    assert read.sha256.hex() == hashlib.sha256(token[1].encode()).hexdigest()


def test_a_new_token_in_json_is_for_programs() -> None:
    told = json.loads(run("token", "--format", "json").stdout)
    assert list(told) == ["token", "sha256", "config"]
    assert told["sha256"] == hashlib.sha256(told["token"].encode()).hexdigest()
    assert told["config"] == (
        f'[[control.token]]\nname = "portal"\nrole = "record"\nsha256 = "{told["sha256"]}"\n'
    )
    assert told["token"] != json.loads(run("token", "--format", "json").stdout)["token"]


def test_a_token_that_no_configuration_would_take_is_not_made() -> None:
    for arguments, message in (
        (("--name", "a b"), "is no id"),
        (("--role", "admin"), "is not one of 'read', 'record'"),
        (("--expires", "soon"), "does not match the format"),
    ):
        result = run("token", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in " ".join(result.stderr.split())
