"""The monitor itself: sources, probes, ledger and process."""

from collections.abc import Sequence

from deploy.mixin.dashboards.dashboards_json import Marks, Row
from deploy.mixin.dashboards.panels import MONITOR, Query, lines, stat, states
from deploy.mixin.dashboards.queries import quantile, rate


def marks() -> Sequence[Marks]:
    """What is marked on every panel."""
    return [
        Marks(
            name="Started",
            expr=f"max by (instance) (process_start_time_seconds{{{MONITOR}}})",
            text="{{instance}}",
            colour="blue",
            are_instants=True,
        ),
        Marks(
            name="Out of sight",
            expr=f"1 - max by (instance, source) (slad_source_up{{{MONITOR}}})",
            text="{{source}} from {{instance}}",
            colour="red",
        ),
        Marks(
            name="Clock in doubt",
            expr=f"max by (instance) (slad_clock_in_doubt{{{MONITOR}}})",
            text="{{instance}}",
            colour="orange",
        ),
    ]


def rows() -> Sequence[Row]:
    """The rows of the dashboard."""
    return [
        (
            "Sources",
            [
                states(
                    "Sources",
                    "Whether each vCenter answers.",
                    [
                        Query(
                            expr=f"max by (instance, source) (slad_source_up{{{MONITOR}}})",
                            legend="{{source}} from {{instance}}",
                        )
                    ],
                    width=12,
                ),
                states(
                    "Uplinks and vantage",
                    "Whether each uplink reaches its quorum, and the monitor its own way out.",
                    [
                        Query(
                            expr=f"max by (instance, uplink) (slad_uplink_up{{{MONITOR}}})",
                            legend="{{uplink}} from {{instance}}",
                        ),
                        Query(
                            expr=f"max by (instance) (slad_vantage_up{{{MONITOR}}})",
                            legend="vantage of {{instance}}",
                        ),
                    ],
                    width=12,
                ),
                lines(
                    "Time since the last contact",
                    "How old the newest answer of each source is.",
                    "s",
                    [
                        Query(
                            expr="time() - max by (instance, source)"
                            f" (slad_source_last_contact_timestamp_seconds{{{MONITOR}}})",
                            legend="{{source}} from {{instance}}",
                        )
                    ],
                ),
                lines(
                    "Rounds of observing vCenter",
                    "How long one round took: the 99th percentile.",
                    "s",
                    [
                        Query(
                            expr=quantile(0.99, "slad_source_poll_duration_seconds", "source"),
                            legend="{{source}}",
                        )
                    ],
                ),
                lines(
                    "Failed observations",
                    "By source and reason.",
                    "cps",
                    [
                        Query(
                            expr=rate("slad_source_errors_total", "source, reason"),
                            legend="{{source}}: {{reason}}",
                        )
                    ],
                ),
                lines(
                    "Failed probes",
                    "By method and reason.",
                    "cps",
                    [
                        Query(
                            expr=rate("slad_probes_failed_total", "method, reason"),
                            legend="{{method}}: {{reason}}",
                        )
                    ],
                ),
                lines(
                    "Probes",
                    "How long a try took: the 99th percentile.",
                    "s",
                    [
                        Query(
                            expr=quantile(0.99, "slad_probe_duration_seconds", "method"), legend="{{method}}"
                        )
                    ],
                ),
                lines(
                    "Round trips of uplink targets",
                    "The median of each target.",
                    "s",
                    [
                        Query(
                            expr=quantile(0.5, "slad_uplink_target_rtt_seconds", "uplink, target"),
                            legend="{{uplink}}: {{target}}",
                        )
                    ],
                ),
            ],
        ),
        (
            "Ledger",
            [
                stat(
                    "Ready",
                    "1 while slad publishes figures.",
                    "none",
                    f"min(slad_ready{{{MONITOR}}})",
                    steps=[("red", 0), ("green", 1)],
                ),
                stat("Records", "Records in the ledger.", "none", f"max(slad_ledger_records{{{MONITOR}}})"),
                stat("Size", "Of the ledger's file.", "bytes", f"max(slad_ledger_size_bytes{{{MONITOR}}})"),
                stat(
                    "Age of the figures",
                    "How far the instant lies back of which months and solutions speak.",
                    "s",
                    f"time() - min(slad_figures_timestamp_seconds{{{MONITOR}}})",
                    steps=[("green", 0), ("yellow", 90), ("red", 300)],
                ),
                stat(
                    "Records kept out",
                    "Records that the ledger did not let in within a day: a defect of slad.",
                    "none",
                    f"sum(increase(slad_ledger_quarantined_records_total{{{MONITOR}}}[1d]))",
                    steps=[("green", 0), ("red", 1)],
                ),
                stat(
                    "Behind the store",
                    "How long ago the store of several monitors had all records last; 0 where slad ships nowhere.",
                    "s",
                    f"max(slad_hub_behind_seconds{{{MONITOR}}})",
                    steps=[("green", 0), ("yellow", 900)],
                ),
                stat(
                    "Alerts pushed",
                    "Alerts that slad itself pushes to Alertmanagers now; 0 where it pushes none.",
                    "none",
                    f"max(slad_alerts_firing{{{MONITOR}}})",
                ),
                stat(
                    "Clock in doubt",
                    "1 while a monitor does not believe its wall clock, and records nothing.",
                    "none",
                    f"max(slad_clock_in_doubt{{{MONITOR}}})",
                    steps=[("green", 0), ("red", 1)],
                ),
                stat(
                    "Clock steps",
                    "Steps of the wall clock that were noticed in the last day.",
                    "none",
                    f"sum(increase(slad_clock_steps_total{{{MONITOR}}}[1d]))",
                ),
                stat(
                    "Configuration",
                    "1 while the configuration read last is in force.",
                    "none",
                    f"min(slad_config_last_reload_successful{{{MONITOR}}})",
                    steps=[("red", 0), ("green", 1)],
                ),
                lines(
                    "Clock",
                    "How far the wall clock is ahead of what slad takes for the time; behind it where that is below zero.",
                    "s",
                    [
                        Query(
                            expr=f"max by (instance) (slad_clock_offset_seconds{{{MONITOR}}})",
                            legend="{{instance}}",
                        )
                    ],
                    steps=[("transparent", 0)],
                ),
                lines(
                    "Commits",
                    "How long a transaction took: the 99th percentile.",
                    "s",
                    [
                        Query(
                            expr=quantile(0.99, "slad_ledger_commit_duration_seconds", "instance"),
                            legend="{{instance}}",
                        )
                    ],
                ),
                lines(
                    "Transactions",
                    "Made durable, and failed.",
                    "cps",
                    [
                        Query(expr=rate("slad_ledger_commits_total", "instance"), legend="{{instance}}"),
                        Query(
                            expr=rate("slad_ledger_commit_failures_total", "instance"),
                            legend="{{instance}}, failed",
                        ),
                    ],
                ),
            ],
        ),
        (
            "Process",
            [
                lines(
                    "Stalls of the event loop",
                    "The longest since figures were last prepared.",
                    "s",
                    [
                        Query(
                            expr=f"max by (instance) (slad_loop_stall_max_seconds{{{MONITOR}}})",
                            legend="{{instance}}",
                        )
                    ],
                ),
                lines(
                    "Preparing figures",
                    "How long it took in slices: the 99th percentile.",
                    "s",
                    [
                        Query(
                            expr=quantile(0.99, "slad_exposition_prepare_duration_seconds", "instance"),
                            legend="{{instance}}",
                        )
                    ],
                ),
                lines(
                    "Memory",
                    "Resident memory of the process.",
                    "bytes",
                    [
                        Query(
                            expr=f"max by (instance) (process_resident_memory_bytes{{{MONITOR}}})",
                            legend="{{instance}}",
                        )
                    ],
                ),
                lines(
                    "CPU",
                    "Of one core.",
                    "percentunit",
                    [Query(expr=rate("process_cpu_seconds_total", "instance"), legend="{{instance}}")],
                ),
            ],
        ),
    ]
