"""Which server an object is, where several show one instance UUID (design: Identity)."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.report import ManagedObject
from probes.vcenter.bindings import Bindings
from probes.vcenter.inventory import Inventory
from probes.vcenter.objects import Vm
from probes.vcenter.values import Moid
from sla.records import ServerId


@dataclass
class VCenter:
    """One that shows machines, and what a watch makes of it."""

    bindings: Bindings = field(default_factory=Bindings)
    inventory: Inventory = field(default_factory=lambda: Inventory(Moid("group-d1")))
    left: list[Vm] = field(default_factory=list)
    touched: set[Moid] = field(default_factory=set)

    def show(
        self, moid: str, uuid: str, connection: str = "connected", *, template: bool = False, role: str = ""
    ) -> None:
        self.inventory.vms[Moid(moid)] = Vm(
            Moid(moid), uuid=uuid, connection=connection, template=template, ft_role=role
        )
        self.touched.add(Moid(moid))

    def hide(self, moid: str) -> None:
        self.left.append(self.inventory.vms.pop(Moid(moid)))
        self.touched.discard(Moid(moid))

    def session(self, *moids: str) -> None:
        """A new session begins, and shows some of the machines."""
        before, self.inventory = self.inventory.vms, Inventory(Moid("group-d1"))
        self.inventory.vms = {Moid(moid): before[Moid(moid)] for moid in moids}
        self.touched = set(self.inventory.vms)

    def look(self, *, fresh: bool = False) -> list[str]:
        """The servers that departed with this look."""
        departed: list[str] = list(self.bindings.bind(self.inventory, self.touched))
        departed += self.bindings.departures(self.inventory, self.left, fresh=fresh)
        self.touched.clear()
        self.left.clear()
        assert len(set(self.bindings.servers.values())) == len(self.bindings.servers)
        return departed

    @property
    def servers(self) -> dict[str, str]:
        return {str(moid): str(server) for moid, server in self.bindings.servers.items()}

    @property
    def twins(self) -> set[str]:
        return {server for server in self.servers.values() if "@" in server}


@pytest.fixture
def vcenter() -> VCenter:
    made = VCenter()
    made.show("vm-20", "u")
    made.look()
    return made


@pytest.fixture
def pair(vcenter: VCenter) -> VCenter:
    """Its vm-20 is the primary of a fault-tolerant pair, vm-21 the secondary."""
    vcenter.show("vm-20", "u", role="1")
    vcenter.show("vm-21", "u", role="2")
    vcenter.look()
    return vcenter


@pytest.mark.parametrize("moid", ["vm-7", "vm-21", "vm-100"])
@pytest.mark.parametrize("connection", ["connected", "orphaned"])
def test_a_copy_is_another_server_and_nothing_to_the_one_on_record(
    vcenter: VCenter, moid: str, connection: str
) -> None:
    vcenter.show("vm-20", "u", connection)
    vcenter.show(moid, "u")
    assert vcenter.look() == []
    assert vcenter.servers == {"vm-20": "u", moid: f"u@{moid}"}
    assert vcenter.twins == {f"u@{moid}"}
    vcenter.show(moid, "u")
    vcenter.show("vm-20", "u")
    assert vcenter.look() == []
    vcenter.hide(moid)
    assert vcenter.look() == [f"u@{moid}"]
    assert vcenter.servers == {"vm-20": "u"}
    assert not vcenter.twins


def test_a_removal_concerns_the_object_removed_and_never_its_twin(vcenter: VCenter) -> None:
    vcenter.show("vm-21", "u")
    vcenter.look()
    vcenter.hide("vm-20")
    assert vcenter.look() == ["u"]
    vcenter.show("vm-21", "u")
    assert vcenter.look() == []
    assert vcenter.servers == {"vm-21": "u@vm-21"}
    vcenter.show("vm-30", "u")
    vcenter.look()
    assert vcenter.servers["vm-30"] == "u", "what is registered anew goes on"


def test_of_two_that_are_new_the_connected_one_comes_first_and_then_the_older_one() -> None:
    for shown, first in (
        ([("vm-9", "connected"), ("vm-10", "connected")], "vm-9"),
        ([("vm-9", "orphaned"), ("vm-10", "connected")], "vm-10"),
        ([("vm-9", "invalid"), ("vm-10", "disconnected")], "vm-10"),
        ([("vm-9", "inaccessible"), ("vm-10", "connected")], "vm-9"),
        ([("vm-9", "invalid"), ("vm-10", "orphaned")], "vm-9"),
    ):
        vcenter = VCenter()
        for moid, connection in shown:
            vcenter.show(moid, "u", connection)
        vcenter.look(fresh=True)
        assert vcenter.bindings.servers[Moid(first)] == "u"
        assert set(vcenter.servers.values()) == {"u", *vcenter.twins}
        assert len(vcenter.twins) == 1


def restarted(vcenter: str = "vc-1", **servers: str) -> VCenter:
    """What an earlier watch of vCenter `vc-1` was shown, by `vm_9="u"`, is on record; a watch begins."""
    known = {
        ManagedObject("vc-1", moid.replace("_", "-")): ServerId(server) for moid, server in servers.items()
    }
    made = VCenter(Bindings(known))
    made.bindings.begin(vcenter)
    return made


def test_the_twin_on_record_is_the_twin_after_a_restart() -> None:
    vcenter = restarted(vm_9="u@vm-9")
    vcenter.show("vm-9", "u")
    vcenter.show("vm-10", "u")
    vcenter.look(fresh=True)
    assert vcenter.servers == {"vm-9": "u@vm-9", "vm-10": "u"}


def test_a_twin_that_an_old_version_recorded_is_known_by_its_id() -> None:
    vcenter = VCenter(Bindings({ManagedObject("", "vm-9"): ServerId("u@vm-9")}))
    vcenter.show("vm-9", "u")
    vcenter.look(fresh=True)
    assert vcenter.servers == {"vm-9": "u@vm-9"}


@pytest.mark.parametrize("connection", ["connected", "orphaned", "invalid"])
@pytest.mark.parametrize("copy", ["vm-7", "vm-21"])
def test_a_copy_made_while_slad_was_down_is_not_the_server_on_record(connection: str, copy: str) -> None:
    vcenter = restarted(vm_20="u")
    vcenter.show("vm-20", "u", connection)
    vcenter.show(copy, "u")
    assert vcenter.look(fresh=True) == []
    assert vcenter.servers == {"vm-20": "u", copy: f"u@{copy}"}


def test_the_one_on_record_that_is_shown_after_its_copy_is_who_it_was() -> None:
    vcenter = restarted(vm_20="u")
    vcenter.show("vm-7", "u")
    vcenter.look(fresh=True)
    assert vcenter.servers == {"vm-7": "u"}, "as one that was registered anew"
    vcenter.show("vm-20", "u")
    assert vcenter.look() == []
    assert vcenter.servers == {"vm-20": "u", "vm-7": "u@vm-7"}
    assert vcenter.bindings.take_displaced() == {"vm-7"}
    assert vcenter.bindings.take_displaced() == set()


def test_a_machine_whose_files_are_out_of_reach_is_who_it_was_before_a_restart() -> None:
    vcenter = restarted(vm_20="u", vm_21="u@vm-21")
    for moid in ("vm-20", "vm-21", "vm-30"):
        vcenter.show(moid, "", "inaccessible")
    vcenter.look(fresh=True)
    assert vcenter.servers == {"vm-20": "u", "vm-21": "u@vm-21"}
    assert vcenter.bindings.hides(vcenter.inventory), "who vm-30 is is not on record"


def test_what_is_on_record_of_another_vcenter_says_nothing() -> None:
    vcenter = restarted("vc-2", vm_20="u")
    vcenter.show("vm-20", "", "inaccessible")
    vcenter.show("vm-7", "u", "orphaned")
    vcenter.show("vm-21", "u")
    vcenter.look(fresh=True)
    assert vcenter.servers == {"vm-21": "u", "vm-7": "u@vm-7"}


def test_a_vcenter_that_does_not_say_which_it_is_has_no_object_that_is_known_again(vcenter: VCenter) -> None:
    vcenter.bindings.begin("")
    assert vcenter.bindings.managed_object(Moid("vm-20")) is None
    vcenter.bindings.begin("vc-1")
    assert vcenter.bindings.managed_object(Moid("vm-20")) == ("vc-1", "vm-20")


@pytest.mark.parametrize("order", [("vm-21", "vm-20"), ("vm-20", "vm-21")])
def test_a_vcenter_that_starts_and_shows_one_before_the_other_confuses_nobody(
    vcenter: VCenter, order: tuple[str, str]
) -> None:
    vcenter.show("vm-21", "u")
    vcenter.look()
    everything = dict(vcenter.inventory.vms)
    vcenter.session()
    vcenter.look(fresh=True)
    for moid in order:
        vm = everything[Moid(moid)]
        vcenter.inventory.vms[vm.moid] = vm
        vcenter.touched.add(vm.moid)
        vcenter.look()
    assert vcenter.servers == {"vm-20": "u", "vm-21": "u@vm-21"}


def test_a_secondary_is_no_server_and_takes_over_without_a_departure(vcenter: VCenter) -> None:
    vcenter.show("vm-21", "u", role="2")
    assert vcenter.look() == []
    assert vcenter.servers == {"vm-20": "u"}
    vcenter.show("vm-20", "u", role="2")
    vcenter.show("vm-21", "u")
    assert vcenter.look() == []
    assert vcenter.servers == {"vm-21": "u"}


def test_a_secondary_that_is_told_to_be_the_primary_before_the_other_is_told_to_be_none_is_no_twin(
    pair: VCenter,
) -> None:
    pair.show("vm-21", "u", role="1")
    assert pair.look() == []
    assert pair.servers == {"vm-21": "u"}
    for role in ("1", "2"):
        pair.show("vm-20", "u", role=role)
        assert pair.look() == []
        assert pair.servers == {"vm-21": "u"}
    pair.show("vm-20", "u", role="1")
    assert pair.look() == []
    assert pair.servers == {"vm-20": "u"}, "and back"


def test_a_primary_that_is_told_to_be_none_before_the_other_takes_over_was_never_gone(
    pair: VCenter,
) -> None:
    pair.show("vm-20", "u", role="2")
    assert pair.look() == ["u"]
    pair.show("vm-21", "u", role="1")
    assert pair.look() == []
    assert pair.servers == {"vm-21": "u"}
    assert pair.bindings.returned == {"vm-21"}


def test_two_primaries_of_one_uuid_are_twins(vcenter: VCenter) -> None:
    """A copied pair: neither was the other's secondary."""
    vcenter.show("vm-20", "u", role="1")
    vcenter.show("vm-21", "u", role="1")
    vcenter.look()
    assert vcenter.servers == {"vm-20": "u", "vm-21": "u@vm-21"}


