"""The gate of the ledger: no record enters that its reader would not take out again at the next start.

Whatever made such a record, it is quarantined in a table of its own, and what else there is goes on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from daemon.ledger.batch import Entry
from sla.decoding import LineError, parse_line, values_of
from sla.evidence import encode
from sla.reader import LONGEST_WRITTEN, EvidenceReader
from sla.records import Leg, Observation, Record, Server

KEPT_CHARACTERS: Final = 100_000
"""How much of a record is kept that was quarantined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A record that was not let in: its place among the entries, why, and as much of it as is kept."""

    place: int
    problem: str
    body: str


def let_in(entries: Sequence[Entry], quarantined: Sequence[Quarantined]) -> Sequence[Entry]:
    """Those of the entries that were not quarantined, in order."""
    if not quarantined:
        return entries
    left_out = {each.place for each in quarantined}
    return [entry for place, entry in enumerate(entries) if place not in left_out]


class EntryGate:
    """Judges lines as a reader does that has read all of the ledger. Until it is given one, each line is judged by itself."""

    def __init__(self) -> None:
        self._reader = EvidenceReader()
        self._knows_all = False

    def judge_by(self, reader: EvidenceReader) -> None:
        """From now on judge by a reader that has read every record of the ledger."""
        self._reader, self._knows_all = reader, True

    def admitted(self, entries: Sequence[Entry]) -> tuple[list[str], list[Quarantined]]:
        """The lines of those records that may enter, in order, and the others; to be kept, or taken back."""
        lines: list[str] = []
        quarantined: list[Quarantined] = []
        for place, entry in enumerate(entries):
            record = entry.record
            line = self._sound_line(record)
            if line is not None:
                lines.append(line)
                continue
            line, problem = self._judged(record)
            if problem is None:
                lines.append(line)
            else:
                quarantined.append(_kept(place, problem, line))
        return lines, quarantined

    def admitted_whole(self, entries: Sequence[Entry]) -> tuple[list[str], list[Quarantined]]:
        """The same, but all of them or none."""
        lines, quarantined = self.admitted(entries)
        if not quarantined:
            return lines, quarantined
        self.take_back()
        refused, others = {each.place: each for each in quarantined}, iter(lines)
        problem = f"it belongs to a record that could not enter: {quarantined[0].problem}"
        return [], [
            refused[place] if place in refused else _kept(place, problem, next(others))
            for place in range(len(entries))
        ]

    def keep(self) -> None:
        """What was admitted is durable."""
        self._reader.keep()

    def take_back(self) -> None:
        """What was admitted is not in the ledger."""
        self._reader.take_back()

    def _judged(self, record: Record) -> tuple[str, str | None]:
        """A record's line, and why it may not enter."""
        try:
            line = encode(record)
        except Exception as error:  # noqa: BLE001  whatever is wrong with a record, it is one that nobody can read
            return repr(record), f"cannot be written: {error!r}"
        try:
            encoded = line.encode()
        except UnicodeEncodeError as error:
            return line, f"cannot be written: {error.reason}"
        return line, self._problem_of(record.kind, encoded)

    def _sound_line(self, record: Record) -> str | None:
        """The line of an observation or a server without any fault that one can have, as the reader judges it at ten times the cost.

        None where that is not sure.
        """
        is_sound = _IS_SOUND.get(type(record))
        if is_sound is None or record.extra or not is_sound(record):
            return None
        try:
            line = encode(record)
        except (OverflowError, ValueError):
            return None
        # Everything in it but its texts is of a form that has no fault, and texts that are ASCII have none.
        is_sure = line.isascii() and len(line) <= LONGEST_WRITTEN and self._admits(record)
        return line if is_sure else None

    def _admits(self, record: Record) -> bool:
        """Whether the reader would take a record of which each value is sound, by what it read before."""
        if not self._knows_all:
            return True
        if isinstance(record, Server):
            return self._reader.admit_server(record) is None
        return isinstance(record, Observation) and self._reader.knows_server(record.server)

    def _problem_of(self, kind: str, line: bytes) -> str | None:
        if self._knows_all:
            return self._reader.admit(line)
        if len(line) > LONGEST_WRITTEN:
            return f"it is longer than {LONGEST_WRITTEN} bytes"
        faults: list[str] = []
        try:
            values_of(kind, parse_line(line), lambda key, problem: faults.append(f"{key}: {problem}"))
        except LineError as error:
            return error.problem
        return faults[0] if faults else None


def _is_sound_observation(record: Observation) -> bool:
    witness = record.witness
    return bool(record.server and witness.observer and witness.source)


def _is_sound_server(record: Server) -> bool:
    texts = (
        record.id,
        record.name,
        record.client,
        record.observer,
        record.recorded_by,
        record.solution or "-",
    )
    until = record.in_service_until
    instants = (record.in_service_from, record.recorded_at, *(() if until is None else (until,)))
    return bool(
        record.id
        and record.client
        and record.solution != ""
        and record.legs
        and {str}.issuperset(map(type, texts))
        and {int}.issuperset(map(type, instants))
        and {Leg}.issuperset(map(type, record.legs))
    )


_IS_SOUND: Final[Mapping[type, Callable[[Any], bool]]] = {
    Observation: _is_sound_observation,
    Server: _is_sound_server,
}
"""The kinds of which thousands come at once: whether each value of such a record is surely one that may stand in evidence."""


def _kept(place: int, problem: str, line: str) -> Quarantined:
    body = line[:KEPT_CHARACTERS].encode(errors="backslashreplace").decode()
    return Quarantined(place=place, problem=problem, body=body)
