"""What the book took since the figures were last worked out: whose figures may be others now."""

from dataclasses import dataclass, field

from sla.instants import Instant
from sla.records import Recorded, ServerId, Witness


@dataclass(slots=True)
class BookChanges:
    """Servers of which something was said or recorded; the other records; and since when who saw is another answer."""

    servers: set[ServerId] = field(default_factory=set)
    records: list[Recorded] = field(default_factory=list)
    sights: dict[Witness, Instant] = field(default_factory=dict)

    def see(self, witness: Witness, since: Instant) -> None:
        """Note that what a witness saw since an instant has changed."""
        before = self.sights.get(witness)
        if before is None or since < before:
            self.sights[witness] = since
