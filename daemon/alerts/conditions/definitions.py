"""What a condition that holds says, and how it becomes an alert."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from daemon.alerts.alert import Alert, Severity, labels_of
from sla.calendars import calendar_of
from sla.instants import MINUTE, Instant

OUTLASTS_US: Final = 2 * MINUTE
"""How much longer than what it tells of an alert fires that inhibits others: a server is known to be back up to a minute later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A condition that holds."""

    severity: Severity
    since: Instant | None
    summary: str
    description: str
    keep_us: int = 0


Fact = TypeVar("Fact")
Definitions = Mapping[str, Callable[[Fact], Holding | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom alerts are about: how summaries call it, and the labels that say which one it is."""

    text: str
    labels: Mapping[str, str] = field(default_factory=dict)


def alerts(definitions: Definitions[Fact], fact: Fact, subject: Subject) -> Iterator[Alert]:
    """The alerts of one fact."""
    for name, find in definitions.items():
        finding = find(fact)
        if finding is not None:
            yield Alert(
                labels=labels_of(name, finding.severity, subject.labels),
                severity=finding.severity,
                since=finding.since,
                summary=f"{subject.text} {finding.summary}",
                description=finding.description,
                keep_us=finding.keep_us,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """Something that lasts, at `at`: since when, if that is known, and why."""

    at: Instant
    since: Instant | None = None
    why: str = ""


def holding(
    severity: Severity, summary: str, description: str, *, keep_us: int = 0
) -> Callable[[Lasting], Holding]:
    """A condition that holds, since somebody said so."""

    def find(lasting: Lasting) -> Holding:
        why = f": {lasting.why}" if lasting.why else ""
        return Holding(
            severity=severity,
            since=lasting.since,
            summary=summary,
            description=f"{description}{why}.",
            keep_us=keep_us,
        )

    return find


def instant_text(at: Instant, zone: str = "UTC") -> str:
    """An instant in a sentence, as it is called in a time zone."""
    return calendar_of(zone).spoken(at)


def many(count: int, noun: str) -> str:
    """So many of a noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def listed(words: Iterable[str]) -> str:
    """Words in a sentence."""
    return " and ".join(words)
