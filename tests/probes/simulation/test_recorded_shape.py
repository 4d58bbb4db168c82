"""The simulation's replies held against those of real vCenters: vpxd 5.5 in whole updates, 8.0.3 in single reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
import yaml

from probes.simulation import ThreadedVCenter
from probes.simulation.entities import Datastore, Entity, Power, Vm
from probes.simulation.properties import LEAVES

from .client import PASSWORD, USER, post

FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures" / "vcenter"
pytestmark = pytest.mark.skipif(
    not FIXTURES.is_dir(), reason="no ../shared/fixtures/vcenter beside the checkout"
)
WHOLE_MACHINE = "test_json_vm_explode_default.yaml"
FILE = "{urn:vim25}file"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


@pytest.fixture(scope="module")
def vpxd() -> list[str]:
    """The replies of the recorded vpxd 5.5 session, in order."""
    text = (FIXTURES / "updates-vpxd-5.5.yml").read_text(encoding="utf-8")
    recorded = yaml.load(text, Loader=yaml.CSafeLoader)
    return [each["response"]["body"]["string"] for each in recorded["http_interactions"]]


def recorded_803(name: str) -> list[tuple[str, str]]:
    """Requests and replies of a recorded session with 8.0.3."""

    class Loader(yaml.CSafeLoader):
        """Reads the strings that Python 2 recorded, too."""

    Loader.add_constructor("tag:yaml.org,2002:python/unicode", lambda loader, node: str(node.value))
    text = (FIXTURES / "objects-8.0.3" / name).read_text(encoding="utf-8")
    found = yaml.load(text, Loader=Loader)["interactions"]
    return [(str(each["request"]["body"]), str(each["response"]["body"]["string"])) for each in found]


class Raw:
    """A session without pyvmomi, to see the bytes."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""
        self.login = self.call(
            "Login",
            "SessionManager",
            "SessionManager",
            f"<userName>{USER}</userName><password>{PASSWORD}</password>",
        )
        key = re.search("<key>(.*?)</key>", self.login)
        assert key
        self.key = key.group(1)

    def call(self, method: str, kind: str, moid: str, members: str = "") -> str:
        body = (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
            f'<{method} xmlns="urn:vim25"><_this type="{kind}">{moid}</_this>{members}</{method}></e:Body>'
            "</e:Envelope>"
        )
        status, reply = post(self.port, body, cookie=self.cookie)
        assert status == 200, reply
        return reply.decode()

    def watch(self, kind: str, *paths: str) -> str:
        members = (
            f'<container type="Folder">group-d1</container><type>{kind}</type><recursive>true</recursive>'
        )
        view = moid_in(self.call("CreateContainerView", "ViewManager", "ViewManager", members))
        wanted = "".join(f"<pathSet>{path}</pathSet>" for path in paths)
        spec = (
            f"<spec><propSet><type>{kind}</type>{wanted}</propSet><objectSet>"
            f'<obj type="ContainerView">{view}</obj><skip>true</skip><selectSet '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="TraversalSpec">'
            "<type>ContainerView</type><path>view</path></selectSet></objectSet></spec>"
            "<partialUpdates>false</partialUpdates>"
        )
        return self.call("CreateFilter", "PropertyCollector", "propertyCollector", spec)

    def wait(self, version: str) -> str:
        members = f"<version>{version}</version><options><maxWaitSeconds>0</maxWaitSeconds></options>"
        return self.call("WaitForUpdatesEx", "PropertyCollector", "propertyCollector", members)


@pytest.fixture
def raw(vcenter: ThreadedVCenter) -> Raw:
    with_cookie = Raw(vcenter.port)
    with_cookie.cookie = next(
        f'vmware_soap_session="{each.cookie}"'
        for each in vcenter.world.sessions.by_cookie.values()
        if each.key == with_cookie.key
    )
    return with_cookie


def moid_in(reply: str) -> str:
    found = re.search(r"<returnval [^>]*>([^<]+)</returnval>", reply)
    assert found
    return found.group(1)


def local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def outline(element: Element) -> tuple[object, ...]:
    """Names, stated types and order of an element and all below it, without the values."""
    attributes = sorted(key.rpartition("}")[2] for key in element.attrib)
    return (local(element), tuple(attributes), tuple(outline(child) for child in element))


