"""The document of one client's month (`spec/statement.md`): its parts in order, its totals, and what has no document."""

import json
from dataclasses import replace
from typing import Any

import pytest

from sla.client_document import (
    Imprint,
    LedgerHead,
    MonthVerdict,
    NoDocumentError,
    client_document,
    verdict_of,
    with_provider,
)
from sla.document import document
from sla.owners import own_name
from sla.records import ClientId
from tests.sla.defects import request, step
from tests.sla.random_evidence import story_of
from tests.sla.stories import blind, client, exclusion, judgement, maintenance, says, seen, server

C = ClientId("c")
IMPRINT = Imprint(
    provider="Nordhost",
    address=("1 Main Street",),
    ledgers=(LedgerHead(ledger="", seq=9, head=bytes(32)),),
    time_zones="2026a",
)
CAUSE = {
    "kind": "cause",
    "server": "s",
    "from": "2026-03-10T10:00:00Z",
    "cause": "provider_change",
    "confidence": "proved",
    "user": "VSPHERE\\eve",
    "because": ["7"],
    "text": "eve turned it off",
    "recorded_at": "2026-03-10T10:05:00Z",
}
UP = [says("up", "2026-03-01T05:00:00Z"), seen()]


def told(*lines: Any, of: ClientId = C, imprint: Imprint = IMPRINT, **keys: Any) -> Any:
    """The document of client c, parsed."""
    return json.loads(client_document(judgement([client(), client("d"), *lines], **keys), of, imprint))


def up(name: str) -> list[Any]:
    return [server(name), says("up", "2026-03-01T05:00:00Z", server=name)]


def down(name: str, minutes: int) -> list[Any]:
    """A server that was down so long on the 10th of March."""
    ends = f"2026-03-10T{10 + minutes // 60:02}:{minutes % 60:02}:00Z"
    return [
        *up(name),
        says("down", "2026-03-10T10:00:00Z", server=name),
        says("up", ends, server=name),
    ]


def test_its_parts_and_the_keys_of_its_head_are_in_order() -> None:
    said = told(server(), *UP)
    assert list(said) == [
        *("statement", "summary", "servers", "outages", "exclusions", "interruptions", "solutions"),
        *("service_requests", "deadlines"),
    ]
    head = said["statement"]
    assert list(head.items())[:12] == [
        ("client", "c"),
        ("name", "Client c"),
        ("timezone", "America/Toronto"),
        ("month", "2026-03"),
        ("from", "2026-03-01T05:00:00Z"),
        ("until", "2026-04-01T04:00:00Z"),
        ("as_of", "2026-04-02T00:00:00Z"),
        ("version", None),
        ("corrects", None),
        ("provisional", False),
        ("provider", {"name": "Nordhost", "address": ["1 Main Street"]}),
        ("ledgers", [{"ledger": "", "seq": 9, "head": "00" * 32}]),
    ]
    assert head["time_zones"] == "2026a"
    assert head["terms"]["availability"]["target"] == "0.999"
    assert head["terms"]["support"] == {"time_zone": "America/Toronto"}


@pytest.mark.parametrize("seed", range(6))
def test_another_providers_has_the_bytes_that_are_made_for_that_one(seed: int) -> None:
    story = story_of(seed)
    asked = judgement(story.lines, month=story.month, as_of=story.as_of, terms=story.tables())
    other = replace(IMPRINT, provider="Süd\u202e \U000e0001", address=("1", '"2"'))
    for who in asked.book.clients:
        try:
            own = client_document(asked, who, IMPRINT)
        except NoDocumentError:
            continue
        assert with_provider(own, other.provider, other.address) == client_document(asked, who, other)


def test_it_is_one_line_of_json_in_which_every_character_shows() -> None:
    asked = judgement([client(), server(name="x\u202e\n"), *UP])
    text = client_document(asked, C, IMPRINT)
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    assert "\\u202e" in text
    assert client_document(judgement([client(), server(name="x\u202e\n"), *UP]), C, IMPRINT) == text


def test_version_and_what_it_corrects_are_those_of_the_imprint() -> None:
    issued = Imprint(time_zones="2026a", version=3)
    head = told(server(), *UP, imprint=issued)["statement"]
    assert (head["version"], head["corrects"], head["ledgers"]) == (3, 2, [])


@pytest.mark.parametrize(
    ("as_of", "provisional"), [("2026-03-31T23:59:59Z", True), ("2026-04-01T04:00:00Z", False)]
)
def test_a_month_that_is_not_over_where_the_client_is_is_provisional(as_of: str, provisional: bool) -> None:
    assert told(server(), *UP, as_of=as_of)["statement"]["provisional"] is provisional


def test_a_month_without_a_server_in_service_has_no_other_part() -> None:
    said = told(server(), *UP, of=ClientId("d"))
    assert list(said) == ["statement", "summary"]
    assert said["summary"] == {"servers": 0}


