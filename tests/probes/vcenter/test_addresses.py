"""A guest's own addresses, by what VMware Tools report: examples, and whatever else may stand there."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.report import GuestAddress
from probes.vcenter.addresses import MOST, adapter_addresses, own_addresses, usable_number


def nic(*numbers: str, device: int | None = 4000, network: str = "", **states: str) -> dict[str, Any]:
    """A GuestNicInfo; `states` are of all its addresses."""
    told: dict[str, Any] = {
        "ipAddress": list(numbers),
        "macAddress": "00:50:56:00:00:01",
        "connected": "true",
    }
    if device is not None:
        told["deviceConfigId"] = str(device)
    if network:
        told["network"] = network
    if states:
        told["ipConfig"] = {"ipAddress": [{"ipAddress": each, **states} for each in numbers]}
    return told


def own(primary: str, *nics: dict[str, Any]) -> list[str]:
    told = adapter_addresses({"GuestNicInfo": list(nics)})
    return [each.number for each in own_addresses(primary, told)]


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ("10.0.0.5", "10.0.0.5"),
        (" 192.0.2.7\n", "192.0.2.7"),
        ("2001:DB8::0:7", "2001:db8::7"),
        ("fd00::7", "fd00::7"),
        ("172.17.0.1", "172.17.0.1"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("::FFFF:0a00:0005", "10.0.0.5"),
    ],
)
def test_a_number_that_can_be_a_machines_own_is_told_in_its_usual_form(told: str, number: str) -> None:
    assert usable_number(told) == number


@pytest.mark.parametrize(
    "told",
    [
        "", "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.9.9.9", "169.254.7.7", "224.0.0.1", "239.255.255.250", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::10.0.0.5", "::ffff:127.0.0.1", "::ffff:169.254.1.1", "::ffff:0.0.0.0", "fe80::1",
        "fe80::1%eth0", "fd00::1%3", "ff02::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2002:c000:204::1", "64:ff9b::a00:5",
        "10.0.0.5/24", "010.0.0.5", "10.0.0", "167772165", "10.0.0.5:80", "host", "$(reboot)", "1" * 1_000_000, None, 5, [], {},
    ],
)  # fmt: skip
def test_what_can_be_nobodys_own_is_none(told: object) -> None:
    assert usable_number(told) == ""


@pytest.mark.parametrize(
    ("number", "prefix", "is_one"),
    [
        ("10.0.0.0", "24", False),
        ("10.0.0.255", "24", False),
        ("10.0.0.255", "16", True),
        ("10.0.0.0", "31", True),
        ("10.0.0.0", "32", True),
        ("10.0.0.255", None, True),
        ("10.0.0.255", "-1", True),
        ("10.0.0.255", "9" * 5000, True),
        ("10.0.0.255", {}, True),
    ],
)
def test_the_first_and_the_last_number_of_a_network_are_no_machines(
    number: str, prefix: object, is_one: bool
) -> None:
    assert bool(usable_number(number, prefix)) is is_one


def test_bridges_of_containers_and_tunnels_do_not_count_though_vcenter_calls_one_the_guests_own() -> None:
    bridge = nic("172.17.0.1", device=-1, state="preferred")
    assert own("172.17.0.1", bridge, nic("10.0.0.5")) == ["10.0.0.5"]
    assert own("172.17.0.1", bridge) == []
    assert own("10.0.0.9", bridge) == []


def test_the_guests_own_comes_first_where_a_card_has_it_and_the_cards_follow_in_their_order() -> None:
    cards = nic("10.0.0.5", "fd00::5"), nic("10.1.0.5", device=4001)
    assert own("10.1.0.5", *cards) == ["10.1.0.5", "10.0.0.5", "fd00::5"]
    assert own("::ffff:10.1.0.5", *cards) == ["10.1.0.5", "10.0.0.5", "fd00::5"]
    assert own("", *cards) == ["10.0.0.5", "fd00::5", "10.1.0.5"]


def test_while_no_adapter_tells_an_address_the_guests_own_counts_by_itself() -> None:
    assert own("10.0.0.5") == ["10.0.0.5"]
    assert own("10.0.0.5", nic(), nic("fe80::1")) == ["10.0.0.5"]
    assert own("127.0.0.1", nic()) == []
    assert own_addresses("10.0.0.5", adapter_addresses(None)) == (GuestAddress(number="10.0.0.5"),)


def test_what_is_not_in_use_does_not_count_and_what_changes_comes_last() -> None:
    duplicate = nic("10.0.0.5", state="duplicate")
    random = nic("fd00::a", state="preferred", origin="random")
    old = nic("fd00::b", state="deprecated")
    assert own("10.0.0.5", duplicate, old, random, nic("fd00::c")) == ["fd00::c", "fd00::a", "fd00::b"]
    assert own("10.0.0.5", duplicate) == [], "another machine has it, and would answer"


def test_an_adapter_is_told_with_its_network() -> None:
    told = adapter_addresses({"GuestNicInfo": nic("10.0.0.5", network="customers-7" * 100)})
    assert [each.network for each in own_addresses("", told)] == [("customers-7" * 100)[:256]]


def test_of_very_many_addresses_some_are_looked_at() -> None:
    many = [nic(*(f"10.{card}.{number}.1" for number in range(200))) for card in range(200)]
    assert len(own("", *many)) == MOST


VALUES = st.recursive(
    st.one_of(
        st.text(max_size=8), st.sampled_from(["10.0.0.5", "-1", "4000", "preferred", "::ffff:10.0.0.5", "24"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "GuestNicInfo",
                    "ipAddress",
                    "ipConfig",
                    "deviceConfigId",
                    "network",
                    "state",
                    "prefixLength",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(VALUES, st.text(max_size=20))
def test_whatever_stands_there_something_is_made_of_it(nics: Any, primary: str) -> None:
    for address in own_addresses(primary, adapter_addresses(nics)):
        assert usable_number(address.number) == address.number
