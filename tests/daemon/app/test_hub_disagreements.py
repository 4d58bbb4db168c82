"""Two monitors of one vCenter that were told different things: a hub on a real store shows it wherever people look."""

import asyncio
import json
import signal
from pathlib import Path

from click.testing import CliRunner

from daemon.cli import main
from daemon.control.client import ControlClient, Json
from daemon.control.routes import LIST_DISAGREEMENTS, LIST_OUTAGES
from probes.simulation import ThreadedVCenter
from tests.daemon.app.test_hub import folder_of, hub, is_ready, running, slad, value
from tests.daemon.harness import Daemon, Samples, fetched, running_machines, simulated, write_config
from tests.daemon.hub.stores import TestStore
from tests.waiting import wait_until

CLIENT = '[client.{name}]\nname = "{title}"\ntimezone = "{zone}"\ntech_admins = ["ann"]'
TORONTO, UTC = "America/Toronto", "UTC"


def monitor(store: TestStore, vcenter: ThreadedVCenter, name: str, zone: str, owner: str) -> Daemon:
    """A monitor by which acme's clock is that of a zone, and the servers are an owner's."""
    clients = [
        CLIENT.format(name="acme", title="ACME", zone=zone),
        CLIENT.format(name="beta", title="Beta", zone=UTC),
    ]
    rule = f'[[rule]]\nname = "acme-*"\nclient = "{owner}"'
    config = write_config(
        folder_of(store, name), vcenter, hub=store.toml(name), client="\n".join(clients), rule=rule
    )
    config.write_text(config.read_text().replace('observer = "mon"', f'observer = "{name}"'))
    return Daemon(config)


def counts(samples: Samples) -> dict[str, float | None]:
    return {
        kind: value(samples, "slad_hub_disagreements", kind=kind)
        for kind in ("owner", "identity", "configuration", "clock")
    }


def asked(daemon: Daemon, path: str, query: dict[str, str]) -> Json:
    async def ask() -> Json:
        async with ControlClient(daemon.config.parent / "control.sock") as client:
            return await client.document(path, query)

    return asyncio.run(ask())


def examined(config: Path) -> tuple[int, dict[str, list[str]]]:
    """The exit code of the doctor, and what it found by what that is about."""
    result = CliRunner().invoke(main, ["doctor", "--hub", "--config", str(config), "--format", "json"])
    found: dict[str, list[str]] = {}
    for each in json.loads(result.stdout)["findings"]:
        found.setdefault(each["about"], []).append(f"{each['level']} {each['text']} {each['remedy']}".strip())
    return result.exit_code, found


def test_what_two_monitors_were_told_differently_is_shown_until_they_are_told_the_same(
    store: TestStore,
) -> None:
    with (
        simulated(servers=5, clients=("acme",)) as vcenter,
        running(monitor(store, vcenter, "mon1", TORONTO, "acme")),
        running(monitor(store, vcenter, "mon2", UTC, "beta")) as second,
        running(hub(store, "hub1")) as merged,
    ):
        machines = len(running_machines(vcenter))
        merged.wait(
            lambda found: counts(found) == {"owner": machines, "identity": 0, "configuration": 0, "clock": 1},
            "all disagreements",
        )
        (clock,) = asked(merged, LIST_DISAGREEMENTS.path(), {"kind": "clock"})["disagreements"]
        assert (clock["about"], clock["said"]) == ("acme", {"mon1": [TORONTO], "mon2": [UTC]})
        owners = asked(merged, LIST_DISAGREEMENTS.path(), {"kind": "owner"})["disagreements"]
        assert {(*each["said"]["mon1"], *each["said"]["mon2"]) for each in owners} == {("acme", "beta")}
        status, page = fetched(merged.port, "/monitors")
        assert (status, page.count("mon2: <strong>beta</strong>")) == (200, machines)
        assert "monitors disagree: " in slad(merged, "status").output
        code, found = examined(merged.config)
        assert code == 0, found
        assert len(found["disagreement owner"]) == machines
        assert f"mon1 says {TORONTO}; mon2 says {UTC}" in found["disagreement clock"][0]
        assert found["this hub"][0].startswith("ok is active")

        text = second.config.read_text().replace('client = "beta"', 'client = "acme"')
        second.config.write_text(
            text.replace(f'name = "ACME"\ntimezone = "{UTC}"', f'name = "ACME"\ntimezone = "{TORONTO}"')
        )
        second.send(signal.SIGHUP)
        merged.wait(lambda found: not any(counts(found).values()), "them to agree")
        assert "All monitors say the same" in fetched(merged.port, "/monitors")[1]
        assert fetched(second.port, "/monitors")[0] == 404


def test_a_hub_tells_the_cause_that_its_monitors_found(store: TestStore) -> None:
    with simulated(servers=5, clients=("acme",)) as vcenter:
        victim = running_machines(vcenter)[0]
        with (
            running(monitor(store, vcenter, "mon1", TORONTO, "acme")),
            running(monitor(store, vcenter, "mon2", TORONTO, "acme")),
            running(hub(store, "hub1")) as merged,
        ):
            merged.wait(lambda found: bool(counts(found)) and is_ready(merged), "the hub")
            wait_until(lambda: "mark up" in fetched(merged.port, f"/servers/{victim}")[1], "it to be up")
            vcenter.do(vcenter.world.machines.power_off, victim, user="eve")
            wait_until(
                lambda: [
                    each
                    for each in asked(merged, LIST_OUTAGES.path(), {})["outages"]
                    if each["cause"] is not None and each["cause"]["user"] == "eve"
                ],
                "the cause",
            )
            page = fetched(merged.port, f"/servers/{victim}")[1]
            assert "not known to a hub; on the pages of its monitors" in page
            assert "Proof" in page
