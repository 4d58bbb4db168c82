"""Texts that others wrote: of bounded length, and without what steers or hides.

A source may put anything into a name, a reason or a message: a megabyte, a line break that forges a line, a control
sequence, half a surrogate pair. What comes in is `cleaned` once, where it comes in, and may stand in a record. What goes out to
people's eyes, on a terminal, in a text document, in a line of a log, is `printable`, for not all of it came in that way:
evidence may be another's, and an argument is whatever somebody pasted.
"""

import json
import re
from collections.abc import Callable
from typing import Final

TEXT_BYTES: Final = 2048
"""The most of a text: what an event or a fault says, why a leg is not up."""
NAME_BYTES: Final = 512
"""The most of a name: of a server, host, datastore, folder, network, user. vCenter allows 80 characters, of up to four bytes,
and writes some of them as three."""
VALUE_BYTES: Final = 1024
"""The most of a custom attribute's value: vCenter allows 255 characters."""
ID_BYTES: Final = 128
"""The most of an id or a key. One that is longer is no id: cut, it would be another's."""

LINE_BYTES: Final = 4096
"""The most of a line, or of a table's cell, that people read."""

_STEERING: Final = re.compile(
    # Control characters, line and paragraph separators, halves of surrogate pairs, what turns the direction of writing
    # (Unicode TR 9), the byte order mark, and the code points that are no characters.
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff]"
)
_NOT_ASCII: Final = re.compile(r"[^ -~]")
_BLANK: Final = re.compile(
    # What counts as printable and shows nothing, or nothing of its own: fillers, joiners, variation selectors (Unicode's
    # Default_Ignorable_Code_Point that are no format characters), and the empty Braille pattern.
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def cleaned(text: str, most_bytes: int = TEXT_BYTES) -> str:
    r"""A text with control, bidirectional and unpaired characters escaped (`\x08`, `\u202e`), cut to `most_bytes` of UTF-8.

    A text that is cut ends with a mark that says how long it was. Cleaning what is clean changes nothing.
    """
    if len(text) * 4 <= most_bytes and text.isprintable():
        return text
    return _bounded(text, most_bytes, _without_steering)


def printable(text: str, most_bytes: int = LINE_BYTES) -> str:
    r"""A text as a terminal, a document or a log may show it: one line, in which every character shows as what it is.

    Whatever Unicode calls not printable is written out (`\x1b`, `\n`, `\u200d`): controls, line breaks, what turns the direction
    of writing or has no width, tags, private and unassigned characters, halves of pairs, spaces other than the plain one; so
    are printable ones that leave no mark. It is cut as by `cleaned`, and twice is as once.
    """
    if len(text) * 4 <= most_bytes and _shows(text):
        return text
    return _bounded(text, most_bytes, _with_all_shown)


def printable_json(document: str) -> str:
    """JSON of which every character shows; the others are escaped as JSON has it. Line breaks between its parts stay."""
    return "\n".join(_NOT_ASCII.sub(_escaped_in_json, line) for line in document.split("\n"))


def is_clean_id(text: str) -> bool:
    """Whether a text may be an id: not empty, no longer than `ID_BYTES`, printable as it is."""
    size = len(text) if text.isascii() else len(text.encode(errors="replace"))
    return 0 < size <= ID_BYTES and text.isprintable()


def _bounded(text: str, most_bytes: int, escape: Callable[[str], str]) -> str:
    # No character becomes shorter by escaping: what lies beyond the limit would be cut anyway.
    shown = escape(text[: most_bytes + 1])
    if len(text) <= most_bytes and len(shown.encode()) <= most_bytes:
        return shown
    mark = f"… [cut from {len(text)} characters]"
    return escape(_beginning(text, most_bytes - len(mark.encode()), escape)) + mark


def _beginning(text: str, most_bytes: int, escape: Callable[[str], str]) -> str:
    """As many of the first characters as fit, escaped, into `most_bytes`."""
    size = 0
    for number, character in enumerate(text):
        size += len(escape(character).encode())
        if size > most_bytes:
            return text[:number]
    return text


def _without_steering(text: str) -> str:
    return _STEERING.sub(_escaped, text)


def _with_all_shown(text: str) -> str:
    return _NOT_ASCII.sub(lambda found: found[0] if _shows(found[0]) else _escaped(found), text)


def _shows(text: str) -> bool:
    return text.isprintable() and not _BLANK.search(text)


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    if code < 0x100:
        return _NAMED.get(character) or f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escaped_in_json(found: re.Match[str]) -> str:
    return found[0] if _shows(found[0]) else json.dumps(found[0])[1:-1]
