"""What a hub knows of the ends of ledgers: a shard has not all of their lines."""

from prometheus_client import CollectorRegistry

from daemon.clock import SystemClock
from daemon.hub.merged_ledger import MergedLedger
from daemon.hub.schema import HUB
from daemon.hub.session import Arrived
from daemon.hub.tail import Tail
from daemon.ledger import Head
from daemon.metrics.hub import TailMetrics
from tests.daemon.recording.merged import TABLE


def chain(name: str) -> bytes:
    return name.encode().ljust(32)


def test_a_head_is_that_of_the_store_unless_a_later_line_was_taken() -> None:
    """Of what other shards recorded a replica that is promoted may lack the last, or have another record in its place."""
    ledger = MergedLedger(Tail(clock=SystemClock(), table=TABLE, metrics=TailMetrics(CollectorRegistry())))
    ledger.take(Arrived(1, HUB, 1, "{}", chain("own")))
    for reached, known in (
        (Head(3, chain("other's")), Head(3, chain("other's"))),
        (Head(3, chain("another's")), Head(3, chain("another's"))),
        (Head(2, chain("lost")), Head(2, chain("lost"))),
        (Head(0, chain("before")), Head(1, chain("own"))),
    ):
        ledger.reach({HUB: reached})
        assert ledger.hub_head == known
    ledger.take(Arrived(9, HUB, 4, "{}", chain("later")))
    ledger.reach({HUB: Head(3, chain("other's"))})
    assert ledger.hub_head == Head(4, chain("later"))


def test_a_ledger_without_records_has_no_head() -> None:
    ledger = MergedLedger(Tail(clock=SystemClock(), table=TABLE, metrics=TailMetrics(CollectorRegistry())))
    for reached, known in ((0, []), (1, ["mon1"]), (0, [])):
        ledger.reach({"mon1": Head(reached, chain("other's"))})
        assert list(ledger.heads) == known
