"""Replies of a vCenter as plain values.

pyvmomi builds a checked object for every element, which costs 150 µs a virtual server under the interpreter's lock, and
fails a whole reply for one word it does not know. Updates and events, of which there are many, are read here instead.
"""

from typing import Any, Final
from xml.etree import ElementTree as ET

from probes.vcenter.faults import ReplyError

Value = str | dict[str, Any] | list[Any]
"""An element: its text; or its children by name, those of one name as a list; Any is Value again."""

TYPE: Final = "@type"
"""Where an element with children keeps the name of its type, if it says so (`xsi:type`)."""

DEPTH_LIMIT: Final = 64
PIECE_BYTES: Final = 64 * 1024
"""What is parsed in one go: other threads wait meanwhile."""

_XSI_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"


def parse(reply: bytes) -> dict[str, Any]:
    """The document element by its name, names without their namespace. Raises ReplyError for what is no XML document."""
    if b"<!DOCTYPE" in reply:
        raise ReplyError("the answer declares a document type, which no vCenter does")
    parser = ET.XMLParser()  # noqa: S314  entities need a document type, which is refused above
    try:
        for start in range(0, len(reply), PIECE_BYTES):
            parser.feed(reply[start : start + PIECE_BYTES])
        root = parser.close()
    except (ET.ParseError, ValueError, LookupError) as error:
        # The others are encodings that it names and Python does not know.
        raise ReplyError(f"the answer is no XML document: {error}") from error
    names: dict[str, str] = {}
    return {_local(root.tag): _value(root, names, 0)}


def _value(element: "ET.Element[str]", names: dict[str, str], depth: int) -> Value:
    """An element as a value; `names` holds the names of tags that were met before."""
    if not len(element):
        return element.text or ""
    if depth == DEPTH_LIMIT:
        raise ReplyError(f"the answer is nested deeper than {DEPTH_LIMIT} elements")
    children: dict[str, Any] = {}
    kind = element.get(_XSI_TYPE)
    if kind is not None:
        children[TYPE] = _local(kind, ":")
    for child in element:
        tag = child.tag
        name = names.get(tag)
        if name is None:
            name = names[tag] = _local(tag)
        value = _value(child, names, depth + 1) if len(child) else child.text or ""
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
