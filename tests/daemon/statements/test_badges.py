"""Badges: whatever they say is in them as text, within their width, and can be read."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.statements.badges import _LABEL, Tone, badge_of
from sla.texts import printable

SVG = "{http://www.w3.org/2000/svg}"


@given(st.text(), st.text(), st.sampled_from(Tone))
def test_whatever_it_says_is_text_in_it(label: str, message: str, tone: Tone) -> None:
    picture = ElementTree.fromstring(badge_of(label, message, tone))
    texts = [each.text or "" for each in picture.iter(f"{SVG}text")]
    for told, said in zip(texts, (label, message), strict=True):
        whole = printable(said)
        assert told == whole or (len(told) == 60 and told.endswith("…") and whole.startswith(told[:-1]))
    assert picture.findtext(f"{SVG}title") == picture.get("aria-label")
    kinds = {each.tag for each in picture.iter()}
    assert kinds == {f"{SVG}{each}" for each in ("svg", "title", "rect", "g", "text")}


@given(st.text(max_size=60), st.text(max_size=60))
def test_each_text_lies_within_its_half(label: str, message: str) -> None:
    picture = ElementTree.fromstring(badge_of(label, message, Tone.GOOD))
    halves = [
        (float(each.get("x", "0")), float(each.get("width", "0"))) for each in picture.iter(f"{SVG}rect")
    ]
    assert sum(width for _, width in halves) == float(picture.get("width", "0"))
    for text, (start, width) in zip(picture.iter(f"{SVG}text"), halves, strict=True):
        begins, length = float(text.get("x", "0")), float(text.get("textLength", "0"))
        assert start < begins
        assert begins + length < start + width


def luminance(colour: str) -> float:
    """WCAG 2.2's."""
    digits = colour.removeprefix("#")
    digits = "".join(2 * each for each in digits) if len(digits) == 3 else digits
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colour", [*(tone.value for tone in Tone), _LABEL])
def test_white_is_read_on_each_of_its_colours(colour: str) -> None:
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5
