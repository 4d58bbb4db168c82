"""Which of its addresses a server is checked at: never the monitor's, never another's, as the configuration prefers."""

from collections.abc import Sequence
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.tables import ReachTable
from daemon.watching.addresses import ReportedAddresses, chosen
from daemon.watching.internet import _nowhere
from probes.report import GuestAddress
from sla.records import ServerId

OWN = {"172.17.0.1", "fd00::1"}


def choice(
    *told: str,
    prefer: Sequence[str] = (),
    ignore: Sequence[str] = (),
    network: str | None = None,
    shared: Sequence[str] = (),
) -> str:
    """The address chosen, or why there is none; an address is written as `NUMBER NETWORK`."""
    addresses = [GuestAddress(number=each.split()[0], network=each.partition(" ")[2]) for each in told]
    table = ReachTable.model_construct(
        prefer=tuple(map(ip_network, prefer)), ignore=tuple(map(ip_network, ignore))
    )
    found = chosen(addresses, table, network=network, own=OWN, is_shared=lambda number: number in shared)
    assert bool(found.number) is not bool(found.reason)
    return found.number or found.reason


def test_the_likeliest_is_chosen_unless_the_monitor_has_it() -> None:
    assert choice("10.0.0.5", "10.1.0.5") == "10.0.0.5"
    assert choice("172.17.0.1", "10.1.0.5") == "10.1.0.5"
    assert choice("fd00::1", "172.17.0.1", "fd00::5") == "fd00::5"


def test_networks_are_preferred_in_their_order_and_before_the_rules_own() -> None:
    told = "10.0.0.5 backup", "192.168.1.5 customers-7", "fd00::5 customers-7"
    assert choice(*told, prefer=["192.168.0.0/16", "10.0.0.0/8"]) == "192.168.1.5"
    assert choice(*told, prefer=["fd00::/8", "10.0.0.0/8"]) == "fd00::5"
    assert choice(*told, network="customers-*") == "192.168.1.5"
    assert choice(*told, network="customers-*", prefer=["10.0.0.0/8"]) == "10.0.0.5"
    assert choice(*told, network="[customers]-*") == "10.0.0.5"


def test_what_is_ignored_is_never_chosen() -> None:
    assert choice("172.18.0.1", "10.0.0.5", ignore=["172.16.0.0/12"]) == "10.0.0.5"
    assert choice("10.0.0.5", ignore=["10.0.0.5"]).endswith("10.0.0.5 is ignored by [reach]")


def test_without_an_address_of_use_the_reason_names_each() -> None:
    assert choice() == "VMware Tools report no address of a network adapter of it"
    said = choice("172.17.0.1", "10.0.0.5", "10.0.0.6", ignore=["10.0.0.6"], shared=["10.0.0.5"])
    assert said == (
        "it has no address that can be checked: 172.17.0.1 is the monitor's own,"
        " 10.0.0.5 is reported by another server too, 10.0.0.6 is ignored by [reach]"
    )
    many = [f"10.0.0.{number}" for number in range(1, 60)]
    assert choice(*many, ignore=["10.0.0.0/8"]).endswith(" and 56 more")


@given(
    st.lists(
        st.sampled_from(["10.0.0.5", "172.17.0.1", "fd00::1", "10.9.9.9", "fd00::5", "192.168.0.1"]),
        max_size=6,
    ),
    st.lists(st.sampled_from(["10.0.0.0/8", "fd00::/8", "192.168.0.0/16"]), max_size=3),
    st.lists(st.sampled_from(["10.0.0.5", "fd00::5"]), max_size=2),
)
def test_never_the_monitors_own_never_anothers(told: list[str], prefer: list[str], shared: list[str]) -> None:
    found = choice(*told, prefer=prefer, shared=shared)
    assert found not in OWN
    assert found not in shared
    assert (found in told) is bool(set(told) - OWN - set(shared))


SERVERS = st.sampled_from([ServerId(each) for each in "abc"])
ADDRESSES = st.frozensets(st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"]))


@given(st.lists(st.tuples(SERVERS, ADDRESSES), max_size=20))
def test_who_shares_an_address_is_told_as_it_comes_and_goes(
    story: list[tuple[ServerId, frozenset[str]]],
) -> None:
    reported, now = ReportedAddresses(), dict[ServerId, frozenset[str]]()
    for server, addresses in story:
        before = {each: shared(now, each) for each in now}
        now[server] = addresses
        reported.tell(server, addresses)
        concerned = reported.take_concerned()
        assert {each for each in before if each != server and before[each] != shared(now, each)} <= concerned
        for address in ("10.0.0.1", "10.0.0.2", "10.0.0.3"):
            assert reported.is_shared(address) is (sum(address in each for each in now.values()) > 1)


def shared(now: dict[ServerId, frozenset[str]], server: ServerId) -> frozenset[str]:
    """Those of a server's addresses that others report too."""
    others = frozenset[str]().union(*(each for name, each in now.items() if name != server))
    return now[server] & others


@pytest.mark.parametrize(
    "text",
    ["icmp://{address}", "tcp://{address}:443", "https://{address}/up", "http://proxy.example/{address}"],
)
def test_a_target_without_an_address_is_shown_as_it_is_configured(text: str) -> None:
    assert _nowhere(text).text == text