@pytest.mark.parametrize(
    ("of", "as_of", "why"),
    [
        ("nobody", "2026-04-02T00:00:00Z", "no client 'nobody' on record"),
        ("c", "2025-12-31T00:00:00Z", "no client 'c' on record"),
        ("c", "2026-03-01T05:00:00Z", "2026-03 has not begun for client 'c'"),
    ],
)
def test_of_nobody_and_of_a_month_to_come_there_is_no_document(of: str, as_of: str, why: str) -> None:
    with pytest.raises(NoDocumentError, match=why):
        told(server(), *UP, of=ClientId(of), as_of=as_of)


def test_servers_are_listed_by_how_they_did() -> None:
    lines = [*down("b", 90), *down("a", 90), *up("z"), *up("y"), *down("worse", 120)]
    # Two hours unseen: it could have been down in them.
    lines += [*up("unseen"), says("unknown", "2026-03-12T10:00:00Z", server="unseen")]
    lines += [says("up", "2026-03-12T12:00:00Z", server="unseen")]
    lines += [server("never", legs=["san"]), seen()]
    said = told(*lines, terms={"availability": {"unobserved": "exclude"}})
    assert [row["id"] for row in said["servers"]] == ["worse", "a", "b", "unseen", "y", "z", "never"]
    summary = said["summary"]
    assert [summary[verdict.value] for verdict in MonthVerdict] == [3, 1, 2, 1]
    assert summary["servers"] == 7
    assert summary["worst"] == {
        "server": "worse",
        "name": "Server worse",
        "availability": said["servers"][0]["availability"],
    }


@pytest.mark.parametrize(
    ("met", "conclusive", "verdict"),
    [
        (None, None, MonthVerdict.NOTHING),
        (None, False, MonthVerdict.NOTHING),
        (True, True, MonthVerdict.MET),
        (False, True, MonthVerdict.MISSED),
        (True, False, MonthVerdict.EITHER),
        (False, False, MonthVerdict.EITHER),
    ],
)
def test_a_verdict_is_one_of_four(met: bool | None, conclusive: bool | None, verdict: MonthVerdict) -> None:
    assert verdict_of(met, conclusive) is verdict


def test_an_exclusion_is_told_with_whom_it_covers_and_what_of_it_was_refused() -> None:
    lines = [*up("s"), *up("t"), server("u", client="d"), seen()]
    lines += [
        maintenance("mw", "2026-03-12T02:30:00Z", "2026-03-12T04:00:00Z", servers=["s", "t"], reference="T-1")
    ]
    (row,) = told(*lines)["exclusions"]
    assert row == {
        "exclusion": "mw",
        "category": "scheduled_maintenance",
        "reference": "T-1",
        "announced_at": "2026-01-01T00:00:00Z",
        "from": "2026-03-12T02:30:00Z",
        "until": "2026-03-12T04:00:00Z",
        "servers": ["s", "t"],
        "excluded": 2 * 3600,
        "refused": [{"reason": "outside_band", "seconds": 2 * 1800}],
    }


def test_of_an_exclusion_of_several_clients_only_the_clients_own_is_told() -> None:
    window = exclusion("x", "client_change", "2026-03-12T02:00:00Z", None, servers=["s", "u"])
    said = told(*up("s"), server("u", client="d"), window, seen())
    (row,) = said["exclusions"]
    assert (row["servers"], row["until"]) == (["s"], None)
    assert '"u"' not in json.dumps(said)


def test_a_server_that_moved_on_has_the_name_that_it_had_with_the_client() -> None:
    """What another calls it later is another's; so it is in the rows of the document, in its outages and its summary."""
    lines = [
        *down("s", 30),
        server("s", name="web", recorded_at="2026-03-15T00:00:00Z", in_service_until="2026-03-20T00:00:00Z"),
        server(
            "s", client="d", name="secret", since="2026-03-20T00:00:00Z", recorded_at="2026-03-20T00:00:00Z"
        ),
        seen(),
    ]
    said = told(*lines)
    assert [row["name"] for row in said["servers"]] == ["web"]
    assert [row["name"] for row in said["outages"]] == ["web"]
    assert said["summary"]["worst"]["name"] == "web"
    assert told(*lines, of=ClientId("d"))["servers"][0]["name"] == "secret"


def test_interruptions_are_those_of_the_month_and_the_process_is_as_of_now() -> None:
    april = [says("down", "2026-04-05T10:00:00Z"), says("up", "2026-04-05T13:00:00Z")]
    said = told(*down("s", 150), *april, seen(), as_of="2026-04-20T00:00:00Z")
    assert [(each["solution"], each["start"]) for each in said["interruptions"]] == [
        ("s", "2026-03-10T10:00:00Z")
    ]
    assert [each["start"] for each in said["solutions"][0]["interruptions"]] == [
        "2026-03-10T10:00:00Z",
        "2026-04-05T10:00:00Z",
    ]
    assert (said["summary"]["interruptions"], said["summary"]["qualified"]) == (1, 1)


