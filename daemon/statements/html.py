"""A statement as one HTML file: no script, nothing fetched, made to be printed, light and dark."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from daemon.config.pictures import Picture
from daemon.statements.view import Mark, View
from sla.accounts import DayState

_TEMPLATES: Final = Path(__file__).parent / "templates"
_STYLE: Final = f"\n{(_TEMPLATES / 'statement.css').read_text(encoding='utf-8')}\n"
STYLE_SHA256: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
"""By what a content security policy lets the page have its style sheet, which is in it."""
_DAY: Final = 4
"""Units of a strip that a day takes, one of them for the gap."""
_HEIGHTS: Final = {
    DayState.DOWN: 12,
    DayState.UNOBSERVED: 8,
    DayState.EXCLUDED: 5,
    DayState.UP: 12,
    DayState.NOT_IN_SERVICE: 1,
}
"""Units: so that a strip can be read without colours."""
_HEIGHT: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class _Strip:
    """The days of a server, drawn: for each state the outline of its days, and what is said of those that are not up."""

    width: int
    outlines: Sequence[tuple[str, str]]
    said: str


def html_of(view: View, logo: Picture | None) -> str:
    """The statement as a page of its own."""
    picture = None if logo is None else f"data:image/{logo.kind};base64,{b64encode(logo.content).decode()}"
    return _template().render(view=view, logo=picture, strip=_strip, zip=zip, height=_HEIGHT)


@cache
def _template() -> Template:
    """Everything is escaped, and a name that the template does not know is an error."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["style"] = Markup(_STYLE)  # noqa: S704  our own file
    return environment.get_template("statement.html")


def _strip(marks: Sequence[Mark]) -> _Strip:
    return _Strip(
        width=_DAY * len(marks),
        outlines=[
            (state.value, "".join(_days(marks, state)))
            for state in DayState
            if any(mark.state == state.value for mark in marks)
        ],
        said="\n".join(mark.text for mark in marks if mark.state != DayState.UP.value),
    )


def _days(marks: Sequence[Mark], state: DayState) -> Iterator[str]:
    height = _HEIGHTS[state]
    for place, mark in enumerate(marks):
        if mark.state == state.value:
            yield f"M{place * _DAY} {_HEIGHT - height}h{_DAY - 1}v{height}h-{_DAY - 1}z"
