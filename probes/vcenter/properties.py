"""Properties that are read once and not watched: too large for every virtual server, or the same all day."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from probes.vcenter import soap
from probes.vcenter.faults import VcenterError, is_of_one_call, reading
from probes.vcenter.session import Session
from probes.vcenter.values import Moid, as_moid

PAGE: Final = 100
UNREADABLE_IN_A_ROW: Final = 20
"""How many answers in a row may be unreadable: more than halving a page takes until one object stands alone."""


def read_once(
    session: Session, kind: str, paths: tuple[str, ...], moids: Sequence[Moid], page: int = PAGE
) -> Iterator[tuple[Moid, dict[str, soap.Value]]]:
    """Properties of objects of one type as plain values by their paths, for each of `moids` once, in any order.

    Nothing is told of an object that is gone, or of which any of the properties is refused or cannot be parsed. Raises
    VcenterError where no object at all can be read.
    """
    left = set(moids)
    for found in objects_of(session, kind, paths, moids, page):
        for moid, told in _told([found]):
            if moid in left:
                left.discard(moid)
                yield moid, told
    yield from ((moid, {}) for moid in left)


def objects_of(
    session: Session, kind: str, paths: tuple[str, ...], moids: Sequence[Moid], page: int = PAGE
) -> Iterator[dict[str, Any]]:
    """What `Session.retrieve` gives of some objects; without those for which it fails, also where that fails for others.

    A page that fails is asked for in halves, until what it fails for stands alone. Raises VcenterError where it fails for
    one object after the other.
    """
    pages = [moids[start : start + page] for start in range(0, len(moids), page)]
    pages.reverse()
    in_a_row = 0
    while pages:
        asked = pages.pop()
        try:
            found = list(session.retrieve(kind, paths, asked))
        except VcenterError as error:
            in_a_row += 1
            if not is_of_one_call(error) or in_a_row > UNREADABLE_IN_A_ROW:
                raise
            if len(asked) > 1:
                half = len(asked) // 2
                pages += (asked[half:], asked[:half])
            continue
        in_a_row = 0
        yield from found


def _told(objects: Iterable[dict[str, Any]]) -> Iterator[tuple[Moid, dict[str, soap.Value]]]:
    for found in objects:
        try:
            if not soap.as_list(found.get("missingSet")):
                told = soap.as_list(found.get("propSet"))
                yield as_moid(found["obj"]), {each["name"]: each["val"] for each in told}
        except (AttributeError, LookupError, TypeError, ValueError):
            continue


def moid_of(managed_object: Any) -> Moid:
    """The id of a managed object. Raises ReplyError where vCenter gave something else, or nothing, in its place."""
    # Reading any other attribute of a managed object is a call.
    with reading("a reference to an object"):
        return as_moid(getattr(managed_object, "_moId", None))
