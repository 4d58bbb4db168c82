"""How soon /metrics shows a change, and how often figures are prepared for that: the daemon in virtual time."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from daemon.app import App
from tests.daemon.monitor import Vm
from tests.faults.virtual_daemon import VCenter, VirtualSite, running, scraped
from tests.virtual import run

TICK_S = 5
SCRAPE_S = 20
SHOWN_WITHIN_S = 2


class Scraped:
    """A daemon that is scraped, its machine `u0`, and the time of the loop."""

    def __init__(self, app: App, site: VirtualSite) -> None:
        self._app = app
        self._site = site

    async def text(self) -> str:
        return await scraped(self._app)

    async def value(self, series: str) -> float:
        found = re.search(rf"^{re.escape(series)} (\S+)$", await self.text(), re.MULTILINE)
        assert found is not None, series
        return float(found[1])

    async def is_up(self) -> bool:
        return await self.value('slad_server_up{server="u0"}') == 1

    async def preparations(self) -> float:
        """How many there had been before the one that is shown."""
        return await self.value("slad_exposition_prepare_duration_seconds_count")

    def switch(self, *, on: bool) -> None:
        """Have the machine go on or off, and its vCenter tell that at once."""
        self._site.vcenters["vc1"].vms["u0"].on = on
        self._site.look()

    async def quiet(self, scrapes: int) -> None:
        """Time passes, with nothing new but that the vCenter answers, and somebody scrapes."""
        for _ in range(scrapes):
            for _ in range(SCRAPE_S // TICK_S):
                self._site.look()
                await asyncio.sleep(TICK_S)
            await self.text()


def played(
    folder: Path, monkeypatch: pytest.MonkeyPatch, story: Callable[[Scraped], Awaitable[None]]
) -> None:
    site = VirtualSite(folder / "site", {"vc1": VCenter({"u0": Vm("u0", "acme-0")})}, tick_s=TICK_S)

    async def main() -> None:
        async with running(monkeypatch, site) as (app,):
            site.look()
            watched = Scraped(app, site)
            await watched.quiet(scrapes=10)
            await story(watched)

    run(main())


@pytest.mark.parametrize("after_s", [0, 0.1, 3, 7, 19])
def test_a_scrape_that_comes_after_a_change_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after_s: float
) -> None:
    async def story(watched: Scraped) -> None:
        await asyncio.sleep(after_s)
        for on in (False, True, False):
            records = await watched.value("slad_ledger_records")
            began_s = asyncio.get_running_loop().time()
            watched.switch(on=on)
            await asyncio.sleep(0.1)
            assert await watched.is_up() is on
            assert asyncio.get_running_loop().time() - began_s < SHOWN_WITHIN_S
            assert await watched.value("slad_ledger_records") > records, "what is shown is on record"

    played(tmp_path, monkeypatch, story)


def test_changes_and_scrapes_without_end_have_figures_prepared_so_often_and_no_oftener(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(watched: Scraped) -> None:
        before, began_s = await watched.preparations(), asyncio.get_running_loop().time()
        for number in range(40):
            watched.switch(on=number % 2 == 1)
            async with asyncio.TaskGroup() as scrapes:
                scrapes.create_task(watched.text())
                scrapes.create_task(watched.text())
            await asyncio.sleep(0.01)
        took_s = asyncio.get_running_loop().time() - began_s
        prepared = await watched.preparations() - before
        assert prepared <= took_s + 1, "one a second"

    played(tmp_path, monkeypatch, story)


def test_while_nothing_changes_figures_are_prepared_for_whoever_is_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(watched: Scraped) -> None:
        before = await watched.preparations()
        for _ in range(10):
            await watched.quiet(scrapes=1)
            assert asyncio.get_running_loop().time() % TICK_S < 1.1, "no scrape had to wait"
        assert 10 <= await watched.preparations() - before <= 20, "not with each of 40 ticks"

    played(tmp_path, monkeypatch, story)
