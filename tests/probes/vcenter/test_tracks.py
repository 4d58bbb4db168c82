"""What the watch says of a server over several looks, by both witnesses."""

from dataclasses import dataclass, field

import pytest

from probes.vcenter.boots import Boot
from probes.vcenter.clocks import HostInstant
from probes.vcenter.history import Hint, Turn
from probes.vcenter.inventory import LegVerdict
from probes.vcenter.tracks import PATIENCE_US, ServerLook, Tracks
from probes.vcenter.values import Moid
from sla.instants import HOUR, SECOND, Instant
from sla.reasons import PlainReason
from sla.records import Leg, Observation, ServerId, State, Witness

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN
BECAUSE = PlainReason.HOST_NOT_CONNECTED
SERVER = ServerId("uuid-1")
START = 1_795_305_600
OLD_BOOT = -9_000.0


@dataclass
class Run:
    """Looks at one server, in seconds since the first."""

    out_of_contact: dict[ServerId, Instant] = field(default_factory=dict)
    said: list[Observation] = field(default_factory=list)
    seen_until: Instant | None = None

    def __post_init__(self) -> None:
        self.tracks = Tracks(Witness("monitor", "east"), self.out_of_contact)

    def look(
        self,
        at: float,
        state: State,
        boot: float | None = OLD_BOOT,
        san: State | None = None,
        fresh: bool = False,
        host: str = "host-1",
        server: ServerId = SERVER,
    ) -> None:
        """One look; `boot` is the boot time by the clock of `host`."""
        look = ServerLook(
            running=LegVerdict(state, BECAUSE),
            san=None if san is None else LegVerdict(san, BECAUSE),
            boot=None if boot is None else Boot(Moid(host), HostInstant(instant(boot))),
            at=instant(at),
            seen_until=None if fresh else self.seen_until,
        )
        said = list(self.tracks.judged(server, look))
        self.said += said if server == SERVER else []
        self.pass_by(at)

    def clock_known(self, host: str, ahead: float, at: float = -20) -> None:
        """Another server is started on a host: that tells its clock, to ten seconds."""
        other = ServerId("uuid-2")
        self.look(at - 10, DOWN, boot=None, server=other)
        self.look(at - 9, DOWN, boot=None, server=other)
        self.tracks.hint(other, Hint(instant(at - 4), Turn.ON), self.seen_until)
        self.look(at, UP, boot=at - 8 + ahead, host=host, server=other)

    def pass_by(self, at: float) -> None:
        """A look in which the server did not change."""
        self.said += [each for each in self.tracks.dated(instant(at)) if each.server == SERVER]
        self.seen_until = instant(at)

    def event(self, at: float, turn: Turn, dated: bool = True) -> None:
        """An event is read; one without a date `at` its arrival."""
        self.tracks.hint(SERVER, Hint(instant(at), turn, dated), self.seen_until)

    def line(self, source: str = "east", leg: Leg = Leg.RUNNING) -> list[tuple[float, State]]:
        """As the evidence is read: by instants, of two with the same the later line (spec §2.2)."""
        views = {
            each.at: each.state for each in self.said if (each.witness.source, each.leg) == (source, leg)
        }
        line: list[tuple[float, State]] = []
        for at, state in sorted(views.items()):
            if not line or line[-1][1] is not state:
                line.append(((at - instant(0)) / SECOND, state))
        return line

    @property
    def recovered(self) -> list[tuple[float, State]]:
        return self.line("east/recovered")


def instant(seconds: float) -> Instant:
    return Instant(START * SECOND + int(seconds * SECOND))


def test_the_first_look_says_what_it_sees_also_that_it_cannot_say() -> None:
    for state in State:
        run = Run()
        run.look(0, state, san=state)
        assert run.line() == [(0, state)]
        assert run.line(leg=Leg.SAN) == [(0, state)]


def test_looks_at_the_same_state_say_nothing() -> None:
    run = Run()
    for second in range(5):
        run.look(second, UP, san=DOWN)
    assert len(run.said) == 2


def test_an_event_read_with_the_update_dates_it() -> None:
    run = Run()
    run.look(0, UP)
    run.event(8, Turn.OFF)
    run.look(10, DOWN, boot=None)
    run.event(18, Turn.ON)
    run.look(20, UP, boot=17)
    assert run.line() == [(0, UP), (8, DOWN), (18, UP)]
    assert [each.noticed_at for each in run.said] == [instant(0), instant(10), instant(20)]


