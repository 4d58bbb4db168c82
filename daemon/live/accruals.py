"""The accruals that the servers' figures and the solutions' interruptions go on by, one for all that are told the same."""

from collections.abc import Mapping

from sla.accruals import Accrual, Attestation, JointAccrual
from sla.book import Book
from sla.instants import Instant
from sla.records import Witness


class Accruals:
    """Every accrual in use, advanced to one instant."""

    def __init__(self, book: Book) -> None:
        self._sights = book.sights
        self._at = Instant(0)
        self._accruals: dict[Attestation, Accrual] = {}
        self._joint: dict[frozenset[Attestation], JointAccrual] = {}

    def advance(self, at: Instant, sights: Mapping[Witness, Instant]) -> None:
        """Move all of them on; `sights` says since when who saw is no longer what it was."""
        assert at >= self._at, "the instant of the figures fell"
        self._at = at
        accruals: list[Accrual | JointAccrual] = [*self._accruals.values(), *self._joint.values()]
        for accrual in accruals:
            for witness in accrual.witnesses & sights.keys():
                accrual.rewind(sights[witness])
            accrual.advance(at)

    def of(self, attestation: Attestation) -> Accrual:
        """The accrual of servers of which this is said."""
        accrual = self._accruals.get(attestation)
        if accrual is None:
            accrual = self._accruals[attestation] = Accrual(attestation, self._sights)
            accrual.advance(self._at)
        return accrual

    def joint(self, attestations: frozenset[Attestation]) -> JointAccrual:
        """The accrual of servers of which these are said, and of which it counts when any is down."""
        joint = self._joint.get(attestations)
        if joint is None:
            those = [self.of(each) for each in attestations]
            joint = self._joint[attestations] = JointAccrual(those)
            joint.advance(self._at)
        return joint
