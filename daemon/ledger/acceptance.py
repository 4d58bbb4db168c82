"""That somebody accepted a loss of the ledger, as a record of it."""

import os
from typing import Final

from daemon.ledger.batch import Head
from sla.instants import Instant
from sla.records import Event
from sla.texts import cleaned

SOURCE: Final = "slad"
TYPE: Final = "slad.LossAccepted"


def accepted_loss(lost: str, why: str, head: Head, now: Instant) -> Event:
    """What was `lost`, in words, `why` it was accepted, after which record; by the user of this process."""
    return Event(
        source=SOURCE,
        key=f"loss-{head.seq}-{now}",
        type=TYPE,
        at=now,
        server=None,
        user=f"uid {os.getuid()}",
        text=cleaned(f"{lost}. Why that was accepted: {why}"),
        recorded_at=now,
        recorded_by=SOURCE,
    )
