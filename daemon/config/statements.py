"""`[statements]` in slad.toml: when statements are issued by themselves, and where what is issued is delivered to."""

import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from daemon.config.secrets import Secret
from daemon.config.tables import ClientTable, Table
from daemon.config.values import (
    Between,
    CertificateFile,
    Credential,
    Duration,
    DurationValue,
    FilePath,
    Host,
    MailAddress,
    PasswordFile,
    Text,
    Whole,
    some_each_once,
)
from sla.instants import DAY, HOUR

StatementFormat = Literal["pdf", "html", "json", "text", "csv"]


class SmtpTable(Table):
    """`[statements.smtp]`: the mail server that statements are handed to."""

    host: Host = Field(examples=["mail.example.net"])
    port: Annotated[int, BeforeValidator(Whole(1, 65_535))] = Field(default=587, examples=["587"])
    tls: Literal["starttls", "tls", "none"] = Field(default="starttls", examples=["starttls"])
    ca_file: CertificateFile | None = Field(default=None, examples=["mail-ca.pem"])
    user: Text | None = Field(default=None, examples=["slad"])
    password_file: PasswordFile | None = Field(default=None, examples=["mail.password"])
    password_credential: Credential | None = Field(default=None, examples=["mail-password"])
    sender: MailAddress = Field(examples=["statements@example.net"])

    @property
    def password(self) -> Secret | None:
        """Where the password is; None: nobody logs in."""
        return self.password_file or self.password_credential

    @classmethod
    def conflicts(cls, raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """One password, for a user, and nothing secret in plain text."""
        passwords = [key for key in ("password_file", "password_credential") if key in raw]
        if len(passwords) == 2:
            yield passwords[1], f"{passwords[0]} is there too: keep one of them"
        if "user" in raw and not passwords:
            yield "user", "means nothing without password_file or password_credential"
        for key in passwords:
            if "user" not in raw:
                yield key, "means nothing without user"
        if raw.get("tls") == "none":
            if "ca_file" in raw:
                yield "ca_file", 'means nothing where tls = "none": leave it out'
            if passwords and not _is_here(raw.get("host")):
                yield "tls", 'would send the password in plain text: write "starttls" or "tls"'


class StatementsTable(Table):
    """`[statements]`: when last month's is issued by itself, after its end; left out: people issue it. Where issued ones go."""

    issue_after: (
        Annotated[DurationValue, AfterValidator(Between(Duration(HOUR), Duration(27 * DAY)))] | None
    ) = Field(default=None, examples=["5d"])
    formats: Annotated[tuple[StatementFormat, ...], AfterValidator(some_each_once)] = Field(
        default=("html", "json"), examples=[["pdf", "json"]]
    )
    folder: FilePath | None = Field(default=None, examples=["/srv/statements"])
    smtp: SmtpTable | None = None

    @classmethod
    def conflicts(cls, raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """Those of the table in it."""
        smtp = raw.get("smtp")
        if isinstance(smtp, dict):
            for key, text in SmtpTable.conflicts(smtp):
                yield f"smtp.{key}", text


def warnings_of(
    statements: StatementsTable, clients: Mapping[str, ClientTable], *, are_all_known: bool
) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is allowed and does not do what it seems to, as (key, text).

    `are_all_known`: this section and each client could be read; else what one seems to lack may only be mistyped.
    """
    if "pdf" in statements.formats and not _is_installed("typst"):
        yield ("statements", "formats"), "pdf needs typst, the extra `report`: pip install 'slad[report]'"
    if not are_all_known:
        return
    mailed = [name for name, client in clients.items() if client.statement_recipients]
    if statements.smtp is None:
        for name in mailed:
            yield ("client", name, "statement_recipients"), "means nothing without [statements.smtp]"
    elif not mailed:
        yield ("statements", "smtp"), "mails nothing: no client has statement_recipients"


def _is_installed(package: str) -> bool:
    """Of a package that was removed its folder may be left, which Python finds and which has nothing in it."""
    found = find_spec(package)
    return found is not None and found.origin is not None


_HERE: Final = re.compile(r"localhost|127\.\d+\.\d+\.\d+|::1")


def _is_here(host: object) -> bool:
    return isinstance(host, str) and _HERE.fullmatch(host) is not None
