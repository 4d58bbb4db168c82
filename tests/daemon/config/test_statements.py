"""`[statements]`: when they are issued, and where they are delivered to."""

import sys
from pathlib import Path

import pytest

from daemon.config import statements as room
from daemon.config.problems import ConfigError
from tests.daemon.config.configured import WHOLE, only_problem, read

SMTP = '[statements.smtp]\nhost = "mail.example.net"\nsender = "statements@nordhost.example"\n'
TO = 'statement_recipients = ["it@acme.example"]\n[[rule]]'
LOGIN = 'user = "slad"\npassword_file = "east.password"\n'


def test_without_the_table_people_issue_and_nothing_is_delivered(folder: Path) -> None:
    table = read(folder, WHOLE).statements
    assert (table.issue_after, table.folder, table.smtp) == (None, None, None)
    assert table.formats == ("html", "json")


def test_everything_that_can_be_said_of_them(folder: Path) -> None:
    text = (
        WHOLE.replace("[[rule]]", TO)
        + '[statements]\nissue_after = "5d"\nformats = ["json", "csv"]\nfolder = "out"\n'
        + SMTP
        + 'port = 465\ntls = "tls"\n'
        + LOGIN
    )
    config = read(folder, text)
    table = config.statements
    assert table.smtp is not None
    assert (table.smtp.host, table.smtp.port, table.smtp.tls) == ("mail.example.net", 465, "tls")
    assert table.smtp.password is not None
    assert table.folder == folder.absolute() / "out"
    assert next(iter(config.clients.values())).statement_recipients == ("it@acme.example",)
    assert [each.key for each in config.warnings if "statement" in each.key] == []


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ('[statements]\nissue_after = "28d"', "statements.issue_after", 'from "1h" to "27d"'),
        ('[statements]\nissue_after = "1m"', "statements.issue_after", 'from "1h" to "27d"'),
        ('[statements]\nformats = ["docx"]', "statements.formats[1]", "'pdf'"),
        ("[statements]\nformats = []", "statements.formats", ""),
        ('[statements.smtp]\nhost = "m"', "statements.smtp.sender", "missing"),
        (SMTP + 'user = "slad"', "statements.smtp.user", "means nothing without password_file or"),
        (
            SMTP + 'password_file = "east.password"',
            "statements.smtp.password_file",
            "means nothing without user",
        ),
        (SMTP + LOGIN + 'tls = "none"', "statements.smtp.tls", "in plain text"),
        (SMTP + "port = 0", "statements.smtp.port", ""),
        (SMTP.replace("@", " at "), "statements.smtp.sender", "is no mail address"),
    ],
)
def test_what_cannot_be_is_told_with_its_key(folder: Path, text: str, key: str, said: str) -> None:
    _, found, message = only_problem(folder, WHOLE + text)
    assert found == key
    assert said in message


@pytest.mark.parametrize(
    "address", ["", "it", "it@", "@a", "a b@c", "a@b\\nBcc: x", "a..b@c", ".a@b", "<a@b>", "a@b,c@d", "ä@b"]
)
def test_what_is_no_address_is_none(folder: Path, address: str) -> None:
    text = WHOLE.replace("[[rule]]", TO.replace("it@acme.example", address))
    _, _, message = only_problem(folder, text)
    assert "is no mail address" in message


def test_what_does_nothing_is_warned_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [each.key for each in read(folder, WHOLE + SMTP).warnings if "statements" in each.key] == [
        "statements.smtp"
    ]
    told = read(folder, WHOLE.replace("[[rule]]", TO)).warnings
    assert [each.text for each in told if "recipients" in each.key] == [
        "means nothing without [statements.smtp]"
    ]
    monkeypatch.setattr(room, "find_spec", lambda _: None)
    told = read(folder, WHOLE + '[statements]\nformats = ["pdf"]').warnings
    assert "pip install 'slad[report]'" in next(
        each.text for each in told if each.key == "statements.formats"
    )


@pytest.mark.parametrize(
    "text",
    [
        WHOLE.replace("[[rule]]", TO.replace("it@acme.example", "it")) + SMTP,
        WHOLE.replace("[[rule]]", TO.replace("recipients", "recipient")) + SMTP,
        WHOLE.replace("[client.", "[clients.", 1) + SMTP,
        WHOLE.replace("[[rule]]", TO) + SMTP.replace("[statements.", "[statement."),
        WHOLE.replace("[[rule]]", TO) + SMTP.replace("sender", "sendr"),
    ],
)
def test_what_follows_from_a_mistake_is_not_warned_of(folder: Path, text: str) -> None:
    with pytest.raises(ConfigError) as told:
        read(folder, text)
    keys = ("statements.smtp", "statement_recipients")
    assert not [each for each in told.value.warnings if each.key.endswith(keys)]


def test_a_folder_that_typst_left_behind_is_no_typst(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "left" / "typst").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "left"), *sys.path])
    monkeypatch.setattr(sys, "path", [each for each in sys.path if "site-packages" not in each])
    monkeypatch.delitem(sys.modules, "typst", raising=False)
    told = read(folder, WHOLE + '[statements]\nformats = ["pdf"]').warnings
    assert "statements.formats" in {each.key for each in told}
