"""Replies of a vCenter as plain values.

pyvmomi builds a checked object for every element, which costs 150 µs a virtual server under the interpreter's lock, and
fails a whole reply for one word it does not know. The updates, of which there are many, are read here instead.
"""

from typing import Any, Final
from xml.parsers import expat

from probes.vcenter.faults import ReplyError

Value = str | dict[str, Any] | list[Any]
"""An element: its text; or its children by name, those of one name as a list; Any is Value again."""

DEPTH_LIMIT: Final = 64


def parse(reply: bytes) -> dict[str, Any]:
    """The document element's children, names without their prefix. Raises ReplyError for what is no XML document."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.buffer_size = 65_536
    root: dict[str, Any] = {}
    # One entry an open element: the children of its parent; its own children, or None before the first.
    stack: list[dict[str, Any] | None] = [root]
    names: list[str] = []
    text = ""

    def start(name: str, _attributes: dict[str, str]) -> None:
        nonlocal text
        if stack[-1] is None:
            stack[-1] = {}
        stack.append(None)
        names.append(name)
        text = ""
        if len(names) > DEPTH_LIMIT:
            raise ReplyError(f"the answer is nested deeper than {DEPTH_LIMIT} elements")

    def end(name: str) -> None:
        nonlocal text
        children = stack.pop()
        value: Value = text if children is None else children
        text = ""
        names.pop()
        parent = stack[-1]
        assert parent is not None
        colon = name.find(":")
        if colon >= 0:
            name = name[colon + 1 :]
        present = parent.get(name)
        if present is None:
            parent[name] = value
        elif type(present) is list:
            present.append(value)
        else:
            parent[name] = [present, value]

    def characters(data: str) -> None:
        nonlocal text
        text += data

    def doctype(*_: object) -> None:
        raise ReplyError("the answer declares a document type, which no vCenter does")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(reply, True)
    except expat.ExpatError as error:
        raise ReplyError(f"the answer is no XML document: {error}") from error
    return root


def as_list(value: Value | None) -> list[Any]:
    """The elements of an array: none, one or several of one name."""
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def array(value: Value | None, item: str) -> list[Any]:
    """The items of a vim25 `ArrayOf…` value, whose children are all called `item`."""
    return as_list(value.get(item)) if isinstance(value, dict) else []
