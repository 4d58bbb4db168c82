"""The whole daemon in this process: a client turns a server off, a person accepts what that proposes, and the outage ends."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.control.client import ControlClient, ControlError, Json
from daemon.control.routes import (
    ACCEPT_PROPOSAL,
    LIST_EXCLUSIONS,
    LIST_PROPOSALS,
    PROPOSAL,
)
from tests.daemon.app.test_causes import CLIENTS, Scene, scene
from tests.daemon.app.test_watching import Asked, a_running_machine, in_contact
from tests.daemon.harness import running_app, scraped, simulated, write_config
from tests.waiting import until_told

PEOPLE = rf"""
[people]
employees = ['PROV\*']
automation = [{{users = ['{CLIENTS}'], acts_for = "client"}}]
"""
"""The user is a client's portal: what it does is proved to be the client's."""
ACCEPTING = PEOPLE + 'accept = ["client_change"]\n'


async def told(folder: Path, path: str, query: dict[str, str] | None = None) -> Json:
    async with ControlClient(folder / "control.sock") as client:
        return await client.document(path, query)


async def proposals(folder: Path, is_it: Callable[[Json], object], state: str = "all") -> Json:
    """The newest proposal, once it is like that."""

    async def found() -> Json | None:
        rows = (await told(folder, LIST_PROPOSALS.path(), {"state": state}))["proposals"]
        return rows[-1] if rows and is_it(rows[-1]) else None

    return await until_told(found, "the proposal")


async def excluded(folder: Path, is_it: Callable[[Json], object]) -> Json:
    """The only exclusion, once it is like that."""

    async def found() -> Json | None:
        rows = (await told(folder, LIST_EXCLUSIONS.path(), {"past": "true"}))["exclusions"]
        return rows[0] if len(rows) == 1 and is_it(rows[0]) else None

    return await until_told(found, "the exclusion")


def turn_off(played: Scene) -> None:
    played.play(lambda world, vm: world.machines.power_off(vm.moid, user=CLIENTS))


def turn_on(played: Scene) -> None:
    played.play(lambda world, vm: world.machines.power_on(vm.moid, user=CLIENTS))


async def test_what_is_proposed_is_accepted_and_ends_with_the_outage(tmp_path: Path) -> None:
    async with scene(tmp_path, PEOPLE) as played:
        turn_off(played)
        proposed = await proposals(tmp_path, lambda row: row["state"] == "pending")
        assert (proposed["category"], proposed["until"]) == ("client_change", None)
        assert (proposed["cause"]["confidence"], proposed["servers"][0]["name"]) == ("proved", played.vm.name)
        assert (await played.asked.status())["proposals_pending"] == 1
        detail = await told(tmp_path, PROPOSAL.path(id=proposed["id"]))
        (event,) = detail["events"]
        assert (event["type"], event["user"]) == ("VmPoweredOffEvent", CLIENTS)
        assert detail["outage_from"] == proposed["from"]
        async with ControlClient(tmp_path / "control.sock") as client:
            path = ACCEPT_PROPOSAL.path(id=proposed["id"])
            dry = await client.record(path, {}, key="dry", dry_run=True)
            assert [row["after"]["down_seconds"] for row in dry["effects"]] in ([0], [])
            accepted = await client.record(path, {}, key="1")
            with pytest.raises(ControlError, match="was accepted already"):
                await client.record(path, {}, key="2")
        window = await excluded(tmp_path, lambda row: row["until"] is None and row["ended"] is None)
        assert (window["id"], window["reference"]) == (accepted["exclusion"], proposed["id"])
        turn_on(played)
        await excluded(tmp_path, lambda row: row["ended"] and row["state"] == "past")
        kinds = {json.loads(line)["kind"] for line in await played.asked.lines()}
        assert {"proposal", "proposal_decided", "exclusion_ended"} <= kinds


async def test_terms_accept_at_once_and_a_restart_in_between_ends_it(tmp_path: Path) -> None:
    with simulated(60) as vcenter:
        config = write_config(tmp_path, vcenter, people=ACCEPTING)
        machine, asked = a_running_machine(vcenter), Asked(tmp_path)
        async with running_app(config) as app:
            await in_contact(app, "vc1")
            await asked.is_(machine, "up")
            vcenter.do(lambda: vcenter.world.machines.power_off(machine, user=CLIENTS))
            row = await proposals(tmp_path, lambda row: row["state"] == "accepted")
            assert (row["decided"]["recorded_by"], row["decided"]["exclusion"] is None) == ("slad", False)
        vcenter.do(lambda: vcenter.world.machines.power_on(machine, user=CLIENTS))
        async with running_app(config) as app:
            await in_contact(app, "vc1")
            ended = await excluded(tmp_path, lambda row: row["ended"])
            assert (ended["ended"]["recorded_by"], ended["reference"]) == ("slad", row["id"])
            closed = await told(tmp_path, PROPOSAL.path(id=row["id"]))
            assert closed["outage_until"] == ended["ended"]["at"]


async def test_what_waits_is_on_metrics_by_client(tmp_path: Path) -> None:
    async with scene(tmp_path, PEOPLE) as played:

        async def pending() -> list[float] | None:
            samples = await asyncio.to_thread(scraped, *played.app.addresses[0])
            shown = [value for (name, _), value in samples.items() if name == "slad_proposals_pending"]
            return shown if sum(shown) else None

        turn_off(played)
        shown = await until_told(pending, "the proposal")
        assert sorted(shown) == [*[0.0] * (len(shown) - 1), 1.0]
