"""Replies that are no XML: what XML forbids is replaced, and a reply is taken apart into its items.

vCenter copies what guests and people write into names and events: control characters, bytes that are no UTF-8,
references to nothing. Bytes in, bytes out; nothing here parses.
"""

import re
from itertools import islice
from typing import Final

from probes.vcenter.faults import ReplyError
from probes.vcenter.stand_ins import stand_in

_DECLARATION: Final = re.compile(r"\s*<\?xml\s[^>]*\?>")
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is no character of XML 1.0 (section 2.2)."""
_REFERENCE: Final = re.compile(r"&(?:(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][\w.-]{0,63});)?")
_NAMED_CHARACTERS: Final = frozenset({"amp", "lt", "gt", "quot", "apos"})
_ENDS_AROUND: Final = re.compile(rb"</(?:filterSet|returnval|\w+Response|\w+:Body|\w+:Envelope)>")
"""Ends of what has items in it."""
_WITHIN: Final = re.compile(rb"<(?:obj|createdTime)[\s>]")
"""What stands in items alone."""
_HERE: Final = b"\0here\0"
"""What is in no reply that was repaired."""
_LIST: Final = b"<filterSet>"
MOST_NAMESPACES: Final = 32
_NAMESPACE: Final = re.compile(rb'\s(xmlns(?::\w+)?)="([^"<]*)"')
_NAMESPACES: Final = (
    (b"xmlns:soapenv", b"http://schemas.xmlsoap.org/soap/envelope/"),
    (b"xmlns:xsd", b"http://www.w3.org/2001/XMLSchema"),
    (b"xmlns:xsi", b"http://www.w3.org/2001/XMLSchema-instance"),
)


def repaired(reply: bytes) -> bytes:
    """A reply without what XML forbids in any text: each such character, byte or reference became U+FFFD, or was escaped."""
    text = _DECLARATION.sub("", reply.decode(errors="replace"), count=1)
    return _REFERENCE.sub(_sound_reference, _FORBIDDEN.sub("\ufffd", text)).encode()


def taken_apart(reply: bytes, item: bytes) -> tuple[bytes, list[bytes]]:
    """What is around the elements called `item`, with stand-ins for them, and these elements.

    Raises ReplyError where it cannot be told to which list of them one belongs.
    """
    opening, closing = re.compile(rb"<%b(?=[\s>/])" % item), b"</%b>" % item
    starts = [found.start() for found in opening.finditer(reply)]
    around, parts = [reply[: starts[0]] if starts else reply], list[bytes]()
    for number, start in enumerate(starts):
        piece = reply[start : starts[number + 1] if number + 1 < len(starts) else len(reply)]
        end = piece.rfind(closing)
        # Of one that is not closed all belongs to it that is no end of something around it.
        cut = end + len(closing) if end >= 0 else _unclosed(piece)
        if _WITHIN.search(piece, cut) is not None:
            cut = len(piece)  # what is left of another one is no part of what is around them
        # Two ends in one piece: the beginning of another one is damaged, which must not go unseen.
        for part in piece[:cut].replace(closing, closing + _HERE).split(_HERE):
            if _LIST in part:
                raise ReplyError(f"the first {item.decode()} of a list has no beginning")
            if part.strip():
                around.append(stand_in(item.decode(), len(parts), len(parts) + 1).encode())
                parts.append(part)
        around.append(piece[cut:])
    return b"".join(around), parts


def namespaces_of(around: bytes, item: bytes) -> bytes:
    """The namespaces that are declared around the first `item`, as attributes of an element."""
    declared = dict(_NAMESPACES) | dict(_NAMESPACE.findall(around.partition(b"<%b>" % item)[0]))
    return b" ".join(b'%b="%b"' % each for each in islice(declared.items(), MOST_NAMESPACES))


def _sound_reference(found: re.Match[str]) -> str:
    """A reference that says which character it means; the ampersand itself where it is none."""
    body = found[1]
    if body is None:
        return "&amp;"
    if not body.startswith("#"):
        return found[0] if body in _NAMED_CHARACTERS else f"&amp;{body};"
    code = int(f"0{body[1:]}", 16 if body[1] in "xX" else 10)
    sound = code <= 0x10FFFF and _FORBIDDEN.match(chr(code)) is None
    return f"&#{code};" if sound else "\ufffd"


def _unclosed(piece: bytes) -> int:
    found = _ENDS_AROUND.search(piece)
    return found.start() if found is not None else len(piece)
