"""Where a server stands, as far as a vCenter tells it (vSphere API: ManagedEntity.parent, VirtualApp, ResourcePool)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.facts import NOT_KNOWN, Fact, NotKnown
from probes.report import GuestAddress
from probes.vcenter.infrastructure import Infrastructure
from probes.vcenter.inventory import VM_PROPERTIES, Inventory
from probes.vcenter.listing import listed
from probes.vcenter.values import Moid
from sla.records import ServerId
from tests.probes.vcenter.test_inventory import change, references, update

ROOT, VM = Moid("group-d1"), Moid("vm-1")
ASKED = frozenset({*VM_PROPERTIES, "resourcePool", "customValue", "network", "guest.ipAddress", "guest.net"})
TREE: dict[str, tuple[str, str, str]] = {
    "datacenter-2": ("Datacenter", "EU%2fWest", "group-d1"),
    "group-v3": ("Folder", "vm", "datacenter-2"),
    "group-v4": ("Folder", "A%5cB 100%25", "group-v3"),
    "group-h5": ("Folder", "host", "datacenter-2"),
    "domain-c6": ("ComputeResource", "Cluster1", "group-h5"),
    "resgroup-7": ("ResourcePool", "Resources", "domain-c6"),
    "resgroup-8": ("ResourcePool", "Gold", "resgroup-7"),
}
FOLDER, POOL = "/EU%2fWest/vm/A\\B 100%", "/EU%2fWest/host/Cluster1/Resources/Gold"


class Seen:
    """An inventory of one machine."""

    def __init__(self) -> None:
        self.inventory = Inventory(ROOT)
        self.vm(
            change("name", "web"),
            change("config.instanceUuid", "u"),
            change("runtime.connectionState", "connected"),
        )

    def vm(self, *changes: dict[str, object], missing: tuple[str, ...] = ()) -> None:
        self.inventory.apply("VirtualMachine", [update(VM, *changes, missing=missing)])

    def place(self, moid: str, *without: str) -> None:
        kind, name, parent = TREE[moid]
        told = {"name": name, "parent": parent}
        changes = [change(path, value) for path, value in told.items() if path not in without]
        self.inventory.apply(kind, [update(moid, *changes, missing=without)])

    def vapp(self, moid: str, parent: str, folder: str | None = None) -> None:
        changes = [change("name", moid), change("parent", parent), change("parentFolder", folder)]
        for kind in ("VirtualApp", "ResourcePool"):  # which it is too
            self.inventory.apply(kind, [update(moid, *changes[: 3 if kind == "VirtualApp" else 2])])

    def leave(self, moid: str) -> None:
        self.inventory.apply(TREE[moid][0], [{"kind": "leave", "obj": moid}])

    def fact(self, key: str) -> Fact:
        """One of `facts`."""
        return self.facts[key]

    @property
    def facts(self) -> dict[str, Fact]:
        """What is known of the machine's name and places."""
        told = listed(
            ServerId("u"),
            self.inventory.vms[VM],
            self.inventory,
            Infrastructure(),
            asked=ASKED,
            ignored=frozenset(),
        )
        return {"name": told.name, "folder": told.folder, "pool": told.resource_pool}


@pytest.fixture
def seen() -> Seen:
    found = Seen()
    for moid in TREE:
        found.place(moid)
    found.vm(change("parent", "group-v4"), change("resourcePool", "resgroup-8"))
    return found


def test_paths_are_as_people_see_them_with_every_level_of_a_pool(seen: Seen) -> None:
    assert seen.facts == {"name": "web", "folder": FOLDER, "pool": POOL}


@pytest.mark.parametrize("moid", TREE)
@pytest.mark.parametrize("lacks", ["name", "parent", "everything"])
def test_a_path_is_known_only_where_all_of_it_is(seen: Seen, moid: str, lacks: str) -> None:
    in_folder = moid in ("datacenter-2", "group-v3", "group-v4")
    in_pool = moid == "datacenter-2" or not in_folder
    seen.leave(moid)
    if lacks != "everything":
        seen.place(moid, lacks)
    assert seen.fact("folder") == (NOT_KNOWN if in_folder else FOLDER)
    assert seen.fact("pool") == (NOT_KNOWN if in_pool else POOL)
    seen.place(moid)
    assert seen.facts == {"name": "web", "folder": FOLDER, "pool": POOL}


def test_a_server_in_a_vapp_stands_in_its_folder_however_deep_the_vapp_is(seen: Seen) -> None:
    seen.vapp("resgroup-v1", "resgroup-8", "group-v4")
    seen.vapp("resgroup-v2", "resgroup-v1")
    seen.vapp("resgroup-v3", "resgroup-v2")
    for vapp, pool in (("resgroup-v1", ""), ("resgroup-v3", "/resgroup-v2/resgroup-v3")):
        seen.vm(change("parent"), change("parentVApp", vapp), change("resourcePool", vapp))
        assert seen.fact("folder") == FOLDER
        assert seen.fact("pool") == f"{POOL}/resgroup-v1{pool}"


def test_a_vapp_that_is_not_seen_yet_or_has_no_folder_says_nothing(seen: Seen) -> None:
    seen.vm(change("parent"), change("parentVApp", "resgroup-v1"))
    assert seen.fact("folder") is NOT_KNOWN
    seen.vapp("resgroup-v1", "resgroup-8")
    assert seen.fact("folder") is NOT_KNOWN, "the chain of pools ends in a cluster"
    seen.vapp("resgroup-v1", "resgroup-8", "group-v4")
    assert seen.fact("folder") == FOLDER


