"""What others wrote is bounded and steers nothing; what is clean stays as it is."""

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.texts import (
    ID_BYTES,
    LINE_BYTES,
    NAME_BYTES,
    TEXT_BYTES,
    cleaned,
    is_clean_id,
    printable,
    printable_json,
)

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


# What people read


@given(ANY, LIMITS)
def test_a_printable_text_is_one_line_that_fits_and_all_of_it_shows(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert len(shown.encode()) <= limit
    assert shown.isprintable()
    assert printable(shown, limit) == shown


def test_no_character_is_shown_that_has_no_mark_of_its_own() -> None:
    shown = [
        character for character in map(chr, range(sys.maxunicode + 1)) if printable(character) == character
    ]
    odd = [each for each in shown if unicodedata.category(each)[0] == "C" or (each.isspace() and each != " ")]
    assert not odd
    assert not IGNORABLE & set(shown)
    assert len(shown) > 130_000


IGNORABLE = {
    chr(code)
    for first, last in (
        (0xAD, 0xAD),
        (0x34F, 0x34F),
        (0x61C, 0x61C),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x200B, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x206F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF),
        (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFF8),
        (0x1BCA0, 0x1BCA3),
        (0x1D173, 0x1D17A),
        (0xE0000, 0xE0FFF),
    )
    for code in range(first, last + 1)
}
"""Unicode's Default_Ignorable_Code_Point."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07\x9b31m\x7f", r"\x1b]0;title\x07\x9b31m\x7f"),
        ("a\nb\u2028c", r"a\nb\u2028c"),
        ("pay\u200bpal \U000e0041\ufe0f", r"pay\u200bpal \U000e0041\ufe0f"),
        ("no\xa0break \u3000", r"no\xa0break \u3000"),
        ("half \ud83d \ue000", r"half \ud83d \ue000"),
        ("Zürich-名前 עברית 👩", "Zürich-名前 עברית 👩"),
        ("[red]x[/red] CORP\\\\alice", "[red]x[/red] CORP\\\\alice"),
    ],
)
def test_what_does_not_show_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_line_is_no_longer_than_one_reads() -> None:
    shown = printable("A" * 1_000_000)
    assert shown.endswith("A… [cut from 1000000 characters]")
    assert len(shown.encode()) == LINE_BYTES


@given(st.dictionaries(ANY, ANY, max_size=3))
def test_printable_json_says_the_same_and_all_of_it_shows(value: dict[str, str]) -> None:
    shown = printable_json(json.dumps(value, indent=2, ensure_ascii=False))
    assert json.loads(shown) == value
    assert all(line.isprintable() for line in shown.split("\n"))
