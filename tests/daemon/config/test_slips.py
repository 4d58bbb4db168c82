"""Slips in slad.toml are told in words, each once: its line, what is there, what was expected."""

from pathlib import Path

import pytest

from daemon.config.loading import load
from daemon.config.problems import ConfigError

GOOD = """\
observer = "mon1"
[ledger]
path = "ledger.db"
[vcenter.east]
address = "vc.example.net"
user = "slad"
password_file = "password"
[client.acme]
name = "Acme Ltd."
timezone = "America/Toronto"
[[rule]]
folder = "/DC/vm/Acme/**"
client = "acme"
"""


def problems(folder: Path, text: str) -> list[str]:
    """Problems and warnings, without the file's name."""
    (folder / "password").write_text("hunter2")
    (folder / "password").chmod(0o600)
    file = folder / "slad.toml"
    file.write_text(text)
    try:
        told = [*load(file, {}).warnings]
    except ConfigError as error:
        told = [*error.problems, *error.warnings]
    return [str(each).removeprefix(f"{file}:") for each in told]


def test_the_text_that_slips_are_made_in_has_none(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD) == []


UNQUOTED = 'the value stands without quotes: write "…" around a text'
SYNTAX = [
    (
        '"mon1"',
        '"mon1',
        "1: the line ends within a text: close it with the quote that it begins with, \" or '",
    ),
    (
        '"mon1"',
        "\"mon1'",
        "1: the line ends within a text: close it with the quote that it begins with, \" or '",
    ),
    ('"mon1"', "", '1: behind = stands nothing: write a value, such as "text", 5 or true'),
    ('"mon1"', "# here", '1: behind = stands nothing: write a value, such as "text", 5 or true'),
    ('"mon1"', "mon1", f"1: {UNQUOTED}"),
    ('"/DC/vm/Acme/**"', "/DC/vm/Acme/**", f"12: {UNQUOTED}"),
    ('"mon1"', "“mon1”", '1: the quotes are “: write plain ones, "…"'),
    ('client = "acme"', "ignore = True", "13: true and false are written in small letters"),
    ("observer =", "observer:", "1: behind the key observer stands a colon: write = in its place"),
    (
        "observer =",
        "observer",
        "1: behind the key observer stands no =: write observer = VALUE; a key with a blank in it stands in quotes",
    ),
    ('observer = "mon1"', "observer", "1: behind the key observer stands nothing: write observer = VALUE"),
    (
        "[ledger]",
        "[ledger",
        "2: the heading is not closed: end it with ], or with ]] where it begins with [[",
    ),
    (
        "[[rule]]",
        "[[rule]",
        "11: the heading is not closed: end it with ], or with ]] where it begins with [[",
    ),
    (
        '"Acme Ltd."',
        '"Acme \\Ltd."',
        "9: a backslash in \"…\" has to stand twice: write \\\\, or the text in '…'",
    ),
    ('"Acme Ltd."', '["a"', '9: a list is not closed, or lacks a comma: write it as ["a", "b"]'),
    ('"Acme Ltd."', '["a" "b"]', '9: a list is not closed, or lacks a comma: write it as ["a", "b"]'),
    (
        '"/DC/vm/Acme/**"',
        '{ name = "a"',
        '12: a table in braces is not closed on its line: write it as { name = "a", value = "b" }',
    ),
    ("[client.acme]", "[ledger]", "8: [ledger] is there already: write all its keys below one heading"),
    ("user =", 'address = "x"\nuser =', "6: address is there already: keep one"),
    (
        '"mon1"',
        '"mon1" x = 2',
        "1: more stands behind the value: begin a new line for the next key, or a comment with #",
    ),
    ("observer", "; hello\nobserver", "1: a comment begins with another character: write # before it"),
    (
        "observer",
        "```toml\nobserver",
        "1: the line is neither KEY = VALUE, nor [TABLE] or [[TABLE]], nor a comment behind #: write one of them",
    ),
    (
        '"mon1"',
        '"mon\x01"',
        "1: a text has a character that does not show, such as a tab or a control character: remove it",
    ),
    ('"Acme Ltd."', '"""Acme', "13: a text is not closed: end it with the quotes that it begins with"),
    ("[client.acme]", "[client.]", "8: a name is missing, or begins with what no key has: put it in quotes"),
]


@pytest.mark.parametrize(("old", "new", "told"), SYNTAX)
def test_a_slip_in_the_syntax_is_told_in_words(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    assert problems(tmp_path, GOOD.replace(old, new, 1)) == [told]


def test_no_secret_that_stands_in_the_file_is_told(tmp_path: Path) -> None:
    for value in ("hunter2", '"hunter2', "hunter2 x", "“hunter2”", '"hunter2" 1', '["hunter2"'):
        (told,) = problems(tmp_path, GOOD.replace('"password"', value))
        assert "hunter2" not in told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[client.acme]", "[clients.acme]", '8: clients: is unknown here: did you mean "client"?'),
        ("[vcenter.east]", "[vcentre.east]", '4: vcentre: is unknown here: did you mean "vcenter"?'),
        ("[[rule]]", "[[rules]]", '11: rules: is unknown here: did you mean "rule"?'),
        ("[[rule]]", "[rule]", "11: rule: must be tables: write [[rule]]"),
        (
            "password_file",
            "pasword_file",
            '7: vcenter.east.pasword_file: is unknown here: did you mean "password_file"?',
        ),
        ("timezone", "time_zone", '10: client.acme.time_zone: is unknown here: did you mean "timezone"?'),
        ("client =", "cleint =", '13: rule[1].cleint: is unknown here: did you mean "client"?'),
        (
            "client =",
            "solution =",
            '13: rule[1].solution: is a solution without its client: write client = "ID" too',
        ),
    ],
)
def test_one_mistake_is_told_once(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert problems(tmp_path, GOOD.replace(old, new, 1)) == [told]


def test_what_does_not_follow_from_a_mistake_is_told_beside_it(tmp_path: Path) -> None:
    text = GOOD.replace("[ledger]", "[legder]").replace('client = "acme"', 'client = "amce"')
    assert problems(tmp_path, text) == [
        '2: legder: is unknown here: did you mean "ledger"?',
        '13: rule[1].client: "amce" is not defined: did you mean "acme"?',
    ]
