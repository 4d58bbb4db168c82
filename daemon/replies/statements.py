"""Whose statements are."""

from base64 import b64encode
from typing import Annotated, Literal, Self

from pydantic import Field

from daemon.config.letterhead import Letterhead
from daemon.config.values import LanguageName
from daemon.replies.common import Reply


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
