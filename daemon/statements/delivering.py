"""Where issued statements go: into a folder, and by mail. What was delivered is on record, so that no restart delivers it again.

Only the newest version of a month is delivered, for `DELIVERED_WITHIN` after its issue. What fails is tried again, later each time.
"""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Final, Never
from urllib.parse import quote

import structlog

from daemon.clock import Clock
from daemon.config.config import Config
from daemon.config.letterhead import Letterhead
from daemon.config.statements import SmtpTable, StatementsTable
from daemon.ledger import Batch, Entry, LedgerError
from daemon.ledger.snapshot_file import sync_directory
from daemon.metrics.statements import StatementMetrics
from daemon.os_faults import refused
from daemon.replies.status import UndeliveredStatus
from daemon.servers.policy import RECORDED_BY
from daemon.statements.issuing import IssuedLedger
from daemon.statements.layouts import Files, Layout, LayoutError, laid_out
from daemon.statements.mail import DeliveryError, message_of, sent
from daemon.statements.register import DELIVERED, StatementKey, StatementRegister
from daemon.statements.viewing import view_of
from sla.book import Book
from sla.instants import DAY, SECOND, Instant
from sla.records import ClientId, Event, Issued
from sla.texts import cleaned

LOOK_S: Final = 10.0
"""How often there is looked for something to deliver."""
DELIVERED_WITHIN: Final = 31 * DAY
"""Then it is given up: next month's is due."""
FIRST_RETRY_S: Final = 60.0
LAST_RETRY_S: Final = 3600.0
_ENDINGS: Final = {Layout.TEXT: "txt"}

_log = structlog.get_logger()

Commit = Callable[[Callable[[Instant], Awaitable[Batch]]], Awaitable[None]]
"""Makes a batch of the daemon's own durable."""


@dataclass(slots=True)
class FailedDelivery:
    """A statement that could not be delivered: how often in a row, since when, why, and when it is tried again."""

    version: int
    since: Instant
    attempts: int = 0
    why: str = ""
    again_us: int = 0
    """By the monotonic clock."""


