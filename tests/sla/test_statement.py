"""What a judgement answers for one server, solution or client, and what the statement's text asks of it."""

from sla.calendars import parse_month
from sla.document import document, rows_of, united
from sla.exclusions import IneligibleReason
from sla.instants import HOUR
from sla.records import ClientId, ServerId, SolutionId
from sla.spans import length
from sla.statement import Judgement, SharedWork
from tests.sla.defects import notice, request, step
from tests.sla.stories import (
    HOLIDAYS,
    at,
    book_of,
    client,
    exclusion,
    judgement,
    maintenance,
    says,
    seen,
    server,
    statement,
)

C, D, S = ClientId("c"), ClientId("d"), ServerId("s")
UP = [says("up", "2026-03-01T05:00:00Z"), seen()]
DOWN = [says("down", "2026-03-10T10:00:00Z"), says("up", "2026-03-10T14:00:00Z")]


def test_an_exclusion_that_names_the_server_is_seen_in_its_windows() -> None:
    named = exclusion("x", "client_change", "2026-03-10T11:00:00Z", "2026-03-10T12:00:00Z", servers=["s"])
    asked = judgement([client(), server(), *UP, named])
    assert [(share.window.id, share.time // HOUR) for share in asked.windows(S, C)] == [("x", 1)]
    late = maintenance("x", "2026-03-12T03:00:00Z", "2026-03-12T04:00:00Z", servers=["s"], announced_at=None)
    (share,) = judgement([client(), server(), *UP, late]).windows(S, C)
    assert [part.reason for part in share.ineligible] == [IneligibleReason.LATE_NOTICE]


def test_each_server_has_its_own_outages() -> None:
    lines = [client(), server(solution="mail"), server("t", solution="mail"), *UP, *DOWN]
    lines += [
        says("up", "2026-03-01T05:00:00Z", server="t"),
        says("down", "2026-03-11T10:00:00Z", server="t"),
    ]
    lines += [says("up", "2026-03-11T11:00:00Z", server="t")]
    said = statement(lines)
    assert [row["down"] // 3600 for row in said["servers"]] == [4, 1]
    assert [each["counted"] // 3600 for each in said["solutions"][0]["interruptions"]] == [4, 1]


def test_windows_are_told_in_order_of_time_with_what_came_of_each() -> None:
    lines = [
        client(),
        server(),
        *UP,
        maintenance("b", "2026-03-19T03:00:00Z", "2026-03-19T05:00:00Z"),
        maintenance("c", "2026-03-12T02:00:00Z", "2026-03-12T04:00:00Z"),
        exclusion("a", "client_change", "2026-03-12T02:00:00Z", "2026-03-12T03:00:00Z"),
        exclusion("z", "client_change", "2026-03-12T02:00:00Z", "2026-03-12T03:00:00Z", clients=["c"]),
        exclusion("april", "client_change", "2026-04-12T02:00:00Z", "2026-04-12T03:00:00Z"),
        exclusion("february", "client_change", "2026-02-12T02:00:00Z", "2026-02-12T03:00:00Z"),
    ]
    shares = judgement(lines, as_of="2026-05-01T00:00:00Z").windows(S, C)
    assert [(each.window.id, each.time // HOUR) for each in shares] == [
        ("a", 1),
        ("c", 2),
        ("z", 1),
        ("b", 2),
    ]
    assert [[(part.reason, length(part.spans) // HOUR) for part in each.ineligible] for each in shares] == [
        [],
        [(IneligibleReason.OUTSIDE_BAND, 1)],
        [],
        [(IneligibleReason.OVER_WEEKLY_CAP, 1)],
    ]


def test_of_a_window_only_service_time_so_far_with_the_client_is_told() -> None:
    lines = [client(), client("d"), server(), server(since="2026-03-10T12:00:00Z", client="d"), *UP]
    lines += [exclusion("x", "client_change", "2026-03-10T10:00:00Z", "2026-03-10T16:00:00Z")]
    shares = [judgement(lines).windows(S, who) for who in (C, D)]
    assert [[each.time // HOUR for each in those] for those in shares] == [[2], [4]]
    early = judgement(lines, as_of="2026-03-10T11:00:00Z")
    assert [each.time // HOUR for each in early.windows(S, C)] == [1]
    assert early.windows(S, D) == []
    elsewhere = exclusion("x", "client_change", "2026-03-10T10:00:00Z", "2026-03-10T16:00:00Z", clients=["d"])
    assert judgement([*lines[:-1], elsewhere]).windows(S, C) == []


def test_a_client_who_is_not_on_record_yet_has_nothing() -> None:
    early = judgement([client(), server(), *UP], as_of="2025-12-31T00:00:00Z")
    assert (early.windows(S, C), early.server(S, C)) == ([], [])
    assert early.solution((SolutionId("s"), C)) is None
    assert list(early.deadlines((SolutionId("s"), C))) == []
    assert list(early.statement().servers) == []


def test_of_one_client_only_its_own_is_told() -> None:
    lines = [client(), client("d"), server(), server("t", client="d"), server("u"), server("u", client="d")]
    lines += [request(solution="s"), request(id="q", client="d", solution="t"), notice()]
    lines += [step(recorded_at="2026-02-03T00:00:00Z"), step(client="d", solution="t")]
    of_all, of_one = statement(lines), judgement(lines).statement([D])
    assert [row["id"] for row in of_all["servers"]] == ["s", "t", "u"]
    assert [row["id"] for row in of_all["service_requests"]] == ["q", "r"]
    assert [row["solution"] for row in of_all["deadlines"]] == ["s", "t"]
    assert [row.id for row in of_one.servers] == ["t", "u"]
    assert [row.id for row in of_one.service_requests] == ["q"]
    assert [row.solution for row in of_one.deadlines] == ["t"]
    of_book = judgement(lines)
    owners = of_book.book.owners()
    shares = [rows_of(of_book.statement(those)) for those in (owners[1:], owners[:1])]
    assert united(of_book.month, of_book.as_of, shares) == document(of_book.statement())
    assert [(row.id, row.client) for row in of_one.solutions] == [("t", "d"), ("u", "d")]


def test_a_server_of_two_clients_has_a_row_for_each_in_order() -> None:
    lines = [client(), client("a"), server(), server(since="2026-03-16T00:00:00Z", client="a"), *UP]
    asked = judgement(lines)
    assert [row.client for row in asked.server(S)] == ["a", "c"]
    assert [row.client for row in asked.server(S, C)] == ["c"]
    assert asked.server(S, ClientId("e")) == []


def test_a_solution_that_is_asked_alone_is_that_of_the_statement() -> None:
    lines = [client(), server(solution="mail"), server("t", solution="mail"), *UP, *DOWN]
    asked = judgement(lines)
    (of_statement,) = asked.statement().solutions
    alone = judgement(lines).solution((SolutionId("mail"), C))
    assert alone == of_statement
    assert len(of_statement.interruptions) == 1
    assert asked.solution((SolutionId("mail"), C)) == of_statement
    assert asked.solution((SolutionId("web"), C)) is None


def test_only_what_holds_in_the_month_is_told_of_a_server() -> None:
    """It moves as the month ends, with another leg; and again later."""
    lines = [client(), server(solution="mail"), *UP]
    lines += [server(since="2026-04-01T04:00:00Z", solution="web", legs=["san"])]
    lines += [server(since="2026-05-10T04:00:00Z", solution="app", legs=["running"])]
    march = statement(lines, as_of="2026-06-01T00:00:00Z")["servers"]
    assert [(row["solution"], list(row["down_by_leg"])) for row in march] == [("mail", ["internet"])]
    april = statement(lines, month="2026-04", as_of="2026-06-01T00:00:00Z")["servers"]
    assert [(row["solution"], list(row["down_by_leg"])) for row in april] == [("web", ["san"])]
    may = statement(lines, month="2026-05", as_of="2026-06-01T00:00:00Z")["servers"]
    assert [(row["solution"], list(row["down_by_leg"])) for row in may] == [("app", ["running", "san"])]
    new = [client(), server(since="2026-04-01T04:00:00Z"), *UP]
    assert statement(new)["servers"] == []


def test_a_server_that_was_corrected_and_moves_is_told_by_the_legs_of_both_parts() -> None:
    first = server(since="2026-01-01T05:00:00Z", solution="mail", legs=["running"])
    corrected = {**first, "legs": ["internet"], "recorded_at": "2026-02-01T00:00:00Z"}
    moved = server(since="2026-03-31T04:00:00Z", solution="web", legs=["san"])
    (row,) = statement([client(), first, corrected, moved, *UP])["servers"]
    assert (row["unobserved"], row["down_by_leg"]) == (86400, {"san": 0, "internet": 0})


def test_an_outage_before_the_month_by_another_leg_is_none_of_its_legs() -> None:
    before = server(since="2026-01-01T05:00:00Z", solution="mail", legs=["san"])
    down = [says("down", "2026-02-10T00:00:00Z", leg="san"), says("up", "2026-02-11T00:00:00Z", leg="san")]
    lines = [client(), before, server(solution="web"), *down, *UP]
    (row,) = statement(lines)["servers"]
    assert (row["down"], row["down_by_leg"]) == (0, {"internet": 0})


def test_terms_that_are_given_take_the_place_of_all_contract_records() -> None:
    record = {
        "kind": "contract",
        "effective_from": "2026-01",
        "terms": {"availability": {"target": "0.5"}},
        "recorded_at": "2026-01-02T00:00:00Z",
    }
    lines = [client(), server(), record, *UP]
    assert statement(lines)["servers"][0]["target"] == 0.5
    assert statement(lines, terms={})["servers"][0]["target"] == 0.999


def test_what_one_judgement_leaves_to_the_next_changes_nothing_that_it_says() -> None:
    """While an exclusion ends, terms change, and a client and its night move to another zone."""
    terms: dict[str, object] = {
        "scheduled_maintenance": {"between": ["22:30", "06:00"], "max_per_week": "2h"}
    }
    night = ("2026-03-12T02:00:00Z", "2026-03-12T05:00:00Z")
    lines = [
        client(),
        client("d"),
        server(),
        server("t", client="d"),
        *UP,
        *DOWN,
        exclusion("x", "client_change", "2026-03-10T11:00:00Z", None, clients=["c"]),
        maintenance("n", *night),
        {
            "kind": "exclusion_ended",
            "id": "x",
            "at": "2026-03-10T12:00:00Z",
            "recorded_at": "2026-03-20T00:00:00Z",
        },
        {
            "kind": "contract",
            "client": None,
            "effective_from": "2026-01",
            "terms": terms,
            "recorded_at": "2026-03-22T00:00:00Z",
        },
        client(zone="Europe/London", recorded_at="2026-03-24T00:00:00Z"),
    ]
    book, kept, told = book_of(lines), SharedWork(), set()
    for day in (10, 15, 21, 23, 25, 15, 25):
        with_kept, alone = (
            Judgement(
                book,
                month=parse_month("2026-03"),
                as_of=at(f"2026-03-{day}T13:00:00Z"),
                national_holidays=HOLIDAYS,
                shared=each,
            )
            for each in (kept, None)
        )
        assert document(with_kept.statement()) == document(alone.statement())
        told.add(document(alone.statement()))
    assert len(told) == 5
