"""Records to lines and back (`spec/evidence.md`). What is wrong with lines: test_reader.py."""

import json

import pytest

from sla.evidence import decoded, encode
from sla.records import Witness
from tests.sla.defects import EVERY_KIND, RECORDED
from tests.sla.stories import blind, client, records_of, says, seen, server


def test_every_kind_survives_the_way_to_a_line_and_back() -> None:
    for record in records_of(EVERY_KIND):
        assert decoded(encode(record)) == record


WRITTEN = """\
{"kind":"client","id":"c","name":"Client c","timezone":"America/Toronto","tech_admins":["ann"],"recorded_at":"2026-01-01T00:00:00Z"}
{"kind":"server","id":"s","name":"Server s","client":"c","solution":"mail","in_service_from":"2026-03-01T05:00:00Z","in_service_until":"2027-01-01T00:00:00Z","legs":["internet"],"recorded_at":"2026-01-01T00:00:00Z"}
{"kind":"contract","client":"c","effective_from":"2026-01","terms":{"availability":{"target":"0.9"}},"recorded_at":"2026-01-01T00:00:00Z"}
{"kind":"observation","observer":"o","source":"icmp","server":"s","leg":"internet","state":"down","at":"2026-03-01T05:00:00.500000Z","reason":"☃ APD","noticed_at":"2026-03-01T05:00:01Z","more":{"a":[1,2]}}
{"kind":"blind","observer":"o","source":"icmp","from":"2026-03-01T05:00:00Z","until":"2026-03-01T06:00:00Z","legs":["san"],"reason":"restart"}
{"kind":"observed_until","observer":"o","source":"icmp","at":"2026-12-01T00:00:00Z"}
{"kind":"exclusion","id":"x","category":"client_change","from":"2026-02-01T00:00:00Z","until":null,"clients":["c"],"solutions":[],"servers":["s"],"announced_at":"2026-01-01T00:00:00Z","reference":"T-1","recorded_at":"2026-01-01T00:00:00Z"}
{"kind":"exclusion_ended","id":"x","at":"2026-02-02T00:00:00Z","recorded_at":"2026-02-02T00:00:00Z"}
{"kind":"exclusion_withdrawn","id":"x","why":"a mistake","recorded_at":"2026-02-02T00:00:00Z","recorded_by":"bob"}
{"kind":"service_request","id":"r","client":"c","solution":"s","opened_at":"2026-02-01T00:00:00Z","opened_by":"ann","channel":"phone","recorded_at":"2026-02-03T00:00:00Z"}
""".splitlines()


def test_a_record_is_written_compactly_with_its_keys_in_the_order_of_the_format() -> None:
    found = records_of(EVERY_KIND)
    assert [encode(record) for record in found[: len(WRITTEN)]] == WRITTEN
    assert encode(records_of([*EVERY_KIND[:2], says("up", RECORDED)])[2]) == (
        '{"kind":"observation","observer":"o","source":"icmp","server":"s","leg":"internet","state":"up"'
        ',"at":"2026-02-01T00:00:00Z"}'
    )
    (whole,) = records_of([blind(RECORDED, "2026-02-02T00:00:00Z")])
    assert encode(whole) == (
        '{"kind":"blind","observer":"o","source":"icmp","from":"2026-02-01T00:00:00Z"'
        ',"until":"2026-02-02T00:00:00Z"}'
    )


def test_lists_and_keys_that_are_not_known_are_written_compactly_and_in_plain_letters() -> None:
    _, line, seen_ = records_of(
        [client(), server(name="Zürich", legs=["san", "internet"]), seen(a="é", b=[1, 2])]
    )
    assert encode(line) == (
        '{"kind":"server","id":"s","name":"Zürich","client":"c","solution":null'
        ',"in_service_from":"2026-03-01T05:00:00Z","in_service_until":null,"legs":["san","internet"]'
        ',"recorded_at":"2026-01-01T00:00:00Z"}'
    )
    assert encode(seen_) == (
        '{"kind":"observed_until","observer":"o","source":"icmp","at":"2026-12-01T00:00:00Z","a":"é","b":[1,2]}'
    )


def test_what_slad_wrote_with_salt_and_proof_is_read_without_them() -> None:
    for record in records_of(EVERY_KIND):
        line = encode(record)
        assert decoded(f'{line[:-1]},"salt":"5a17","seq":7,"chain":"{"0" * 64}"}}') == record


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"kind":"clients"}', "kind: is none that this version knows"),
        ("{}", "kind: is none that this version knows"),
        ('{"kind":"observed_until","observer":"o","source":"s"}', "at: is missing"),
        ('{"kind":"exclusion_withdrawn","id":"x","why":""}', "must be a text, not null"),
        ("[]", "is no JSON object"),
    ],
)
def test_a_line_that_slad_never_wrote_is_refused(line: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        decoded(line)
    assert str(caught.value) == message


def test_a_witness_that_was_read_before_is_the_same_object() -> None:
    first, second = (decoded(encode(each)) for each in records_of([*EVERY_KIND[:2], seen(), seen()])[2:])
    assert first.witness is second.witness  # type: ignore[union-attr]
    (other,) = (decoded(encode(each)) for each in records_of([seen(source="tcp")]))
    assert other.witness == Witness("o", "tcp")  # type: ignore[union-attr]


def test_unknown_keys_of_a_known_kind_are_kept() -> None:
    (_, _, *_, line) = [json.loads(encode(record)) for record in records_of(EVERY_KIND[:4])]
    assert line["more"] == {"a": [1, 2]}
    assert line["reason"] == "\u2603 APD"


def test_the_keys_of_the_proof_are_not_kept_with_a_record() -> None:
    (record,) = records_of([{**client(), "salt": "ab", "seq": 1, "chain": "cd"}])
    assert record.extra == ()


def test_a_whole_surrogate_pair_may_be_escaped() -> None:
    (record,) = records_of([client(name="\U0001f600")])
    assert "\U0001f600" in encode(record)
