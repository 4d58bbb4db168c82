"""The changes of properties that nearly all of a first update set is, read without the cost of a parser.

One that is plain is a property with one text, or none, in the one form in which vCenter writes it; what characters it has
need no parser either. Where nothing else can be meant by them they are taken out, and what is left of a reply is parsed:
it is an XML document exactly where the reply is one.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

CHANGE: Final = "changeSet"

_ROOT: Final = re.compile(
    rb'(?:<\?xml [^<>]*\?>)?\s*<[A-Za-z][^<>]*\sxmlns:xsi="http://www\.w3\.org/2001/XMLSchema-instance"[^<>]*>'
)
"""The beginning of a reply that says what `xsi` is in all of it."""
_PLAIN: Final = re.compile(
    rf"<{CHANGE}><name>([\w.]{{1,200}})</name><op>(\w{{1,20}})</op>"
    r'(?:<val(?: type="\w+")?(?: xsi:type="\w+(?::\w+)?")?>'
    # Printable ASCII but for the signs that mean something in XML.
    r"([ -%'-;=?-~]{0,500})</val>)?"
    rf"</{CHANGE}>",
    re.ASCII,
)
_TAKEN_OUT: Final = "taken-out"
"""The element in the place of some: in no reply in which it is sure what they are."""


def without(reply: bytes) -> tuple[bytes, Sequence[dict[str, Any]]]:
    """A reply without its plain changes, with the numbers of those that were in a place, and they as values."""
    root = _ROOT.match(reply)
    # In a comment, a CDATA section or an instruction they would be text.
    if root is None or any(reply.find(mark, root.end()) >= 0 for mark in (b"<!", b"<?", _TAKEN_OUT.encode())):
        return reply, ()
    try:
        first, *found = _PLAIN.split(reply.decode())
    except UnicodeDecodeError:
        return reply, ()
    left, start = [first], 0
    for end, beyond in enumerate(found[3::4], start=1):
        if beyond:
            left.append(f"<{CHANGE}><{_TAKEN_OUT}>{start} {end}</{_TAKEN_OUT}></{CHANGE}>{beyond}")
            start = end
    changes = [
        {"name": name, "op": op} if value is None else {"name": name, "op": op, "val": value}
        for name, op, value in zip(found[::4], found[1::4], found[2::4], strict=True)
    ]
    return "".join(left).encode(), changes


def meant(change: object, changes: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]] | None:
    """The changes that were in the place of this one; None where it is one itself."""
    numbers = change.get(_TAKEN_OUT) if isinstance(change, dict) else None
    if numbers is None:
        return None
    start, end = map(int, numbers.split())
    return changes[start:end]
