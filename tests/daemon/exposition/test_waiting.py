"""When figures are prepared, for which of them scrapes wait, and whom they are refused."""

import asyncio
from collections.abc import Iterable

import pytest

from daemon.exposition.exposition import Exposition, NotPreparedError, TooManyScrapesError
from daemon.exposition.families import RenderedFamily
from sla.instants import HOUR, MINUTE, SECOND
from tests.daemon.exposition.prepared import (
    PROCESS,
    StandingClock,
    exposition_of,
    family,
    snapshot,
    text_of,
)

TICK_US = 5 * SECOND


async def test_nobody_who_scrapes_nothing_to_prepare() -> None:
    clock = StandingClock()
    subject = exposition_of(clock)
    assert not subject.wanted(clock.us, TICK_US)
    await subject.prepare(snapshot(), ())
    await text_of(subject)
    assert subject.wanted(clock.us, TICK_US)
    assert subject.wanted(clock.us + 5 * MINUTE, TICK_US)
    assert not subject.wanted(clock.us + 5 * MINUTE + 1, TICK_US)


@pytest.mark.parametrize(
    ("scrapes_s", "wanted_from_s"),
    [
        ([0], 0),
        ([0, 20], 34),
        ([0, 20, 27, 40, 47], 48),
        ([0, 0.1, 20, 20.1, 40], 53.9),
        ([0, 1, *range(20, 180, 20)], 174),
    ],
    ids=["once", "in turn", "by two", "by two at once", "and by somebody long ago"],
)
async def test_figures_are_prepared_for_whoever_comes_again_and_not_sooner(
    scrapes_s: list[float], wanted_from_s: float
) -> None:
    clock = StandingClock()
    subject = exposition_of(clock, fresh_us=HOUR, recent_us=HOUR)
    await subject.prepare(snapshot(), ())
    began = clock.us
    for scrape_s in scrapes_s:
        clock.us = began + int(scrape_s * SECOND)
        await text_of(subject)
    from_us = began + int(wanted_from_s * SECOND)
    assert subject.wanted(from_us, TICK_US)
    if from_us > clock.us:
        assert not subject.wanted(from_us - 1, TICK_US)


async def test_a_scrape_waits_for_news_and_not_for_ever() -> None:
    news = 0
    subject = Exposition(StandingClock(), news=lambda: news, news_wait_s=0.05)
    await subject.prepare(snapshot(family("before", ("", [1])), servers=("a",)), ())
    news = 1
    async with subject.scrape() as published:
        assert published.news == 0, "they do not come"
    assert subject.asked.is_set()

    subject = Exposition(StandingClock(), news=lambda: news, news_wait_s=60)
    await subject.prepare(snapshot(family("before", ("", [1])), servers=("a",)), (), news=1)
    news = 2
    async with asyncio.TaskGroup() as tasks:
        scrape = tasks.create_task(text_of(subject))
        await asyncio.wait_for(subject.asked.wait(), 5)
        await subject.prepare(snapshot(family("between", ("", [1])), servers=("a",)), (), news=1)
        await asyncio.wait_for(subject.asked.wait(), 5)
        await subject.prepare(snapshot(family("after", ("", [1])), servers=("a",)), (), news=2)
    assert "after" in scrape.result()


async def test_a_scrape_waits_for_figures_that_are_recent_and_not_for_ever() -> None:
    clock = StandingClock()
    subject = exposition_of(clock, recent_us=10 * SECOND, news_wait_s=0.05)
    await subject.prepare(snapshot(), ())
    clock.us += 10 * SECOND
    await text_of(subject)
    assert not subject.asked.is_set()
    clock.us += 1
    await text_of(subject)
    assert subject.asked.is_set()


async def test_the_first_scrape_asks_and_waits_for_a_preparation() -> None:
    subject = exposition_of()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        scrape = group.create_task(text_of(subject))
        await subject.asked.wait()
        assert not scrape.done()
        await subject.prepare(snapshot(), PROCESS)
    assert "slad_ready 1.0" in scrape.result()
    assert not subject.asked.is_set()


async def test_a_scrape_during_a_preparation_is_answered_by_it_and_asks_for_no_other() -> None:
    subject = exposition_of()

    def with_a_scrape(group: asyncio.TaskGroup) -> Iterable[RenderedFamily]:
        scrapes.append(group.create_task(text_of(subject)))
        yield from PROCESS

    scrapes: list[asyncio.Task[str]] = []
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        await subject.prepare(snapshot(), with_a_scrape(group))
    assert "slad_ready 1.0" in scrapes[0].result()
    assert not subject.asked.is_set()


async def test_a_scrape_is_refused_when_no_figures_come() -> None:
    subject = exposition_of(wait_s=0.01)
    with pytest.raises(NotPreparedError, match=r"within 0\.01 s"):
        await text_of(subject)


async def test_figures_that_got_old_are_not_served() -> None:
    clock = StandingClock()
    subject = exposition_of(clock, wait_s=0.01, news_wait_s=0.01)
    await subject.prepare(snapshot(), PROCESS)
    clock.us += 30 * SECOND
    await text_of(subject)
    clock.us += 1
    with pytest.raises(NotPreparedError):
        await text_of(subject)


async def test_scrapes_beyond_the_limit_are_refused_and_the_place_is_given_back() -> None:
    subject = exposition_of(max_scrapes=1)
    await subject.prepare(snapshot(), PROCESS)
    async with subject.scrape():
        with pytest.raises(TooManyScrapesError):
            await text_of(subject)
    await text_of(subject)


async def test_a_preparation_that_fails_leaves_the_published_body() -> None:
    subject = exposition_of()
    await subject.prepare(snapshot(family("slad_server_x", ("", [1, 2, 3]))), ())
    before = await text_of(subject)

    def failing() -> Iterable[RenderedFamily]:
        yield PROCESS[0]
        raise RuntimeError("collector")

    with pytest.raises(RuntimeError, match="collector"):
        await subject.prepare(snapshot(), failing())
    assert await text_of(subject) == before
    await subject.prepare(snapshot(), PROCESS)
    assert await text_of(subject) != before
