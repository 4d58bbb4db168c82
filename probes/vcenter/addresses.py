"""Which addresses a guest has, by what VMware Tools report of its network adapters.

What a guest says is a client's word. Of it counts what an adapter has that is a card of the virtual machine: bridges of
containers and ends of tunnels have addresses that many machines have alike, the monitor too. Pure and total: whatever
stands there, something is made of it (vSphere API: `GuestInfo`, `GuestNicInfo`, `NetIpConfigInfoIpAddress`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, ip_address, ip_network
from itertools import islice
from typing import Final

from probes.report import GuestAddress
from probes.vcenter import soap

MOST: Final = 64
"""So many adapters of one guest are looked at, so many addresses of each, and so many together."""

_LONGEST_NUMBER: Final = 64
_LONGEST_NAME: Final = 256
_NO_CARD: Final = "-"
"""What a `deviceConfigId` begins with that is no card of the machine."""
_NOT_IN_USE: Final = frozenset({"invalid", "inaccessible", "tentative", "duplicate"})
_PREFIXES: Final = frozenset(map(str, range(1, 31)))
"""The lengths of networks of which the first and the last number are no machine's."""
_RANKS: Final = {"deprecated": 2, "random": 1}
"""By its state, an address that is on its way out; by its origin, one that a guest makes anew each day (RFC 8981)."""
_NOBODYS: Final = tuple(
    map(ip_network, ("0.0.0.0/8", "240.0.0.0/4", "::/96", "64:ff9b::/96", "2001::/32", "2002::/16"))
)
"""This network, reserved and broadcast; of IPv6 what only stands for addresses of IPv4, and ends of tunnels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterAddress:
    """An address of one adapter, that can be a machine's own. `rank`: how much rather others are taken; 0 is plain."""

    number: str
    network: str
    is_card: bool
    """Whether a card of the machine has it, and uses it."""
    rank: int = 0


def adapter_addresses(nics: soap.Value | None) -> tuple[AdapterAddress, ...]:
    """What the property `guest.net` says, adapter by adapter; what can be nobody's own is left out."""
    found: dict[tuple[str, bool], AdapterAddress] = {}
    for nic in soap.array(nics, "GuestNicInfo")[:MOST]:
        if isinstance(nic, dict):
            for address in _of_adapter(nic):
                found.setdefault((address.number, address.is_card), address)
    return tuple(islice(found.values(), MOST))


def own_addresses(primary: str, told: tuple[AdapterAddress, ...]) -> tuple[GuestAddress, ...]:
    """A guest's own addresses, the likeliest first.

    `primary` is what `guest.ipAddress` says. It comes first where a card has it, and counts by itself only while no adapter
    tells any address.
    """
    if not told:
        number = usable_number(primary)
        return (GuestAddress(number=number),) if number else ()
    first = usable_number(primary)
    cards = sorted(
        (each for each in told if each.is_card), key=lambda each: (each.number != first, each.rank)
    )
    return tuple(GuestAddress(number=each.number, network=each.network) for each in cards)


def usable_number(told: object, prefix: object = None) -> str:
    """An IP number that can be one machine's own, in its usual form; "" for anything else.

    An IPv4 number in IPv6 is taken for the former. `prefix`: the length of its network's, where that is known.
    """
    number = _number(told)
    if number is None or number.is_loopback or number.is_link_local or number.is_multicast:
        return ""
    if any(number in nobodys for nobodys in _NOBODYS):
        return ""
    if isinstance(number, IPv4Address) and isinstance(prefix, str) and prefix in _PREFIXES:
        network = IPv4Interface(f"{number}/{prefix}").network
        if number in (network.network_address, network.broadcast_address):
            return ""
    return str(number)


def _number(told: object) -> IPv4Address | IPv6Address | None:
    if not isinstance(told, str) or len(told) > _LONGEST_NUMBER:
        return None
    try:
        number = ip_address(told.strip())
    except ValueError:
        return None
    if isinstance(number, IPv6Address):
        return None if number.scope_id else number.ipv4_mapped or number
    return number


def _of_adapter(nic: Mapping[str, object]) -> Iterator[AdapterAddress]:
    """First what is told with its state, then what is told plainly."""
    network = _text(nic.get("network"))[:_LONGEST_NAME]
    is_card = not _text(nic.get("deviceConfigId")).strip().startswith(_NO_CARD)
    config = nic.get("ipConfig")
    told = soap.as_list(config.get("ipAddress")) if isinstance(config, dict) else []
    with_state = [each for each in told[:MOST] if isinstance(each, dict)]
    for each in with_state:
        number = usable_number(each.get("ipAddress"), each.get("prefixLength"))
        state, origin = _text(each.get("state")), _text(each.get("origin"))
        if number:
            rank = _RANKS.get(state, 0) + _RANKS.get(origin, 0)
            is_own = is_card and state not in _NOT_IN_USE
            yield AdapterAddress(number=number, network=network, is_card=is_own, rank=rank)
    known = {_text(each.get("ipAddress")) for each in with_state}
    for plain in _list(nic.get("ipAddress"))[:MOST]:
        number = usable_number(plain)
        if number and plain not in known:
            yield AdapterAddress(number=number, network=network, is_card=is_card)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
