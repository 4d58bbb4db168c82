"""Lines of evidence for tests of the format: one of every kind, and every defect that stops an import.

A defect is its name, the lines that follow `SOUND`, and how the first fault begins, its line included.
"""

from typing import Any

from sla.reader import LONGEST_LINE
from tests.sla.stories import Line, blind, client, exclusion, says, seen, server

RECORDED = "2026-02-01T00:00:00Z"


def request(**keys: Any) -> Line:
    line = {"kind": "service_request", "id": "r", "client": "c", "solution": "s", "opened_by": "ann"}
    return {**line, "channel": "phone", "opened_at": RECORDED, "recorded_at": RECORDED, **keys}


def notice(**keys: Any) -> Line:
    line = {"kind": "cancellation_notice", "client": "c", "solution": "s"}
    return {**line, "given_at": RECORDED, "recorded_at": RECORDED, **keys}


def step(**keys: Any) -> Line:
    line = {"kind": "lifecycle", "client": "c", "solution": "s", "event": "activated"}
    return {**line, "at": "2026-01-01T00:00:00Z", **keys}


def withdrawn(what: str, name: str, **keys: Any) -> Line:
    return {"kind": "withdrawn", "what": what, "id": name, "why": "a mistake", **keys}


def event(**keys: Any) -> Line:
    line = {
        "kind": "event",
        "source": "vc",
        "key": "1",
        "type": "VmPoweredOffEvent",
        "server": None,
        "user": "u",
    }
    return {**line, "text": "off", "at": RECORDED, **keys}


def retired(observer: str = "m-1", at: str = RECORDED, **keys: Any) -> Line:
    return {"kind": "observer_retired", "observer": observer, "at": at, "recorded_at": at, **keys}


EVERY_KIND: list[Line] = [
    client(),
    server(solution="mail", in_service_until="2027-01-01T00:00:00Z"),
    {
        "kind": "contract",
        "client": "c",
        "effective_from": "2026-01",
        "terms": {"availability": {"target": "0.9"}},
    },
    says(
        "down",
        "2026-03-01T05:00:00.5Z",
        reason="\u2603 APD",
        noticed_at="2026-03-01T05:00:01Z",
        more={"a": [1, 2]},
    ),
    blind("2026-03-01T05:00:00Z", "2026-03-01T06:00:00Z", legs=["san"], reason="restart"),
    seen(),
    exclusion(
        "x", "client_change", "2026-02-01T00:00:00Z", None, clients=["c"], servers=["s"], reference="T-1"
    ),
    {
        "kind": "exclusion_ended",
        "id": "x",
        "at": "2026-02-02T00:00:00Z",
        "recorded_at": "2026-02-02T00:00:00Z",
    },
    {"kind": "exclusion_withdrawn", "id": "x", "why": "a mistake", "recorded_by": "bob"},
    request(recorded_at="2026-02-03T00:00:00Z"),
    {"kind": "service_request_responded", "id": "r", "at": "2026-02-02T00:00:00Z"},
    {"kind": "service_request_closed", "id": "r", "at": "2026-02-02T00:00:00Z"},
    notice(recorded_at="2026-02-03T00:00:00Z"),
    {"kind": "lifecycle", "client": "c", "solution": "s", "event": "activated", "at": "2026-02-02T00:00:00Z"},
    notice(id="n", recorded_at="2026-02-03T00:00:00Z"),
    {**step(id="l"), "recorded_by": "bob"},
    server("t", observer="m-1"),
    retired(recorded_at="2026-02-03T00:00:00Z"),
    withdrawn("service_request", "r"),
    withdrawn("cancellation_notice", "n"),
    withdrawn("lifecycle", "l", recorded_by="bob"),
    {"kind": "service_request_responded", "id": "r", "at": "2026-02-02T00:00:00Z"},
    event(recorded_at="2026-02-03T00:00:00Z", at="2026-02-04T00:00:00Z", server="s"),
    {
        "kind": "proposal",
        "id": "p",
        "category": "client_system",
        "from": "2026-02-01T00:00:00Z",
        "until": "2026-02-02T00:00:00Z",
        "servers": ["s"],
        "because": ["1"],
        "text": "powered off by u",
    },
    {"kind": "proposal_decided", "id": "p", "decision": "accepted", "exclusion": "x", "why": "it was u"},
    {"kind": "proposal_decided", "id": "p", "decision": "lapsed", "exclusion": None, "why": ""},
    {
        "kind": "cause",
        "server": "s",
        "from": "2026-02-01T00:00:00Z",
        "cause": "guest",
        "confidence": "likely",
        "user": None,
        "because": ["1", "2"],
        "text": "it crashed",
    },
    {
        "kind": "issued",
        "client": "c",
        "month": "2026-01",
        "as_of": "2026-02-01T00:00:00Z",
        "version": 1,
        "sha256": "ab" * 32,
    },
]

