"""The keys that slad adds to records of the format: they come back as they were, and in another tool's record mean nothing."""

from dataclasses import replace
from typing import Any

import pytest

from sla.decoding import OWN_KEYS
from sla.evidence import decoded, encode
from sla.instants import parse_instant
from sla.records import Cause, CauseKind, Confidence, Event, ServerId

AT = parse_instant("2026-11-18T12:00:00Z")
EVENT = Event(
    source="vc", key="7", type="VmPoweredOffEvent", at=AT, server=None, user="", text="", recorded_at=AT
)
CAUSE = Cause(
    server=ServerId("u"),
    start=AT,
    cause=CauseKind.STORAGE,
    confidence=Confidence.PROVED,
    user=None,
    because=(),
    text="its host lost a datastore of its disks",
    recorded_at=AT,
)


@pytest.mark.parametrize("record", [EVENT, CAUSE], ids=["event", "cause"])
class TestOwnKeys:
    def test_what_is_empty_is_left_out(self, record: Event | Cause) -> None:
        assert not any(f'"{key}"' in encode(record) for key in OWN_KEYS[record.kind])

    def test_what_is_said_comes_back(self, record: Event | Cause) -> None:
        own: dict[str, Any] = dict.fromkeys(OWN_KEYS[record.kind], 'a"b')
        said = replace(record, **own)
        assert decoded(encode(said)) == said

    def test_what_is_no_text_stays_an_unknown_key(self, record: Event | Cause) -> None:
        key = OWN_KEYS[record.kind][0]
        line = encode(record)[:-1] + f',"{key}":5}}'
        assert decoded(line) == replace(record, extra=((key, "5"),))
        assert encode(decoded(line)) == line
