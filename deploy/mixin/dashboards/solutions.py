"""Solutions: interruptions, the chronic-outage process, its deadlines."""

from collections.abc import Sequence
from typing import Final

from deploy.mixin.dashboards.dashboards_json import Marks, Row
from deploy.mixin.dashboards.panels import Column, Query, lines, table
from deploy.mixin.dashboards.queries import issue_marks, issued, of_solutions

_PAGE: Final = (
    "${slad}/solutions/${__data.fields.Client:percentencode}/${__data.fields.Solution:percentencode}"
)


def marks() -> Sequence[Marks]:
    """What is marked on every panel."""
    return [
        Marks(
            name="Interruption",
            expr=of_solutions("slad_solution_interruption_counted_seconds", "", "client, solution"),
            text="{{client}} {{solution}}",
            colour="red",
        ),
        issue_marks(issued(',client=~"$client"')),
    ]


def rows() -> Sequence[Row]:
    """The rows of the dashboard."""
    by = "client, solution, basis"
    seconds_until = "{} - time()".format
    notice_closes = of_solutions("slad_solution_notice_closes_timestamp_seconds", "", by)

    def at_stage(figure: str) -> str:
        stage = of_solutions("slad_solution_chronic_stage", "", f"{by}, stage")
        return f"{stage} * on ({by}) group_left () {figure}"

    return [
        (
            "Chronic outages",
            [
                table(
                    "Solutions near or in a chronic outage",
                    "The stage of the process, by what was observed and by what service requests document;"
                    " solutions that are clear are left out.",
                    [
                        Column(
                            expr=at_stage(of_solutions("slad_solution_qualifying_interruptions", "", by)),
                            heading="Interruptions in 30 days",
                            unit="none",
                        ),
                        Column(
                            expr=at_stage(f"({seconds_until(notice_closes)} > 0)"),
                            heading="Notice period closes in",
                            unit="s",
                        ),
                        Column(
                            expr=at_stage(of_solutions("slad_solution_evaluation_interruptions", "", by)),
                            heading="In the evaluation period",
                            unit="none",
                        ),
                    ],
                    labels={
                        "client": "Client",
                        "solution": "Solution",
                        "basis": "Basis",
                        "stage": "Stage",
                    },
                    sort_by="Interruptions in 30 days",
                    descending=True,
                    links={"Solution": {"Page": _PAGE}},
                    height=8,
                ),
                lines(
                    "Qualifying interruptions in 30 days",
                    "Interruptions that lasted as long as the contract says (two hours); five are a chronic outage. The twenty solutions with most.",
                    "none",
                    [
                        Query(
                            expr=f"topk(20, {of_solutions('slad_solution_qualifying_interruptions', '', by)} > 0)",
                            legend="{{client}} {{solution}}, {{basis}}",
                        )
                    ],
                    steps=[("transparent", 0), ("yellow", 4), ("red", 5)],
                ),
                lines(
                    "Interruptions under way",
                    "What counts so far of each interruption that is under way; at two hours it qualifies.",
                    "s",
                    [
                        Query(
                            expr="topk(20, "
                            + of_solutions(
                                "slad_solution_interruption_counted_seconds", "", "client, solution"
                            )
                            + ")",
                            legend="{{client}} {{solution}}",
                        )
                    ],
                    steps=[("transparent", 0), ("red", 7200)],
                ),
                lines(
                    "Interruptions in the evaluation period",
                    "More than two let the client go without penalty.",
                    "none",
                    [
                        Query(
                            expr=of_solutions("slad_solution_evaluation_interruptions", "", by) + " > 0",
                            legend="{{client}} {{solution}}, {{basis}}",
                        )
                    ],
                    steps=[("transparent", 0), ("red", 3)],
                ),
            ],
        ),
        (
            "Deadlines",
            [
                lines(
                    "Until the notice period closes",
                    "Time that the client has left to give notice.",
                    "s",
                    [
                        Query(
                            expr=seconds_until(notice_closes),
                            legend="{{client}} {{solution}}, {{basis}}",
                        )
                    ],
                    steps=[("red", 0), ("transparent", 1)],
                ),
                lines(
                    "Until a response is due",
                    "Open service requests without a response; below zero it is late.",
                    "s",
                    [
                        Query(
                            expr=seconds_until(
                                of_solutions(
                                    "slad_service_request_due_timestamp_seconds",
                                    "",
                                    "client, solution, request",
                                )
                            ),
                            legend="{{client}} {{solution}}: {{request}}",
                        )
                    ],
                    steps=[("red", 0), ("transparent", 1)],
                ),
                lines(
                    "Until a deadline",
                    "Provisioning, acceptance and the return of data.",
                    "s",
                    [
                        Query(
                            expr=seconds_until(
                                of_solutions(
                                    "slad_deadline_due_timestamp_seconds", "", "client, solution, deadline"
                                )
                            ),
                            legend="{{client}} {{solution}}: {{deadline}}",
                        )
                    ],
                    steps=[("red", 0), ("transparent", 1)],
                ),
            ],
        ),
    ]
