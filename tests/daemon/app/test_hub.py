"""Two monitors of one vCenter, the store on a real PostgreSQL, and hubs: one truth, whoever of them dies."""

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from daemon.cli import main
from probes.simulation import ThreadedVCenter
from sla.calendars import calendar_of
from tests.daemon.harness import (
    Daemon,
    Samples,
    by_server,
    fetched,
    running_machines,
    simulated,
    write_config,
)
from tests.daemon.hub.stores import TestStore, add_hub, make_store
from tests.peers.postgres import Postgres, postgres
from tests.waiting import wait_until
from tests.wall import now


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture
def store(server: Postgres, tmp_path: Path) -> TestStore:
    async def made() -> TestStore:
        store = await make_store(server, tmp_path, "mon1", "mon2")
        await add_hub(store)
        return store

    return asyncio.run(made())


@contextmanager
def running(daemon: Daemon) -> Iterator[Daemon]:
    try:
        daemon.start()
        yield daemon
    finally:
        assert daemon.process is not None
        if daemon.process.poll() is None:
            daemon.send(signal.SIGCONT)
            daemon.kill()


def folder_of(store: TestStore, name: str) -> Path:
    folder = store.folder / name
    folder.mkdir()
    (folder / "hub.password").write_text("not-a-secret")
    (folder / "hub.password").chmod(0o600)
    return folder


def monitor(store: TestStore, vcenter: ThreadedVCenter, name: str) -> Daemon:
    config = write_config(folder_of(store, name), vcenter, hub=store.toml(name))
    config.write_text(config.read_text().replace('observer = "mon"', f'observer = "{name}"'))
    return Daemon(config)


def hub(store: TestStore, name: str) -> Daemon:
    folder = folder_of(store, name)
    path = folder / "slad.toml"
    path.write_text(
        f'observer = "hub"\n{store.toml("hub")}\n[web]\nlisten = ["127.0.0.1:0"]\n[control]\nsocket = "control.sock"\n'
        '[ledger]\npath = "ledger.db"\n[watch]\ntick = "1s"\n'
    )
    return Daemon(path, program=("-m", "tests.daemon.quick_hub"))


