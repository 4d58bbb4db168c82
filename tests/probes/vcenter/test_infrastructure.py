"""Hosts and datastores in their own right: names, states, and what is new of them."""

import pytest

from probes.vcenter.events import HostConnectionEvent
from probes.vcenter.infrastructure import FAULTS, Infrastructure, News, datastore_state, host_state
from probes.vcenter.inventory import Inventory
from probes.vcenter.objects import Datastore, Host, Mount
from probes.vcenter.values import Moid
from sla.records import State
from tests.probes.vcenter.test_inventory import change, mount, update

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN
HOST, OTHER, THIRD = Moid("host-1"), Moid("host-2"), Moid("host-3")


def host(connection: str = "connected", *, power: str = "poweredOn", maintenance: bool = False) -> Host:
    return Host(connection=connection, power=power, maintenance=maintenance)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (host(), UP),
        (host(maintenance=True), UP),
        (host("notResponding", power="unknown"), DOWN),
        (host("notResponding", power="unknown", maintenance=True), UNKNOWN),
        (host("notResponding", power="standBy"), UNKNOWN),
        (host("notResponding", power="poweredOff"), UNKNOWN),
        (host("disconnected", power="unknown"), UNKNOWN),
        (host(""), UNKNOWN),
        (host("levitating"), UNKNOWN),
    ],
)
def test_a_host_is_down_where_it_does_not_respond_and_nobody_wished_that(seen: Host, expected: State) -> None:
    assert host_state(seen, "") is expected


@pytest.mark.parametrize("reason", ["", "userRequest", "agentUpgrade", *sorted(FAULTS)])
def test_a_disconnected_host_is_down_where_an_event_names_a_fault(reason: str) -> None:
    assert host_state(host("disconnected"), reason) is (DOWN if reason in FAULTS else UNKNOWN)
    assert host_state(host(), reason) is UP


REACHED, LOST, UNSAID = Mount(accessible=True), Mount(accessible=False), Mount()
UNMOUNTED = Mount(accessible=False, mounted=False)


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        ({HOST: REACHED, OTHER: REACHED}, UP),
        ({HOST: REACHED, OTHER: LOST}, DOWN),
        ({HOST: UNSAID, OTHER: LOST}, DOWN),
        ({HOST: REACHED, OTHER: UNSAID}, UNKNOWN),
        ({HOST: REACHED, OTHER: UNMOUNTED}, UP),
        ({OTHER: UNMOUNTED}, UNKNOWN),
        ({HOST: REACHED, THIRD: LOST}, UP),
        ({THIRD: LOST}, UNKNOWN),
        ({Moid("host-99"): LOST}, UNKNOWN),
        ({}, UNKNOWN),
    ],
)
@pytest.mark.parametrize("third", [host("notResponding"), host("disconnected"), host(maintenance=True)])
def test_a_datastore_is_down_where_a_connected_host_that_mounts_it_does_not_reach_it(
    mounts: dict[Moid, Mount], expected: State, third: Host
) -> None:
    hosts = {HOST: host(), OTHER: host(), THIRD: third}
    assert datastore_state(Datastore(mounts=mounts), hosts) is expected


@pytest.mark.parametrize(("summary", "expected"), [(True, UP), (False, DOWN), (None, UNKNOWN)])
def test_the_summary_counts_for_mounts_that_say_nothing(summary: bool | None, expected: State) -> None:
    store = Datastore(accessible=summary, mounts={HOST: UNSAID})
    assert datastore_state(store, {HOST: host()}) is expected


class Site:
    """Two datacenters, a host and a datastore in each, as updates tell of them."""

    def __init__(self) -> None:
        self.inventory = Inventory(Moid("group-d1"))
        self.infrastructure = Infrastructure()
        self.take("Folder", "group-d2", name="EU", parent="group-d1")
        for number, above in (("1", "group-d1"), ("2", "group-d2")):
            self.take("Datacenter", f"dc-{number}", name=f"DC{number}", parent=above)
            self.take("Folder", f"group-h{number}", name="host", parent=f"dc-{number}")
            self.take("Folder", f"group-s{number}", name="datastore", parent=f"dc-{number}")
            self.take("ComputeResource", f"domain-c{number}", parent=f"group-h{number}")
            self.host(number, name=f"esx{number}", parent=f"domain-c{number}")
            self.connect(number, "connected")
            self.take("Datastore", f"datastore-{number}", name=f"san{number}", parent=f"group-s{number}")
            self.reach(number, accessible=True)

    def take(self, kind: str, moid: str, **values: object) -> None:
        changes = [change(name, value) for name, value in values.items()]
        self.inventory.apply(kind, [update(moid, *changes)])

    def host(self, number: str, **values: object) -> None:
        self.take("HostSystem", f"host-{number}", **values)

    def connect(self, number: str, connection: str) -> None:
        self.host(number, **{"runtime.connectionState": connection})

    def refuse(self, number: str, name: str) -> None:
        missing = {"path": name, "fault": {"fault": {"privilegeId": "System.Read"}}}
        change = {"kind": "modify", "obj": f"host-{number}", "missingSet": missing}
        self.inventory.apply("HostSystem", [change])

    def reach(self, number: str, *, accessible: bool) -> None:
        mounted = mount(f"host-{number}", "true" if accessible else "false")
        self.take("Datastore", f"datastore-{number}", host={"DatastoreHostMount": mounted})

    def leave(self, kind: str, moid: str) -> None:
        self.inventory.apply(kind, [{"kind": "leave", "obj": moid}])

    def news(self, *ignored: str, fresh: bool = False) -> News:
        self.infrastructure.name(self.inventory)
        return self.infrastructure.news(self.inventory, frozenset(map(Moid, ignored)), fresh=fresh)


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_fresh_look_tells_everything_and_others_what_changed(site: Site) -> None:
    everything = News(
        hosts={"esx1": UP, "esx2": UP},
        datastores={"san1": UP, "san2": UP},
        lost_mounts=frozenset(),
        in_maintenance=frozenset(),
    )
    assert site.news(fresh=True) == everything
    assert site.news() == News()
    site.reach("2", accessible=False)
    assert site.news() == News(datastores={"san2": DOWN}, lost_mounts=frozenset({("esx2", "san2")}))
    site.connect("2", "notResponding")
    assert site.news() == News(hosts={"esx2": DOWN}, datastores={"san2": UNKNOWN}, lost_mounts=frozenset())
    site.connect("2", "connected")
    site.reach("2", accessible=True)
    assert site.news() == News(hosts={"esx2": UP}, datastores={"san2": UP})
    assert site.news(fresh=True) == everything


