"""Values of a reply are what they should be, or none, or raise."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.vcenter import soap, values
from sla.texts import NAME_BYTES

READERS: dict[str, tuple[Callable[[soap.Value | None], object], object]] = {
    "word": (values.word, ""),
    "name": (values.name, ""),
    "flag": (values.flag, None),
    "reference": (values.reference, None),
    "references": (values.references, ()),
    "members": (values.members, {}),
}
"""Each with what stands for none."""
ANY = st.recursive(
    st.text(max_size=20),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("reader", READERS)
def test_what_is_absent_is_no_statement(reader: str) -> None:
    read, none = READERS[reader]
    assert [read(absent) for absent in (None, "")] == [none, none]


@pytest.mark.parametrize("reader", READERS)
@given(value=ANY)
def test_any_value_is_read_or_raises_one_error(reader: str, value: soap.Value) -> None:
    read, _ = READERS[reader]
    try:
        told = read(value)
    except ValueError as error:
        told = str(error)
    assert not isinstance(told, str) or len(told) < 2 * NAME_BYTES


@pytest.mark.parametrize(
    ("reader", "odd"),
    [
        ("word", {"x": "1"}),
        ("name", ["a", "b"]),
        ("flag", "perhaps"),
        ("reference", {"x": "1"}),
        ("reference", "vm\n1"),
        ("reference", "v" * 300),
        ("references", "vm-1"),
        ("references", {"ManagedObjectReference": [{"x": "1"}]}),
        ("references", {"Another": "vm-1"}),
        ("members", "x"),
    ],
)
def test_what_is_something_else_raises(reader: str, odd: soap.Value) -> None:
    read, _ = READERS[reader]
    with pytest.raises(ValueError, match=r"^no "):
        read(odd)


def test_an_id_is_never_absent() -> None:
    for absent in (None, ""):
        with pytest.raises(ValueError, match="no id"):
            values.as_moid(absent)


def test_names_are_as_people_write_them() -> None:
    assert values.name("a%2fb%5Cc%25d%20e") == "a/b\\c%d%20e"
