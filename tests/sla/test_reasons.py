"""Reasons: evidence says the plain sentence, whatever the operator is told."""

import re

import pytest

from sla.evidence import decoded, encode
from sla.instants import Instant
from sla.reasons import DetailedReason, PlainReason, in_evidence
from sla.records import Blind, Leg, Observation, ServerId, State, Witness

WITNESS = Witness("here", "vc1")
DETAILED = DetailedReason(PlainReason.DATASTORE_NOT_ACCESSIBLE, "datastore san1 (10.0.0.5) is not accessible")


def observed(reason: str) -> Observation:
    return Observation(
        witness=WITNESS,
        server=ServerId("u1"),
        leg=Leg.SAN,
        state=State.DOWN,
        at=Instant(0),
        reason=reason,
    )


@pytest.mark.parametrize("sentence", PlainReason)
def test_a_sentence_is_plain(sentence: PlainReason) -> None:
    assert re.fullmatch(r"[A-Za-z][A-Za-z ,;:']{0,78}[a-z]|", sentence), (
        "no figure, name or address has a place"
    )


def test_evidence_holds_the_sentence_and_whoever_watches_now_has_the_detail() -> None:
    assert DETAILED == "datastore san1 (10.0.0.5) is not accessible"
    assert decoded(encode(observed(DETAILED))) == observed(PlainReason.DATASTORE_NOT_ACCESSIBLE)
    blind = Blind(witness=WITNESS, start=Instant(0), end=Instant(1), reason=DETAILED)
    assert "10.0.0.5" not in encode(blind)
    assert "a datastore with its files is not accessible" in encode(blind)


def test_what_was_recorded_of_old_is_written_as_it_is() -> None:
    assert in_evidence("datastore san1 is not accessible") == "datastore san1 is not accessible"
    assert decoded(encode(observed("anything"))) == observed("anything")
