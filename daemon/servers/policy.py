"""What a configuration means for the evidence: whose servers are whose."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from daemon.config.config import UNASSIGNED, Config
from daemon.config.tables import RuleTable
from daemon.servers.rules import Rules, Undecided
from probes.report import ListedServer
from sla.book import SolutionKey
from sla.records import ClientId, Leg, SolutionId

RECORDED_BY: Final = "slad"
"""Who recorded what nobody asked for: the daemon itself."""
PROVIDER: Final = "provider"
"""Who recorded what people recorded, as a record says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose a server is, by the rules."""

    client: ClientId
    solution: SolutionId | None = None


NOBODY: Final = Owner(client=UNASSIGNED)
"""Whose a server is that no rule takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the configuration says about servers. A reload brings another one."""

    assign: Callable[[str, ListedServer], Owner | Undecided | None]
    """The owner of what a source lists, None to ignore it, or what keeps the rules from deciding."""
    zone_of: Callable[[ClientId], str]
    """The time zone of a client."""
    legs: Mapping[str, frozenset[Leg]]
    """The legs that each source watches."""
    grace_us: int
    """How long a server may be gone before its service ends."""
    watches_internet: Callable[[str, ListedServer], bool | Undecided] = lambda _, __: False
    """Whether somebody watches the Internet leg of what a source lists, as far as that can be told."""


def policy_of(config: Config) -> Policy:
    """The rules of a configuration as the registry asks for them."""
    rules, internet = Rules(config.rules), Rules(config.internet)

    def assign(source: str, listed: ListedServer) -> Owner | Undecided | None:
        return owner_by(rules.first(source, listed))

    def watches_internet(source: str, listed: ListedServer) -> bool | Undecided:
        rule = internet.first(source, listed)
        return rule if isinstance(rule, Undecided) else rule is not None and rule.decides

    return Policy(
        assign=assign,
        zone_of=lambda client: config.clients.get(client, config.clients[UNASSIGNED]).timezone,
        legs={name: frozenset(table.legs) for name, table in config.vcenters.items()},
        watches_internet=watches_internet,
        grace_us=config.watch.grace.us,
    )


def owner_by(rule: RuleTable | Undecided | None) -> Owner | Undecided | None:
    """Whose a server is that a rule takes, or that none does; None: it is no virtual server that slad accounts for."""
    if isinstance(rule, Undecided):
        return rule
    if rule is None:
        return NOBODY
    if rule.ignore:
        return None
    assert rule.client is not None
    solution = SolutionId(rule.solution) if rule.solution is not None else None
    return Owner(client=ClientId(rule.client), solution=solution)


def solutions_of(config: Config) -> frozenset[SolutionKey]:
    """The solutions that the configuration names: there may be no server of one yet."""
    return frozenset(
        (SolutionId(rule.solution), ClientId(rule.client))
        for rule in config.rules
        if rule.client is not None and rule.solution is not None
    )
