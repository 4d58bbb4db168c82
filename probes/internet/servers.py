"""What servers go by on their way to the Internet, as they are told of by the daemon."""

from dataclasses import dataclass

from probes.internet.check import Check
from probes.internet.layer import Layer
from probes.internet.state_history import StateHistory
from probes.internet.verdict import Verdict, all_of
from probes.targets.result import Result
from probes.targets.target import Target
from sla.instants import Instant
from sla.records import ServerId, State


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachCheck:
    """A check of a server's own address. `required`: it decides; else it is only shown."""

    check: Check
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a server goes by: the name of its uplink, if any, and the checks of its own address, each target once."""

    uplink: str | None = None
    reach: tuple[ReachCheck, ...] = ()

    @property
    def decides(self) -> bool:
        """Whether anything of it decides, so that there is a verdict to tell."""
        return self.uplink is not None or any(each.required for each in self.reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A check of a server's own address and what its last round found, None before the first."""

    target: Target
    required: bool
    result: Result | None


class Reach:
    """One check of one server's own address. It rests while the server is not running, and begins anew then."""

    __slots__ = ("check", "latest", "layer", "required")

    def __init__(self, check: Check, *, required: bool) -> None:
        self.check = check
        self.required = required
        self.layer: Layer | None = None
        self.latest: Result | None = None

    def adjust(self, check: Check) -> None:
        """Go on by other terms, for the same target."""
        self.check = check
        if self.layer is not None:
            self.layer.adjust(check)

    def wake(self, at: Instant) -> None:
        """Be tried from `at` on."""
        self.layer = Layer(self.check.targets[0].text, self.check, at)

    def rest(self) -> None:
        """Be tried no more: what was under way tells nothing."""
        self.layer = None
        self.latest = None


class WatchedServer:
    """One server, its checks, and what was said of it last (None: nothing since it was assigned)."""

    __slots__ = ("assignment", "id", "reach", "running", "said")

    def __init__(self, server: ServerId, assignment: Assignment) -> None:
        self.id = server
        self.assignment = assignment
        self.reach: tuple[Reach, ...] = ()
        self.running = False
        self.said: State | None = None

    def required(self) -> list[StateHistory]:
        """The histories of the checks that decide."""
        return [each.layer.history for each in self.reach if each.required and each.layer is not None]

    def reach_at(self, at: Instant) -> Verdict | None:
        """What the checks that decide say together at an instant; None where none does."""
        return all_of([history.at(at) for history in self.required()])
