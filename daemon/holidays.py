"""Canada's national holidays as dates, so that the arithmetic never depends on a package's release (spec §8.2, §10).

The dates are those of the package `holidays`. It loads every country, which takes a tenth of a second and 17 MB: those of the
years that nearly everybody asks for are therefore written down here, and a test holds them to the package.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache
from typing import Final

from sla.calendars import LAST_YEAR, Day, year_of
from sla.instants import Instant

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_FIRST_YEAR: Final = 1867
_YEARS_AHEAD: Final = 3
"""The longest deadline that terms can set, 366 business days, ends within so many years."""
_WRITTEN_DOWN: Final = """\
2020 01-01 04-10 07-01 09-07 12-25
2021 01-01 04-02 07-01 09-06 12-25 12-27
2022 01-01 01-03 04-15 07-01 09-05 12-25 12-26
2023 01-01 01-02 04-07 07-01 09-04 12-25
2024 01-01 03-29 07-01 09-02 12-25
2025 01-01 04-18 07-01 09-01 12-25
2026 01-01 04-03 07-01 09-07 12-25
2027 01-01 03-26 07-01 09-06 12-25 12-27
2028 01-01 01-03 04-14 07-01 09-04 12-25
2029 01-01 03-30 07-01 09-03 12-25
2030 01-01 04-19 07-01 09-02 12-25
2031 01-01 04-11 07-01 09-01 12-25
2032 01-01 03-26 07-01 09-06 12-25 12-27
2033 01-01 01-03 04-15 07-01 09-05 12-25 12-26
2034 01-01 01-02 04-07 07-01 09-04 12-25
2035 01-01 03-23 07-01 09-03 12-25
2036 01-01 04-11 07-01 09-01 12-25
2037 01-01 04-03 07-01 09-07 12-25
2038 01-01 04-23 07-01 09-06 12-25 12-27
2039 01-01 01-03 04-08 07-01 09-05 12-25 12-26
2040 01-01 01-02 03-30 07-01 09-03 12-25"""
"""A year a line, and its holidays."""


@lru_cache(maxsize=8)
def national_holidays(first_year: int, last_year: int) -> frozenset[Day]:
    """The public holidays of the whole country, with their observed days, in the years from the first to the last."""
    years = range(max(first_year, _FIRST_YEAR), min(last_year, LAST_YEAR) + 1)
    known = written_down()
    others = [year for year in years if year not in known]
    found = [day for year in years if year in known for day in known[year]]
    return frozenset(
        Day(day.toordinal() - _EPOCH_ORDINAL)
        for day in (*found, *(_by_the_package(others) if others else ()))
    )


def written_down() -> dict[int, list[date]]:
    """The holidays of the years of which the package need not be asked."""
    return {
        int(year): [date.fromisoformat(f"{year}-{day}") for day in days]
        for year, *days in map(str.split, _WRITTEN_DOWN.splitlines())
    }


def _by_the_package(years: Iterable[int]) -> Iterator[date]:
    import holidays

    yield from holidays.country_holidays("CA", years=years)


def holidays_around(instants: Iterable[Instant]) -> frozenset[Day]:
    """The holidays of all years that deadlines counted from any of `instants` can reach."""
    years = [year_of(at) for at in instants]
    if not years:
        return frozenset()
    return national_holidays(min(years) - 1, max(years) + _YEARS_AHEAD)
