"""Secrets in files as editors write them: understood, or in doubt and never used, and nothing of them quoted."""

import codecs
import os
import traceback
import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import SecretStr

from daemon.config.loading import load
from daemon.config.secrets import MAX_SECRET_BYTES, Form, Secret, SecretError, secret_in

PASSWORD = "hunter2 p\u00e4ss<w>'\"\u20ac %41\\\N{GRINNING FACE}"
PLAIN = PASSWORD.encode()

UNDERSTOOD = {
    "as it is": PLAIN,
    "LF": PLAIN + b"\n",
    "CR LF": PLAIN + b"\r\n",
    "CR": PLAIN + b"\r",
    "a mark": codecs.BOM_UTF8 + PLAIN,
    "a mark and CR LF": codecs.BOM_UTF8 + PLAIN + b"\r\n",
}
IN_DOUBT = {
    "nothing": (b"", "empty"),
    "a line without anything": (b"\n", "empty"),
    "a mark alone": (codecs.BOM_UTF8 + b"\r\n", "empty"),
    "spaces alone": (b"   \n", "empty"),
    "UTF-16": (PASSWORD.encode("utf-16"), "UTF-16"),
    "UTF-16, big end first": (codecs.BOM_UTF16_BE + PASSWORD.encode("utf-16-be"), "UTF-16"),
    "UTF-16 without a mark": (PASSWORD.encode("utf-16-le"), "UTF-16"),
    "UTF-32": (PASSWORD.encode("utf-32"), "UTF-32"),
    "a zero byte": (b"hunter2\0", "zero bytes"),
    "Windows-1252": ("hunter2 p\u00e4ss".encode("cp1252"), "Windows-1252"),
    "cut in a letter": (PLAIN[:-1], "UTF-8"),
    "a second line": (PLAIN + b"\nsecond\n", "more than one line"),
    "a second line of CR": (PLAIN + b"\rsecond", "more than one line"),
    "an empty second line": (PLAIN + b"\n\n", "more than one line"),
    "an empty first line": (b"\n" + PLAIN, "more than one line"),
    "a space at its end": (PLAIN + b" \n", "white space"),
    "a tab at its beginning": (b"\t" + PLAIN, "white space"),
    "a hard space at its end": (PLAIN + "\u00a0".encode(), "white space"),
    "a tab within": (b"hunter\t2", "cannot be seen"),
    "an escape": (b"hunter2\x1b[A", "cannot be seen"),
    "a second mark": (codecs.BOM_UTF8 * 2 + PLAIN, "cannot be seen"),
    "a space of no width": (PLAIN + "\u200b".encode(), "cannot be seen"),
    "a blank letter": (PLAIN + "\u3164".encode(), "cannot be seen"),
    "a blank sign": (b"hunter\xe2\xa0\x802", "cannot be seen"),
    "a selector of a variant": (PLAIN + "\ufe0f".encode(), "cannot be seen"),
    "a letter of nobody": (PLAIN + "\ue000".encode(), "cannot be seen"),
    "quotes": (b'"' + PLAIN + b'"\n', "in quotes"),
    "quotes of a word processor": ("\u201e".encode() + PLAIN + "\u201c".encode(), "in quotes"),
    "a lost letter": ("hunter2\ufffd".encode(), "was lost"),
    "a byte too many": (b"h" * (MAX_SECRET_BYTES + 1), "longer than 4096 bytes"),
    "a megabyte": (PLAIN * 40_000, "longer than 4096 bytes"),
}


QUOTES = (
    '""',
    "''",
    "``",
    "\u201c\u201d",
    "\u201e\u201c",
    "\u201e\u201d",
    "\u2018\u2019",
    "\u00ab\u00bb",
    "\u00bb\u00ab",
)


def is_seen(character: str) -> bool:
    """Whether the names that Unicode gives speak of something to see."""
    name = unicodedata.name(character, "")
    blank = "FILLER" in name or "BLANK" in name or "VOWEL INHERENT" in name or "GRAPHEME JOINER" in name
    return not (blank or "VARIATION SELECTOR" in name or 0x1D173 <= ord(character) <= 0x1D17A)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("content", UNDERSTOOD.values(), ids=UNDERSTOOD)
