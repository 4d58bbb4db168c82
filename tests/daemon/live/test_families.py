"""Which families of servers there are, and that one that nobody wants is not there, and costs the others nothing."""

import gzip
import re
from collections.abc import Collection

from daemon.clock import SystemClock
from daemon.config.server_families import SERVER_FAMILIES
from daemon.exposition.exposition import Exposition
from daemon.exposition.families import LabelledFamily, label, sample
from daemon.live.facts import ServerFacts
from daemon.live.figures import LiveFigures
from daemon.live.snapshots import Snapshots
from tests.daemon.live.random_days import Days

SEEDS = range(6)
OF_EACH_SERVER = re.compile(r'^(\w+)\{server="[^"]*"(?!.*confidence=)', re.MULTILINE)
"""A line of a family with a series for each server; one that tells why a server is down has few of them."""


class Shown:
    """What random days came to."""

    def __init__(self, days: Days) -> None:
        self._days = days
        self._figures = LiveFigures(days.book)

    async def caught_up(self) -> "Shown":
        for at in self._days.steps(40):
            assert await self._figures.catch_up(at, 60.0)
        return self

    async def lines(self, left_out: Collection[str] = ()) -> list[str]:
        """The lines of a scrape."""
        server = self._days.servers[0]

        async def reached() -> tuple[LabelledFamily, ...]:
            samples = [sample(label("server", server), "1")]
            return (LabelledFamily(name="slad_server_reach_up", help="", kind="gauge", samples=samples),)

        facts = ServerFacts(source_of=lambda _: "vc", labelled=reached)
        snapshots = Snapshots(self._days.book, self._figures, facts, left_out=left_out)
        exposition = Exposition(SystemClock())
        await exposition.prepare(await snapshots.snapshot(), ())
        async with exposition.scrape() as published:
            members = [member.data for member in published.text.members]
        return gzip.decompress(b"".join(members)).decode().splitlines()


async def test_those_that_can_be_chosen_are_all_that_there_are() -> None:
    found: set[str] = set()
    for seed in SEEDS:
        shown = await Shown(Days(seed)).caught_up()
        found |= set(OF_EACH_SERVER.findall("\n".join(await shown.lines())))
    assert found == set(SERVER_FAMILIES)


async def test_one_that_is_left_out_is_gone_whole_and_all_else_is_as_before() -> None:
    shown = await Shown(Days(0)).caught_up()
    whole = await shown.lines()
    for family in SERVER_FAMILIES:
        of_it = re.compile(rf"(# \w+ )?{family}\b")
        assert await shown.lines([family]) == [line for line in whole if not of_it.match(line)], family


async def test_without_all_of_them_the_solutions_are_there_still() -> None:
    shown = await Shown(Days(0)).caught_up()
    lines = await shown.lines(SERVER_FAMILIES)
    assert not OF_EACH_SERVER.search("\n".join(lines))
    assert [line for line in lines if line.startswith("slad_solution_info{")]
