"""What exclusions would change in the months of servers, as a dry run tells it."""

from collections.abc import Sequence
from typing import Final

from daemon.exposition.families import ratio_text
from daemon.holidays import holidays_around
from daemon.pacing import paced
from daemon.replies.exclusions import MonthEffect, MonthFigures
from sla.availability import Figures
from sla.book import Book
from sla.effects import Effect, effects
from sla.records import Exclusion

MOST_EFFECTS: Final = 1000
"""How many months a dry run tells of."""


async def month_effects(book: Book, exclusions: Sequence[Exclusion]) -> tuple[MonthEffect, ...]:
    """The months whose figures would be others with exclusions that are recorded at one instant."""
    if not exclusions:
        return ()
    as_of = exclusions[0].recorded_at
    found: list[MonthEffect] = []
    async for effect in paced(effects(book, exclusions, as_of, holidays_around([as_of]))):
        if effect is not None:
            found.append(_effect(effect))
        if len(found) == MOST_EFFECTS:
            break
    return tuple(found)


def _effect(effect: Effect) -> MonthEffect:
    return MonthEffect(
        server=effect.server,
        name=effect.name,
        client=effect.client,
        month=str(effect.month),
        before=_figures(effect.before),
        after=_figures(effect.after),
    )


def _figures(figures: Figures) -> MonthFigures:
    return MonthFigures(
        availability=ratio_text(figures.availability()), down_seconds=figures.down, met=figures.met
    )
