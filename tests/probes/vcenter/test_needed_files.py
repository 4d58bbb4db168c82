"""Which files a server needs, and on which datastores they lie, by what vCenter tells of it (design: watching vCenter)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.vcenter import soap
from probes.vcenter.inventory import Inventory
from probes.vcenter.needed_files import PATHS, NeededFile, needed_files
from probes.vcenter.objects import FileRole, Place
from probes.vcenter.values import Moid
from probes.vcenter.volumes import Volumes
from tests.peers import recorded
from tests.peers.recorded import load
from tests.probes.vcenter.test_inventory import change, mount, references, update

DEVICES, CONFIGURATION, URLS, FILES, CHAINS = PATHS
DISK, BASE, MAPPING = FileRole.DISK, FileRole.BASE_DISK, FileRole.MAPPING
VM, HOST, OTHER = Moid("vm-1"), Moid("host-1"), Moid("host-2")
SAN, GOLD, LOCAL = Moid("datastore-1"), Moid("datastore-2"), Moid("datastore-3")
LAYOUT = "VirtualMachineFileLayoutEx"


def backing(name: str, datastore: Moid | None = None, **members: Any) -> dict[str, Any]:
    return {"fileName": name} | ({"datastore": datastore} if datastore else {}) | members


def disk(found: Any, **members: Any) -> dict[str, Any]:
    return {soap.TYPE: "VirtualDisk", "key": "2000", "backing": found, "capacityInKB": "4096"} | members


def devices(*found: Any) -> dict[str, Any]:
    return {DEVICES: {"VirtualDevice": list(found)}}


def laid_out(*files: tuple[str, str], chains: Any = ()) -> dict[str, Any]:
    """Files by type and name, their keys counted from 0; chains as lists of keys, from base to disk."""
    told = [{"key": str(key), "type": kind, "name": name} for key, (kind, name) in enumerate(files)]
    disks = [{"key": "2000", "chain": [{"fileKey": str(key)} for key in chain]} for chain in chains]
    return {FILES: {f"{LAYOUT}FileInfo": told}, CHAINS: {f"{LAYOUT}DiskLayout": disks}}


def roles(told: dict[str, Any]) -> list[tuple[FileRole, str]]:
    return [(file.role, file.name) for file in needed_files(told)]


BACKINGS = (
    "FlatVer1",
    "FlatVer2",
    "SparseVer1",
    "SparseVer2",
    "SeSparse",
    "RawDiskMappingVer1",
    "LocalPMem",
)


@pytest.mark.parametrize("kind", BACKINGS)
def test_a_disk_of_any_kind_needs_every_parent_that_it_continues(kind: str) -> None:
    base = backing("[gold] b/b.vmdk", GOLD)
    middle = backing("[san] m/m.vmdk", SAN, parent=base)
    found = backing("[san] c/c.vmdk", SAN, parent=middle) | {soap.TYPE: f"VirtualDisk{kind}BackingInfo"}
    assert roles(devices(disk(found))) == [
        (DISK, "[san] c/c.vmdk"),
        (BASE, "[san] m/m.vmdk"),
        (BASE, "[gold] b/b.vmdk"),
    ]


def test_a_long_chain_is_read_to_its_end() -> None:
    found = backing("[gold] 0.vmdk", GOLD)
    for number in range(1, 5_000):
        found = backing(f"[san] {number}.vmdk", SAN, parent=found)
    told = roles(devices(disk(found)))
    assert len(told) == 5_000
    assert told[-1] == (BASE, "[gold] 0.vmdk")


def test_a_raw_device_mapping_is_the_file_that_points_to_the_lun() -> None:
    found = backing("[san] m.vmdk", SAN, lunUuid="020001", deviceName="vml.020001")
    assert list(needed_files(devices(disk(found)))) == [NeededFile(MAPPING, "[san] m.vmdk", SAN)]
    whole = {"deviceName": "/dev/sdb"}
    assert roles(devices(disk(whole))) == [], "a device without a file lies on no datastore"


def test_persistent_memory_is_a_disk_and_images_consoles_and_cards_are_not_needed() -> None:
    memory = {soap.TYPE: "VirtualNVDIMM", "backing": backing("[pmem] n.vmdk"), "capacityInMB": "16"}
    image = {soap.TYPE: "VirtualCdrom", "backing": backing("[iso] i.iso", LOCAL)}
    floppy = {soap.TYPE: "VirtualFloppy", "backing": backing("[iso] f.flp", LOCAL)}
    port = {soap.TYPE: "VirtualSerialPort", "backing": backing("[iso] s.txt", LOCAL)}
    assert roles(devices(memory, image, floppy, port)) == [(DISK, "[pmem] n.vmdk")]


def test_the_layout_names_swap_files_nvram_and_the_chain_of_today() -> None:
    told = laid_out(
        ("config", "[san] v/v.vmx"),
        ("nvram", "[san] v/v.nvram"),
        ("swap", "[local] v/v.vswp"),
        ("uwswap", "[local] v/vmx-v.vswp"),
        ("diskDescriptor", "[gold] b/b.vmdk"),
        ("diskExtent", "[gold] b/b-flat.vmdk"),
        ("diskDescriptor", "[san] v/v-000001.vmdk"),
        ("diskDescriptor", "[old] v/v-000002.vmdk"),
        *(
            (kind, "[old] v/v.x")
            for kind in ("log", "snapshotMemory", "snapshotData", "suspend", "suspendMemory")
        ),
        chains=((4, 5, 6),),
    )
    told[CHAINS][f"{LAYOUT}DiskLayout"][0]["chain"] = [{"fileKey": ["4", "5"]}, {"fileKey": "6"}]
    assert roles(told) == [
        (BASE, "[gold] b/b.vmdk"),
        (BASE, "[gold] b/b-flat.vmdk"),
        (DISK, "[san] v/v-000001.vmdk"),
        (FileRole.CONFIGURATION, "[san] v/v.vmx"),
        (FileRole.NVRAM, "[san] v/v.nvram"),
        (FileRole.SWAP, "[local] v/v.vswp"),
        (FileRole.SWAP, "[local] v/vmx-v.vswp"),
    ]
    assert not any(file.configured for file in needed_files(told)), "the layout may be old"


def test_the_configuration_is_a_file() -> None:
    assert list(needed_files({CONFIGURATION: "[san] v/v.vmx"})) == [
        NeededFile(FileRole.CONFIGURATION, "[san] v/v.vmx")
    ]


TEXT = st.text(alphabet="[]a /.\x00\u202e", max_size=8) | st.sampled_from(
    ["true", "[san] a.vmdk", "datastore-1", "[]", "[", "]"]
)
VALUES = st.recursive(
    TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    soap.TYPE,
                    "VirtualDevice",
                    "backing",
                    "parent",
                    "fileName",
                    "datastore",
                    "capacityInKB",
                    "lunUuid",
                    "key",
                    "name",
                    "url",
                    "type",
                    "chain",
                    "fileKey",
                    f"{LAYOUT}FileInfo",
                    f"{LAYOUT}DiskLayout",
                    "VirtualMachineConfigInfoDatastoreUrlPair",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(st.dictionaries(st.sampled_from(PATHS), VALUES))
def test_no_value_however_odd_ends_the_reading(told: dict[str, Any]) -> None:
    site = Site()
    for place in site.places(told):
        assert place.datastore in site.inventory.datastores or not place.is_known
        assert len(place.datastore) <= 82


class Site:
    """A server on a host that mounts `san` and `gold`; another datacenter has a `gold` too."""

    def __init__(self) -> None:
        self.inventory = Inventory(Moid("group-d1"))
        for number, (moid, name) in enumerate(((SAN, "san"), (GOLD, "gold"), (LOCAL, "a] b%2fc")), start=1):
            self.datastore(moid, name, f"4f0{number}", HOST)
        self.inventory.apply(
            "VirtualMachine",
            [update(VM, change("runtime.host", HOST), change("datastore", references(SAN)))],
        )

    def datastore(self, moid: str, name: str, volume: str, host: str) -> None:
        changes = {
            "name": name,
            "summary.url": f"ds:///vmfs/volumes/{volume}/",
            "host": {"DatastoreHostMount": mount(host)},
        }
        self.inventory.apply("Datastore", [update(moid, *(change(*each) for each in changes.items()))])

    def places(self, told: dict[str, Any]) -> tuple[Place, ...]:
        return Volumes(self.inventory).places(self.inventory.vms[VM], told)

    def where(self, name: str, **others: Any) -> list[Moid]:
        """Where a configuration of this name lies."""
        return [place.datastore for place in self.places({CONFIGURATION: name, **others})]


@pytest.fixture
def site() -> Site:
    return Site()


def test_names_and_paths_become_datastores(site: Site) -> None:
    assert site.where("[gold] v/v.vmx") == [GOLD]
    assert site.where("[a] b/c] v/[1] v.vmx") == [LOCAL], "a name may hold brackets and what vCenter escapes"
    assert site.where("[a] b%2fc] v/v.vmx") == [LOCAL]
    assert site.where("[] /vmfs/volumes/4f02/v/v.vmx") == [GOLD]
    assert site.where("/vmfs/volumes/4f02/v/v.vmx") == [GOLD]
    assert site.where("[nobody] v/v.vmx") == ["[nobody]"]
    assert site.where("v.vmx") == ["[v.vmx]"]
    assert site.where("[] /vmfs/volumes/5a00/v/v.vmx") == ["[[] /vmfs/volumes/5a00/v/v.vmx]"]
    assert site.where("") == []


def test_of_datastores_with_one_name_that_of_the_server_or_of_its_host_is_meant(site: Site) -> None:
    site.datastore("datastore-9", "gold", "4f09", OTHER)
    assert site.where("[gold] v/v.vmx") == [GOLD]
    site.datastore("datastore-10", "gold", "4f10", HOST)
    assert site.where("[gold] v/v.vmx") == ["[gold]"], "two could be meant"
    site.inventory.apply("VirtualMachine", [update(VM, change("datastore", references(SAN, GOLD)))])
    assert site.where("[gold] v/v.vmx") == [GOLD]


def test_the_url_that_a_configuration_gives_a_name_decides(site: Site) -> None:
    pair = {"name": "old name", "url": "/vmfs/volumes/4f02"}
    urls = {URLS: {"VirtualMachineConfigInfoDatastoreUrlPair": pair}}
    assert site.where("[old name] v/v.vmx", **urls) == [GOLD]
    site.datastore("datastore-10", "old name", "4f10", HOST)
    assert site.where("[old name] v/v.vmx", **urls) == [GOLD]


@pytest.mark.parametrize("other_first", [False, True])
def test_of_one_volume_in_two_datacenters_that_of_the_server_is_meant(site: Site, other_first: bool) -> None:
    site.datastore("datastore-9", "gold", "4f02", OTHER)
    if other_first:
        datastores = site.inventory.datastores
        site.inventory.datastores = {Moid("datastore-9"): datastores[Moid("datastore-9")], **datastores}
    assert site.where("/vmfs/volumes/4f02/v/v.vmx") == [GOLD]
    assert site.where("[gold] v/v.vmx") == [GOLD]


def test_a_backings_datastore_counts_before_its_name_where_it_can_be_read(site: Site) -> None:
    told = devices(
        disk(backing("[san] c/c.vmdk", GOLD)), disk(backing("[san] d/d.vmdk", Moid("datastore-77")))
    )
    assert [place.datastore for place in site.places(told)] == [GOLD, SAN]
    hidden = devices(
        disk(backing("", Moid("datastore-77"))), disk(backing("[hidden] d", Moid("datastore-77")))
    )
    assert [place.datastore for place in site.places(hidden)] == ["[datastore-77]", "[hidden]"]


def test_a_datastore_comes_once_and_what_the_configuration_says_of_it_is_kept(site: Site) -> None:
    told = laid_out(("swap", "[gold] v/v.vswp"), ("config", "[san] v/v.vmx"), ("nvram", "[gold] v/v.nvram"))
    assert site.places(told) == (
        Place(GOLD, FileRole.SWAP, configured=False),
        Place(SAN, FileRole.CONFIGURATION, configured=False),
    )
    assert site.places(told | {CONFIGURATION: "[san] v/v.vmx"}) == (
        Place(SAN, FileRole.CONFIGURATION),
        Place(GOLD, FileRole.SWAP, configured=False),
    )
    assert site.places(told | devices(disk(backing("[gold] d", GOLD))))[0] == Place(GOLD, DISK)


def test_a_machine_of_8_0_3_lies_on_its_datastore_with_all_that_it_needs() -> None:
    config = layout = None
    for call, answer in load(recorded.OBJECTS_8_0_3 / "test_json_vm_explode_default.yaml"):
        if call.method == "Fetch":
            response = soap.parse(answer.body)["Envelope"]["Body"]["FetchResponse"]
            told = response.get("returnval") if isinstance(response, dict) else None
            if isinstance(told, dict) and told.get(soap.TYPE) == "VirtualMachineConfigInfo":
                config = told
            elif isinstance(told, dict) and told.get(soap.TYPE) == "VirtualMachineFileLayoutEx":
                layout = told
    assert config is not None
    assert layout is not None
    told = {
        DEVICES: {"VirtualDevice": config["hardware"]["device"]},
        CONFIGURATION: config["files"]["vmPathName"],
        URLS: {"VirtualMachineConfigInfoDatastoreUrlPair": config["datastoreUrl"]},
        FILES: {f"{LAYOUT}FileInfo": layout["file"]},
        CHAINS: {f"{LAYOUT}DiskLayout": layout["disk"]},
    }
    found = list(needed_files(told))
    assert {file.role for file in found} == set(FileRole) - {BASE, MAPPING}
    assert {file.name.partition("]")[0] for file in found} == {"[vsanDatastore"}
    site = Site()
    site.datastore("datastore-17", "vsanDatastore", "vsan:5281f817da2563b1-f53a57a4a4c49434", HOST)
    assert site.places(told) == (Place(Moid("datastore-17"), DISK),)
