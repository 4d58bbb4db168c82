"""The whole daemon in this process: who did it, as `slad server`, `/metrics` and the evidence tell it (`spec/causes.md`)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from daemon.app import App
from daemon.cli.check_config import check_config
from daemon.control.client import Json
from probes.simulation import ThreadedVCenter
from probes.simulation.entities import Vm
from probes.simulation.world import World
from tests.daemon.app.test_watching import Asked, in_contact, machines_on_one_host, unknown_for_long
from tests.daemon.harness import running_app, scraped, simulated, write_config
from tests.waiting import until_told

PEOPLE = r"""
[people]
employees = ['PROV\*']
"""
CLIENTS, EMPLOYEE = r"ACME\bob", r"PROV\ann"
Play = Callable[[World, Vm], object]


@dataclass
class Scene:
    """A daemon in contact with a vCenter, and a machine there."""

    asked: Asked
    vcenter: ThreadedVCenter
    app: App
    vm: Vm

    def play(self, act: Play) -> None:
        self.vcenter.do(lambda: act(self.vcenter.world, self.vm))

    async def cause(self, *is_: str, name: str = "") -> Json:
        """The newest outage's cause, once it is of this kind and confidence."""
        last: list[Json] = []

        async def found() -> Json | None:
            told = await self.asked.server(name or self.vm.name)
            last[:] = [told["outages"]]
            cause = told["outages"][0]["cause"] if told["outages"] else None
            return cause if cause and (cause["cause"], cause["confidence"]) == is_ else None

        try:
            return await until_told(found, f"the cause {is_}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {last}") from error


@asynccontextmanager
async def scene(folder: Path, people: str = PEOPLE) -> AsyncIterator[Scene]:
    with simulated(60) as vcenter:
        _, names = machines_on_one_host(vcenter)
        name = next((name for name in names if name.startswith("acme-")), names[0])
        vm = vcenter.do(lambda: vcenter.world.inventory.find(Vm, name))
        async with running_app(write_config(folder, vcenter, people=people)) as app:
            await in_contact(app, "vc1")
            asked = Asked(folder)
            await asked.is_(name, "up")
            yield Scene(asked, vcenter, app, vm)


def lose_datastore(world: World, vm: Vm) -> None:
    world.outages.mount(vm.host.name, datastore=vm.disks[0].datastore.name, accessible=False)


def reset_in_vain(world: World, vm: Vm) -> None:
    world.machines.ha_reset(vm.moid)
    world.machines.power_off(vm.moid)


def crash_and_turn_off(world: World, vm: Vm) -> None:
    world.machines.guest_crash(vm.moid)
    world.machines.power_off(vm.moid)


def maintain_and_shut_down(world: World, vm: Vm) -> None:
    world.outages.maintenance(vm.host.name, on=True, user=EMPLOYEE)
    world.machines.guest_shutdown(vm.moid, user=EMPLOYEE)


@pytest.mark.parametrize(
    ("play", "cause", "confidence", "user"),
    [
        pytest.param(
            lambda world, vm: world.machines.power_off(vm.moid, user=CLIENTS),
            "client_change",
            "likely",
            CLIENTS,
            id="turned off by somebody",
        ),
        pytest.param(
            lambda world, vm: world.machines.suspend(vm.moid, user=EMPLOYEE),
            "provider_change",
            "proved",
            EMPLOYEE,
            id="suspended by an employee",
        ),
        pytest.param(
            lambda world, vm: world.machines.guest_shutdown(vm.moid, user=EMPLOYEE),
            "provider_change",
            "likely",
            EMPLOYEE,
            id="asked to shut down",
        ),
        pytest.param(lose_datastore, "storage", "proved", None, id="lost a datastore"),
        pytest.param(
            lambda world, vm: world.machines.vmcp_terminate(vm.moid),
            "storage",
            "proved",
            None,
            id="turned off by HA for its storage",
        ),
        pytest.param(
            lambda world, vm: world.outages.isolate(vm.host.name),
            "host_failure",
            "proved",
            None,
            id="isolated",
        ),
        pytest.param(
            lambda world, vm: world.machines.kill(vm.moid), "host_failure", "proved", None, id="killed"
        ),
        pytest.param(maintain_and_shut_down, "host_maintenance", "proved", EMPLOYEE, id="maintenance"),
        pytest.param(crash_and_turn_off, "guest", "proved", None, id="crashed"),
        pytest.param(reset_in_vain, "guest", "proved", None, id="reset"),
        pytest.param(
            lambda world, vm: world.machines.power_off(vm.moid),
            "guest",
            "likely",
            None,
            id="shut itself down",
        ),
    ],
)
async def test_each_row_is_played(
    tmp_path: Path, play: Play, cause: str, confidence: str, user: str | None
) -> None:
    async with scene(tmp_path) as played:
        played.play(play)
        told = await played.cause(cause, confidence)
        assert told["user"] == user
        assert told["because"]
        assert told["text"]
        records = [json.loads(line) for line in await played.asked.lines()]
        server = (await played.asked.server(played.vm.name))["server"]
        recorded = [each for each in records if each["kind"] == "cause" and each["server"] == server]
        assert recorded[-1]["cause"] == cause
        assert {each["from"] for each in recorded} == {recorded[-1]["from"]}
        keys = {each["key"] for each in records if each["kind"] == "event"}
        assert set(told["because"]) <= keys