def test_an_outage_tells_its_cause_without_its_user_and_text() -> None:
    said = told(*down("s", 60), CAUSE, seen())
    (outage,) = said["outages"]
    assert outage["cause"] == {"cause": "provider_change", "confidence": "proved"}
    assert "eve" not in json.dumps(said)


def test_what_brought_an_outage_about_that_began_with_another_client_is_that_ones() -> None:
    """The server comes to client c in the middle of it; that it was down is then c's to know."""
    moved = "2026-03-10T10:30:00Z"
    lines = [
        server("s", client="d", recorded_at="2026-03-01T05:00:00Z", in_service_until=moved),
        server("s", since=moved, recorded_at=moved),
        *down("s", 60)[1:],
        {**CAUSE, "user": None},
        seen(),
    ]
    (before,), (after,) = (told(*lines, of=ClientId(who))["outages"] for who in ("d", "c"))
    assert (before["end"], before["cause"]["cause"]) == (moved, "provider_change")
    assert (after["start"], after["cause"]) == (moved, None)


def test_requests_and_deadlines_are_those_that_were_open_in_the_month() -> None:
    def opened(name: str, at: str, closed_at: str | None) -> list[Any]:
        lines = [{**request(id=name, solution="s"), "opened_at": at, "recorded_at": at}]
        if closed_at:
            lines.append(
                {"kind": "service_request_closed", "id": name, "at": closed_at, "recorded_at": closed_at}
            )
        return lines

    def asked(solution: str, at: str, done_at: str | None) -> list[Any]:
        lines = [step(solution=solution, event="data_requested", at=at, recorded_at=at)]
        if done_at:
            lines.append(step(solution=solution, event="data_returned", at=done_at, recorded_at=done_at))
        return lines

    spans = {
        "before": ("2026-02-10T15:00:00Z", "2026-02-11T15:00:00Z"),
        "into": ("2026-02-10T15:00:00Z", "2026-03-02T15:00:00Z"),
        "inside": ("2026-03-10T15:00:00Z", "2026-03-11T15:00:00Z"),
        "never": ("2026-01-10T15:00:00Z", None),
        "after": ("2026-04-02T15:00:00Z", None),
    }
    lines = [line for name, span in spans.items() for line in (*opened(name, *span), *asked(name, *span))]
    said = told(server(), *UP, *lines, as_of="2026-04-20T00:00:00Z")
    assert [each["id"] for each in said["service_requests"]] == ["inside", "into", "never"]
    assert [each["solution"] for each in said["deadlines"]] == ["inside", "into", "never"]
    assert [each["done_at"] for each in said["deadlines"]] == [
        "2026-03-11T15:00:00Z",
        "2026-03-02T15:00:00Z",
        None,
    ]
    assert sum(said["summary"]["service_requests"].values()) == 3


@pytest.mark.parametrize("seed", range(60))
def test_its_totals_are_the_figures_of_evaluate(seed: int) -> None:
    """Any evidence: rows as they stand, totals that add up, and every server of the client once."""
    story = story_of(seed)
    asked = judgement(story.lines, month=story.month, as_of=story.as_of, terms=story.tables())
    whole = json.loads(document(asked.statement()))
    for who in asked.book.clients:
        try:
            said = json.loads(client_document(asked, who, IMPRINT))
        except NoDocumentError:
            continue
        rows = {
            row["id"]: {**row, "name": own_name(asked.book, row["id"], who, asked.as_of)}
            for row in whole["servers"]
            if row["client"] == who
        }
        summary = said["summary"]
        assert summary["servers"] == len(rows)
        if not rows:
            continue
        days = {row["id"]: row.pop("days") for row in said["servers"]}
        assert {row["id"]: row for row in said["servers"]} == rows
        assert all(sum(day["down"] for day in days[name]) == row["down"] for name, row in rows.items())
        for key in ("service", "down", "excluded", "unobserved"):
            assert summary[key] == sum(row[key] for row in rows.values())
        assert sum(each["down"] for each in said["outages"]) == summary["down"]
        assert said["solutions"] == [each for each in whole["solutions"] if each["client"] == who]
        named = {each["server"] for each in said["outages"]}
        named |= {name for each in said["exclusions"] for name in each["servers"]}
        assert named <= rows.keys()
        for server_, row in rows.items():
            refused = sum(each["seconds"] for each in row["ineligible"])
            assert refused <= sum(
                each["seconds"]
                for window in said["exclusions"]
                if server_ in window["servers"]
                for each in window["refused"]
            )


def test_unobserved_time_of_a_blind_witness_is_in_the_summary() -> None:
    said = told(server(), *UP, blind("2026-03-12T00:00:00Z", "2026-03-12T01:00:00Z"))
    assert said["summary"]["unobserved"] == 3600
