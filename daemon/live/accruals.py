"""The tails that the servers' figures and the solutions' interruptions go on by, one for all that are told the same."""

from collections.abc import Mapping

from sla.book import Book
from sla.instants import Instant
from sla.records import Witness
from sla.tails import Tail, Together, Views


class Tails:
    """Every tail in use, advanced to one instant."""

    def __init__(self, book: Book) -> None:
        """None yet."""
        self._sights = book.sights
        self._at = Instant(0)
        self._tails: dict[Views, Tail] = {}
        self._together: dict[frozenset[Views], Together] = {}

    def advance(self, at: Instant, sights: Mapping[Witness, Instant]) -> None:
        """Move all of them on; `sights` says since when who saw is no longer what it was."""
        self._at = at
        tails: list[Tail | Together] = [*self._tails.values(), *self._together.values()]
        for tail in tails:
            for witness in tail.witnesses & sights.keys():
                tail.rewind(sights[witness])
            tail.advance(at)

    def of(self, views: Views) -> Tail:
        """The tail of servers of which this is said."""
        tail = self._tails.get(views)
        if tail is None:
            tail = self._tails[views] = Tail(views, self._sights)
            tail.advance(self._at)
        return tail

    def together(self, views: frozenset[Views]) -> Together:
        """The tail of servers of which this is said, and of which it counts when any is down."""
        together = self._together.get(views)
        if together is None:
            those = [self.of(each) for each in views]
            together = self._together[views] = Together(those)
            together.advance(self._at)
        return together
