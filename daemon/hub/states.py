"""How a monitor stands with the store, a closed list, and what keeps it from shipping, in sentences for the operator.

HubError        the store cannot be used now; `state` says which kind of reason it is
"""

import os
import socket
from enum import Enum
from secrets import token_hex
from typing import Final


class HubState(Enum):
    """How a monitor stands with the store: `shipping` is the good one. The values are those of the metric's label."""

    SHIPPING = "shipping"
    UNREACHABLE = "unreachable"
    """No connection, or one that broke."""
    UNANSWERED = "unanswered"
    """No answer in time."""
    FAILED = "failed"
    """PostgreSQL could not do it: no room, a standby, a limit."""
    NO_SECRET = "no_secret"  # noqa: S105  a word
    """The file or the credential of the password cannot be read."""
    LEDGER_UNREADABLE = "ledger_unreadable"
    """The monitor's own ledger does not give its records now."""
    LOGIN_REFUSED = "login_refused"
    NOT_TRUSTED = "not_trusted"
    """The certificate is not one that is trusted for this host, or there is no TLS."""
    NO_STORE = "no_store"
    """The database has no store."""
    SCHEMA_OLDER = "schema_older"
    SCHEMA_NEWER = "schema_newer"
    NOT_ALLOWED = "not_allowed"
    """The role may not append as this observer."""
    LEDGER_WENT_BACK = "ledger_went_back"
    """The store has records that the ledger lacks."""
    DIVERGED = "diverged"
    """A record in the store is another one in the ledger."""
    SHARED_NAME = "shared_name"
    """Another monitor goes by the same observer name."""

    @property
    def is_refusal(self) -> bool:
        """Whether it stays so until somebody does something about it: it is no matter of waiting."""
        return self in _REFUSALS


_REFUSALS: Final = frozenset(
    {
        HubState.LOGIN_REFUSED,
        HubState.NOT_TRUSTED,
        HubState.NO_STORE,
        HubState.SCHEMA_OLDER,
        HubState.SCHEMA_NEWER,
        HubState.NOT_ALLOWED,
        HubState.LEDGER_WENT_BACK,
        HubState.DIVERGED,
        HubState.SHARED_NAME,
    }
)


class HubError(Exception):
    """The store cannot be used; the message says why, and what to do."""

    def __init__(self, state: HubState, message: str) -> None:
        """A message is one or more whole sentences."""
        super().__init__(message)
        self.state = state


def instance_name() -> str:
    """By what the store tells one process of a monitor from another, and people find it."""
    return f"{socket.gethostname()}:{os.getpid()}:{token_hex(8)}"
