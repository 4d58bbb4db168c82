"""The instants that people may say: what the OpenAPI document promises is what is read."""

import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.records.bodies import INSTANT_SCHEMA, read_instant

PROMISED = re.compile(INSTANT_SCHEMA["pattern"], re.ASCII)

TAKEN = (
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00+23:59",
    "2999-12-31T23:59:59.999999-23:59",
    "2024-02-29t12:00:00.5z",
    "2026-03-01T05:00:00.000001+00:00",
    "2026-03-01T05:00:00-00:00",
)
REFUSED = (
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "1969-12-31T23:59:59-23:59",
    "3000-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999-23:59",
    "10000-01-01T00:00:00Z",
    "2026-02-29T00:00:00Z",
    "2016-12-31T23:59:60Z",
    "2026-03-01T24:00:00Z",
    "2026-03-01T05:00:00+24:00",
    "2026-03-01T05:00:00+00:60",
    "2026-03-01T05:00:00.1234567Z",
    f"2026-03-01T05:00:00.{'0' * 200}Z",
    "2026-03-01T05:00:00.Z",
    "2026-03-01T05:00:00,5Z",
    "2026-03-01T05:00:00",
    "2026-03-01 05:00:00Z",
    "2026-03-01T05:00Z",
    "2026-W09-7T05:00:00Z",
    "\u0662026-03-01T05:00:00Z",
    " 2026-03-01T05:00:00Z",
    "2026-03-01T05:00:00Z\n",
    "now",
    "",
)


@pytest.mark.parametrize("text", TAKEN)
def test_what_is_promised_is_taken(text: str) -> None:
    assert PROMISED.search(text)
    read_instant(text)


@pytest.mark.parametrize("text", REFUSED)
def test_everything_else_is_refused_and_explained(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_instant(text)


OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timedelta(minutes=minutes))


@given(
    at=st.datetimes(),
    offset=OFFSETS,
    digits=st.integers(0, 8),
    t=st.sampled_from("Tt"),
    utc=st.sampled_from(["Z", "z", ""]),
)
def test_a_date_is_read_where_the_document_promises_it(
    at: datetime, offset: timedelta, digits: int, t: str, utc: str
) -> None:
    fraction = f".{at.microsecond:06d}00"[: digits + 1] if digits else ""
    sign, minutes = "-" if offset < timedelta() else "+", abs(offset) // timedelta(minutes=1)
    zone = utc or f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"
    text = f"{at.year:04d}-{at:%m-%d}{t}{at:%H:%M:%S}{fraction}{zone}"
    try:
        read_instant(text)
    except ValueError:
        assert not PROMISED.search(text)
    else:
        assert PROMISED.search(text)
