"""What was recorded before each record was one client's: an export omits more of it, tells nothing all the same, and can be read."""

import json

import pytest

from tests.daemon.evidence.several_clients import CLIENTS, Line, Telling
from tests.daemon.evidence.test_discreet import export_of, figures, rows_of, shown

AT = {"recorded_at": "2026-03-01T00:00:00Z"}


def client(id_: str) -> Line:
    return {"kind": "client", "id": id_, "name": f"name of {id_}", "timezone": "UTC", "tech_admins": [], **AT}


def server(id_: str, owner: str, **keys: object) -> Line:
    said = {"id": id_, "name": f"{owner}'s {id_}", "client": owner, "solution": None, "legs": ["running"]}
    return {
        "kind": "server",
        **said,
        "in_service_from": "2026-03-01T00:00:00Z",
        "in_service_until": None,
        **AT,
        **keys,
    }


def observation(id_: str, **keys: object) -> Line:
    said = {"observer": "m", "source": "vc1", "server": id_, "leg": "running", "state": "up"}
    return {"kind": "observation", **said, "at": "2026-03-01T00:00:00Z", **keys}


def exclusion(id_: str, **keys: object) -> Line:
    span = {"from": "2026-03-02T00:00:00Z", "until": "2026-03-02T01:00:00Z"}
    return {"kind": "exclusion", "id": id_, "category": "force_majeure", **span, **AT, **keys}


FLEET = (client("a"), client("b"), server("a1", "a"), server("b1", "b"))


def kinds(lines: list[str]) -> list[tuple[str, str]]:
    return [(line["kind"], line.get("id") or line.get("server", "")) for line in shown(lines)]


@pytest.mark.parametrize(
    "told",
    [
        exclusion("x", clients=["a", "b"]),
        exclusion("x", servers=["a1", "b1"]),
        exclusion("x", clients=["a"], servers=["b1"]),
        exclusion("x", clients=["a"], recorded_by="uid:0 (root)"),
        exclusion("x", clients=["a"], idempotency_key="sesame", request_sha256="ab"),
        observation("a1", reason="datastore san1 is not accessible"),
        {"kind": "blind", "observer": "m", "source": "vc1", "from": "2026-03-02T00:00:00Z", "until": "2026-03-03T00:00:00Z",
         "reason": "vc1.example.net:443 did not answer"},
    ],
    ids=str,
)  # fmt: skip
def test_a_record_that_tells_more_is_left_out(told: Line) -> None:
    before = kinds(export_of(rows_of(FLEET), "a"))
    assert before == [("client", "a"), ("server", "a1")]
    after = {"exclusion": {"kind": "exclusion_withdrawn", "id": "x", "why": "a secret", **AT}}.get(
        told["kind"]
    )
    lines = [*FLEET, told, *([after] if after else [])]
    export = export_of(rows_of(lines), "a")
    assert kinds(export) == before, "nor is what speaks of it shown"
    figures(export, "a")


def test_of_a_move_in_one_record_the_former_client_is_shown_nothing_of_the_server() -> None:
    move = server("a1", "b", in_service_from="2026-03-05T00:00:00Z", name="its new name")
    lines = [*FLEET, observation("a1"), move, observation("a1", at="2026-03-06T00:00:00Z")]
    assert kinds(export_of(rows_of(lines), "a")) == [("client", "a")]
    assert kinds(export_of(rows_of(lines), "b")) == [
        ("client", "b"),
        ("server", "b1"),
        ("observation", "a1"),
        ("server", "a1"),
        ("observation", "a1"),
    ], "the latter is shown what holds when its part begins, and all since"


def test_what_was_recorded_of_a_server_over_its_move_is_shown_to_neither_owner() -> None:
    moved_at = "2026-03-02T00:30:00Z"
    moved = (server("a1", "a", in_service_until=moved_at), server("a1", "b", in_service_from=moved_at))
    told = exclusion("x", servers=["a1"], reference="their DBA")
    for client in ("a", "b"):
        assert "exclusion" not in {
            kind for kind, _ in kinds(export_of(rows_of([*FLEET, *moved, told]), client))
        }


def test_records_that_share_a_salt_are_shown_together_or_not_at_all() -> None:
    lines = [*FLEET, observation("a1"), observation("b1"), observation("a1", at="2026-03-02T00:00:00Z")]
    salts = ["01", "02", "03", "04", "aa", "aa", "07"]
    rows = rows_of(lines, salts)
    export = export_of(rows, "a")
    assert kinds(export) == [("client", "a"), ("server", "a1"), ("observation", "a1")]
    assert "aa" not in {line["salt"] for line in shown(export)}
    alone = export_of(rows_of(lines, ["01", "02", "03", "04", "aa", "bb", "cc"]), "a")
    assert len(shown(alone)) == 4


@pytest.mark.parametrize("client", CLIENTS)
def test_an_old_ledgers_export_can_be_read_whatever_is_left_out(client: str) -> None:
    """One salt a transaction: what a shown record refers to may be in one that is not."""
    for seed in range(30):
        lines = Telling(seed, dict.fromkeys(CLIENTS, 0)).told()
        salts = [f"{place // 3:016x}" for place in range(len(lines))]
        rows = rows_of(lines, salts)
        export = export_of(rows, client)
        figures(export, client)
        numbers = {line["seq"] for line in shown(export)}
        salts_shown = {line["salt"] for line in shown(export)}
        hidden = [json.loads(row.body)["salt"] for row in rows if row.seq not in numbers]
        assert not salts_shown & set(hidden)
