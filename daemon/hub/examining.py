"""What whoever looks at the store as a hub sees there: rights, who is active, and every ledger. Nothing is changed by it."""

from dataclasses import dataclass

from daemon.config.hub import HubTable, Shard
from daemon.hub.schema import HUB, VERSION
from daemon.hub.session import HubSession
from daemon.hub.states import instance_name
from daemon.ledger import Head
from sla.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedLedger:
    """A ledger of the store: who may append, its head there, and how far the witness has seen that saw farthest.

    `seen_until` is None where none ever said so.
    """

    name: str
    role: str
    head: Head
    seen_until: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreView:
    """The store, as a hub sees it.

    `role` is that of the session; `is_hub`: it may do what a hub does; `is_superuser`: and everything else. `active` is the name of
    the active hub of the shard, "" where none is.
    """

    version: int
    postgresql: str
    role: str
    is_hub: bool
    is_superuser: bool
    active: str
    ledgers: tuple[ShippedLedger, ...]


class StoreExaminer(HubSession):
    """A session that takes no lock and writes nothing."""

    async def view(self, shard: Shard) -> StoreView:
        """What there is, for hubs of a shard. Raises HubError."""
        ((role, is_hub, is_superuser, postgresql),) = await self._asked(
            "SELECT r.rolname, pg_has_role(r.oid, 'slad_hub', 'MEMBER'), r.rolsuper, current_setting('server_version')"
            " FROM pg_roles r WHERE r.rolname = session_user"
        )
        rows = await self._asked("SELECT l.name, l.role, l.seq, l.chain FROM slad.ledger l ORDER BY l.name")
        seen = await self.seen()
        return StoreView(
            version=VERSION,
            postgresql=postgresql,
            role=role,
            is_hub=is_hub,
            is_superuser=is_superuser,
            active=await self.active_name(shard),
            ledgers=tuple(
                ShippedLedger(
                    name=name,
                    role=owner,
                    head=Head(seq, chain),
                    seen_until=max(seen.get(name, {}).values(), default=None),
                )
                for name, owner, seq, chain in rows
            ),
        )


async def examine(table: HubTable) -> StoreView:
    """Look at the store of a configuration. Raises HubError."""
    store = await StoreExaminer.open(table, HUB, instance_name())
    try:
        return await store.view(table.shard)
    finally:
        await store.close()
