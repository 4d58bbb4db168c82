"""The windows of a span, past and to come, and what each comes to by what is on record now."""

from sla.instants import DAY, Instant, format_instant
from tests.daemon.records.office import MAINTENANCE, NOW, WINDOW, Caller, Office
from tests.sla.stories import at, maintenance

PATH = "/v1/maintenance/calendar"


async def test_windows_are_shown_past_and_to_come_and_judged(office: Office, caller: Caller) -> None:
    office.learn([maintenance("old", "2026-03-04T04:00:00Z", "2026-03-04T06:00:00Z", clients=["c"])])
    await caller.post("/v1/maintenance", {**MAINTENANCE, "id": "mw"})
    await caller.post("/v1/maintenance", {**MAINTENANCE, "id": "gone"})
    await caller.post("/v1/maintenance/gone/withdraw", {"why": "not needed"})
    said = await caller.get(PATH)
    shown = [
        (each["window"]["id"], each["window"]["state"], each["summary"]) for each in said.json["windows"]
    ]
    assert shown == [
        ("old", "past", {"servers": 3, "fully_eligible": 0, "partly": 3, "not_at_all": 0}),
        ("gone", "withdrawn", None),
        ("mw", "announced", {"servers": 3, "fully_eligible": 3, "partly": 0, "not_at_all": 0}),
    ]
    (row,) = said.json["windows"][0]["servers"]
    assert (row["client"], row["servers"], row["eligible_seconds"]) == ("c", 3, 3600)
    assert (said.json["from"], said.json["until"]) == (
        format_instant(Instant(at(NOW) - 92 * DAY)),
        format_instant(Instant(at(NOW) + 366 * DAY)),
    )


async def test_it_says_the_same_as_the_announcement_did(office: Office, caller: Caller) -> None:
    scope = {"clients": ["d"], "servers": ["w1", "lone"]}
    announced = (await caller.post("/v1/maintenance", {**WINDOW, **scope})).json
    (window,) = (await caller.get(PATH)).json["windows"]
    assert window["summary"] == announced["summary"]
    assert sum(row["servers"] for row in window["servers"]) == len(announced["servers"])
    for row in announced["servers"]:
        (alike,) = [each for each in window["servers"] if each["client"] == row["client"]]
        assert all(alike[key] == row[key] for key in ("seconds", "eligible_seconds", "ineligible", "weeks"))


async def test_a_client_is_shown_what_is_its_own(office: Office, caller: Caller) -> None:
    await caller.post("/v1/maintenance", {**WINDOW, "clients": ["c", "d"], "id": "both"})
    await caller.post("/v1/maintenance", {**WINDOW, "clients": ["d"], "id": "other"})
    await caller.post("/v1/maintenance", {**WINDOW, "id": "all"})
    windows = (await caller.get(f"{PATH}?client=c")).json["windows"]
    assert {tuple(each["window"]["clients"]) for each in windows} == {("c",), ()}
    assert {row["client"] for each in windows for row in each["servers"]} == {"c"}
    assert [each["summary"]["servers"] for each in windows] == [3, 3]


async def test_only_what_has_some_of_the_span_is_shown(caller: Caller) -> None:
    await caller.post("/v1/maintenance", {**MAINTENANCE, "id": "mw"})
    for span, count in (
        (f"from={WINDOW['until']}", 0),
        (f"until={WINDOW['from']}", 0),
        (f"from={WINDOW['from']}&until=2026-03-17T03:00:01Z", 1),
    ):
        assert len((await caller.get(f"{PATH}?{span}")).json["windows"]) == count


async def test_windows_that_only_other_evidence_can_hold_are_not_judged(
    office: Office, caller: Caller
) -> None:
    office.learn(
        [
            {**maintenance("open", "2026-03-04T04:00:00Z", ""), "until": None},
            maintenance("years", "2026-03-04T05:00:00Z", "2900-03-04T05:00:00Z"),
        ]
    )
    windows = (await caller.get(PATH)).json["windows"]
    assert [(each["window"]["id"], each["summary"]) for each in windows] == [("open", None), ("years", None)]


async def test_what_cannot_be_shown_is_refused(caller: Caller) -> None:
    for query, status, field in (
        ("client=nobody", 404, "client"),
        ("from=2026-03-10", 400, "from"),
        ("from=2026-03-11T00:00:00Z&until=2026-03-11T00:00:00Z", 422, "until"),
    ):
        said = await caller.get(f"{PATH}?{query}")
        assert (said.status, said.json["errors"][0]["field"]) == (status, field)
