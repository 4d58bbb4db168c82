"""What is read without a parser is what a parser reads, and nothing that a parser refuses is taken."""

import gc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes.vcenter import plain_updates, soap
from probes.vcenter.faults import ReplyError
from probes.vcenter.inventory import Inventory
from probes.vcenter.plain_updates import PlainUpdate
from probes.vcenter.values import Moid

XSI = b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
END = b"</returnval></E>"
ARRAY = b'<changeSet><name>%b</name><op>assign</op><val xsi:type="ArrayOfManagedObjectReference">%b</val></changeSet>'
ATTRIBUTES = b'<changeSet><name>customValue</name><op>assign</op><val xsi:type="ArrayOfCustomFieldValue">%b</val></changeSet>'
ATTRIBUTE = (
    b'<CustomFieldValue xsi:type="CustomFieldStringValue"><key>%d</key><value>%b</value></CustomFieldValue>'
)
ITEM = b'<ManagedObjectReference type="D" xsi:type="ManagedObjectReference">d-1</ManagedObjectReference>'
PLAIN = (
    b"<changeSet><name>parentVApp</name><op>assign</op></changeSet>",
    b'<changeSet><name>name</name><op>assign</op><val xsi:type="xsd:string"> a  web-1 </val></changeSet>',
    b'<changeSet><name>parent</name><op>assign</op><val type="Folder" xsi:type="vim25:Reference">g-7</val></changeSet>',
    ARRAY % (b"datastore", ITEM),
    ARRAY % (b"network", ITEM + b'<ManagedObjectReference type="D">d-2</ManagedObjectReference>'),
    ATTRIBUTES % (ATTRIBUTE % (1, b"acme")),
    b'<changeSet><name>runtime.host</name><op>assign</op><val type="HostSystem">h-1</val></changeSet>',
    b'<changeSet><name>config.instanceUuid</name><op>assign</op><val xsi:type="xsd:string">u-1</val></changeSet>',
)
OTHERS = (
    b'<changeSet><name>datastore</name><op>assign</op><val xsi:type="A"><M type="D">d-1</M><M type="D">d-2</M></val></changeSet>',
    ATTRIBUTES % (ATTRIBUTE % (1, b"acme") + ATTRIBUTE % (22, b"")),
    ATTRIBUTES % (ATTRIBUTE % (1, b"acme") + ITEM),
    ATTRIBUTES % (ATTRIBUTE % (1, b"a &amp; b")),
    ATTRIBUTES % ITEM,
    ARRAY % (b"datastore", ATTRIBUTE % (1, b"acme")),
    ARRAY % (b"datastore", b""),
    ARRAY % (b"datastore", b"d-1"),
    ARRAY % (b"datastore", ITEM + b" " + ITEM),
    ARRAY % (b"name", ITEM),
    b"<changeSet><name>name</name><op>remove</op><val></val></changeSet>",
    b"<changeSet><name>name</name><op>assign</op><val></val></changeSet>",
    b"<changeSet><name>runtime.powerState</name><op>assign</op><val>x</val></changeSet>" * 201,
    b"<changeSet><name>name</name><op>assign</op><val>a &amp; &#233;</val></changeSet>",
    "<changeSet><name>name</name><op>assign</op><val>é</val></changeSet>".encode(),
    b"<changeSet>7</changeSet>",
    b"<changeSet/>",
    b"<changeSet><taken-out>1</taken-out></changeSet>",
    b"<changeSet><name>a</name><op>assign</op><val><changeSet><name>b</name><op>add</op></changeSet></val></changeSet>",
    b"<changeSet><name>name</name><op>assign</op><val>%b</val></changeSet>" % (b"long" * 1000),
    b"</objectSet><objectSet>",
    b"<obj>vm-7</obj>",
    b"<!-- -->",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?a",
    b"?>",
    b'<a b="',
    b'"/>',
    b"\xff",
    b"<val>",
)
ROOTS = (
    b"<E %b>" % XSI,
    b'<?xml version="1.0"?>\n<E %b xmlns="urn:vim25">' % XSI,
    b"<E>",
    b"\xef\xbb\xbf<E %b>" % XSI,
)

parts = st.lists(st.sampled_from(PLAIN) | st.sampled_from(PLAIN + OTHERS), max_size=12).map(b"".join)
heads = st.sampled_from((
    b'<kind>enter</kind><obj type="VirtualMachine">vm-7</obj>',
    b'<kind>modify</kind><obj type="VirtualMachine">vm-7</obj>',
    b'<kind>leave</kind><obj type="VirtualMachine">vm-7</obj>',
    b"<kind>enter</kind><obj>vm 8</obj>",
    b"<kind>enter</kind>",
    b"",
))  # fmt: skip
plain_objects = st.lists(st.sampled_from(PLAIN), min_size=1, unique=True).map(
    lambda changes: b'<kind>enter</kind><obj type="VirtualMachine">vm-1</obj>' + b"".join(changes)
)
objects = plain_objects | st.tuples(heads, parts).map(b"".join)
replies = st.builds(
    lambda root, told: (
        root + b"<returnval>" + b"".join(b"<objectSet>%b</objectSet>" % each for each in told) + END
    ),
    st.sampled_from(ROOTS),
    st.lists(objects, max_size=4),
)