def changes(updates: list[str], kind: str) -> Iterator[dict[str, Element]]:
    """The change sets of the objects of one type, by property."""
    for update in updates:
        for found in ElementTree.fromstring(update).iter("{urn:vim25}objectSet"):
            reference = found.find("{urn:vim25}obj")
            assert reference is not None
            if reference.get("type") == kind:
                sets = found.findall("{urn:vim25}changeSet")
                yield {str(each.findtext("{urn:vim25}name")): each for each in sets}


def envelope(reply: str) -> str:
    return reply[: reply.index("<soapenv:Body>")]


def test_the_envelope_is_that_of_vpxd(vpxd: list[str], raw: Raw) -> None:
    assert envelope(raw.login) == envelope(vpxd[2])
    assert raw.login.endswith("</LoginResponse>\n</soapenv:Body>\n</soapenv:Envelope>")
    assert vpxd[2].endswith("</LoginResponse>\n</soapenv:Body>\n</soapenv:Envelope>")


def test_a_login_returns_the_members_that_vpxd_returns(vpxd: list[str], raw: Raw) -> None:
    assert outline(ElementTree.fromstring(raw.login)) == outline(ElementTree.fromstring(vpxd[2]))


def test_a_refused_login_is_the_recorded_reply_byte_for_byte(vcenter: ThreadedVCenter) -> None:
    _, (request, reply) = recorded_803("basic_connection_bad_password.yaml")
    status, body = post(vcenter.port, request)
    assert (status, body.decode()) == (500, reply)


def test_the_service_content_names_nothing_that_a_real_one_does_not(vcenter: ThreadedVCenter) -> None:
    request, reply = recorded_803("basic_container_view.yaml")[1]
    _, body = post(vcenter.port, request)
    ours = outline(ElementTree.fromstring(body))
    assert is_part(ours, outline(ElementTree.fromstring(reply)))


def is_part(ours: tuple[Any, ...], theirs: tuple[Any, ...]) -> bool:
    """Whether every element of ours is in theirs, in the same order."""
    if ours[:2] != theirs[:2]:
        return False
    rest = iter(theirs[2])
    return all(any(is_part(child, other) for other in rest) for child in ours[2])


def test_views_filters_and_their_ends_answer_as_recorded(vpxd: list[str], raw: Raw) -> None:
    assert outline(ElementTree.fromstring(raw.watch("HostSystem", "name"))) == outline(
        ElementTree.fromstring(vpxd[3])
    )
    pattern = r"session\[[0-9a-f-]{36}\][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    created = raw.watch("HostSystem", "name")
    assert re.fullmatch(pattern, moid_in(vpxd[3]))
    assert re.fullmatch(pattern, moid_in(created))
    destroyed = raw.call("DestroyPropertyFilter", "PropertyFilter", moid_in(created))
    assert destroyed == vpxd[24]
    assert raw.call("Logout", "SessionManager", "SessionManager") == vpxd[25]


def test_pages_and_versions_follow_each_other_as_recorded(vpxd: list[str], raw: Raw) -> None:
    raw.watch("ManagedEntity", "name", "parent")
    ours = pages(raw)
    recorded = vpxd[4:6]
    for mine, theirs in ((ours[0], recorded[0]), (ours[-1], recorded[-1])):
        assert members_of_returnval(mine) == members_of_returnval(theirs)
        assert version(mine) == version(theirs)
    assert ours[0].count("<objectSet>") == recorded[0].count("<objectSet>") == 100


def members_of_returnval(reply: str) -> list[str]:
    returned = next(ElementTree.fromstring(reply).iter("{urn:vim25}returnval"))
    return [local(member) for member in returned]


def test_nothing_to_report_is_an_empty_response(raw: Raw) -> None:
    reply = raw.wait("")
    assert '<WaitForUpdatesExResponse xmlns="urn:vim25"></WaitForUpdatesExResponse>' in reply


@pytest.mark.parametrize(
    "kind", ["HostSystem", "Datastore", "Folder", "Datacenter", "ResourcePool", "VirtualMachine"]
)
def test_properties_are_stated_as_recorded(vpxd: list[str], raw: Raw, kind: str) -> None:
    recorded = list(changes(vpxd[4:6], kind))[-1]
    shared = [path for path in recorded if path in LEAVES[kind]]
    assert {"name", "parent"} <= set(shared)
    raw.watch(kind, *reversed(shared))
    ours = next(changes([raw.wait("")], kind))
    assert list(ours) == shared, "in the order of their names"
    for path in shared:
        mine, theirs = value(ours[path]), value(recorded[path])
        if mine is not None and theirs is not None:
            assert mine.get(XSI_TYPE) == theirs.get(XSI_TYPE), path
            assert sorted(mine.attrib) == sorted(theirs.attrib), path


