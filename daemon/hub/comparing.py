"""Whether a ledger and what the store has of it are one: the store is a beginning of the ledger, or somebody has to know."""

from collections.abc import Awaitable, Callable
from typing import Final

from daemon.config.hub import HubTable
from daemon.hub.states import HubError, HubState, instance_name
from daemon.hub.store import HubStore
from daemon.ledger import Head, Ledger

AT_START_S: Final = 5.0
"""How long a start waits for the comparison."""

ChainOf = Callable[[int], Awaitable[bytes | None]]
"""The chain value of a record, by its number; None where there is none."""


async def compare_at_start(table: HubTable, observer: str, ledger: Ledger) -> None:
    """Compare a ledger with the store before anything is recorded in it. Raises HubError, LedgerError."""
    store = await HubStore.open(table, observer, instance_name(), within_s=AT_START_S)
    try:
        await agreed(store, observer, ledger.head, chain_in(ledger))
    finally:
        await store.close()


def chain_in(ledger: Ledger) -> ChainOf:
    """Asks an open ledger."""

    async def chain_of(seq: int) -> bytes | None:
        found = await ledger.read(seq - 1, 1)
        return found[0].chain if found else None

    return chain_of


async def agreed(store: HubStore, observer: str, head: Head, chain_of: ChainOf) -> Head:
    """The store's head, from which a ledger that ends with `head` goes on. Raises HubError where it does not."""
    theirs = await compared(store, observer, head, chain_of)
    if theirs.seq > head.seq:
        raise HubError(
            HubState.LEDGER_WENT_BACK,
            f"The ledger ends with record {head.seq}, and the store has {theirs.seq} of observer {observer}: the ledger went"
            " back, or another monitor has that name. Bring back what is missing ('slad import --from-hub'), or give this"
            " monitor another observer name.",
        )
    return theirs


async def compared(store: HubStore, observer: str, head: Head, chain_of: ChainOf) -> Head:
    """The store's head, whichever is ahead. Raises HubError where a record that both have is not the same."""
    theirs = await store.head()
    common = min(theirs.seq, head.seq)
    if common and await store.chain_of(common) != await chain_of(common):
        seq = await _first_difference(store, chain_of, common)
        raise HubError(
            HubState.DIVERGED,
            f"From record {seq} on the ledger is not what the store has of observer {observer}: it was rewritten, an older"
            " copy went on, or another monitor has that name. Move the ledger aside and restore it from the store ('slad"
            " import --from-hub'), or give this monitor another observer name.",
        )
    return theirs


async def _first_difference(store: HubStore, chain_of: ChainOf, differs: int) -> int:
    """The number of the first record that differs: chains that parted once do not meet again."""
    same = 0
    while differs - same > 1:
        middle = (same + differs) // 2
        if await store.chain_of(middle) == await chain_of(middle):
            same = middle
        else:
            differs = middle
    return differs
