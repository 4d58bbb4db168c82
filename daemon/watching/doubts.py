"""What is in doubt about servers, counted and told: of whom it is not known whose they are, and who look like another.

Edges are logged, a line for each vCenter and not for each server: a vCenter that starts knows of nobody whose he is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import structlog

from daemon.metrics.process import ProcessMetrics
from daemon.servers.registry import ServerRegistry
from sla.records import ServerId

_log = structlog.get_logger()
_NO_FACTS: Final[frozenset[str]] = frozenset()


class Doubts:
    """Compares the doubts of a tick with those of the one before."""

    def __init__(self, registry: ServerRegistry, metrics: ProcessMetrics) -> None:
        self._registry = registry
        self._metrics = metrics
        self._facts: Mapping[str, frozenset[str]] = {}
        """By source: the facts that owners waited for at the last tick."""
        self._sharing: Mapping[str, set[ServerId]] = {}
        """By source: the servers that showed another's instance UUID at the last tick."""

    def follow(self, watched: Iterable[str]) -> None:
        """Take what the registry is in doubt about now, for the sources that are `watched`."""
        sources = sorted(watched)
        self._follow_owners(sources)
        self._follow_identities(sources)

    def _follow_owners(self, sources: Iterable[str]) -> None:
        servers: dict[str, list[ServerId]] = defaultdict(list)
        facts: dict[str, frozenset[str]] = defaultdict(frozenset)
        for source, server, undecided in self._registry.undecided():
            servers[source].append(server)
            facts[source] |= undecided.facts
        for source in sources:
            self._metrics.source_undecided.labels(source).set(len(servers[source]))
            missing, before = facts[source], self._facts.get(source, _NO_FACTS)
            if missing and missing != before:
                _log.warning(
                    "owners_not_known",
                    source=source,
                    servers=len(servers[source]),
                    facts=sorted(missing),
                    example=min(servers[source]),
                )
            elif before and not missing:
                _log.info("owners_known", source=source)
        self._facts = facts

    def _follow_identities(self, sources: Iterable[str]) -> None:
        sharing: dict[str, set[ServerId]] = defaultdict(set)
        for source, server in self._registry.sharing():
            sharing[source].add(server)
        for source in sources:
            servers, before = sharing[source], self._sharing.get(source, set())
            self._metrics.source_duplicates.labels(source).set(len(servers))
            if servers - before:
                _log.warning(
                    "instance_uuid_shared",
                    source=source,
                    servers=len(servers),
                    example=min(servers - before),
                )
            elif before and not servers:
                _log.info("instance_uuid_shared_no_longer", source=source)
        self._sharing = sharing
