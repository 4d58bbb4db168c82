"""What holds of a server's leg `internet`, in the order of design §5. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from sla.reasons import PlainReason, Reason
from sla.records import State


class Verdict(NamedTuple):
    """A state, and why; none where there is nothing to say."""

    state: State
    reason: Reason = PlainReason.NONE


def verdict(vantage: Verdict, uplink: Verdict | None, required_reach: Verdict | None) -> Verdict:
    """The leg's state by the monitor's own way out, the server's uplink, and the checks of its address that decide.

    None: the server has no uplink, no such check, or they rest. Where nothing at all is asked, nothing is known.
    """
    if vantage.state is not State.UP:
        return Verdict(State.UNKNOWN, vantage.reason)
    if uplink is not None and uplink.state is not State.UP:
        return uplink
    if required_reach is not None:
        return required_reach
    return Verdict(State.UNKNOWN, PlainReason.NOTHING_ASKED) if uplink is None else Verdict(State.UP)


def all_of(verdicts: Sequence[Verdict]) -> Verdict | None:
    """What holds where several are required: down if one is, else unknown if one is, else up. None of none."""
    for state in (State.DOWN, State.UNKNOWN):
        for verdict in verdicts:
            if verdict.state is state:
                return verdict
    return verdicts[0] if verdicts else None
