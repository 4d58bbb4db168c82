"""The catalogue: every phrase in both languages, every word of a closed set, and nothing that nobody says."""

import re
import string
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import pytest

import daemon.statements
from daemon.languages import LanguageName
from daemon.statements.viewing import view_of
from daemon.statements.words import REASONS, WORDS
from sla.accounts import DayState
from sla.chronic import Stage
from sla.client_document import Imprint, MonthVerdict, NoDocumentError, client_document
from sla.exclusions import IneligibleReason
from sla.lifecycle import Acceptance, DeadlineKind
from sla.reasons import PlainReason
from sla.records import Category, CauseKind, Channel, Confidence, Leg, State
from sla.requests import Outcome
from sla.terms import Basis, Unobserved
from tests.sla.random_evidence import story_of
from tests.sla.stories import judgement

SETS: tuple[tuple[str, type[Enum]], ...] = (
    ("basis", Basis),
    ("category", Category),
    ("cause", CauseKind),
    ("channel", Channel),
    ("day", DayState),
    ("deadline", DeadlineKind),
    ("leg", Leg),
    ("next", Stage),
    ("outcome", Acceptance),
    ("outcome", Outcome),
    ("refusal", IneligibleReason),
    ("stage", Stage),
    ("summary", MonthVerdict),
    ("sure", Confidence),
    ("unobserved", Unobserved),
    ("verdict", MonthVerdict),
)


def holes(phrase: str) -> set[str | None]:
    return {hole for _, hole, _, _ in string.Formatter().parse(phrase) if hole is not None}


@pytest.mark.parametrize("key", WORDS)
def test_a_phrase_says_something_in_each_language_with_the_same_holes(key: str) -> None:
    phrase = WORDS[key]
    assert all(text.strip() for text in phrase)
    assert holes(phrase.en) == holes(phrase.fr)


@pytest.mark.parametrize(("prefix", "words"), SETS)
def test_every_word_of_a_closed_set_has_its_phrase(prefix: str, words: type[Enum]) -> None:
    assert not [each for each in words if f"{prefix}.{each.value}" not in WORDS]


def test_every_state_has_its_phrase() -> None:
    assert not [each for each in State if f"state.{each.word}" not in WORDS]


def test_every_phrase_is_said_somewhere() -> None:
    rooms = Path(str(daemon.statements.__file__)).parents[1]
    sources = (
        *(rooms / "statements").glob("*.py"),
        rooms / "answers" / "own_feed.py",
        rooms / "answers" / "own.py",
        rooms / "answers" / "calendars.py",
    )
    said = "".join(each.read_text() for each in sources if each.name != "words.py")
    of_sets = {f"{prefix}.{each.value}" for prefix, words in SETS for each in words}
    of_sets |= {f"state.{each.word}" for each in State}
    bases = {"basis.observed", "basis.documented"}
    dates = {key for key in WORDS if key.startswith("date.")}
    unsaid = {key for key in WORDS if not re.search(rf'"{re.escape(key)}"', said)}
    nones = {key for key in unsaid if key.startswith("no_") and key.removeprefix("no_") in WORDS}
    assert not unsaid - of_sets - bases - dates - nones


def test_french_reasons_are_those_of_evidence() -> None:
    assert set(REASONS) <= set(PlainReason)


@pytest.mark.parametrize("seed", range(30))
def test_any_evidence_can_be_told_in_every_language(seed: int) -> None:
    story = story_of(seed)
    asked = judgement(story.lines, month=story.month, as_of=story.as_of, terms=story.tables())
    for who in asked.book.clients:
        try:
            document = client_document(asked, who, Imprint(time_zones="2026a")).encode()
        except NoDocumentError:
            continue
        shapes = {_shape(view_of(document, locale)) for locale in get_args(LanguageName)}
        assert len(shapes) == 1


def _shape(view: Any) -> Any:
    """What is the same whatever the language is."""
    return tuple(
        (section.key, len(section.facts), len(section.columns), len(section.rows))
        for section in view.sections
    )
