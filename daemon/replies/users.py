"""Users of the vCenters."""

from pydantic import Field

from daemon.replies.common import Reply


class UserList(Reply):
    """Who turned servers off, put hosts in maintenance mode, and the like."""

    users: tuple[str, ...] = Field(
        description="Those whom events of the last 40 days name that causes rest on, each once, sorted."
    )
