"""Where each key of a TOML text stands, so that a message can name its line: tomli tells values, not places."""

import re
from typing import Final

import tomli

KeyPath = tuple[str | int, ...]
"""The way to a value: keys of tables, and positions, from 0, in arrays and arrays of tables."""

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BASIC: Final = r'"(?:[^"\\]|\\.)*"'
_LITERAL: Final = r"'[^']*'"
_KEY: Final = re.compile(rf"{_BASIC}|{_LITERAL}|[A-Za-z0-9_-]+")
_SCALAR: Final = re.compile(
    # A closing delimiter may follow one or two quotes that belong to the text.
    rf'"""(?:[^\\]|\\.)*?"{{3,5}}|\'\'\'.*?\'{{3,5}}|{_BASIC}|{_LITERAL}|[^,\]}}#\n]+',
    re.DOTALL,
)


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of every table, key and array element of a text that tomli parses.

    A table stands where its own header is, or where it is first named if it has none.
    """
    return _Scanner(text).scan()


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """The line of a path, or of the nearest table around it where it is not in the text; 1 for the text as a whole."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Scanner:
    """One pass over the text. It relies on its being valid and tells the pieces apart, nothing more."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._lines: dict[KeyPath, int] = {}
        self._newest: dict[KeyPath, int] = {}  # position of the newest element of each array of tables

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._take(_BLANK)
        while self._at < len(self._text):
            table = self._header() if self._skip("[") else self._key_and_value(table)
            self._take(_BLANK)
        return self._lines

    def _header(self) -> KeyPath:
        line = self._line
        is_element = self._skip("[")
        path = self._key((), line)
        self._skip("]")
        if not is_element:
            self._lines[path] = line
            return path
        self._skip("]")
        self._lines.setdefault(path, line)
        self._newest[path] = self._newest.get(path, -1) + 1
        path = (*path, self._newest[path])
        self._lines[path] = line
        return path

    def _key_and_value(self, table: KeyPath) -> KeyPath:
        """Read them and give back the table, which they do not change."""
        line = self._line
        path = self._key(table, line)
        self._lines[path] = line
        self._skip("=")
        self._take(_BLANK)
        self._value(path)
        return table

    def _key(self, table: KeyPath, line: int) -> KeyPath:
        """The path that a key, dotted or not, names within a table; the tables on the way are noted."""
        self._take(_BLANK)
        path = (*table, _unquoted(self._take(_KEY)))
        self._take(_BLANK)
        while self._skip("."):
            self._lines.setdefault(path, line)
            if path in self._newest:
                path = (*path, self._newest[path])
            self._take(_BLANK)
            path = (*path, _unquoted(self._take(_KEY)))
            self._take(_BLANK)
        return path

    def _value(self, path: KeyPath) -> None:
        if self._skip("["):
            self._array(path)
        elif self._skip("{"):
            self._inline_table(path)
        else:
            self._take(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        position = 0
        self._take(_BLANK)
        while not self._skip("]"):
            self._lines[*path, position] = self._line
            self._value((*path, position))
            position += 1
            self._between()

    def _inline_table(self, path: KeyPath) -> None:
        self._take(_BLANK)
        while not self._skip("}"):
            self._key_and_value(path)
            self._between()

    def _between(self) -> None:
        self._take(_BLANK)
        self._skip(",")
        self._take(_BLANK)

    def _skip(self, token: str) -> bool:
        found = self._text.startswith(token, self._at)
        if found:
            self._at += len(token)
        return found

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        assert match is not None, f"line {self._line} is not what tomli parses"
        self._at = match.end()
        self._line += match[0].count("\n")
        return match[0]


def _unquoted(key: str) -> str:
    if key[0] not in "\"'":
        return key
    text = tomli.loads(f"key = {key}")["key"]
    assert isinstance(text, str)
    return text
