"""Fragments: lines that are read apart say what they say one after the other, or it is said that they are in doubt."""

import json
from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest

from sla.book import Book
from sla.fragments import MOST_KEPT, FragmentReader
from sla.reader import EvidenceReader, InDoubtError
from sla.usual_lines import Gathered
from tests.sla.defects import DEFECTS, SOUND
from tests.sla.random_evidence import story_of
from tests.sla.stories import Line, client, in_order, says, seen, server

AT = "2026-03-02T00:00:00Z"
LATER = "2026-03-03T00:00:00Z"
LAST = "2026-03-04T00:00:00Z"


def encoded(lines: Sequence[Line | bytes], separators: tuple[str, str] = (",", ":")) -> list[bytes]:
    texts = (
        line if isinstance(line, bytes) else json.dumps(line, separators=separators).encode()
        for line in lines
    )
    return [text.removesuffix(b"\n") + b"\n" for text in texts]


def one_by_one(lines: Sequence[bytes]) -> tuple[Book, EvidenceReader]:
    """The book of lines that are read in their order."""
    book, reader = Book(), EvidenceReader()
    for line in lines:
        record = reader.read(line)
        if record is not None:
            book.add(record)
    return book, reader


def apart(lines: Sequence[bytes], cuts: Sequence[int] = ()) -> Book:
    """The book of lines whose fragments lie between cuts. Raises InDoubtError."""
    book = Book()
    reader = EvidenceReader(book.track)
    for start, end in pairwise([0, *cuts, len(lines)]):
        fragment = FragmentReader()
        for line in lines[start:end]:
            fragment.read_block(line)
        for record in reader.read_fragment(fragment.fragment()):
            book.add(record)
    return book


def shown(book: Book) -> list[object]:
    """All that is said of servers, in the order in which they and their tracks were met."""
    return [
        (name, key, list(track.said()))
        for name, pages in book.servers.items()
        for key, track in pages.tracks.items()
    ]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_lines_say_the_same_wherever_they_are_cut(seed: int, separators: tuple[str, str]) -> None:
    dice = Random(seed)
    lines = encoded(in_order(story_of(seed).lines), separators)
    whole, reader = one_by_one(lines)
    assert not reader.faults
    for pieces in range(1, 6):
        book = apart(lines, sorted(dice.randrange(len(lines) + 1) for _ in range(pieces - 1)))
        assert shown(book) == shown(whole)
        assert book.newest_at == whole.newest_at
        assert book.exclusions.keys() == whole.exclusions.keys()


@pytest.mark.parametrize("lines", [pytest.param(those, id=name) for name, those, _ in DEFECTS])
def test_a_defect_puts_them_in_doubt_wherever_they_are_cut(lines: list[Line | bytes]) -> None:
    texts = encoded([*SOUND, *lines])
    for cut in range(len(texts) + 1):
        with pytest.raises(InDoubtError):
            apart(texts, [cut])


SAID = [
    says("up", AT),
    says("down", AT, reason="é"),
    says("down", AT, reason="APD"),
    says("down", LATER, reason="APD"),
    says("up", LATER),
    says("unknown", LATER, more="é"),
    says("up", AT, source="tcp"),
]
"""Some of them are usual, and some speak of one instant of one track."""


@pytest.mark.parametrize("seed", range(200))
def test_of_what_is_said_of_one_instant_the_later_line_holds_or_they_are_in_doubt(seed: int) -> None:
    dice = Random(seed)
    lines = encoded([client(), server(), *(dice.choice(SAID) for _ in range(dice.randrange(1, 7)))])
    whole, _ = one_by_one(lines)
    try:
        book = apart(lines, sorted((dice.randrange(len(lines) + 1), dice.randrange(len(lines) + 1))))
    except InDoubtError:
        assert any("é" in json.loads(line).get(key, "") for line in lines for key in ("reason", "more"))
        return
    assert shown(book) == shown(whole)


def test_what_is_not_usual_puts_nothing_in_doubt_that_is_said_of_other_instants() -> None:
    lines = encoded([client(), server(), says("up", AT), says("down", LATER, reason="é"), says("up", LAST)])
    for cut in range(len(lines) + 1):
        assert shown(apart(lines, [cut])) == shown(one_by_one(lines)[0])


def test_what_speaks_of_a_server_before_it_is_defined_is_in_doubt() -> None:
    early = encoded([client(), says("up", AT), server(), says("up", LATER)])
    sound = encoded([client(), server(), says("up", AT), server("t"), says("up", LATER, server="t"), seen()])
    for cut in range(5):
        with pytest.raises(InDoubtError):
            apart(early, [cut])
        assert shown(apart(sound, [cut])) == shown(one_by_one(sound)[0])


def test_usual_lines_of_one_stem_are_one_piece() -> None:
    reader = FragmentReader()
    for line in encoded([says("up", AT), seen(), says("down", LATER, reason="APD"), says("up", LAST)]):
        reader.read_block(line)
    piece, other = reader.fragment()
    assert isinstance(piece, Gathered)
    assert (len(piece.instants), list(piece.states), list(piece.reasons.values())) == (24, [2, 1, 2], ["APD"])
    assert other == encoded([seen()])[0].removesuffix(b"\n")


def test_of_lines_that_are_not_usual_only_so_many_are_kept() -> None:
    reader, line = FragmentReader(), b"x" * (MOST_KEPT // 2)
    reader.read_block(line)
    reader.read_block(line)
    with pytest.raises(InDoubtError):
        reader.read_block(b"{}\n")