class Deliveries:
    """Has a task of its own: a mail server that hangs holds up nothing else."""

    def __init__(
        self,
        *,
        clock: Clock,
        book: Book,
        register: StatementRegister,
        ledger: IssuedLedger,
        letterhead: Callable[[ClientId], Letterhead],
        commit: Commit,
        writes_next: Callable[[], Awaitable[bool]],
        metrics: StatementMetrics,
    ) -> None:
        """`writes_next`: whether what is delivered now can be put on record before anybody else would deliver it."""
        self.failing: dict[tuple[StatementKey, str], FailedDelivery] = {}
        """By the statement and the way, `folder` or `smtp`."""
        self._clock = clock
        self._book = book
        self._register = register
        self._ledger = ledger
        self._letterhead = letterhead
        self._commit = commit
        self._writes_next = writes_next
        self._metrics = metrics
        self._table = StatementsTable()
        self._recipients: Mapping[str, Sequence[str]] = {}

    def adopt(self, config: Config) -> None:
        self._table = config.statements
        self._recipients = {name: client.statement_recipients for name, client in config.clients.items()}
        for failed in self.failing.values():
            failed.again_us = 0

    async def run(self) -> Never:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Deliver what is not delivered yet."""
        due = dict(self._due())
        self.failing = {
            failed: what
            for failed, what in self.failing.items()
            if failed in due and due[failed][0].version == what.version
        }
        for key, way in due:
            failed = self.failing.get((key, way))
            is_its_turn = failed is None or failed.again_us <= self._clock.monotonic_us()
            if is_its_turn and await self._writes_next():
                record, places = self._left(key, way)  # the book may have learnt meanwhile who delivered it
                if places:
                    await self._deliver(key, way, record, places)
        self._metrics.set_failing(
            (key, sum(failed.attempts for (of, _), failed in self.failing.items() if of == key))
            for key in {key for key, _ in self.failing}
        )

    def told(self) -> tuple[UndeliveredStatus, ...]:
        """What could not be delivered so far."""
        return tuple(
            UndeliveredStatus(
                client=key.client,
                month=key.month,
                way=way,
                since=failed.since,
                attempts=failed.attempts,
                why=failed.why,
            )
            for (key, way), failed in sorted(self.failing.items())
        )

    def _due(self) -> Iterator[tuple[tuple[StatementKey, str], tuple[Issued, Sequence[str]]]]:
        """By statement and way the newest version, and the places that it has to go to."""
        for key in map(StatementKey._make, list(self._book.issued)):
            for way in self._places(key.client):
                record, places = self._left(key, way)
                if places:
                    yield (key, way), (record, places)

    def _left(self, key: StatementKey, way: str) -> tuple[Issued, Sequence[str]]:
        """The newest version of a statement, and the places that it has to go to yet by a way."""
        record = self._book.issued[key][-1]
        if self._clock.now() - record.recorded_at > DELIVERED_WITHIN:
            return record, ()
        return record, self._not_delivered(record, way, self._places(key.client).get(way, ()))

    def _not_delivered(self, record: Issued, way: str, places: Iterable[str]) -> list[str]:
        return [place for place in places if not self._register.is_delivered(record, _name(way, place))]

    def _places(self, client: ClientId) -> dict[str, Sequence[str]]:
        places: dict[str, Sequence[str]] = {}
        if self._table.folder is not None:
            places["folder"] = [str(self._table.folder)]
        if self._table.smtp is not None:
            places["smtp"] = self._recipients.get(client, ())
        return places

    async def _deliver(self, key: StatementKey, way: str, record: Issued, places: Sequence[str]) -> None:
        done: list[str] = []
        try:
            why = await self._brought(way, record, places, done)
        except (DeliveryError, LayoutError, LedgerError) as error:
            why = str(error)
        except (
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
        ) as error:  # of an import it may be anything
            why = f"its document cannot be laid out: {error!r}"
        except OSError as error:
            why = f"{error.filename}: {refused(error)}"
        if done:
            await self._note(record, way, done)
            _log.info("statement_delivered", statement=record.id, way=way, places=done)
        if why:
            self._fail(key, way, record, why)
        else:
            self.failing.pop((key, way), None)

    async def _brought(self, way: str, record: Issued, places: Sequence[str], done: list[str]) -> str:
        """Bring a version to the places of a way; `done` gets those where it is. Why the others did not take it, "" for none.

        Raises DeliveryError, LayoutError, LedgerError, OSError.
        """
        document = await self._ledger.document(record.sha256)
        if document is None:
            raise DeliveryError("its bytes are not in this ledger")
        letterhead = self._letterhead(record.client)
        files = await asyncio.to_thread(_files, document, self._table.formats, record, letterhead)
        smtp = self._table.smtp
        if way == "folder" or smtp is None:
            await asyncio.to_thread(_put, Path(places[0]), record, files)
            done += places
            return ""
        return await self._mailed(smtp, record, document, letterhead, files, places, done)

    async def _mailed(
        self,
        smtp: SmtpTable,
        record: Issued,
        document: bytes,
        letterhead: Letterhead,
        files: Files,
        places: Sequence[str],
        done: list[str],
    ) -> str:
        view = await asyncio.to_thread(view_of, document, letterhead.language)
        message = message_of(record, view, files, sender=smtp.sender, recipients=places)
        refusals = await sent(message, smtp, places)
        done += [place for place in places if place not in refusals]
        return "; ".join(f"{place}: {why}" for place, why in refusals.items())

    async def _note(self, record: Issued, way: str, places: Iterable[str]) -> None:
        """Put on record that a version was delivered."""

        async def made(now: Instant) -> Batch:
            return Batch(
                entries=[
                    Entry(
                        record=Event(
                            source=RECORDED_BY,
                            key=record.sha256,
                            type=DELIVERED,
                            at=now,
                            server=None,
                            user="",
                            text=_name(way, place),
                            recorded_at=now,
                            recorded_by=RECORDED_BY,
                        )
                    )
                    for place in self._not_delivered(record, way, places)
                ]
            )

        await self._commit(made)

    def _fail(self, key: StatementKey, way: str, record: Issued, why: str) -> None:
        begun = FailedDelivery(version=record.version, since=self._clock.now())
        failed = self.failing.setdefault((key, way), begun)
        why = cleaned(why)
        if why != failed.why:
            _log.warning("statement_not_delivered", client=key.client, month=key.month, way=way, message=why)
        failed.why = why
        failed.attempts += 1
        self._metrics.failed(way)
        pause_s = min(FIRST_RETRY_S * 2.0 ** min(failed.attempts - 1, 10), LAST_RETRY_S)
        failed.again_us = self._clock.monotonic_us() + int(pause_s * SECOND)


def _name(way: str, place: str) -> str:
    """A place as it is on record."""
    return cleaned(f"{way} {place}")


def _files(document: bytes, formats: Sequence[str], record: Issued, letterhead: Letterhead) -> Files:
    """What is delivered: each format under a name that says whose and which it is. Raises LayoutError."""
    stem = f"{_file_name(record.client)}-{record.month}-v{record.version}"
    files: dict[str, bytes] = {}
    for layout in map(Layout, formats):
        for name, content in laid_out(document, layout, letterhead).items():
            files[f"{stem}-{name}" if name else f"{stem}.{_ENDINGS.get(layout, layout.value)}"] = content
    return files


def _put(folder: Path, record: Issued, files: Files) -> None:
    """Write files into a folder of their own below `folder`, which is there with all of them or not at all. Raises OSError.

    Raises DeliveryError where something else is in its place.
    """
    place = folder / _file_name(record.client) / f"{record.month}-v{record.version}"
    if place.exists():
        if {path.name: path.read_bytes() for path in place.iterdir()} != files:
            raise DeliveryError(f"{place} is there already, and holds something else: move it away")
        return
    place.parent.mkdir(exist_ok=True)
    written = Path(mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        for name, content in files.items():
            with (written / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        written.chmod(0o755)
        written.rename(place)
    finally:
        shutil.rmtree(written, ignore_errors=True)
    with suppress(OSError):
        sync_directory(place.parent)


def _file_name(client: str) -> str:
    """A client's id as a file name, whatever characters it has."""
    name = quote(client, safe="")
    return name if name.strip(".") else name.replace(".", "%2E")
