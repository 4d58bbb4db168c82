"""Badges: a label and what it says, as a small picture (SVG) that other pages show.

It is set in a fixed pitch, so that its width follows from the characters alone, whatever fonts there are; and nothing in it needs a
style sheet, which a strict page would not let it have.
"""

import unicodedata
from enum import Enum
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from sla.texts import printable

MEDIA_TYPE: Final = "image/svg+xml"

_PITCH: Final = 7.25
"""Pixels that a character takes; one of double width takes twice as much."""
_SIZE: Final = 12
_PADDING: Final = 7
_HEIGHT: Final = 20
_BASELINE: Final = 14
_LONGEST: Final = 60
"""Characters of a label."""
_LABEL: Final = "#3d444d"


class Tone(Enum):
    """How good what a badge says is, as the colour behind it; white on each is read with a contrast of 4.5 to 1 and more."""

    GOOD = "#1a6b33"
    BAD = "#b42318"
    DOUBTFUL = "#8a6100"
    NEUTRAL = "#59636e"


def badge_of(label: str, message: str, tone: Tone) -> bytes:
    """The picture as one line of SVG; texts that are longer than 60 characters are cut."""
    label, message = _cut(printable(label)), _cut(printable(message))
    left, right = _width(label), _width(message)
    width, said = left + right, f"{label}: {message}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{_HEIGHT}" role="img"'
        f" aria-label={quoteattr(said)}><title>{escape(said)}</title>"
        f'<rect width="{left:g}" height="{_HEIGHT}" fill="{_LABEL}"/>'
        f'<rect x="{left:g}" width="{right:g}" height="{_HEIGHT}" fill="{tone.value}"/>'
        f'<g fill="#fff" font-family="monospace" font-size="{_SIZE}">{_text(label, 0)}{_text(message, left)}</g></svg>\n'
    ).encode()


def _text(text: str, start: float) -> str:
    length = f'textLength="{_PITCH * _columns(text):g}" lengthAdjust="spacingAndGlyphs"'
    return (
        f'<text x="{start + _PADDING:g}" y="{_BASELINE}" xml:space="preserve" {length}>{escape(text)}</text>'
    )


def _width(text: str) -> float:
    return _PITCH * _columns(text) + 2 * _PADDING


def _columns(text: str) -> int:
    """How many characters of single width a text is as wide as."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
