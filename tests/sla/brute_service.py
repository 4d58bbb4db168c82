"""Spec §3 once more, minute by minute: whose a server is, and which legs are watched. Shares no code with `sla/`."""

from collections.abc import Callable, Sequence
from typing import Any

Line = dict[str, Any]
Minute = tuple[str, str | None, frozenset[str]] | None
FOR_EVER = 10**9


def existing(lines: Sequence[Line], is_known: Callable[[Line], bool]) -> list[Line]:
    """The lines that exist at an instant (spec §1.4): those that are known, a server's once a record of its client is."""
    clients = {line["id"] for line in lines if line["kind"] == "client" and is_known(line)}
    return [
        line for line in lines if is_known(line) and (line["kind"] != "server" or line["client"] in clients)
    ]


def service(lines: Sequence[Line], name: str, at: Callable[[str], int], size: int) -> list[Minute]:
    """Client, solution and legs of a server at each minute (spec §3.2, §3.4), by lines that exist.

    All observers are asked at each minute; whose newest line about the server is the last of all decides.
    """
    retirements = [(place, x) for place, x in enumerate(lines) if x["kind"] == "observer_retired"]
    said: dict[tuple[str, int], list[Line]] = {}
    newest: dict[tuple[str, int], int] = {}
    ends: dict[tuple[str, int], int] = {}
    for place, line in enumerate(lines):
        if line["kind"] != "server" or line["id"] != name:
            continue
        who = line.get("observer") or ""
        of_who = [(where, at(x["at"])) for where, x in retirements if x["observer"] == who]
        observer = who, sum(where < place for where, _ in of_who)
        said.setdefault(observer, []).append(line)
        newest[observer] = place
        ends[observer] = min([minute for where, minute in of_who if where > place], default=FOR_EVER)
    grids = {observer: _alone(those, at, size, ends[observer]) for observer, those in said.items()}
    minutes: list[Minute] = []
    for minute in range(size):
        holds = {newest[observer]: held for observer, grid in grids.items() if (held := grid[minute])}
        if not holds:
            minutes.append(None)
            continue
        client, solution, _ = holds[max(holds)]
        minutes.append((client, solution, frozenset().union(*(legs for _, _, legs in holds.values()))))
    return minutes


def _alone(lines: Sequence[Line], at: Callable[[str], int], size: int, retired: int) -> list[Minute]:
    """What one observer's lines make (spec §3.2)."""
    told: list[Any] = []
    before: Line = {}
    for line in lines:
        ends = FOR_EVER if not before.get("in_service_until") else at(before["in_service_until"])
        if not before or at(line["in_service_from"]) >= ends:
            told.append((line, False, [(-FOR_EVER, line["legs"])]))
        elif (line["client"], line["solution"]) != (before["client"], before["solution"]):
            told.append((line, True, [(-FOR_EVER, line["legs"])]))
        else:
            _, moves, legs = told[-1]
            told[-1] = (line, moves, [*legs, (at(line["recorded_at"]), line["legs"])])
        before = line
    minutes: list[Minute] = [None] * size
    for line, moves, legs in told:
        start = max(at(line["in_service_from"]), 0)
        end = size if not line["in_service_until"] else at(line["in_service_until"])
        if moves:
            minutes[start:] = [None] * (size - start)
        for since, named in legs:
            first = min(max(since, start), size)
            last = max(min(end, size), first)
            minutes[first:last] = [(line["client"], line["solution"], frozenset(named))] * (last - first)
    minutes[max(min(retired, size), 0) :] = [None] * (size - max(min(retired, size), 0))
    return minutes
