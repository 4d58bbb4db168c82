"""Whose user somebody is (`spec/causes.md`, Whose user it is)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from sla.records import CauseKind, ClientId, Confidence


class ActsFor(Enum):
    """For whom an automation acts."""

    PROVIDER = "provider"
    CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Whose users there are, by patterns of whole names without regard to case: `*` is any text, `?` any one character."""

    automation: Mapping[str, ActsFor] = field(default_factory=dict)
    employees: tuple[str, ...] = ()
    users: Mapping[ClientId, tuple[str, ...]] = field(default_factory=dict)


def whose(user: str, client: ClientId, people: People) -> tuple[CauseKind, Confidence, str]:
    """What a change is that a user made to a server of a client, how sure that is at most, and who the user is."""
    for pattern, acts_for in people.automation.items():
        if _matches(pattern, user):
            if acts_for is ActsFor.CLIENT:
                return CauseKind.CLIENT_CHANGE, Confidence.PROVED, "automation that acts for a client"
            return CauseKind.PROVIDER_CHANGE, Confidence.PROVED, "automation of the provider"
    if not people.employees:
        return CauseKind.UNKNOWN, Confidence.NONE, "who may be anybody: no employees are configured"
    if _match_any(people.employees, user):
        return CauseKind.PROVIDER_CHANGE, Confidence.PROVED, "an employee of the provider"
    if _match_any(people.users.get(client, ()), user):
        return CauseKind.CLIENT_CHANGE, Confidence.PROVED, f"a user of {client}"
    for other, patterns in people.users.items():
        if _match_any(patterns, user):
            who = f"a user of {other}, to whom the server does not belong"
            return CauseKind.CLIENT_CHANGE, Confidence.PROVED, who
    return CauseKind.CLIENT_CHANGE, Confidence.LIKELY, "whom no pattern names"


def _match_any(patterns: Iterable[str], user: str) -> bool:
    return any(_matches(pattern, user) for pattern in patterns)


def _matches(pattern: str, user: str) -> bool:
    return _compiled(pattern).fullmatch(user) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    wildcards = {"*": ".*", "?": "."}
    text = "".join(wildcards.get(letter, re.escape(letter)) for letter in pattern)
    return re.compile(text, re.DOTALL | re.IGNORECASE)