def test_what_editors_add_is_no_part_of_a_password(tmp_path: Path, content: bytes) -> None:
    secret = Secret("secret", written(tmp_path, content))
    assert secret.read().get_secret_value() == PASSWORD
    assert secret.fault() == ""


def with_locals(error: BaseException) -> str:
    """A traceback with the variables of every frame but the test's own."""
    assert error.__traceback__ is not None
    frames = error.__traceback__.tb_next
    return "".join(traceback.TracebackException(type(error), error, frames, capture_locals=True).format())


@pytest.mark.parametrize(("content", "said"), IN_DOUBT.values(), ids=IN_DOUBT)
def test_what_is_in_doubt_is_refused_without_quoting_it(tmp_path: Path, content: bytes, said: str) -> None:
    path = written(tmp_path, content)
    secret = Secret("east's password", path)
    with pytest.raises(SecretError) as caught:
        secret.read()
    assert str(caught.value) == f"east's password: {secret.fault()}"
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
    assert ": " in secret.fault()
    assert "hunter2" not in with_locals(caught.value)
    assert caught.value.__context__ is None


@given(st.binary(max_size=40))
def test_any_bytes_are_a_secret_in_plain_sight_or_none(content: bytes) -> None:
    secret = secret_in(content)
    if isinstance(secret, SecretStr):
        plain = secret.get_secret_value()
        assert plain == plain.strip() != ""
        assert content in (
            mark + plain.encode() + end
            for mark in (b"", codecs.BOM_UTF8)
            for end in (b"", b"\n", b"\r", b"\r\n")
        )


@given(
    st.text(
        st.characters(categories=["L", "M", "N", "P", "S"], exclude_characters="\ufffd").filter(is_seen),
        min_size=1,
        max_size=40,
    )
)
def test_every_password_that_can_be_seen_is_one(password: str) -> None:
    assume(not any(password[0] + password[-1] == each for each in QUOTES))
    secret = secret_in(password.encode() + b"\r\n")
    assert isinstance(secret, SecretStr)
    assert secret.get_secret_value() == password


@pytest.mark.parametrize("content", [b"caf\xc3\xa9", b"to ken", b"a\nb"])
def test_a_token_is_visible_ascii(content: bytes) -> None:
    assert isinstance(secret_in(content, Form.TOKEN), str)
    assert secret_in(b"\xef\xbb\xbfto-ken+/=\r\n", Form.TOKEN) == SecretStr("to-ken+/=")


def test_a_secret_file_that_vanished_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="gone cannot be read: No such file or directory"):
        Secret("east's password", tmp_path / "gone").read()


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(SecretError, match="is no file"):
            Secret("east's password", path).read()


CONFIG = """
[vcenter.east]
address = "vc.example.net"
user = "slad"
{password}

[alertmanager]
urls = ["https://am.example.net"]
{alerts}
"""


@pytest.mark.parametrize(
    ("password", "alerts", "key"),
    [
        ('password_file = "bad"', "", "vcenter.east.password_file"),
        ('password_credential = "bad"', "", "vcenter.east.password_credential"),
        ('password_file = "good"', 'token_file = "bad"', "alertmanager.token_file"),
        ('password_file = "good"', 'user = "a"\npassword_file = "bad"', "alertmanager.password_file"),
    ],
)
def test_every_secret_in_doubt_is_warned_of_with_its_place(
    tmp_path: Path, password: str, alerts: str, key: str
) -> None:
    for name, content in (("good", b"good\n"), ("bad", "bad".encode("utf-16"))):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    path = tmp_path / "slad.toml"
    path.write_text(CONFIG.format(password=password, alerts=alerts))
    config = load(path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    (warning,) = [each for each in config.warnings if each.key == key]
    assert warning.text == f"{tmp_path}/bad is in UTF-16 or UTF-32: save it as UTF-8. It is not used as it is"


def test_a_configuration_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "slad.toml"
    path.write_bytes(codecs.BOM_UTF8 + b'observer = "mon1"\r\n')
    assert load(path, {}).observer == "mon1"