def test_an_event_that_comes_late_dates_it_after_all() -> None:
    run = Run()
    run.look(0, UP)
    run.look(10, DOWN, boot=None)
    run.event(8, Turn.OFF)
    run.pass_by(12)
    assert run.line() == [(0, UP), (8, DOWN)]
    run.look(20, UP)
    run.event(18, Turn.ON)
    run.pass_by(22)
    assert run.line() == [(0, UP), (8, DOWN), (18, UP)]


def test_a_cycle_that_came_before_an_outage_is_not_part_of_it() -> None:
    run = Run()
    run.look(0, UP)
    run.event(2, Turn.OFF)
    run.event(3, Turn.ON)
    run.look(10, DOWN, boot=None)
    assert run.line() == [(0, UP), (2, DOWN), (3, UP), (10, DOWN)]
    run.event(9, Turn.OFF)
    run.pass_by(11)
    assert run.line() == [(0, UP), (2, DOWN), (3, UP), (9, DOWN)]


def test_a_coalesced_cycle_is_told_by_its_events_alone() -> None:
    run = Run()
    run.look(0, UP)
    run.event(5, Turn.OFF)
    run.event(6, Turn.ON)
    run.pass_by(10)
    assert run.line() == [(0, UP), (5, DOWN), (6, UP)]


def test_a_boot_time_that_arrives_after_the_events_of_its_cycle_adds_nothing() -> None:
    run = Run()
    run.look(0, UP)
    run.event(5, Turn.OFF)
    run.event(8, Turn.ON)
    run.pass_by(10)
    run.look(20, UP, boot=7)
    run.pass_by(20 + 2 * PATIENCE_US / SECOND)
    assert run.line() == [(0, UP), (5, DOWN), (8, UP)]


def test_a_jump_of_the_boot_time_waits_for_its_events() -> None:
    run = Run()
    run.look(0, UP)
    run.pass_by(10)
    run.look(20, UP, boot=15)
    run.pass_by(21)
    assert run.line() == [(0, UP)]
    run.event(12, Turn.OFF)
    run.event(16, Turn.ON)
    run.pass_by(22)
    run.pass_by(60)
    assert run.line() == [(0, UP), (12, DOWN), (16, UP)]


@pytest.mark.parametrize("boot", [15, 9, 3_600, -3_600, -62_000_000_000.0, 250_000_000_000.0])
def test_another_boot_time_without_events_is_unknown_from_look_to_look_whatever_clock_it_is_by(
    boot: float,
) -> None:
    run = Run()
    run.look(0, UP)
    run.pass_by(10)
    run.look(20, UP, boot=boot)
    run.pass_by(20 + PATIENCE_US / SECOND)
    assert run.line() == [(0, UP), (10, UNKNOWN), (20, UP)]


def test_a_server_that_restarts_just_after_it_was_seen_first_was_not_up_throughout() -> None:
    run = Run()
    run.look(0, UP)
    run.look(2, UP, boot=1)
    run.pass_by(40)
    assert run.line() == [(0, UNKNOWN), (2, UP)]


def test_a_move_explains_another_boot_time_of_another_host() -> None:
    for moved in (False, True):
        run = Run()
        run.look(0, UP)
        run.pass_by(10)
        if moved:
            run.event(12, Turn.MOVED)
        run.look(20, UP, boot=OLD_BOOT + 40, host="host-2")
        run.pass_by(60)
        assert run.line() == [(0, UP)] if moved else [(0, UP), (10, UNKNOWN), (20, UP)]


def test_a_move_does_not_explain_another_boot_time_of_the_same_host() -> None:
    run = Run()
    run.look(0, UP)
    run.pass_by(10)
    run.event(12, Turn.MOVED)
    run.look(20, UP, boot=OLD_BOOT + 40)
    run.pass_by(60)
    assert run.line() == [(0, UP), (10, UNKNOWN), (20, UP)]


def test_a_restart_by_ha_that_the_watch_did_not_see_is_unknown_before_its_event() -> None:
    run = Run()
    run.look(0, UP)
    run.pass_by(10)
    run.event(16, Turn.RESTARTED)
    run.pass_by(20)
    run.pass_by(60)
    assert run.line() == [(0, UP), (6, UNKNOWN), (16, UP)]


def test_events_without_a_date_are_unknown_since_the_look_before() -> None:
    run = Run()
    run.look(0, UP)
    run.pass_by(10)
    run.event(20, Turn.OFF, dated=False)
    run.event(20, Turn.ON, dated=False)
    run.pass_by(20)
    run.pass_by(60)
    assert run.line() == [(0, UP), (10, UNKNOWN), (20, UP)]


