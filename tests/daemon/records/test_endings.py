"""An open client_change ends by itself when the servers that it took down are up again."""

from pathlib import Path
from typing import Any

from daemon.records.endings import Endings
from sla.instants import MINUTE, Instant, format_instant
from sla.records import ExclusionEnded
from tests.daemon.harness import Daemon, by_server, running_machines, simulated, write_config
from tests.daemon.records.office import Office, fleet
from tests.daemon.records.test_durability import by_people, calling, started
from tests.sla.stories import Line, at, blind, exclusion, says, seen, server
from tests.waiting import until_told
from tests.wall import now


def change(**scope: Any) -> Line:
    """An open client change from ten o'clock."""
    since = "2026-03-10T10:00:00Z"
    return exclusion("x", "client_change", since, None, recorded_at="2026-03-10T09:00:00Z", **scope)


def hour(text: str) -> str:
    return f"2026-03-10T{text}:00Z"


async def ends(*lines: Line, by: str = "15:00", watched: str = "15:00") -> list[tuple[str, str]]:
    """The ends that are due, by what the monitor saw."""
    office = Office([*fleet(), *lines, seen(hour(watched))])
    found = await Endings(office.book, office.recorded_requests).due(at(hour(by)))
    assert all(each.recorded_by == "slad" and each.recorded_at == at(hour(by)) for each in found)
    return [(each.id, format_instant(each.at)[11:16]) for each in found]


def story(name: str, *said: tuple[str, str]) -> list[Line]:
    return [says(state, hour(when), server=name) for when, state in said]


async def test_it_ends_when_the_server_is_next_up() -> None:
    outage = story("s", ("08:00", "up"), ("11:00", "down"), ("11:30", "up"))
    assert await ends(change(servers=["s"]), *outage) == [("x", "11:30")]


async def test_it_goes_on_before_the_outage_and_while_it_lasts() -> None:
    assert await ends(change(servers=["s"]), *story("s", ("08:00", "up"))) == []
    assert await ends(change(servers=["s"]), *story("s", ("08:00", "up"), ("11:00", "down"))) == []


async def test_an_outage_that_it_found_counts_and_one_before_it_does_not() -> None:
    before = story("s", ("08:00", "up"), ("09:00", "down"), ("09:30", "up"))
    assert await ends(change(servers=["s"]), *before) == []
    found = story("s", ("08:00", "up"), ("09:00", "down"), ("10:30", "up"))
    assert await ends(change(servers=["s"]), *found) == [("x", "10:30")]


async def test_an_outage_that_was_over_when_it_was_recorded_ends_it_at_once() -> None:
    late = {**change(servers=["s"]), "recorded_at": "2026-03-10T14:00:00Z"}
    outage = story("s", ("08:00", "up"), ("10:10", "down"), ("10:20", "up"), ("13:00", "down"))
    assert await ends(late, *outage) == [("x", "10:20")]


async def test_several_servers_have_to_be_up_again_all_of_them() -> None:
    web = story("w1", ("08:00", "up"), ("11:00", "down"), ("11:30", "up"))
    db = story("w2", ("08:00", "up"), ("11:10", "down"))
    assert await ends(change(solutions=["shop"]), *web, *db) == []
    assert await ends(change(solutions=["shop"]), *web, *db, *story("w2", ("12:00", "up"))) == [
        ("x", "12:00")
    ]
    assert await ends(change(servers=["w1"]), *web, *db) == [("x", "11:30")]


async def test_a_server_that_it_does_not_cover_makes_no_difference() -> None:
    other = story("t", ("08:00", "up"), ("11:00", "down"), ("11:30", "up"))
    assert await ends(change(clients=["c"]), *other) == []
    assert await ends(change(clients=["d"]), *other) == [("x", "11:30")]
    assert await ends(change(), *other) == [("x", "11:30")]


async def test_time_that_nobody_observed_ends_nothing() -> None:
    outage = story("s", ("08:00", "up"), ("11:00", "down"), ("11:30", "up"))
    unseen = blind(hour("11:20"), hour("12:00"))
    assert await ends(change(servers=["s"]), *outage, unseen) == [("x", "12:00")]
    assert await ends(change(servers=["s"]), *outage, watched="11:25") == []


async def test_a_server_that_leaves_service_while_it_is_down_ends_it() -> None:
    gone = server("s", in_service_until=hour("12:00"), recorded_at="2026-03-10T12:00:00Z")
    outage = story("s", ("08:00", "up"), ("11:00", "down"))
    assert await ends(change(servers=["s"]), *outage, gone) == [("x", "12:00")]


async def test_other_categories_and_what_is_withdrawn_or_ended_stay_as_they_are() -> None:
    outage = story("s", ("08:00", "up"), ("11:00", "down"), ("11:30", "up"))
    storm = {**change(servers=["s"]), "category": "force_majeure"}
    assert await ends(storm, *outage) == []
    withdrawn = {"kind": "exclusion_withdrawn", "id": "x", "why": "no", "recorded_at": "2026-03-10T14:00:00Z"}
    assert await ends(change(servers=["s"]), *outage, withdrawn) == []
    ended = {
        "kind": "exclusion_ended",
        "id": "x",
        "at": hour("11:00"),
        "recorded_at": "2026-03-10T14:00:00Z",
    }
    assert await ends(change(servers=["s"]), *outage, ended) == []


async def test_the_daemon_ends_it_and_goes_on_doing_so_after_a_restart(tmp_path: Path) -> None:
    with simulated() as vcenter:
        config = write_config(tmp_path, vcenter)
        victim = running_machines(vcenter)[0]
        machines = vcenter.world.machines
        body = {
            "category": "client_change",
            "from": format_instant(Instant(now() - MINUTE)),
            "open": True,
            "servers": [victim],
            "id": "x",
        }
        with started(Daemon(config)) as daemon:
            async with calling(tmp_path) as caller:
                assert (await caller.post("/v1/exclusions", body)).status == 201
            daemon.kill()
        with started(Daemon(config)) as daemon:
            vcenter.do(machines.power_off, victim, user="eve")
            daemon.wait(lambda samples: 0 in by_server(samples, "slad_server_up").values(), "the outage")
            async with calling(tmp_path) as caller:
                assert (await caller.get("/v1/exclusions")).json["exclusions"][0]["ended"] is None
                vcenter.do(machines.power_on, victim, user="eve")

                async def has_ended() -> bool:
                    return not (await caller.get("/v1/exclusions")).json["exclusions"]

                await until_told(has_ended, "the end of the exclusion")
                (shown,) = (await caller.get("/v1/exclusions?past=true")).json["exclusions"]
            assert daemon.terminate() == 0
    assert (shown["state"], shown["ended"]["recorded_by"]) == ("past", "slad")
    assert not [record for record in await by_people(tmp_path) if isinstance(record, ExclusionEnded)]
