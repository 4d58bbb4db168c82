"""What a value in a line of evidence may be (`spec/evidence.md`, Records): a parser each, of JSON to what a record holds.

Each raises ValueError, whose text says of the value what is wrong.
"""

import json
from collections.abc import Callable
from enum import Enum
from sys import intern
from typing import Final, TypeVar

from sla.calendars import UnknownZoneError, calendar_of, parse_month
from sla.instants import Instant, parse_instant
from sla.records import Leg, State
from sla.sharing import sharing
from sla.terms import parse_terms

LEGS: Final = {leg.value: leg for leg in Leg}
STATES: Final = {state.word: state for state in State}
_MOST_ADMINS: Final = 2
_SHA256_DIGITS: Final = 64

_E = TypeVar("_E", bound=Enum)

_same_legs: Final[Callable[[tuple[Leg, ...]], tuple[Leg, ...]]] = sharing()


def short(value: object) -> str:
    """A value as it may stand in a message."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def of_ledger(name: str) -> str:
    """What a message says of a line that stands in a ledger with a name."""
    return f" of ledger {short(name)}" if name else ""


def as_text(value: object) -> str:
    """A text, of whatever it says."""
    if not isinstance(value, str):
        raise ValueError(f"must be a text, not {short(value)}")  # noqa: TRY004  one error for all values
    return value


def as_common_text(value: object) -> str:
    """A text that many records have: one object for all of them."""
    return intern(as_text(value))


def as_id(value: object) -> str:
    """A text that is not empty; one object for all records of it."""
    if not as_text(value):
        raise ValueError("must not be empty")
    return as_common_text(value)


def as_instant(value: object) -> Instant:
    """An instant with its zone."""
    return parse_instant(as_text(value))


def one_of(words: type[_E], value: object) -> _E:
    """A word of a closed set."""
    try:
        return words(value)
    except ValueError:
        known = ", ".join(word.value for word in words)
        raise ValueError(f"must be one of {known}, not {short(value)}") from None


def as_state(value: object) -> State:
    """The state of a leg."""
    if not isinstance(value, str) or value not in STATES:
        raise ValueError(f"must be one of up, down, unknown, not {short(value)}")
    return STATES[value]


def as_texts(value: object) -> tuple[str, ...]:
    """A list of texts that are not empty."""
    if not isinstance(value, list):
        raise ValueError(f"must be a list, not {short(value)}")  # noqa: TRY004  as above
    return tuple(as_id(item) for item in value)


def as_tech_admins(value: object) -> tuple[str, ...]:
    """Two at most (spec §8.1)."""
    admins = as_texts(value)
    if len(admins) > _MOST_ADMINS:
        raise ValueError(f"at most two tech admins, not {len(admins)}")
    return admins


def as_leg(value: object) -> Leg:
    """One of the three legs (spec §2.1)."""
    return one_of(Leg, value)


def as_legs(value: object) -> tuple[Leg, ...]:
    """A list of legs, of which there is one; a leg that is named twice counts once."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"must be a list of legs that is not empty, not {short(value)}")
    return _same_legs(tuple(dict.fromkeys(as_leg(leg) for leg in value)))


def as_timezone(value: object) -> str:
    """The name of a time zone that there is."""
    try:
        return calendar_of(as_text(value)).zone
    except UnknownZoneError as error:
        raise ValueError(str(error)) from None


def as_month(value: object) -> str:
    """`YYYY-MM`."""
    return str(parse_month(as_text(value)))


def as_terms(value: object) -> str:
    """Terms, whole or in part (spec §10), as JSON text. Raises TermsError for all that is wrong with them."""
    parse_terms(value, ())
    return json.dumps(value, separators=(",", ":"))


def as_version(value: object) -> int:
    """A whole number from 1 on."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"must be a whole number, from 1 on, not {short(value)}")
    return value


def as_sha256(value: object) -> str:
    """64 hexadecimal digits."""
    text = as_text(value)
    if len(text) != _SHA256_DIGITS or set(text) - set("0123456789abcdef"):
        raise ValueError(f"must be {_SHA256_DIGITS} hexadecimal digits, not {short(value)}")
    return text
