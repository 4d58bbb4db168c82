"""Ids for what is put on record: of a kind, a day and chance, so that those of several monitors can stand in one file."""

import secrets
from collections.abc import Callable

from sla.calendars import Day, format_day
from sla.instants import DAY, Instant


def new_id(prefix: str, at: Instant, is_taken: Callable[[str], bool]) -> str:
    """An id that is not taken, such as `ex-20261201-1a2b3c`."""
    day = format_day(Day(at // DAY)).replace("-", "")
    while is_taken(made := f"{prefix}-{day}-{secrets.token_hex(3)}"):
        pass
    return made
