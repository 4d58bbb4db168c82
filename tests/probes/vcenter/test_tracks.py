"""What the watch says of a server over several looks, by both witnesses."""

from dataclasses import dataclass, field

from probes.vcenter.history import Hint, Turn
from probes.vcenter.inventory import LegVerdict
from probes.vcenter.tracks import PATIENCE_US, ServerLook, Tracks
from sla.instants import HOUR, SECOND, Instant
from sla.records import Leg, Observation, ServerId, State, Witness

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN
SERVER = ServerId("uuid-1")
START = 1_795_305_600
OLD_BOOT = -9_000.0


@dataclass
class Run:
    """Looks at one server, in seconds since the first."""

    out_of_contact: dict[ServerId, Instant] = field(default_factory=dict)
    offset_s: float = 0.0
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
    ) -> None:
        """One look; `boot` is the boot time on vCenter's clock."""
        now = instant(at)
        mark = None if boot is None else instant(boot)
        look = ServerLook(
            running=LegVerdict(state, "because"),
            san=None if san is None else LegVerdict(san, "because"),
            boot_at=None if boot is None else instant(boot - self.offset_s),
            boot_mark=mark,
            at=now,
            seen_until=None if fresh else self.seen_until,
        )
        self.said += self.tracks.judged(SERVER, look)
        self.pass_by(at)

    def pass_by(self, at: float) -> None:
        """A look in which the server did not change."""
        self.said += self.tracks.dated(instant(at))
        self.seen_until = instant(at)

    def event(self, at: float, turn: Turn) -> None:
        self.tracks.hint(SERVER, Hint(instant(at), turn))

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
    assert run.line() == [(0, UP), (8, DOWN), (17, UP)]
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
    run.pass_by(22)
    assert run.line() == [(0, UP), (12, DOWN), (15, UP)]


def test_a_jump_of_the_boot_time_without_events_is_unknown_from_the_last_look_to_the_boot() -> None:
    run = Run()
    run.look(0, UP)
    run.pass_by(10)
    run.look(20, UP, boot=15)
    run.pass_by(20 + PATIENCE_US / SECOND)
    assert run.line() == [(0, UP), (10, UNKNOWN), (15, UP)]


def test_a_jump_to_a_boot_before_the_last_look_leaves_nothing_unknown() -> None:
    run = Run()
    run.look(0, UP)
    run.pass_by(10)
    run.look(20, UP, boot=9)
    run.pass_by(20 + PATIENCE_US / SECOND)
    assert run.line() == [(0, UP)]


def test_events_of_a_moment_after_the_answer_are_kept_for_the_next_look() -> None:
    run = Run()
    run.look(0, UP)
    run.event(10.2, Turn.OFF)
    run.event(10.4, Turn.ON)
    run.pass_by(10)
    assert run.line() == [(0, UP)]
    run.pass_by(20)
    assert run.line() == [(0, UP), (10.2, DOWN), (10.4, UP)]


def test_a_correction_of_vcenters_clock_is_no_boot() -> None:
    run = Run()
    run.look(0, UP)
    run.offset_s = -600.0
    run.look(10, UP, san=UP)
    run.pass_by(100)
    assert run.line() == [(0, UP)]
    run.look(110, UNKNOWN)
    run.offset_s = OLD_BOOT - 150  # by our clock it would have booted at 150
    run.look(200, UP)
    assert run.recovered == [(110, UP), (200, UNKNOWN)]


def test_out_of_contact_with_the_same_boot_costs_nothing() -> None:
    run = Run()
    run.look(0, UP)
    run.look(10, UNKNOWN)
    run.look(70, UP)
    assert run.line() == [(0, UP), (10, UNKNOWN), (70, UP)]
    assert run.recovered == [(10, UP), (70, UNKNOWN)]


def test_an_ha_restart_is_down_from_the_loss_of_contact_to_the_boot() -> None:
    run = Run()
    run.look(0, UP)
    run.look(10, UNKNOWN)
    run.look(70, UP, boot=50)
    run.pass_by(200)
    assert run.line() == [(0, UP), (10, UNKNOWN), (70, UP)]
    assert run.recovered == [(10, DOWN), (50, UP), (70, UNKNOWN)]


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
    run.look(10, UP, boot=-1_800)
    assert run.recovered == [(-3_600, DOWN), (-1_800, UP), (10, UNKNOWN)]
    assert run.line() == [(10, UP)]


def test_a_gap_is_closed_by_the_recovered_witness() -> None:
    run = Run()
    run.look(0, UP)
    run.event(30, Turn.OFF)
    run.event(40, Turn.ON)
    run.look(100, UP, boot=39, fresh=True)
    run.said += run.tracks.gap_closed(instant(10), instant(100), [(SERVER, instant(39))])
    assert run.recovered == [(30, DOWN), (39, UP), (100, UNKNOWN)]
    run.event(120, Turn.OFF)
    run.look(125, DOWN, boot=None)
    assert run.line() == [(0, UP), (120, DOWN)]


def test_a_gap_in_which_nothing_is_known_to_have_happened_stays_unknown() -> None:
    run = Run()
    run.look(0, UP)
    run.look(100, UP, fresh=True)
    run.said += run.tracks.gap_closed(instant(10), instant(100), [(SERVER, instant(OLD_BOOT))])
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
