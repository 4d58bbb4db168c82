"""What looks like markup in a reply, from left to right and in linear time. It may be no XML: nothing has to end or to match.

What is no markup after all is text, a `<` that stands alone too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

_ENDS: Final = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>"}
# No attribute has a `<` in it, so that no attempt looks beyond the next one; only whole attributes are given back, each once.
_TAG: Final = re.compile(
    r"""<(/?)([^\W\d][\w:.-]*+)((?:\s++[^\W\d][\w:.-]*+\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'))*)(\s*+/?)>"""
)
_ATTRIBUTE: Final = re.compile(r"""(\s*+)([^\W\d][\w:.-]*+)(\s*+=\s*+)("[^"<]*+"|'[^'<]*+')""")


@dataclass(frozen=True, slots=True)
class Tag:
    """`<name attributes>`, `</name>` or `<name/>`; `end` is what stands before the `>`."""

    closes: str
    name: str
    attributes: str
    end: str


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A comment, a CDATA section or an instruction, with its marks."""

    opening: str
    text: str
    closing: str


class Attribute(NamedTuple):
    """One of a tag: the blanks before it, its name, what stands around the `=`, its value without the quotes."""

    blanks: str
    name: str
    equals: str
    quote: str
    value: str


def pieces(reply: str) -> Iterator[str | Tag | Enclosed]:
    """A reply, all of it, as texts and what is between them."""
    endless: set[str] = set()
    begun = at = 0
    while (at := reply.find("<", at)) >= 0:
        piece, end = _piece(reply, at, endless)
        if piece is None:
            at += 1
            continue
        if at > begun:
            yield reply[begun:at]
        yield piece
        begun = at = end
    if begun < len(reply):
        yield reply[begun:]


def _piece(reply: str, at: int, endless: set[str]) -> tuple[Tag | Enclosed | None, int]:
    """The markup that begins here, and where it ends; `endless` are the openings after which no end was found before."""
    for opening, closing in _ENDS.items():
        if reply.startswith(opening, at) and opening not in endless:
            begun = at + len(opening)
            end = reply.find(closing, begun)
            if end >= 0:
                return Enclosed(opening, reply[begun:end], closing), end + len(closing)
            endless.add(opening)
    tag = _TAG.match(reply, at)
    return (Tag(*tag.groups()), tag.end()) if tag is not None else (None, at)


def attributes(told: str) -> tuple[list[Attribute], str]:
    """The attributes of a tag or an instruction, and what comes after them."""
    found, at = [], 0
    while each := _ATTRIBUTE.match(told, at):
        blanks, name, equals, value = each.groups()
        found.append(Attribute(blanks, name, equals, value[0], value[1:-1]))
        at = each.end()
    return found, told[at:]
