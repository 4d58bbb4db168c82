"""What is in doubt about servers is counted and told once."""

from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from daemon.metrics.process import ProcessMetrics
from daemon.watching.doubts import Doubts
from probes.facts import NOT_KNOWN
from sla.instants import MINUTE
from sla.records import ServerId
from tests.daemon.monitor import GRACE_US, Monitor, Source, Vm


class Desk:
    """A monitor with somebody who says what is in doubt."""

    def __init__(self) -> None:
        self.monitor, self.registry = Monitor(), CollectorRegistry()
        self.doubts = Doubts(self.monitor.registry, ProcessMetrics(self.registry))

    def told(self) -> list[str]:
        with capture_logs() as logs:
            self.doubts.follow(["vc1", "vc2"])
        return [log["event"] for log in logs]

    def metric(self, name: str, source: str = "vc1") -> float | None:
        return self.registry.get_sample_value(name, {"source": source})


def test_owners_that_are_not_known_are_counted_and_told_once() -> None:
    desk = Desk()
    source, vm = Source(desk.monitor), Vm("u1", "acme-1")
    source.add(vm)
    source.look()
    assert desk.told() == []
    assert desk.metric("slad_source_undecided_servers") == 0
    vm.name = NOT_KNOWN
    source.look()
    assert desk.told() == ["owners_not_known"]
    assert desk.told() == []
    assert desk.metric("slad_source_undecided_servers") == 1
    vm.name = "acme-1"
    source.look()
    assert desk.told() == ["owners_known"]
    assert desk.metric("slad_source_undecided_servers") == 0


def test_a_uuid_that_two_vcenters_show_is_told_at_once_and_by_both_servers() -> None:
    desk = Desk()
    first, second = Source(desk.monitor, "vc1"), Source(desk.monitor, "vc2")
    first.add(Vm("u1", "acme-1"))
    first.look()
    second.add(Vm("u1", "acme-1"))
    second.look()
    assert desk.told() == ["instance_uuid_shared"]
    assert desk.metric("slad_source_duplicate_uuids", "vc2") == 1
    assert desk.monitor.registry.same_uuid(ServerId("u1")) == ["u1@vc2"]
    second.look(passed_us=GRACE_US)
    second.look(passed_us=MINUTE)
    assert desk.told() == []
    assert desk.monitor.registry.same_uuid(ServerId("u1@vc2")) == ["u1"]


def test_twins_of_one_vcenter_are_told_and_are_twins_after_a_restart() -> None:
    desk = Desk()
    source = Source(desk.monitor)
    source.add(Vm("u1", "acme-1"), Vm("u1@vm-9", "acme-2"))
    source.look()
    assert desk.told() == ["instance_uuid_shared"]
    assert desk.monitor.registry.same_uuid(ServerId("u1")) == ["u1@vm-9"]
    desk.monitor.restart()
    assert desk.monitor.transitions.resume("vc1").objects == {("", "vm-9"): "u1@vm-9"}
