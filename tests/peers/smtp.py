"""A real mail server that takes statements, or does with them what mail servers do: refuses, hangs, drops in the middle."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from threading import Thread
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.peers.tls import issue

USER, PASSWORD = "slad", "a mail password"


@dataclass
class Mailbox:
    """What the server does, and what it took."""

    refuses: dict[str, str] = field(default_factory=dict)
    """Recipients, and what they are answered."""
    answers: str = "250 taken"
    """To a mail that came whole."""
    drops: str = ""
    """After which command it hangs up: `MAIL` or `DATA`, before a mail is taken; `TAKEN`, after."""
    hangs: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[list[str]] = field(default_factory=list)
    tries: int = 0
    port: int = 0

    async def handle_MAIL(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.tries += 1
        if self.drops == "MAIL":
            _hang_up(server)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.hangs:
            await asyncio.sleep(60)
        if self.drops == "DATA":
            _hang_up(server)
            return "451 too late"
        if self.answers.startswith("2"):
            assert isinstance(envelope.content, bytes)
            self.mails.append(message_from_bytes(envelope.content, policy=default))
            self.envelopes.append(list(envelope.rcpt_tos))
        if self.drops == "TAKEN":
            _hang_up(server)
        return self.answers


def _hang_up(server: SMTP) -> None:
    assert isinstance(server.transport, asyncio.WriteTransport)
    server.transport.abort()


def _authenticator(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
) -> AuthResult:
    is_known = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=is_known, handled=is_known)


@contextmanager
def mail_server(mailbox: Mailbox, *, tls: Path | None = None, port: int = 0) -> Iterator[Mailbox]:
    """It listens on loopback; with the folder `tls` only over STARTTLS, with a login, by a certificate of that folder."""
    keywords: dict[str, Any] = {}
    if tls is not None:
        certificate = issue(tls)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certfile, certificate.keyfile)
        keywords = {
            "tls_context": context,
            "require_starttls": True,
            "auth_required": True,
            "authenticator": _authenticator,
        }
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="mail-server", daemon=True)
    thread.start()

    async def listen() -> asyncio.Server:
        return await loop.create_server(
            lambda: SMTP(mailbox, hostname="mail.test", loop=loop, **keywords), "127.0.0.1", port
        )

    async def end() -> None:
        server.close()
        ours = asyncio.current_task()
        for task in asyncio.all_tasks() - {ours}:
            task.cancel()
        await asyncio.sleep(0.05)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    try:
        mailbox.port = server.sockets[0].getsockname()[1]
        yield mailbox
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
