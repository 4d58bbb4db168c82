"""The days and outages of a server beside its figures (`spec/statement.md` §3, §4): what they say, and that they add up."""

from typing import Any

import pytest

from sla.accounts import DayState, ServerAccount, account_of, down_since
from sla.calendars import format_day
from sla.instants import HOUR, MINUTE, Instant, format_instant
from sla.records import ClientId, ServerId
from tests.sla.defects import CAUSE
from tests.sla.random_evidence import story_of
from tests.sla.stories import at, client, exclusion, judgement, maintenance, says, seen, server

C, D, S = ClientId("c"), ClientId("d"), ServerId("s")
UP = [says("up", "2026-03-01T05:00:00Z"), seen()]
DOWN = [says("down", "2026-03-10T10:00:00Z", reason="no answer"), says("up", "2026-03-10T14:00:00Z")]


def account(*lines: Any, of: ClientId = C, **keys: Any) -> ServerAccount:
    """The account of server s with a client."""
    asked = judgement([client(), client("d"), *lines], **keys)
    (row,) = asked.server(S, of)
    return account_of(asked, row)


def outages(*lines: Any, **keys: Any) -> list[tuple[str, str | None, int]]:
    """The outages of server s: from, until, and what of them counts in hours."""
    return [
        (
            format_instant(each.start),
            None if each.end is None else format_instant(each.end),
            each.down // HOUR,
        )
        for each in account(*lines, **keys).outages
    ]


def test_an_outage_is_told_whole_with_what_excluded_a_part_of_it() -> None:
    window = exclusion("x", "client_change", "2026-03-10T11:00:00Z", "2026-03-10T12:00:00Z")
    (outage,) = account(server(), *DOWN, *UP, window).outages
    assert (outage.start, outage.end) == (at("2026-03-10T10:00:00Z"), at("2026-03-10T14:00:00Z"))
    assert outage.down == 3 * HOUR
    assert [(each.id, time) for each, time in outage.excluded] == [("x", HOUR)]
    assert [leg.value for leg in outage.legs] == ["internet"]
    assert outage.reasons == ("no answer",)


