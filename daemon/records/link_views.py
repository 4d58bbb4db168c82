"""Links as the answers show them."""

from daemon.records.links import REVOKED, ClientLink, ClientLinks, LinkChange, LinkGrant, path_of
from daemon.replies.links import LinkReceipt, LinkRevocation, LinkStatus
from sla.instants import Instant


def link_status(link: ClientLink, now: Instant) -> LinkStatus:
    """A link as it stands."""
    return LinkStatus(
        id=link.id,
        client=link.grant.client,
        name=link.grant.name,
        expires_at=link.grant.expires_at,
        state=REVOKED if link.revoked_at is not None else "valid" if link.holds(now) else "expired",
        made_at=link.made_at,
        made_by=link.made_by,
        revoked_at=link.revoked_at,
        revoked_by=link.revoked_by or None,
    )


def link_receipt(
    links: ClientLinks, id_: str, change: LinkChange, seq: int | None, by: str
) -> LinkReceipt | LinkRevocation:
    """What a change of a link gave; `seq` None: it was only supposed."""
    link = links.by_id.get(id_)
    if isinstance(change, LinkGrant):
        token = "" if seq is None else change.token
        return LinkReceipt(
            dry_run=seq is None,
            recorded_at=None if link is None else link.made_at,
            recorded_by=None if seq is None else by,
            seq=seq,
            id=None if seq is None else id_,
            client=change.client,
            name=change.name,
            expires_at=change.expires_at,
            token=token or None,
            path=path_of(token) if token else None,
        )
    assert link is not None, "it was looked for before it was taken back"
    return LinkRevocation(
        dry_run=seq is None,
        recorded_at=None if seq is None else link.revoked_at,
        recorded_by=None if seq is None else by,
        seq=seq,
        id=id_,
        client=link.grant.client,
        name=link.grant.name,
        expires_at=link.grant.expires_at,
    )
