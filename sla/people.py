"""Whose user somebody is (`spec/causes.md`, Whose user it is)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from sla.records import CauseKind, ClientId, Confidence

PROVIDER: Final = "provider"
"""What a client is told in place of a user of the provider."""


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


class Whose(NamedTuple):
    """What a change is that a user made to a server of a client, how sure that is at most, and who the user is.

    `shown_user` and `shown`: what the client may be told of that; users of the provider and of other clients are not named.
    """

    cause: CauseKind
    at_most: Confidence
    who: str
    shown_user: str | None
    shown: str


def whose(user: str, client: ClientId, people: People) -> Whose:
    """Whose user somebody is who changed a server of a client."""
    change, proved = CauseKind.CLIENT_CHANGE, Confidence.PROVED
    for pattern, acts_for in people.automation.items():
        if _matches(pattern, user):
            if acts_for is ActsFor.CLIENT:
                who = "automation that acts for a client"
                return Whose(change, proved, f"{user}, {who},", None, who)
            who = "automation of the provider"
            return Whose(CauseKind.PROVIDER_CHANGE, proved, f"{user}, {who},", PROVIDER, who)
    if not people.employees:
        who = "who may be anybody: no employees are configured"
        return Whose(
            CauseKind.UNKNOWN, Confidence.NONE, f"{user}, {who},", None, "somebody, it is not known who,"
        )
    if _match_any(people.employees, user):
        who = "an employee of the provider"
        return Whose(CauseKind.PROVIDER_CHANGE, proved, f"{user}, {who},", PROVIDER, who)
    if _match_any(people.users.get(client, ()), user):
        who = f"{user}, a user of {client},"
        return Whose(change, proved, who, user, who)
    for other, patterns in people.users.items():
        if _match_any(patterns, user):
            who = f"{user}, a user of {other}, to whom the server does not belong,"
            shown = "a user of another client, to whom the server does not belong,"
            return Whose(change, proved, who, None, shown)
    who = f"{user}, whom no pattern names,"
    return Whose(change, Confidence.LIKELY, who, user, who)


def pattern_of(user: str, people: People) -> str | None:
    """The first pattern that takes a user, in the order in which they are tried; None: no one."""
    patterns = (
        *people.automation,
        *people.employees,
        *(each for those in people.users.values() for each in those),
    )
    return next((pattern for pattern in patterns if _matches(pattern, user)), None)


def _match_any(patterns: Iterable[str], user: str) -> bool:
    return any(_matches(pattern, user) for pattern in patterns)


def _matches(pattern: str, user: str) -> bool:
    return _compiled(pattern).fullmatch(user) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    wildcards = {"*": ".*", "?": "."}
    text = "".join(wildcards.get(letter, re.escape(letter)) for letter in pattern)
    return re.compile(text, re.DOTALL | re.IGNORECASE)