PROPOSAL, _, DECIDED, CAUSE, ISSUED = EVERY_KIND[-5:]
SOUND = [client(), server(solution="mail"), exclusion("x", "client_change", "2026-01-01T00:00:00Z", None)]
DEFECTS: list[tuple[str, list[Line | bytes], str]] = [
    ("no JSON", [b"nonsense"], "4: is no JSON"),
    ("a line that was cut off", [b'{"kind": "client", "id"'], "4: is no JSON"),
    ("an empty line", [b"\n"], "4: is empty"),
    ("no object", [b"[1]"], "4: is no JSON object"),
    ("bytes that are not UTF-8", [b'{"kind": "\xff"}'], "4: is not UTF-8: byte 11 is 0xff"),
    ("half a surrogate pair", [b'{"kind": "\\ud800"}'], "4: is no JSON: it escapes"),
    ("not a number", [b'{"kind": "client", "x": NaN}'], "4: is no JSON: NaN is no number"),
    ("infinity", [b'{"kind": "client", "x": -Infinity}'], "4: is no JSON: -Infinity is no number"),
    ("a huge fraction", [b'{"kind": "client", "x": 1e999}'], "4: is no JSON: 1e999 is too large"),
    ("a huge integer", [b'{"kind": "client", "x": ' + b"9" * 5000 + b"}"], "4: is no JSON"),
    (
        "a key that is given twice",
        [b'{"kind": "client", "id": "a", "id": "b"}'],
        "4: id: is given twice",
    ),
    (
        "a key that is given twice further in",
        [b'{"kind": "contract", "effective_from": "2026-01", "terms": {"support": {}, "support": {}}}'],
        "4: support: is given twice",
    ),
    ("endless nesting", [b'{"kind": ' + b"[" * 200_000], "4: is no JSON that anybody wrote"),
    ("a line that is too long", [b" " * (LONGEST_LINE + 1)], "4: is longer than"),
    ("no kind", [{"id": "x"}], "4: kind: is missing"),
    ("an unknown kind", [{"kind": "clients"}], "4: kind: there is no kind"),
    ("a kind that is no text", [{"kind": ["client"]}], "4: kind: there is no kind"),
    ("a missing key", [{"kind": "client", "id": "d"}], "4: name: is missing"),
    ("a text that is none", [client("d", name=7)], "4: name: must be a text"),
    ("a null where none may be", [client("d", name=None)], "4: name: must be a text"),
    ("a list with something else in it", [client("d", tech_admins=[5])], "4: tech_admins: must be a text"),
    ("a recording at no instant", [client("d", recorded_at=5)], "4: recorded_at: must be a text"),
    (
        "a start of service at no instant",
        [server("t", in_service_from=5)],
        "4: in_service_from: must be a text",
    ),
    (
        "an end of service at no instant",
        [server("t", in_service_until=5)],
        "4: in_service_until: must be a text",
    ),
    ("an observer that is no text", [server("t", observer=5)], "4: observer: must be a text"),
    ("a retirement of no text", [retired(None)], "4: observer: must be a text"),  # type: ignore[arg-type]
    ("a retirement at no instant", [retired(at=None, recorded_at=RECORDED)], "4: at: must be a text"),  # type: ignore[arg-type]
    (
        "a retirement in the future",
        [retired(at="2027-01-01T00:00:00Z", recorded_at=RECORDED)],
        "4: at: is later than the record's own recorded_at",
    ),
    ("a solution that is no text", [server("t", solution=5)], "4: solution: must be a text"),
    ("legs that are no list", [server("t", legs="san")], "4: legs: must be a list of legs"),
    ("legs that are no texts", [server("t", legs=[["san"]])], "4: legs: must be one of"),
    (
        "servers that are no list",
        [exclusion("y", "client_change", RECORDED, None, servers="s")],
        "4: servers: must be a list",
    ),
    (
        "solutions that are no texts",
        [exclusion("y", "client_change", RECORDED, None, solutions=[None])],
        "4: solutions: must be a text",
    ),
    ("an end at no instant", [exclusion("y", "client_change", RECORDED, 5)], "4: until: must be a text"),  # type: ignore[arg-type]
    ("a category that is no text", [exclusion("y", 5, RECORDED, None)], "4: category: must be one of"),  # type: ignore[arg-type]
    ("a state that is no text", [says(True, RECORDED)], "4: state: must be one of"),  # type: ignore[arg-type]
    ("a reason that is no text", [says("up", RECORDED, reason=5)], "4: reason: must be a text"),
    ("an observer that is no text", [says("up", RECORDED, observer=[])], "4: observer: must be a text"),
    ("a watermark without its source", [seen(source="")], "4: source: must not be empty"),
    (
        "a month that is a number",
        [{"kind": "contract", "effective_from": 2026, "terms": {}}],
        "4: effective_from: must be a text",
    ),
    ("an empty id", [client("")], "4: id: must not be empty"),
    (
        "a zone that does not exist",
        [client("d", zone="America/Ottawa")],
        "4: timezone: there is no time zone",
    ),
    ("three tech admins", [client("d", tech_admins=["a", "b", "c"])], "4: tech_admins: at most two"),
    ("tech admins that are no list", [client("d", tech_admins="ann")], "4: tech_admins: must be a list"),
    ("a naive instant", [says("up", "2026-03-01T05:00:00")], "4: at: "),
    ("an instant that never was", [says("up", "2026-02-30T05:00:00Z")], "4: at: "),
    ("a date out of range", [says("up", "10000-01-01T00:00:00Z")], "4: at: "),
    ("an instant past the last year", [says("up", "9999-12-31T23:59:59-01:00")], "4: at: "),
    ("an instant before the first year", [says("up", "0001-01-01T00:00:00+01:00")], "4: at: "),
    ("an instant that is a number", [says("up", 5)], "4: at: must be a text"),  # type: ignore[arg-type]
    ("an unknown state", [says("off", RECORDED)], "4: state: must be one of up, down, unknown"),
    ("an unknown leg", [says("up", RECORDED, leg="disk")], "4: leg: must be one of"),
    ("no legs", [server("t", legs=[])], "4: legs: must be a list of legs that is not empty"),
    ("no legs of a blind span", [blind(RECORDED, "2026-02-02T00:00:00Z", legs=[])], "4: legs: "),
    ("an unknown server", [says("up", RECORDED, server="t")], "4: server: no server"),
    ("an unknown client", [server("t", client="d")], "4: client: no client"),
    (
        "an unknown client of a contract",
        [{"kind": "contract", "client": "d", "effective_from": "2026-01", "terms": {}}],
        "4: client: ",
    ),
    (
        "a month that is none",
        [{"kind": "contract", "effective_from": "2026-13", "terms": {}}],
        "4: effective_from: ",
    ),
    (
        "an unknown term",
        [{"kind": "contract", "effective_from": "2026-01", "terms": {"availability": {"targt": "1"}}}],
        "4: terms.availability.targt: unknown key, did you mean target?",
    ),
    (
        "a term of the wrong type",
        [{"kind": "contract", "effective_from": "2026-01", "terms": {"availability": {"target": 0.9}}}],
        "4: terms.availability.target: must be a decimal",
    ),
    (
        "terms that are no table",
        [{"kind": "contract", "effective_from": "2026-01", "terms": []}],
        "4: terms: must be a table",
    ),
    ("a server that bears a solution's name", [server("mail")], "4: id: "),
    ("a server that is its own solution", [server("t", solution="t")], "4: solution: "),
    ("a solution that bears a server's id", [server("t", solution="s")], "4: solution: "),
    (
        "a span that ends before it starts",
        [blind("2026-02-02T00:00:00Z", RECORDED)],
        "4: until: must be after from",
    ),
    (
        "an empty span",
        [exclusion("y", "client_change", RECORDED, RECORDED)],
        "4: until: must be after from",
    ),
    ("an unknown category", [exclusion("y", "weather", RECORDED, None)], "4: category: must be one of"),
    (
        "a second exclusion",
        [exclusion("x", "client_change", RECORDED, None)],
        "4: id: there is an exclusion",
    ),
    (
        "an exclusion of nobody",
        [exclusion("y", "client_change", RECORDED, None, clients=["d"])],
        "4: clients: no client",
    ),
    (
        "an exclusion of nothing",
        [exclusion("y", "client_change", RECORDED, None, servers=["t"])],
        "4: servers: no server",
    ),
    (
        "an announcement from the future",
        [exclusion("y", "client_change", RECORDED, None, announced_at=RECORDED)],
        "4: announced_at: is later",
    ),
    (
        "an end of what is unknown",
        [{"kind": "exclusion_ended", "id": "y", "at": "2026-01-01T00:00:00Z"}],
        "4: id: no exclusion",
    ),
    (
        "an end before the start",
        [{"kind": "exclusion_ended", "id": "x", "at": "2026-01-01T00:00:00Z"}],
        "4: at: must be after",
    ),
    (
        "a second end",
        [{"kind": "exclusion_ended", "id": "x", "at": RECORDED, "recorded_at": RECORDED}] * 2,
        '5: id: exclusion "x" is not open',
    ),
    (
        "the end of one that was never open",
        [
            exclusion("y", "client_change", "2025-01-01T00:00:00Z", RECORDED),
            {"kind": "exclusion_ended", "id": "y", "at": "2026-01-01T00:00:00Z"},
        ],
        '5: id: exclusion "y" is not open',
    ),
    ("a second withdrawal", [{"kind": "exclusion_withdrawn", "id": "x", "why": ""}] * 2, "5: id: "),
    (
        "a withdrawal of what is unknown",
        [{"kind": "exclusion_withdrawn", "id": "y", "why": ""}],
        "4: id: no exclusion",
    ),
    (
        "recorded_at that goes back",
        [client("d", recorded_at="2025-01-01T00:00:00Z")],
        "4: recorded_at: is earlier",
    ),
    (
        "an opening from the future",
        [request(opened_at="2026-02-02T00:00:00Z")],
        "4: opened_at: is later",
    ),
    ("a notice from the future", [notice(given_at="2026-02-02T00:00:00Z")], "4: given_at: is later"),
    (
        "a step from the future",
        [step(at=RECORDED)],
        "4: at: is later",
    ),
    (
        "an unknown step",
        [step(event="sold")],
        "4: event: must be one of",
    ),
    ("an unknown channel", [request(channel="pager")], "4: channel: must be one of"),
    ("a second request", [request(), request()], "5: id: there is a service request"),
    ("a second notice", [notice(id="n"), notice(id="n")], "5: id: there is a cancellation notice"),
    ("a second step", [step(id="l"), step(id="l")], "5: id: there is a life-cycle event"),
    ("an empty id of a notice", [notice(id="")], "4: id: must not be empty"),
    ("an id of a step that is no text", [step(id=5)], "4: id: must be a text"),
    (
        "a request whose id a withdrawn one has",
        [request(), withdrawn("service_request", "r"), request()],
        "6: id: there is a service request",
    ),
    (
        "a notice whose id a withdrawn one has",
        [notice(id="n"), withdrawn("cancellation_notice", "n"), notice(id="n")],
        "6: id: there is a cancellation notice",
    ),
    (
        "a withdrawal of a request that is unknown",
        [withdrawn("service_request", "r")],
        '4: id: no service request "r" is defined above',
    ),
    (
        "a withdrawal of what only another kind calls so",
        [notice(id="n"), withdrawn("lifecycle", "n")],
        '5: id: no life-cycle event "n" is defined above',
    ),
    (
        "a withdrawal of a notice without an id",
        [notice(), withdrawn("cancellation_notice", "n")],
        '5: id: no cancellation notice "n" is defined above',
    ),
    ("a withdrawal of nothing", [withdrawn("lifecycle", None)], "4: id: must be a text"),  # type: ignore[arg-type]
    (
        "a withdrawal of an exclusion by the wrong kind",
        [withdrawn("exclusion", "x")],
        "4: what: must be one of",
    ),
    (
        "a withdrawal without a reason",
        [notice(id="n"), withdrawn("cancellation_notice", "n", why=None)],
        "5: why",
    ),
    (
        "a second withdrawal of a step",
        [step(id="l"), *[withdrawn("lifecycle", "l")] * 2],
        '6: id: life-cycle event "l" is withdrawn already',
    ),
    ("a request of nobody", [request(client="d")], "4: client: no client"),
    ("a notice of nobody", [notice(client="d")], "4: client: no client"),
    ("a step of nobody", [step(client="d")], "4: client: no client"),
    ("a statement for nobody", [{**EVERY_KIND[-1], "client": "d"}], "4: client: no client"),
    ("a proposal for nothing", [{**PROPOSAL, "servers": ["s", "t"]}], '4: servers: no server "t"'),
    (
        "a proposal that ends before it starts",
        [{**PROPOSAL, "until": "2025-01-01T00:00:00Z"}],
        "4: until: must be after",
    ),
    ("a proposal for a reason that is no list", [{**PROPOSAL, "because": "1"}], "4: because: must be a list"),
    ("a decision on what is unknown", [DECIDED], '4: id: no proposal "p" is defined above'),
    (
        "a decision of no kind",
        [PROPOSAL, {**DECIDED, "decision": "maybe"}],
        "5: decision: must be one of accepted, rejected, lapsed",
    ),
    (
        "a decision with an exclusion that is unknown",
        [PROPOSAL, {**DECIDED, "exclusion": "y"}],
        "5: exclusion: no exclusion",
    ),
    ("a cause for nothing", [{**CAUSE, "server": "t"}], '4: server: no server "t"'),
    ("a cause of no kind", [{**CAUSE, "cause": "weather"}], "4: cause: must be one of client_change"),
    ("a cause that is sure in no way", [{**CAUSE, "confidence": "sure"}], "4: confidence: must be one of"),
    ("a cause for a reason that is no list", [{**CAUSE, "because": {}}], "4: because: must be a list"),
    (
        "a statement before the first",
        [{**ISSUED, "version": 0}],
        "4: version: must be a whole number, from 1 on",
    ),
    ("a proposal of no category", [{**PROPOSAL, "category": "weather"}], "4: category: must be one of"),
    ("an end from the future", [{"kind": "exclusion_ended", "id": "x", "at": RECORDED}], "4: at: is later"),
    (
        "a response from the future",
        [
            request(opened_at="2026-01-01T00:00:00Z"),
            {"kind": "service_request_responded", "id": "r", "at": "2026-02-02T00:00:00Z"},
        ],
        "5: at: is later",
    ),
    (
        "a closing from the future",
        [
            request(opened_at="2026-01-01T00:00:00Z"),
            {"kind": "service_request_closed", "id": "r", "at": "2026-02-02T00:00:00Z"},
        ],
        "5: at: is later",
    ),
    (
        "a request by nobody named",
        [request(opened_by="eve")],
        "4: opened_by: 'eve' may not open a request: the tech admin is 'ann'",
    ),
    (
        "a response to what is unknown",
        [{"kind": "service_request_responded", "id": "r", "at": "2026-01-01T00:00:00Z"}],
        "4: id: no service request",
    ),
    (
        "a closing of what is unknown",
        [{"kind": "service_request_closed", "id": "r", "at": "2026-01-01T00:00:00Z"}],
        "4: id: no service request",
    ),
    ("an unknown server of an event", [event(recorded_at=RECORDED, server="t")], "4: server: no server"),
    ("a hash that is none", [{**EVERY_KIND[-1], "sha256": "x"}], "4: sha256: "),
    (
        "a version that is none",
        [{**EVERY_KIND[-1], "version": True}],
        "4: version: must be a whole number",
    ),
]
