"""What evidence does not say is in the log: the details of reasons."""

from structlog.testing import capture_logs

from daemon.ledger import Entry
from daemon.recording.details import MOST_TOLD, tell_details
from sla.instants import Instant
from sla.reasons import DetailedReason, PlainReason
from sla.records import Leg, Observation, ServerId, State, Witness


def entry(server: int, reason: str) -> Entry:
    return Entry(
        record=Observation(
            witness=Witness("here", "vc1"),
            server=ServerId(f"u{server}"),
            leg=Leg.SAN,
            state=State.DOWN,
            at=Instant(0),
            reason=reason,
        )
    )


def lost(datastore: str) -> DetailedReason:
    return DetailedReason(PlainReason.DATASTORE_NOT_ACCESSIBLE, f"datastore {datastore} is not accessible")


async def test_servers_with_one_reason_are_told_of_once() -> None:
    with capture_logs() as logs:
        await tell_details(
            [*(entry(number, lost("san1")) for number in range(5)), entry(9, PlainReason.POWERED_OFF)]
        )
    (line,) = logs
    assert (line["event"], line["leg"], line["state"], line["because"]) == (
        "leg_changed",
        "san",
        "down",
        "datastore san1 is not accessible",
    )
    assert (line["count"], line["servers"]) == (5, "u0, u1, u2 and 2 more")


async def test_a_batch_with_many_reasons_does_not_flood_the_log() -> None:
    with capture_logs() as logs:
        await tell_details([entry(number, lost(f"san{number}")) for number in range(MOST_TOLD + 7)])
    assert len(logs) == MOST_TOLD + 1
    assert logs[-1] == {"event": "more_legs_changed", "log_level": "info", "reasons": 7}
