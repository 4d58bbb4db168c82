"""The strict reader of evidence: lines to records, and every defect of the format with its place (`spec/evidence.md`).

`EvidenceReader` takes one line after the other and keeps what later lines can refer to: who and what was defined. It
never raises for bad input; it collects faults, and a file with a fault must not be used at all. What nearly all lines are is read many
at a time (`sla.usual_lines`).
"""

from array import array
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from itertools import repeat
from typing import Any, Final, NamedTuple, TypeVar

from sla.decoding import (
    KINDS,
    WITHOUT_RECORDED_AT,
    LineError,
    ledger_of,
    parse_line,
    record_of,
    usual_observation,
    values_of,
)
from sla.instants import Instant
from sla.records import Leg, Observation, Record, Recorded, Server, ServerId, State, Withdrawable, Witness
from sla.requests import refusal
from sla.timeline import Track
from sla.usual_lines import Fragment, Gathered, Stems, decoded, said_in
from sla.values import as_instant, of_ledger, short

_T = TypeVar("_T")
_V = TypeVar("_V")

TrackOf = Callable[[ServerId, Leg, Witness], Track]
"""Where the observations of a witness go that speak of a leg of a server."""

MOST_FAULTS: Final = 20
"""So many faults are collected; reading on would help nobody."""
LONGEST_LINE: Final = 16 * 1_048_576
"""Bytes. A longer line is a fault; whoever splits a file into lines may cut it one byte after.

Far more than any that is written today (`LONGEST_WRITTEN`): early ledgers hold texts of events as long as vCenter told them.
"""
LONGEST_WRITTEN: Final = 1_000_000
"""Bytes of a record's line that enters a ledger: an exclusion of 25,000 servers. With its proof it is no longer than a mebibyte."""


def lines_in(block: bytes) -> list[bytes]:
    """The lines of a block, without their newlines."""
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def usual_in(block: bytes, stems: Stems[_T]) -> Iterator[tuple[bytes, tuple[_T, Instant, State, str] | None]]:
    """Each line of a block, and what `decoded` says of it."""
    # A longer block may have a line that is too long, however usual it is.
    usual = decoded(block, stems) if len(block) <= LONGEST_LINE else repeat(None)
    return zip(lines_in(block), usual, strict=False)


class InDoubtError(Exception):
    """What a fragment says cannot be told without reading its lines one after the other, as where there is a fault."""


class LineFault(NamedTuple):
    """What is wrong with a line. A line that is no JSON has no key."""

    line: int
    key: str | None
    problem: str

    def shown(self, file: str) -> str:
        """`FILE:LINE: KEY: what is wrong`."""
        return (
            f"{file}:{self.line}: {self.key}: {self.problem}"
            if self.key
            else f"{file}:{self.line}: {self.problem}"
        )


@dataclass(slots=True)
class _ExclusionSoFar:
    start: Instant | None
    is_open: bool
    is_withdrawn: bool = False


@dataclass(slots=True)
class _Defined:
    """What the lines so far define. A line that is bad otherwise defines its id all the same."""

    clients: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    """The tech admins of each; None where they could not be read."""
    servers: set[str] = field(default_factory=set)
    solutions: set[str] = field(default_factory=set)
    exclusions: dict[str, _ExclusionSoFar] = field(default_factory=dict)
    proposals: set[str] = field(default_factory=set)
    withdrawable: dict[Withdrawable, set[str]] = field(
        default_factory=lambda: {what: set() for what in Withdrawable}
    )
    withdrawn: set[tuple[Withdrawable, str]] = field(default_factory=set)