async def test_a_restart_by_ha_is_a_failure_of_its_host(tmp_path: Path) -> None:
    async with scene(tmp_path) as played:
        host = played.vm.host.name
        played.play(lambda world, _: world.outages.host_not_responding(host))
        await played.asked.is_(played.vm.name, "unknown")
        await played.asked.until(played.vm.name, unknown_for_long, "more than a doubt")
        played.play(lambda world, _: world.outages.ha_restart(host))
        await played.cause("host_failure", "proved")


async def test_a_lost_server_names_its_cause_on_metrics(tmp_path: Path) -> None:
    async with scene(tmp_path) as played:
        played.play(lambda world, vm: world.machines.power_off(vm.moid, user=EMPLOYEE))
        await played.cause("provider_change", "proved")

        async def shown() -> bool:
            samples = await asyncio.to_thread(scraped, *played.app.addresses[0])
            return any(
                name == "slad_server_outage_info"
                and {("cause", "provider_change"), ("confidence", "proved")} <= labels
                for name, labels in samples
            )

        await until_told(shown, "the cause")


async def test_without_employees_nobody_is_called_anything(tmp_path: Path) -> None:
    async with scene(tmp_path, people="") as played:
        played.play(lambda world, vm: world.machines.power_off(vm.moid, user=CLIENTS))
        told = await played.cause("unknown", "none")
        assert CLIENTS in told["text"]


async def test_what_people_are_by_another_configuration_changes_causes_of_late(tmp_path: Path) -> None:
    async with scene(tmp_path, people="") as played:
        played.play(lambda world, vm: world.machines.power_off(vm.moid, user=EMPLOYEE))
        await played.cause("unknown", "none")
        path = tmp_path / "slad.toml"
        path.write_text(path.read_text() + PEOPLE)
        played.app.reload()
        await played.cause("provider_change", "proved")


async def test_late_events_revise_a_cause_also_after_a_restart(tmp_path: Path) -> None:
    with simulated(60) as vcenter:
        host, (name, *_) = machines_on_one_host(vcenter)
        config = write_config(tmp_path, vcenter, people=PEOPLE)
        asked = Asked(tmp_path)

        def scene_of(app: App) -> Scene:
            return Scene(asked, vcenter, app, vcenter.do(lambda: vcenter.world.inventory.find(Vm, name)))

        async with running_app(config) as app:
            await in_contact(app, "vc1")
            await asked.is_(name, "up")
            scene_of(app).play(lambda world, vm: world.machines.power_off(vm.moid))
            await scene_of(app).cause("guest", "likely")
        async with running_app(config) as app:
            await in_contact(app, "vc1")
            scene_of(app).play(lambda world, vm: world.post_event("DasHostFailedEvent", host=host))
            await scene_of(app).cause("host_failure", "proved")


async def test_an_event_about_another_host_revises_nothing(tmp_path: Path) -> None:
    async with scene(tmp_path) as played:
        other = played.vcenter.do(
            lambda: next(
                vm
                for vm in played.vcenter.world.inventory.every(Vm)
                if vm.host is not played.vm.host and vm.power is played.vm.power and not vm.template
            )
        )
        played.play(lambda world, vm: world.machines.power_off(vm.moid))
        await played.cause("guest", "likely")
        played.play(lambda world, _: world.post_event("DasHostFailedEvent", host=other.host.name))
        played.play(lambda world, _: world.machines.power_off(other.moid))
        await played.cause("host_failure", "proved", name=other.name)
        await played.cause("guest", "likely")


async def test_users_of_a_running_daemon_are_shown_by_the_patterns_that_take_them(tmp_path: Path) -> None:
    async with scene(tmp_path) as played:
        played.play(lambda world, vm: world.machines.power_off(vm.moid, user=EMPLOYEE))
        await played.cause("provider_change", "proved")
        asked = partial(CliRunner().invoke, check_config, ["--config", str(tmp_path / "slad.toml")])
        told = await asyncio.to_thread(asked)
        assert (told.exit_code, told.stderr) == (0, "")
        assert rf"PROV\*  {EMPLOYEE}" in told.stdout
