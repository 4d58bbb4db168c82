"""Slips in the syntax of TOML, in words: what is there, and what was expected. No value is quoted: it may be a secret."""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

import tomli


class Slip(NamedTuple):
    """A slip at a line, from 1."""

    line: int
    text: str


class _Stumble(NamedTuple):
    """Where tomli stopped: the line as far as it had read, and the rest; and what tomli says."""

    before: str
    rest: str
    said: str


def slip_of(text: str, error: tomli.TOMLDecodeError) -> Slip:
    """What tomli stumbled over, in words."""
    lines = text.split("\n")
    number, column = error.lineno, error.colno
    if not "".join(lines[number - 1][: column - 1]).strip():
        # What was not closed is told of where the next line begins.
        last = next((each for each in range(number - 1, 0, -1) if lines[each - 1].strip()), number)
        if error.msg.startswith(("Unclosed", "Unterminated")):
            number, column = last, len(lines[last - 1]) + 1
    line = lines[number - 1]
    place = _Stumble(line[: column - 1], line[column - 1 :].strip(), error.msg)
    for beginning, worded in _WORDED:
        if error.msg.startswith(beginning):
            return Slip(number, worded(place))
    return Slip(number, f"column {column}: {error.msg[0].lower()}{error.msg[1:]}")


def _value(place: _Stumble) -> str:
    if not place.rest or place.rest.startswith("#"):
        return 'behind = stands nothing: write a value, such as "text", 5 or true'
    if place.rest[0] in "“”„‘’«»`´":
        return f'the quotes are {place.rest[0]}: write plain ones, "…"'
    if re.match(r"(true|false)\b", place.rest, re.IGNORECASE):
        return "true and false are written in small letters"
    return 'the value stands without quotes: write "…" around a text'


def _behind_key(place: _Stumble) -> str:
    key = place.before.strip()
    if place.rest.startswith(":"):
        return f"behind the key {key} stands a colon: write = in its place"
    if not place.rest:
        return f"behind the key {key} stands nothing: write {key} = VALUE"
    return f"behind the key {key} stands no =: write {key} = VALUE; a key with a blank in it stands in quotes"


def _statement(place: _Stumble) -> str:
    if place.rest.startswith((";", "//", "--", "%")):
        return "a comment begins with another character: write # before it"
    return (
        "the line is neither KEY = VALUE, nor [TABLE] or [[TABLE]], nor a comment behind #: write one of them"
    )


def _in_text(place: _Stumble) -> str:
    if place.said.endswith(r"'\n'"):
        return "the line ends within a text: close it with the quote that it begins with, \" or '"
    return "a text has a character that does not show, such as a tab or a control character: remove it"


def _twice(place: _Stumble) -> str:
    path = ".".join(re.findall(r"'([^']*)'", place.said))
    return f"[{path}] is there already: write all its keys below one heading"


_WORDED: Final[tuple[tuple[str, Callable[[_Stumble], str]], ...]] = (
    ("Illegal character", _in_text),
    ("Unterminated", lambda _: "a text is not closed: end it with the quotes that it begins with"),
    ('Expected "\'"', lambda _: "a text is not closed: end it with the quote that it begins with"),
    ("Invalid value", _value),
    ("Invalid date", lambda _: "this is no date or time: write one such as 2026-12-31"),
    ("Expected '=' after", _behind_key),
    ("Expected ']", lambda _: "the heading is not closed: end it with ], or with ]] where it begins with [["),
    ("Unescaped '\\'", lambda _: "a backslash in \"…\" has to stand twice: write \\\\, or the text in '…'"),
    ("Unclosed array", lambda _: 'a list is not closed, or lacks a comma: write it as ["a", "b"]'),
    (
        "Unclosed inline table",
        lambda _: 'a table in braces is not closed on its line: write it as { name = "a", value = "b" }',
    ),
    ("Cannot declare", _twice),
    (
        "Cannot overwrite",
        lambda place: f"{place.before.partition('=')[0].strip()} is there already: keep one",
    ),
    ("Duplicate inline table key", lambda _: "a key is twice in the table in braces: keep one"),
    (
        "Expected newline",
        lambda _: "more stands behind the value: begin a new line for the next key, or a comment with #",
    ),
    ("Invalid statement", _statement),
    (
        "Invalid initial character",
        lambda _: "a name is missing, or begins with what no key has: put it in quotes",
    ),
)
