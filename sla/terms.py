"""The terms of a contract: the tables `[contract.*]`, their defaults and their limits (spec §10).

`DEFAULTS` is the contract as published. `parse_terms` takes the tables as parsed from TOML or JSON; what they leave
out has its default. A time of day is microseconds since 00:00, a duration microseconds, a number of days a number.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from enum import Enum
from fractions import Fraction
from functools import partial
from typing import Any, Final, NamedTuple

from sla.calendars import Day, UnknownZoneError, calendar_of, format_day, parse_day
from sla.instants import DAY, HOUR, MINUTE, SECOND
from sla.records import Leg

_UNITS: Final = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND}
_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd])", re.ASCII)
_TIME_OF_DAY: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)
_DECIMAL: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,30})?", re.ASCII)
_LONGEST: Final = 366 * DAY
_MOST_DAYS: Final = 366
_MOST_INTERRUPTIONS: Final = 1000
NATIONAL_HOLIDAYS: Final = "CA"
"""The one word that `holidays` may be: Canada's, frozen into dates wherever terms are judged by."""


class Basis(Enum):
    """Whether excluded time is no service time, or counts as available (spec §5.2)."""

    AGREED = "agreed"
    SERVICE = "service"


class Unobserved(Enum):
    """How time counts that nobody observed (spec §5.2)."""

    EXCLUDE = "exclude"
    UP = "up"
    DOWN = "down"


class AnnouncedBy(Enum):
    """What proves the notice of maintenance: when it was recorded, or when it says it was announced (spec §4.4a)."""

    RECORDED = "recorded"
    STATED = "stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """`[contract.availability]`."""

    target: Fraction
    basis: Basis
    unobserved: Unobserved
    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledMaintenance:
    """`[contract.scheduled_maintenance]`. `notice` is a number of days."""

    between: tuple[int, int]
    max_per_week: int
    notice: int
    announcement: AnnouncedBy
    emergency_in_cap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChronicOutages:
    """`[contract.chronic_outages]`."""

    interruptions: int
    lasting: int
    rejoin: int
    request_early: int
    within_days: int
    notice_days: int
    resolution_days: int
    evaluation_days: int
    evaluation_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """`[contract.support]`. `holidays` are the dates that the term stands for."""

    time_zone: str
    hours: tuple[int, int]
    holidays: frozenset[Day]
    respond_within: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleDays:
    """`[contract.lifecycle]`: business days."""

    provisioning_days: int
    acceptance_days: int
    data_return_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """All terms of a contract."""

    availability: Availability
    scheduled_maintenance: ScheduledMaintenance
    chronic_outages: ChronicOutages
    support: Support
    lifecycle: LifecycleDays


class TermFault(NamedTuple):
    """What is wrong with one key, such as `availability.target`."""

    key: str
    problem: str


class TermsError(ValueError):
    """Tables that are no terms. `faults` are all that is wrong with them."""

    def __init__(self, faults: tuple[TermFault, ...]) -> None:
        """The message shows every fault as `KEY: PROBLEM`."""
        super().__init__("; ".join(f"{fault.key}: {fault.problem}" for fault in faults))
        self.faults = faults


def parse_terms(tables: object, national_holidays: Collection[Day]) -> Terms:
    """The terms that the tables below `contract` say, the rest by default.

    `national_holidays` are the dates that the word "CA" stands for. Raises TermsError.
    """
    faults: list[TermFault] = []
    given = _table("", tables, _TABLES, faults)
    values: dict[str, Any] = {}
    for name, (make, parsers) in _TABLES.items():
        defaults = DEFAULTS[name]
        keys = {**defaults, **_table(name, given.get(name, {}), parsers, faults)}
        parsed = {key: _parsed(f"{name}.{key}", keys[key], parse, faults) for key, parse in parsers.items()}
        if not faults:
            if parsed.get("holidays") == NATIONAL_HOLIDAYS:
                parsed["holidays"] = frozenset(national_holidays)
            values[name] = make(**parsed)
    if faults:
        raise TermsError(tuple(faults))
    return Terms(**values)


def format_terms(terms: Terms) -> str:
    """The tables as canonical JSON: every key, in the order of the spec, holidays as dates in order."""
    tables = {
        table.name: {
            key.name: _shown(key.name, getattr(getattr(terms, table.name), key.name)) for key in keys
        }
        for table in fields(terms)
        for keys in [fields(getattr(terms, table.name))]
    }
    return json.dumps(tables, separators=(",", ":"))


def parse_duration(value: object) -> int:
    """The microseconds that a whole number and a unit say, such as "2h". Raises ValueError."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'must be a whole number and a unit (s, m, h, d), such as "2h", not {_said(value)}')
    return int(match[1]) * _UNITS[match[2]]


