"""What scrapes read: formats, consistency, reuse, and what holds the loop."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric, parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from daemon.exposition.bodies import Format, GzipMember, compressed
from daemon.exposition.exposition import CHUNK_SAMPLES, Exposition
from daemon.exposition.families import (
    ABSENT,
    RATIO_ONE,
    LabelledFamily,
    RenderedFamily,
    Snapshot,
    decimal_text,
    label,
    sample,
)
from daemon.exposition.lines import Rows, sample_lines
from tests.daemon.exposition.prepared import (
    PROCESS,
    StandingClock,
    exposition_of,
    family,
    snapshot,
    text_of,
)


def parse_text(text: str) -> list[Metric]:
    return list(parser.text_string_to_metric_families(text))


def parse_openmetrics(text: str) -> list[Metric]:
    return list(openmetrics_parser.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]


async def prepared(taken: Snapshot, process: Iterable[RenderedFamily] = ()) -> str:
    subject = exposition_of()
    await subject.prepare(taken, process)
    return await text_of(subject)


async def test_a_server_has_one_line_for_each_family_and_column() -> None:
    text = await prepared(
        snapshot(
            family("slad_server_uptime_seconds_total", ("", [1, 1_500_000, 0])),
            family("slad_server_up", ('leg="san"', [1, 0, 1]), ('leg="running"', [0, 1, 1]), decimals=0),
            servers=("a", "b", "c"),
        )
    )
    assert [line for line in text.splitlines() if not line.startswith(("#", "slad_server_info"))] == [
        'slad_server_uptime_seconds_total{server="a"} 0.000001',
        'slad_server_uptime_seconds_total{server="b"} 1.500000',
        'slad_server_uptime_seconds_total{server="c"} 0.000000',
        'slad_server_up{server="a",leg="san"} 1',
        'slad_server_up{server="b",leg="san"} 0',
        'slad_server_up{server="c",leg="san"} 1',
        'slad_server_up{server="a",leg="running"} 0',
        'slad_server_up{server="b",leg="running"} 1',
        'slad_server_up{server="c",leg="running"} 1',
    ]


async def test_ratios_have_nine_digits_and_one_is_one() -> None:
    ratios = [RATIO_ONE, 998_999_999, 0]
    text = await prepared(snapshot(family("slad_server_x_ratio", ("", ratios), decimals=9)))
    samples = [line for line in text.splitlines() if line.startswith("slad_server_x")]
    assert samples == [
        'slad_server_x_ratio{server="a"} 1.000000000',
        'slad_server_x_ratio{server="b"} 0.998999999',
        'slad_server_x_ratio{server="c"} 0.000000000',
    ]


async def test_a_percent_sign_in_a_label_is_only_a_percent_sign() -> None:
    columns = family("slad_server_x", ('of="5 %d"', [1, 2]), decimals=0)
    text = await prepared(snapshot(columns, servers=("50%s", "b")))
    assert 'slad_server_x{server="50%s",of="5 %d"} 1\n' in text
    assert 'slad_server_x{server="b",of="5 %d"} 2\n' in text


def labelled(
    name: str, *samples: tuple[str, str], kind: Literal["gauge", "info", "counter"] = "gauge"
) -> LabelledFamily:
    return LabelledFamily(name=name, help="A figure.", kind=kind, samples=[sample(*each) for each in samples])


async def test_families_with_labels_of_their_own_stand_as_they_are() -> None:
    subject = exposition_of()
    figures = replace(
        snapshot(),
        labelled=(
            labelled("slad_figures_timestamp_seconds", ("", "1795000000.500000")),
            labelled(
                "slad_solution_info", (f"{label('solution', 'a b')},{label('client', 'c')}", "1"), kind="info"
            ),
            labelled("slad_contract_target_ratio", (label("client", "c"), "0.999")),
            labelled("slad_outages_by_cause_total", (label("client", "c"), "3"), kind="counter"),
        ),
    )
    await subject.prepare(figures, ())
    text = await text_of(subject)
    openmetrics = parse_openmetrics(await text_of(subject, Format.OPENMETRICS))
    assert [s for f in parse_text(text) for s in f.samples] == [s for f in openmetrics for s in f.samples]
    assert 'slad_solution_info{solution="a b",client="c"} 1\n' in text
    assert "slad_figures_timestamp_seconds 1795000000.500000\n" in text
    assert {(f.name, f.type, f.unit) for f in openmetrics} == {
        ("slad_server", "info", ""),
        ("slad_figures_timestamp_seconds", "gauge", "seconds"),
        ("slad_solution", "info", ""),
        ("slad_contract_target_ratio", "gauge", "ratio"),
        ("slad_outages_by_cause", "counter", ""),
    }
    assert "# TYPE slad_outages_by_cause_total counter\n" in text


async def test_only_the_part_of_a_labelled_family_that_moved_is_rendered_again() -> None:
    still = [(label("solution", str(number)), "1") for number in range(5)]
    compressions = Compressions()
    subject = compressions.of_two_samples()
    await subject.prepare(replace(snapshot(), labelled=(labelled("slad_x", *still),)), ())
    compressions.seen.clear()
    moved = [*still[:3], (still[3][0], "2"), still[4]]
    await subject.prepare(replace(snapshot(), labelled=(labelled("slad_x", *moved),)), ())
    assert compressions.seen == [b'slad_x{solution="2"} 1\nslad_x{solution="3"} 2\n']


async def test_a_family_of_which_nobody_has_a_series_is_its_metadata_alone() -> None:
    text = await prepared(snapshot(family("slad_server_x_seconds", ("", [ABSENT, ABSENT, ABSENT]))))
    assert [line for line in text.splitlines() if "slad_server_x" in line] == [
        "# HELP slad_server_x_seconds A figure.",
        "# TYPE slad_server_x_seconds gauge",
    ]


async def test_an_absent_value_and_an_unexposed_row_have_no_series() -> None:
    text = await prepared(
        snapshot(
            family("slad_server_x_seconds", ("", [ABSENT, 5, 7])),
            family("slad_server_y", ("", [1, ABSENT, 3]), decimals=0),
            family("slad_server_z_seconds", ("", [ABSENT, -2, 3])),
            servers=("a", "b", ""),
        )
    )
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert samples == [
        'slad_server_info{server="a",name="vm server=\\"a\\""} 1',
        'slad_server_info{server="b",name="vm server=\\"b\\""} 1',
        'slad_server_x_seconds{server="b"} 0.000005',
        'slad_server_y{server="a"} 1',
        'slad_server_z_seconds{server="b"} -0.000002',
    ]


async def test_both_formats_say_the_same_to_their_parsers() -> None:
    subject = exposition_of()
    await subject.prepare(
        snapshot(
            family("slad_server_uptime_seconds_total", ('leg="san"', [1, 2, 3]), ('leg="x"', [4, 5, 6])),
            family("slad_server_settled_timestamp_seconds", ("", [1_795_000_000_123_456] * 3)),
        ),
        PROCESS,
    )
    text = await text_of(subject)
    openmetrics = await text_of(subject, Format.OPENMETRICS)
    assert openmetrics.endswith("# EOF\n")
    by_text = [s for f in parse_text(text) for s in f.samples]
    by_openmetrics = [s for f in parse_openmetrics(openmetrics) for s in f.samples]
    assert by_text == by_openmetrics
    assert {(f.name, f.type, f.unit) for f in parse_openmetrics(openmetrics)} == {
        ("slad_ready", "gauge", ""),
        ("slad_server", "info", ""),
        ("slad_server_uptime_seconds", "counter", "seconds"),
        ("slad_server_settled_timestamp_seconds", "gauge", "seconds"),
    }
    assert max(s.value for s in by_text) == 1_795_000_000.123456


@given(st.integers(min_value=ABSENT + 1, max_value=2**63 - 1))
def test_seconds_are_the_microseconds_exactly(value: int) -> None:
    text = decimal_text(value, 6)
    assert re.fullmatch(r"-?\d+\.\d{6}", text)
    assert int(text.replace(".", "")) == value


@given(
    st.lists(st.integers(min_value=ABSENT + 1, max_value=2**63 - 1), min_size=1), st.sampled_from((0, 6, 9))
)
def test_a_line_tells_its_value_exactly(values: list[int], decimals: int) -> None:
    servers = [label("server", str(row)) for row in range(len(values))]
    told = sample_lines(
        family("slad_server_x", ("", values), decimals=decimals), Rows(servers, ()), slice(None)
    )
    assert told.decode().splitlines() == [
        f"slad_server_x{{{server}}} {decimal_text(value, decimals) if decimals else value}"
        for server, value in zip(servers, values, strict=True)
    ]


async def test_a_name_that_no_text_can_hold_does_not_cost_the_others_their_series() -> None:
    text = await prepared(snapshot(servers=("\ud800\0", "b")))
    assert [s.labels["server"] for f in parse_text(text) for s in f.samples] == ["??", "b"]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_label_value_survives_escaping(value: str) -> None:
    text = f"x{{{label('name', value)}}} 1\n"
    assert "\n" not in text[:-1]
    inside = re.fullmatch(r'x\{name="(.*)"\} 1\n', text, re.DOTALL)
    assert inside
    assert re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), inside[1]) == value


async def test_odd_names_are_read_back_by_the_parsers() -> None:
    odd = 'a "b" \\ \\n\nc é'
    text = await prepared(snapshot(servers=(odd,)))
    assert [s.labels["server"] for f in parse_text(text) for s in f.samples] == [odd]


class Compressions:
    """What is rendered, each text as it is compressed; metadata left out."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def __call__(self, text: bytes) -> GzipMember:
        if not text.startswith(b"#"):
            self.seen.append(text)
        return compressed(text)

    def of_two_samples(self) -> Exposition:
        return Exposition(StandingClock(), chunk_samples=2, compress=self)


