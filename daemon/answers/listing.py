"""How a page is taken from many candidates in an order, without putting all of them in it."""

from collections.abc import Iterable
from typing import Final, TypeVar

from daemon.control.questions import Page, PageKey
from daemon.pacing import paced

T = TypeVar("T")

_KEPT: Final = 4
"""How many pages of rows are kept before the rest of them is let go."""


async def next_rows(
    candidates: Iterable[tuple[PageKey, T] | None], page: Page
) -> tuple[list[tuple[PageKey, T]], PageKey | None]:
    """Of those behind a key as many as a page has, in order, and the key behind which the next page begins.

    A candidate is where it stands, which no other does, and what it is; None for each that was looked at in vain.
    """
    found: list[tuple[PageKey, T]] = []
    last: PageKey | None = None
    async for candidate in paced(candidates):
        if candidate is None or (page.after is not None and candidate[0] <= page.after):
            continue
        if last is not None and candidate[0] > last:
            continue
        found.append(candidate)
        if len(found) > _KEPT * page.limit:
            found = sorted(found)[: page.limit + 1]
            last = found[-1][0]
    found.sort()
    return found[: page.limit], found[page.limit - 1][0] if len(found) > page.limit else None
