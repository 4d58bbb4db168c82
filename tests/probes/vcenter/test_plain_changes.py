"""What is read without a parser is what a parser reads, and nothing that a parser refuses is taken."""

import gc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes.vcenter import plain_changes, soap
from probes.vcenter.faults import ReplyError

XSI = b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
END = b"</returnval></E>"
PLAIN = (
    b"<changeSet><name>parentVApp</name><op>assign</op></changeSet>",
    b'<changeSet><name>name</name><op>assign</op><val xsi:type="xsd:string"> a  web-1 </val></changeSet>',
    b'<changeSet><name>parent</name><op>assign</op><val type="Folder" xsi:type="vim25:Reference">g-7</val></changeSet>',
    b"<changeSet><name>name</name><op>remove</op><val></val></changeSet>",
)
OTHERS = (
    b'<changeSet><name>datastore</name><op>assign</op><val xsi:type="A"><M type="D">d-1</M><M type="D">d-2</M></val></changeSet>',
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

replies = st.builds(
    lambda root, parts: root + b"<returnval><objectSet>" + b"".join(parts) + b"</objectSet>" + END,
    st.sampled_from(ROOTS),
    st.lists(st.sampled_from(PLAIN) | st.sampled_from(PLAIN + OTHERS), max_size=12),
)


def read(reply: bytes) -> object:
    try:
        return soap.parse(reply)
    except ReplyError:
        return "no document"


def parsed(reply: bytes) -> object:
    """The same of a reply that says as no vCenter does what `xsi` is: nothing is taken out of it."""
    return read(reply.replace(b"xmlns:xsi=", b"xmlns:xsi ="))


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


@given(replies)
@example(ROOTS[0] + b"<returnval>" + b"".join(PLAIN) + END)
def test_a_reply_is_what_a_parser_makes_of_it(reply: bytes) -> None:
    assert read(reply) == parsed(reply)


@given(
    replies,
    st.integers(0, 2000),
    st.sampled_from([b"", b"<", b">", b"&", b'"', b"/", b"\0", b"x"]),
    st.booleans(),
)
def test_so_it_is_where_a_byte_is_another(reply: bytes, place: int, byte: bytes, more: bool) -> None:
    place %= len(reply) - len(END)
    reply = reply[:place] + byte + reply[place + (not more) :]
    assert read(reply) == parsed(reply)


def test_plain_changes_reach_no_parser() -> None:
    left, changes = plain_changes.without(ROOTS[0] + PLAIN[0] + PLAIN[1] + OTHERS[0] + PLAIN[2] + b"</E>")
    assert left.count(b"<name>") == 1
    assert [change["name"] for change in changes] == ["parentVApp", "name", "parent"]


def test_a_reply_leaves_nothing_to_the_garbage_collector() -> None:
    """What is in a cycle stays until the collector comes by, and for ever where it was frozen meanwhile."""
    reply = ROOTS[0] + b"<returnval><objectSet>" + b"".join(PLAIN * 3) + b"</objectSet>" + END
    soap.parse(reply)
    gc.collect()
    gc.disable()
    try:
        soap.parse(reply)
        assert gc.collect() == 0
    finally:
        gc.enable()
