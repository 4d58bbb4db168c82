"""Statements: whose they are, those that are issued, and how they stand."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from daemon.config.letterhead import Letterhead
from daemon.languages import LanguageName
from daemon.replies.common import At, Receipt, Reply
from sla.client_document import corrected_by
from sla.records import Issued


class LogoStatus(Reply):
    """A picture."""

    kind: Literal["png", "jpeg"]
    content: Annotated[str, Field(description="In base64.")]


class LetterheadStatus(Reply):
    """Whose the statements of a client are, and in which language."""

    name: str
    address: tuple[str, ...]
    logo: LogoStatus | None
    language: LanguageName

    @classmethod
    def of(cls, letterhead: Letterhead) -> Self:
        """As the configuration has it."""
        logo = letterhead.logo
        return cls(
            name=letterhead.name,
            address=letterhead.address,
            logo=None
            if logo is None
            else LogoStatus(kind=logo.kind, content=b64encode(logo.content).decode()),
            language=letterhead.language,
        )


class VersionStatus(Reply):
    """A version of a statement."""

    client: str
    month: str
    version: int
    corrects: int | None = Field(description="The version that it takes the place of.")
    as_of: At
    sha256: str = Field(description="Of the document, in hexadecimal.")


class IssueReceipt(Receipt, VersionStatus):
    """The version of a statement that was issued; where no figure of the month differs, the newest one as it is."""

    issued: bool = Field(description="False: nothing changed since this version, and nothing was recorded.")


class IssuedStatus(VersionStatus):
    """A version that is on record."""

    issued_at: At
    issued_by: str
    is_newest: bool
    outdated: int = Field(
        description="Of the newest: how many figures of the month are others now, as far as was looked."
    )


class IssuedList(Reply):
    """The statements that were issued, by client, month and version."""

    statements: tuple[IssuedStatus, ...]


def version_keys(record: Issued) -> dict[str, Any]:
    """What `VersionStatus` says of a version."""
    return {
        "client": record.client,
        "month": record.month,
        "version": record.version,
        "corrects": corrected_by(record.version),
        "as_of": record.as_of,
        "sha256": record.sha256,
    }


def issue_receipt(record: Issued, common: Mapping[str, Any], *, issued: bool) -> IssueReceipt:
    """What issuing comes to; `common`: what all receipts say."""
    return IssueReceipt(
        **{name: common[name] for name in Receipt.model_fields if name in common},
        **version_keys(record),
        issued=issued,
    )
