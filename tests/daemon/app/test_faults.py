"""The daemon as a process, when something goes wrong with it: its disk, its ledger, its configuration, its end."""

import asyncio
import json
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic

from click.testing import CliRunner

from daemon.cli import main
from daemon.control.client import ControlClient
from probes.simulation import ThreadedVCenter
from tests.daemon.harness import (
    Daemon,
    Samples,
    by_server,
    fetched,
    running_machines,
    simulated,
    write_config,
)
from tests.waiting import wait_until

IN_CONTACT = ("slad_source_up", frozenset({("source", "vc1")}))
RELOADED = ("slad_config_last_reload_successful", frozenset[tuple[str, str]]())
UP, DOWNTIME, UNOBSERVED = (
    "slad_server_up",
    "slad_server_downtime_seconds_total",
    "slad_server_unobserved_seconds_total",
)
QUICKLY_S = 20
"""Enough for any machine, and far less than what a stop must not wait for: a poll, or a ledger to give up, in a minute."""
IMPATIENT = """
import daemon.recording.committing
daemon.recording.committing.GIVE_UP_S, daemon.recording.committing.RETRY_S = {give_up_s}, 0.2
from tests.daemon.quick import main
main()
"""


@contextmanager
def started(daemon: Daemon) -> Iterator[Daemon]:
    """A daemon whose figures are there; killed at the end if it still runs."""
    daemon.start()
    try:
        daemon.wait(lambda samples: bool(by_server(samples, UP)), "the first figures")
        yield daemon
    finally:
        daemon.kill()


def info(samples: Samples) -> dict[str, dict[str, str]]:
    """The labels of slad_server_info by name."""
    return {dict(labels)["name"]: dict(labels) for family, labels in samples if family == "slad_server_info"}


def slad(*arguments: str) -> tuple[int, str]:
    """A command of slad: its exit status and what it said."""
    done = CliRunner().invoke(main, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def ledger_is_sound(folder: Path) -> bool:
    return slad("verify", "--ledger", str(folder / "ledger.db"))[0] == 0


@contextmanager
def full_disk(daemon: Daemon) -> Iterator[None]:
    """No file of the daemon can grow."""
    assert daemon.process is not None
    before = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (512, before[1]))
    try:
        yield
    finally:
        if daemon.process.poll() is None:
            resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, before)


def ready(daemon: Daemon) -> tuple[int, str]:
    return fetched(daemon.port, "/-/ready")


def wait_unready(daemon: Daemon) -> str:
    def said() -> str | None:
        status, text = ready(daemon)
        return text if status == 503 else None

    return wait_until(said, "that it is not ready")


READY = ("slad_ready", frozenset[tuple[str, str]]())
FAILURES = ("slad_ledger_commit_failures_total", frozenset[tuple[str, str]]())


def of_servers(samples: Samples) -> Samples:
    return {key: value for key, value in samples.items() if key[0].startswith("slad_server_")}


# The disk


def test_while_the_disk_is_full_nothing_is_published_and_then_everything_lands(tmp_path: Path) -> None:
    with simulated() as vcenter, started(Daemon(write_config(tmp_path, vcenter))) as daemon:
        victim = running_machines(vcenter)[0]
        server = info(daemon.scraped())[victim]["server"]
        with full_disk(daemon):
            said = wait_unready(daemon)
            assert str(tmp_path / "ledger.db") in said
            vcenter.do(vcenter.world.machines.power_off, victim, user="eve")
            told = daemon.wait(lambda samples: samples[READY] == 0, "the fault on /metrics")
            assert told[FAILURES] >= 1
            assert "disk failed" in wait_unready(daemon)
            assert of_servers(daemon.scraped()) == of_servers(told), "figures that are not durable"
            assert fetched(daemon.port, "/-/healthy")[0] == 200
        after = daemon.wait(
            lambda samples: by_server(samples, UP).get(server) == 0, "what was seen meanwhile"
        )
        assert ready(daemon)[0] == 200
        assert after[READY] == 1
        assert by_server(after, "slad_server_outages_total")[server] == 1
        assert daemon.terminate() == 0
    assert ledger_is_sound(tmp_path)