def test_a_server_without_any_place_is_of_a_place_that_is_not_known(seen: Seen) -> None:
    seen.vm(change("parent"), change("resourcePool"))
    assert (seen.fact("folder"), seen.fact("pool")) == (NOT_KNOWN, NOT_KNOWN)


def test_a_lone_esxi_host_has_folders_too() -> None:
    seen = Seen()
    seen.inventory = Inventory(Moid("ha-folder-root"))
    for kind, moid, name, parent in (
        ("Datacenter", "ha-datacenter", "ha-datacenter", "ha-folder-root"),
        ("Folder", "ha-folder-vm", "vm", "ha-datacenter"),
        ("Folder", "ha-folder-host", "host", "ha-datacenter"),
        ("ComputeResource", "ha-compute-res", "esx1", "ha-folder-host"),
        ("ResourcePool", "ha-root-pool", "Resources", "ha-compute-res"),
    ):
        seen.inventory.apply(kind, [update(moid, change("name", name), change("parent", parent))])
    seen.vm(change("parent", "ha-folder-vm"), change("resourcePool", "ha-root-pool"))
    assert seen.fact("folder") == "/ha-datacenter/vm"
    assert seen.fact("pool") == "/ha-datacenter/host/esx1/Resources"


def test_a_circle_ends(seen: Seen) -> None:
    seen.inventory.apply("Folder", [update("group-v3", change("parent", "group-v4"))])
    assert seen.fact("folder") is NOT_KNOWN
    seen.vapp("resgroup-v1", "resgroup-v1")
    seen.vm(change("parent"), change("parentVApp", "resgroup-v1"))
    assert seen.fact("folder") is NOT_KNOWN


@pytest.mark.parametrize(
    "shown",
    [
        "[san001] web/web.vmx",
        "[san001]web/web.vmx",
        "%2fvmfs%2fvolumes%2f5f1c%2fweb%2fweb.vmx",
        "/vmfs/volumes/vsan:52-1/a b/web.vmtx",
        "[] /vmfs/volumes/5f1c/web/web.vmx",
        "",
    ],
)
@pytest.mark.parametrize("connection", ["inaccessible", "invalid", "orphaned", "connected"])
def test_a_path_in_place_of_a_name_is_no_name(seen: Seen, shown: str, connection: str) -> None:
    seen.vm(change("name", shown), change("runtime.connectionState", connection))
    assert seen.fact("name") is NOT_KNOWN
    seen.vm(change("name", "web"))
    assert seen.fact("name") == "web"


def test_unknown_is_a_name_only_while_it_is_connected(seen: Seen) -> None:
    seen.vm(change("name", "Unknown"))
    assert seen.fact("name") == "Unknown"
    seen.vm(change("runtime.connectionState", "invalid"))
    assert seen.fact("name") is NOT_KNOWN


def test_a_name_that_may_not_be_read_is_not_known() -> None:
    seen = Seen()
    seen.inventory = Inventory(ROOT)
    seen.vm(change("config.instanceUuid", "u"), missing=("name", "parent"))
    assert set(seen.facts.values()) == {NOT_KNOWN}


def test_attributes_networks_and_address_are_known_as_far_as_they_are_told(seen: Seen) -> None:
    def told() -> tuple[Fact, Fact, bool, tuple[GuestAddress, ...] | NotKnown]:
        found = listed(
            ServerId("u"),
            seen.inventory.vms[VM],
            seen.inventory,
            Infrastructure(),
            asked=ASKED,
            ignored=frozenset(),
        )
        return found.attribute("Client"), found.attribute("Other"), found.all_networks, found.addresses

    assert told() == (None, None, True, ())
    seen.vm(change("customValue", {"CustomFieldValue": {"key": "7", "value": "acme"}}))
    assert told()[:2] == (NOT_KNOWN, NOT_KNOWN), "it may be either: its name is not known"
    names = {"CustomFieldDef": [{"key": "7", "name": "Client"}, {"key": "8"}, "odd"]}
    seen.inventory.apply("CustomFieldsManager", [update("CustomFieldsManager", change("field", names))])
    assert told()[:2] == ("acme", None)
    seen.vm(change("network", references("network-1", "network-2")))
    seen.inventory.apply("Network", [update("network-1", change("name", "a%2fb"))])
    assert told()[2] is False
    seen.inventory.apply("Network", [update("network-2", change("name", "b"))])
    assert told()[2] is True
    seen.vm(missing=("customValue", "network", "guest.ipAddress"))
    assert told() == ("acme", NOT_KNOWN, False, NOT_KNOWN)


NAMES = st.text(st.sampled_from("a/%\\2f"), min_size=1, max_size=6)


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_any_names_make_a_path_that_a_rule_can_name_level_by_level(names: list[str]) -> None:
    seen = Seen()
    parent = "group-d1"
    for number, name in enumerate(names):
        escaped = name.replace("%", "%25").replace("/", "%2f").replace("\\", "%5c")
        moid = f"group-v{number}"
        seen.inventory.apply("Folder", [update(moid, change("name", escaped), change("parent", parent))])
        parent = moid
    seen.vm(change("parent", parent))
    folder = seen.fact("folder")
    assert isinstance(folder, str)
    assert folder.split("/")[1:] == [name.replace("/", "%2f") for name in names]
