"""What the probe `icmp` makes of a host with several addresses."""

from collections.abc import Sequence

import pytest

from probes.targets.icmp import probe
from probes.targets.resolve import Resolver
from probes.targets.result import Reason, Result
from probes.targets.target import parse_target
from sla.records import State

UP = Result(state=State.UP, rtt_us=10)
DOWN = Result(state=State.DOWN, reason=Reason.TIMEOUT)
NO_ROUTE = Result(state=State.UNKNOWN, reason=Reason.NO_ROUTE)
DROPPED = Result(state=State.UNKNOWN, reason=Reason.DROPPED_HERE)


class Told:
    """Pings of which the results stand beforehand."""

    def __init__(self, results: Sequence[Result]) -> None:
        self._results = list(results)

    async def ping(self, _: str, __: float) -> Result:
        raise AssertionError

    async def ping_all(self, addresses: Sequence[str], _: float) -> list[Result]:
        assert len(addresses) == len(self._results)
        return self._results


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([UP, DOWN], UP),
        ([DOWN, UP], UP),
        ([DOWN, DOWN], DOWN),
        ([DROPPED, UP], UP),
        ([DOWN, DROPPED], DROPPED),
        ([DOWN, NO_ROUTE], DOWN),
        ([NO_ROUTE, NO_ROUTE], NO_ROUTE),
    ],
)
async def test_a_fault_of_ours_at_one_address_makes_the_host_unknown_unless_another_answers(
    results: list[Result], expected: Result
) -> None:
    resolver = Resolver(lambda _: [f"192.0.2.{number}" for number in range(1, len(results) + 1)])
    assert await probe(parse_target("icmp://host.example"), Told(results), resolver, 5.0) == expected