def test_of_exclusions_that_overlap_the_first_in_order_of_precedence_takes_the_time() -> None:
    """Spec §4.1."""
    windows = [
        exclusion("a", "client_system", "2026-03-10T10:00:00Z", "2026-03-10T12:00:00Z"),
        exclusion("b", "force_majeure", "2026-03-10T11:00:00Z", "2026-03-10T13:00:00Z"),
    ]
    (outage,) = account(server(), *DOWN, *UP, *windows).outages
    assert [(each.id, time // HOUR) for each, time in outage.excluded] == [("b", 2), ("a", 1)]


def test_maintenance_excludes_of_an_outage_only_its_eligible_part() -> None:
    lines = [says("down", "2026-03-12T02:30:00Z"), says("up", "2026-03-12T04:30:00Z")]
    window = maintenance("mw", "2026-03-12T02:00:00Z", "2026-03-12T04:00:00Z")
    (outage,) = account(server(), *UP, *lines, window).outages
    assert [(each.id, time // MINUTE) for each, time in outage.excluded] == [("mw", 60)]
    assert outage.down == HOUR


def test_an_outage_lasts_over_the_ends_of_the_month_and_counts_inside() -> None:
    long = [says("down", "2026-02-20T00:00:00Z"), says("up", "2026-04-05T00:00:00Z"), seen()]
    told = outages(server(since="2026-01-01T00:00:00Z"), *long, as_of="2026-06-01T00:00:00Z")
    assert told == [("2026-02-20T00:00:00Z", "2026-04-05T00:00:00Z", 31 * 24 - 1)]


def test_an_outage_that_goes_on_has_no_end() -> None:
    assert outages(server(), *DOWN, *UP, as_of="2026-03-10T12:00:00Z") == [("2026-03-10T10:00:00Z", None, 2)]


def test_an_outage_of_another_month_is_not_told() -> None:
    before = [says("down", "2026-02-20T00:00:00Z"), says("up", "2026-02-21T00:00:00Z")]
    after = [says("down", "2026-04-20T00:00:00Z"), says("up", "2026-04-21T00:00:00Z"), seen()]
    assert outages(server(since="2026-01-01T00:00:00Z"), *before, *after, as_of="2026-06-01T00:00:00Z") == []


def test_an_outage_whose_legs_change_is_one_with_all_of_them_and_their_reasons() -> None:
    lines = [server(legs=["san", "internet"]), says("up", "2026-03-01T05:00:00Z", leg="san"), *UP, *DOWN]
    lines += [says("down", "2026-03-10T12:00:00Z", leg="san", reason="its files are inaccessible")]
    lines += [says("up", "2026-03-10T15:00:00Z", leg="san")]
    (outage,) = account(*lines).outages
    assert [leg.value for leg in outage.legs] == ["internet", "san"]
    assert outage.reasons == ("no answer", "its files are inaccessible")


def test_why_a_leg_is_down_is_told_by_those_that_saw_it() -> None:
    blind = {"source": "icmp", "observer": "p"}
    lines = [server(), *UP, *DOWN, says("down", "2026-03-10T10:00:00Z", reason="not seen", **blind)]
    (outage,) = account(*lines).outages
    assert outage.reasons == ("no answer",)


def test_an_outage_is_told_to_each_client_who_has_the_server_in_it() -> None:
    lines = [server(), server(since="2026-03-10T12:00:00Z", client="d"), *DOWN, *UP]
    assert outages(*lines) == [("2026-03-10T10:00:00Z", "2026-03-10T12:00:00Z", 2)]
    assert outages(*lines, of=D) == [("2026-03-10T12:00:00Z", "2026-03-10T14:00:00Z", 2)]


def test_an_outage_has_the_cause_on_record() -> None:
    first = {**CAUSE, "from": "2026-03-10T10:00:00Z", "recorded_at": "2026-03-10T10:05:00Z"}
    revised = {**first, "cause": "storage", "recorded_at": "2026-03-10T11:00:00Z"}
    lines = [server(), *UP, *DOWN, first, revised]
    (outage,) = account(*lines).outages
    assert outage.cause is not None
    assert outage.cause.cause.value == "storage"
    (earlier,) = account(*lines, as_of="2026-03-10T10:30:00Z").outages
    assert earlier.cause is not None
    assert earlier.cause.cause.value == "guest"


def days(*lines: Any, **keys: Any) -> dict[str, tuple[str, int, int, int]]:
    """By date: the state, and down, excluded and unobserved minutes."""
    return {
        format_day(each.day): (
            each.state.value,
            each.down // MINUTE,
            each.excluded // MINUTE,
            each.unobserved // MINUTE,
        )
        for each in account(*lines, **keys).days
    }


def test_each_local_day_is_marked_by_the_first_that_holds_of_it() -> None:
    lines = [
        server(since="2026-03-02T05:00:00Z", in_service_until="2026-03-30T04:00:00Z"),
        says("up", "2026-03-02T05:00:00Z"),
        says("down", "2026-03-10T03:30:00Z"),  # 23:30 on the 9th in Toronto
        says("up", "2026-03-10T04:20:00Z"),
        says("unknown", "2026-03-12T12:00:00Z"),
        says("up", "2026-03-12T12:10:00Z"),
        exclusion("x", "client_change", "2026-03-12T13:00:00Z", "2026-03-12T14:00:00Z"),
        exclusion("y", "client_change", "2026-03-14T13:00:00Z", "2026-03-14T14:00:00Z"),
        seen(),
    ]
    told = days(*lines)
    assert next(iter(told)) == "2026-03-01"
    assert len(told) == 31
    assert told["2026-03-01"] == ("not_in_service", 0, 0, 0)
    assert told["2026-03-02"] == ("up", 0, 0, 0)
    assert told["2026-03-09"] == ("down", 30, 0, 0)
    assert told["2026-03-10"] == ("down", 20, 0, 0)
    assert told["2026-03-12"] == ("unobserved", 0, 60, 10)
    assert told["2026-03-14"] == ("excluded", 0, 60, 0)
    assert told["2026-03-30"] == ("not_in_service", 0, 0, 0)


def test_days_that_have_not_begun_have_no_mark() -> None:
    assert list(days(server(), *UP, as_of="2026-03-03T12:00:00Z")) == [
        "2026-03-01",
        "2026-03-02",
        "2026-03-03",
    ]


def test_a_date_that_a_zone_skipped_is_no_day() -> None:
    """Samoa had no 30 December 2011."""
    zone = client(zone="Pacific/Apia", recorded_at="2011-01-01T00:00:00Z")
    line = server(since="2011-11-01T00:00:00Z", recorded_at="2011-01-01T00:00:00Z")
    told = judgement(
        [zone, line, seen("2012-02-01T00:00:00Z")], month="2011-12", as_of="2012-02-01T00:00:00Z"
    )
    (row,) = told.server(S, C)
    dates = [format_day(each.day) for each in account_of(told, row).days]
    assert len(dates) == 30
    assert "2011-12-30" not in dates


def test_what_counts_of_down_time_since_an_instant_is_of_the_month_and_not_excluded() -> None:
    window = exclusion("x", "client_change", "2026-03-10T11:00:00Z", "2026-03-10T12:00:00Z")
    before = [
        says("down", "2026-02-28T20:00:00Z"),
        says("up", "2026-03-01T05:30:00Z"),
    ]  # the month begins at five
    asked = judgement([client(), server(), *before, *DOWN, seen(), window])
    since = map(at, ("2026-02-20T00:00:00Z", "2026-03-10T10:00:00Z", "2026-03-10T11:30:00Z"))
    assert [time // (HOUR // 2) for time in down_since(asked, S, C, list(since))] == [7, 6, 4]


@pytest.mark.parametrize("seed", range(60))
def test_days_and_outages_add_up_to_the_figures(seed: int) -> None:
    story = story_of(seed)
    asked = judgement(story.lines, month=story.month, as_of=story.as_of, terms=story.tables())
    for row in asked.statement().servers:
        found = account_of(asked, row)
        assert sum(each.down for each in found.days) == row.figures.down
        assert sum(each.unobserved for each in found.days) == row.figures.unobserved
        assert sum(each.excluded for each in found.days) == row.figures.excluded
        assert sum(each.down for each in found.outages) == row.figures.down
        for day in found.days:
            assert (day.state is DayState.DOWN) == (day.down > 0)
        starts = [each.start for each in found.outages]
        assert starts == sorted(set(starts))
        rules = asked.rules(row.client)
        assert rules is not None
        began = rules.month[0]
        since = [began, Instant((began + asked.as_of) // 2), asked.as_of]
        whole, half, nothing = down_since(asked, row.id, row.client, since)
        assert (whole, nothing) == (row.figures.down, 0)
        assert 0 <= half <= whole
