"""What is in doubt about servers, counted and told: of whom it is not known whose they are.

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
_NONE: Final[frozenset[str]] = frozenset()


class Doubts:
    """Compares the doubts of a tick with those of the one before."""

    def __init__(self, registry: ServerRegistry, metrics: ProcessMetrics) -> None:
        self._registry = registry
        self._metrics = metrics
        self._facts: Mapping[str, frozenset[str]] = {}
        """By source: the facts that owners waited for at the last tick."""

    def follow(self, sources: Iterable[str]) -> None:
        """Take what the registry is in doubt about now; `sources` are those that are watched."""
        servers: dict[str, list[ServerId]] = defaultdict(list)
        facts: dict[str, frozenset[str]] = defaultdict(frozenset)
        for source, server, undecided in self._registry.undecided():
            servers[source].append(server)
            facts[source] |= undecided.facts
        for source in sources:
            self._metrics.source_undecided.labels(source).set(len(servers.get(source, ())))
        for source in sorted(facts.keys() | self._facts.keys()):
            missing, before = facts.get(source, _NONE), self._facts.get(source, _NONE)
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
        self._facts = dict(facts)