def test_an_event_of_before_the_look_that_saw_it_up_does_not_date_an_outage() -> None:
    run = Run()
    run.look(0, UP)
    for second in range(10, 1_000, 10):
        run.pass_by(second)
    run.event(100, Turn.OFF)
    run.look(1_000, DOWN, boot=None)
    assert run.line() == [(0, UP), (1_000, DOWN)]


def test_events_of_a_moment_after_the_answer_are_kept_for_the_next_look() -> None:
    run = Run()
    run.look(0, UP)
    run.event(10.2, Turn.OFF)
    run.event(10.4, Turn.ON)
    run.pass_by(10)
    assert run.line() == [(0, UP)]
    run.pass_by(20)
    assert run.line() == [(0, UP), (10.2, DOWN), (10.4, UP)]


def test_out_of_contact_with_the_same_boot_costs_nothing() -> None:
    run = Run()
    run.look(0, UP)
    run.look(10, UNKNOWN)
    run.look(70, UP)
    assert run.line() == [(0, UP), (10, UNKNOWN), (70, UP)]
    assert run.recovered == [(10, UP), (70, UNKNOWN)]


@pytest.mark.parametrize("ahead", [0, -15, 15, 3_600, -3_600, -800_000_000])
@pytest.mark.parametrize("told_at", [52, 69, 71, 75])
def test_an_ha_restart_is_down_from_the_loss_of_contact_to_its_event_whatever_its_hosts_clock_shows(
    ahead: float, told_at: float
) -> None:
    run = Run()
    run.look(0, UP)
    run.look(10, UNKNOWN)
    if told_at <= 70:
        run.event(told_at, Turn.RESTARTED)
    run.look(70, UP, boot=50 + ahead, host="host-2")
    if told_at > 70:
        run.event(told_at, Turn.RESTARTED)
    run.pass_by(80)
    run.pass_by(200)
    assert run.line() == [(0, UP), (10, UNKNOWN), (70, UP)]
    back = [(told_at, UP)] if told_at < 70 else []
    assert run.recovered == [(10, DOWN), *back, (70, UNKNOWN)]


def test_an_ha_restart_without_an_event_is_unknown_throughout_where_its_hosts_clock_is_not_known() -> None:
    for ahead in (0, -15, 3_600):
        run = Run()
        run.look(0, UP)
        run.look(10, UNKNOWN)
        run.look(70, UP, boot=50 + ahead, host="host-2")
        run.pass_by(200)
        assert run.line() == [(0, UP), (10, UNKNOWN), (70, UP)]
        assert run.recovered == []


@pytest.mark.parametrize("ahead", [0, -15, 3_600])
def test_an_ha_restart_without_an_event_ends_by_the_clock_of_its_host_as_closely_as_that_is_known(
    ahead: float,
) -> None:
    run = Run()
    run.clock_known("host-2", ahead)
    run.look(0, UP)
    run.look(10, UNKNOWN)
    run.look(70, UP, boot=50 + ahead, host="host-2")
    (down_at, down), (first, unknown), (last, up), (back_at, back) = run.recovered
    assert (down, unknown, up, back) == (DOWN, UNKNOWN, UP, UNKNOWN)
    assert (down_at, back_at) == (10, 70)
    assert first <= 50 <= last
    assert last - first <= 12


def test_a_restart_that_vcenter_tells_bit_by_bit_after_a_loss_was_in_it() -> None:
    run = Run()
    run.look(0, UP)
    run.look(10, UNKNOWN)
    run.look(70, UP)
    assert run.recovered == [(10, UP), (70, UNKNOWN)]
    run.look(72, UP, boot=50, host="host-2")
    run.pass_by(200)
    assert run.recovered == [(10, UNKNOWN)]


def test_a_server_that_was_suspended_when_contact_was_lost_is_not_said_to_have_run() -> None:
    run = Run()
    run.look(0, UP)
    run.look(5, DOWN)
    run.look(10, UNKNOWN)
    run.look(70, UP)
    assert run.recovered == []


def test_events_of_a_host_that_come_after_contact_correct_what_was_recovered() -> None:
    run = Run()
    run.look(0, UP)
    run.look(10, UNKNOWN)
    run.look(70, UP)
    run.event(30, Turn.OFF)
    run.event(40, Turn.ON)
    run.pass_by(72)
    assert run.recovered == [(10, UP), (30, DOWN), (40, UP), (70, UNKNOWN)]
    assert run.line() == [(0, UP), (10, UNKNOWN), (70, UP)]


