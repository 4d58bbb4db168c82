"""Replies of a vCenter as plain values.

pyvmomi builds a checked object for every element, which costs 150 µs a virtual server under the interpreter's lock, and
fails a whole reply for one word it does not know. Whatever there may be many of is read here instead.

Nothing that comes in is trusted. Characters that XML forbids, bytes that are no UTF-8 and references to nothing, which
vCenter copies from guests into names and events, are replaced; of a reply that is no XML even so each item is read alone,
so that a bad one costs itself. Every text that leaves here is clean and bounded (`sla.texts`).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from xml.etree import ElementTree as ET

from probes.vcenter import plain_changes, repair
from probes.vcenter.faults import ReplyError
from sla.texts import NAME_BYTES, cleaned

Value = str | dict[str, Any] | list[Any]
"""An element: its text; or its children by name, those of one name as a list; Any is Value again, or `UnreadableItem`."""

TYPE: Final = "@type"
"""Where an element with children keeps the name of its type, if it says so (`xsi:type`)."""

DEPTH_LIMIT: Final = 64
PIECE_BYTES: Final = 64 * 1024
"""What is parsed in one go: other threads wait meanwhile."""
MOST_TAGS: Final = 2_000_000
"""Start and end tags of one reply: four times what a page of the largest datastores has. More would only fill the memory."""
KEPT_BYTES: Final = 4096
"""What is kept of an item that cannot be read."""

_XSI_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
_ELEMENT: Final = re.compile(rb"<[A-Za-z_]")
LONGEST_TAG: Final = 1024 * 1024
"""Of a tag with its attributes that is parsed in pieces."""


@dataclass(frozen=True, slots=True)
class UnreadableItem:
    """An item of a reply that is no XML by itself, as far as it was kept: for its name in the log.

    One that is not `closed` has no end: others that came after it may be lost with it.
    """

    xml: str
    closed: bool

    def said(self, tag: str) -> str | None:
        """The text of its first element of this name; None where there is none."""
        found = re.search(rf"<{tag}(?:\s[^<>]*)?>([^<>]*)</{tag}>", self.xml)
        return cleaned(found[1], NAME_BYTES) if found is not None else None


def parse(reply: bytes, item: str | None = None) -> dict[str, Any]:
    """The document element by its name, names without their namespace.

    `item`: the element that the reply holds many of. Where the whole is no XML document each of them is read by itself,
    and one that cannot be read is `UnreadableItem` in its place. Raises ReplyError for what cannot be read even so.
    """
    first = _ELEMENT.search(reply)
    if b"<!DOCTYPE" in reply[: len(reply) if first is None else first.start()]:
        raise ReplyError("the answer declares a document type, which no vCenter does")
    if reply.count(b"<") > MOST_TAGS:
        raise ReplyError(f"the answer has more than {MOST_TAGS} tags")
    try:
        return _sound(reply)
    except ReplyError:
        repaired = repair.repaired(reply)
        try:
            return _document(repaired)
        except ReplyError:
            if item is None:
                raise
            return _in_parts(repaired, item)


def _sound(reply: bytes) -> dict[str, Any]:
    """A reply that is XML; most of a first update set costs no parsing. Raises ReplyError."""
    left, changes = plain_changes.without(reply)
    document = _document(left)
    if left is reply:
        return document
    whole: dict[str, Any] = _put_back(document, plain_changes.CHANGE, partial(_all_of, changes))
    return whole


def _all_of(changes: Sequence[dict[str, Any]], told: Value) -> Value:
    """The changes that were in the place of those that are told, and the others as they are told."""
    found: list[Any] = []
    for each in told if isinstance(told, list) else [told]:
        meant = plain_changes.meant(each, changes)
        if meant is None:
            found.append(_put_back(each, plain_changes.CHANGE, partial(_all_of, changes)))
        else:
            found += meant
    return found[0] if len(found) == 1 else found


def _document(xml: bytes) -> dict[str, Any]:
    """A document as values. Raises ReplyError for what is none, or is nested too deeply."""
    # In UTF-8 whatever it declares, as all vCenters write. Entities need a document type, which is refused.
    parser = ET.XMLParser(encoding="utf-8")  # noqa: S314
    try:
        step = PIECE_BYTES if _is_in_pieces(xml) else max(len(xml), 1)
        for start in range(0, len(xml), step):
            parser.feed(xml[start : start + step])
        root = parser.close()
    except (ET.ParseError, ValueError, LookupError) as error:
        raise ReplyError(f"the answer is no XML document: {error}") from error
    names: dict[str, str] = {}
    return {_local(root.tag): _value(root, names, 0)}


def _is_in_pieces(xml: bytes) -> bool:
    """Whether its tags are short, as all vCenters write: with each piece a long one is looked at again from its beginning."""
    if b"<!--" in xml:
        return False
    tags = xml.split(b"<") if len(xml) > LONGEST_TAG else ()
    return all(len(tag) <= LONGEST_TAG or tag.find(b">", 0, LONGEST_TAG) >= 0 for tag in tags)


def _in_parts(reply: bytes, item: str) -> dict[str, Any]:
    """A reply that is whole but for some of its items. Raises ReplyError where what is around them cannot be read."""
    name = item.encode()
    around, parts = repair.taken_apart(reply, name)
    opening = b"<item %b>" % repair.namespaces_of(around, name)
    items = [_part(part, opening, b"</%b>" % name) for part in parts]
    whole: dict[str, Any] = _put_back(
        _document(around), item, lambda told: [items[int(number)] for number in as_list(told)]
    )
    return whole


def _part(xml: bytes, opening: bytes, closing: bytes) -> Value | UnreadableItem:
    """An item by itself, in an element that declares the same namespaces."""
    try:
        wrapped = _document(b"%b%b</item>" % (opening, xml))["item"]
    except ReplyError:
        return UnreadableItem(xml[:KEPT_BYTES].decode(errors="replace"), xml.endswith(closing))
    children = wrapped if isinstance(wrapped, dict) else {}
    return next((value for name, value in children.items() if name != TYPE), "")


def _put_back(value: Any, item: str, meant: Callable[[Value], Value]) -> Any:
    """A document with what is meant in place of what stands for the items."""
    if isinstance(value, list):
        return [_put_back(each, item, meant) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: meant(child) if name == item else _put_back(child, item, meant) for name, child in value.items()
    }


def _value(element: "ET.Element[str]", names: dict[str, str], depth: int) -> Value:
    """An element as a value; `names` holds the names of tags that were met before."""
    if not len(element):
        return cleaned(element.text or "")
    if depth == DEPTH_LIMIT:
        raise ReplyError(f"the answer is nested deeper than {DEPTH_LIMIT} elements")
    children: dict[str, Any] = {}
    kind = element.get(_XSI_TYPE)
    if kind is not None:
        children[TYPE] = cleaned(_local(kind, ":"), NAME_BYTES)
    for child in element:
        tag = child.tag
        name = names.get(tag)
        if name is None:
            name = names[tag] = _local(tag)
        value = _value(child, names, depth + 1) if len(child) else cleaned(child.text or "")
        if name not in children:
            children[name] = value
        elif type(present := children[name]) is list:
            present.append(value)
        else:
            children[name] = [present, value]
    return children


def _local(name: str, mark: str = "}") -> str:
    return name[name.find(mark) + 1 :]


def flag(value: Value | None) -> bool | None:
    """An `xsd:boolean`; None for anything else."""
    return (
        {"true": True, "1": True, "false": False, "0": False}.get(value) if isinstance(value, str) else None
    )


def as_list(value: Value | None) -> list[Any]:
    """The elements of an array: none, one or several of one name."""
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def array(value: Value | None, item: str) -> list[Any]:
    """The items of a vim25 `ArrayOf…` value, whose children are all called `item`."""
    return as_list(value.get(item)) if isinstance(value, dict) else []
