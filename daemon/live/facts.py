"""What is said of a server besides its record."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from daemon.exposition.families import LabelledFamily
from sla.records import ServerId


async def _none_labelled() -> tuple[LabelledFamily, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What is told of a server besides its record, as labels: who lists it, its way out, and where it runs."""

    source_of: Callable[[ServerId], str]
    uplink_of: Callable[[ServerId], str] = lambda _: ""
    placement_of: Callable[[ServerId], tuple[str, str]] = lambda _: ("", "")
    """Its host, and the datastores of its files."""
    labelled: Callable[[], Awaitable[tuple[LabelledFamily, ...]]] = _none_labelled
    """What else is known of servers, in families of their own: what their own addresses answered."""
