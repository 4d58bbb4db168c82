"""A fact about a virtual server, as far as a source tells it: what it is, that there is none, or nothing.

Three things that must not be one another: a value; None, where the source says that there is none; `NOT_KNOWN`, where
it may not, or does not yet, say. What is not known is not "no": who decides by such a fact has to wait.
"""

from enum import Enum
from typing import Final, Literal


class NotKnown(Enum):
    """The one thing that a fact is of which nothing is known."""

    NOT_KNOWN = "not known"


NOT_KNOWN: Final = NotKnown.NOT_KNOWN

Fact = str | None | Literal[NotKnown.NOT_KNOWN]
"""A text, none, or not known."""
