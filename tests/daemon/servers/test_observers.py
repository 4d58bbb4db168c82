"""Records of servers name the monitor that made them: by that several monitors are told apart (spec §3.4)."""

from dataclasses import replace

from sla.instants import FOREVER
from sla.records import Server, ServerId
from sla.service import parts_of
from tests.daemon.monitor import Vm, servers
from tests.daemon.servers.watched import LONG_US, watched


def test_every_record_of_a_server_names_the_monitor_that_made_it() -> None:
    monitor, source = watched(Vm("u1", "acme-1"))
    source.vms["u1"].name = "acme-web-1"
    made = servers(source.look())
    source.vms["u1"].name = "beta-1"
    made += servers(source.look())
    vm = source.vms.pop("u1")
    source.look()
    made += servers(source.look(passed_us=LONG_US))
    source.vms["u1"] = vm
    source.look()
    made += servers(source.look(passed_us=LONG_US))
    assert len(made) >= 4
    assert {record.observer for record in (*made, monitor.record("u1"))} == {"mon"}


def test_what_was_recorded_without_a_name_is_ended_without_one() -> None:
    """Else it would go on beside the end: of that, nobody but who made it says anything (spec §3.4)."""
    monitor, source = watched(Vm("u1", "acme-1"))
    old = [
        replace(record, observer="") if isinstance(record, Server) else record
        for record, _ in monitor.records
    ]
    monitor.records = [(record, settled) for record, (_, settled) in zip(old, monitor.records, strict=True)]
    monitor.restart()
    del source.vms["u1"]
    source.look(fresh=True)
    source.look(passed_us=LONG_US)
    assert monitor.record("u1").observer == ""
    assert parts_of(monitor.book.evidence.servers[ServerId("u1")].records)[-1].end < FOREVER
