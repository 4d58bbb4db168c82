"""Which of a server's addresses its checks go to: the likeliest that is the server's alone, by what is known now.

An address that the monitor has would have the monitor answer itself, and one that several servers report may be any of
them: neither proves anything of a server, so neither is tried.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from daemon.config.tables import ReachTable
from daemon.readable import first_of
from daemon.servers.rules import matcher
from probes.report import GuestAddress
from sla.records import ServerId

NAMED: Final = 3
"""So many addresses are named where none is of use."""

_NONE_TOLD: Final = "VMware Tools report no address of a network adapter of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The address to try; or none, and why: `reason` is then a text for people."""

    number: str = ""
    reason: str = ""


def chosen(
    told: Sequence[GuestAddress],
    table: ReachTable,
    *,
    network: str | None,
    own: Container[str],
    is_shared: Callable[[str], bool],
) -> Chosen:
    """The first of use, those of `prefer` before the others; among equals those on a network that matches a rule's glob.

    `told` has the likeliest first. `own`: the monitor's addresses. `is_shared`: whether another server reports it too.
    """
    faults: list[str] = []
    for address in _preferred(told, table, network):
        fault = _fault(address.number, table, own, is_shared)
        if not fault:
            return Chosen(number=address.number)
        faults.append(f"{address.number} {fault}")
    if not faults:
        return Chosen(reason=_NONE_TOLD)
    return Chosen(reason=f"it has no address that can be checked: {first_of(faults, NAMED)}")


def _preferred(told: Sequence[GuestAddress], table: ReachTable, network: str | None) -> list[GuestAddress]:
    is_on_network = matcher(network) if network is not None else None

    def place(address: GuestAddress) -> tuple[int, bool]:
        number = ip_address(address.number)
        preferred = (place for place, each in enumerate(table.prefer) if number in each)
        return next(preferred, len(table.prefer)), not (is_on_network and is_on_network(address.network))

    return sorted(told, key=place)


def _fault(number: str, table: ReachTable, own: Container[str], is_shared: Callable[[str], bool]) -> str:
    if any(ip_address(number) in each for each in table.ignore):
        return "is ignored by [reach]"
    if number in own:
        return "is the monitor's own"
    return "is reported by another server too" if is_shared(number) else ""


class ReportedAddresses:
    """Which servers report an address, of all that are listed. One that two report is neither's alone."""

    def __init__(self) -> None:
        self._of: dict[ServerId, frozenset[str]] = {}
        """By server: the addresses that it reports."""
        self._by: dict[str, set[ServerId]] = {}
        """By address: the servers that report it, the inverse."""
        self._concerned: set[ServerId] = set()
        """Servers of which an address came to be another's too, or their own alone, since this was asked last."""

    def tell(self, server: ServerId, addresses: Iterable[str]) -> None:
        """A server reports these addresses now, and no others."""
        now, before = frozenset(addresses), self._of.get(server, frozenset())
        for address in before - now:
            reporting = self._by[address]
            reporting.discard(server)
            if not reporting:
                del self._by[address]
            elif len(reporting) == 1:
                self._concerned |= reporting
        for address in now - before:
            reporting = self._by.setdefault(address, set())
            if len(reporting) == 1:
                self._concerned |= reporting
            reporting.add(server)
        if now:
            self._of[server] = now
        else:
            self._of.pop(server, None)

    def is_shared(self, address: str) -> bool:
        """Whether more than one server reports an address."""
        return len(self._by.get(address, ())) > 1

    def take_concerned(self) -> set[ServerId]:
        """The servers whose choice another server's report may have changed since this was asked last."""
        concerned, self._concerned = self._concerned, set()
        return concerned
