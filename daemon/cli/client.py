"""`slad client`: what holds with a client now, and the links under which a client sees its own."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import click

from daemon.cli import completing, options
from daemon.cli.asking import ask, record
from daemon.cli.options import OutputFormat, Sending
from daemon.cli.terminal import Printer, console, duration, print_table, say, show_as
from daemon.cli.words import local
from daemon.control.address import ControlAddress
from daemon.control.client import Json
from daemon.control.routes import CLIENT, LIST_CLIENTS, LIST_LINKS, MAKE_LINK, REVOKE_LINK
from daemon.timezones import use_packaged_time_zones

_UNTIL: Final = {
    "chronic": "notice_closes_at",
    "resolution": "resolution_until",
    "evaluation": "evaluation_until",
}
"""Until when a stage lasts at most."""


@click.group("client")
def client() -> None:
    """Show clients and their terms; make links for them."""


@client.command("list", epilog=options.example("slad client list"))
@options.control_address
@options.output_format
def list_(address: ControlAddress, format_: OutputFormat) -> None:
    """List the clients."""
    answer = ask(address, lambda daemon: daemon.document(LIST_CLIENTS.path()))
    show_as(format_, answer, lambda: _print_clients(answer["clients"]))


def _print_clients(clients: Sequence[Json]) -> None:
    print_table(
        console(),
        ("client", "name", "time zone", "servers", "tech admins"),
        (
            (row["id"], row["name"], row["timezone"], str(row["servers"]), ", ".join(row["tech_admins"]))
            for row in clients
        ),
        prose=("name", "tech admins"),
        none="There is no client.",
    )


@client.command("show", epilog=options.example("slad client show acme"))
@click.argument("id_", metavar="CLIENT", shell_complete=completing.clients)
@options.control_address
@options.output_format
def show(address: ControlAddress, id_: str, format_: OutputFormat) -> None:
    """Show what holds with one client now.

    The terms, the solutions with their interruptions and where the chronic-outage process stands (as observed, and as
    documented by service requests), the open requests, and the deadlines that are pending.
    """
    answer = ask(address, lambda daemon: daemon.document(CLIENT.path(id=id_)))
    use_packaged_time_zones()
    show_as(format_, answer, lambda: _show(console(), answer))


@client.command("link", epilog=options.example('slad client link acme --expires 30d --name "ann, by mail"'))
@click.argument("id_", metavar="CLIENT", shell_complete=completing.clients)
@click.option(
    "--expires",
    type=options.DURATION,
    metavar="DURATION",
    help="How long it holds, such as 30d; left out: 90 days. 731 days at most.",
)
@click.option("--name", metavar="TEXT", help="For whom it is; only the provider reads it.")
@options.sending
@options.control_address
@options.output_format
def link(
    address: ControlAddress,
    id_: str,
    expires: int | None,
    name: str | None,
    sending: Sending,
    format_: OutputFormat,
) -> None:
    """Make a link for a client.

    Whoever has it sees on the public door what is that client's own: statements, outages, maintenance; nothing of others, and
    without a password. It is shown this once, and slad keeps no more of it than a hash.
    """
    body = {"name": name, "valid_seconds": expires}
    answer = record(address, MAKE_LINK.path(id=id_), body, sending=sending)
    show_as(format_, answer, lambda: _show_link(answer))


def _show_link(answer: Json) -> None:
    if answer["path"] is None:
        say(
            f"{answer['id']} was made before, and shown then. What was lost is made anew; take the old one back:"
        )
        say(f"    slad client unlink {answer['id']}")
        return
    say(
        f"The link for {answer['client']}, which is shown this once. It holds until {local(answer['expires_at'])}:"
    )
    say("")
    say(f"    {answer['path']}")
    say("")
    say("Put the address of the public door before it, such as https://slad.example.net. To take it back:")
    say(f"    slad client unlink {answer['id']}")


@client.command("links", epilog=options.example("slad client links acme --all"))
@click.argument("id_", metavar="[CLIENT]", required=False, shell_complete=completing.clients)
@click.option("--all", "past", is_flag=True, help="Those too that have expired or were taken back.")
@options.control_address
@options.output_format
def links(address: ControlAddress, id_: str | None, past: bool, format_: OutputFormat) -> None:
    """List the links for clients, or for one."""
    query = ({} if id_ is None else {"client": id_}) | ({"past": "true"} if past else {})
    answer = ask(address, lambda daemon: daemon.document(LIST_LINKS.path(), query))
    show_as(format_, answer, lambda: _print_links(answer["links"]))


def _print_links(rows: Sequence[Json]) -> None:
    print_table(
        console(),
        ("id", "client", "for", "state", "expires", "made", "by", "taken back", "by"),
        (
            (
                *(row[key] for key in ("id", "client", "name", "state")),
                *(local(row[key]) for key in ("expires_at", "made_at")),
                row["made_by"],
                local(row["revoked_at"]),
                row["revoked_by"] or "",
            )
            for row in rows
        ),
        none="There is no link.",
    )


@client.command("unlink", epilog=options.example("slad client unlink ln-20261201-1a2b3c"))
@click.argument("id_", metavar="ID")
@options.sending
@options.control_address
@options.output_format
def unlink(address: ControlAddress, id_: str, sending: Sending, format_: OutputFormat) -> None:
    """Take a link back: it opens nothing any more."""
    answer = record(address, REVOKE_LINK.path(id=id_), {}, sending=sending)
    show_as(format_, answer, lambda: say(f"{answer['id']} opens nothing any more."))


def _show(out: Printer, answer: Json) -> None:
    say(f"{answer['name']} ({answer['id']}), local time of {answer['timezone']}")
    say(f"tech admins: {', '.join(answer['tech_admins']) or 'nobody'}; servers: {answer['servers']}")
    print_table(out, ("term", "value"), _terms(answer["terms"]), prose=("value",))
    names, zone = _names(answer["solutions"]), answer["timezone"]
    print_table(
        out,
        (
            "solution",
            "servers",
            "interrupted since",
            "counted",
            "observed",
            "in the window",
            "documented",
            "in the window",
        ),
        (
            (
                names[row["id"]],
                str(row["servers"]),
                *_interruption(row["ongoing"], zone),
                _stage(row["observed"], zone),
                str(row["observed"]["count"]),
                _stage(row["documented"], zone),
                str(row["documented"]["count"]),
            )
            for row in sorted(answer["solutions"], key=lambda row: names[row["id"]])
        ),
    )
    print_table(
        out,
        ("open request", "solution", "opened", "by", "due", "response"),
        (
            (
                row["id"],
                names.get(row["solution"], row["solution"]),
                local(row["opened_at"], zone),
                row["opened_by"],
                local(row["due_at"], zone),
                row["response"],
            )
            for row in answer["open_requests"]
        ),
    )
    print_table(
        out,
        ("deadline", "solution", "due", "outcome"),
        (
            (
                row["deadline"].replace("_", " "),
                names.get(row["solution"], row["solution"]),
                local(row["due_at"], zone),
                row["outcome"],
            )
            for row in answer["deadlines"]
        ),
    )


def _names(solutions: Sequence[Json]) -> dict[str, str]:
    """What people call each solution: of a server that is sold alone its name, with the id where another is called so."""
    called = {row["id"]: str(row["name"] or row["id"]) for row in solutions}
    times = Counter(called.values())
    return {
        id_: name if name == id_ or times[name] == 1 else f"{name} ({id_})" for id_, name in called.items()
    }


def _terms(terms: dict[str, Json]) -> Iterator[tuple[str, str]]:
    """The terms as the configuration names them; of the holidays, which are many, only the number."""
    for group, values in terms.items():
        for name, value in values.items():
            if name == "holidays":
                yield f"{group}.{name}", f"{len(value)} days"
            else:
                yield f"{group}.{name}", ", ".join(value) if isinstance(value, list) else _value(value)


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _interruption(ongoing: Json | None, zone: str) -> tuple[str, str]:
    if ongoing is None:
        return "", ""
    return local(ongoing["from"], zone), duration(ongoing["counted_seconds"])


def _stage(chronic: Json, zone: str) -> str:
    stage = str(chronic["stage"])
    until = chronic[_UNTIL[stage]] if stage in _UNTIL else None
    return stage.replace("_", " ") + (f" until {local(until, zone)}" if until else "")
