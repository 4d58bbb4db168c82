"""Pseudonyms of IP addresses: of the same kind each, so that what slad takes for a machine's own stays that, and nothing else becomes it."""

from collections import Counter
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_NOBODYS: Final = tuple(map(IPv4Address, ("0.0.0.0", "255.255.255.255", "172.17.0.1")))  # noqa: S104  not listened on
"""Addresses that say nothing of a network: the last is that of the bridge of containers."""
_LOOPBACK: Final = IPv4Network("127.0.0.0/8")
_KINDS: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "169.254.0.0/16",
            "172.17.0.0/16",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "0.0.0.0/0",
        ),
    )
)
"""The kinds of IPv4, the narrower first."""
_NO_RUN: Final = -1
_FIRST_PUBLIC: Final = int(IPv4Address("198.18.0.0")) >> 8
_MAPPED: Final = (
    (IPv6Network("::ffff:0:0/96"), "::ffff:{}"),
    (IPv6Network("64:ff9b::/96"), "64:ff9b::{}"),
    (IPv6Network("::/96"), "::{}"),
)
"""What stands for an address of IPv4."""
_KINDS_6: Final = tuple(
    (IPv6Network(kind), IPv6Address(first))
    for kind, first in (
        ("ff00::/8", "ff02::1:0"),
        ("fe80::/10", "fe80::1:0"),
        ("fc00::/7", "fd00::1:0"),
        ("2001::/32", "2001:0:1::1:0"),
        ("2002::/16", "2002::1:0"),
        ("::/0", "2001:db8::1:0"),
    )
)
"""Other kinds of IPv6, and where their pseudonyms begin."""


class AddressPseudonyms:
    """Those of one recording. They are counted up, each address gets one of its own, however it is spelled."""

    def __init__(self) -> None:
        self._known: dict[IPv4Address | IPv6Address, str] = {}
        self._networks: dict[tuple[int, int], int] = {}
        """What stands for the first three numbers of an IPv4 address, by these and by the run of bits that they keep."""
        self._given: Counter[tuple[IPv4Network, int, int]] = Counter()
        self._given_6: Counter[IPv6Network] = Counter()

    def __len__(self) -> int:
        """How many addresses were replaced."""
        return len(self._known)

    def of(self, told: str) -> str | None:
        """The pseudonym of an address; None for what is none. What is everybody's stays."""
        try:
            address = ip_address(told)
        except ValueError:
            return None
        if isinstance(address, IPv4Address):
            is_nobodys = address in _NOBODYS or address in _LOOPBACK
        else:
            is_nobodys = int(address) <= 1
        if is_nobodys:
            return told
        known = self._known.get(address)
        if known is None:
            made = self._of_4(address) if isinstance(address, IPv4Address) else self._of_6(address)
            known = self._known[address] = str(made)
        return known

    def _of_6(self, address: IPv6Address) -> str:
        form = next((form for network, form in _MAPPED if address in network), None)
        if form is not None:
            return form.format(self.of(str(IPv4Address(int(address) & 0xFFFFFFFF))))
        kind, first = next(each for each in _KINDS_6 if address in each[0])
        self._given_6[kind] += 1
        return str(first + self._given_6[kind])

    def _of_4(self, address: IPv4Address) -> IPv4Address:
        """One of the same kind with the same last number. Which machine's it cannot be, by its network's length, stays so."""
        network, last = divmod(int(address), 256)
        # The first and the last number of a network end in a run of equal bits, which may go on in what is before.
        run = _run(network, last & 1) if last in (0, 255) else _NO_RUN
        if (network, run) not in self._networks:
            self._networks[network, run] = self._network(network, run, last & 1)
        return IPv4Address(self._networks[network, run] << 8 | last)

    def _network(self, network: int, run: int, bit: int) -> int:
        """The next network of the same kind that ends in just such a run of bits."""
        kind = _kind(network)
        free = 24 - kind.prefixlen
        if run >= free:
            return network
        ending, width = _ending(run, bit)
        begun = int(kind.network_address) >> 8
        first = _FIRST_PUBLIC if kind.prefixlen == 0 else 0
        while True:
            self._given[kind, run, bit] += 1
            count = (first >> width) + self._given[kind, run, bit]
            made = begun | (count << width) % (1 << free) | ending
            if _kind(made) == kind:
                return made


def _run(network: int, bit: int) -> int:
    """How many of the last bits are like this one."""
    run = 0
    while run < 24 and network >> run & 1 == bit:
        run += 1
    return run


def _ending(run: int, bit: int) -> tuple[int, int]:
    """The bits of a run and of the other one that ends it, and how many these are."""
    if run == _NO_RUN:
        return 0, 0
    return ((1 << run) - 1 if bit else 1 << run), run + 1


def _kind(network: int) -> IPv4Network:
    first = IPv4Address(network << 8)
    return next(kind for kind in _KINDS if first in kind)
