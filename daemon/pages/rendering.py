"""How pages become HTML: everything is escaped, and instants are told in a zone, with the UTC one beside."""

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from daemon.pages.drawing import HEIGHT, WIDTH
from daemon.statements.speech import Speech
from sla.calendars import calendar_of
from sla.instants import DAY, HOUR, MINUTE, SECOND, Instant, format_instant
from sla.spans import length
from sla.texts import printable

_HERE: Final = Path(__file__).parent
_SPEECH: Final = Speech("en", "UTC")


class Asset:
    """A file of ours that pages name by what is in it, so that a browser may keep it for good."""

    def __init__(self, name: str, media_type: str) -> None:
        self.content = (_HERE / "static" / name).read_bytes()
        self.media_type = media_type
        stem, _, suffix = name.partition(".")
        self.path = f"/static/{stem}-{hashlib.sha256(self.content).hexdigest()[:16]}.{suffix}"


STYLE: Final = Asset("slad.css", "text/css")
SCRIPT: Final = Asset("slad.js", "text/javascript")
ICON: Final = Asset("slad.svg", "image/svg+xml")


class Templates:
    """The templates, all of them compiled: a broken one is found where the pages are made, and nobody who looks waits for it."""

    def __init__(self) -> None:
        """A name that a template does not know is an error."""
        environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            finalize=_shown,
        )
        environment.filters.update(
            at=at,
            ago=ago,
            month=month,
            lasting=_SPEECH.duration,
            percent=percent,
            number=_SPEECH.number,
            cause=cause,
            utc=format_instant,
            length_of=length,
        )
        environment.globals.update(
            say=_SPEECH.say,
            style=STYLE.path,
            script=SCRIPT.path,
            icon=ICON.path,
            picture_height=HEIGHT,
            picture_width=WIDTH,
        )
        self._compiled = {name: environment.get_template(name) for name in environment.list_templates()}

    def page(self, template: str, values: Mapping[str, Any]) -> str:
        """The page that a template makes of some values."""
        return self._compiled[template].render(values)


@cache
def templates() -> Templates:
    """Those of this process."""
    return Templates()


def at(instant: Instant | None, zone: str, none: str = "–") -> Markup | str:
    """An instant in a zone, to the second; the one in UTC for machines, and for who hovers."""
    if instant is None:
        return none
    utc = format_instant(instant)
    local = Speech("en", zone).instant(utc)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        utc, utc[:19].replace("T", " "), local
    )


def month(instant: Instant, zone: str) -> str:
    """The month that it was then by a zone's clock, such as 2026-10."""
    return str(calendar_of(zone).month_of(instant))


def ago(us: int) -> str:
    """How long ago, to the two largest units."""
    left = max(0, us)
    parts: list[str] = []
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def percent(ratio: str | Fraction | None) -> str:
    """A ratio in percent, rounded down."""
    return _SPEECH.percent(None if ratio is None else Fraction(ratio))


def cause(told: Any) -> str:
    """A cause and how sure it is, in words."""
    if told is None:
        return "not known yet"
    word = _SPEECH.say(f"cause.{told.cause.value}")
    return _SPEECH.say(f"sure.{told.confidence.value}", cause=word)


def _shown(value: object) -> object:
    """What others wrote is one line, in which every character shows."""
    return printable(value) if type(value) is str else value
