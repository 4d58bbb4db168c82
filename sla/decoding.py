"""One line of evidence as a record: its JSON, its keys, and what each may hold (`spec/evidence.md`, Records).

What needs other lines, such as whether an id is defined, is `sla.reader`'s.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple, NoReturn

from sla.instants import Instant, parse_instant
from sla.records import (
    ALL_LEGS,
    Blind,
    CancellationNotice,
    Category,
    Cause,
    CauseKind,
    Channel,
    Client,
    Confidence,
    Contract,
    Decision,
    Event,
    Exclusion,
    ExclusionEnded,
    ExclusionWithdrawn,
    Extra,
    Issued,
    Lifecycle,
    LifecycleEvent,
    Observation,
    ObservedUntil,
    ObserverRetired,
    Proposal,
    ProposalDecided,
    Record,
    Server,
    ServerId,
    ServiceRequest,
    ServiceRequestClosed,
    ServiceRequestResponded,
    Withdrawable,
    Withdrawn,
    Witness,
)
from sla.terms import TermsError
from sla.values import (
    LEGS,
    STATES,
    as_common_text,
    as_id,
    as_instant,
    as_leg,
    as_legs,
    as_month,
    as_sha256,
    as_state,
    as_tech_admins,
    as_terms,
    as_text,
    as_texts,
    as_timezone,
    as_version,
    one_of,
)

_OF_THE_LEDGER: Final = ("salt", "ledger", "seq", "chain")
"""Keys that any line may have. They say how a ledger holds the record, and are no part of it."""
_LONGEST_NUMBER: Final = 30
_REQUIRED: Final = object()


class LineError(ValueError):
    """What is wrong with a line, or with one of its keys."""

    def __init__(self, key: str | None, problem: str) -> None:
        """A line that is no JSON has no key."""
        super().__init__(f"{key}: {problem}" if key else problem)
        self.key = key
        self.problem = problem


class Key(NamedTuple):
    """A key of a kind: its name in the evidence and in the record, what its value may be, and its default.

    One with a default may be null too, with the same meaning.
    """

    name: str
    field: str
    parse: Callable[[object], object]
    default: object = _REQUIRED


def parse_line(line: bytes) -> dict[str, Any]:
    """The JSON object of a line. Raises LineError."""
    try:
        text = line.decode()
        value = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except LineError:
        raise
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8: byte {error.start + 1} is {line[error.start]:#04x}"
    except UnicodeEncodeError:
        problem = "is no JSON: it escapes half a surrogate pair"
    except json.JSONDecodeError as error:
        message = error.msg.removesuffix(" at")
        problem = f"is no JSON: {message} at column {error.colno}" if line.strip() else "is empty"
    except RecursionError:
        problem = "is no JSON that anybody wrote: it is nested too deeply"
    except ValueError as error:
        problem = f"is no JSON: {error}"
    else:
        if isinstance(value, dict):
            return value
        problem = "is no JSON object"
    raise LineError(None, problem)


def values_of(kind: str, said: Mapping[str, Any], fault: Callable[[str | None, str], None]) -> dict[str, Any]:
    """What a line says of each field of its record but `recorded_at`; None where that is a fault."""
    values = {key.field: _value(said, key, fault) for key in KINDS[kind][1]}
    if kind in WITHOUT_RECORDED_AT:
        observer, source = values.pop("observer"), values.pop("source")
        values["witness"] = None if observer is None or source is None else Witness(observer, source)
    return values


def ledger_of(said: Mapping[str, Any], fault: Callable[[str | None, str], None]) -> str | None:
    """The name of the ledger that holds a line; None where it is a fault."""
    ledger: str | None = _value(said, _LEDGER, fault)
    return ledger


def record_of(kind: str, said: Mapping[str, Any], values: Mapping[str, Any]) -> Record:
    """The record of sound values; keys that are not known are kept."""
    make, keys = KINDS[kind]
    known = {"kind", "recorded_at", *_OF_THE_LEDGER, *(key.name for key in keys)}
    if kind in WITHOUT_RECORDED_AT:
        known.remove("recorded_at")
    more: dict[str, Any] = {}
    if kind == "observation":
        noticed_at = _noticed_at(said)
        if noticed_at is not None:
            more["noticed_at"] = noticed_at
            known.add("noticed_at")
    for name in OWN_KEYS.get(kind, ()):
        if isinstance(said.get(name), str):
            more[name] = said[name]
            known.add(name)
    record: Record = make(**values, **more, extra=_extra(said, known))
    return record


def usual_observation(
    said: Mapping[str, Any], witnesses: dict[tuple[object, object], Witness]
) -> Observation | None:
    """An observation without any fault or surprise, as nearly all lines are, several times as fast; None for others.

    `witnesses` are those that were met already.
    """
    try:
        witness = witnesses[said["observer"], said["source"]]
        server = said["server"]
        leg = LEGS[said["leg"]]
        state = STATES[said["state"]]
        at = parse_instant(said["at"])
        reason = said.get("reason", "")
        noticed_at = parse_instant(said["noticed_at"]) if "noticed_at" in said else None
    except (KeyError, TypeError, ValueError):
        return None
    if type(server) is not str or not server or type(reason) is not str or said.keys() - _OBSERVATION_KEYS:
        return None
    if type(said.get("ledger", "")) is not str:
        return None
    return Observation(
        witness=witness,
        server=ServerId(server),
        leg=leg,
        state=state,
        at=at,
        reason=reason,
        noticed_at=noticed_at,
    )


def _value(said: Mapping[str, Any], key: Key, fault: Callable[[str | None, str], None]) -> Any:
    if key.default is not _REQUIRED and said.get(key.name) is None:
        return key.default
    if key.name not in said:
        fault(key.name, "is missing")
        return None
    try:
        return key.parse(said[key.name])
    except TermsError as error:
        for each in error.faults:
            fault(f"{key.name}.{each.key}" if each.key else key.name, each.problem)
    except ValueError as error:
        fault(key.name, str(error))
    return None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _whole(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"{text[:20]} is too large a number")
    return int(text)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise LineError(key, "is given twice")
            seen.add(key)
    return table


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole
)


def _extra(said: Mapping[str, Any], known: set[str]) -> Extra:
    return tuple(
        (key, json.dumps(value, ensure_ascii=False, separators=(",", ":")))
        for key, value in said.items()
        if key not in known
    )


def _noticed_at(said: Mapping[str, Any]) -> Instant | None:
    """Where it is no instant it stays an unknown key: it is slad's own."""
    try:
        return as_instant(said.get("noticed_at"))
    except ValueError:
        return None


