"""What the rules make of the servers that vCenters show: how many each takes, and what may be wrong with one that takes none."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Final

from daemon.config.config import Config
from daemon.config.tables import ConditionsTable
from daemon.doctor.finding import Finding, ok, warn
from daemon.readable import counted, first_of
from daemon.servers.rules import Rules, Undecided
from probes.facts import NOT_KNOWN, Fact
from probes.report import ListedServer

Shown = Mapping[str, Sequence[ListedServer]]
"""What each vCenter shows that could be asked."""

NAMED: Final = 5
"""How many servers are named of those that are told of together."""
PATHS: Final = 2_000
"""How many paths a rule is compared with at most."""


def rules(config: Config, shown: Shown) -> Iterator[Finding]:
    """What `[[rule]]` and `[[internet]]` make of servers, and which servers look like others."""
    if any(shown.values()):
        yield from _taken("rule", config.rules, shown)
        yield from _taken("internet", config.internet, shown)
        yield from _twins(shown)


def _taken(section: str, tables: Sequence[ConditionsTable], shown: Shown) -> Iterator[Finding]:
    compiled, taken, undecided = Rules(tables), Counter[int](), dict[str, Undecided]()
    for vcenter, servers in shown.items():
        for server in servers:
            rule = compiled.first(vcenter, server)
            if isinstance(rule, Undecided):
                undecided[server.called] = rule
            elif rule is not None:
                taken[id(rule)] += 1
    for number, table in enumerate(tables, 1):
        yield _rule(f"{section} {number}", table, taken[id(table)], shown)
    if undecided:
        facts = ", ".join(sorted(frozenset[str]().union(*(each.facts for each in undecided.values()))))
        yield warn(
            section,
            f"of {counted(len(undecided), 'server')} it is not known which rule takes them, for want of: {facts}:"
            f" {first_of(sorted(undecided), NAMED)}",
            "let the account read folders, pools and what else rules ask for: the role Read-only on the root folder",
        )


def _rule(about: str, table: ConditionsTable, taken: int, shown: Shown) -> Finding:
    if taken:
        return ok(about, f"takes {counted(taken, 'server')}")
    alone = Rules((table,))
    matching = sum(
        alone.first(vcenter, server) is table for vcenter, servers in shown.items() for server in servers
    )
    if matching:
        return warn(
            about,
            f"takes no server: earlier rules take the {counted(matching, 'server')} that match it",
            "put it before them, or remove it",
        )
    near = list(_nearest(table, [server for servers in shown.values() for server in servers]))
    remedy = f"the nearest {' and '.join(near)}" if near else "compare its conditions with what vCenter shows"
    return warn(about, "takes no server", remedy)


def _nearest(table: ConditionsTable, servers: Sequence[ListedServer]) -> Iterator[str]:
    """The paths that are most like those that a rule asks for."""
    for what, glob, facts in (
        ("folder", table.folder, [server.folder for server in servers]),
        ("resource pool", table.resource_pool, [server.resource_pool for server in servers]),
    ):
        if glob is not None and (paths := _with_those_above(facts)):
            yield f"{what} is {max(sorted(paths)[:PATHS], key=lambda path, glob=glob: likeness(glob, path))}"  # type: ignore[misc]


def _with_those_above(facts: Iterable[Fact]) -> set[str]:
    found: set[str] = set()
    for path in {fact for fact in facts if fact is not None and fact is not NOT_KNOWN}:
        levels = path.split("/")
        found.update("/".join(levels[:depth]) for depth in range(2, len(levels) + 1))
    return found


def likeness(glob: str, path: str) -> float:
    """How alike a glob for paths and a path are, level by level and letter by letter; more is liker."""
    wanted, levels = glob.strip("/").casefold().split("/"), path.strip("/").casefold().split("/")
    by_level = SequenceMatcher(
        None, [level for level in wanted if level != "**"], levels, autojunk=False
    ).ratio()
    return by_level + SequenceMatcher(None, "/".join(wanted), "/".join(levels), autojunk=False).ratio()


def _twins(shown: Shown) -> Iterator[Finding]:
    """Servers that show one instance UUID: in one vCenter, or in several."""
    holders: dict[str, list[str]] = {}
    for vcenter, servers in shown.items():
        for server in servers:
            uuid = server.server.partition("@")[0]
            holders.setdefault(uuid, []).append(f"{server.called} on {vcenter}")
    for uuid, names in sorted(holders.items()):
        if len(names) > 1:
            yield warn(
                "identity",
                f"{len(names)} servers show the instance UUID {uuid}: {first_of(sorted(names), NAMED)}",
                "remove the copy, give it a UUID of its own, or ignore what is a placeholder (condition placeholder)",
            )
