"""What a probe tells the daemon, in `sla`'s vocabulary: observations, what exists, how far it has seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from probes.facts import NOT_KNOWN, Fact, NotKnown
from sla.instants import Instant
from sla.records import Observation, ServerId, State

INTERNET: Final = "internet"
"""The source of the Internet leg: it lists no server, and knows each by its id in the ledger."""

RECOVERED: Final = "/recovered"
"""What ends the source of a witness that speaks only of the past: no counter waits for it."""

NO_ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType({})
"""The custom attributes of a server that has none, or of which none was asked for: one object for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestAddress:
    """An IP number that a guest says is its own, and the network that its adapter is on, "" where that is not told."""

    number: str
    network: str = ""


class ManagedObject(NamedTuple):
    """An object of a vCenter, by that one's instance UUID ("" where it tells none) and the id that it gave once."""

    vcenter: str
    moid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedServer:
    """A virtual server as its source describes it; `server` is its instance UUID.

    Told again whenever one of these facts changed. A fact that the source does not, may not or was not asked to tell is
    not known, which is what all but the name are unless they are given.
    """

    server: ServerId
    name: str | NotKnown
    folder: Fact = NOT_KNOWN
    """The path of the folder that holds it, or its vApp, such as `/DC/vm/Clients/Acme` (`probes.vcenter.places`)."""
    resource_pool: Fact = NOT_KNOWN
    """The path of its resource pool or vApp, such as `/DC/host/Cluster/Resources/Gold`."""
    attributes: Mapping[str, str] = field(default_factory=lambda: NO_ATTRIBUTES)
    """Its custom attributes: their values by their names."""
    all_attributes: bool = False
    """Whether it has no other one; otherwise of any other nothing is known."""
    san: bool = True
    """Whether any datastore that counts holds its files, so that the leg `san` can be judged at all."""
    networks: tuple[str, ...] = ()
    """The networks and port groups that it is connected to, sorted."""
    all_networks: bool = False
    """Whether it is connected to no other one; otherwise whether it is is not known."""
    placeholder: Fact = NOT_KNOWN
    """Who manages a machine that is connected and never ran: the extension's key and the type that it gave, such as
    `com.vmware.vcDr/placeholderVm`, as recovery products register them; none for any other machine."""
    addresses: tuple[GuestAddress, ...] | NotKnown = NOT_KNOWN
    """Those that its guest reports through VMware Tools and that can be its own, the likeliest first: what a client says."""
    host: str | NotKnown = NOT_KNOWN
    """The host that it runs on, or ran on last, as `Report.hosts` calls it."""
    datastores: tuple[str, ...] = ()
    """The datastores that hold files which it needs, sorted, as `Report.datastores` calls them; until these were read, all
    that it uses."""
    returned: bool = False
    """It was not listed for a while, and is the same object as before: it was hidden, and not gone."""
    managed_object: ManagedObject | None = None
    """The object that it is."""

    @property
    def called(self) -> str:
        """What people call it: its name, or where that is not known its id."""
        return self.server if self.name is NOT_KNOWN else self.name

    def attribute(self, name: str) -> Fact:
        """The value of a custom attribute."""
        value = self.attributes.get(name)
        return value if value is not None or self.all_attributes else NOT_KNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Departed:
    """A virtual server that its source no longer lists, since `at`."""

    server: ServerId
    at: Instant


class KnownEvent(NamedTuple):
    """An event that was read before. Keys alone are unique only until a source is restored from a backup."""

    key: str
    type: str
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEvent:
    """What a source says happened: its event, on our clock: no later than it was read, no earlier than the year 2000."""

    key: str
    type: str
    at: Instant
    server: ServerId | None
    user: str
    text: str
    host: str = ""
    """The host that it names, as `Report.hosts` calls it; "" for none."""
    datastore: str = ""
    """Likewise of a datastore."""
    reason: str = ""
    """The source's word for why; "" where it gives none."""

    @property
    def known(self) -> "KnownEvent":
        """By what it is known again."""
        return KnownEvent(self.key, self.type, self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one look at a source gave: all of it, or nothing, is taken.

    `fresh`: the look stands on no earlier one, so what the source knew between its last `observed_until` and
    `observed_until` was not seen. Without `observed_until` the look only adds to what was seen before.

    `partial`: a fresh look that lacks objects which do not say which they are, so that what it does not list may be there.

    `hosts` and `datastores` hold those whose state is another than was told last, a fresh report all that there are:
    what it lacks is gone. Unknown is what nothing can be said of, and what is down as somebody wished. Names that repeat
    within a source begin with the path of their datacenter.
    """

    source: str
    fresh: bool = False
    partial: bool = False
    observed_until: Instant | None = None
    listed: tuple[ListedServer, ...] = ()
    departed: tuple[Departed, ...] = ()
    observations: tuple[Observation, ...] = ()
    events: tuple[SourceEvent, ...] = ()
    poll_us: int = 0
    objects: Mapping[str, int] = field(default_factory=dict)
    unreadable: int = 0
    clock_offset_us: int | None = None
    skipped_events: int = 0
    history_faults: tuple[str, ...] = ()
    """Why events that happened may be missing, or others have their keys: each fault once, when it was noticed."""
    passed_over: tuple[str, ...] = ()
    """What of this look could not be read, by name and why: for the log, the first few."""
    hosts: Mapping[str, State] = field(default_factory=dict)
    """Whether each host responds."""
    datastores: Mapping[str, State] = field(default_factory=dict)
    """Whether every connected host that mounts a datastore reaches it."""
    lost_mounts: frozenset[tuple[str, str]] | None = None
    """All pairs of a connected host and a datastore that it mounts and does not reach; None: those that were told last."""
    in_maintenance: frozenset[str] | None = None
    """All hosts that are in maintenance mode; None: those that were told last."""
    gone_hosts: tuple[str, ...] = ()
    gone_datastores: tuple[str, ...] = ()
    """Names that are no longer there, sorted: removed, renamed, or ignored from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFailure:
    """A source cannot be seen: why, as a word and as a sentence for an operator, and when it is tried again."""

    source: str
    reason: str
    message: str
    retry_in_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """What the ledger remembers of a source, so that a watch can go on where one before it ended.

    `out_of_contact`: since when the source could not say of a virtual server whether it runs. `known_events`: the newest
    that were read, all of the last minutes among them. `objects`: which server each object was when it was listed last.
    """

    observed_until: Instant | None = None
    out_of_contact: Mapping[ServerId, Instant] = field(default_factory=dict)
    known_events: frozenset[KnownEvent] = frozenset()
    objects: Mapping[ManagedObject, ServerId] = field(default_factory=dict)
