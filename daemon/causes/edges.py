"""Outages as they begin and end, for the log: one line each, and in a storm one for all that are of one incident."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import structlog

from daemon.readable import duration, first_of
from sla.instants import Instant, format_instant
from sla.records import Cause, Server

MOST_TOLD: Final = 20
"""How many lines one tick writes of outages that began, and of such as ended."""
A_STORM: Final = 4
"""How many outages of one incident in one tick are told in one line."""
NAMED: Final = 3
"""And how many servers of them it names."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OutageEdge:
    """An outage that is known to have begun, or to have ended: `end`. `reason`: why, as far as somebody said."""

    server: Server
    start: Instant
    end: Instant | None
    reason: str
    cause: Cause


def tell_edges(edges: Iterable[OutageEdge]) -> None:
    """Write them into the log, those that began first."""
    began: list[OutageEdge] = []
    ended: list[OutageEdge] = []
    for edge in edges:
        (began if edge.end is None else ended).append(edge)
    _tell("outage_began", began)
    _tell("outage_ended", ended)


def _tell(event: str, edges: Sequence[OutageEdge]) -> None:
    incidents: dict[str, list[OutageEdge]] = {}
    for edge in edges:
        incidents.setdefault(edge.cause.incident or edge.server.id, []).append(edge)
    lines: list[list[OutageEdge]] = []
    for together in incidents.values():
        lines += [together] if len(together) >= A_STORM else [[edge] for edge in together]
    for line in islice(lines, MOST_TOLD):
        _log.info(event, **(_of_one(line[0]) if len(line) == 1 else _of_many(line)))
    left_out = sum(map(len, lines[MOST_TOLD:]))
    if left_out:
        _log.info(f"more_{event.replace('outage', 'outages')}", count=left_out)


def _of_one(edge: OutageEdge) -> dict[str, object]:
    return {
        "server": edge.server.id,
        "name": edge.server.name,
        "client": edge.server.client,
        "reason": edge.reason or None,
        **_times((edge,)),
        **_cause(edge),
    }


def _of_many(edges: Sequence[OutageEdge]) -> dict[str, object]:
    clients = sorted({edge.server.client for edge in edges})
    return {
        "count": len(edges),
        "servers": first_of([edge.server.name for edge in edges], NAMED),
        "clients": first_of(clients, NAMED),
        **_times(edges),
        **_cause(edges[0]),
    }


def _times(edges: Sequence[OutageEdge]) -> dict[str, object]:
    """When they were, the longest of them."""
    longest = max(edges, key=lambda edge: (edge.end or edge.start) - edge.start)
    times: dict[str, object] = {"since": format_instant(longest.start)}
    if longest.end is not None:
        times |= {"until": format_instant(longest.end), "lasted": duration(longest.end - longest.start)}
    return times


def _cause(edge: OutageEdge) -> dict[str, object]:
    cause = edge.cause
    named = {"host": cause.host, "datastore": cause.datastore, "uplink": cause.uplink}
    return {
        "cause": cause.cause.value,
        "confidence": cause.confidence.value,
        "why": cause.text,
        **{key: value for key, value in named.items() if value},
        "incident": cause.incident or None,
    }