def test_a_template_is_no_server_until_it_is_a_machine_again(vcenter: VCenter) -> None:
    vcenter.show("vm-20", "u", template=True)
    assert vcenter.look() == ["u"]
    vcenter.show("vm-20", "u")
    assert vcenter.look() == []
    assert vcenter.servers == {"vm-20": "u"}


def test_a_copy_that_is_given_a_uuid_of_its_own_is_that_server(vcenter: VCenter) -> None:
    vcenter.show("vm-21", "u")
    vcenter.look()
    vcenter.show("vm-21", "v")
    assert vcenter.look() == ["u@vm-21"]
    assert vcenter.servers == {"vm-20": "u", "vm-21": "v"}
    assert not vcenter.twins


def test_a_vcenter_that_was_restored_elsewhere_counts_its_ids_anew(vcenter: VCenter) -> None:
    vcenter.bindings.begin("vc-1")
    vcenter.bindings.begin("")
    vcenter.bindings.begin("vc-1")
    assert vcenter.servers == {"vm-20": "u"}
    assert vcenter.bindings.begin("vc-2") == ["u"]
    vcenter.session("vm-20")
    vcenter.show("vm-20", "")
    vcenter.look(fresh=True)
    assert vcenter.servers == {}, "the id says nothing of who it is"


