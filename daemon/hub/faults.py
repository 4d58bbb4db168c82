"""What PostgreSQL, or the way to it, said, as a state and in a sentence."""

import re
from collections.abc import Sequence
from typing import Final

import psycopg

from daemon.hub.states import HubError, HubState

_UNREACHABLE: Final = "Look at whether PostgreSQL runs there, and at the way to it"
_INIT: Final = "Run 'slad hub init' with the role that owns the store"
_ROLES: Final = "'slad hub monitor add' makes that of a monitor, 'slad hub role' that of hubs"

_BY_SQLSTATE: Final[Sequence[tuple[str, HubState, str]]] = (
    ("28", HubState.LOGIN_REFUSED, "Look at the user and the password, and at pg_hba.conf"),
    (
        "42501",
        HubState.NOT_ALLOWED,
        f"Name this observer's own role in [hub] dsn: {_ROLES}",
    ),
    ("3D000", HubState.NO_STORE, f"Make the database ('createdb'). {_INIT}"),
    ("3F000", HubState.NO_STORE, _INIT),
    ("42883", HubState.NO_STORE, _INIT),
    ("42P01", HubState.NO_STORE, _INIT),
    ("57014", HubState.UNANSWERED, "Look at what else PostgreSQL does"),
    ("57P", HubState.UNREACHABLE, _UNREACHABLE),
    ("53300", HubState.UNREACHABLE, "Allow more connections (max_connections), or this role more"),
    ("08", HubState.UNREACHABLE, _UNREACHABLE),
)
"""By the beginning of an SQLSTATE (PostgreSQL's appendix A): the state, and what to do."""

_BY_WORDS: Final[Sequence[tuple[str, HubState, str]]] = (
    (r"database system is|too many|connection slots", HubState.UNREACHABLE, _UNREACHABLE),
    (r"SSL SYSCALL|closed unexpectedly", HubState.UNREACHABLE, _UNREACHABLE),
    (
        r"certificate|sslrootcert",
        HubState.NOT_TRUSTED,
        "Name the authority in [hub] ca_file, and the host as in its certificate",
    ),
    (r"SSL", HubState.NOT_TRUSTED, "Have PostgreSQL speak TLS (ssl = on), or look at sslmode in [hub] dsn"),
    (
        r"password|pg_hba\.conf|authentication failed|not permitted to log in",
        HubState.LOGIN_REFUSED,
        "Look at the user and the password, and at pg_hba.conf",
    ),
    (r'role ".*" does not exist', HubState.LOGIN_REFUSED, f"Make it: {_ROLES}"),
    (r'database ".*" does not exist', HubState.NO_STORE, f"Make the database ('createdb'). {_INIT}"),
    (r"timeout", HubState.UNANSWERED, _UNREACHABLE),
)
"""Of a connection that was not made there is no SQLSTATE: by what its words hold, the first that is found. In a language of the
server's that is not English, it is `unreachable`.
"""


def told(error: psycopg.Error, where: str) -> HubError:
    """What PostgreSQL, or the way to it, said: as a state, and in a sentence that names the store by `where`."""
    said = " ".join((error.diag.message_primary or str(error) or type(error).__name__).split())
    state, remedy = HubState.FAILED, "Look into PostgreSQL's log"
    if error.sqlstate is not None:
        for beginning, known, what in _BY_SQLSTATE:
            if error.sqlstate.startswith(beginning):
                state, remedy = known, what
                break
    elif isinstance(error, psycopg.OperationalError):
        state, remedy = HubState.UNREACHABLE, _UNREACHABLE
        for words, known, what in _BY_WORDS:
            if re.search(words, said):
                state, remedy = known, what
                break
    return HubError(state, f"The store {where}: {said}. {remedy}.")
