"""Whom the patterns of `[people]` take, of the users whom vCenters' events of late name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from daemon.causes.people import people_of
from daemon.causes.traces import users_in
from daemon.config import Config
from daemon.ledger import LedgerError, read_traces
from sla.people import pattern_of


@dataclass(frozen=True, slots=True)
class SeenUsers:
    """Users by the first pattern that takes each, sorted; and those whom none takes. `why_not`: why nothing is known."""

    by_pattern: Mapping[str, Sequence[str]] = field(default_factory=dict)
    of_no_pattern: Sequence[str] = ()
    why_not: str = ""


def seen_users(config: Config) -> SeenUsers:
    """The users in the ledger of a configuration, whether slad runs or not."""
    try:
        users = sorted(set(users_in(read_traces(config.ledger.path))))
    except (LedgerError, OSError) as error:
        return SeenUsers(why_not=str(error))
    people = people_of(config)
    taken: dict[str | None, list[str]] = {}
    for user in users:
        taken.setdefault(pattern_of(user, people), []).append(user)
    of_no_pattern = taken.pop(None, [])
    return SeenUsers(
        {pattern: those for pattern, those in taken.items() if pattern is not None}, of_no_pattern
    )
