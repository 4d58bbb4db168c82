"""Who did it, on govmomi's simulator: the rows of the causes that it can play (`spec/causes.md`), by calls of another client.

It plays no HA, no guest's crash and no uplink, tells nobody that a host is in maintenance mode, and writes no event of when a server
on a lost host went off.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pyVmomi import vim

from tests.daemon.app.test_watching import Asked, in_contact
from tests.daemon.harness import config_of, running_app
from tests.peers.soap import logged_in
from tests.peers.vcsim import VcSim
from tests.waiting import until_told

VM = "DC0_C0_RP0_VM0"
USER = "slad"
"""Who is logged in: the simulator knows one user."""


def found(vcenter: Any, kind: Any, name: str) -> Any:
    """An object by its name."""
    view = vcenter.viewManager.CreateContainerView(vcenter.rootFolder, [kind], True)
    return next(each for each in view.view if each.name == name)


class Site:
    """A daemon that watches the simulator, and somebody else who is logged in there."""

    def __init__(self, folder: Path, peer: VcSim, vcenter: Any) -> None:
        self.peer = peer
        self.vm = found(vcenter, vim.VirtualMachine, VM)
        self.asked = Asked(folder)

    async def cause(self) -> tuple[str, str, str | None]:
        """The cause of the server's outage, with its confidence and who did it."""

        async def outage() -> Any:
            told = await self.asked.server(VM)
            return told["outages"][0]["cause"] if told["outages"] else None

        cause = await until_told(outage, "an outage with its cause")
        return cause["cause"], cause["confidence"], cause["user"]


@asynccontextmanager
async def site(folder: Path, *, is_employee: bool) -> AsyncIterator[Site]:
    employee, users = (USER, "") if is_employee else ("ann", f"users = ['{USER}']")
    people = f"[people]\nemployees = ['{employee}']"
    client = f'[client.acme]\nname = "ACME"\ntimezone = "UTC"\ntech_admins = ["ann"]\n{users}'
    with VcSim(hosts=2, vms=4, datastores=1, user=USER, password="secret") as peer:
        shutil.copy(peer.cafile, folder / "vcsim.pem")
        with logged_in(peer) as content:
            vcenter = (
                f'[vcenter.vc1]\naddress = "{peer.host}:{peer.port}"\nuser = "{USER}"\npassword_file = "password"\n'
                'ca_file = "vcsim.pem"\npoll = "1s"'
            )
            rule = f'[[rule]]\nname = "{VM}"\nclient = "acme"'
            async with running_app(
                config_of(folder, vcenter=vcenter, client=client, rule=rule, people=people)
            ) as app:
                await in_contact(app, "vc1")
                yield Site(folder, peer, content)


async def turn_off(site: Site) -> None:
    await asyncio.to_thread(site.vm.PowerOffVM_Task)


async def suspend(site: Site) -> None:
    await asyncio.to_thread(site.vm.SuspendVM_Task)


async def shut_down(site: Site) -> None:
    await asyncio.to_thread(site.vm.ShutdownGuest)


async def lose_datastore(site: Site) -> None:
    site.peer.set_datastore("LocalDS_0", accessible=False)


async def take_its_power(site: Site) -> None:
    site.peer.switch_off(VM)


@pytest.mark.parametrize(
    ("play", "is_employee", "cause"),
    [
        (turn_off, True, ("provider_change", "proved", USER)),
        (turn_off, False, ("client_change", "proved", USER)),
        (suspend, True, ("provider_change", "proved", USER)),
        # The simulator writes that who asked the guest to shut down turned it off.
        (shut_down, False, ("client_change", "proved", USER)),
        (lose_datastore, False, ("storage", "proved", None)),
        (take_its_power, False, ("unknown", "none", None)),
    ],
)
async def test_each_row_that_it_can_play(
    tmp_path: Path,
    play: Callable[[Site], Awaitable[None]],
    is_employee: bool,
    cause: tuple[str, str, str | None],
) -> None:
    async with site(tmp_path, is_employee=is_employee) as played:
        await play(played)
        assert await played.cause() == cause
