"""Outages and windows of maintenance as an Atom feed (RFC 4287). The same entries give the same bytes."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as Xml

from sla.instants import Instant, format_instant
from sla.texts import printable

MEDIA_TYPE: Final = "application/atom+xml"

_ATOM: Final = "http://www.w3.org/2005/Atom"
_OF_SLAD: Final = uuid.UUID("6d2a4c1e-5b0f-4f7a-9a35-1c8de0f6b7a4")
"""The name space of what feeds of slad name; it is nothing but constant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """Something that a feed tells of, and when that was last another thing."""

    id: str
    title: str
    published_at: Instant
    updated_at: Instant
    lines: tuple[str, ...]


def feed_id(*names: str) -> str:
    """The id, for ever and everywhere, of what these names mean together."""
    return uuid.uuid5(_OF_SLAD, "\0".join(names)).urn


def atom_of(
    id_: str,
    title: str,
    entries: Sequence[FeedEntry],
    *,
    author: str,
    language: str,
    at: Instant,
) -> bytes:
    """The feed; one that tells nothing was last changed `at`. References are relative: who passes it on, passes on no link."""
    feed = Xml.Element("feed", {"xmlns": _ATOM, "xml:lang": language})
    _add(feed, "id", id_)
    _add(feed, "title", title)
    _add(feed, "updated", format_instant(max((each.updated_at for each in entries), default=at)))
    _add(Xml.SubElement(feed, "author"), "name", author)
    Xml.SubElement(feed, "link", {"rel": "self", "href": "feed.atom", "type": MEDIA_TYPE})
    Xml.SubElement(feed, "link", {"rel": "alternate", "href": "./", "type": "text/html"})
    for each in entries:
        entry = Xml.SubElement(feed, "entry")
        _add(entry, "id", each.id)
        _add(entry, "title", each.title)
        _add(entry, "published", format_instant(each.published_at))
        _add(entry, "updated", format_instant(each.updated_at))
        Xml.SubElement(entry, "link", {"rel": "alternate", "href": "./", "type": "text/html"})
        content = Xml.SubElement(entry, "content", {"type": "text"})
        content.text = "\n".join(map(printable, each.lines))
    document: bytes = Xml.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def _add(parent: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(parent, name).text = printable(text)