def test_what_is_removed_renamed_or_ignored_is_gone(site: Site) -> None:
    site.news(fresh=True)
    site.leave("HostSystem", "host-1")
    assert site.news() == News(gone_hosts=("esx1",), datastores={"san1": UNKNOWN})
    site.leave("Datastore", "datastore-1")
    assert site.news() == News(gone_datastores=("san1",))
    site.host("2", name="esx02")
    assert site.news() == News(hosts={"esx02": UP}, gone_hosts=("esx2",))
    assert site.news("datastore-2") == News(gone_datastores=("san2",))
    assert site.news() == News(datastores={"san2": UP})


def test_what_left_while_nobody_watched_is_gone(site: Site) -> None:
    site.news(fresh=True)
    site.inventory = Inventory(Moid("group-d1"))
    site.host("2", name="esx2")
    assert site.news(fresh=True) == News(
        hosts={"esx2": UNKNOWN},
        gone_hosts=("esx1",),
        gone_datastores=("san1", "san2"),
        lost_mounts=frozenset(),
        in_maintenance=frozenset(),
    )


def test_hosts_in_maintenance_mode_are_told_whole_whenever_they_are_others(site: Site) -> None:
    assert site.news(fresh=True).in_maintenance == frozenset()
    site.host("2", **{"runtime.inMaintenanceMode": "true"})
    assert site.news().in_maintenance == frozenset({"esx2"})
    assert site.news().in_maintenance is None
    site.refuse("2", "runtime.inMaintenanceMode")
    assert site.news(fresh=True).in_maintenance == frozenset({"esx2"}), "nobody says that it ended"
    site.host("2", **{"runtime.inMaintenanceMode": "false"})
    assert site.news().in_maintenance == frozenset()


def test_mounts_that_are_lost_are_told_whole_whenever_they_are_others(site: Site) -> None:
    assert site.news(fresh=True).lost_mounts == frozenset()
    site.reach("2", accessible=False)
    assert site.news().lost_mounts == frozenset({("esx2", "san2")})
    assert site.news().lost_mounts is None
    assert site.news(fresh=True).lost_mounts == frozenset({("esx2", "san2")})
    assert site.news("datastore-2").lost_mounts == frozenset(), "nothing is said of what is ignored"


def test_names_that_repeat_begin_with_the_path_of_their_datacenter(site: Site) -> None:
    site.news(fresh=True)
    site.host("2", name="esx1")
    site.take("Datastore", "datastore-2", name="san1")
    assert site.news() == News(
        hosts={"DC1/esx1": UP, "EU/DC2/esx1": UP},
        datastores={"DC1/san1": UP, "EU/DC2/san1": UP},
        gone_hosts=("esx1", "esx2"),
        gone_datastores=("san1", "san2"),
    )
    site.take("Datastore", "datastore-2", parent="group-s1")
    assert set(site.news().datastores) == {"datastore-1/DC1/san1", "datastore-2/DC1/san1"}


def test_naming_says_whether_one_has_another_name_now(site: Site) -> None:
    name = site.infrastructure.name
    assert name(site.inventory) is False
    site.host("3", name="esx3")
    assert name(site.inventory) is False
    site.host("3", name="esx1")
    assert name(site.inventory) is True
    assert name(site.inventory) is False
    site.leave("HostSystem", "host-3")
    assert name(site.inventory) is True


def test_what_has_no_name_or_is_only_pointed_to_is_not_told(site: Site) -> None:
    site.host("3", **{"runtime.connectionState": "connected"})
    site.take("VirtualMachine", "vm-1", **{"runtime.host": "host-4"})
    assert set(site.news(fresh=True).hosts) == {"esx1", "esx2"}


def test_names_are_told_as_people_write_them(site: Site) -> None:
    site.take("Datastore", "datastore-2", name="10.0.0.0%2f24 50%25 a%5Cb %zz")
    assert "10.0.0.0/24 50% a\\b %zz" in site.news(fresh=True).datastores


def test_the_reason_of_a_disconnection_holds_until_the_host_is_connected(site: Site) -> None:
    site.news(fresh=True)
    site.connect("1", "disconnected")
    assert site.news().hosts == {"esx1": UNKNOWN}
    site.infrastructure.connected(HostConnectionEvent(HOST, "licenseExpired"))
    assert site.news().hosts == {"esx1": DOWN}
    site.infrastructure.connected(HostConnectionEvent(HOST, ""))
    assert site.news().hosts == {"esx1": UNKNOWN}