_OBSERVATION_KEYS: Final = frozenset(
    {"kind", "observer", "source", "server", "leg", "state", "at", "reason", "noticed_at", *_OF_THE_LEDGER}
)
OWN_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "event": ("shown_to",),
    "cause": ("incident", "host", "datastore", "uplink", "shown_to"),
}
"""Keys that are slad's own, texts, left out where they are empty. In another tool's records they may hold anything."""
WITHOUT_RECORDED_AT: Final = frozenset({"observation", "blind", "observed_until"})

_ID: Final = Key("id", "id", as_id)
_ID_OR_NULL: Final = Key("id", "id", as_id, None)
_AT: Final = Key("at", "at", as_instant)
_CLIENT: Final = Key("client", "client", as_id)
_SOLUTION: Final = Key("solution", "solution", as_id)
_FROM: Final = Key("from", "start", as_instant)
_UNTIL_OR_NULL: Final = Key("until", "end", as_instant, None)
_CATEGORY: Final = Key("category", "category", partial(one_of, Category))
_SERVERS: Final = Key("servers", "servers", as_texts, ())
_REASON: Final = Key("reason", "reason", as_text, "")
_WITNESS: Final = (Key("observer", "observer", as_id), Key("source", "source", as_id))
_BECAUSE: Final = Key("because", "because", as_texts)
_TEXT: Final = Key("text", "text", as_text)
_WHY: Final = Key("why", "why", as_text)
_RECORDED_BY: Final = Key("recorded_by", "recorded_by", as_common_text, "")
_LEDGER: Final = Key("ledger", "ledger", as_text, "")

