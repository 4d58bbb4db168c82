"""Replies become plain values, or one clear error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.vcenter import soap
from probes.vcenter.faults import ReplyError

ENVELOPE = (
    b'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
    b' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><s:Body>%b</s:Body></s:Envelope>'
)


def body(inner: bytes) -> object:
    return soap.parse(ENVELOPE % inner)["Envelope"]["Body"]


def test_elements_become_texts_mappings_and_lists_without_their_namespaces() -> None:
    answer = body(b'<x xmlns="urn:vim25"><a>1</a><b><c> two </c></b><d>3</d><d/><d>5</d></x>')
    assert answer == {"x": {"a": "1", "b": {"c": " two "}, "d": ["3", "", "5"]}}


def test_lists_grow_from_two_mappings() -> None:
    assert body(b"<x><a><b>1</b></a><a><b>2</b></a></x>") == {"x": {"a": [{"b": "1"}, {"b": "2"}]}}


def test_the_type_of_an_element_with_children_is_kept() -> None:
    answer = body(b'<returnval xsi:type="vim25:VmPoweredOffEvent"><key>7</key></returnval>')
    assert answer == {"returnval": {soap.TYPE: "VmPoweredOffEvent", "key": "7"}}


def test_entities_of_xml_itself_are_read() -> None:
    assert body("<n>a &amp; b &lt;c&gt; &#233; é</n>".encode()) == {"n": "a & b <c> é é"}


def test_a_long_reply_is_read_over_its_pieces() -> None:
    inner = "".join(f"<o>é{number:06}</o>" for number in range(20_000))
    assert body(f"<x>{inner}</x>".encode()) == {"x": {"o": [f"é{n:06}" for n in range(20_000)]}}


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"   ",
        b"Service Unavailable",
        b"<html><head><title>503</title><body>Service Unavailable",
        ENVELOPE[:-10],
        ENVELOPE % b"<a></b>",
        ENVELOPE % b"\xff\xfe",
        ENVELOPE % b"&unknown;",
        b"\x00\xff\xfe<<not xml at all>>",
        b'<?xml version="1.0" encoding="no-such-code"?><a/>',
        (ENVELOPE % b"<a/>") * 2,
    ],
)
def test_what_is_no_xml_document_is_a_bad_reply(reply: bytes) -> None:
    with pytest.raises(ReplyError, match="no XML document"):
        soap.parse(reply)


@pytest.mark.parametrize(
    "declared",
    [
        b'<!DOCTYPE a [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd">',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_a_document_type_is_refused(declared: bytes) -> None:
    with pytest.raises(ReplyError, match="document type"):
        soap.parse(b'<?xml version="1.0"?>' + declared + b"<a>&x;</a>")


def test_nesting_has_a_limit() -> None:
    with pytest.raises(ReplyError, match="nested deeper"):
        soap.parse(b"<a>" * 100_000 + b"</a>" * 100_000)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_a_bad_reply(data: bytes) -> None:
    try:
        soap.parse(ENVELOPE % data)
    except ReplyError:
        pass


def test_flags_are_said_in_two_ways_or_not_at_all() -> None:
    said: tuple[soap.Value | None, ...] = ("true", "1", "false", "0", "", "yes", None, [])
    assert [soap.flag(each) for each in said] == [
        *(True, True, False, False),
        *(None, None, None, None),
    ]


def test_arrays_of_none_one_and_several() -> None:
    assert soap.as_list(None) == soap.as_list("") == soap.array("", "x") == soap.array({}, "x") == []
    assert soap.as_list("a") == soap.array({"x": "a"}, "x") == ["a"]
    assert soap.array({"x": ["a", "b"]}, "x") == ["a", "b"]
