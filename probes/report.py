"""What a probe tells the daemon, in `sla`'s vocabulary: observations, what exists, how far it has seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sla.instants import Instant
from sla.records import Observation, ServerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighted:
    """A virtual server as its source describes it; `server` is its instance UUID."""

    server: ServerId
    name: str
    folder: str = ""
    resource_pool: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    san: bool = True
    """Whether any datastore that counts holds its disks, so that the leg `san` can be judged at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Departed:
    """A virtual server that its source no longer lists, since `at`."""

    server: ServerId
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What a source says happened: its event, on our clock."""

    key: str
    type: str
    at: Instant
    server: ServerId | None
    user: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one look at a source gave: all of it, or nothing, is taken.

    `fresh`: the look stands on no earlier one, so what the source knew between its last `observed_until` and
    `observed_until` was not seen. Without `observed_until` the look only adds to what was seen before.
    """

    source: str
    fresh: bool = False
    observed_until: Instant | None = None
    sighted: tuple[Sighted, ...] = ()
    departed: tuple[Departed, ...] = ()
    observations: tuple[Observation, ...] = ()
    happenings: tuple[Happening, ...] = ()
    poll_us: int = 0
    objects: Mapping[str, int] = field(default_factory=dict)
    unreadable: int = 0
    clock_offset_us: int | None = None
    skipped_events: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A source cannot be seen: why, as a word and as a sentence for an operator, and when it is tried again."""

    source: str
    reason: str
    message: str
    retry_in_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """What the ledger remembers of a source, so that a watch can go on where one before it ended.

    `out_of_contact`: since when the source could not say of a virtual server whether it runs.
    """

    observed_until: Instant | None = None
    out_of_contact: Mapping[ServerId, Instant] = field(default_factory=dict)
    happenings_until: Instant | None = None
    happening_keys: frozenset[str] = frozenset()
