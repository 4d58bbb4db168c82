"""The holidays that slad has written down are those of the package, which is asked for all other years."""

import subprocess
import sys
from datetime import date

import holidays
import pytest

from daemon.holidays import national_holidays, written_down
from sla.calendars import Day

EPOCH = date(1970, 1, 1).toordinal()


def by_the_package(first: int, last: int) -> frozenset[Day]:
    days = holidays.country_holidays("CA", years=range(first, last + 1))
    return frozenset(Day(day.toordinal() - EPOCH) for day in days)


@pytest.mark.parametrize("year", written_down())
def test_each_year_that_is_written_down_is_as_the_package_has_it(year: int) -> None:
    assert national_holidays(year, year) == by_the_package(year, year)


def test_years_in_both_and_before_the_first_are_the_packages() -> None:
    first, last = min(written_down()) - 2, max(written_down()) + 2
    assert national_holidays(first, last) == by_the_package(first, last)
    assert national_holidays(1700, 1868) == by_the_package(1867, 1868)
    assert national_holidays(1700, 1800) == frozenset()


def test_nobody_loads_the_package_for_the_years_that_are_written_down() -> None:
    ask = "import sys; from daemon.holidays import national_holidays; national_holidays(2025, 2030); print('holidays' in sys.modules)"
    done = subprocess.run((sys.executable, "-c", ask), check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
