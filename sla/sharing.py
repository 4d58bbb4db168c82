"""One object for all who have the same: of values that come in anew each time, and that many hold."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeVar

_T = TypeVar("_T")

MOST: Final = 4096


def sharing() -> Callable[[_T], _T]:
    """A function that gives a value itself, or one of the last `MOST` that it gave and that is equal.

    Each kind of value needs one of its own: what is equal may be of another type, as a leg and its word.
    """
    return lru_cache(maxsize=MOST)(_itself)


def _itself(value: _T) -> _T:
    return value
