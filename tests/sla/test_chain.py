"""The hash chain (`spec/evidence.md`, Proof): what it proves, and that what was changed shows."""

import hashlib
import json
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from sla.chain import (
    GENESIS,
    ChainBrokenError,
    Chains,
    Link,
    digest_of,
    exported,
    link_of,
    linked,
    omitted,
    salted,
    verified_heads,
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


def heads_of(lines: list[str]) -> dict[str, Link]:
    """The heads of lines that all carry a proof."""
    links = [link_of(line) for line in lines]
    return verified_heads(link for link in links if link is not None)


def head_of(lines: list[str]) -> Link | None:
    """That of lines of one ledger, which has no name."""
    return heads_of(lines).get("")


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


NAMES = ("m-1", "", 'a "quoted" one', "ünique")


def of_ledger(name: str, hidden: frozenset[int] = frozenset()) -> list[str]:
    """The lines of a ledger in an export of several: its records, of which some may be left out."""
    lines, before = [], GENESIS
    for seq, said in enumerate(SAID, 1):
        body = salted(said, f"{seq:032x}")
        before = linked(before, digest_of(body))
        hides = seq in hidden
        line = omitted(digest_of(body), seq, before, name) if hides else exported(body, seq, before, name)
        assert json.loads(line).get("ledger", "") == name
        lines.append(line)
    return lines


@pytest.mark.parametrize("hidden", [frozenset[int](), frozenset({1}), frozenset({2, 3})])
@pytest.mark.parametrize("seed", range(5))
def test_each_ledger_has_a_chain_of_its_own_however_they_are_brought_together(
    seed: int, hidden: frozenset[int]
) -> None:
    left = {name: of_ledger(name, hidden) for name in NAMES}
    dice, lines = Random(seed), []
    while any(left.values()):
        lines.append(left[dice.choice([name for name, those in left.items() if those])].pop(0))
    heads = heads_of(lines)
    assert heads.keys() == set(NAMES)
    for name, head in heads.items():
        assert (head.ledger, head.seq) == (name, 3)
        assert exported(salted(SAID[2], f"{3:032x}"), 3, head.chain, name) == of_ledger(name)[2]
    assert len({head.chain for head in heads.values()}) == 1, "a name is no part of what is hashed"


def test_what_is_wrong_with_a_chain_is_told_with_its_ledger() -> None:
    lines = of_ledger("m-1") + of_ledger("m-2")
    for wrong, message in (
        ([*lines[:1], *lines[2:]], 'record 2 of ledger "m-1" is missing: record 3 follows 1'),
        (
            [*lines[:3], lines[3].replace('"a"', '"x"')],
            'record 1 of ledger "m-2" was changed: it does not hash to its chain value',
        ),
        (
            [line.replace("m-2", "m-1") for line in lines],
            'record 4 of ledger "m-1" is missing: record 1 follows 3',
        ),
    ):
        with pytest.raises(ChainBrokenError) as caught:
            heads_of(wrong)
        assert str(caught.value) == message


def test_a_ledger_that_the_record_itself_names_is_hashed_with_it() -> None:
    body = salted('{"kind":"a","ledger":"m-1"}', "5a17")
    link = link_of(exported(body, 1, linked(GENESIS, digest_of(body))))
    assert link is not None
    assert (link.ledger, link.digest) == ("m-1", digest_of(body))


@pytest.mark.parametrize(
    "text", ['{"kind":"a","terms":{"ledger":"x"}}', '{"kind":"a","text":",\\"ledger\\":\\"x\\""}']
)
def test_what_stands_further_in_or_in_a_text_names_no_ledger(text: str) -> None:
    body = salted(text, "5a17")
    link = link_of(exported(body, 1, linked(GENESIS, digest_of(body))))
    assert link is not None
    assert (link.ledger, link.digest) == ("", digest_of(body))


@pytest.mark.parametrize("name", ["5", '["m-1"]', '"\\ud800"', '"\\x"'])
def test_a_line_that_names_its_ledger_by_what_is_no_name_carries_no_proof(name: str) -> None:
    proof = f'"ledger":{name},"seq":1,"chain":"{"0" * 64}"}}'
    assert link_of(f'{{"kind":"a",{proof}') is None


def links_of(lines: list[str]) -> list[Link]:
    """What lines claim that all carry a proof."""
    return [link for link in map(link_of, lines) if link is not None]


def chains_of(links: list[Link]) -> Chains:
    """The chains of links that follow on each other."""
    chains = Chains()
    for link in links:
        chains.take(link)
    return chains


def joined(links: list[Link], cuts: tuple[int, ...]) -> Chains:
    """The same of links whose parts are looked at apart."""
    chains = Chains()
    for start, end in pairwise([0, *cuts, len(links)]):
        chains.join(chains_of(links[start:end]))
    return chains


def test_parts_of_chains_hold_together_where_the_whole_holds() -> None:
    dice = Random(1)
    for seed in range(200):
        links = [replace(link, ledger=name) for name in ("m-2", "m-1", "") for link in links_of(an_export())][
            dice.randrange(3) :
        ]
        dice.shuffle(links)
        links.sort(key=lambda link: link.seq)
        if seed % 2:
            place = dice.randrange(len(links))
            changed = replace(links[place], digest=dice.randbytes(32))
            links[place : place + 1] = dice.choice(([], [changed], [links[place]] * 2))
        cuts = sorted((dice.randrange(len(links) + 1), dice.randrange(len(links) + 1)))
        try:
            whole = chains_of(links)
        except ChainBrokenError:
            with pytest.raises(ChainBrokenError):
                joined(links, tuple(cuts))
        else:
            parts = joined(links, tuple(cuts))
            assert list(parts.heads.items()) == list(whole.heads.items())
            assert list(parts.firsts.items()) == list(whole.firsts.items())
