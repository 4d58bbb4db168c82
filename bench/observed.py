"""What a monitor observes, as benches put it on record."""

from sla.instants import SECOND, Instant
from sla.records import Leg, Observation, ServerId, State, Witness


def said(witness: Witness, server: ServerId, leg: Leg, state: State, at: Instant) -> Observation:
    """What a witness says, noticed a moment later."""
    return Observation(
        witness=witness, server=server, leg=leg, state=state, at=at, noticed_at=Instant(at + SECOND // 3)
    )
