"""How values stand in vim25 XML.

A *fragment* is what follows an opening tag's name up to its closing tag: attributes, ">" and content, so that
`<val{fragment}</val>` and `<returnval{fragment}</returnval>` are whole elements.
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Iterable
from datetime import datetime
from html import escape as _escape
from uuid import NAMESPACE_OID, uuid5

from probes.simulation.entities import Entity

_MICROSECONDS = 1_000_000


def escape(text: str) -> str:
    """`text` as XML character data."""
    return _escape(text, quote=False)


def identifier(*parts: object) -> str:
    """A UUID that is the same for the same parts, so that a simulation can be repeated."""
    return str(uuid5(NAMESPACE_OID, "/".join(map(str, parts))))


def instant_text(at: int) -> str:
    """An instant as an XML dateTime in UTC, with a fraction only where there is one."""
    seconds, micros = divmod(at, _MICROSECONDS)
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).rjust(19, "0")
    return f"{whole}.{micros:06}".rstrip("0") + "Z" if micros else f"{whole}Z"


def parse_instant(text: str) -> int:
    """An XML dateTime as UTC microseconds; one without a zone is taken as UTC."""
    parsed = datetime.fromisoformat(text)
    return calendar.timegm(parsed.utctimetuple()) * _MICROSECONDS + parsed.microsecond


def string(value: str) -> str:
    """The fragment of an xsd:string."""
    return f' xsi:type="xsd:string">{escape(value)}'


def boolean(value: bool) -> str:
    """The fragment of an xsd:boolean."""
    return ' xsi:type="xsd:boolean">true' if value else ' xsi:type="xsd:boolean">false'


def instant(at: int | None) -> str | None:
    """The fragment of an xsd:dateTime, or None where it is unset."""
    return None if at is None else f' xsi:type="xsd:dateTime">{instant_text(at)}'


def enum(wsdl_type: str, value: str) -> str:
    """The fragment of an enumeration's value."""
    return f' xsi:type="{wsdl_type}">{value}'


def reference(entity: Entity | None) -> str | None:
    """The fragment of a managed object reference, or None where it is unset."""
    if entity is None:
        return None
    return f' type="{entity.TYPE}" xsi:type="ManagedObjectReference">{entity.moid}'


def references(entities: Iterable[Entity]) -> str:
    """The fragment of an array of managed object references."""
    items = "".join(
        f'<ManagedObjectReference type="{entity.TYPE}" xsi:type="ManagedObjectReference">{entity.moid}'
        "</ManagedObjectReference>"
        for entity in entities
    )
    return f' xsi:type="ArrayOfManagedObjectReference">{items}'


def tagged_reference(tag: str, entity: Entity) -> str:
    """A whole element that refers to a managed object, as it stands inside a data object."""
    return f'<{tag} type="{entity.TYPE}">{entity.moid}</{tag}>'


def member(tag: str, fragment: str) -> str:
    """A fragment as the member `tag` of a data object, where declared types are not repeated."""
    attributes, _, content = fragment.partition(">")
    array = re.search(r' xsi:type="ArrayOf(\w+)"', attributes)
    if array:
        element = array.group(1)
        content = re.sub(f"<{element}(?=[ >])", f"<{tag}", content)
        return content.replace(f"</{element}>", f"</{tag}>")
    attributes = re.sub(r' xsi:type="[^"]*"', "", attributes)
    return f"<{tag}{attributes}>{content}</{tag}>"
