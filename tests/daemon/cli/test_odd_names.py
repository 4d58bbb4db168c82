"""Names with slashes, braces, percent signs, dots, dashes and the like work in every command and every URL."""

import asyncio
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from daemon.config.values import shown
from daemon.control.client import ControlClient, ControlError, RefusedByDaemonError, UnknownNameError
from daemon.control.operation import Operation
from daemon.control.operations import OPERATIONS
from probes.simulation import Power
from probes.simulation.entities import Vm
from probes.simulation.world import World
from sla.texts import cleaned
from tests.daemon.cli.recording import AN_HOUR_AGO, NEXT_MARCH, Slad, serving
from tests.daemon.harness import simulated, write_config

ODD = [
    "a/b {c} 100%",
    "{name}",
    "%2F",
    "c?d#e",
    "a+b&c=d;e",
    "'q\" uoted",
    "..",
    ".",
    "-web",
    "--help",
    "two  words",
    "[red]x[/red]",
    "$(id)`\\",
    "日本 ü",
    "x\u202e\n",
]
CLIENTS = '[client.acme]\nname = "ACME / {1}"\ntimezone = "UTC"\ntech_admins = ["ann"]\n'


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slad]:
    """A daemon whose servers have odd names."""
    folder = tmp_path_factory.mktemp("odd")
    with simulated(len(ODD) + 4, clients=("acme",)) as vcenter:
        vcenter.do(partial(_rename, vcenter.world))
        config = write_config(folder, vcenter, client=CLIENTS, rule='[[rule]]\nclient = "acme"\n')
        with serving(config) as app:
            slad = Slad(folder=folder, app=app, vcenter=vcenter)
            slad.wait(lambda: slad.run("client", "show", "acme").exit_code == 0, "the client")
            slad.wait(lambda: set(map(cleaned, ODD)) <= _names(slad), "the servers of odd names")
            yield slad


def _rename(world: World) -> None:
    running = [vm.name for vm in world.inventory.every(Vm) if vm.power is Power.ON]
    for old, new in zip(running, ODD, strict=False):
        world.machines.rename(old, name=_as_vcenter_has_it(new))


def _as_vcenter_has_it(name: str) -> str:
    return name.replace("%", "%25").replace("/", "%2f").replace("\\", "%5c")


def _names(slad: Slad) -> set[str]:
    return {row["name"] for row in slad.told("client", "show", "acme")["solutions"] if row["name"]}


@pytest.mark.parametrize("name", [cleaned(name) for name in ODD])
def test_every_command_that_takes_a_servers_name_takes_an_odd_one(odd: Slad, name: str) -> None:
    server = odd.told_of("server", name)
    assert server["name"] == name
    window = odd.told("maintenance", "announce", *NEXT_MARCH, f"--server={name}", "--dry-run")
    assert [row["name"] for row in window["servers"]] == [name]
    excluded = odd.told(
        "exclusion", "add", "client_change", "--from", AN_HOUR_AGO, "--open", f"--server={name}"
    )
    assert excluded["servers"] == [server["server"]]
    opened = odd.told_of("request", "open", "acme", name, options=("--by", "ann", "--channel", "phone"))
    assert opened["solution"] == server["server"]
    assert odd.told_of("notice", "give", "acme", name)["solution"] == server["server"]
    step = odd.told_of("lifecycle", "record", "acme", name, "activated", options=("--yes",))
    assert step["solution"] == server["server"]


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.route.names], ids=lambda each: each.id
)
@pytest.mark.parametrize("name", ODD)
def test_every_path_that_a_name_is_part_of_leads_to_what_is_named(
    odd: Slad, operation: Operation, name: str
) -> None:
    """What there is not is refused by its very name; servers are there."""
    path = operation.route.path(**dict.fromkeys(operation.route.names, name))
    if operation.id == "server" and cleaned(name) == name:
        assert asyncio.run(_answered(odd.socket, operation, path))["name"] == name
        return
    with pytest.raises((UnknownNameError, RefusedByDaemonError)) as refused:
        asyncio.run(_answered(odd.socket, operation, path))
    assert name in str(refused.value) or shown(name) in str(refused.value)


async def _answered(socket: Path, operation: Operation, path: str) -> dict[str, object]:
    async with ControlClient(socket) as client:
        if operation.body is None:
            return await client.document(path)
        body = {"why": "a test"} if operation.body_needed else {}
        return await client.record(path, body, key=path[:200])


@pytest.mark.parametrize("name", ODD)
def test_a_client_of_an_odd_name_is_asked_for_as_it_is(odd: Slad, name: str) -> None:
    async def export() -> None:
        async with ControlClient(odd.socket) as client:
            async for _ in client.export(client=name):
                pass

    with pytest.raises(ControlError, match=re.escape(shown(name))):
        asyncio.run(export())
