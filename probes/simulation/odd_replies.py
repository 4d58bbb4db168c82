"""Odd replies: what a vCenter said, with one thing in it that is not as it should be; by chance, and so again by the same seed.

Some are well-formed XML with another structure, type or value, some are no XML, no UTF-8 or no HTTP answer to speak of.
"""

from __future__ import annotations

import gzip
import random
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

TEXTS: Final = (
    b"", b" ", b"x", b"-1", b"0", b"true", b"9" * 40, b"1e999", b"NaN", b"%2f%", b'host["x"]',
    b"00000000-0000", b"'", b"0000-00-00T00:00:00Z", b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59Z",
    b"9999-12-31T23:59:59-14:00", b"soon", b"A" * 300, b"A" * 70_000, b"\xe2\x80\xa8", b"\xe2\x80\xae",
    b"\xf0\x9f\x92\xa5" * 200, b"vm-1", b"group-d1", b"host-1",
)  # fmt: skip
"""What stands in place of a text."""
RAW: Final = (
    b"\x00", b"\x08", b"\x1b[2J", b"\xff\xc8\x89", b"\xed\xa0\xbd", b"\xef\xbf\xbf", b"&#8;", b"&nbsp;",
    b"& ", b"&#x110000;", b"<", b">", b"]]>", b"<b>", b"</b>", b"<!-- ", b"<![CDATA[", b"<?xml?>",
    b"<a b=c/>", b"<foo:a/>", b'<a xsi:type="1"/>',
)  # fmt: skip
"""What stands within one, as no XML does."""
TYPES: Final = (b"xsd:int", b"ArrayOfString", b"Nonsense", b"ManagedObjectReference", b"", b"T" * 5000)
FAULTS: Final = (
    b"NotAuthenticated",
    b"ManagedObjectNotFound",
    b"InvalidCollectorVersion",
    b"RuntimeError",
    b"Nonsense",
    b"InvalidArgument",
)

_ELEMENT: Final = re.compile(rb"<([A-Za-z]\w*)((?:\s[^<>]*)?)>([^<>]*)</\1>")
"""An element with nothing but text in it."""
_TAG: Final = re.compile(rb"</?[A-Za-z][^<>]*>")
_BLOCK: Final = re.compile(
    rb"<(objectSet|changeSet|filterSet|propSet|objects|returnval|val|mountInfo)(?=[\s>]).*?</\1>", re.DOTALL
)
_ENVELOPE: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    b' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>%b</soapenv:Body></soapenv:Envelope>'
)


@dataclass(frozen=True, slots=True)
class OddReply:
    """A reply, and what is odd about it. `length` is what its header says where that is not so."""

    what: str
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


def odd(body: bytes, chance: random.Random) -> OddReply:
    """A reply made odd in one way."""
    way = chance.choice(WAYS)
    told = way(body, chance)
    return told if isinstance(told, OddReply) else OddReply(way.__name__, told)


def _doubled(body: bytes, chance: random.Random) -> bytes:
    return _edited(_ELEMENT, body, chance, lambda found: found[0] * 2)


def _dropped(body: bytes, chance: random.Random) -> bytes:
    return _edited(_ELEMENT, body, chance, lambda _: b"")


def _nested(body: bytes, chance: random.Random) -> bytes:
    def text(_: bytes) -> bytes:
        deep = chance.choice((1, 2, 100))
        return b"<a>" * deep + b"1" + b"</a>" * deep

    return _with_text(body, chance, text)


def _another_text(body: bytes, chance: random.Random) -> bytes:
    return _with_text(body, chance, lambda _: chance.choice(TEXTS))


def _raw_bytes(body: bytes, chance: random.Random) -> bytes:
    return _with_text(body, chance, lambda text: text + chance.choice(RAW))


def _another_type(body: bytes, chance: random.Random) -> bytes:
    return _edited(
        _ELEMENT,
        body,
        chance,
        lambda found: b'<%b xsi:type="%b">%b</%b>' % (found[1], chance.choice(TYPES), found[3], found[1]),
    )


def _renamed(body: bytes, chance: random.Random) -> bytes:
    def renamed(found: re.Match[bytes]) -> bytes:
        name = chance.choice((b"x", b"returnval", b"obj", b"name", b"val", b"key"))
        return b"<%b>%b</%b>" % (name, found[3], name)

    return _edited(_ELEMENT, body, chance, renamed)


def _exchanged(body: bytes, chance: random.Random) -> bytes:
    one, other = _one_of(_ELEMENT, body, chance), _one_of(_ELEMENT, body, chance)
    if one is None or other is None or one.start() == other.start():
        return body
    first, second = sorted((one, other), key=re.Match.start)
    return b"".join(
        (
            body[: first.start(3)],
            second[3],
            body[first.end(3) : second.start(3)],
            first[3],
            body[second.end(3) :],
        )
    )


def _block_doubled(body: bytes, chance: random.Random) -> bytes:
    return _edited(_BLOCK, body, chance, lambda found: found[0] * 2)


def _block_dropped(body: bytes, chance: random.Random) -> bytes:
    return _edited(_BLOCK, body, chance, lambda _: b"")


