"""What slad takes for the time."""

from pydantic import Field

from daemon.replies.common import At, Reply, Seconds


class ClockStatus(Reply):
    """What slad takes for the time (`at`), and what the wall clock shows."""

    at: At
    wall_clock_at: At
    offset_seconds: Seconds = Field(
        description="How far the wall clock is ahead. Negative though it is believed: it was set back, and time stands still"
        " until it has caught up."
    )
    doubted_since: At | None = Field(
        description="Since when the wall clock is not believed; null while it is."
    )
    why: str = Field(description="Why it is not, and what will be done; empty while it is.")
    can_be_accepted: bool = Field(description="Whether a person can have it believed at once.")