KINDS: Final[Mapping[str, tuple[Callable[..., Any], tuple[Key, ...]]]] = {
    "contract": (
        Contract,
        (
            Key("client", "client", as_id, None),
            Key("effective_from", "effective_from", as_month),
            Key("terms", "terms", as_terms),
            _RECORDED_BY,
        ),
    ),
    "client": (
        Client,
        (
            _ID,
            Key("name", "name", as_text),
            Key("timezone", "timezone", as_timezone),
            Key("tech_admins", "tech_admins", as_tech_admins),
            _RECORDED_BY,
        ),
    ),
    "server": (
        Server,
        (
            _ID,
            Key("name", "name", as_text),
            _CLIENT,
            Key("solution", "solution", as_id, None),
            Key("in_service_from", "in_service_from", as_instant),
            Key("in_service_until", "in_service_until", as_instant, None),
            Key("legs", "legs", as_legs, ALL_LEGS),
            Key("observer", "observer", as_common_text, ""),
            _RECORDED_BY,
        ),
    ),
    "observer_retired": (ObserverRetired, (Key("observer", "observer", as_text), _AT, _RECORDED_BY)),
    "observation": (
        Observation,
        (
            *_WITNESS,
            Key("server", "server", as_id),
            Key("leg", "leg", as_leg),
            Key("state", "state", as_state),
            _AT,
            _REASON,
        ),
    ),
    "blind": (
        Blind,
        (*_WITNESS, _FROM, Key("until", "end", as_instant), Key("legs", "legs", as_legs, ALL_LEGS), _REASON),
    ),
    "observed_until": (ObservedUntil, (*_WITNESS, _AT)),
    "exclusion": (
        Exclusion,
        (
            _ID,
            _CATEGORY,
            _FROM,
            _UNTIL_OR_NULL,
            Key("clients", "clients", as_texts, ()),
            Key("solutions", "solutions", as_texts, ()),
            _SERVERS,
            Key("announced_at", "announced_at", as_instant, None),
            Key("reference", "reference", as_text, None),
            _RECORDED_BY,
        ),
    ),
    "exclusion_ended": (ExclusionEnded, (_ID, _AT, _RECORDED_BY)),
    "exclusion_withdrawn": (ExclusionWithdrawn, (_ID, _WHY, _RECORDED_BY)),
    "service_request": (
        ServiceRequest,
        (
            _ID,
            _CLIENT,
            _SOLUTION,
            Key("opened_at", "opened_at", as_instant),
            Key("opened_by", "opened_by", as_text),
            Key("channel", "channel", partial(one_of, Channel)),
            _RECORDED_BY,
        ),
    ),
    "service_request_responded": (ServiceRequestResponded, (_ID, _AT, _RECORDED_BY)),
    "service_request_closed": (ServiceRequestClosed, (_ID, _AT, _RECORDED_BY)),
    "cancellation_notice": (
        CancellationNotice,
        (_ID_OR_NULL, _CLIENT, _SOLUTION, Key("given_at", "given_at", as_instant), _RECORDED_BY),
    ),
    "lifecycle": (
        Lifecycle,
        (
            _ID_OR_NULL,
            _CLIENT,
            _SOLUTION,
            Key("event", "event", partial(one_of, LifecycleEvent)),
            _AT,
            _RECORDED_BY,
        ),
    ),
    "withdrawn": (
        Withdrawn,
        (Key("what", "what", partial(one_of, Withdrawable)), _ID, _WHY, _RECORDED_BY),
    ),
    "event": (
        Event,
        (
            Key("source", "source", as_text),
            Key("key", "key", as_text),
            Key("type", "type", as_text),
            _AT,
            Key("server", "server", as_id, None),
            Key("user", "user", as_text),
            _TEXT,
            _RECORDED_BY,
        ),
    ),
    "proposal": (
        Proposal,
        (_ID, _CATEGORY, _FROM, _UNTIL_OR_NULL, _SERVERS, _BECAUSE, _TEXT, _RECORDED_BY),
    ),
    "proposal_decided": (
        ProposalDecided,
        (
            _ID,
            Key("decision", "decision", partial(one_of, Decision)),
            Key("exclusion", "exclusion", as_id, None),
            _WHY,
            _RECORDED_BY,
        ),
    ),
    "cause": (
        Cause,
        (
            Key("server", "server", as_id),
            _FROM,
            Key("cause", "cause", partial(one_of, CauseKind)),
            Key("confidence", "confidence", partial(one_of, Confidence)),
            Key("user", "user", as_text, None),
            _BECAUSE,
            _TEXT,
            _RECORDED_BY,
        ),
    ),
    "issued": (
        Issued,
        (
            _CLIENT,
            Key("month", "month", as_month),
            Key("as_of", "as_of", as_instant),
            Key("version", "version", as_version),
            Key("sha256", "sha256", as_sha256),
            _RECORDED_BY,
        ),
    ),
}
