"""The stories that the live demo tells, by the names that people choose them by."""

from enum import Enum


class StoryName(Enum):
    """In the order in which they are told."""

    SWITCHED_OFF = "switched-off"
    LOST_DATASTORE = "lost-datastore"
    SUSPENDED = "suspended"
    CRASHED = "crashed"
    LOST_UPLINK = "lost-uplink"
    LOST_OWN_LINE = "lost-own-line"
    LOST_MANAGEMENT = "lost-management"
    LOST_HOST = "lost-host"
    LOST_SESSION = "lost-session"
