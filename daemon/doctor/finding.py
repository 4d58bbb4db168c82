"""What was found: how bad it is, what it is about, and how to mend it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was tried: `about` is a section of slad.toml or a part of the machine; `remedy` mends it."""

    level: Level
    about: str
    text: str
    remedy: str = ""


def ok(about: str, text: str) -> Finding:
    return Finding(level=Level.OK, about=about, text=text)


def warn(about: str, text: str, remedy: str) -> Finding:
    """It works, but not as well as it could."""
    return Finding(level=Level.WARN, about=about, text=text, remedy=remedy)


def fail(about: str, text: str, remedy: str) -> Finding:
    """It will not work."""
    return Finding(level=Level.FAIL, about=about, text=text, remedy=remedy)
