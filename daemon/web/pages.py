"""The read-only pages: what they show, as plain values, and how that becomes HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from daemon.replies.own import OwnStatus
from daemon.replies.status import SourceStatus
from sla.calendars import Month
from sla.instants import DAY, HOUR, MINUTE, SECOND, Instant, format_instant
from sla.texts import printable

_TEMPLATES: Final = Path(__file__).parent / "templates"
STYLE: Final = (_TEMPLATES / "style.css").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRow:
    """One of the worst servers; `note`: the legs that are down."""

    server: str
    name: str
    client: str
    state: str
    since: Instant | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the landing page shows, all of it of one instant. `states`: how many servers are in each state."""

    version: str
    at: Instant
    settled_at: Instant | None
    ledger_records: int
    ledger_head: str
    states: Mapping[str, int] = field(default_factory=dict)
    sources: tuple[SourceStatus, ...] = ()
    worst: tuple[ServerRow, ...] = ()


class Pages:
    """The templates, compiled once."""

    def __init__(self) -> None:
        """Everything is escaped, and a name that a template does not know is an error."""
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.filters["instant"] = format_instant
        environment.filters["printable"] = printable
        self._landing = environment.get_template("landing.html")
        self._client = environment.get_template("client.html")

    def landing(self, overview: Overview, not_ready: tuple[str, ...]) -> str:
        """The page at `/`."""
        return self._landing.render(overview=overview, not_ready=not_ready, ago=_ago)

    def client(self, status: OwnStatus, months: Sequence[Month], expires_at: Instant) -> str:
        """The page that a client's link opens; `months`: those of which there are statements."""
        return self._client.render(status=status, months=months, expires_at=expires_at)


def _ago(then: Instant, now: Instant) -> str:
    """How long ago, to the two largest units."""
    left = max(0, now - then)
    parts: list[str] = []
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