class EvidenceReader:
    """Reads lines in order; `faults` is what is wrong so far."""

    def __init__(
        self, track_of: TrackOf | None = None, *, for_ledger: bool = False, is_partial: bool = False
    ) -> None:
        """Before the first line. `is_partial`: lines are left out, and what is not defined may be defined there. With `track_of`, `read_block` puts usual observations straight on their tracks.

        With `for_ledger`, evidence is bad that cannot become a ledger: an export left out something, or it is of several.
        """
        self._track_of = track_of
        self._for_ledger = for_ledger
        self._ledgers: list[str] = []
        """Those met so far, where one is wanted."""
        self._stems = Stems(self._track)
        self.faults: list[LineFault] = []
        self._line = 0
        self.recorded_at: dict[str, Instant] = {}
        """The newest of each ledger: its next record may not be older. Whoever takes records in place of lines says it."""
        self._defined = _Defined()
        self._witnesses: dict[tuple[object, object], Witness] = {}
        self._undoing: list[Callable[[], object]] | None = None
        """What undoes the lines that were admitted and not kept yet, the last step last; None while lines are only read."""
        self._is_partial = is_partial
        """A line was left out: what is not defined here may be defined there."""

    @property
    def has_enough_faults(self) -> bool:
        """Whether to read on would add nothing."""
        return len(self.faults) >= MOST_FAULTS

    def read(self, line: bytes) -> Record | None:
        """The record of the next line, with or without its newline; None for a bad line, or one that an export left out."""
        self._line += 1
        if len(line) > LONGEST_LINE:
            self._fault(None, f"is longer than {LONGEST_LINE} bytes")
            return None
        try:
            said = parse_line(line)
        except LineError as error:
            self._fault(error.key, error.problem)
            return None
        if self._for_ledger:
            self._check_ledger(said.get("ledger") or "")
        if said.get("kind") == "observation":
            observation = usual_observation(said, self._witnesses)
            if observation is not None and observation.server in self._defined.servers:
                return observation
        return self._record(said)

    def read_block(self, block: bytes) -> Iterator[Record]:
        """The records of the next lines, which a block holds whole; without the observations that went to their tracks.

        Past so many faults that the rest would help nobody it reads on no more.
        """
        for line, said in usual_in(block, self._stems):
            if said is not None:
                self._line += 1
                track, at, state, reason = said
                track.add(at, state, reason)
                continue
            record = self.read(line)
            if record is not None:
                yield record
            if self.has_enough_faults:
                return

    def read_fragment(self, fragment: Fragment) -> Iterator[Record]:
        """As `read_block`, of the next lines, which were read apart: the same records, and the same on the tracks.

        Faults are left to whoever reads the lines. Raises InDoubtError: then nothing that was read may be used.
        """
        for piece in fragment:
            if isinstance(piece, Gathered):
                track = self._stems[piece.stem]
                if track is None:
                    raise InDoubtError
                track.extend(array("q", piece.instants), piece.states, piece.reasons)
                continue
            record = self.read(piece)
            if self.faults:
                raise InDoubtError
            if record is None:
                continue
            if isinstance(record, Observation) and self._is_told(record):
                raise InDoubtError  # which of the two is the later one?
            yield record

    def _is_told(self, record: Observation) -> bool:
        """Whether something is on the record's track already that was said at its instant."""
        assert self._track_of is not None
        return self._track_of(record.server, record.leg, record.witness).around(record.at)[0] == record.at

    def take(self, record: Recorded) -> None:
        """Take the next record in place of its line, where that was read before; later lines may refer to it."""
        self._line += 1
        self.recorded_at[""] = record.recorded_at
        self._check(record.kind, {field.name: getattr(record, field.name) for field in fields(record)})

    def knows_server(self, server: ServerId) -> bool:
        """Whether a line above defines it."""
        return server in self._defined.servers

    def admit(self, line: bytes) -> str | None:
        """Take the line of a record that is about to be written, where it is sound; else why not, and nothing of it is kept."""
        if len(line) > LONGEST_WRITTEN:
            return f"it is longer than {LONGEST_WRITTEN} bytes"
        return self._admitted(partial(self.read, line))

    def admit_server(self, record: Server) -> str | None:
        """The same of a server, each value of which is sound by itself, in place of its line: at a tenth of the cost."""
        return self._admitted(partial(self._read_server, record))

    def _admitted(self, read: Callable[[], object]) -> str | None:
        self._undoing = self._undoing or []
        steps, faults = len(self._undoing), len(self.faults)
        read()
        if len(self.faults) == faults:
            return None
        fault = self.faults[faults]
        del self.faults[faults:]
        self._undo(steps)
        return f"{fault.key}: {fault.problem}" if fault.key else fault.problem

    def keep(self) -> None:
        """What was admitted was written."""
        self._undoing = None

    def take_back(self) -> None:
        """What was admitted since `keep` was not written."""
        self._undo(0)

    def _undo(self, steps: int) -> None:
        while self._undoing and len(self._undoing) > steps:
            self._undoing.pop()()

    def _undone_by(self, undo: Callable[[], object]) -> None:
        if self._undoing is not None:
            self._undoing.append(undo)

    def _define(self, known: set[_T], name: _T) -> None:
        if name not in known:
            known.add(name)
            self._undone_by(partial(known.remove, name))

    def _put(self, known: MutableMapping[_T, _V], name: _T, value: _V) -> None:
        undo = partial(known.__setitem__, name, known[name]) if name in known else partial(known.pop, name)
        self._undone_by(undo)
        known[name] = value

    def _track(self, stem: bytes) -> Track | None:
        """What takes the observations whose lines begin so; None where there may be a fault in that."""
        said = None if self._track_of is None else said_in(stem)
        if self._track_of is None or said is None or said.server not in self._defined.servers:
            return None
        witness = self._witnesses.setdefault(said.witness, said.witness)
        return self._track_of(said.server, said.leg, witness)

    def _fault(self, key: str | None, problem: str) -> None:
        if not self.has_enough_faults:
            self.faults.append(LineFault(self._line, key, problem))

    def _record(self, said: Mapping[str, Any]) -> Record | None:
        if "kind" not in said:
            self._fault("kind", "is missing")
            return None
        kind = said["kind"]
        if kind == "omitted":
            if self._for_ledger and not self._is_partial:
                self._fault(
                    "kind", "a record was left out here: an export of all clients is wanted, not of one"
                )
            self._is_partial = True
            return None
        if not isinstance(kind, str) or kind not in KINDS:
            self._fault("kind", f"there is no kind {short(kind)}")
            return None
        before = len(self.faults)
        ledger = ledger_of(said, self._fault)
        values = values_of(kind, said, self._fault)
        if kind in WITHOUT_RECORDED_AT:
            witness = values["witness"]
            if witness is not None:
                values["witness"] = self._witnesses.setdefault((witness.observer, witness.source), witness)
        else:
            values["recorded_at"] = None if ledger is None else self._recording(said, ledger)
        self._check(kind, values)
        if len(self.faults) > before or self.has_enough_faults:
            return None
        return record_of(kind, said, values)

    def _recording(self, said: Mapping[str, Any], ledger: str) -> Instant | None:
        """The record's `recorded_at`, or that of the nearest line before it of the same ledger that has one."""
        newest = self.recorded_at.get(ledger)
        if said.get("recorded_at") is None:
            if newest is None:
                self._fault(
                    "recorded_at", f"is missing, and no line{of_ledger(ledger)} before this one has it"
                )
            return newest
        try:
            at = as_instant(said["recorded_at"])
        except ValueError as error:
            self._fault("recorded_at", str(error))
            return None
        self._go_on(ledger, at)
        return at

    def _go_on(self, ledger: str, at: Instant) -> None:
        """Take when the next record of a ledger was recorded."""
        newest = self.recorded_at.get(ledger)
        if newest is not None and at < newest:
            self._fault("recorded_at", f"is earlier than that of a line{of_ledger(ledger)} before it")
        elif at != newest:
            self._put(self.recorded_at, ledger, at)

    def _check_ledger(self, ledger: object) -> None:
        if isinstance(ledger, str) and ledger not in self._ledgers:
            self._ledgers.append(ledger)
            if len(self._ledgers) > 1:
                this, first = short(ledger), short(self._ledgers[0])
                self._fault("ledger", f"is {this}, and {first} above: a ledger takes the lines of one")

    def _check(self, kind: str, values: dict[str, Any]) -> None:
        """What one line alone cannot tell."""
        self._check_order(kind, values)
        match kind:
            case "contract":
                self._check_client("client", values["client"])
            case "client":
                if values["id"] is not None:
                    self._put(self._defined.clients, values["id"], values["tech_admins"])
            case "server":
                self._check_server(values)
            case "observation":
                self._check_servers("server", [values["server"]])
            case "event" | "cause":
                self._check_servers("server", [values["server"]])
            case "exclusion":
                self._check_exclusion(values)
            case "exclusion_ended":
                self._check_end(values)
            case "exclusion_withdrawn":
                self._check_withdrawal(values)
            case "service_request":
                self._check_client("client", values["client"])
                self._check_opener(values)
                self._check_new(Withdrawable.SERVICE_REQUEST, values["id"])
            case "service_request_responded" | "service_request_closed":
                self._check_defined(Withdrawable.SERVICE_REQUEST, values["id"])
            case "cancellation_notice" | "lifecycle":
                self._check_client("client", values["client"])
                self._check_new(Withdrawable(kind), values["id"])
            case "withdrawn":
                if values["what"] is not None:
                    self._check_withdrawn(values["what"], values["id"])
            case "issued":
                self._check_client("client", values["client"])
            case "proposal":
                self._check_servers("servers", values["servers"] or ())
                if values["id"] is not None:
                    self._define(self._defined.proposals, values["id"])
            case "proposal_decided":
                self._check_id("id", values["id"], self._defined.proposals, "proposal")
                self._check_id("exclusion", values["exclusion"], self._defined.exclusions, "exclusion")
            case _:
                pass

    def _check_order(self, kind: str, values: dict[str, Any]) -> None:
        start, end = values.get("start"), values.get("end")
        if start is not None and end is not None and start >= end:
            self._fault("until", "must be after from")
        recorded_at = values.get("recorded_at")
        if recorded_at is None or kind == "event":
            return
        for key in ("at", "opened_at", "given_at", "announced_at"):
            if values.get(key) is not None and values[key] > recorded_at:
                self._fault(key, "is later than the record's own recorded_at")

    def _check_id(
        self, key: str, given: str | None, defined: Mapping[str, object] | set[str], noun: str
    ) -> None:
        if given is not None and given not in defined:
            self._fault(key, f"no {noun} {short(given)} is defined above")

    def _check_client(self, key: str, client: str | None) -> None:
        self._check_id(key, client, self._defined.clients, "client")

    def _check_servers(self, key: str, servers: Sequence[str | None]) -> None:
        if not self._is_partial:
            for server in servers:
                self._check_id(key, server, self._defined.servers, "server")

    def _read_server(self, record: Server) -> None:
        self._line += 1
        self._go_on("", record.recorded_at)
        self._check_server({"id": record.id, "client": record.client, "solution": record.solution})

    def _check_server(self, values: dict[str, Any]) -> None:
        defined = self._defined
        server, solution = values["id"], values["solution"]
        if not self._is_partial:
            self._check_client("client", values["client"])
        if server is not None:
            if server in defined.solutions:
                self._fault("id", f"{short(server)} is the name of a solution above")
            self._define(defined.servers, server)
        if solution is not None:
            if solution in defined.servers:
                self._fault("solution", f"{short(solution)} is the id of a server")
            self._define(defined.solutions, solution)

    def _check_exclusion(self, values: dict[str, Any]) -> None:
        if not self._is_partial:
            for client in values["clients"] or ():
                self._check_client("clients", client)
        self._check_servers("servers", values["servers"] or ())
        if values["id"] is None:
            return
        if values["id"] in self._defined.exclusions:
            self._fault("id", f"there is an exclusion {short(values['id'])} above")
            return
        is_open = values["end"] is None
        self._put(self._defined.exclusions, values["id"], _ExclusionSoFar(values["start"], is_open))

    def _check_end(self, values: dict[str, Any]) -> None:
        self._check_id("id", values["id"], self._defined.exclusions, "exclusion")
        so_far = self._defined.exclusions.get(values["id"])
        if so_far is None:
            return
        if not so_far.is_open:
            self._fault("id", f"exclusion {short(values['id'])} is not open")
        elif so_far.start is not None and values["at"] is not None and values["at"] <= so_far.start:
            self._fault("at", "must be after the exclusion's from")
        self._undone_by(partial(setattr, so_far, "is_open", so_far.is_open))
        so_far.is_open = False

    def _check_withdrawal(self, values: dict[str, Any]) -> None:
        self._check_id("id", values["id"], self._defined.exclusions, "exclusion")
        so_far = self._defined.exclusions.get(values["id"])
        if so_far is None:
            return
        if so_far.is_withdrawn:
            self._fault("id", f"exclusion {short(values['id'])} is withdrawn already")
        self._undone_by(partial(setattr, so_far, "is_withdrawn", so_far.is_withdrawn))
        so_far.is_withdrawn = True

    def _check_opener(self, values: dict[str, Any]) -> None:
        admins = self._defined.clients.get(values["client"])
        if admins is not None and values["opened_by"] is not None:
            problem = refusal(values["client"], admins, values["opened_by"])
            if problem is not None:
                self._fault("opened_by", problem)

    def _check_new(self, what: Withdrawable, given: str | None) -> None:
        """An id is its record's for good, whether that is withdrawn or not."""
        if given is None:
            return
        known = self._defined.withdrawable[what]
        if given in known:
            self._fault("id", f"there is a {what.noun} {short(given)} above")
        self._define(known, given)

    def _check_defined(self, what: Withdrawable, given: str | None) -> None:
        self._check_id("id", given, self._defined.withdrawable[what], what.noun)

    def _check_withdrawn(self, what: Withdrawable, given: str | None) -> None:
        self._check_defined(what, given)
        if given is None:
            return
        if (what, given) in self._defined.withdrawn:
            self._fault("id", f"{what.noun} {short(given)} is withdrawn already")
        self._define(self._defined.withdrawn, (what, given))