def test_off_when_contact_returns_is_dated_by_the_event() -> None:
    run = Run()
    run.look(0, UP)
    run.look(10, UNKNOWN)
    run.event(40, Turn.OFF)
    run.look(70, DOWN, boot=None)
    assert run.recovered == [(40, DOWN), (70, UNKNOWN)]
    assert run.line() == [(0, UP), (10, UNKNOWN), (70, DOWN)]


def test_a_loss_that_began_before_a_restart_of_the_daemon_is_recovered() -> None:
    run = Run(out_of_contact={SERVER: instant(-3_600)})
    run.look(0, UNKNOWN, fresh=True)
    run.event(-1_800, Turn.RESTARTED)
    run.look(10, UP, boot=-1_805, host="host-2")
    assert run.recovered == [(-3_600, DOWN), (-1_800, UP), (10, UNKNOWN)]
    assert run.line() == [(10, UP)]


def test_such_a_loss_is_unknown_where_nothing_but_a_clock_that_is_not_known_tells_of_it() -> None:
    run = Run(out_of_contact={SERVER: instant(-3_600)})
    run.look(0, UNKNOWN, boot=None, fresh=True)
    run.look(10, UP, boot=-1_805, host="host-2")
    assert run.recovered == []


def test_a_gap_is_closed_by_the_recovered_witness() -> None:
    run = Run()
    run.look(0, UP)
    run.event(30, Turn.OFF)
    run.event(40, Turn.ON)
    run.look(100, UP, boot=39, fresh=True)
    boot = Boot(Moid("host-1"), HostInstant(instant(39)))
    run.said += run.tracks.gap_closed(instant(10), instant(100), [(SERVER, boot)])
    assert run.recovered == [(30, DOWN), (40, UP), (100, UNKNOWN)]
    run.event(120, Turn.OFF)
    run.look(125, DOWN, boot=None)
    assert run.line() == [(0, UP), (120, DOWN)]


def test_a_gap_in_which_nothing_is_known_to_have_happened_stays_unknown() -> None:
    run = Run()
    run.look(0, UP)
    run.look(100, UP, fresh=True)
    run.said += run.tracks.gap_closed(instant(10), instant(100), [(SERVER, None)])
    assert run.recovered == []


def test_the_san_leg_speaks_for_itself() -> None:
    run = Run()
    run.look(0, UP, san=UP)
    run.look(10, UP, san=DOWN)
    run.look(15, UP)
    run.look(20, UP, san=UNKNOWN)
    assert run.line(leg=Leg.SAN) == [(0, UP), (10, DOWN), (20, UNKNOWN)]
    assert run.line() == [(0, UP)]


def test_a_server_that_was_forgotten_is_a_new_one() -> None:
    run = Run()
    run.look(0, UP, san=UP)
    run.event(5, Turn.OFF)
    run.tracks.forget(SERVER)
    run.pass_by(10)
    run.said.clear()
    run.look(HOUR / SECOND, UP, san=UP)
    assert run.line() == run.line(leg=Leg.SAN) == [(HOUR / SECOND, UP)]


def test_hints_are_kept_in_bounds() -> None:
    run = Run()
    run.look(0, UP)
    for second in range(1, 400):
        run.event(second / 100, Turn.LOST)
    assert len(run.tracks.of(SERVER).hints) == 64


def test_of_a_time_of_which_not_all_hints_were_kept_nothing_is_concluded() -> None:
    run = Run()
    run.look(0, UP)
    run.look(10, UNKNOWN)
    for second in range(11, 111):
        run.event(second, Turn.OFF if second % 2 else Turn.ON)
    run.look(120, UP)
    assert run.recovered == []
    assert run.tracks.of(SERVER).hints_from == instant(46)


def test_another_boot_time_that_is_told_while_contact_is_lost_counts_when_it_is_back() -> None:
    run = Run()
    run.look(0, UP)
    run.look(10, UNKNOWN)
    run.look(20, UNKNOWN, boot=15, host="host-2")
    run.look(70, UP, boot=15, host="host-2")
    assert run.recovered == []


def test_a_doubt_is_settled_before_a_time_that_nobody_watched() -> None:
    run = Run()
    run.look(0, UP)
    run.pass_by(10)
    run.look(20, UP, boot=15)
    run.look(25, UP, boot=15, fresh=True)
    assert run.line() == [(0, UP), (10, UNKNOWN), (20, UP)]