async def test_only_chunks_that_moved_are_rendered_again() -> None:
    still = family("slad_server_still", ("", [1, 2, 3, 4, 5]), decimals=0)
    moving = family("slad_server_moving", ("", [1, 2, 3, 4, 5]), decimals=0)
    servers = ("a", "b", "c", "d", "e")
    compressions = Compressions()
    subject = compressions.of_two_samples()
    await subject.prepare(snapshot(still, moving, servers=servers), ())

    compressions.seen.clear()
    await subject.prepare(snapshot(still, moving, servers=servers), ())
    assert compressions.seen == []
    moved = family("slad_server_moving", ("", [1, 2, 3, 9, 5]), decimals=0)
    await subject.prepare(snapshot(still, moved, servers=servers), ())
    assert compressions.seen == [b'slad_server_moving{server="c"} 3\nslad_server_moving{server="d"} 9\n']
    assert 'slad_server_moving{server="d"} 9\n' in await text_of(subject)


async def test_a_renamed_row_renders_its_own_chunks_only() -> None:
    one = family("slad_server_one", ("", [1, 2, 3, 4]), decimals=0)
    compressions = Compressions()
    subject = compressions.of_two_samples()
    await subject.prepare(snapshot(one, servers=("a", "b", "c", "d")), ())
    compressions.seen.clear()
    await subject.prepare(snapshot(one, servers=("a", "b", "c", "z"), generation=2), ())
    assert len(compressions.seen) == 2
    assert compressions.seen[1] == b'slad_server_one{server="c"} 3\nslad_server_one{server="z"} 4\n'
    assert 'server="d"' not in await text_of(subject)