def test_a_disk_that_stays_full_ends_the_process_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with simulated() as vcenter:
        program = ("-c", IMPATIENT.format(give_up_s=1.0))
        daemon = Daemon(write_config(tmp_path, vcenter), program=program)
        with started(daemon), full_disk(daemon):
            status, said = daemon.wait_ended()
            assert status == 1
            assert f"slad: The ledger {tmp_path / 'ledger.db'} failed" in said
            assert "Traceback" not in said
        assert ledger_is_sound(tmp_path)
        with started(Daemon(write_config(tmp_path, vcenter))) as daemon:
            assert daemon.terminate() == 0


def test_a_stop_does_not_wait_for_a_full_disk(tmp_path: Path) -> None:
    with (
        simulated() as vcenter,
        started(Daemon(write_config(tmp_path, vcenter))) as daemon,
        full_disk(daemon),
    ):
        wait_unready(daemon)
        began = monotonic()
        assert daemon.terminate() == 1
        assert monotonic() - began < QUICKLY_S


# Descriptors


def test_without_descriptors_it_says_so_in_a_sentence_and_goes_on_when_there_are_some(tmp_path: Path) -> None:
    with simulated() as vcenter, started(Daemon(write_config(tmp_path, vcenter))) as daemon:
        with no_descriptor_left(daemon), closing(socket.create_connection(("127.0.0.1", daemon.port))):
            complaint = json.loads(daemon.logged("accept_failed"))
        assert complaint["reason"].startswith("Too many open files: allow slad more open files (ulimit -n")
        daemon.wait(lambda samples: samples[READY] == 1, "its answer")
        daemon.send(signal.SIGTERM)
        status, said = daemon.wait_ended()
    assert status == 0
    assert "Traceback" not in said
    events = [json.loads(line)["event"] for line in said.splitlines()]
    assert events.count("accept_failed") == 1


@contextmanager
def no_descriptor_left(daemon: Daemon) -> Iterator[None]:
    """The daemon can open nothing."""
    assert daemon.process is not None
    before = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        yield
    finally:
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, before)


# The ledger


def test_a_damaged_ledger_is_refused_at_start_with_how_to_restore_it(tmp_path: Path) -> None:
    with simulated() as vcenter:
        config = write_config(tmp_path, vcenter)
        with started(Daemon(config)) as daemon:
            assert daemon.terminate() == 0
        ledger = tmp_path / "ledger.db"
        whole = ledger.read_bytes()
        place = whole.index(b'"kind":"client"')
        ledger.write_bytes(whole[:place] + b'"kind":"CLIENT"' + whole[place + 15 :])
        daemon = Daemon(config)
        daemon.launch()
        status, said = daemon.wait_ended()
        assert status == 1
        for words in (f"The ledger {ledger} is damaged", "slad verify", "slad import"):
            assert words in said
        assert "Traceback" not in said
        ledger.write_bytes(whole)
        with started(Daemon(config)) as daemon:
            assert daemon.terminate() == 0


def test_a_second_daemon_on_one_ledger_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    with simulated() as vcenter:
        config = write_config(tmp_path, vcenter)
        with started(Daemon(config)) as first:
            second = Daemon(config)
            second.launch()
            status, said = second.wait_ended()
            assert status == 1
            assert first.process is not None
            assert f"is in use by process {first.process.pid}" in said
            assert fetched(first.port, "/-/ready")[0] == 200
            assert slad("status", "--socket", str(tmp_path / "control.sock"))[0] == 0
            assert first.terminate() == 0


# The end


def test_a_stop_in_the_middle_of_a_long_poll_is_quick_and_logs_out(tmp_path: Path) -> None:
    with simulated(longest_wait_s=None) as vcenter:
        config = write_config(tmp_path, vcenter)
        config.write_text(config.read_text().replace('poll = "1s"', 'poll = "60s"'))
        with started(Daemon(config)) as daemon:
            assert vcenter.do(lambda: len(vcenter.world.sessions.by_cookie)) == 1
            began = monotonic()
            assert daemon.terminate() == 0
            assert monotonic() - began < QUICKLY_S
            assert vcenter.do(lambda: len(vcenter.world.sessions.by_cookie)) == 0


# The configuration