def format_duration(microseconds: int) -> str:
    """A whole number and the greatest unit that fits."""
    if not microseconds:
        return "0s"
    unit = next(unit for unit, size in _UNITS.items() if microseconds % size == 0)
    return f"{microseconds // _UNITS[unit]}{unit}"


def format_time_of_day(time_of_day: int) -> str:
    """HH:MM."""
    hours, minutes = divmod(time_of_day // MINUTE, 60)
    return f"{hours:02}:{minutes:02}"


def _shown(key: str, value: object) -> object:
    match value:
        case AnnouncedBy() | Basis() | Unobserved():
            return value.value
        case Fraction():
            return format_decimal(value)
        case frozenset():
            return [format_day(day) for day in sorted(value)]
        case tuple():
            return [item.value if isinstance(item, Leg) else format_time_of_day(item) for item in value]
        case int() if key == "notice":
            return f"{value}d"
        case int() if key in _DURATIONS:
            return format_duration(value)
        case _:
            return value


def format_decimal(value: Fraction) -> str:
    """The decimal of a fraction whose denominator divides a power of ten, exactly."""
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    whole, rest = divmod(int(value * 10**digits), 10**digits)
    return f"{whole}.{rest:0{digits}}" if digits else str(whole)


def _table(
    name: str, value: object, known: Mapping[str, object], faults: list[TermFault]
) -> Mapping[str, object]:
    """The keys of a table that are known; what else there is becomes a fault."""
    if not isinstance(value, Mapping):
        faults.append(TermFault(name, "must be a table"))
        return {}
    for key in value:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f", did you mean {near[0]}?" if near else f": known are {', '.join(known)}"
            faults.append(TermFault(f"{name}.{key}" if name else key, f"unknown key{hint}"))
    return {key: value[key] for key in known if key in value}


def _parsed(key: str, value: object, parse: Callable[[object], object], faults: list[TermFault]) -> object:
    try:
        return parse(value)
    except ValueError as error:
        faults.append(TermFault(key, str(error)))
        return None


def _said(value: object) -> str:
    """A value as it may stand in a message: short."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _target(value: object) -> Fraction:
    if not isinstance(value, str) or _DECIMAL.fullmatch(value) is None or Fraction(value) > 1:
        raise ValueError(
            f'must be a decimal between 0 and 1 in a string, such as "0.999", not {_said(value)}'
        )
    return Fraction(value)


def _one_of(words: type[Enum], value: object) -> Enum:
    try:
        return words(value)
    except ValueError:
        known = ", ".join(word.value for word in words)
        raise ValueError(f"must be one of {known}, not {_said(value)}") from None


def _legs(value: object) -> tuple[Leg, ...]:
    known = {leg.value: leg for leg in Leg}
    if (
        not isinstance(value, list)
        or not value
        or any(not isinstance(v, str) or v not in known for v in value)
    ):
        raise ValueError(f"must be a list of {', '.join(known)}, not {_said(value)}")
    return tuple(leg for leg in Leg if leg.value in value)


def _duration(value: object) -> int:
    duration = parse_duration(value)
    if duration > _LONGEST:
        raise ValueError(f"must be at most {format_duration(_LONGEST)}, not {_said(value)}")
    return duration


def _whole_days(value: object) -> int:
    duration = _duration(value)
    if duration % DAY:
        raise ValueError(f'must be whole days, such as "3d", not {_said(value)}')
    return duration // DAY


def _times_of_day(value: object) -> tuple[int, int]:
    if (
        not isinstance(value, list)
        or len(value) != 2
        or any(not isinstance(text, str) or _TIME_OF_DAY.fullmatch(text) is None for text in value)
        or value[0] == "24:00"
    ):
        raise ValueError(f'must be two times of day, such as ["23:00", "06:00"], not {_said(value)}')
    start, end = (int(text[:2]) * HOUR + int(text[3:]) * MINUTE for text in value)
    return start, end


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {_said(value)}")  # noqa: TRY004  one error for all values
    return value


def _number(least: int, most: int, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"must be a whole number from {least} to {most}, not {_said(value)}")
    return value


def _zone(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a time zone, such as America/Toronto, not {_said(value)}")  # noqa: TRY004  as above
    try:
        return calendar_of(value).zone
    except UnknownZoneError as error:
        raise ValueError(str(error)) from None


def _holidays(value: object) -> frozenset[Day] | str:
    if value == NATIONAL_HOLIDAYS:
        return NATIONAL_HOLIDAYS
    if not isinstance(value, list) or any(not isinstance(text, str) for text in value):
        raise ValueError(f'must be "{NATIONAL_HOLIDAYS}" or a list of dates, not {_said(value)}')
    return frozenset(parse_day(text) for text in value)


_days = partial(_number, 0, _MOST_DAYS)
_DURATIONS: Final = frozenset({"max_per_week", "lasting", "rejoin", "request_early", "respond_within"})
_TABLES: Final[Mapping[str, tuple[Callable[..., object], Mapping[str, Callable[[object], object]]]]] = {
    "availability": (
        Availability,
        {
            "target": _target,
            "basis": partial(_one_of, Basis),
            "unobserved": partial(_one_of, Unobserved),
            "legs": _legs,
        },
    ),
    "scheduled_maintenance": (
        ScheduledMaintenance,
        {
            "between": _times_of_day,
            "max_per_week": _duration,
            "notice": _whole_days,
            "announcement": partial(_one_of, AnnouncedBy),
            "emergency_in_cap": _flag,
        },
    ),
    "chronic_outages": (
        ChronicOutages,
        {
            "interruptions": partial(_number, 1, _MOST_INTERRUPTIONS),
            "lasting": _duration,
            "rejoin": _duration,
            "request_early": _duration,
            "within_days": partial(_number, 1, _MOST_DAYS),
            "notice_days": _days,
            "resolution_days": _days,
            "evaluation_days": _days,
            "evaluation_max": partial(_number, 0, _MOST_INTERRUPTIONS),
        },
    ),
    "support": (
        Support,
        {"time_zone": _zone, "hours": _times_of_day, "holidays": _holidays, "respond_within": _duration},
    ),
    "lifecycle": (
        LifecycleDays,
        {"provisioning_days": _days, "acceptance_days": _days, "data_return_days": _days},
    ),
}

DEFAULTS: Final[Mapping[str, Mapping[str, object]]] = {
    "availability": {
        "target": "0.999",
        "basis": "agreed",
        "unobserved": "exclude",
        "legs": ["running", "san", "internet"],
    },
    "scheduled_maintenance": {
        "between": ["23:00", "06:00"],
        "max_per_week": "1h",
        "notice": "3d",
        "announcement": "recorded",
        "emergency_in_cap": True,
    },
    "chronic_outages": {
        "interruptions": 5,
        "lasting": "2h",
        "rejoin": "0s",
        "request_early": "15m",
        "within_days": 30,
        "notice_days": 7,
        "resolution_days": 30,
        "evaluation_days": 30,
        "evaluation_max": 2,
    },
    "support": {
        "time_zone": "America/Toronto",
        "hours": ["08:00", "20:00"],
        "holidays": NATIONAL_HOLIDAYS,
        "respond_within": "4h",
    },
    "lifecycle": {"provisioning_days": 5, "acceptance_days": 5, "data_return_days": 3},
}
"""The contract's own terms, as tables."""


def parse_terms_text(text: str, national_holidays: Collection[Day]) -> Terms:
    """The terms in a contract record's JSON text. Raises TermsError."""
    return parse_terms(json.loads(text), national_holidays)
