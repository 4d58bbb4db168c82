"""What differs between two documents of a month (`spec/statement.md`, Issued): figures, and not what goes on after it."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from sla.client_document import Imprint, client_document
from sla.corrections import changes
from sla.records import ClientId
from tests.sla.defects import CAUSE, request, step
from tests.sla.stories import Line, client, exclusion, judgement, maintenance, says, seen, server

APRIL_2, MAY = "2026-04-02T00:00:00Z", "2026-05-20T00:00:00Z"
UP = says("up", "2026-03-01T05:00:00Z")
STORY: tuple[Line, ...] = (
    client(tech_admins=["ann"]),
    server(solution="shop"),
    UP,
    says("down", "2026-03-10T10:00:00Z"),
    says("up", "2026-03-10T13:00:00Z"),
    exclusion("x", "client_change", "2026-03-10T11:00:00Z", "2026-03-10T12:00:00Z"),
    seen(),
)


def document(lines: Iterable[Line], as_of: str = APRIL_2) -> Any:
    asked = judgement(list(lines), as_of=as_of, month="2026-03")
    return json.loads(client_document(asked, ClientId("c"), Imprint(time_zones="2026a")))


def differing(
    before: Iterable[Line], after: Iterable[Line], *, later: str = MAY
) -> dict[tuple[str, str], Any]:
    found = changes(document(before), document(after, later))
    assert len({(each.part, each.of, each.figure) for each in found}) == len(found)
    return {(each.part, each.figure): (each.before, each.after) for each in found}


def test_time_that_passes_changes_no_figure() -> None:
    assert differing(STORY, STORY) == {}


@pytest.mark.parametrize(
    "more",
    [
        (says("down", "2026-05-01T00:00:00Z"), says("up", "2026-05-01T05:00:00Z")),
        (exclusion("y", "force_majeure", "2026-05-02T00:00:00Z", None, recorded_at="2026-05-02T00:00:00Z"),),
        (client(name="Another name", tech_admins=["bob"], recorded_at=MAY),),
        ({**server(solution="shop", name="renamed"), "recorded_at": MAY},),
        ({**CAUSE, "from": "2026-03-10T10:00:00Z", "recorded_at": MAY},),
        (server("n", since="2026-05-01T00:00:00Z", recorded_at="2026-05-01T00:00:00Z"),),
    ],
)
def test_what_happens_after_the_month_changes_none_nor_do_names_and_causes(more: tuple[Line, ...]) -> None:
    assert differing(STORY, (*STORY, *more)) == {}


def test_an_outage_that_goes_on_counts_up_to_the_end_of_the_month() -> None:
    down = (*STORY, says("down", "2026-03-30T10:00:00Z"))
    assert differing(down, (*down, says("up", "2026-04-10T10:00:00Z"))) == {}
    over = differing(down, (*down, says("up", "2026-03-30T11:00:00Z")))
    assert over["outages", "end"] == ("2026-04-01T04:00:00Z", "2026-03-30T11:00:00Z")


def test_an_open_request_that_is_answered_and_a_deadline_that_is_met_are_no_corrections() -> None:
    asked = {
        **request(solution="shop"),
        "opened_at": "2026-04-01T03:50:00Z",
        "recorded_at": "2026-04-01T03:50:00Z",
    }
    answered = {"kind": "service_request_responded", "id": asked["id"], "at": APRIL_2, "recorded_at": APRIL_2}
    ended = step(
        solution="shop", event="data_requested", at="2026-03-31T15:00:00Z", recorded_at="2026-03-31T15:00:00Z"
    )
    before = (*STORY, asked, ended)
    early = document(before, "2026-04-01T04:30:00Z")
    assert {row["response"] for row in early["service_requests"]} == {"pending"}
    assert changes(early, document((*before, answered), MAY)) == []


def test_a_request_of_the_month_that_is_recorded_later_is_one() -> None:
    asked = {**request(solution="shop"), "opened_at": "2026-03-20T15:00:00Z", "recorded_at": MAY}
    assert ("service_requests", "response") in differing(STORY, (*STORY, asked))


def test_an_exclusion_of_the_past_is_told_figure_by_figure() -> None:
    late = exclusion("y", "force_majeure", "2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z", recorded_at=MAY)
    found = differing(STORY, (*STORY, late))
    assert found["servers", "down"] == (7200, 3600)
    assert found["servers", "days.2026-03-10.down"] == (7200, 3600)
    assert found["servers", "excluded_by.force_majeure"] == (None, 3600)
    assert found["outages", "excluded_by.y.seconds"] == (None, 3600)
    assert found["exclusions", "from"] == (None, "2026-03-10T12:00:00Z")
    assert not [figure for _, figure in found if figure in ("id", "name", "client")]


def test_refused_time_is_told_by_its_reason() -> None:
    late = maintenance(
        "mw", "2026-03-19T03:00:00Z", "2026-03-19T05:00:00Z", recorded_at=MAY, announced_at=None
    )
    found = differing(STORY, (*STORY, late))
    assert any(figure.startswith("ineligible.mw.") for _, figure in found)
    assert any(figure.startswith("refused.") for _, figure in found)


def test_a_server_that_comes_or_goes_is_told_whole() -> None:
    more = (server("t", recorded_at=MAY), says("up", "2026-03-01T05:00:00Z", server="t"))
    found = differing(STORY, (*STORY, *more))
    assert found["summary", "servers"] == (1, 2)
    assert found["servers", "up"][0] is None


def test_of_a_month_without_service_there_is_one_figure() -> None:
    empty = (client(),)
    assert differing(empty, (*empty, server(recorded_at=MAY), UP, seen()))["summary", "servers"] == (0, 1)


def test_they_are_told_in_the_order_of_the_document() -> None:
    late = exclusion("y", "force_majeure", "2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z", recorded_at=MAY)
    found = changes(document(STORY), document((*STORY, late), MAY))
    figures = list(dict.fromkeys(each.figure.partition(".")[0] for each in found if each.part == "servers"))
    (row,) = document(STORY)["servers"]
    assert figures == [key for key in row if key in figures]