@pytest.mark.parametrize(("kind", "path"), [("Datastore", "host"), ("VirtualMachine", "datastore")])
def test_arrays_are_written_as_recorded_down_to_their_last_member(
    vpxd: list[str], raw: Raw, kind: str, path: str
) -> None:
    raw.watch(kind, path)
    ours, recorded = next(changes([raw.wait("")], kind)), next(changes(vpxd[4:6], kind))
    assert first_items(outline(ours[path])) == first_items(outline(recorded[path]))


def test_a_guests_cards_are_written_as_recorded_and_name_their_network(vpxd: list[str], raw: Raw) -> None:
    recorded = next(each for each in changes(vpxd[4:6], "VirtualMachine") if "guest.net" in each)
    raw.watch("VirtualMachine", "guest.net")
    ours = next(ElementTree.fromstring(raw.wait("")).iter("{urn:vim25}GuestNicInfo"))
    theirs = next(recorded["guest.net"].iter("{urn:vim25}GuestNicInfo"))
    assert [local(member) for member in ours] == ["network", *(local(member) for member in theirs)]
    assert [outline(member) for member in ours][1:] == [outline(member) for member in theirs]


def value(change: Element) -> Element | None:
    return change.find("{urn:vim25}val")


def first_items(shape: tuple[Any, ...]) -> tuple[Any, ...]:
    """The outline with equal neighbours, such as the items of an array, written once."""
    children: list[object] = []
    for child in (first_items(child) for child in shape[2]):
        if not children or children[-1] != child:
            children.append(child)
    return (shape[0], shape[1], tuple(children))


def test_disks_and_cards_have_no_member_that_a_real_one_does_not(vpxd: list[str], raw: Raw) -> None:
    recorded = next(changes(vpxd[4:6], "VirtualMachine"))["config.hardware.device"]
    raw.watch("VirtualMachine", "config.hardware.device")
    ours = next(changes([raw.wait("")], "VirtualMachine"))["config.hardware.device"]
    theirs = {each.get(XSI_TYPE): outline(each) for each in recorded.iter("{urn:vim25}VirtualDevice")}
    disk = next(each for each in ours.iter("{urn:vim25}VirtualDevice") if each.get(XSI_TYPE) == "VirtualDisk")
    assert is_part(outline(disk), theirs["VirtualDisk"])


def test_what_is_unset_is_assigned_no_value_as_recorded(
    vpxd: list[str], raw: Raw, vcenter: ThreadedVCenter
) -> None:
    root = next(changes(vpxd[4:6], "Folder"))["parent"]
    off = next(vm for vm in vcenter.world.inventory.every(Vm) if vm.power is Power.OFF)
    raw.watch("VirtualMachine", "runtime.bootTime", "name")
    ours = next(each for each in changes(pages(raw), "VirtualMachine") if name_in(each) == off.name)
    assert outline(ours["runtime.bootTime"]) == outline(root)


def pages(raw: Raw) -> list[str]:
    found = [raw.wait("")]
    while "<truncated>" in found[-1]:
        found.append(raw.wait(version(found[-1])))
    return found


def version(reply: str) -> str:
    found = re.search("<version>(.*?)</version>", reply)
    assert found
    return found.group(1)


def name_in(change_set: dict[str, Element]) -> str | None:
    return change_set["name"].findtext("{urn:vim25}val")


def test_a_member_of_an_unset_object_is_removed_indirectly_as_recorded(
    vpxd: list[str], raw: Raw, vcenter: ThreadedVCenter
) -> None:
    recorded = next(changes(vpxd[4:6], "VirtualMachine"))["config.cpuAffinity.affinitySet"]
    vm = next(vcenter.world.inventory.every(Vm))
    vcenter.do(vcenter.world.machines.connection_state, vm.moid, state="invalid")
    raw.watch("VirtualMachine", "config.instanceUuid", "name")
    ours = next(each for each in changes(pages(raw), "VirtualMachine") if name_in(each) == vm.name)
    assert outline(ours["config.instanceUuid"]) == outline(recorded)
    assert ours["config.instanceUuid"].findtext("{urn:vim25}op") == "indirectRemove"
    assert recorded.findtext("{urn:vim25}op") == "indirectRemove"


