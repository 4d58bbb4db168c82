"""A file of evidence in parts: what several processes read is what one reads, and what they leave is left to one."""

import errno
import gzip
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise

import pytest

from daemon.evidence import parts
from daemon.evidence.files import (
    EvidenceError,
    EvidenceSource,
    Taker,
    evidence_in,
    read_records,
    read_verified,
)
from daemon.evidence.parts import ReadInParts, read_in_parts
from daemon.jobs import JobLostError
from sla.book import Book
from sla.chain import GENESIS, Link, digest_of, exported, linked, salted
from sla.fragments import FragmentReader
from tests.sla.random_evidence import story_of
from tests.sla.stories import Line, client, in_order, says, seen, server

JOBS = (2, 3, 7)
SAID = [
    client(),
    server(),
    server("t"),
    *[says(state, f"2026-03-0{day}T00:00:00Z") for day in range(1, 9) for state in ("down", "up")],
    *[says("down", f"2026-03-1{day}T00:00:00Z", reason="é" * 40 * day) for day in range(9)],
    *[says("down", f"2026-03-2{day}T00:00:00Z", server="t", reason="APD") for day in range(9)],
    seen("2026-04-01T00:00:00Z"),
]


def text_of(lines: Iterable[Line], end: str = "\n") -> bytes:
    return "".join(
        json.dumps(line, separators=(",", ":"), ensure_ascii=False) + end for line in lines
    ).encode()


def with_proof(lines: Iterable[Line], ledger: str = "") -> list[str]:
    """The lines as an export has them."""
    head, texts = GENESIS, []
    for seq, line in enumerate(lines, 1):
        body = salted(json.dumps(line, separators=(",", ":")), f"{seq:032x}")
        head = linked(head, digest_of(body))
        texts.append(exported(body, seq, head, ledger) + "\n")
    return texts


def unwatched(_: int) -> None:
    pass


def by_one(source: EvidenceSource, *, verify: bool) -> tuple[Book, Mapping[str, Link]]:
    book = Book()
    taker = Taker(take=book.add, track_of=book.track)
    if verify:
        return book, read_verified(source, taker, progress=unwatched)
    read_records(source, taker, progress=unwatched)
    return book, {}


def shown(book: Book) -> object:
    """What there is in a book, in its order."""
    tracks = [
        (name, key, list(track.said()))
        for name, pages in book.servers.items()
        for key, track in pages.tracks.items()
    ]
    return tracks, book.newest_at, book.clients, book.exclusions, book.lifecycles, book.requests


@contextmanager
def file_of(text: bytes) -> Iterator[EvidenceSource]:
    with tempfile.TemporaryFile() as file:
        file.write(text)
        file.seek(0)
        with evidence_in("evidence.jsonl", file) as source:
            yield source


def in_parts(source: EvidenceSource, jobs: int | None, *, verify: bool = False) -> ReadInParts | None:
    return read_in_parts(source, jobs, verify=verify, progress=unwatched)


def assert_same(text: bytes, *, jobs: Iterable[int] = JOBS, verify: bool = False) -> None:
    """Some number of processes reads what one reads, and leaves the file where it was."""
    with file_of(text) as source:
        found = [in_parts(source, each, verify=verify) for each in jobs]
        book, heads = by_one(source, verify=verify)
    for each in found:
        assert each is not None
        assert shown(each.book) == shown(book)
        assert list(each.heads.items()) == list(heads.items())


@pytest.mark.parametrize("seed", range(4))
def test_parts_say_what_the_whole_says(seed: int) -> None:
    assert_same(text_of(in_order(story_of(seed).lines)))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        text_of(SAID[:1]),
        text_of(SAID),
        text_of(SAID).removesuffix(b"\n"),
        text_of(SAID, "\r\n"),
        text_of(SAID, "\r\n").removesuffix(b"\n"),
        text_of([*SAID[:3], says("down", "2026-03-01T00:00:00Z", reason="é" * 50_000), *SAID[3:]]),
    ],
    ids=["empty", "a line", "lines", "no end", "crlf", "crlf, no end", "a line longer than a part"],
)
def test_they_are_cut_at_the_ends_of_lines(text: bytes) -> None:
    assert_same(text)


