"""Two monitors of one vCenter, the store on a real PostgreSQL, and hubs: one truth, whoever of them dies."""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
from tests.daemon.hub.stores import TestStore
from tests.wall import now


@contextmanager
def running(*daemons: Daemon) -> Iterator[Daemon]:
    """Daemons, which start together; the first of them."""
    try:
        for daemon in daemons:
            daemon.launch()
        for daemon in daemons:
            daemon.wait_open()
        yield daemons[0]
    finally:
        for daemon in daemons:
            if daemon.process is not None and daemon.process.poll() is None:
                daemon.send(signal.SIGCONT)
                daemon.kill()


def folder_of(store: TestStore, name: str) -> Path:
    folder = store.folder / name
    folder.mkdir()
    (folder / "hub.password").write_text("not-a-secret")
    (folder / "hub.password").chmod(0o600)
    return folder


def monitor(
    store: TestStore,
    vcenter: ThreadedVCenter,
    name: str,
    *,
    at: tuple[str, int] | None = None,
    **sections: str,
) -> Daemon:
    """A monitor that ships to the store, by the socket or by TCP; `sections`: further ones of its configuration."""
    config = write_config(folder_of(store, name), vcenter, hub=store.toml(name, at=at), **sections)
    config.write_text(config.read_text().replace('observer = "mon"', f'observer = "{name}"'))
    return Daemon(config)


def hub(
    store: TestStore,
    name: str,
    shard: str = "1/1",
    *,
    at: tuple[str, int] | None = None,
    port: int = 0,
    more: str = "",
) -> Daemon:
    """A hub of the store, by the socket or by TCP, with a door at a port; `more`: further sections of its configuration."""
    folder = folder_of(store, name)
    path = folder / "slad.toml"
    path.write_text(
        f'observer = "hub"\n{store.toml("hub", at=at)}\nshard = "{shard}"\n[web]\nlisten = ["127.0.0.1:{port}"]\n'
        f'[control]\nsocket = "control.sock"\n[ledger]\npath = "ledger.db"\n[watch]\ntick = "1s"\n{more}\n'
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


def announce(daemon: Daemon, reference: str, client: str = "acme") -> Result:
    """Have people's word recorded: maintenance of all of a client's servers."""
    return slad(
        daemon,
        "maintenance",
        "announce",
        "--client",
        client,
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
            running(monitor(store, vcenter, "mon1"), monitor(store, vcenter, "mon2")) as one,
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
            document, known = agreed(merged, tmp_path)
            assert {line["ledger"] for line in known} == {"mon1", "mon2", "hub"}
            mine = next(row for row in document["servers"] if row["id"] == server)
            assert mine["down"] > 0
            assert by_server(merged.scraped(), "slad_server_outages_total")[server] == 1
    seen_until = max(line["at"] for line in known if line["kind"] == "observed_until")
    until_then = evaluated(tmp_path / "evidence.jsonl", document["statement"]["month"], seen_until)
    assert {row["unobserved"] for row in until_then.values()} == {0}


def agreed(hub: Daemon, folder: Path, month: str = "") -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The statement of acme's month by a hub, by default of this one, of which `slad evaluate --verify` works out the same; and the evidence for it.

    That is left in `folder` as evidence.jsonl: what the hub exports, up to where the statement says that each ledger is.
    """
    month = month or str(calendar_of("America/Toronto").month_of(now()))
    statement = slad(hub, "statement", "--month", month, "--client", "acme", "--format", "json")
    assert statement.exit_code == 0, statement.output
    document = json.loads(statement.stdout)
    evidence = folder / "evidence.jsonl"
    lines = exported(hub, evidence)
    heads = {each["ledger"]: each["seq"] for each in document["statement"]["ledgers"]}
    assert heads.keys() == {line["ledger"] for line in lines}
    texts = [
        text
        for text, line in zip(evidence.read_text().splitlines(), lines, strict=True)
        if line["seq"] <= heads[line["ledger"]]
    ]
    evidence.write_text("\n".join(texts) + "\n")
    rows = evaluated(evidence, month, document["statement"]["as_of"])
    for row in document["servers"]:
        for key in ("up", "down", "unobserved", "availability"):
            assert row[key] == rows[row["id"]][key], (row["id"], key)
    return document, [json.loads(text) for text in texts]


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


def test_a_hub_goes_on_from_its_snapshot_and_begins_anew_where_that_is_of_another_store(
    store: TestStore,
) -> None:
    with (
        simulated(servers=5, clients=("acme",)) as vcenter,
        running(monitor(store, vcenter, "mon1")),
        running(hub(store, "hub1")) as one,
    ):
        one.wait(lambda found: bool(by_server(found, "slad_server_up")), "figures")
        assert one.terminate() == 0
        one.start()
        assert '"event": "hub_goes_on"' in "".join(one.log)
        up = by_server(
            one.wait(lambda found: bool(by_server(found, "slad_server_up")), "them again"), "slad_server_up"
        )
        assert one.terminate() == 0
        # As if it had been another store, whose last line was another one.
        store.rows("UPDATE slad.line SET chain = sha256(chain) WHERE arrival = 1 RETURNING 1")
        store.rows("UPDATE slad.line SET seq = seq + 1000, chain = sha256(chain) WHERE seq > 1 RETURNING 1")
        one.log.clear()
        one.start()
        assert "The store no longer has line " in one.logged("hub_begins_anew")
        one.port = int(json.loads(one.logged("public_door_opened"))["addresses"][0][1])
        assert (
            by_server(
                one.wait(lambda found: bool(by_server(found, "slad_server_up")), "what the store has"),
                "slad_server_up",
            )
            == up
        )


def test_two_shards_record_in_one_ledger_and_each_shows_its_own_clients(
    store: TestStore, tmp_path: Path
) -> None:
    clients = "\n".join(
        f'[client.{each}]\nname = "{each}"\ntimezone = "America/Toronto"' for each in ("acme", "beta")
    )
    rules = "\n".join(f'[[rule]]\nname = "{each}-*"\nclient = "{each}"' for each in ("acme", "beta"))
    with (
        simulated(servers=8, clients=("acme", "beta")) as vcenter,
        running(monitor(store, vcenter, "mon1", client=clients, rule=rules)),
        running(hub(store, "hub1", "1/4")) as of_beta,
        running(hub(store, "hub3", "3/4")) as of_acme,
    ):
        shown = []
        for each in (of_beta, of_acme):
            found = each.wait(lambda found: bool(by_server(found, "slad_server_up")), "its servers")
            assert value(found, "slad_hub_active") == 1
            shown.append({labels for name, labels in found if name == "slad_server_info"})
        assert [{dict(labels)["client"] for labels in each} for each in shown] == [{"beta"}, {"acme"}]
        refused = announce(of_beta, "at another shard")
        assert refused.exit_code != 0
        assert "acme" in refused.output
        with ThreadPoolExecutor() as people:
            told = list(
                people.map(
                    lambda number: announce(
                        (of_acme, of_beta)[number % 2], f"r{number}", ("acme", "beta")[number % 2]
                    ),
                    range(6),
                )
            )
        assert [each.exit_code for each in told] == [0] * 6, [each.output for each in told]
        assert sorted(references(store)) == [f"r{number}" for number in range(6)]
        evidence = tmp_path / "evidence.jsonl"
        exported(of_acme, evidence)
        month = str(calendar_of("America/Toronto").month_of(now()))
        result = CliRunner().invoke(main, ["evaluate", str(evidence), "--verify", "--month", month])
        assert result.exit_code == 0, result.output
