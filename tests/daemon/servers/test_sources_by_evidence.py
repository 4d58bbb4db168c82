"""By which vCenter a server is known where nothing lists it: at a start of a monitor, and at a hub at all times."""

from pathlib import Path

import pytest

from daemon.ledger import Batch, Entry, Ledger
from daemon.recording.recollection import Recollection
from daemon.recording.replay import replay
from probes.report import INTERNET, RECOVERED
from sla.instants import SECOND, Instant
from sla.records import Leg, Observation, ServerId, State, Witness
from tests.daemon.hub.stores import START, founding
from tests.daemon.monitor import policy

WEB = ServerId("s1")


def said(source: str, second: int, state: State = State.UP, observer: str = "mon1") -> Observation:
    at = Instant(START + second * SECOND)
    return Observation(
        witness=Witness(observer, source),
        server=WEB,
        leg=Leg.INTERNET if source == INTERNET else Leg.RUNNING,
        state=state,
        at=at,
        reason="" if state is State.UP else "poweredOff",
        noticed_at=at,
    )


STORIES = [
    ([], ""),
    ([said("vc1", 0)], "vc1"),
    ([said("vc1", 0), said(INTERNET, 9)], "vc1"),
    ([said(INTERNET, 9)], ""),
    ([said("vc1", 0), said(f"vc2{RECOVERED}", 9)], "vc1"),
    ([said("vc1", 0), said("vc2", 5)], "vc2"),
    ([said("vc1", 0), said("vc2", 5), said("vc2", 9, State.UNKNOWN)], "vc1"),
]


@pytest.mark.parametrize(("observations", "source"), STORIES)
async def test_a_monitor_that_starts_goes_on_with_the_vcenter_that_knew_of_it_last(
    tmp_path: Path, observations: list[Observation], source: str
) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    for _ in ledger.replay():
        pass
    await ledger.commit(Batch(entries=[Entry(record=each) for each in (*founding(), *observations)]))
    recollection = Recollection("mon1", policy())
    replay(ledger, recollection)
    assert recollection.registry.source_of(WEB) == source
    await ledger.close()


@pytest.mark.parametrize(("observations", "source"), STORIES)
def test_a_hub_knows_it_by_what_monitors_saw(observations: list[Observation], source: str) -> None:
    recollection = Recollection("hub", policy(), is_merged=True)
    for seq, record in enumerate((*founding(), *observations), 1):
        recollection.take(seq, record, None)
    assert recollection.registry.source_of(WEB) == source


def test_a_hub_takes_the_word_of_the_monitor_that_saw_it_last() -> None:
    recollection = Recollection("hub", policy(), is_merged=True)
    for seq, record in enumerate((*founding(), said("east", 0), said("vc-east", 5, observer="mon2")), 1):
        recollection.take(seq, record, None)
    assert recollection.registry.source_of(WEB) == "vc-east"
    assert recollection.registry.source_of(ServerId("nobody's")) == ""
