"""What slad takes for the time."""

from pydantic import Field

from daemon.replies.common import At, Reply


class ClockStatus(Reply):
    """What slad takes for the time (`at`), and what the wall clock shows."""

    at: At
    wall_clock_at: At
    doubted_since: At | None = Field(
        description="Since when the wall clock is not believed; null while it is."
    )
    why: str = Field(description="Why it is not, and what will be done; empty while it is.")
    can_be_accepted: bool = Field(description="Whether a person can have it believed at once.")
