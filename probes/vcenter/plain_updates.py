"""What nearly all of a first update set is, read without the cost of a parser: updates of objects, changes of properties.

A change is plain that gives a property one text, an array of references or of custom attributes, or nothing, in the one
form in which vCenter writes it; an update that says how, and of which object, and has but plain changes. What characters they have need no parser
either. Where nothing else can be meant by them they are taken out, and what is left of a reply is parsed: it is an XML
document exactly where the reply is one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from probes.vcenter.stand_ins import MARK, Taken, stand_in

UPDATE: Final = "objectSet"
CHANGE: Final = "changeSet"
TYPE: Final = "@type"
"""Where a value keeps the name of its type."""


class PlainUpdate(NamedTuple):
    """An update, `enter` or `modify`, of an object by its id: what its properties are now, by their names; None where unset."""

    kind: str
    obj: str
    properties: Mapping[str, Any]


_ROOT: Final = re.compile(
    r'(?:<\?xml [^<>]*\?>)?\s*<[A-Za-z][^<>]*\sxmlns:xsi="http://www\.w3\.org/2001/XMLSchema-instance"[^<>]*>'
)
"""The beginning of a reply that says what `xsi` is in all of it."""
_XSI_TYPE: Final = r'(?: xsi:type="\w++(?::\w++)?")?'
_NAME: Final = r"[\w.]{1,100}+"
_ID: Final = r"[\w.:-]{1,100}+"
# Printable ASCII but for the signs that mean something in XML.
_SIGN: Final = r"[ -%'-;=?-~]"
_TEXT: Final = rf"{_SIGN}{{1,500}}+"
_REFERENCE: Final = "ManagedObjectReference"
_ATTRIBUTE: Final = "CustomFieldValue"
_STRING: Final = "CustomFieldStringValue"
_REFERENCES: Final = rf'{_REFERENCE}">(?:<{_REFERENCE} type="\w++"{_XSI_TYPE}>{_ID}</{_REFERENCE}>){{1,1000}}'
_ATTRIBUTES: Final = (
    rf'{_ATTRIBUTE}">(?:<{_ATTRIBUTE} xsi:type="{_STRING}"><key>\d{{1,20}}+</key>'
    rf"<value>{_SIGN}{{0,500}}+</value></{_ATTRIBUTE}>){{1,200}}"
)
_ITEMS: Final = f"(?:{_REFERENCES}|{_ATTRIBUTES})"
"""What an array is one of, with the end of the tag that says so, and its items."""


def _change(name: str, text: str, items: str) -> str:
    value = rf'<val(?: type="\w++")?{_XSI_TYPE}>{text}</val>|<val xsi:type="ArrayOf{items}</val>'
    return f"<{CHANGE}><name>{name}</name><op>assign</op>(?:{value})?</{CHANGE}>"


_PLAIN: Final = {
    UPDATE: re.compile(
        rf'<{UPDATE}><kind>(enter|modify)</kind><obj type="\w++">({_ID})</obj>((?:{_change(_NAME, _TEXT, _ITEMS)}){{1,200}})</{UPDATE}>',
        re.ASCII,
    ),
    CHANGE: re.compile(_change(f"({_NAME})", f"({_TEXT})", f"({_ITEMS})"), re.ASCII),
}
"""Each in three groups: kind, id and changes of an update; name, text and items of a change."""
_OF_PLAIN: Final = re.compile(
    r"<name>([^<]++)</name><op>[^<]++</op><(?:val(?:[^>]*+>([^<]++)<| xsi:type=.ArrayOf(\w++.>(?:<(?!/val>)[^<]*+)+)))?"
)
"""The same groups of each of some changes that are known to be plain. (Python before 3.11.5 errs where a group that is
possessive has alternatives: only signs are here.)"""
_IDS: Final = re.compile(">([^<]++)<")
_KEYS_AND_VALUES: Final = re.compile("<key>([^<]++)</key><value>([^<]*+)<")
_MARKS: Final = ("<!", "<?", MARK)
"""What is in no reply in which it is sure what is plain: in a comment, a CDATA section or an instruction it would be text."""


def without(reply: bytes, *, updates: bool) -> tuple[bytes, Taken]:
    """A reply with stand-ins for what is plain, and that as values; of changes alone, or of `updates` too."""
    try:
        text = reply.decode()
    except UnicodeDecodeError:
        return reply, {}
    root = _ROOT.match(text)
    if root is None:
        return reply, {}
    taken: dict[str, Sequence[Any]] = {}
    for element in (UPDATE, CHANGE) if updates else (CHANGE,):
        first, *found = _PLAIN[element].split(text)
        if not found:
            continue
        beyond = found[3::4]
        if not taken and any(mark in each for each in (first[root.end() :], *beyond) for mark in _MARKS):
            return reply, {}
        text = "".join([first, *_with_stand_ins(element, beyond)])
        taken[element] = [
            _MEANT[element](*each) for each in zip(found[::4], found[1::4], found[2::4], strict=True)
        ]
    return (text.encode() if taken else reply), taken


def _with_stand_ins(element: str, beyond: Sequence[str]) -> Iterator[str]:
    """What stands in the place of elements, by what came after each of them, and that."""
    start = 0
    for end, text in enumerate(beyond, start=1):
        if text:
            yield stand_in(element, start, end) + text
            start = end


def _as_update(kind: str, obj: str, changes: str) -> PlainUpdate:
    told = {
        name: text or (_array(items) if items else None) for name, text, items in _OF_PLAIN.findall(changes)
    }
    return PlainUpdate(kind, obj, told)


def _as_change(name: str, text: str | None, items: str | None) -> dict[str, Any]:
    value = text or (_array(items) if items else None)
    return {"name": name, "op": "assign"} | ({"val": value} if value else {})


def _array(items: str) -> dict[str, Any]:
    """An array as a parser's value."""
    found: list[Any]
    if items.startswith(_REFERENCE):
        kind, found = _REFERENCE, _IDS.findall(items)
    else:
        told = _KEYS_AND_VALUES.findall(items)
        kind, found = _ATTRIBUTE, [{TYPE: _STRING, "key": key, "value": value} for key, value in told]
    return {TYPE: f"ArrayOf{kind}", kind: found if len(found) > 1 else found[0]}


_MEANT: Final = {UPDATE: _as_update, CHANGE: _as_change}
