"""`slad probe` against real listeners on loopback."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from daemon.cli.probe import probe
from tests.interrupts import heeding_interrupts
from tests.peers.namespaces import Namespace
from tests.probes.targets.targets import closed_port, listening
from tests.waiting import PATIENCE_S

UNKNOWN = ("--source", "203.0.113.77")


@pytest.fixture
def up() -> Iterator[str]:
    with listening() as listener:
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def down() -> str:
    return f"tcp://127.0.0.1:{closed_port()}"


def run(*arguments: str, stdin: str = "") -> Result:
    result = CliRunner().invoke(probe, arguments, input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def rows(*arguments: str, stdin: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(*arguments, "--format", "json", stdin=stdin).stdout)
    return found


def test_json_is_a_list_in_the_order_given(up: str, down: str) -> None:
    first, second, third = rows(up, down, up)
    assert list(first) == ["target", "state", "reason", "rtt_us"]
    assert [row["target"] for row in (first, second, third)] == [up, down, up]
    assert (first["state"], first["reason"]) == ("up", "")
    assert first["rtt_us"] > 0
    assert second == {"target": down, "state": "down", "reason": "refused", "rtt_us": None}


def test_the_exit_code_tells_the_worst_that_is_certain(up: str, down: str) -> None:
    assert run(up, up).exit_code == 0
    assert run(up, down).exit_code == 1
    assert run(up, *UNKNOWN).exit_code == 3
    assert run(f"http://[::1]:{closed_port()}/", up, *UNKNOWN).exit_code == 3


def test_wrong_targets_are_told_all_at_once_and_nothing_is_tried(up: str) -> None:
    result = run("tcp://a", up, "gopher://b")
    assert result.exit_code == 2
    assert '"tcp://a" lacks a port: write tcp://HOST:PORT' in result.stderr
    assert '"gopher://b": gopher is no way to probe' in result.stderr
    assert result.stdout == ""


def test_no_target_is_wrong_usage() -> None:
    result = run()
    assert result.exit_code == 2
    assert "name a target, such as icmp://192.0.2.1" in result.stderr


def test_targets_come_from_a_file_with_comments_after_those_of_the_command_line(
    tmp_path: Path, up: str, down: str
) -> None:
    file = tmp_path / "targets"
    file.write_text(f"# gateways\n\n  {down}  # the old one\n{up}\n")
    assert [row["target"] for row in rows(up, "--file", str(file))] == [up, down, up]
    file.write_bytes(f"\ufeff{down}\r\n".encode())
    assert [row["target"] for row in rows("--file", str(file))] == [down]
    assert [row["target"] for row in rows("--file", "-", stdin=f"{down}\n")] == [down]


def test_a_wrong_line_of_a_file_is_told_where_it_is(tmp_path: Path) -> None:
    file = tmp_path / "targets"
    file.write_text("# none\n\nhost\n")
    result = run("--file", str(file))
    assert result.exit_code == 2
    assert f'{file}:3: "host" does not say how to probe: write icmp://HOST' in result.stderr


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "targets"
    file.write_bytes(b"\xff\x00icmp://127.0.0.1\n")
    result = run("--file", str(file))
    assert result.exit_code == 2
    assert f"{file} is no text in UTF-8" in result.stderr


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--source", "router1"), "'router1' is no IP address: write 192.0.2.1 or 2001:db8::1"),
        (("--source", "127.0.0.1", "--interface", "lo"), "give a --source or an --interface, not both"),
    ],
)
def test_an_origin_that_cannot_be_is_wrong_usage(up: str, options: tuple[str, ...], why: str) -> None:
    result = run("icmp://127.0.0.1", up, *options)
    assert result.exit_code == 2
    assert why in result.stderr


@pytest.mark.parametrize("origin", [("--source", "203.0.113.77"), ("--interface", "nosuch0")])
def test_an_origin_that_is_not_there_is_unknown_whatever_the_method(up: str, origin: tuple[str, ...]) -> None:
    with Namespace() as namespace:
        namespace.allow_pings()
        with namespace.entered():
            found = rows("icmp://127.0.0.1", "icmp://[::1]", up, *origin)
    assert [(row["state"], row["reason"]) for row in found] == [("unknown", "no_route")] * 3


def test_pages_that_never_come_are_waited_for_together_and_hold_up_no_others() -> None:
    with listening(backlog=100) as silent:
        web = f"http://127.0.0.1:{silent.getsockname()[1]}/"

        def tried(timeout_s: int) -> tuple[set[tuple[str, str]], float]:
            began_s, options = time.monotonic(), ("--concurrency", "60", "--timeout", f"{timeout_s}s")
            found = rows("--file", "-", *options, stdin=f"{web}\n" * 70)
            return {(row["state"], row["reason"]) for row in found}, time.monotonic() - began_s

        for timeout_s in (1, 2, 4, 8):  # more, where this process stood still and says so
            verdicts, took_s = tried(timeout_s)
            if ("unknown", "overrun") not in verdicts:
                break
    assert verdicts == {("down", "timeout")}
    assert 2 * timeout_s <= took_s < 20 * timeout_s, "in two goes, not in seventy"


def test_who_interrupts_it_is_not_told_that_targets_are_down() -> None:
    with listening() as silent:
        silent.settimeout(PATIENCE_S)
        web = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        command = (sys.executable, "-m", "daemon", "probe", web, "--timeout", "60s")
        with heeding_interrupts(), subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            accepted, _ = silent.accept()
            with accepted:
                process.send_signal(signal.SIGINT)
                output, _ = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, output) == (130, b"")


def test_many_tries_are_up_if_any_was(up: str) -> None:
    (row,) = rows(up, "--count", "3")
    assert [each["state"] for each in row["tries"]] == ["up", "up", "up"]
    assert row["rtt_us"] == min(each["rtt_us"] for each in row["tries"])


def test_a_table_says_what_was_found_and_why(up: str, down: str) -> None:
    lines = run(up, down, "--count", "2").stdout.splitlines()
    assert [line.split()[:3] for line in lines if line.startswith("tcp")] == [
        [up, "up", "2/2"],
        [down, "down", "0/2"],
    ]
    assert "127.0.0.1: Connection refused" in next(line for line in lines if line.startswith(down))
    assert lines[-1] == "1 up, 1 down, 0 unknown"


@pytest.mark.parametrize("time", ["2", "0.5", "500ms", "60s"])
def test_a_time_out_is_a_number_with_or_without_a_unit(up: str, time: str) -> None:
    assert run(up, "--timeout", time).exit_code == 0


@pytest.mark.parametrize("time", ["0", "61", "2h", "soon", "-1", "nan"])
def test_a_wrong_time_out_is_told_what_would_be_right(up: str, time: str) -> None:
    result = run(up, f"--timeout={time}")
    assert result.exit_code == 2
    assert "is no time from 1ms to 60s: write 2s or 500ms" in result.stderr


def test_a_file_without_certificates_is_refused(tmp_path: Path, up: str) -> None:
    file = tmp_path / "ca.pem"
    for content, said in (
        (b"nothing", "--ca-file"),
        (b"\xef\xbb\xbf-----BEGIN", "begins with a byte order mark"),
    ):
        file.write_bytes(content)
        result = run(up, "--ca-file", str(file))
        assert result.exit_code == 2
        assert said in " ".join(result.stderr.split())


def test_a_thousand_targets_are_tried_a_few_at_a_time(down: str) -> None:
    found = rows("--file", "-", "--concurrency", "10", stdin=f"{down}\n" * 1_000)
    assert [row["reason"] for row in found] == ["refused"] * 1_000


@pytest.mark.parametrize(
    ("allowed", "backend", "code", "reason"),
    [
        (True, "datagram", 0, ""),
        (True, "auto", 0, ""),
        (False, "auto", 0, ""),
        (False, "raw", 0, ""),
        (False, "datagram", 3, "permission"),
    ],
)
def test_pings_go_by_what_is_allowed(allowed: bool, backend: str, code: int, reason: str) -> None:
    with Namespace() as namespace:
        namespace.allow_pings(allowed=allowed)
        with namespace.entered(), socket.create_server(("127.0.0.1", 0)) as listener:
            tcp = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
            arguments = ("icmp://127.0.0.1", "icmp://[::1]", tcp, "--ping-backend", backend)
            assert run(*arguments).exit_code == code
            *pings, connect = rows(*arguments)
    assert [each["reason"] for each in pings] == [reason, reason]
    assert connect["state"] == "up"


def test_where_pings_are_forbidden_it_is_told_how_to_allow_them() -> None:
    with Namespace() as namespace:
        namespace.allow_pings(allowed=False)
        with namespace.entered():
            assert "99-slad-ping.conf" in run("icmp://127.0.0.1", "--ping-backend", "datagram").stdout