def test_a_bad_configuration_keeps_the_old_one_in_force_and_a_good_one_takes_its_place(
    tmp_path: Path,
) -> None:
    with simulated() as vcenter, simulated(10, seed=2, clients=("echo",)) as another:
        config = write_config(tmp_path, vcenter)
        good = config.read_text()
        with started(Daemon(config)) as daemon:
            config.write_text(good.replace('client = "acme"', 'client = "nobody"'))
            daemon.send(signal.SIGHUP)
            samples = daemon.wait(lambda shown: shown[RELOADED] == 0, "the refusal")
            assert {labels["client"] for labels in info(samples).values()} == {"acme", "unassigned"}
            config.write_text(
                good.replace("[client.acme]", '[client.boreal]\nname = "B"\ntimezone = "UTC"\n[client.acme]')
                + f'[[rule]]\nname = "borealis-*"\nclient = "boreal"\n{vcenter_table("vc2", another)}'
            )
            daemon.send(signal.SIGHUP)
            reached = ("slad_source_up", frozenset({("source", "vc2")}))
            samples = daemon.wait(
                lambda shown: shown[RELOADED] == 1 and shown.get(reached) == 1, "the second vCenter"
            )
            clients = {labels["client"] for labels in info(samples).values()}
            assert clients >= {"acme", "boreal"}
            assert samples["slad_source_sessions_total", frozenset({("source", "vc1")})] == 1
            assert sum(by_server(samples, DOWNTIME).values()) == 0
            servers = {labels["server"] for labels in info(samples).values() if labels["vcenter"] == "vc1"}
            unobserved = by_server(samples, UNOBSERVED)
            assert {unobserved[server] for server in servers} == {0}
            assert daemon.terminate() == 0
    assert ledger_is_sound(tmp_path)


def vcenter_table(name: str, vcenter: ThreadedVCenter) -> str:
    return (
        f'[vcenter.{name}]\naddress = "{vcenter.host}:{vcenter.port}"\nscheme = "http"\nuser = "slad"\n'
        'password_file = "password"\npoll = "1s"\n'
    )


def test_a_vcenter_that_leaves_the_configuration_leaves_a_ledger_that_can_be_read(tmp_path: Path) -> None:
    with simulated() as vcenter, simulated(10, seed=2, clients=("echo",)) as another:
        config = write_config(tmp_path, vcenter)
        one = config.read_text()
        config.write_text(one + vcenter_table("vc2", another))
        reached = ("slad_source_up", frozenset({("source", "vc2")}))
        with started(Daemon(config)) as daemon:
            daemon.wait(lambda shown: shown.get(reached) == 1, "the second vCenter")
            config.write_text(one)
            daemon.send(signal.SIGHUP)
            daemon.wait(lambda shown: reached not in shown, "the second vCenter forgotten")
            assert daemon.terminate() == 0
        with started(Daemon(config)) as daemon:
            assert daemon.terminate() == 0


def test_a_certificate_file_that_is_gone_refuses_the_reload(tmp_path: Path) -> None:
    with simulated() as vcenter:
        config = write_config(tmp_path, vcenter)
        with started(Daemon(config)) as daemon:
            (tmp_path / "ca.pem").write_text("no certificate at all\n")
            config.write_text(
                config.read_text().replace('scheme = "http"', 'scheme = "https"\nca_file = "ca.pem"')
            )
            daemon.send(signal.SIGHUP)
            daemon.wait(lambda shown: shown[RELOADED] == 0, "the refusal")
            assert daemon.scraped()[IN_CONTACT] == 1
            assert daemon.terminate() == 0


# Secrets


async def told_by(socket: Path) -> str:
    async with ControlClient(socket) as client:
        return str(await client.status())


def test_the_password_is_shown_nowhere(tmp_path: Path) -> None:
    secret = "canary-Jx7w"
    with simulated(accounts={"slad": "another"}) as vcenter:
        config = write_config(tmp_path, vcenter)
        (tmp_path / "password").write_text(secret)
        daemon = Daemon(config)
        daemon.start()
        try:
            errors = ("slad_source_errors_total", frozenset({("source", "vc1"), ("reason", "login")}))
            daemon.wait(
                lambda shown: any(name == errors[0] and count for (name, _), count in shown.items()),
                "the refused login",
            )
            shown = [
                asyncio.run(told_by(tmp_path / "control.sock")),
                *(fetched(daemon.port, path)[1] for path in ("/", "/metrics", "/-/ready")),
            ]
            daemon.send(signal.SIGTERM)
            status, log = daemon.wait_ended()
            assert status == 0
            assert "source_lost" in log
        finally:
            daemon.kill()
    shown += [
        log,
        slad("doctor", "--config", str(config))[1],
        slad("check-config", "--config", str(config))[1],
    ]
    assert not [text for text in shown if secret in text]
    assert secret.encode() not in (tmp_path / "ledger.db").read_bytes()
