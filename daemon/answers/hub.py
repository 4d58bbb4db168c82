"""What a hub answers of itself: who is active, which monitors there are, and what those say differently."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from daemon.answers.listing import next_rows
from daemon.book.disagreements import Disagreements
from daemon.control.questions import Listed, Page
from daemon.ledger import Head
from daemon.replies.hub import DisagreementStatus, HubStatus, MonitorStatus
from sla.book import Book
from sla.disagreements import Disagreement, DisagreementKind, Point
from sla.instants import SECOND, Instant
from sla.records import ClientId, ServerId

if TYPE_CHECKING:  # a monitor has this room, and need not have psycopg
    from daemon.hub.merged_ledger import MergedLedger
    from daemon.hub.tail import Tail

REMEDIES: Final[Mapping[Point, str]] = {
    Point.OWNER: "Give all of them the same [[rule]] tables, and reload them (SIGHUP); where the rules are the same, see whether each of"
    " them sees the facts that they ask for ('slad server' there).",
    Point.SERVER_NAME: "See whether each of them sees that vCenter: one has not learned the newest name. Where both do, two servers have"
    " one instance UUID.",
    Point.LEGS: "Give all of them the same legs in [vcenter.NAME] and the same [[internet]] tables, and reload them (SIGHUP).",
    Point.CLIENT_NAME: "Give all of them the same name in [client.ID], and reload them (SIGHUP).",
    Point.TECH_ADMINS: "Give all of them the same tech_admins in [client.ID], and reload them (SIGHUP).",
    Point.TERMS: "Give all of them the same [contract.…] and [client.ID.contract.…] tables, and reload them (SIGHUP).",
    Point.TIMEZONE: "Give all of them the same timezone in [client.ID], and reload them (SIGHUP).",
}
"""What to do about each."""


class Monitors(Protocol):
    """See `daemon.recording.merging`."""

    @property
    def known(self) -> Collection[str]: ...

    @property
    def seen(self) -> Mapping[str, Instant]: ...

    @property
    def retired(self) -> Collection[str]: ...


class HubAnswers:
    """Answers about a hub, from memory."""

    def __init__(
        self,
        *,
        tail: "Tail",
        ledger: "MergedLedger",
        book: Book,
        disagreements: Disagreements,
        monitors: Monitors,
    ) -> None:
        self._tail = tail
        self._ledger = ledger
        self._book = book
        self._disagreements = disagreements
        self._monitors = monitors

    def status(self) -> HubStatus:
        """How the hub stands, and the monitors of the store."""
        return HubStatus(
            instance=self._tail.instance,
            is_active=self._tail.is_active,
            active=self._tail.active_name,
            behind_records=self._tail.behind_records,
            behind_seconds=round(self._tail.behind_s * SECOND),
            records=self._ledger.hub_head.seq,
            head=_shown(self._ledger.hub_head),
            monitors=tuple(self._monitor(name) for name in sorted(self._monitors.known)),
            disagreements={kind: self._disagreements.counts[kind] for kind in DisagreementKind},
        )

    async def disagreements(self, kind: DisagreementKind | None, page: Page) -> Listed[DisagreementStatus]:
        """What monitors say differently, all or of a kind."""
        found, behind = await next_rows(self._disagreements.candidates(kind), page)
        return Listed(rows=tuple(self._row(each) for _, each in found), next=behind)

    def _monitor(self, name: str) -> MonitorStatus:
        head = self._ledger.head_of(name)
        return MonitorStatus(
            observer=name,
            records=head.seq,
            head=_shown(head),
            seen_until=self._monitors.seen.get(name),
            is_retired=name in self._monitors.retired,
        )

    def _row(self, each: Disagreement) -> DisagreementStatus:
        return DisagreementStatus(
            kind=each.point.kind,
            point=each.point,
            about=each.about,
            name=self._name_of(each),
            said=dict(each.said),
            holds=each.holds,
            since=each.since,
            remedy=REMEDIES[each.point],
        )

    def _name_of(self, each: Disagreement) -> str:
        if each.point.is_of_server:
            return self._book.servers[ServerId(each.about)].records[-1].name
        return self._book.clients[ClientId(each.about)][-1].name


def _shown(head: Head) -> str:
    return head.chain.hex() if head.seq else ""
