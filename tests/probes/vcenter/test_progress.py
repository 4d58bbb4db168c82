"""A watch says by when it takes its next step: what hangs shows, what waits for somebody else does not."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from probes.report import Report, Resume, SourceFailure
from probes.simulation import SimulatedVCenter, ThreadedVCenter, build
from probes.vcenter.session import Credentials
from probes.vcenter.settings import Settings
from probes.vcenter.transport import Deadlines, Endpoint
from probes.vcenter.watch import VcenterWatch
from tests import wall

DEADLINES = Deadlines(call_s=3.0, first_poll_margin_s=2.0, poll_margin_s=2.0, logout_s=1.0)
WAIT_S = 15.0


@pytest.fixture(scope="module")
def vcenter() -> Iterator[ThreadedVCenter]:
    inventory = build(now=wall.now(), servers=10)
    with ThreadedVCenter(lambda: SimulatedVCenter(inventory, now_us=wall.now)) as simulated:
        yield simulated


def watch_of(
    vcenter: ThreadedVCenter,
    *,
    password: Callable[[], str] = lambda: "secret",
    emit: Callable[[Report | SourceFailure], None] = lambda _: None,
    port: int | None = None,
) -> VcenterWatch:
    return VcenterWatch(
        Settings(
            source="east",
            observer="mon",
            endpoint=Endpoint(host=vcenter.host, port=port or vcenter.port, tls=None, deadlines=DEADLINES),
            credentials=Credentials(user="slad", password=password),
            poll_s=1,
            retry_s=(60.0, 60.0),
        ),
        Resume(),
        wall.now,
        emit,
    )


def due_s(watch: VcenterWatch) -> float:
    due = watch.progress_due_s
    assert due is not None
    return due


def ended(watch: VcenterWatch) -> None:
    watch.stop()
    assert watch.join(WAIT_S)
    assert watch.progress_due_s is None, "one that was stopped has nothing left to do"


def test_a_watch_in_contact_is_due_within_a_poll_and_goes_on(vcenter: ThreadedVCenter) -> None:
    looked = threading.Semaphore(0)
    watch = watch_of(vcenter, emit=lambda _: looked.release())
    assert watch.progress_due_s is None, "it has not begun"
    watch.start()
    assert looked.acquire(timeout=WAIT_S)  # the first, which another follows at once
    dues = []
    for _ in range(3):
        assert looked.acquire(timeout=WAIT_S)
        time.sleep(0.05)  # it is in its next poll
        dues.append(due_s(watch))
        assert dues[-1] <= time.monotonic() + 1 + DEADLINES.poll_margin_s
    assert dues == sorted(set(dues))
    ended(watch)


def test_a_watch_that_hangs_in_its_own_code_becomes_overdue_and_is_due_later_once_it_goes_on(
    vcenter: ThreadedVCenter,
) -> None:
    hangs, goes_on, looked = threading.Event(), threading.Event(), threading.Event()

    def password() -> str:
        hangs.set()
        assert goes_on.wait(WAIT_S)
        return "secret"

    watch = watch_of(vcenter, password=password, emit=lambda _: looked.set())
    watch.start()
    assert hangs.wait(WAIT_S)
    due = due_s(watch)
    assert due <= time.monotonic() + DEADLINES.call_s
    time.sleep(0.3)
    assert watch.progress_due_s == due, "it makes no progress"
    goes_on.set()
    assert looked.wait(WAIT_S)
    until_s = time.monotonic() + WAIT_S
    while (watch.progress_due_s or due) <= due:
        assert time.monotonic() < until_s
        time.sleep(0.02)
    ended(watch)


def test_who_waits_for_a_full_queue_is_never_overdue(vcenter: ThreadedVCenter) -> None:
    waits, goes_on = threading.Event(), threading.Event()

    def emit(_: Report | SourceFailure) -> None:
        waits.set()
        assert goes_on.wait(WAIT_S)

    watch = watch_of(vcenter, emit=emit)
    watch.start()
    assert waits.wait(WAIT_S)
    assert watch.progress_due_s is None
    goes_on.set()
    ended(watch)


def test_who_pauses_after_a_failure_is_due_at_the_end_of_the_pause(vcenter: ThreadedVCenter) -> None:
    failed: list[SourceFailure] = []
    told = threading.Event()

    def emit(said: Report | SourceFailure) -> None:
        assert isinstance(said, SourceFailure)
        failed.append(said)
        told.set()

    watch = watch_of(vcenter, emit=emit, port=1)
    watch.start()
    assert told.wait(WAIT_S)
    deadline = time.monotonic() + WAIT_S
    while watch.progress_due_s is None and time.monotonic() < deadline:
        time.sleep(0.01)  # it is on its way from the report into the pause
    left_s = due_s(watch) - time.monotonic()
    assert 0.7 * 60 < left_s <= failed[0].retry_in_us / 1e6
    ended(watch)