def slad(daemon: Daemon, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--socket", str(daemon.config.parent / "control.sock")])


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


def is_active(daemon: Daemon) -> bool:
    return value(daemon.scraped(), "slad_hub_active") == 1


def is_ready(daemon: Daemon) -> bool:
    return fetched(daemon.port, "/-/ready")[0] == 200


def has_servers(samples: Samples) -> bool:
    return len(by_server(samples, "slad_server_up")) > 20


def announce(daemon: Daemon, reference: str) -> Result:
    """Have people's word recorded: maintenance of all of a client's servers."""
    return slad(
        daemon,
        "maintenance",
        "announce",
        "--client",
        "acme",
        "--from",
        "2027-01-10T23:30-05:00",
        "--duration",
        "1h",
        "--reference",
        reference,
        "--yes",
    )


def exported(daemon: Daemon, path: Path) -> list[dict[str, Any]]:
    result = slad(daemon, "export", "--output", str(path))
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_one_of_two_monitors_dies_while_a_server_goes_down_and_nothing_is_lost(
    store: TestStore, tmp_path: Path
) -> None:
    with simulated() as vcenter:
        victim = next(name for name in running_machines(vcenter) if name.startswith("acme"))
        with (
            running(monitor(store, vcenter, "mon1")) as one,
            running(monitor(store, vcenter, "mon2")),
            running(hub(store, "hub1")) as merged,
        ):
            samples = merged.wait(has_servers, "all servers at the hub")
            server = next(
                dict(labels)["server"]
                for family, labels in samples
                if family == "slad_server_info" and ("name", victim) in labels
            )
            merged.wait(lambda found: by_server(found, "slad_server_up").get(server) == 1, "it to be up")
            one.kill()
            vcenter.do(vcenter.world.machines.power_off, victim, user="eve")
            merged.wait(lambda found: by_server(found, "slad_server_up")[server] == 0, "the outage")
            vcenter.do(vcenter.world.machines.power_on, victim, user="eve")
            merged.wait(lambda found: by_server(found, "slad_server_up")[server] == 1, "the recovery")
            one.start()
            merged.wait(
                lambda found: (
                    (value(found, "slad_hub_monitor_seen_timestamp_seconds", observer="mon1") or 0)
                    > now() / 1e6 - 5
                ),
                "the first monitor to see again",
            )
            month = str(calendar_of("America/Toronto").month_of(now()))
            statement = slad(merged, "statement", "--month", month, "--client", "acme", "--format", "json")
            assert statement.exit_code == 0, statement.output
            document = json.loads(statement.stdout)
            evidence = tmp_path / "evidence.jsonl"
            lines = exported(merged, evidence)
            heads = {each["ledger"]: each["seq"] for each in document["statement"]["ledgers"]}
            assert heads.keys() == {line["ledger"] for line in lines} == {"mon1", "mon2", "hub"}
            known = [
                text
                for text, line in zip(evidence.read_text().splitlines(), lines, strict=True)
                if line["seq"] <= heads[line["ledger"]]
            ]
            evidence.write_text("\n".join(known) + "\n")
            rows = evaluated(evidence, month, document["statement"]["as_of"])
            mine = next(row for row in document["servers"] if row["id"] == server)
            for key in ("up", "down", "unobserved", "availability"):
                assert mine[key] == rows[server][key]
            assert mine["down"] > 0
            assert by_server(merged.scraped(), "slad_server_outages_total")[server] == 1
    seen_until = max(line["at"] for line in map(json.loads, known) if line["kind"] == "observed_until")
    until_then = evaluated(evidence, month, seen_until)
    assert {row["unobserved"] for row in until_then.values()} == {0}


def evaluated(evidence: Path, month: str, as_of: str) -> dict[str, dict[str, Any]]:
    """The rows of servers by their ids, of evidence of which the chains hold."""
    line = ["evaluate", str(evidence), "--verify", "--month", month, "--format", "json", "--as-of", as_of]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 0, result.output
    return {row["id"]: row for row in json.loads(result.stdout)["servers"]}


def references(store: TestStore) -> list[str]:
    """Of what people had recorded in the hub's ledger, in order."""
    return [
        said["reference"] for line in store.lines("hub") if (said := json.loads(line.body)).get("reference")
    ]


@pytest.mark.parametrize("how", ["killed", "stopped", "store restarted"])
def test_the_hub_that_stands_by_takes_over_and_the_other_never_writes_again(
    store: TestStore, server: Postgres, how: str
) -> None:
    with (
        simulated(servers=5, clients=("acme",)) as vcenter,
        running(monitor(store, vcenter, "mon1")),
        running(hub(store, "hub1")) as one,
    ):
        one.wait(
            lambda found: value(found, "slad_hub_active") == 1 and bool(by_server(found, "slad_server_up")),
            "one",
        )
        with running(hub(store, "hub2")) as two:
            two.wait(lambda found: bool(by_server(found, "slad_server_up")), "the same figures at the other")
            assert not is_active(two)
            assert announce(one, "before").exit_code == 0
            refused = announce(two, "by the standby")
            assert refused.exit_code != 0
            assert "this hub stands by: " in refused.output
            assert "is active, and records" in refused.output
            match how:
                case "killed":
                    one.kill()
                case "stopped":
                    one.send(signal.SIGSTOP)
                case _:
                    server.kill()
                    server.start()
            living = (one, two) if how == "store restarted" else (two,)
            found = wait_until(lambda: [each for each in living if is_active(each)], "a takeover")
            assert len(found) == 1
            wait_until(lambda: is_ready(found[0]), "it to be ready")
            after = announce(found[0], "after")
            assert after.exit_code == 0, after.output
            if how == "stopped":
                one.send(signal.SIGCONT)
                late = announce(one, "by the one that was woken")
                assert late.exit_code != 0, late.output
                wait_until(lambda: is_ready(one), "the woken one to follow")
                assert not is_active(one)
            assert references(store) == ["before", "after"]
