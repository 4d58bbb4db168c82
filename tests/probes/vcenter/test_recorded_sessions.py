"""What real vCenters said, read by the watch."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from probes.vcenter import san, soap
from probes.vcenter.inventory import Inventory
from probes.vcenter.needed_files import DEVICES
from probes.vcenter.session import Credentials, Session
from probes.vcenter.transport import Endpoint, Wire, tls_context
from probes.vcenter.values import Moid
from probes.vcenter.volumes import Volumes
from sla.records import State
from tests.peers import recorded
from tests.peers.recorded import Answer, Call, RecordedVCenter, load
from tests.probes.vcenter.harness import QUICK, watching

TYPES = {"vm": "VirtualMachine", "host": "HostSystem", "datastore": "Datastore"}
VERSIONS = (
    b'<?xml version="1.0"?><namespaces version="1.0"><namespace><name>urn:vim25</name><version>5.5</version>'
    b"<priorVersions><version>5.1</version></priorVersions></namespace></namespaces>"
)


def update_sets() -> list[dict[str, Any]]:
    """The recorded answers to WaitForUpdatesEx."""
    answers = [answer for call, answer in load(recorded.UPDATES_5_5) if call.method == "WaitForUpdatesEx"]
    return [
        soap.parse(answer.body)["Envelope"]["Body"]["WaitForUpdatesExResponse"]["returnval"]
        for answer in answers
    ]


def objects() -> list[dict[str, Any]]:
    return [
        each
        for found in update_sets()
        for part in soap.as_list(found["filterSet"])
        for each in soap.as_list(part["objectSet"])
    ]


def kind_of(moid: str) -> str:
    prefix = moid.partition("-")[0]
    return TYPES.get(prefix, "Folder")


ASKED_AS = {"summary.runtime": "runtime", "summary.config.template": "config.template"}
"""The recorded client asked for copies of properties that slad asks for themselves."""


def as_slad_asks(change: dict[str, Any]) -> dict[str, Any]:
    name = change["name"]
    for recorded_as, asked_as in ASKED_AS.items():
        name = name.replace(recorded_as, asked_as)
    return change | {"name": name}


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    filled = Inventory(Moid("group-d1"))
    for each in objects():
        update = each | {"changeSet": [as_slad_asks(found) for found in soap.as_list(each["changeSet"])]}
        filled.apply(kind_of(each["obj"]), [update])
    return filled


def test_the_first_set_is_truncated_and_the_second_is_not() -> None:
    first, last = update_sets()
    assert (soap.flag(first.get("truncated")), soap.flag(last.get("truncated"))) == (True, None)
    assert len(objects()) == 122


def test_every_recorded_object_is_held(inventory: Inventory) -> None:
    kinds = Counter(kind_of(each["obj"]) for each in objects())
    assert len(inventory.vms) == kinds["VirtualMachine"] > 0
    assert len(inventory.hosts) == kinds["HostSystem"] > 0
    assert len(inventory.datastores) == kinds["Datastore"] > 0
    assert not inventory.unread


def test_recorded_servers_have_power_place_boot_time_and_both_verdicts(inventory: Inventory) -> None:
    powers = Counter(vm.power for vm in inventory.vms.values())
    assert powers["poweredOn"] > 0
    assert powers.keys() <= {"poweredOn", "poweredOff", "suspended"}
    for vm in inventory.vms.values():
        assert vm.name
        assert vm.host in inventory.hosts
        assert isinstance(inventory.places.folder_of(vm), str)
        assert (vm.boot_at is not None) is (vm.power == "poweredOn")
        assert inventory.running(vm).state is (State.UP if vm.power == "poweredOn" else State.DOWN)
        assert san.verdict(inventory, vm, frozenset()).state is State.UP


def test_recorded_disks_lie_on_datastores_of_their_servers(inventory: Inventory) -> None:
    found = 0
    for each in objects():
        for change in soap.as_list(each["changeSet"]):
            if change["name"] == "config.hardware.device":
                vm = inventory.vms[Moid(each["obj"])]
                places = Volumes(inventory).places(vm, {DEVICES: change["val"]})
                assert places
                assert {place.datastore for place in places} <= set(vm.datastores)
                found += 1
    assert found == len(inventory.vms)


def test_recorded_mounts_are_held_by_host(inventory: Inventory) -> None:
    mounts = [mount for store in inventory.datastores.values() for mount in store.mounts.values()]
    assert mounts
    assert all(mount.accessible is not None for mount in mounts)
    hosts = {host for store in inventory.datastores.values() for host in store.mounts}
    assert hosts <= inventory.hosts.keys()


def improvised(call: Call, _body: bytes) -> Answer | None:
    """What the recorded client never asked."""
    if call.path.endswith("vimServiceVersions.xml"):
        return Answer(body=VERSIONS)
    return None


def test_the_recorded_bytes_reach_the_watchs_session_over_its_own_wire() -> None:
    with RecordedVCenter(recorded.UPDATES_5_5, improvise=improvised) as peer:
        tls = tls_context(ca_file=str(peer.cafile), pinned=False)
        wire = Wire(Endpoint(host=peer.host, port=peer.port, tls=tls, deadlines=QUICK))
        session = Session.open(wire, Credentials(user=peer.user, password=lambda: peer.password))
        try:
            collector = session.content.propertyCollector._moId
            first = session.wait_for_updates(collector, "", 1, 100)
            assert first is not None
            last = session.wait_for_updates(collector, first["version"], 1, 100)
        finally:
            session.close()
        assert last is not None
        assert [first["version"], last["version"]] == [found["version"] for found in update_sets()]


def test_a_refused_login_of_8_0_3_is_one_attempt() -> None:
    cassette = recorded.OBJECTS_8_0_3 / "basic_connection_bad_password.yaml"
    with RecordedVCenter(cassette, improvise=improvised) as peer:
        endpoint = Endpoint(
            host=peer.host,
            port=peer.port,
            tls=tls_context(ca_file=str(peer.cafile), pinned=False),
            deadlines=replace(QUICK, logout_s=0.5),
        )
        with watching(endpoint, user=peer.user, password=peer.password) as watched:
            assert watched.failure().reason == "login_refused"
        assert [call.method for call in peer.calls].count("Login") == 1
