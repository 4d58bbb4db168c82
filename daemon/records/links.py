"""Links for clients: whoever has the token of one sees a client's own, until it expires or is taken back (design §7).

The token is told once, to whoever asks for the link, and is kept nowhere. The event of that request (`idempotency`) has its
SHA-256, so links are in the ledger like all else that people ask for: they outlive a restart, and who gave them is on record.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Self

from daemon.config.values import shown
from daemon.new_ids import new_id
from daemon.new_tokens import digest_of_token, new_token
from daemon.records.bodies import LinkBody
from daemon.records.naming import client_at
from daemon.records.refusals import ConflictError, FieldFault, NotFoundError
from sla.book import Book
from sla.instants import Instant, format_instant, parse_instant
from sla.records import ClientId, Event

MOST_LINKS: Final = 100
"""That hold at once, of one client."""
PREFIX: Final = "/c/"
"""Under which the public door shows what a link opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkGrant:
    """What is granted to whoever has the token of this digest: to see a client's own, before an instant."""

    client: ClientId
    name: str
    """For whom it is, for the provider's own lists."""
    sha256: bytes
    expires_at: Instant
    token: str = field(default="", repr=False)
    """Known to the request that makes the link, and to nobody afterwards."""

    @classmethod
    def read(cls, said: object) -> Self | None:
        """As `as_json` wrote it; None for what is something else."""
        match said:
            case {
                "client": str(client),
                "name": str(name),
                "sha256": str(sha256),
                "expires_at": str(expires_at),
            }:
                try:
                    return cls(
                        client=ClientId(client),
                        name=name,
                        sha256=bytes.fromhex(sha256),
                        expires_at=parse_instant(expires_at),
                    )
                except ValueError:
                    return None
            case _:
                return None

    def as_json(self) -> str:
        """The form in which it is kept: without the token."""
        said = {
            "client": self.client,
            "name": self.name,
            "sha256": self.sha256.hex(),
            "expires_at": format_instant(self.expires_at),
        }
        return json.dumps(said, separators=(",", ":"))


REVOKED: Final = "revoked"
LinkChange = LinkGrant | Literal["revoked"]
"""What a request did to a link: it made it, or took it back."""


def path_of(token: str) -> str:
    """What a token opens, on the public door."""
    return f"{PREFIX}{token}/"


def read_change(said: object) -> LinkChange | None:
    """A change as `change_as_json` wrote it; None for what is something else."""
    return REVOKED if said == REVOKED else LinkGrant.read(said)


def change_as_json(change: LinkChange) -> str:
    """The form in which a change is kept."""
    return change.as_json() if isinstance(change, LinkGrant) else json.dumps(change)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLink:
    """A link on record: who gave it, and who took it back."""

    id: str
    grant: LinkGrant
    made_at: Instant
    made_by: str
    revoked_at: Instant | None = None
    revoked_by: str = ""

    def holds(self, now: Instant) -> bool:
        """Whether it was neither taken back nor has expired."""
        return self.revoked_at is None and now < self.grant.expires_at


class ClientLinks:
    """All links of the ledger, and which of them a token opens."""

    def __init__(self) -> None:
        self.by_id: dict[str, ClientLink] = {}
        self._key = secrets.token_bytes(32)
        self._ids: dict[bytes, str] = {}
        """By keyed digests of the tokens: how long a look takes tells nothing of a token that somebody tries."""

    def take(self, event: Event, change: LinkChange) -> None:
        """The next change on record, by the event of its request; a link is made once, and taken back once."""
        known = self.by_id.get(event.key)
        if isinstance(change, LinkGrant):
            if known is None:
                self.by_id[event.key] = ClientLink(
                    id=event.key, grant=change, made_at=event.at, made_by=event.user
                )
                self._ids[self._keyed(change.sha256)] = event.key
        elif known is not None and known.revoked_at is None:
            self.by_id[event.key] = replace(known, revoked_at=event.at, revoked_by=event.user)

    def opened_by(self, token: str, now: Instant) -> ClientLink | None:
        """The link that a token opens now; None for one that opens none, whatever the reason, at the same cost."""
        link = self.by_id.get(self._ids.get(self._keyed(digest_of_token(token)), ""))
        return link if link is not None and link.holds(now) else None

    def listed(self, client: ClientId | None, now: Instant, *, past: bool) -> Iterator[ClientLink]:
        """The links of one client, or of all, in the order in which they were made; `past`: those too that hold no more."""
        for link in list(self.by_id.values()):
            if client in (None, link.grant.client) and (past or link.holds(now)):
                yield link

    def granted(self, book: Book, client: str, body: LinkBody, now: Instant) -> tuple[str, LinkGrant]:
        """A new link to a client's own, by its id. Raises NotFoundError, ConflictError."""
        whose = client_at(book, client, now).id
        if sum(1 for _ in self.listed(whose, now, past=False)) >= MOST_LINKS:
            full = f"client {shown(whose)} has {MOST_LINKS} links that hold: take one back first"
            raise ConflictError([FieldFault("", full)])
        made = new_token()
        grant = LinkGrant(
            client=whose,
            name=body.name,
            sha256=bytes.fromhex(made.sha256),
            expires_at=Instant(now + body.valid),
            token=made.token,
        )
        return new_id("ln", now, self.by_id.__contains__), grant

    def check_revocable(self, link: str) -> None:
        """Raises NotFoundError for what is no link, and ConflictError for one that was taken back."""
        known = self.by_id.get(link)
        if known is None:
            raise NotFoundError([FieldFault("id", f"there is no link {shown(link)}")])
        if known.revoked_at is not None:
            taken = f"link {link} was taken back at {format_instant(known.revoked_at)}"
            raise ConflictError([FieldFault("id", taken)])

    def _keyed(self, digest: bytes) -> bytes:
        return hmac.digest(self._key, digest, hashlib.sha256)
