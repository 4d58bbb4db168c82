"""Instants: integers of UTC microseconds since 1970-01-01 (spec §1.1), and their text form, RFC 3339."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NewType

Instant = NewType("Instant", int)
"""UTC microseconds since the epoch."""

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

BEGINNING: Final = Instant(-(2**62))
"""Earlier than every instant that a record can hold."""
FOREVER: Final = Instant(2**62)
"""Later than every instant that a record can hold: what `until: null` means in arithmetic."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_RFC_3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:[0-5]\d)", re.ASCII
)


def parse_instant(text: str) -> Instant:
    """The instant that an RFC 3339 text with a zone names, in the years 1 to 9999 of UTC, to the microsecond.

    Raises ValueError, whose message says what is wrong, for anything else: a naive time above all.
    """
    if _RFC_3339.fullmatch(text) is None:
        raise ValueError(
            f"{text!r} is no RFC 3339 instant with a zone, such as 2026-03-01T05:00:00Z or 2026-03-01T00:00:00-05:00"
        )
    try:
        return instant_of(datetime.fromisoformat(text.upper()).astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} names no instant: {error}") from None


def format_instant(at: Instant) -> str:
    """`at` as RFC 3339 in UTC; a fraction, of six digits, only where there is one."""
    seconds = at // SECOND
    fraction = at - seconds * SECOND
    return f"{_whole_second(seconds)}.{fraction:06}Z" if fraction else f"{_whole_second(seconds)}Z"


@lru_cache(maxsize=4096)
def _whole_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


def instant_of(moment: datetime) -> Instant:
    """The instant of an aware datetime."""
    assert moment.tzinfo is not None
    return Instant((moment - _EPOCH) // _MICROSECOND)


def datetime_of(at: Instant) -> datetime:
    """The aware UTC datetime of an instant."""
    return _EPOCH + timedelta(microseconds=at)
