"""Who a virtual server is, as the labels of its alerts say it."""

from collections.abc import Callable, Mapping
from typing import Final

from daemon.config.labels import SERVER
from daemon.live.facts import ServerFacts
from sla.instants import MINUTE, Instant
from sla.records import Server, ServerId

LISTED_WITHIN_US: Final = MINUTE
"""How long after the start a server's alerts wait for its source to list it: its uplink is among the labels."""


class ServerLabels:
    """Names servers: by labels that hosts and datastores do not change, so that an alert is the same while they do."""

    def __init__(self, facts: ServerFacts, is_listed: Callable[[ServerId], bool], began_at: Instant) -> None:
        """`is_listed`: whether a source listed a server since `began_at`."""
        self._facts = facts
        self._is_listed = is_listed
        self._began_at = began_at

    def is_known(self, server: ServerId, now: Instant) -> bool:
        """Whether all of its labels are known, or will not be soon."""
        return now - self._began_at >= LISTED_WITHIN_US or self._is_listed(server)

    def labels(self, record: Server) -> Mapping[str, str]:
        """What the record says."""
        return {
            SERVER: record.id,
            "name": record.name,
            "client": record.client,
            "solution": record.solution or "",
        }

    def labels_with_shared(self, record: Server) -> Mapping[str, str]:
        """That and what it shares with others, by which its alerts are inhibited."""
        return {
            **self.labels(record),
            "vcenter": self._facts.source_of(record.id),
            "uplink": self._facts.uplink_of(record.id),
        }
