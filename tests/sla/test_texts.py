"""What others wrote is bounded and steers nothing; what is clean stays as it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.texts import ID_BYTES, NAME_BYTES, TEXT_BYTES, cleaned, is_clean_id

ANY = st.text(st.characters(), max_size=300)
"""Halves of surrogate pairs too."""
LIMITS = st.sampled_from([64, 100, NAME_BYTES, TEXT_BYTES])


@given(ANY, LIMITS)
def test_a_cleaned_text_fits_is_utf_8_and_has_nothing_that_steers(text: str, limit: int) -> None:
    shown = cleaned(text, limit)
    assert len(shown.encode()) <= limit
    assert not [each for each in shown if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp")]
    assert not [each for each in shown if unicodedata.bidirectional(each) in BIDIRECTIONAL]


BIDIRECTIONAL = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


@given(ANY, LIMITS)
def test_cleaning_twice_is_cleaning_once(text: str, limit: int) -> None:
    assert cleaned(cleaned(text, limit), limit) == cleaned(text, limit)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=16))
def test_what_people_write_stays(text: str) -> None:
    assert cleaned(text, 64) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pasted \x08 text", "pasted \\x08 text"),
        ("two\nlines\r\n\tand a tab", "two\\nlines\\r\\n\\tand a tab"),
        ("e\u202etxt.exe", "e\\u202etxt.exe"),
        ("half \ud83d of a pair", "half \\ud83d of a pair"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\u2028b\x85c\ufeff", "a\\u2028b\\x85c\\ufeff"),
        ("CORP\\alice", "CORP\\alice"),
        ("naïve 東京 👩‍🔧", "naïve 東京 👩‍🔧"),
    ],
)
def test_characters_that_steer_are_written_out(text: str, shown: str) -> None:
    assert cleaned(text) == shown


def test_a_long_text_is_cut_and_says_so() -> None:
    shown = cleaned("A" * 1_100_000)
    assert shown.endswith("A… [cut from 1100000 characters]")
    assert len(shown.encode()) == TEXT_BYTES
    assert cleaned("é" * TEXT_BYTES).startswith("é" * 900)
    assert cleaned("\x00" * 5000).startswith("\\x00" * 400)


def test_a_text_of_the_very_length_is_not_cut() -> None:
    assert cleaned("A" * TEXT_BYTES) == "A" * TEXT_BYTES
    assert "cut" in cleaned("A" * (TEXT_BYTES + 1))


def test_an_id_is_taken_whole_or_not_at_all() -> None:
    assert is_clean_id("vm-1042")
    assert is_clean_id("A" * ID_BYTES)
    for odd in ("", "A" * (ID_BYTES + 1), "vm\n1", "\ud800", "é" * ID_BYTES, "\u202e"):
        assert not is_clean_id(odd)
