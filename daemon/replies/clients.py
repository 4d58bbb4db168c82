"""Clients: their terms, their solutions, and what is due."""

from typing import Any

from pydantic import Field

from daemon.replies.common import Reply
from daemon.replies.requests import RequestStatus
from daemon.replies.solutions import ClientSolution, DeadlineStatus


class ClientRow(Reply):
    """A client."""

    id: str
    name: str
    timezone: str
    tech_admins: tuple[str, ...]
    servers: int


class ClientList(Reply):
    """The clients, by id."""

    clients: tuple[ClientRow, ...]


class ClientStatus(ClientRow):
    """A client, its terms, its solutions, and what is due."""

    terms: dict[str, Any] = Field(description='As the configuration writes them: "2h", "0.999".')
    open_requests: tuple[RequestStatus, ...]
    deadlines: tuple[DeadlineStatus, ...]
    solutions: tuple[ClientSolution, ...]
    """The last key: rows are put in one by one."""
