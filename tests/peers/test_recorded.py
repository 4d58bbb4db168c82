"""Recorded sessions reach pyvmomi as vCenter sent them."""

import http.client
import ssl
from collections import Counter
from typing import Any

import pytest
import yaml
from pyVmomi import vim

from tests.peers import recorded, require
from tests.peers.recorded import Answer, Call, RecordedVCenter
from tests.peers.soap import connected, filter_on, logged_in

VERSION_5_5 = "vim.version.version9"


def test_vpxd_5_5_tells_its_inventory_in_a_truncated_set_and_a_last_one() -> None:
    with (
        RecordedVCenter(recorded.UPDATES_5_5) as peer,
        logged_in(peer, version=VERSION_5_5) as content,
    ):
        collector = content.propertyCollector
        collector.CreateFilter(filter_on(content.rootFolder, vim.VirtualMachine, ["name"]), True)
        first = collector.WaitForUpdatesEx("")
        last = collector.WaitForUpdatesEx(first.version)
    assert (first.version, first.truncated, last.version, last.truncated) == ("0_1", True, "1", None)
    objects = [
        update.obj for answer in (first, last) for part in answer.filterSet for update in part.objectSet
    ]
    assert len(first.filterSet[0].objectSet) == 100
    assert len(objects) == 122
    kinds = Counter(type(found) for found in objects)
    assert (kinds[vim.VirtualMachine], kinds[vim.HostSystem]) > (0, 0)
    assert peer.calls[-1].method == "Logout"
    assert not peer.unanswered


def test_vcenter_8_0_3_answers_a_container_view() -> None:
    with (
        RecordedVCenter(recorded.OBJECTS_8_0_3 / "basic_container_view.yaml") as peer,
        connected(peer) as instance,
    ):
        content = instance.RetrieveContent()
        content.sessionManager.Login(peer.user, peer.password)
        view = content.viewManager.CreateContainerView(content.rootFolder, [vim.Datacenter], True)
        assert [found._moId for found in view.view] == ["datacenter-3"]
        view.Destroy()
    assert content.about.version == "8.0.3"
    assert not peer.unanswered


def test_properties_are_matched_by_name_whatever_their_order() -> None:
    with (
        RecordedVCenter(recorded.OBJECTS_8_0_3 / "test_json_datastore_explode.yaml") as peer,
        connected(peer) as instance,
    ):
        datastore = vim.Datastore("datastore-17", instance._stub)
        summary, mounts = datastore.summary, datastore.host
    assert summary.accessible
    assert all(isinstance(mount, vim.Datastore.HostMount) for mount in mounts)
    assert len(mounts) > 0


def test_a_refused_password_is_a_fault_with_its_recorded_status() -> None:
    with (
        RecordedVCenter(recorded.OBJECTS_8_0_3 / "basic_connection_bad_password.yaml") as peer,
        connected(peer, version="vim.version.version5") as instance,
    ):
        sessions = instance.RetrieveContent().sessionManager
        with pytest.raises(vim.fault.InvalidLogin):
            sessions.Login(peer.user, peer.password)


def test_bodies_come_back_byte_for_byte() -> None:
    cassette = recorded.UPDATES_5_5
    require(cassette, "no recordings")
    stored = yaml.load(cassette.read_text(), yaml.CSafeLoader)["http_interactions"]
    updates = [each for each in stored if "<WaitForUpdatesEx" in each["request"]["body"]["string"]]
    with RecordedVCenter(cassette) as peer:
        assert [post(peer, each["request"]["body"]["string"]) for each in updates] == [
            (200, each["response"]["body"]["string"].encode()) for each in updates
        ]


def test_what_was_not_recorded_is_an_error_or_improvised() -> None:
    def improvise(call: Call, _body: bytes) -> Answer | None:
        return Answer(body=b"<made-up/>") if call.method == "CurrentTime" else None

    cassette = recorded.OBJECTS_8_0_3 / "basic_container_view.yaml"
    with RecordedVCenter(cassette, improvise=improvise) as peer:
        assert post(peer, soap("CurrentTime")) == (200, b"<made-up/>")
        assert post(peer, soap("RebootHost"))[0] == 501
        assert [call.method for call in peer.unanswered] == ["RebootHost"]


def test_a_recording_is_over_until_it_is_rewound() -> None:
    with (
        RecordedVCenter(recorded.OBJECTS_8_0_3 / "basic_connection.yaml") as peer,
        connected(peer) as instance,
    ):
        assert instance.RetrieveContent().about.apiVersion == "8.0.2.0"
        with pytest.raises(http.client.HTTPException, match="Not Recorded"):
            instance.RetrieveContent()
        peer.rewind()
        assert instance.RetrieveContent().about.apiVersion == "8.0.2.0"


def soap(method: str) -> str:
    this = '<_this type="ServiceInstance">ServiceInstance</_this>'
    return (
        f'<e:Envelope xmlns:e="x"><e:Body><{method} xmlns="urn:vim25">{this}</{method}></e:Body></e:Envelope>'
    )


def post(peer: RecordedVCenter, body: str) -> tuple[int, bytes]:
    context = ssl.create_default_context(cafile=peer.cafile)
    connection = http.client.HTTPSConnection(peer.host, peer.port, timeout=10, context=context)
    try:
        connection.request("POST", "/sdk", body.encode())
        response: Any = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
