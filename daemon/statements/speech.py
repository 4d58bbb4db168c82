"""How statements say things in a language: phrases, and by Babel dates and numbers. Ratios and durations are cut, never rounded up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from daemon.languages import LanguageName
from daemon.statements.words import REASONS, WORDS
from sla.calendars import Month, calendar_of
from sla.instants import HOUR, MINUTE, SECOND, parse_instant
from sla.texts import printable

_SPACES: Final = str.maketrans({"\u00a0": " ", "\u202f": " "})
"""Babel's spaces that do not break: the layouts see to it that numbers do not."""
_DASH: Final = "–"


@dataclass(frozen=True, slots=True)
class Speech:
    """A language, and the zone whose clock instants are told by."""

    locale: LanguageName
    zone: str

    @property
    def is_french(self) -> bool:
        """Whether it is French, of whichever country."""
        return self.locale.startswith("fr")

    def say(self, key: str, **values: str | int) -> str:
        """A phrase, filled in."""
        phrase = WORDS[key].fr if self.is_french else WORDS[key].en
        return phrase.format(**values) if values else phrase

    def reason(self, sentence: str) -> str:
        """Why a leg was down, as evidence says it."""
        told = REASONS.get(sentence, sentence) if self.is_french else sentence
        return printable(told)

    def month(self, month: Month) -> str:
        """Such as October 2026."""
        return self._date(date(month.year, month.number, 1), "LLLL y")

    def day(self, iso: str) -> str:
        """A date in ISO's form, as people write it."""
        return self._date(date.fromisoformat(iso), "medium")

    def instant(self, rfc_3339: str | None) -> str:
        """A local date and time to the second, the fraction cut, with the abbreviation of its zone; a dash for none."""
        if rfc_3339 is None:
            return _DASH
        local = calendar_of(self.zone).local_time(parse_instant(rfc_3339))
        return f"{self._date(local.date(), 'medium')} {local:%H:%M:%S} {local.tzname()}"

    def duration(self, us: int | None) -> str:
        """Hours, minutes and seconds, the fraction cut, such as `1 h 04 min 12 s`; a dash for none."""
        if us is None:
            return _DASH
        hours, rest = divmod(us, HOUR)
        minutes, rest = divmod(rest, MINUTE)
        seconds = rest // SECOND
        if hours:
            return f"{self.number(hours)} h {minutes:02} min {seconds:02} s"
        return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"

    def hours(self, us: int) -> str:
        """Hours with two decimals, rounded down."""
        return self._decimal(us * 100 // HOUR, 2)

    def percent(self, ratio: Fraction | None) -> str:
        """A ratio in percent with four decimals, rounded down (spec §1.3); a dash where there is none."""
        if ratio is None:
            return _DASH
        return f"{self._decimal(ratio.numerator * 1_000_000 // ratio.denominator, 4)} %"

    def number(self, number: int) -> str:
        """A whole number, its thousands set apart."""
        return self._decimal(number, 0)

    def names(self, names: Sequence[str], most: int) -> str:
        """The first names, and how many there are more."""
        first = ", ".join(map(printable, names[:most]))
        more = len(names) - most
        return self.say("and_more", names=first, number=self.number(more)) if more > 0 else first

    def _decimal(self, units: int, decimals: int) -> str:
        return _decimal(self.locale, units, decimals)

    def _date(self, day: date, form: str) -> str:
        return _date(self.locale, day, form)


# Babel takes its time, and a statement says the same days and the same times of many servers.


@lru_cache(maxsize=4096)
def _decimal(locale: LanguageName, units: int, decimals: int) -> str:
    exact = Decimal(units).scaleb(-decimals)
    pattern = f"#,##0.{'0' * decimals}" if decimals else "#,##0"
    return format_decimal(exact, pattern, Locale.parse(locale)).translate(_SPACES)


@lru_cache(maxsize=4096)
def _date(locale: LanguageName, day: date, form: str) -> str:
    return format_date(day, form, Locale.parse(locale)).translate(_SPACES)
