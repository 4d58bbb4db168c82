"""Whose statements are, and in which language: what `[provider]` and a client's table say."""

from dataclasses import dataclass

from daemon.config.pictures import Picture
from daemon.config.tables import ClientTable, ProviderTable
from daemon.languages import LanguageName


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """The head of a statement, as far as no evidence tells it."""

    name: str = ""
    address: tuple[str, ...] = ()
    logo: Picture | None = None
    language: LanguageName = "en"


def letterhead_of(provider: ProviderTable, client: ClientTable | None = None) -> Letterhead:
    """The letterhead of a provider, in the language of a client where that has one of its own."""
    own = None if client is None else client.language
    return Letterhead(
        name=provider.name,
        address=provider.address,
        logo=provider.logo,
        language=own or provider.language,
    )
