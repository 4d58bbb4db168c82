"""Whom the patterns of `[people]` take, of the users whom vCenters' events of late name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sla.people import People, pattern_of


@dataclass(frozen=True, slots=True)
class SeenUsers:
    """Users by the first pattern that takes each, sorted; and those whom none takes. `why_not`: why nothing is known."""

    by_pattern: Mapping[str, Sequence[str]] = field(default_factory=dict)
    of_no_pattern: Sequence[str] = ()
    why_not: str = ""


def taken(users: Iterable[str], people: People) -> SeenUsers:
    """Users as the patterns take them."""
    found: dict[str | None, list[str]] = {}
    for user in sorted(set(users)):
        found.setdefault(pattern_of(user, people), []).append(user)
    of_no_pattern = found.pop(None, [])
    return SeenUsers(
        {pattern: those for pattern, those in found.items() if pattern is not None}, of_no_pattern
    )
