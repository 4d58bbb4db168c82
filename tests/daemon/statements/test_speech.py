"""How languages say dates, numbers, ratios and durations: cut, never rounded up (spec §1.3)."""

from fractions import Fraction

import pytest

from daemon.languages import LanguageName
from daemon.statements.speech import Speech
from sla.calendars import Month
from sla.instants import HOUR, MINUTE, SECOND
from tests.sla import stories  # noqa: F401  its time zones are the packaged ones

ENGLISH, FRENCH = Speech("en_CA", "America/Toronto"), Speech("fr_CA", "America/Montreal")


@pytest.mark.parametrize(
    ("us", "said"),
    [
        (0, "0 s"),
        (SECOND - 1, "0 s"),
        (12 * SECOND, "12 s"),
        (4 * MINUTE + 12 * SECOND, "4 min 12 s"),
        (HOUR + 4 * MINUTE + 12 * SECOND + 999_999, "1 h 04 min 12 s"),
        (1234 * HOUR, "1,234 h 00 min 00 s"),
        (None, "–"),
    ],
)
def test_a_duration_reads_like_a_duration(us: int | None, said: str) -> None:
    assert ENGLISH.duration(us) == said


@pytest.mark.parametrize(
    ("ratio", "english", "french"),
    [
        (Fraction(1), "100.0000 %", "100,0000 %"),
        (Fraction(998_999_999, 10**9), "99.8999 %", "99,8999 %"),
        (Fraction(999_999_999_999, 10**12), "99.9999 %", "99,9999 %"),
        (Fraction(0), "0.0000 %", "0,0000 %"),
        (None, "–", "–"),
    ],
)
def test_a_ratio_is_rounded_down(ratio: Fraction | None, english: str, french: str) -> None:
    assert (ENGLISH.percent(ratio), FRENCH.percent(ratio)) == (english, french)


@pytest.mark.parametrize(
    ("locale", "month", "day", "instant"),
    [
        ("en", "October 2026", "Oct 5, 2026", "Oct 31, 2026 23:59:59 EDT"),
        ("en_CA", "October 2026", "Oct 5, 2026", "Oct 31, 2026 23:59:59 EDT"),
        ("fr", "octobre 2026", "5 oct. 2026", "31 oct. 2026 23:59:59 EDT"),
        ("fr_CA", "octobre 2026", "5 oct. 2026", "31 oct. 2026 23:59:59 EDT"),
    ],
)
def test_dates_are_as_people_write_them(locale: LanguageName, month: str, day: str, instant: str) -> None:
    speech = Speech(locale, "America/Toronto")
    assert speech.month(Month(2026, 10)) == month
    assert speech.day("2026-10-05") == day
    assert speech.instant("2026-11-01T03:59:59.999999Z") == instant
    assert speech.instant("2026-11-01T06:30:00Z").endswith("01:30:00 EST")
    assert speech.instant(None) == "–"


def test_numbers_have_plain_spaces_and_hours_two_decimals() -> None:
    assert FRENCH.number(1_234_567) == "1 234 567"
    assert ENGLISH.hours(90 * MINUTE + 35 * SECOND) == "1.50"
    assert FRENCH.hours(HOUR - 1) == "0,99"


def test_of_many_names_the_first_are_told() -> None:
    assert ENGLISH.names(["a", "b\u202e"], 2) == "a, b\\u202e"
    assert FRENCH.names(["a", "b", "c"], 1) == "a et 2 de plus"


def test_why_a_leg_was_down_is_told_in_french_where_the_sentence_is_known() -> None:
    assert FRENCH.reason("powered off") == "hors tension"
    assert FRENCH.reason("no answer\n") == "no answer\\n"
    assert ENGLISH.reason("powered off") == "powered off"
