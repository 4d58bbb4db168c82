"""`slad doctor --record`: says what a recording contains before it writes it, and writes nothing that was not wished."""

import errno
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.cli.doctor import doctor
from probes.simulation import ThreadedVCenter
from tests.daemon.harness import simulated, write_config
from tests.peers.recorded import load


@pytest.fixture(scope="module")
def vcenter() -> Iterator[ThreadedVCenter]:
    with simulated(8) as vcenter:
        yield vcenter


def record(config: Path, file: Path, *more: str, answer: str = "") -> Result:
    arguments = ["--config", str(config), "--record", str(file), "--for", "1s", *more]
    return CliRunner().invoke(doctor, arguments, input=answer)


def test_it_says_what_it_contains_and_writes_once_that_is_wished(
    tmp_path: Path, vcenter: ThreadedVCenter
) -> None:
    config, file = write_config(tmp_path, vcenter), tmp_path / "vcenter.jsonl.gz"
    result = record(config, file, answer="n\n")
    assert (result.exit_code, file.exists()) == (1, False)
    result = record(config, file)
    assert (result.exit_code, file.exists()) == (1, False)
    assert "--yes" in result.stderr
    result = record(config, file, answer="y\n")
    assert result.exit_code == 0
    asked = result.stderr.index(f"Write it to {file}?")
    for told in (
        "of 8 virtual machines",
        "Login 1",
        "pseudonyms in place of",
        "not in it: questions, passwords",
    ):
        assert result.stderr.index(told) < asked
    assert {"Login", "WaitForUpdatesEx", "ReadNextEvents", "CurrentTime"} <= {
        call.method for call, _ in load(file)
    }


def test_for_programs_it_says_the_same_as_json(tmp_path: Path, vcenter: ThreadedVCenter) -> None:
    file = tmp_path / "vcenter.jsonl.gz"
    result = record(write_config(tmp_path, vcenter), file, "--yes", "--format", "json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["servers"], told["file"]) == (0, 8, str(file))
    assert sum(told["answers"].values()) == len(load(file))


def test_what_cannot_be_written_is_refused_before_anything_is_asked(
    tmp_path: Path, vcenter: ThreadedVCenter
) -> None:
    config = write_config(tmp_path, vcenter)
    dangling = tmp_path / "dangling.jsonl.gz"
    dangling.symlink_to(tmp_path / "nobody.gz")
    nowhere = (tmp_path / "nowhere" / "vcenter.jsonl.gz", Path("/proc/x.gz"), tmp_path / ("x" * 300))
    for file in (config, dangling, *nowhere):
        result = record(config, file, "--yes")
        assert (result.exit_code, isinstance(result.exception, SystemExit)) == (2, True), result.stderr
        assert "--record" in result.stderr
        assert "Recording what" not in result.stderr


def test_it_says_at_once_what_it_does(tmp_path: Path, vcenter: ThreadedVCenter) -> None:
    result = record(write_config(tmp_path, vcenter), tmp_path / "vcenter.jsonl.gz", "--yes")
    assert result.stderr.startswith("Recording what vc1 answers to the watch, for 1s")


def test_a_recording_that_cannot_be_written_leaves_no_file_and_ends_in_a_sentence(
    tmp_path: Path, vcenter: ThreadedVCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("probes.vcenter.recording.os.fsync", is_full)
    file = tmp_path / "vcenter.jsonl.gz"
    result = record(write_config(tmp_path, vcenter), file, "--yes")
    assert (result.exit_code, file.exists(), isinstance(result.exception, SystemExit)) == (1, False, True)
    assert "No space left" in result.stderr


def test_a_vcenter_that_says_nothing_leaves_no_file(tmp_path: Path, vcenter: ThreadedVCenter) -> None:
    config, file = write_config(tmp_path, vcenter), tmp_path / "vcenter.jsonl.gz"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config.write_text(config.read_text().replace(f":{vcenter.port}", f":{silent.getsockname()[1]}"))
        result = record(config, file, "--yes")
    assert (result.exit_code, file.exists()) == (1, False)
    assert "answered nothing" in result.stderr


def test_without_a_password_that_can_be_sent_it_ends_at_once(
    tmp_path: Path, vcenter: ThreadedVCenter
) -> None:
    config, file = write_config(tmp_path, vcenter), tmp_path / "vcenter.jsonl.gz"
    (tmp_path / "password").write_text("two\nlines\n")
    result = record(config, file, "--yes", "--for", "1h")
    assert (result.exit_code, file.exists()) == (1, False)
    assert "password" in result.stderr


def test_a_vcenter_has_to_be_named_where_there_are_several(tmp_path: Path, vcenter: ThreadedVCenter) -> None:
    config = write_config(tmp_path, vcenter)
    told = config.read_text()
    table = told[told.index("[vcenter.vc1]") :].partition("\n[")[0]
    config.write_text(told + "\n" + table.replace("vc1", "vc2").replace("127.0.0.1", "127.0.0.2") + "\n")
    file = tmp_path / "vcenter.jsonl.gz"
    result = record(config, file, "--yes")
    assert (result.exit_code, "vc1, vc2" in result.stderr) == (2, True), result.stderr
    assert record(config, file, "--yes", "--vcenter", "vc3").exit_code == 2
    assert record(config, file, "--yes", "--vcenter", "vc1").exit_code == 0


def test_a_vcenter_that_does_not_answer_leaves_no_file(tmp_path: Path, vcenter: ThreadedVCenter) -> None:
    config, file = write_config(tmp_path, vcenter), tmp_path / "vcenter.jsonl.gz"
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        told = config.read_text().replace(f":{vcenter.port}", f":{nobody.getsockname()[1]}")
        config.write_text(told)
        result = record(config, file, "--yes")
    assert (result.exit_code, file.exists()) == (1, False)
    assert "answered nothing" in result.stderr


def test_a_refused_login_is_recorded_and_not_tried_again(tmp_path: Path) -> None:
    with simulated(1, accounts={"somebody": "else"}) as strict:
        config, file = write_config(tmp_path, strict), tmp_path / "vcenter.jsonl.gz"
        result = record(config, file, "--yes", "--for", "1m")
    assert result.exit_code == 0
    assert [call.method for call, _ in load(file)].count("Login") == 1
    assert "refused the login" in result.stderr
