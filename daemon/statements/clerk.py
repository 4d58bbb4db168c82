"""The clerk: issues statements by itself when they are due, and looks again at those of which evidence came since.

It works at one statement at a time. What fails is tried again with the next look, and told once for as long as it fails alike.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final, Never

import structlog

from daemon.believed_clock import BelievedClock
from daemon.config.config import UNASSIGNED, Config
from daemon.ledger import LedgerError
from daemon.metrics.statements import StatementMetrics
from daemon.records.refusals import NotRecordingError, RefusedError
from daemon.records.service import RecordCall, RecordService
from daemon.replies.words import NO_SERVICE
from daemon.servers.policy import RECORDED_BY
from daemon.statements.documents import MovingError
from daemon.statements.issuing import Issuing
from daemon.statements.register import StatementKey, StatementRegister
from sla.book import Book
from sla.calendars import calendar_of
from sla.instants import FOREVER, Instant

LOOK_S: Final = 30.0
"""How often the clerk looks."""
_OPERATION: Final = "issue by itself"

_log = structlog.get_logger()


class Clerk:
    """Has a task of its own."""

    def __init__(
        self,
        *,
        clock: BelievedClock,
        book: Book,
        register: StatementRegister,
        issuing: Issuing,
        records: RecordService,
        can_record: Callable[[], bool],
        metrics: StatementMetrics,
    ) -> None:
        """`can_record`: whether anything can be put on record by this process now."""
        self._clock = clock
        self._book = book
        self._register = register
        self._issuing = issuing
        self._records = records
        self._can_record = can_record
        self._is_left_to_hub = False
        self._metrics = metrics
        self._issue_after: int | None = None
        """How long after its end the statement of a month is issued, in microseconds; None: by people alone."""
        self._without_service: set[StatementKey] = set()
        """Due months in which a client had no server: there is nothing to issue."""
        self._troubles: dict[StatementKey, str] = {}

    def adopt(self, config: Config) -> None:
        after = config.statements.issue_after
        self._issue_after = None if after is None else after.us
        self._is_left_to_hub = config.leaves_issuing_to_hub

    async def run(self) -> Never:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Do what there is to do; nothing that would have to be dated while the clock is in doubt.

        Where a hub issues there is nothing: what it issued since, and so what is outdated, is not known here.
        """
        if self._is_left_to_hub:
            self._register.outdated.clear()
            self._metrics.set_outdated(())
            self._metrics.set_issued(())
            return
        for key in list(self._register.suspects):
            await self._recheck(key)
        self._metrics.set_outdated(self._register.outdated.items())
        self._metrics.set_issued(self._register.last_issued.values())
        for key in list(self._due()):
            if self._clock.doubt is None and self._can_record():
                await self._issue(key)

    async def _recheck(self, key: StatementKey) -> None:
        before = self._register.outdated.get(key, 0)
        try:
            await self._issuing.recheck(key)
        except (MovingError, RefusedError, LedgerError) as error:
            self._tell(key, str(error))
            return
        self._troubles.pop(key, None)
        differing = self._register.outdated.get(key, 0)
        if differing != before:
            _log.warning(
                "statement_corrected", client=key.client, month=key.month, differing_figures=differing
            )

    def _due(self) -> Iterator[StatementKey]:
        """The statements of last month that are to be issued now, and that nobody has issued."""
        if self._issue_after is None:
            return
        now = self._clock.now()
        for client in self._book.clients:
            record = self._book.client(client, FOREVER)
            if client == UNASSIGNED or record is None:
                continue
            calendar = calendar_of(record.timezone)
            began, _ = calendar.month_span(calendar.month_of(now))
            key = StatementKey(client, str(calendar.month_of(Instant(began - 1))))
            is_open = self._register.newest(key) is None and key not in self._without_service
            if is_open and now - began >= self._issue_after:
                yield key

    async def _issue(self, key: StatementKey) -> None:
        call = RecordCall(
            by=RECORDED_BY,
            key=f"{key.client} {key.month}",
            dry_run=False,
            confirmed=True,
            operation=_OPERATION,
            said={"client": key.client, "month": key.month},
        )
        try:
            await self._records.issue(call)
        except RefusedError as error:
            if error.faults[0].message.startswith(NO_SERVICE):
                self._without_service.add(key)
            else:
                self._tell(key, str(error))
        except (NotRecordingError, LedgerError) as error:
            self._tell(key, str(error))
        else:
            self._troubles.pop(key, None)

    def _tell(self, key: StatementKey, trouble: str) -> None:
        if self._troubles.get(key) != trouble:
            self._troubles[key] = trouble
            _log.warning("statement_waits", client=key.client, month=key.month, message=trouble)