def test_an_object_that_is_shown_again_was_hidden_and_one_with_another_id_is_registered_anew(
    vcenter: VCenter,
) -> None:
    assert not vcenter.bindings.returned
    vcenter.hide("vm-20")
    vcenter.look()
    vcenter.show("vm-20", "u")
    vcenter.look()
    assert vcenter.bindings.returned == {"vm-20"}
    vcenter.hide("vm-20")
    vcenter.look()
    vcenter.show("vm-30", "u")
    vcenter.look()
    assert not vcenter.bindings.returned


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["show", "show", "hide", "session"]),
        st.sampled_from(["vm-1", "vm-2", "vm-3", "vm-10"]),
        st.sampled_from(["u", "u", "v", ""]),
        st.sampled_from(["connected", "orphaned", "inaccessible"]),
        st.sampled_from(["", "", "1", "2"]),
        st.booleans(),
    ),
    max_size=20,
)


@given(STEPS, st.dictionaries(st.sampled_from(["vm_1", "vm_2"]), st.sampled_from(["u", "u@vm-2", "v"])))
def test_whatever_is_shown_no_two_are_one_and_who_is_shown_did_not_depart(
    steps: list[tuple[str, str, str, str, str, bool]], known: dict[str, str]
) -> None:
    vcenter = restarted(**known)
    listed: set[str] = set()
    for what, moid, uuid, connection, role, looks in steps:
        fresh = what == "session"
        if fresh:
            vcenter.session(*(set(vcenter.inventory.vms) - {Moid(moid)}))
        elif what == "show":
            vcenter.show(moid, uuid, connection, role=role)
        elif Moid(moid) in vcenter.inventory.vms:
            vcenter.hide(moid)
        if looks or fresh:
            departed = vcenter.look(fresh=fresh)
            servers = set(vcenter.servers.values())
            assert not servers & set(departed)
            assert listed - servers == set(departed), "who is gone departed, and nobody else"
            listed = servers
