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
        b"\x00\xff\xfe<<not xml at all>>",
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


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (b"pasted \x08 text", "pasted \ufffd text"),
        (b"pasted \xff\xc8\x89 text", "pasted \ufffd\u0209 text"),
        (b"half \xed\xa0\xbd of a pair", "half \ufffd\ufffd\ufffd of a pair"),
        (b"a&#8;b&#x1b;c&#xD800;d&#1114112;e&#xFFFFFF;", "a\ufffdb\ufffdc\ufffdd\ufffde\ufffd"),
        (b"&nbsp;&unknown; AT&T & R&D;&&amp;&#65;", "&nbsp;&unknown; AT&T & R&D;&&A"),
        (b"a\xef\xbf\xbeb\x00", "a\ufffdb\ufffd"),
    ],
)
def test_what_xml_forbids_in_a_text_is_replaced(told: bytes, shown: str) -> None:
    assert body(b"<a>%b</a><b>1</b>" % told) == {"a": shown, "b": "1"}


@pytest.mark.parametrize("code", ["no-such-code", "ISO-8859-1", "utf-16", "utf-7"])
def test_a_reply_is_utf_8_whatever_it_declares(code: str) -> None:
    assert soap.parse(f'<?xml version="1.0" encoding="{code}"?><a>é</a>'.encode()) == {"a": "é"}


def test_every_text_is_clean_and_bounded() -> None:
    answer = body(b'<a xsi:type="%b">e\xe2\x80\xaetxt&#10;</a><b>%b</b>' % (b"T" * 5000, b"A" * 1_000_000))
    assert isinstance(answer, dict)
    assert answer["a"] == "e\\u202etxt\\n"
    assert len(answer["b"]) < 2048
    assert "cut from 1000000" in answer["b"]


def test_an_element_for_each_byte_is_refused() -> None:
    with pytest.raises(ReplyError, match="tags"):
        soap.parse(ENVELOPE % (b"<a/>" * (soap.MOST_TAGS + 1)))


# One bad item costs one item

ITEM = b'<returnval xsi:type="%bEvent"><key>%d</key></returnval>'
BAD_ITEMS = (
    b'<returnval xsi:type="BadEvent"><key>7</key><b></returnval>',
    b'<returnval xsi:type="BadEvent"><key>7</key></b></returnval>',
    b'<returnval xsi:type="BadEvent"><key>7</key>',
    b'<returnval xsi:type="BadEvent" xsi:type="Twice"><key>7</key></returnval>',
    b'<returnval foo:type="BadEvent"><key>7</key></returnval>',
    b"<returnval><key>7</key>< ></returnval>",
    b"<returnval><key>7</key><!-- </returnval>",
    b"<returnval><key>7</key><![CDATA[ </returnval>",
    b"<returnval><key>7</key>" + b"<a>" * 100 + b"</a>" * 100 + b"</returnval>",
    b"<returnval><key>7</key><?xml?></returnval>",
)


@pytest.mark.parametrize("bad", BAD_ITEMS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_item_that_is_no_xml_costs_itself(bad: bytes, place: int) -> None:
    items = [ITEM % (b"A", 1), ITEM % (b"B", 2)]
    items.insert(place, bad)
    reply = ENVELOPE % (
        b'<ReadNextEventsResponse xmlns="urn:vim25">%b</ReadNextEventsResponse>' % b"".join(items)
    )
    told = soap.parse(reply, "returnval")["Envelope"]["Body"]["ReadNextEventsResponse"]["returnval"]
    unreadable = told.pop(place)
    assert isinstance(unreadable, soap.UnreadableItem)
    assert unreadable.said("key") == "7"
    assert told == [{soap.TYPE: "AEvent", "key": "1"}, {soap.TYPE: "BEvent", "key": "2"}]


def test_items_of_several_sets_stay_in_theirs() -> None:
    good, bad = b"<objectSet><obj>%b</obj></objectSet>", b"<objectSet><obj>%b</obj><x></objectSet>"
    sets = [good % b"a" + bad % b"b", bad % b"c", b"", good % b"d"]
    filters = b"".join(b"<filterSet><filter>%d</filter>%b</filterSet>" % each for each in enumerate(sets))
    reply = ENVELOPE % (b"<returnval><version>3</version>%b<truncated>true</truncated></returnval>" % filters)
    told = soap.parse(reply, "objectSet")["Envelope"]["Body"]["returnval"]
    shown = [
        [
            each.said("obj") if isinstance(each, soap.UnreadableItem) else each
            for each in soap.as_list(part.get("objectSet"))
        ]
        for part in told["filterSet"]
    ]
    assert (told["version"], told["truncated"]) == ("3", "true")
    assert shown == [[{"obj": "a"}, "b"], ["c"], [], [{"obj": "d"}]]


def test_a_reply_that_was_cut_off_is_not_taken_in_parts() -> None:
    whole = ENVELOPE % (b"<R>" + ITEM % (b"A", 1) + ITEM % (b"B", 2) + b"</R>")
    for length in range(100, len(whole), 7):
        with pytest.raises(ReplyError):
            soap.parse(whole[:length], "returnval")


@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_bytes_within_items_are_items_or_a_bad_reply(data: bytes, place: int) -> None:
    reply = ENVELOPE % (b"<R>" + ITEM % (b"A", 1) + ITEM % (b"B", 2) + b"</R>")
    try:
        soap.parse(reply[:place] + data + reply[place:], "returnval")
    except ReplyError:
        pass


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


@pytest.mark.parametrize(
    "reply",
    [
        b"\n" * 200 + b"<a>1</a>",
        b"<!-- x -->" * 200 + b"<a>1</a>",
        b"<a><!--" + b"x" * 3_000_000 + b"--><b>1</b></a>",
        b'<a b="' + b" x" * 2_000_000 + b'"><b>1</b></a>',
        b"<?x y?>" * 200 + b"<a>1</a>",
    ],
)
def test_whatever_comes_before_or_within_it_a_document_is_read_in_linear_time(reply: bytes) -> None:
    """Each of these once took time in the square of its length, or worse, while every other thread waited."""
    assert "a" in soap.parse(reply)


def test_a_document_type_is_refused_wherever_it_stands_before_the_document() -> None:
    for before in (b"", b"\xef\xbb\xbf", b"\n" * 50, b'<?xml version="1.0"?>\n<!-- x -->'):
        with pytest.raises(ReplyError, match="document type"):
            soap.parse(before + b"<!DOCTYPE a><a/>")