def _block_emptied(body: bytes, chance: random.Random) -> bytes:
    return _edited(
        _BLOCK,
        body,
        chance,
        lambda found: b"<%b>%b</%b>" % (found[1], chance.choice((b"", b"x", b"<x/>")), found[1]),
    )


def _tag_dropped(body: bytes, chance: random.Random) -> bytes:
    return _edited(_TAG, body, chance, lambda _: b"")


def _tag_doubled(body: bytes, chance: random.Random) -> bytes:
    return _edited(_TAG, body, chance, lambda found: found[0] * 2)


def _byte_changed(body: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(body))
    return body[:at] + chance.randbytes(1) + body[at + 1 :]


def _cut(body: bytes, chance: random.Random) -> bytes:
    return body[: chance.randrange(len(body))]


def _cut_on_the_way(body: bytes, chance: random.Random) -> OddReply:
    return OddReply("cut on the way", body[: chance.randrange(len(body))], length=len(body))


def _shorter_than_it_is(body: bytes, chance: random.Random) -> OddReply:
    return OddReply("longer than its header says", body, length=chance.randrange(len(body)))


def _doubled_whole(body: bytes, _: random.Random) -> bytes:
    return body * 2


def _emptied(_: bytes, chance: random.Random) -> bytes:
    return chance.choice((b"", b" ", b"OK", b"null", b"\x00" * 100, b"<a/>"))


def _answer_emptied(body: bytes, chance: random.Random) -> bytes:
    return re.sub(
        rb"<returnval.*</returnval>",
        chance.choice((b"", b"<returnval/>", b"<returnval>x</returnval>")),
        body,
        flags=re.DOTALL,
    )


def _another_answer(_: bytes, chance: random.Random) -> bytes:
    name = chance.choice((b"LoginResponse", b"WaitForUpdatesExResponse", b"ReadNextEventsResponse", b"x"))
    return _ENVELOPE % (b'<%b xmlns="urn:vim25"/>' % name)


def _a_fault(_: bytes, chance: random.Random) -> OddReply:
    name, text = chance.choice(FAULTS), chance.choice(TEXTS)
    detail = chance.choice(
        (
            b"",
            b"<detail/>",
            b'<detail><%bFault xsi:type="%b"/></detail>' % (name, name),
            b"<detail>x</detail>",
        )
    )
    said = chance.choice(
        (b"<faultcode>ServerFaultCode</faultcode><faultstring>%b</faultstring>" % text, b"", text)
    )
    return OddReply(
        f"a fault {name.decode()}",
        _ENVELOPE % (b"<soapenv:Fault>%b%b</soapenv:Fault>" % (said, detail)),
        status=500,
    )


def _another_status(body: bytes, chance: random.Random) -> OddReply:
    status = chance.choice((204, 301, 400, 401, 403, 404, 429, 500, 502, 503))
    return OddReply(f"HTTP {status}", chance.choice((body, b"<html>no", b"")), status=status)


def _wrong_encoding(body: bytes, chance: random.Random) -> OddReply:
    coding = chance.choice(("gzip", "GZIP", "br", "deflate", "zstd", "identity", "x"))
    packed = chance.choice(
        (body, gzip.compress(body), zlib.compress(body), gzip.compress(body)[:-9], b"\x1f\x8b")
    )
    return OddReply(f"content encoding {coding}", packed, headers={"Content-Encoding": coding})


def _another_charset(body: bytes, chance: random.Random) -> bytes:
    return body.decode(errors="replace").encode(
        chance.choice(("utf-16", "utf-8-sig", "utf-32", "utf-7")), errors="replace"
    )


def _document_type(body: bytes, _: random.Random) -> bytes:
    return re.sub(rb"^(<\?xml[^>]*\?>)?", b'<!DOCTYPE a [<!ENTITY x "y">]>', body, count=1)


WAYS: Final[tuple[Callable[[bytes, random.Random], bytes | OddReply], ...]] = (
    *(_doubled, _dropped, _nested, _another_text, _raw_bytes, _another_type, _renamed, _exchanged) * 3,
    *(_block_doubled, _block_dropped, _block_emptied, _tag_dropped, _tag_doubled, _byte_changed) * 2,
    *(_cut, _cut_on_the_way, _shorter_than_it_is, _doubled_whole, _emptied, _answer_emptied, _another_answer),
    *(_a_fault, _another_status, _wrong_encoding, _another_charset, _document_type),
)
"""What can be done to a reply; what is likelier stands more than once."""


def _one_of(pattern: re.Pattern[bytes], body: bytes, chance: random.Random) -> re.Match[bytes] | None:
    found = list(pattern.finditer(body))
    return chance.choice(found) if found else None


def _edited(
    pattern: re.Pattern[bytes],
    body: bytes,
    chance: random.Random,
    other: Callable[[re.Match[bytes]], bytes],
) -> bytes:
    """A body in which something else stands in one of the places that a pattern finds; as it was where there is none."""
    found = _one_of(pattern, body, chance)
    return body[: found.start()] + other(found) + body[found.end() :] if found is not None else body


def _with_text(body: bytes, chance: random.Random, other: Callable[[bytes], bytes]) -> bytes:
    """A body in which one element's text is another."""
    return _edited(
        _ELEMENT,
        body,
        chance,
        lambda found: b"<%b%b>%b</%b>" % (found[1], found[2], other(found[3]), found[1]),
    )
