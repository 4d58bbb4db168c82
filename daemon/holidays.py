"""Canada's national holidays as dates, so that the arithmetic never depends on a package's release (spec §8.2, §10)."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Final

import holidays

from sla.calendars import LAST_YEAR, Day, year_of
from sla.instants import Instant

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_FIRST_YEAR: Final = 1867
_YEARS_AHEAD: Final = 3
"""The longest deadline that terms can set, 366 business days, ends within so many years."""


@lru_cache(maxsize=8)
def national_holidays(first_year: int, last_year: int) -> frozenset[Day]:
    """The public holidays of the whole country, with their observed days, in the years from the first to the last."""
    years = range(max(first_year, _FIRST_YEAR), min(last_year, LAST_YEAR) + 1)
    return frozenset(
        Day(day.toordinal() - _EPOCH_ORDINAL) for day in holidays.country_holidays("CA", years=years)
    )


def holidays_around(instants: Iterable[Instant]) -> frozenset[Day]:
    """The holidays of all years that deadlines counted from any of `instants` can reach."""
    years = [year_of(at) for at in instants]
    if not years:
        return frozenset()
    return national_holidays(min(years) - 1, max(years) + _YEARS_AHEAD)
