"""Pages taken from candidates in any order: each is on one of them, in order."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from daemon.answers.listing import next_rows
from daemon.control.questions import Page, PageKey


@pytest.mark.parametrize("seed", range(20))
def test_every_candidate_is_on_one_page(seed: int) -> None:
    chance = random.Random(seed)
    names = [f"{chance.randrange(300):03}-{number}" for number in range(chance.randrange(200))]
    candidates = [None if chance.random() < 0.2 else ((name,), name) for name in names]
    wanted = sorted(each[1] for each in candidates if each is not None)
    limit, after, found = chance.randrange(1, 30), None, list[str]()
    while True:
        rows, behind = asyncio.run(_page(candidates, Page(after, limit)))
        assert len(rows) <= limit
        found += rows
        if behind is None:
            break
        after = behind
    assert found == wanted


async def _page(
    candidates: Sequence[tuple[PageKey, str] | None], page: Page
) -> tuple[list[str], PageKey | None]:
    found, behind = await next_rows(candidates, page)
    return [name for _, name in found], behind
