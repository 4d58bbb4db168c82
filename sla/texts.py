"""Texts that others wrote, as they may stand in a record, a log or a page: of bounded length, and without what steers or hides.

A source may put anything into a name, a reason or a message: a megabyte, a line break that forges a line, a control
sequence, half a surrogate pair. What comes in is cleaned once, where it comes in.
"""

import re
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

_STEERING: Final = re.compile(
    # Control characters, line and paragraph separators, halves of surrogate pairs, what turns the direction of writing
    # (Unicode TR 9), the byte order mark, and the code points that are no characters.
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff]"
)
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def cleaned(text: str, most_bytes: int = TEXT_BYTES) -> str:
    r"""A text with control, bidirectional and unpaired characters escaped (`\x08`, `\u202e`), cut to `most_bytes` of UTF-8.

    A text that is cut ends with a mark that says how long it was. Cleaning what is clean changes nothing.
    """
    if len(text) * 4 <= most_bytes and text.isprintable():
        return text
    # No character becomes shorter by escaping: what lies beyond the limit would be cut anyway.
    shown = _STEERING.sub(_escaped, text[: most_bytes + 1])
    if len(text) <= most_bytes and len(shown.encode()) <= most_bytes:
        return shown
    mark = f"… [cut from {len(text)} characters]"
    return _STEERING.sub(_escaped, _beginning(text, most_bytes - len(mark.encode()))) + mark


def is_clean_id(text: str) -> bool:
    """Whether a text may be an id: not empty, no longer than `ID_BYTES`, printable as it is."""
    return text != "" and len(text.encode(errors="replace")) <= ID_BYTES and text.isprintable()


def _beginning(text: str, most_bytes: int) -> str:
    """As many of the first characters as fit, escaped, into `most_bytes`."""
    size = 0
    for number, character in enumerate(text):
        size += len(_STEERING.sub(_escaped, character).encode())
        if size > most_bytes:
            return text[:number]
    return text


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    return _NAMED.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
