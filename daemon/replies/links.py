"""Links for clients: whoever has the token of one sees a client's own."""

from typing import Literal

from pydantic import Field

from daemon.replies.common import At, Receipt, Reply


class LinkKeys(Reply):
    """What a link is. `name`: for whom it is, as the provider knows it."""

    id: str | None
    client: str
    name: str
    expires_at: At


class LinkReceipt(Receipt, LinkKeys):
    """A link that was made."""

    token: str | None = Field(
        description="Told this once: null for a dry run, and where the link was made before. What is lost is made anew."
    )
    path: str | None = Field(description="What the link opens, on the public door; it has the token.")


class LinkRevocation(Receipt, LinkKeys):
    """A link that was taken back, and opens nothing from then on."""


class LinkStatus(LinkKeys):
    """A link on record."""

    state: Literal["valid", "expired", "revoked"]
    made_at: At
    made_by: str
    revoked_at: At | None
    revoked_by: str | None


class LinkList(Reply):
    """Links, in the order in which they were made."""

    links: tuple[LinkStatus, ...]
