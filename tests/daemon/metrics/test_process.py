"""The process's own metrics."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Metric, parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from daemon.metrics.process import ProcessMetrics
from sla.records import State


def text_of(metrics: ProcessMetrics) -> str:
    return b"".join(family.text for family in metrics.rendered()).decode()


def value_of(metrics: ProcessMetrics, name: str, **labels: str) -> float | None:
    for family in parser.text_string_to_metric_families(text_of(metrics)):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


@pytest.fixture
def metrics() -> ProcessMetrics:
    metrics = ProcessMetrics(CollectorRegistry())
    metrics.build.info({"version": "0.1.0", "python": "3.11"})
    metrics.source_up.labels("vc1").set(1)
    metrics.source_errors.labels("vc1", "timeout").inc()
    metrics.source_poll_duration.labels("vc1").observe(0.2)
    metrics.source_objects.labels("vc1", "vm").set(5)
    metrics.ledger_head.info({"sha256": "ab" * 32})
    metrics.set_corrected({(State.UNKNOWN, State.DOWN): 12_500_000})
    return metrics


def test_both_formats_are_complete_and_say_the_same(metrics: ProcessMetrics) -> None:
    rendered = list(metrics.rendered())
    openmetrics = b"".join(family.openmetrics for family in rendered).decode() + "# EOF\n"
    families: list[Metric] = list(
        openmetrics_parser.text_string_to_metric_families(openmetrics)  # type: ignore[no-untyped-call]
    )
    text = b"".join(family.text for family in rendered).decode()

    def samples(parsed: Any) -> list[tuple[str, dict[str, str], float]]:
        return [(s.name, s.labels, s.value) for family in parsed for s in family.samples]

    assert samples(families) == samples(parser.text_string_to_metric_families(text))
    names = {family.name for family in families}
    assert {"slad_build", "slad_source_errors", "slad_ledger_head", "slad_loop_stall_seconds"} <= names
    assert {"process_resident_memory_bytes", "python_gc_collections", "python_info"} <= names
    assert not any(family.name.endswith("_created") for family in families)


def test_the_longest_stall_is_of_the_time_since_the_last_preparation(metrics: ProcessMetrics) -> None:
    metrics.observe_loop_stall(0.2)
    metrics.observe_loop_stall(0.1)
    assert value_of(metrics, "slad_loop_stall_max_seconds") == 0.2
    assert value_of(metrics, "slad_loop_stall_max_seconds") == 0.0
    assert value_of(metrics, "slad_loop_stall_seconds_count") == 2


def test_what_was_corrected_is_a_counter_of_seconds(metrics: ProcessMetrics) -> None:
    corrected = {"from": State.UNKNOWN.word, "to": State.DOWN.word}
    assert value_of(metrics, "slad_corrected_seconds_total", **corrected) == 12.5


def test_unwatched_legs_are_replaced(metrics: ProcessMetrics) -> None:
    metrics.set_unwatched_legs([("Ex", "san")])
    metrics.set_unwatched_legs([("Ex", "internet")])
    assert value_of(metrics, "slad_config_unwatched_leg", client="Ex", leg="san") is None
    assert value_of(metrics, "slad_config_unwatched_leg", client="Ex", leg="internet") == 1


def test_a_source_that_left_the_configuration_leaves_no_series(metrics: ProcessMetrics) -> None:
    assert 'source="vc1"' in text_of(metrics)
    metrics.forget_source("vc1")
    assert 'source="vc1"' not in text_of(metrics)


def test_what_was_collected_does_not_move_while_it_is_rendered(metrics: ProcessMetrics) -> None:
    rendered = metrics.rendered()
    metrics.source_up.labels("vc1").set(0)
    assert b'slad_source_up{source="vc1"} 1.0' in b"".join(family.text for family in rendered)
