"""Pseudonyms: nothing passes but what is known to be harmless, and what belonged together still does."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.vcenter import soap
from probes.vcenter.pseudonyms import Pseudonyms
from tests.peers import recorded


def replaced(*texts: str) -> list[str]:
    """Texts of an element of no meaning, by the pseudonyms of one recording."""
    pseudonyms = Pseudonyms()
    return [pseudonyms.replaced(f"<x>{text}</x>".encode()).decode()[3:-4] for text in texts]


@given(st.text(alphabet="abAB12é-_./[] ", min_size=1))
def test_of_a_text_no_word_stays(text: str) -> None:
    (told,) = replaced(f"q{text}z")
    words = {word for word in re.findall(r"[^\W_]+", text) if not re.fullmatch(r"w?\d+|vm|vmx", word)}
    assert not {word for word in words if re.search(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", told)}
    assert re.sub(r"[^\W_]+", "", told) == re.sub(r"[^\W_]+", "", f"q{text}z"), "what is between words stays"


@given(st.binary(max_size=300))
def test_any_bytes_are_taken_and_no_shorter_by_what_is_no_word(reply: bytes) -> None:
    told = Pseudonyms().replaced(reply)
    is_kept = re.compile(rb"[^0-9A-Za-z\x80-\xff_]")
    if b"<" not in reply:
        assert is_kept.findall(told) == is_kept.findall(reply)


def test_what_belonged_together_still_does() -> None:
    name, path, other, again = replaced("gold-san", "[gold-san] web/web.vmx", "silver-san", "gold-san")
    assert path.startswith(f"[{name}] ")
    assert path.endswith(".vmx")
    assert name == again != other
    assert name.split("-")[1] == other.split("-")[1]


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("10.1.2.3", r"10\.0\.\d+\.\d+"),
        ("192.168.7.9", r"192\.168\.\d+\.\d+"),
        ("8.8.8.8", r"198\.18\.\d+\.\d+"),
        ("169.254.1.2", r"169\.254\.\d+\.\d+"),
        ("172.17.0.1", r"172\.17\.0\.1"),
        ("fe80::250:56ff:fe00:1", r"fe80::[0-9a-f]+:[0-9a-f]+"),
        ("2a00:1450:4001:82a::200e", r"2001:db8::[0-9a-f]+:[0-9a-f]+"),
        ("00:50:56:ab:cd:ef", r"00:50:56:00:00:01"),
        ("502b1c2d-1111-2222-3333-444455556666", r"00000000-0000-4000-8000-0{11}1"),
    ],
)
def test_addresses_and_ids_stay_of_their_kind(told: str, kind: str) -> None:
    assert re.fullmatch(kind, replaced(told)[0])


@pytest.mark.parametrize(
    "reply",
    [
        "<changeSet><name>runtime.powerState</name><op>assign</op><val>poweredOff</val></changeSet>",
        "<e><key>4711</key><createdTime>2026-03-01T10:00:00.5Z</createdTime><eventTypeId>a.B</eventTypeId></e>",
        '<obj xsi:type="ManagedObjectReference" type="VirtualMachine"/>',
        "<mountInfo><accessible>false</accessible><inaccessibleReason>AllPathsDown_Start</inaccessibleReason></mountInfo>",
        '<?xml version="1.0" encoding="UTF-8"?>\n<a xmlns="urn:vim25"/>',
    ],
)
def test_words_of_the_schema_states_and_times_stay(reply: str) -> None:
    assert Pseudonyms().replaced(reply.encode()).decode() == reply


@pytest.mark.parametrize(
    "reply",
    [
        "<changeSet><name>summary.note</name><val>secret</val></changeSet>",
        "<CustomFieldValue><key>1</key><value>secret</value></CustomFieldValue>",
        "<key>secret</key><type>secret</type><reason>secret</reason>",
        "<name>secret</name>",
        '<a serverGuid="secret">1</a>',
        "<!-- secret -->",
        "<x><![CDATA[secret]]></x>",
        '<changeSet><name>host["secret"].mountInfo</name></changeSet>',
        "secret",
        "<html><title>secret</title></html>",
    ],
)
def test_whatever_else_there_is_does_not(reply: str) -> None:
    assert b"secret" not in Pseudonyms().replaced(reply.encode())
    assert b"s\0e" not in Pseudonyms().replaced(reply.encode("utf-16"))


def test_of_a_long_text_only_the_length_stays() -> None:
    text = "c2VjcmV0 " * 500
    assert replaced(text) == [re.sub(r"\w", "x", text)]


def test_what_a_real_vcenter_said_reads_the_same_with_pseudonyms() -> None:
    pseudonyms = Pseudonyms()
    answers = [
        answer.body
        for call, answer in recorded.load(recorded.UPDATES_5_5)
        if call.method == "WaitForUpdatesEx"
    ]
    assert [shape(soap.parse(body)) for body in answers] == [
        shape(soap.parse(pseudonyms.replaced(body))) for body in answers
    ]
    assert pseudonyms.counts["words"] > 500


def shape(value: object) -> object:
    """A value without its texts, but for states and the names of properties."""
    if isinstance(value, dict):
        kept = {key: value[key] for key in ("op", "kind") if key in value}
        if str(value.get("name")).startswith("runtime."):
            kept["val"] = value.get("val")
        return {key: shape(each) for key, each in value.items()} | kept
    if isinstance(value, list):
        return Counter(map(repr, map(shape, value)))
    return "text"