def read(reply: bytes, item: str | None = None) -> Any:
    try:
        return soap.parse(reply, item)
    except ReplyError:
        return "no document"


def parsed(reply: bytes, item: str | None = None) -> Any:
    """The same of a reply that says as no vCenter does what `xsi` is: nothing is taken out of it."""
    return read(reply.replace(b"xmlns:xsi=", b"xmlns:xsi ="), item)


def updates_in(document: Any) -> list[Any]:
    """All updates, wherever they are."""
    if isinstance(document, list):
        return [update for each in document for update in updates_in(each)]
    if not isinstance(document, dict):
        return []
    return [
        update
        for name, value in document.items()
        for update in (soap.as_list(value) if name == plain_updates.UPDATE else updates_in(value))
    ]


def mirror(document: Any) -> object:
    """What becomes of a reply, update by update, so that none is covered up by the next."""
    inventory = Inventory(Moid("group-d1"))
    told: list[object] = []
    for update in updates_in(document):
        changes = inventory.apply("VirtualMachine", [update])
        unread = {moid: (each.refused, each.odd) for moid, each in inventory.unread}
        told.append((changes, repr(inventory.vms), unread, {**inventory.hosts}, {**inventory.datastores}))
    return repr(told)


@pytest.mark.parametrize(
    "around",
    [
        b"<!--%b-->",
        b"<a><![CDATA[%b]]></a>",
        b"<?a %b?>",
        b'<a b="%b"/>',
        b"<val>%b",
        b"<changeSet>%b</changeSet>",
        b"%b<changeSet/>",
        b"<objectSet><changeSet/></objectSet>%b",
    ],
)
def test_what_is_around_changes_says_what_they_are(around: bytes) -> None:
    reply = ROOTS[0] + b"<returnval>" + around % PLAIN[0] + PLAIN[1] + END
    assert read(reply) == parsed(reply)


def with_another_byte(reply: bytes, place: int, byte: bytes, more: bool) -> bytes:
    place %= len(reply) - len(END)
    return reply[:place] + byte + reply[place + (not more) :]


spoilt = st.builds(
    with_another_byte,
    replies,
    st.integers(0, 2000),
    st.sampled_from([b"", b"<", b">", b"&", b'"', b"/", b"\0", b"x"]),
    st.booleans(),
)


@given(replies)
@example(ROOTS[0] + b"<returnval>" + b"".join(PLAIN) + END)
def test_a_reply_is_what_a_parser_makes_of_it(reply: bytes) -> None:
    assert read(reply) == parsed(reply)


@given(spoilt)
def test_so_it_is_where_a_byte_is_another(reply: bytes) -> None:
    assert read(reply) == parsed(reply)


@given(replies)
def test_the_mirror_is_what_it_were_if_all_of_it_were_parsed(reply: bytes) -> None:
    assert mirror(read(reply, plain_updates.UPDATE)) == mirror(parsed(reply, plain_updates.UPDATE))


@given(spoilt)
def test_so_is_the_mirror_where_a_byte_is_another(reply: bytes) -> None:
    assert mirror(read(reply, plain_updates.UPDATE)) == mirror(parsed(reply, plain_updates.UPDATE))


def test_plain_changes_reach_no_parser() -> None:
    reply = ROOTS[0] + PLAIN[0] + PLAIN[1] + OTHERS[0] + PLAIN[2] + PLAIN[3] + b"</E>"
    left, taken = plain_updates.without(reply, updates=False)
    assert left.count(b"<name>") == 1
    assert [change["name"] for change in taken["changeSet"]] == ["parentVApp", "name", "parent", "datastore"]


def test_plain_updates_reach_no_parser() -> None:
    plain = b'<objectSet><kind>enter</kind><obj type="VirtualMachine">vm-1</obj>%b</objectSet>' % b"".join(
        PLAIN
    )
    other = plain.replace(b"<objectSet>", b"<objectSet> ")
    left, taken = plain_updates.without(ROOTS[0] + plain * 2 + other + plain + b"</E>", updates=True)
    assert left.count(b"<obj ") == 1
    assert left.count(b"<name>") == 0
    update = {
        "parentVApp": None,
        "name": " a  web-1 ",
        "parent": "g-7",
        "datastore": {"@type": "ArrayOfManagedObjectReference", "ManagedObjectReference": "d-1"},
        "network": {"@type": "ArrayOfManagedObjectReference", "ManagedObjectReference": ["d-1", "d-2"]},
        "customValue": {
            "@type": "ArrayOfCustomFieldValue",
            "CustomFieldValue": {"@type": "CustomFieldStringValue", "key": "1", "value": "acme"},
        },
        "runtime.host": "h-1",
        "config.instanceUuid": "u-1",
    }
    assert taken["objectSet"] == [PlainUpdate("enter", "vm-1", update)] * 3


def test_what_was_read_is_gone_with_the_last_who_holds_it() -> None:
    """What is only found by a collection of garbage fills the memory until then, and costs it."""
    reply = ROOTS[0] + b"<objectSet>" + b"".join(PLAIN + OTHERS[:3]) + b"</objectSet></E>"
    soap.parse(reply, plain_updates.UPDATE)
    gc.collect()
    gc.disable()
    try:
        soap.parse(reply, plain_updates.UPDATE)
        assert gc.collect() == 0
    finally:
        gc.enable()
