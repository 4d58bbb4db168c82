"""Figures as people read them: durations, ratios in percent, numbers of things; and the first of many names."""

from collections.abc import Sequence
from fractions import Fraction

from sla.instants import SECOND


def percent(ratio: Fraction | None) -> str:
    """A ratio in percent, with four decimals, rounded down; a dash where there is none."""
    if ratio is None:
        return "-"
    ten_thousandths = ratio.numerator * 1_000_000 // ratio.denominator
    return f"{ten_thousandths // 10_000}.{ten_thousandths % 10_000:04} %"


def duration(microseconds: int | Fraction) -> str:
    """Days, hours, minutes and seconds; a fraction of a second is rounded down to milliseconds."""
    sign, rest = ("-", -microseconds) if microseconds < 0 else ("", microseconds)
    seconds, part = divmod(int(rest), SECOND)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    fraction = f".{part // 1000:03}" if part >= 1000 else ""
    text = " ".join(f"{amount}{unit}" for amount, unit in ((hours, "h"), (minute, "m")) if amount)
    if second or fraction or not text:
        text = f"{text} {second}{fraction}s".strip()
    return sign + text


def counted(count: int, noun: str) -> str:
    """So many of a noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def first_of(names: Sequence[str], most: int) -> str:
    """The first names, and how many there are more."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
