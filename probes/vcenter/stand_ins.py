"""Elements that are read apart from the reply that they are in: what stands in their place meanwhile, and how they come back."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

MARK: Final = "taken-out"
"""What no vCenter calls an element."""

Taken = Mapping[str, Sequence[Any]]
"""The values of elements that were taken out of a reply, by the name of the elements, in their order."""


def stand_in(element: str, start: int, end: int) -> str:
    """What stands for all elements of this name from one number up to another."""
    return f"<{element}><{MARK}>{start} {end}</{MARK}></{element}>"


def put_back(value: Any, taken: Taken) -> Any:
    """A document's value with the elements that were taken out of it."""
    if isinstance(value, list):
        return [put_back(each, taken) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _meant(child, taken[name], taken) if name in taken else put_back(child, taken)
        for name, child in value.items()
    }


def _meant(told: Any, elements: Sequence[Any], taken: Taken) -> Any:
    """What is meant by one or several elements, some of which stand for others: one, or several as a list."""
    found: list[Any] = []
    for each in told if isinstance(told, list) else [told]:
        numbers = each.get(MARK) if isinstance(each, dict) else None
        if numbers is None:
            found.append(put_back(each, taken))
        else:
            start, end = map(int, numbers.split())
            found += elements[start:end]
    return found[0] if len(found) == 1 else found
