"""Documents that tests lay out: one with everything in it, and whatever names it is given."""

import json
from typing import Any

from sla.client_document import Imprint, LedgerHead, client_document
from sla.records import ClientId
from tests.sla.defects import CAUSE, request, step
from tests.sla.stories import client, exclusion, judgement, maintenance, says, seen, server

AS_OF = "2026-04-02T00:00:00.123456Z"


def document(
    name: str = "Server s", *, provider: str = "Nordhost Inc.", more: tuple[Any, ...] = (), **keys: Any
) -> bytes:
    """A month with an outage, exclusions, an interruption, a request, a deadline, and `name` wherever people write one."""
    lines = [
        client(name=f"Client {name}"),
        server(name=name, solution=name),
        server("t", name="quiet", solution=name),
        says("up", "2026-03-01T05:00:00Z"),
        says("up", "2026-03-01T05:00:00Z", server="t"),
        says("down", "2026-03-10T10:00:00Z", reason=name),
        says("up", "2026-03-10T13:00:00Z"),
        exclusion("x", "client_change", "2026-03-10T11:00:00Z", "2026-03-10T12:00:00Z", reference=name),
        maintenance("mw", "2026-03-19T03:00:00Z", "2026-03-19T05:00:00Z", servers=["s"]),
        {**CAUSE, "from": "2026-03-10T10:00:00Z", "recorded_at": "2026-03-10T12:00:00Z"},
        {**request(id=name, solution=name), **_at("opened_at", "2026-03-10T15:00:00Z")},
        step(solution=name, event="data_requested", **_at("at", "2026-03-10T15:00:00Z")),
        seen(),
        *more,
    ]
    asked = judgement(lines, as_of=keys.pop("as_of", AS_OF), **keys)
    imprint = Imprint(
        provider=provider,
        address=(name,),
        ledgers=(LedgerHead(ledger="", seq=12_345, head=bytes(range(32))),),
        time_zones="2026a",
    )
    return client_document(asked, ClientId("c"), imprint).encode()


def parsed(document: bytes) -> Any:
    return json.loads(document)


def _at(key: str, at: str) -> dict[str, str]:
    return {key: at, "recorded_at": at}
