"""The chronic-outage process of a solution in words, with its dates, as pages show it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from daemon.answers.accounts import SolutionAccount
from daemon.replies.solutions import ChronicStatus
from daemon.statements.speech import Speech
from daemon.statements.viewing import what_next
from sla.chronic import Stage
from sla.instants import Instant

_DATES = ("chronic_at", "notice_closes_at", "notice_given_at", "resolution_until", "evaluation_until")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessView:
    """A process on one basis. `dates`: what each is, and when; `due`: what comes next, and by when."""

    basis: str
    stage: Stage
    stage_word: str
    count: int
    dates: tuple[tuple[str, Instant], ...]
    due: str


def processes_of(account: SolutionAccount, *, only_told: bool) -> Iterator[ProcessView]:
    """On both bases; `only_told`: without those of which there is nothing to tell."""
    speech = Speech("en", account.timezone)
    for basis, process in (("observed", account.status.observed), ("documented", account.status.documented)):
        if only_told and process.stage is Stage.CLEAR:
            continue
        yield ProcessView(
            basis=speech.say(f"basis.{basis}"),
            stage=process.stage,
            stage_word=speech.say(f"stage.{process.stage.value}"),
            count=process.count,
            dates=tuple(_dates(process)),
            due=what_next(speech, asdict(account.terms), process.model_dump(mode="json")),
        )


def _dates(process: ChronicStatus) -> Iterator[tuple[str, Instant]]:
    for key in _DATES:
        at = getattr(process, key)
        if at is not None:
            yield key.removesuffix("_at").replace("_", " "), at
