"""The snapshot for a hub's next start, beside `[ledger] path`: what is known of the store's lines up to one.

It is a cache and never believed, as that of `daemon.recording.start_snapshot` is, by whose means it is written. That it is of this
store the tail sees before anything is given out: the last line of each ledger has to be where it was (`daemon.hub.tail`).
"""

import json
from collections.abc import Iterator
from pathlib import Path

from daemon.config.hub import Shard
from daemon.hub.merged_ledger import MergedLedger
from daemon.ledger import SnapshotSection, UnsoundSnapshotError, sections_in
from daemon.recording.recollection import Recollection
from daemon.recording.start_snapshot import check_writer, recollection_sections, restore_recollection
from sla.instants import Instant, format_instant


def sections_of(
    recollection: Recollection, ledger: MergedLedger, shard: Shard, now: Instant
) -> Iterator[SnapshotSection]:
    """What a snapshot holds, each section made in about a millisecond. Neither must change meanwhile."""
    merged, recorded_at = ledger.stored(), dict(recollection.reader.recorded_at)
    return recollection_sections(
        recollection, {"shard": str(shard), "merged": merged, "recorded_at": recorded_at, "written_at": now}
    )


def restore(path: Path, ledger: MergedLedger, recollection: Recollection, shard: Shard, now: Instant) -> None:
    """Recollect what the snapshot beside a path holds; nothing where there is none.

    Raises UnsoundSnapshotError, and whatever else odd contents bring about: then neither is of more use.
    """
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
    restore_recollection(recollection, about, sections)
    recollection.reader.recorded_at = {name: Instant(int(at)) for name, at in about["recorded_at"].items()}
    recollection.book.take_watermarks(ledger.watermarks, (), ())
    recollection.register.see(ledger.watermarks)
