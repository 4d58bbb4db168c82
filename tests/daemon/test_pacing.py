"""What the garbage collector is kept from."""

import gc
from collections.abc import Iterator

import pytest

from daemon.pacing import MANY, for_good


@pytest.fixture
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("thawed")
def test_what_stays_is_never_walked() -> None:
    frozen = gc.get_freeze_count()
    with for_good():
        assert not gc.isenabled()
        made: list[list[int]] = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() - frozen >= len(made)
    assert not any(each is made for each in gc.get_objects())


def test_of_a_few_items_the_collector_is_kept_from_nothing() -> None:
    frozen = gc.get_freeze_count()
    with for_good(MANY - 1):
        assert gc.isenabled()
    assert gc.get_freeze_count() == frozen