async def test_the_loop_turns_between_any_two_slices_of_work() -> None:
    turns = 0
    slices: list[int] = []
    longest = 0

    def compress(text: bytes) -> GzipMember:
        nonlocal longest
        if not text.startswith(b"#"):
            longest = max(longest, text.count(b"\n"))
            slices.append(turns)
        return compressed(text)

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    rows = 5 * CHUNK_SAMPLES
    figures = snapshot(
        family("slad_server_x", ('leg="a"', range(rows)), ('leg="b"', range(rows))),
        family("slad_server_y", ("", range(rows)), decimals=0),
        servers=[f"s{row}" for row in range(rows)],
    )
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        turning = group.create_task(turn())
        await Exposition(StandingClock(), compress=compress).prepare(figures, ())
        turning.cancel()
    info, families = slices[:5], slices[5:]
    assert len(families) == 10 + 5
    assert all(later > earlier for earlier, later in pairwise(info))
    # Rendering is a slice of its own, between two of compressing.
    assert all(later > earlier + 1 for earlier, later in pairwise(families))
    assert longest == CHUNK_SAMPLES


async def test_rows_can_be_added_and_families_can_change_their_columns() -> None:
    subject = exposition_of()
    await subject.prepare(snapshot(family("slad_server_x", ("", [1]), decimals=0), servers=("a",)), ())
    await subject.prepare(
        snapshot(family("slad_server_x", ('leg="san"', [1, 2])), servers=("a", "b"), generation=2), ()
    )
    samples = [line for line in (await text_of(subject)).splitlines() if line.startswith("slad_server_x{")]
    assert samples == [
        'slad_server_x{server="a",leg="san"} 0.000001',
        'slad_server_x{server="b",leg="san"} 0.000002',
    ]


async def test_every_scrape_under_changing_figures_is_of_one_instant() -> None:
    rows = 3 * CHUNK_SAMPLES
    servers = [f"s{n}" for n in range(rows)]
    subject = exposition_of()
    rounds = 8

    def at(value: int) -> Snapshot:
        figures = [family(f"slad_server_f{n}", ("", [value] * rows), decimals=0) for n in range(3)]
        return replace(snapshot(*figures, servers=servers), generation=value)

    async def prepare_all() -> None:
        for value in range(1, rounds):
            await subject.prepare(at(value), ())

    async def scrape_all() -> set[str]:
        seen: set[str] = set()
        while True:
            text = await text_of(subject)
            values = {
                line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith("slad_server_f")
            }
            assert len(values) == 1
            assert text.count("\nslad_server_f") == 3 * rows
            seen |= values
            if str(rounds - 1) in values:
                return seen

    await subject.prepare(at(0), ())
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        scrapes = group.create_task(scrape_all())
        group.create_task(prepare_all())
    assert len(scrapes.result()) > 1
