"""A statement as a mail, and how it is handed to a server (RFC 5321).

Its Message-ID is made of the version's hash: who gets it twice, because a server took it and could not say so, can tell.

DeliveryError       it was not delivered; the message says why
"""

import asyncio
import ssl
from collections.abc import Collection, Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from mimetypes import guess_type
from typing import Final

import aiosmtplib

from daemon.config.secrets import SecretError
from daemon.config.statements import SmtpTable
from daemon.statements.view import View
from sla.instants import Instant, datetime_of
from sla.records import Issued

COMMAND_S: Final = 30.0
"""How long a server may take for one answer."""
SEND_S: Final = 300.0
"""And for all of a mail."""


class DeliveryError(Exception):
    """A statement was not delivered; the message says why."""


def message_of(
    record: Issued, view: View, files: Mapping[str, bytes], *, sender: str, recipients: Collection[str]
) -> EmailMessage:
    """The mail of an issued statement: the same for the same version and recipients."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(display_name=view.provider, addr_spec=sender)
    message["To"] = [Address(addr_spec=recipient) for recipient in recipients]
    message["Subject"] = f"{view.title}, {view.month}: {view.client}"
    message["Date"] = format_datetime(datetime_of(Instant(record.recorded_at)))
    message["Message-ID"] = f"<{record.sha256}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    facts = "".join(f"{fact.label}: {fact.text}\n" for fact in view.facts)
    message.set_content(f"{view.title}, {view.month}\n\n{facts}")
    for name, content in files.items():
        kind, _, subtype = (guess_type(name)[0] or "application/octet-stream").partition("/")
        message.add_attachment(content, maintype=kind, subtype=subtype, filename=name)
    message.set_boundary(record.sha256[:40])
    return message


async def sent(message: EmailMessage, table: SmtpTable, recipients: Collection[str]) -> Mapping[str, str]:
    """Hand a mail to the server; the recipients whom it refused, each with its reason. Raises DeliveryError."""
    refused: Mapping[str, aiosmtplib.SMTPResponse] | None = None
    try:
        async with asyncio.timeout(SEND_S), _server(table) as server:
            refused, _ = await server.send_message(message, sender=table.sender, recipients=list(recipients))
    except aiosmtplib.SMTPRecipientsRefused as error:
        return {each.recipient: f"{each.code} {each.message}" for each in error.recipients}
    except (aiosmtplib.SMTPException, OSError, SecretError, ValueError) as error:
        if refused is None:  # once the server has taken it, how it hangs up is all the same
            place = f"{table.host}:{table.port}"
            raise DeliveryError(f"{place}: {str(error) or type(error).__name__}") from error
    assert refused is not None
    return {recipient: f"{answer.code} {answer.message}" for recipient, answer in refused.items()}


def _server(table: SmtpTable) -> aiosmtplib.SMTP:
    context = None if table.tls == "none" else ssl.create_default_context(cafile=table.ca_file)
    password = None if table.password is None else table.password.read().get_secret_value()
    return aiosmtplib.SMTP(
        hostname=table.host,
        port=table.port,
        username=table.user,
        password=password,
        timeout=COMMAND_S,
        use_tls=table.tls == "tls",
        start_tls=table.tls == "starttls",
        tls_context=context,
    )
