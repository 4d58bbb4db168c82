"""What of a live book its records do not give again in a moment, as sections of a snapshot, and back: tracks and counters.

Each section is of some hundred servers and made in about a millisecond, so that the event loop has its turn in between. Servers go
by their number in the book: they are in the order of their records, which give it again.
"""

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from sys import intern
from typing import Any, Final, TypeVar

from daemon.book.counting import Change, Group, GroupMember
from daemon.book.live_book import GroupPlace, LiveBook
from daemon.ledger import SnapshotSection
from sla.instants import Instant
from sla.reasons import in_evidence
from sla.records import ALL_LEGS, ServerId, Witness

AT_ONCE: Final = 250
"""Servers a section."""

_T = TypeVar("_T")
_LEG: Final = {leg: place for place, leg in enumerate(ALL_LEGS)}
_NUMBER_BYTES: Final = array("q").itemsize


def sections_of(book: LiveBook) -> Iterator[SnapshotSection]:
    """All of it. The book must not change meanwhile."""
    servers = list(book.evidence.servers)
    numbers = {server: number for number, server in enumerate(servers)}
    yield _section("book", [book.horizon])
    for first, some in _slices(servers):
        yield _tracks(book, first, some)
    for group in book.groups.values():
        for first, rows in _slices(group.rows):
            yield _group(group, numbers, first, rows)
    for _, reasons in _slices(list(book.reasons.items())):
        told = [(numbers[server], _LEG[leg], in_evidence(text)) for (server, leg), text in reasons]
        yield _section("reasons", told)
    for _, events in _slices(list(book.events.items())):
        counts = [(numbers[server], len(seqs)) for server, seqs in events if server in numbers]
        yield _section("events_of", counts, *(seqs for server, seqs in events if server in numbers))


def restore(book: LiveBook, sections: Iterable[SnapshotSection]) -> None:
    """Bring a book to where it was that has taken the same records again, and nothing else."""
    servers = list(book.evidence.servers)
    for section in sections:
        meta, _, rest = section.content.partition(b"\n")
        _RESTORERS[section.name](book, servers, json.loads(meta), rest)
    book.outages.look_at_all()


def _slices(items: Sequence[_T]) -> Iterator[tuple[int, Sequence[_T]]]:
    """The items some at a time, each time with the number of the first; once if there are none."""
    for first in range(0, max(1, len(items)), AT_ONCE):
        yield first, items[first : first + AT_ONCE]


def _section(name: str, meta: object, *rest: "array[int] | bytes") -> SnapshotSection:
    return SnapshotSection(name, b"".join((json.dumps(meta, separators=(",", ":")).encode(), b"\n", *rest)))


def _tracks(book: LiveBook, first: int, servers: Sequence[ServerId]) -> SnapshotSection:
    witnesses: dict[Witness, int] = {}
    tracks: list[tuple[int, int, int, int]] = []
    texts: dict[str, int] = {}
    reasons: list[tuple[int, Instant, int]] = []
    instants: list[array[int]] = []
    states: list[bytes] = []
    for number, server in enumerate(servers, first):
        for (leg, witness), track in book.evidence.servers[server].tracks.items():
            at, said, because = track.stored()
            reasons += (
                (len(tracks), when, texts.setdefault(text, len(texts))) for when, text in because.items()
            )
            tracks.append((number, _LEG[leg], witnesses.setdefault(witness, len(witnesses)), len(said)))
            instants.append(at)
            states.append(said)
    return _section("tracks", [list(witnesses), tracks, list(texts), reasons], *instants, *states)


def _restore_tracks(book: LiveBook, servers: Sequence[ServerId], meta: Any, rest: bytes) -> None:
    witnesses, tracks, texts = (
        [Witness(*each) for each in meta[0]],
        meta[1],
        [intern(text) for text in meta[2]],
    )
    because: dict[int, dict[Instant, str]] = {}
    for place, at, text in meta[3]:
        because.setdefault(place, {})[Instant(at)] = texts[text]
    length = sum(count for *_, count in tracks) * _NUMBER_BYTES
    instants, states = array("q", rest[:length]), rest[length:]
    start = 0
    for place, (number, leg, witness, count) in enumerate(tracks):
        end = start + count
        track = book.evidence.track(servers[number], ALL_LEGS[leg], witnesses[witness])
        track.extend(instants[start:end], states[start:end], because.get(place, {}))
        start = end


def _group(
    group: Group, numbers: Mapping[ServerId, int], first: int, rows: Sequence[GroupMember | None]
) -> SnapshotSection:
    counted = [
        (numbers[row.server], row.since, row.code.hex(), row.pending, group.stored(index))
        for index, row in enumerate(rows, first)
        if row is not None
    ]
    return _section("group", [group.witnesses, group.settled, counted])


def _restore_group(book: LiveBook, servers: Sequence[ServerId], meta: Any, _: bytes) -> None:
    witnesses, settled, counted = meta
    group = book.group_of(tuple(Witness(*each) for each in witnesses))
    group.settled = Instant(int(settled))
    for number, since, code, pending, stored in counted:
        server = servers[number]
        changes = [Change(*each) for each in pending]
        row = GroupMember(
            server=server, code=bytearray.fromhex(code), since=Instant(int(since)), pending=changes
        )
        book.places[server] = GroupPlace(group, group.restore(row, array("q", stored)))


def _restore_reasons(book: LiveBook, servers: Sequence[ServerId], meta: Any, _: bytes) -> None:
    book.reasons.update({(servers[number], ALL_LEGS[leg]): text for number, leg, text in meta})


def _restore_events(book: LiveBook, servers: Sequence[ServerId], meta: Any, rest: bytes) -> None:
    seqs, start = array("q", rest), 0
    for number, count in meta:
        book.events[servers[number]] = seqs[start : start + count]
        start += count


def _restore_book(book: LiveBook, _: Sequence[ServerId], meta: Any, __: bytes) -> None:
    (horizon,) = meta
    book.horizon = Instant(int(horizon))


_RESTORERS: Final[Mapping[str, Callable[[LiveBook, Sequence[ServerId], Any, bytes], None]]] = {
    "book": _restore_book,
    "tracks": _restore_tracks,
    "group": _restore_group,
    "reasons": _restore_reasons,
    "events_of": _restore_events,
}
