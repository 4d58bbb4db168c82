"""The words that requests and answers of the control API have, and that commands offer: it imports nothing of slad."""

from typing import Final, Literal

MOST_WINDOWS: Final = 53
"""In one series: a year of weeks."""
ExclusionCategory = Literal["force_majeure", "client_change", "client_system", "end_user_pc"]
AUTOMATIC: Final = "automatic"
"""In place of a cause: that which slad itself finds."""
ProposalState = Literal["pending", "accepted", "rejected", "lapsed"]
NO_SERVICE: Final = "no server was in service"
"""How the message begins of a refusal because there is nothing to issue."""
