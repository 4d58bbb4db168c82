"""The snapshot for a hub's next start, beside `[ledger] path`: what is known of the store's lines up to one.

It is a cache and never believed, as that of `daemon.recording.start_snapshot` is, by whose means it is written. That it is of this
store the tail sees before anything is given out: the last line of each ledger has to be where it was (`daemon.hub.tail`).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from daemon.book.disagreements import Disagreements
from daemon.config.hub import Shard
from daemon.ledger import SnapshotSection, UnsoundSnapshotError, sections_in
from daemon.recording.merging import StoreRecollection
from daemon.recording.start_snapshot import check_writer, recollection_sections, restore_recollection
from sla.instants import Instant, format_instant
from sla.rows import records_of, rows_of

_SAID: Final = "said"
_AT_ONCE: Final = 500


def sections_of(told: StoreRecollection, shard: Shard, now: Instant) -> Iterator[SnapshotSection]:
    """What a snapshot holds, each section made in about a millisecond. Nothing must be taken meanwhile."""
    ledger, recollection, disagreements = told
    merged, recorded_at = ledger.stored(), dict(recollection.reader.recorded_at)
    yield from recollection_sections(
        recollection, {"shard": str(shard), "merged": merged, "recorded_at": recorded_at, "written_at": now}
    )
    for name, records in disagreements.told():
        for first in range(0, len(records), _AT_ONCE):
            some = rows_of((0, record) for record in records[first : first + _AT_ONCE])
            yield SnapshotSection(_SAID, json.dumps([name, some]).encode())


def restore(path: Path, told: StoreRecollection, shard: Shard, now: Instant) -> None:
    """Have nothing become what the snapshot beside a path holds, where there is one.

    Raises UnsoundSnapshotError, and whatever else odd contents bring about: then what is told so far is of no more use.
    """
    ledger, recollection, disagreements = told
    sections = sections_in(path)
    first = next(sections, None)
    if first is None:
        return
    about = json.loads(first.content)
    check_writer(about, recollection.book.observer)
    if about["shard"] != str(shard):
        raise UnsoundSnapshotError(f"is of shard {about['shard']}, and this is {shard}")
    if about["written_at"] > now:
        raise UnsoundSnapshotError(
            f"is from the future: it was written at {format_instant(Instant(about['written_at']))}"
        )
    ledger.restore(about["merged"])
    for place, key in ledger.requests.items():
        recollection.requests.keep(place, key)
    restore_recollection(recollection, about, _but_what_was_said(sections, disagreements))
    recollection.reader.recorded_at = {name: Instant(int(at)) for name, at in about["recorded_at"].items()}
    recollection.book.take_watermarks(ledger.watermarks, (), ())
    recollection.register.see(ledger.watermarks)


def _but_what_was_said(
    sections: Iterator[SnapshotSection], disagreements: Disagreements
) -> Iterator[SnapshotSection]:
    """The sections of the recollection; the others tell what each ledger says."""
    for section in sections:
        if section.name != _SAID:
            yield section
            continue
        name, some = json.loads(section.content)
        for _, record in records_of(some.encode()):
            disagreements.take(name, record)