def test_they_are_cut_at_the_ends_of_lines_wherever_these_are() -> None:
    for length in range(1, 120):
        assert_same(text_of([client(name="n" * length), server(), *SAID[3:5]]), jobs=[2])


def test_chains_hold_across_parts() -> None:
    lines = [line for line in SAID if "é" not in str(line)]
    one, other = with_proof(lines, "m-1"), with_proof(lines, "m-2")
    assert_same("".join(with_proof(lines)).encode(), verify=True)
    assert_same("".join(text for both in zip(one, other, strict=True) for text in both).encode(), verify=True)
    assert_same("".join((*one, *other)).encode(), verify=True)


def test_a_chain_that_does_not_hold_is_left_to_one() -> None:
    lines = with_proof(line for line in SAID if "é" not in str(line))
    for place in range(1, len(lines)):
        for changed in ([], [lines[place].replace('"salt":"', '"salt":"a')], ["{}\n"]):
            text = "".join((*lines[:place], *changed, *lines[place + 1 :])).encode()
            if not changed and place == len(lines) - 1:
                continue  # who gives less at the end gives an older export
            with file_of(text) as source:
                assert in_parts(source, 2 + place % 2, verify=True) is None
                with pytest.raises(EvidenceError):
                    by_one(source, verify=True)


@pytest.mark.parametrize("place", range(len(SAID) + 1))
def test_a_fault_is_left_to_one_whose_numbers_of_lines_are_those_of_the_file(place: int) -> None:
    with file_of(text_of([*SAID[:place], {"kind": "nonsense"}, *SAID[place:]])) as source:
        assert in_parts(source, 3) is None
        with pytest.raises(EvidenceError) as told:
            by_one(source, verify=False)
    assert told.value.messages == (f'evidence.jsonl:{place + 1}: kind: there is no kind "nonsense"',)


def packed(text: bytes) -> io.BufferedIOBase:
    file = tempfile.TemporaryFile()  # noqa: SIM115
    file.write(gzip.compress(text))
    file.seek(0)
    return file


def piped(text: bytes) -> io.BufferedIOBase:
    reading, writing = os.pipe()
    os.write(writing, text)
    os.close(writing)
    return os.fdopen(reading, "rb")


@pytest.mark.parametrize("opened", [packed, piped, io.BytesIO])
def test_what_can_only_be_read_from_one_end_to_the_other_is_left_to_one(
    opened: Callable[[bytes], io.BufferedIOBase],
) -> None:
    with opened(text_of(SAID)) as file, evidence_in("evidence.jsonl", file) as source:
        assert in_parts(source, 3) is None
        book, _ = by_one(source, verify=False)
    assert len(book.servers) == 2


def test_what_was_read_of_a_file_before_is_no_part_of_it() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"a title\n" + text_of(SAID))
        file.seek(0)
        file.readline()
        with evidence_in("evidence.jsonl", file) as source:
            found = in_parts(source, 3)
            book, _ = by_one(source, verify=False)
    assert found is not None
    assert shown(found.book) == shown(book)


def test_by_default_there_is_a_process_for_each_processor_where_there_is_much_to_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "cores", lambda: 2)
    with file_of(text_of(SAID)) as source:
        assert in_parts(source, None) is None
        assert in_parts(source, 1) is None
        monkeypatch.setattr(parts, "BYTES_A_JOB", 100)
        assert in_parts(source, None) is not None


def test_a_process_that_is_killed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(FragmentReader):
        def read_block(self, _: bytes) -> None:
            os._exit(9)

    monkeypatch.setattr(parts, "FragmentReader", Killed)
    with file_of(text_of(SAID)) as source, pytest.raises(JobLostError):
        in_parts(source, 2)


def test_what_cannot_be_read_is_left_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    with file_of(text_of(SAID)) as source:
        monkeypatch.setattr(os, "preadv", broken)
        assert in_parts(source, 2) is None


def test_each_process_reads_a_part_of_its_own() -> None:
    text = text_of(SAID)
    with file_of(text) as source:
        cuts = parts._cuts(source, len(text), 4)
        pieces = [parts._section(source, *bounds).stream.read() for bounds in pairwise(cuts)]
    assert b"".join(pieces) == text
    assert all(piece.endswith(b"\n") and len(piece) > len(text) / 8 for piece in pieces)
