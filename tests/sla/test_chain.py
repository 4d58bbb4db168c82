"""The hash chain (`spec/evidence.md`, Proof): what it proves, and that what was changed shows."""

import hashlib
import json

import pytest

from sla.chain import (
    GENESIS,
    ChainBrokenError,
    Link,
    digest_of,
    exported,
    link_of,
    linked,
    omitted,
    salted,
    verified_head,
)

SAID = ['{"kind":"a","text":"é"}', '{"kind":"b"}', '{"kind":"c"}']


def an_export(hidden: frozenset[int] = frozenset()) -> list[str]:
    """The lines of three records, some of them left out."""
    lines, before = [], GENESIS
    for seq, said in enumerate(SAID, 1):
        body = salted(said, "5a17")
        before = linked(before, digest_of(body))
        hides = seq in hidden
        lines.append(omitted(digest_of(body), seq, before) if hides else exported(body, seq, before))
    return lines


def head_of(lines: list[str]) -> Link | None:
    """The head of lines that all carry a proof."""
    links = [link_of(line) for line in lines]
    return verified_head(link for link in links if link is not None)


def test_each_value_is_the_hash_of_the_one_before_and_of_the_salted_record() -> None:
    before = bytes(32)
    for seq, (line, said) in enumerate(zip(an_export(), SAID, strict=True), 1):
        body = said[:-1] + ',"salt":"5a17"}'
        before = hashlib.sha256(before + hashlib.sha256(body.encode()).digest()).digest()
        assert line == body[:-1] + f',"seq":{seq},"chain":"{before.hex()}"}}'
        assert json.loads(line)["salt"] == "5a17"


def test_a_chain_that_holds_ends_in_its_head_whatever_was_left_out() -> None:
    last = json.loads(an_export()[-1])
    for hidden in (frozenset[int](), frozenset({1}), frozenset({2, 3})):
        head = head_of(an_export(hidden))
        assert head is not None
        assert (head.seq, head.chain.hex()) == (3, last["chain"])


def test_a_line_that_was_left_out_shows_its_digest_and_nothing_else() -> None:
    shown, hidden = (json.loads(lines[1]) for lines in (an_export(), an_export(frozenset({2}))))
    digest = digest_of(salted(SAID[1], "5a17")).hex()
    assert hidden == {"kind": "omitted", "digest": digest, "seq": 2, "chain": shown["chain"]}


def test_an_export_may_begin_in_the_middle_of_a_ledger() -> None:
    assert head_of(an_export()[1:]) == head_of(an_export())
    assert head_of([]) is None


@pytest.mark.parametrize("line", ['{"kind":"a"}', '{"kind":"a","seq":1}', '{"seq":1,"chain":"00"}'])
def test_a_line_without_a_proof_has_no_place_in_the_chain(line: str) -> None:
    assert link_of(line) is None


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ((0,), "record 1 was changed: it does not hash to its chain value"),
        ((1,), "record 2 was changed, or one before it: it does not hash to its chain value"),
        ((2,), "record 3 was changed, or one before it: it does not hash to its chain value"),
    ],
)
def test_a_record_that_was_changed_does_not_hash_to_its_chain_value(
    broken: tuple[int, ...], message: str
) -> None:
    lines = an_export()
    for place in broken:
        lines[place] = lines[place].replace('"kind":"', '"kind":"x')
    with pytest.raises(ChainBrokenError) as caught:
        head_of(lines)
    assert str(caught.value) == message


def test_a_record_that_is_gone_or_moved_is_named() -> None:
    first, second, third = an_export()
    for lines, message in (
        ([first, third], "record 2 is missing: record 3 follows 1"),
        ([second, first], "record 3 is missing: record 1 follows 2"),
        ([first, first], "record 2 is missing: record 1 follows 1"),
    ):
        with pytest.raises(ChainBrokenError) as caught:
            head_of(lines)
        assert str(caught.value) == message


def test_a_place_in_the_chain_that_a_text_claims_inside_a_record_is_none() -> None:
    """Only the keys at the end of a line are its proof."""
    body = salted(json.dumps({"kind": "a", "text": ',"seq":9,"chain":"' + "0" * 64 + '"}'}), "5a17")
    link = link_of(exported(body, 1, linked(GENESIS, digest_of(body))))
    assert link is not None
    assert (link.seq, link.digest) == (1, digest_of(body))
