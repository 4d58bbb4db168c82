"""What the watch of a vCenter is told by the configuration, and how much it reads at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from probes.vcenter import event_pages, properties
from probes.vcenter.file_reading import SERVERS_A_LOOK
from probes.vcenter.session import Credentials
from probes.vcenter.subscription import wanted
from probes.vcenter.transport import Endpoint

RETRY_S: Final = (1.0, 60.0)
"""The first pause after an error and the longest; each is twice the one before, give or take a quarter."""
LOGIN_RETRY_S: Final = (300.0, 1800.0)
"""The same after a refused login: a vCenter locks an account after a few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portions:
    """How much a look reads of what there may be much of, and how much a call.

    `event_pages` of `events`; with more to come the next look does not wait. `places_a_look`: of how many servers it is
    read where their files are, beyond those whose verdict waits for it; of `places` by a call.
    """

    events: int = event_pages.PAGE
    event_pages: int = 10
    places: int = properties.PAGE
    places_a_look: int = SERVERS_A_LOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a watch is told by the configuration. `poll_s` is the longest wait for an answer."""

    source: str
    observer: str
    endpoint: Endpoint
    credentials: Credentials
    poll_s: int = 10
    ignored_datastores: tuple[str, ...] = ()
    resource_pools: bool = False
    attributes: bool = False
    networks: bool = False
    placeholders: bool = False
    addresses: bool = False
    """Whether rules or checks ask for resource pools, custom attributes, networks, placeholders, guests' addresses: read
    only then."""
    retry_s: tuple[float, float] = RETRY_S
    login_retry_s: tuple[float, float] = LOGIN_RETRY_S
    portions: Portions = Portions()

    def watched(self) -> Mapping[str, tuple[str, ...]]:
        """The properties that are watched, by type."""
        return wanted(
            resource_pools=self.resource_pools,
            attributes=self.attributes,
            networks=self.networks,
            placeholders=self.placeholders,
            addresses=self.addresses,
        )
