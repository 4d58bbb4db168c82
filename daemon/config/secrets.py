"""Passwords and tokens in files, as editors write them: what is plain is understood, what is in doubt is refused.

A secret in doubt is never sent: a vCenter locks an account after a few wrong ones. Nothing here quotes a secret, nor does a
traceback: whoever holds the content raises nothing.

    SecretError         a secret cannot be read, when it is used
"""

import codecs
import os
import re
import stat
import unicodedata
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from pydantic import SecretStr

MAX_SECRET_BYTES: Final = 4096

_WIDE_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Zl", "Zp", "Zs"})
"""Categories of Unicode: control and format characters, those of nobody, and spaces; the plain space is none here."""
_BLANK: Final = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U0001d173-\U0001d17a\U000e0100-\U000e01ef]"
)
"""Letters, marks and signs that show nothing (Default_Ignorable_Code_Point of Unicode, and the blank of Braille)."""
_QUOTED: Final = re.compile(
    r"""".*"|'.*'|`.*`|\u201c.*\u201d|\u201e.*[\u201c\u201d]|\u2018.*\u2019|\u00ab.*\u00bb|\u00bb.*\u00ab"""
)
_LOST: Final = "\N{REPLACEMENT CHARACTER}"
_TOKEN: Final = re.compile(r"[!-~]+")
_UTF_8: Final = "save it as UTF-8"
_ONE_LINE: Final = "leave the secret alone in it, on one line"


class SecretError(Exception):
    """A secret cannot be read; says where it should be, what is wrong, and what to do."""


class Form(Enum):
    """What a secret consists of: a password of anything that can be seen, a token of visible ASCII (RFC 6750 §2.1)."""

    PASSWORD = "password"  # noqa: S105  a word
    TOKEN = "token"  # noqa: S105  the same


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is. The secret itself is read when it is used, and kept nowhere.

    `path` None: a credential, in a process to which systemd handed none.
    """

    name: str
    path: Path | None
    form: Form = Form.PASSWORD

    def read(self) -> SecretStr:
        """The secret, without the mark at its beginning and the end of line that editors add.

        Raises SecretError, which names the file and quotes nothing of it.
        """
        if self.path is None:
            raise SecretError(
                f"{self.name}: $CREDENTIALS_DIRECTORY is not set: start slad by systemd, with LoadCredential="
            )
        secret = _in_file(self.path, self.form)
        if isinstance(secret, SecretStr):
            return secret
        named = "" if self.name == str(self.path) else f"{self.name}: "
        raise SecretError(f"{named}{self.path} {secret}")

    def fault(self) -> str:
        """What is wrong with the secret, and what to do, as a sentence that begins with its file; empty if nothing is."""
        secret = _in_file(self.path, self.form) if self.path is not None else ""
        return f"{self.path} {secret}" if isinstance(secret, str) and secret else ""


def secret_in(content: bytes | bytearray, form: Form = Form.PASSWORD) -> SecretStr | str:
    """The secret that the content of a file is, or what is wrong with it and what to do."""
    if len(content) > MAX_SECRET_BYTES:
        return f"is longer than {MAX_SECRET_BYTES} bytes: {_ONE_LINE}"
    if content.startswith(_WIDE_MARKS):
        return f"is in UTF-16 or UTF-32: {_UTF_8}"
    if b"\0" in content:
        return f"holds zero bytes, as UTF-16 does: {_UTF_8}"
    try:
        text = content.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError:
        return f"is not in UTF-8 but perhaps in Windows-1252 or Latin-1: {_UTF_8}"
    text = text.removesuffix("\n").removesuffix("\r")
    fault = _fault(text, form)
    return fault or SecretStr(text)


def _fault(text: str, form: Form) -> str:
    if not text.strip():
        return "is empty: write the secret into it, on one line"
    if len(text.splitlines()) > 1 or text[-1] in "\r\n":
        return f"holds more than one line: {_ONE_LINE}"
    if form is Form.TOKEN and not _TOKEN.fullmatch(text):
        return "holds no token, which has letters, digits and signs of ASCII and no space: copy it anew"
    if text != text.strip():
        return (
            "begins or ends with white space: remove it, or have another password given to the account if it is"
            " part of this one"
        )
    if _QUOTED.fullmatch(text):
        return (
            "stands in quotes: remove them, or have another password given to the account if they are part of"
            " this one"
        )
    if _BLANK.search(text) or any(
        each == _LOST or (unicodedata.category(each) in _UNSEEN and each != " ") for each in text
    ):
        return (
            "holds a character that cannot be seen or was lost, such as a tab, a byte order mark or U+FFFD: write the"
            " secret anew"
        )
    return ""


def _in_file(path: Path, form: Form) -> SecretStr | str:
    """The secret in a file, or what is wrong. What is no file, such as a pipe, is not waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return "is no file: name one that holds the secret"
        content = bytearray(MAX_SECRET_BYTES + 1)
        del content[os.readv(descriptor, [content]) :]
        try:
            return secret_in(content, form)
        finally:
            content[:] = bytes(len(content))  # what is freed is not overwritten
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    finally:
        os.close(descriptor)