def fetched(raw: Raw, entity: Entity, prop: str) -> Element | None:
    reply = raw.call("Fetch", entity.TYPE, entity.moid, f"<prop>{prop}</prop>")
    return next(ElementTree.fromstring(reply).iter("{urn:vim25}returnval"), None)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("test_json_vm_explode_default.yaml", Vm), ("test_json_datastore_explode.yaml", Datastore)],
)
def test_single_reads_are_written_as_8_0_3_writes_them(
    raw: Raw, vcenter: ThreadedVCenter, name: str, kind: type[Entity]
) -> None:
    entity = next(vcenter.world.inventory.every(kind))
    of_others = {
        "suspendTime",
        "cleanPowerOff",
        "ipAddress",
        "net",
        "customValue",
    }  # unset on the machine that was recorded
    compared = 0
    for request, reply in recorded_803(name):
        prop = re.search(r"<prop[^>]*>(\w+)</prop>", request)
        if not prop or "<Fetch " not in request or prop.group(1) not in served(kind):
            continue
        theirs = next(ElementTree.fromstring(reply).iter("{urn:vim25}returnval"), None)
        ours = fetched(raw, entity, prop.group(1))
        if theirs is None or ours is None or not len(theirs) or prop.group(1) in ("config", "customValue"):
            continue
        compared += 1
        assert ours.get(XSI_TYPE) == theirs.get(XSI_TYPE)
        assert {local(child) for child in ours} <= {local(child) for child in theirs} | of_others
    assert compared >= 2


def test_the_files_of_a_machine_are_listed_as_8_0_3_lists_them(raw: Raw, vcenter: ThreadedVCenter) -> None:
    vm = next(vm for vm in vcenter.world.inventory.every(Vm) if vm.power is Power.ON)
    theirs = next(reply for request, reply in recorded_803(WHOLE_MACHINE) if ">layoutEx<" in request)
    recorded = next(ElementTree.fromstring(theirs).iter("{urn:vim25}returnval"))
    ours = fetched(raw, vm, "layoutEx")
    assert ours is not None
    for name in ("file", "disk"):
        mine, real = (each.findall(f"{{urn:vim25}}{name}") for each in (ours, recorded))
        shapes = [outline(each) for each in real]
        assert mine
        assert all(any(is_part(outline(each), shape) for shape in shapes) for each in mine)
    kinds = {str(each.findtext("{urn:vim25}type")) for each in recorded.iter("{urn:vim25}file")}
    assert {str(each.findtext("{urn:vim25}type")) for each in ours.iter("{urn:vim25}file")} <= kinds
    pattern = r"\[[^]]+\] [^/]+/.+"
    assert all(re.fullmatch(pattern, str(each.findtext("{urn:vim25}name"))) for each in recorded.iter(FILE))
    assert all(re.fullmatch(pattern, str(each.findtext("{urn:vim25}name"))) for each in ours.iter(FILE))


@pytest.mark.parametrize("path", ["files", "datastoreUrl", "hardware"])
def test_a_configuration_names_files_and_datastores_as_8_0_3_does(
    raw: Raw, vcenter: ThreadedVCenter, path: str
) -> None:
    vm = next(vcenter.world.inventory.every(Vm))
    theirs = next(reply for request, reply in recorded_803(WHOLE_MACHINE) if ">config<" in request)
    recorded = next(ElementTree.fromstring(theirs).iter(f"{{urn:vim25}}{path}"))
    ours = fetched(raw, vm, "config")
    assert ours is not None
    mine = ours.find(f"{{urn:vim25}}{path}")
    assert mine is not None
    if path == "hardware":
        shapes = {each.get(XSI_TYPE): outline(each) for each in recorded.iter("{urn:vim25}device")}
        disks = [each for each in mine.iter("{urn:vim25}device") if each.get(XSI_TYPE) == "VirtualDisk"]
        assert disks
        assert all(is_part(outline(disk), shapes["VirtualDisk"]) for disk in disks)
    else:
        assert is_part(outline(mine), outline(recorded))


def test_the_url_of_a_datastore_holds_the_path_at_which_hosts_mount_it(vpxd: list[str], raw: Raw) -> None:
    pattern = re.compile(r"ds://(/vmfs/volumes/[^/]+)/")
    raw.watch("Datastore", "summary.url", "host")
    for found in (*changes(vpxd[4:6], "Datastore"), *changes([raw.wait("")], "Datastore")):
        url = pattern.fullmatch(str(found["summary.url"].findtext("{urn:vim25}val")))
        assert url
        assert {str(each.text).rstrip("/") for each in found["host"].iter("{urn:vim25}path")} == {url[1]}


def served(kind: type[Entity]) -> set[str]:
    return {path.partition(".")[0] for path in LEAVES[kind.TYPE]}
