"""Evidence of three clients as slad records it, from a seed; and what of each of them is a secret, from another."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

from sla.reasons import PlainReason

Line = dict[str, Any]

CLIENTS: Final = ("a", "b", "c")
DAYS: Final = 28
AS_OF: Final = "2026-03-30T00:00:00Z"

_CATEGORIES: Final = ("force_majeure", "client_change", "scheduled_maintenance", "emergency_security_update")
_REASONS: Final = tuple(map(str, PlainReason))


class Telling:
    """Invariant: how many records there are, of which kind and when they were recorded, is nobody's secret; nor is what holds
    of a server when it changes hands, which both its owners see."""

    def __init__(self, seed: int, secrets: Mapping[str, int]) -> None:
        """`secrets`: a number for each client; with another one all that only that client may know is something else."""
        self.shared = Random(seed)
        self.own = {client: Random(f"{seed} {client} {secrets[client]}") for client in CLIENTS}
        self.lines: list[Line] = []
        self._minute = 0
        self._servers: dict[str, list[str]] = {client: [] for client in CLIENTS}
        self._came_at: dict[str, int] = {}
        """When each server came to whose it is, in minutes."""
        self._movable: list[str] = []
        self._monitor = "m1"
        self._solutions: dict[str, str] = {}
        self._requests: dict[str, list[str]] = {client: [] for client in CLIENTS}

    def told(self) -> Sequence[Line]:
        """The lines, in order."""
        self._say("contract", client=None, effective_from="2026-01", terms={})
        for client in CLIENTS:
            self._client(client)
        for client in CLIENTS:
            for _ in range(self.shared.randrange(1, 4)):
                self._begin(client, self._new_server(client), self._at(1))
        steps = (self._observe, self._observe, self._exclude, self._move, self._ask, self._step, self._rename)
        for _ in range(self.shared.randrange(10, 40)):
            self._minute += self.shared.randrange(60, 1440)
            if self._minute > DAYS * 1440:
                break
            self.shared.choice((*steps, self._see, self._tell_event, self._retire))(
                self.shared.choice(CLIENTS)
            )
        self._sight("observed_until", at=AS_OF)
        return self.lines

    def _client(self, client: str) -> None:
        self._solutions[client] = f"shop-{self._text(client)}"
        self._say(
            "client",
            id=client,
            name=self._text(client),
            timezone="Europe/Berlin",
            tech_admins=[self._admin(client)],
        )
        target = self.own[client].choice(("0.9", "0.99", "0.999"))
        self._say(
            "contract", client=client, effective_from="2026-02", terms={"availability": {"target": target}}
        )

    def _new_server(self, client: str) -> str:
        """One that changes hands is known to each of its owners by its id."""
        server = f"s{len(self.lines)}"
        if self.shared.random() < 0.5:
            self._movable.append(server)
            return server
        return f"{server}-{self._text(client)}"

    def _begin(self, client: str, server: str, since: str) -> None:
        solution = self._solutions[client] if self.shared.random() < 0.5 else None
        self._servers[client].append(server)
        self._came_at[server] = self._minute
        self._say("server", **self._service(client, server, since, solution))
        self._sight("observation", **self._seen(self.shared, server, since))

    def _service(self, client: str, server: str, since: str, solution: str | None) -> Line:
        return {
            "id": server,
            "name": self._text(client),
            "client": client,
            "solution": solution,
            "in_service_from": since,
            "in_service_until": None,
            "legs": ["running"],
            "observer": self._monitor,
        }

    def _newest(self, server: str) -> Line:
        found = [line for line in self.lines if line["kind"] == "server" and line["id"] == server]
        keys = ("id", "name", "client", "solution", "in_service_from", "in_service_until", "legs")
        return {**{key: found[-1][key] for key in keys}, "observer": self._monitor}

    def _observe(self, client: str) -> None:
        server = self._some(client)
        late = self.own[client].randrange(60)
        self._sight("observation", **self._seen(self.own[client], server, self._at(self._minute - late)))

    def _seen(self, random: Random, server: str, at: str) -> Line:
        return {
            "server": server,
            "leg": "running",
            "state": random.choice(("up", "down", "unknown")),
            "at": at,
            "reason": random.choice(_REASONS),
        }

    def _rename(self, client: str) -> None:
        self._say("server", **{**self._newest(self._some(client)), "name": self._text(client)})

    def _move(self, client: str) -> None:
        """To another client; what holds of it is looked at just before, for it goes on to hold."""
        other = self.shared.choice([each for each in CLIENTS if each != client])
        server = self._some(client)
        if len(self._servers[client]) == 1 or server not in self._movable:
            return
        self._servers[client].remove(server)
        self._sight("observation", **self._seen(self.shared, server, self._at(self._minute - 1)))
        before = self._newest(server)
        self._say("server", **{**before, "in_service_until": self._at(self._minute)})
        self._begin(other, server, self._at(self._minute))

    def _exclude(self, client: str) -> None:
        own, id_ = self.own[client], f"x{len(self.lines)}"
        everybody = self.shared.random() < 0.2
        scope = self.shared.choice(("clients", "solutions", "servers"))
        named = {
            "clients": client,
            "solutions": self._solutions[client],
            "servers": self._servers[client][-1],
        }
        said = self.shared if everybody else own
        is_open = self.shared.random() < 0.3
        start = self._minute + said.randrange(-600, -1)
        if scope == "servers":  # slad makes a record of its own for what was another's
            start = max(start, self._came_at[named["servers"]])
        self._say(
            "exclusion",
            id=id_,
            category=said.choice(_CATEGORIES[:2] if is_open else _CATEGORIES),
            **{
                "from": self._at(start),
                "until": None if is_open else self._at(self._minute + said.randrange(0, 90)),
            },
            **({} if everybody else {scope: [named[scope]]}),
            announced_at=self._at(self._minute),
            reference="the flood" if everybody else self._text(client),
            recorded_by="provider",
        )
        if is_open:
            self._say("exclusion_ended", id=id_, at=self._at(self._minute), recorded_by="provider")
        if self.shared.random() < 0.3:
            why = "a mistake" if everybody else self._text(client)
            self._say("exclusion_withdrawn", id=id_, why=why, recorded_by="provider")

    def _ask(self, client: str) -> None:
        id_ = f"r{len(self.lines)}"
        admins = [line for line in self.lines if line["kind"] == "client" and line["id"] == client][-1][
            "tech_admins"
        ]
        self._say(
            "service_request",
            id=id_,
            client=client,
            solution=self._solutions[client],
            opened_at=self._at(self._minute - self.own[client].randrange(60)),
            opened_by=admins[0],
            channel=self.own[client].choice(("phone", "email", "portal")),
            recorded_by="provider",
        )
        self._say("service_request_responded", id=id_, at=self._at(self._minute), recorded_by="provider")
        self._say("service_request_closed", id=id_, at=self._at(self._minute), recorded_by="provider")

    def _step(self, client: str) -> None:
        about = {"client": client, "solution": self._solutions[client]}
        event = self.own[client].choice(("order_accepted", "activated", "data_requested"))
        by = {"recorded_by": "provider"}
        step, notice = f"l{len(self.lines)}", f"n{len(self.lines)}"
        self._say("lifecycle", id=step, **about, event=event, at=self._at(self._minute), **by)
        self._say("cancellation_notice", id=notice, **about, given_at=self._at(self._minute), **by)
        if self.shared.random() < 0.5:
            what, id_ = self.shared.choice((("lifecycle", step), ("cancellation_notice", notice)))
            self._say("withdrawn", what=what, id=id_, why=self._text(client), **by)
        month, digest = (
            f"2026-0{self.own[client].randrange(1, 3)}",
            f"{self.own[client].getrandbits(256):064x}",
        )
        self._say(
            "issued", client=client, month=month, as_of=self._at(self._minute), version=1, sha256=digest
        )

    def _retire(self, _: str) -> None:
        """Another monitor takes over: most servers it tells of at once, and of others when there is something to tell."""
        before, self._monitor = self._monitor, self._monitor + "'"
        for server in sorted({server for those in self._servers.values() for server in those}):
            if self.shared.random() < 0.7:
                self._say("server", **self._newest(server))
        at = self._at(self._minute - self.shared.randrange(60))
        self._say("observer_retired", observer=before, at=at, recorded_by="provider")

    def _see(self, _: str) -> None:
        since, until = self._at(self._minute - 20), self._at(self._minute)
        self._sight("blind", **{"from": since, "until": until, "reason": self.shared.choice(_REASONS)})

    def _tell_event(self, client: str) -> None:
        """What vCenter tells, and who recorded what: of one server, in words about anything."""
        own, server = self.own[client], self._some(client)
        told = f"{self._text(client)} on esx1.provider.example, by {self._text('c')}"
        event = {"source": "vc1", "key": f"{own.random()}", "type": "VmEvent", "at": self._at(1)}
        self._say("event", **event, server=server, user=self._text(client), text="", shown_to=client)
        self._say("event", **event, server=server, user="uid:0", text=told)
        about = {"text": told, "because": [f"{own.random()}"], "from": self._at(1)}
        cause = {"server": server, "cause": "storage", "confidence": "likely", "incident": "4fa1"}
        shown = {**about, "user": None, "text": self._text(client), "shown_to": client}
        self._say("cause", **cause, **shown)
        self._say("cause", **cause, **about, user=self._text("c"), host="esx1", datastore="", uplink="")
        proposal, servers = f"p{len(self.lines)}", [server, self._servers["c"][0]]
        self._say("proposal", id=proposal, category="force_majeure", servers=servers, **about)
        self._say("proposal_decided", id=proposal, decision="rejected", exclusion=None, why=told)

    def _some(self, client: str) -> str:
        return self.shared.choice(self._servers[client])

    def _text(self, client: str) -> str:
        return f"{client}-{self.own[client].getrandbits(64):016x}"

    def _admin(self, client: str) -> str:
        return f"{self._text(client)}@example.net"

    def _at(self, minute: int) -> str:
        day, rest = divmod(max(minute, 0), 1440)
        return f"2026-03-{day + 1:02}T{rest // 60:02}:{rest % 60:02}:00Z"

    def _say(self, kind: str, **keys: Any) -> None:
        self.lines.append({"kind": kind, **keys, "recorded_at": self._at(self._minute)})

    def _sight(self, kind: str, **keys: Any) -> None:
        self.lines.append({"kind": kind, "observer": "m1", "source": "vc1", **keys})
