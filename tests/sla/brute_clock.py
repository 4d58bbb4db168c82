"""Time for the brute force: minutes, the readings of walls, and what witnesses say at each."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

LEGS = ("running", "san", "internet")


def minute_of(text: str, base: datetime) -> int:
    """The minute of the grid at an instant."""
    return int((datetime.fromisoformat(text) - base) / timedelta(minutes=1))


@lru_cache(maxsize=64)
def walls(zone: str, base: datetime, size: int) -> list[datetime]:
    """What the local clock shows at each minute."""
    info = ZoneInfo(zone)
    return [(base + timedelta(minutes=m)).astimezone(info).replace(tzinfo=None) for m in range(size)]


@lru_cache(maxsize=64)
def highest_walls(zone: str, base: datetime, size: int) -> list[datetime]:
    """The latest reading of the local clock up to each minute."""
    highest, readings = datetime(1, 1, 1), []  # noqa: DTZ001  a reading of a clock
    for reading in walls(zone, base, size):
        highest = max(highest, reading)
        readings.append(highest)
    return readings


@lru_cache(maxsize=100_000)
def first_minute(zone: str, base: datetime, size: int, reading: datetime) -> int:
    """The first minute at which the clock shows a reading or, where that is skipped, a later one."""
    highest = highest_walls(zone, base, size)
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if highest[middle] >= reading:
            high = middle
        else:
            low = middle + 1
    return low


class Clock:
    """One zone's dates in the grid."""

    def __init__(self, zone: str, base: datetime, size: int) -> None:
        self.of = (zone, base, size)

    def minute(self, day: date, at: time = time()) -> int:
        return first_minute(*self.of, datetime.combine(day, at))

    def date(self, minute: int) -> date:
        return walls(*self.of)[minute].date()

    def wall(self, minute: int) -> datetime:
        return walls(*self.of)[minute]


def after(day: date, days: int) -> date:
    return day + timedelta(days=days)


@lru_cache(maxsize=100_000)
def merged(
    considered: tuple[str, ...], said: tuple[tuple[str, ...], ...]
) -> tuple[str, frozenset[str], bool]:
    """What all witnesses say of all legs at a minute, made one."""
    says = {leg: words for leg, words in zip(LEGS, said, strict=True) if leg in considered}
    legs = {
        leg: "up" if "up" in words else "down" if "down" in words else "unknown"
        for leg, words in says.items()
    }
    if "down" in legs.values():
        state = "down"
    elif not legs or "unknown" in legs.values():
        state = "unknown"
    else:
        state = "up"
    down = frozenset(leg for leg, each in legs.items() if each == "down")
    return state, down, any("down" in words for words in says.values())


def keys_of(
    name: str, owners: Sequence[tuple[str, str | None, tuple[str, ...]] | None]
) -> list[tuple[str, str] | None]:
    """The solution that a server is in at each minute, and the client; a server in none is one by itself."""
    keys = {owner: (owner[1] or name, owner[0]) if owner else None for owner in set(owners)}
    return [keys[owner] for owner in owners]


def as_float(value: Fraction | None) -> float | None:
    """As the document shows it: whole numbers equal their doubles."""
    return None if value is None else value.numerator / value.denominator


def in_utc(text: str) -> datetime:
    """An instant of the grid's base."""
    return datetime.fromisoformat(text).astimezone(UTC)
