"""`slad status` and `slad server`: what the running daemon says of itself and of one server."""

from fractions import Fraction

import click

from daemon.cli import completing, options
from daemon.cli.asking import ask
from daemon.cli.options import OutputFormat
from daemon.cli.terminal import Printer, console, duration, plain, print_table, show_as, state
from daemon.cli.words import cause_words, local
from daemon.control.address import ControlAddress
from daemon.control.client import Json
from daemon.readable import percent
from daemon.timezones import use_packaged_time_zones


@click.command("status", epilog=options.example("slad status"))
@options.control_address
@options.output_format
def status(address: ControlAddress, format_: OutputFormat) -> None:
    """Show how the daemon is, and who is down since when.

    Exits with 0 when the daemon answered, whatever it said, and with 3 when it cannot be reached or gave no proper answer.
    """
    answer = ask(address, lambda daemon: daemon.status())
    show_as(format_, answer, lambda: _show_status(console(), answer))


@click.command(
    "server",
    epilog=options.example("slad server web1"),
)
@click.argument("name", shell_complete=completing.servers)
@options.control_address
@options.output_format
def server(name: str, address: ControlAddress, format_: OutputFormat) -> None:
    """Show one virtual server, by its id or its name: legs, outages, counted times.

    Exits with 0 when it was found, with 1 when no server or more than one has that name, and with 3 when the daemon
    cannot be reached or gave no proper answer.
    """
    answer = ask(address, lambda daemon: daemon.server(name))
    use_packaged_time_zones()
    show_as(format_, answer, lambda: _show_server(console(), answer))


def _unverified(ledger: Json) -> str:
    """How far the records are verified, while they are not all."""
    if ledger["verified_until"] == ledger["records"]:
        return ""
    return f" (verified up to {ledger['verified_until']} so far)"


def _show_status(out: Printer, answer: Json) -> None:
    settled = local(answer["settled_at"]) or "nothing yet"
    out.print(plain(f"slad {answer['version']} at {local(answer['at'])}, settled up to {settled}"))
    for reason in answer["not_ready"]:
        out.print(plain(f"not ready: {reason}", "red"))
    if answer["hub"] is None:
        _show_ledger(out, answer["ledger"])
    else:
        _show_hub(out, answer["hub"])
    states = ", ".join(f"{count} {state}" for state, count in answer["states"].items())
    out.print(plain(f"servers: {states or 'none'}"))
    if answer["proposals_pending"]:
        out.print(plain(f"proposals to decide: {answer['proposals_pending']} (slad proposals list)"))
    if answer["hub"] is None:
        _show_ways(out, answer)
    print_table(
        out,
        ("outdated statement", "month", "figures that differ"),
        ((row["client"], row["month"], str(row["figures"])) for row in answer["outdated"]),
    )
    print_table(
        out,
        ("undelivered statement", "month", "by", "since", "attempts", "why"),
        (
            (row["client"], row["month"], row["way"], local(row["since"]), str(row["attempts"]), row["why"])
            for row in answer["undelivered"]
        ),
        prose=("why",),
    )
    print_table(
        out,
        ("down", "client", "since", "legs", "cause", "sure", "id"),
        (
            (
                row["name"],
                row["client"],
                local(row["since"]),
                ", ".join(row["legs"]),
                *_cause(row["cause"])[:2],
                row["server"],
            )
            for row in answer["down"]
        ),
        prose=("legs",),
    )


def _show_ledger(out: Printer, ledger: Json) -> None:
    out.print(
        plain(
            f"ledger: {ledger['records']} records{_unverified(ledger)}, {ledger['size_bytes']} bytes, "
            f"last commit {local(ledger['last_commit_at']) or 'never'}, head {ledger['head'] or 'none'}"
        )
    )


def _show_ways(out: Printer, answer: Json) -> None:
    """By what a monitor sees."""
    print_table(
        out,
        ("source", "state", "last contact", "note"),
        (
            (
                source["name"],
                state("up" if source["up"] else "down"),
                local(source["last_contact_at"]) or "never",
                source["note"],
            )
            for source in answer["sources"]
        ),
        prose=("note",),
    )
    print_table(
        out,
        ("way to the Internet", "state", "reason"),
        ((way["name"], state(way["state"]), way["reason"]) for way in answer["internet"]),
        prose=("reason",),
    )


def _show_hub(out: Printer, hub: Json) -> None:
    """How a hub stands, and by whom it sees."""
    active = hub["active"] or "nobody that is known"
    behind = f", {hub['behind_records']} lines of the store are not read yet" if hub["behind_records"] else ""
    out.print(plain(f"hub: {'active' if hub['is_active'] else f'stands by, active is {active}'}{behind}"))
    found = ", ".join(f"{count} about the {kind}" for kind, count in hub["disagreements"].items() if count)
    if found:
        out.print(plain(f"monitors disagree: {found} (slad doctor --hub)", "yellow"))
    print_table(
        out,
        ("monitor", "has seen until", "records", "head"),
        (
            (
                row["observer"],
                "retired" if row["is_retired"] else local(row["seen_until"]) or "never",
                str(row["records"]),
                row["head"][:16],
            )
            for row in hub["monitors"]
        ),
    )


def _show_server(out: Printer, answer: Json) -> None:
    zone = answer["timezone"]
    out.print(plain(f"{answer['name']} ({answer['server']}), local time of {zone}"))
    out.print(
        plain(
            f"client {answer['client'] or 'none'}, solution {answer['solution'] or 'none'}, on {answer['vcenter'] or 'a vCenter not known here'}"
        )
    )
    runs_on = answer["runs_on"]
    if runs_on is not None:
        stores = ", ".join(runs_on["datastores"]) or "none"
        out.print(
            plain(f"runs on {runs_on['host']}, datastores {stores}, since {local(runs_on['since'], zone)}")
        )
    if answer["owner_waits_for"]:
        missing = ", ".join(answer["owner_waits_for"])
        stays = "it is unassigned until it is" if answer["owner_is_provisional"] else "whose it was it stays"
        out.print(plain(f"not known, and asked for by rules: {missing}; {stays}", "yellow"))
    if answer["same_uuid"]:
        out.print(plain(f"the same instance UUID is shown by {', '.join(answer['same_uuid'])}", "yellow"))
    since = f" since {local(answer['since'], zone)}" if answer["since"] else ""
    settled = local(answer["settled_at"], zone) or "nothing yet"
    out.print(state(answer["state"]) + plain(f"{since}, settled up to {settled}"))
    newest = answer["outages"][0] if answer["outages"] else None
    if newest is not None and newest["until"] is None:
        out.print(plain(f"down, {cause_words(newest['cause'])}", "red"))
    print_table(
        out,
        ("leg", "state", "since", "source", "reason"),
        (
            (leg["leg"], state(leg["state"]), local(leg["since"], zone), leg["source"], leg["reason"])
            for leg in answer["legs"]
        ),
        prose=("reason",),
    )
    if answer["reach"]:
        print_table(
            out,
            ("its own address", "state", "decides", "reason"),
            (
                (each["target"], state(each["state"]), "yes" if each["required"] else "no", each["reason"])
                for each in answer["reach"]
            ),
            prose=("reason",),
        )
    print_table(
        out,
        ("outage from", "until", "legs", "cause", "sure", "because"),
        (
            (
                local(outage["from"], zone),
                local(outage["until"], zone) or "now",
                ", ".join(outage["legs"]),
                *_cause(outage["cause"]),
            )
            for outage in answer["outages"]
        ),
        prose=("legs", "because"),
    )
    print_table(
        out,
        ("counted in service", "time"),
        ((counted, duration(time)) for counted, time in answer["counters_seconds"].items()),
    )
    if answer["month"] is not None:
        _show_month(out, answer["month"], zone)


def _cause(cause: Json | None) -> tuple[str, str, str]:
    """What brought an outage about, how sure that is, and what is said of it."""
    return ("", "", "") if cause is None else (cause["cause"], cause["confidence"], cause["text"])


def _show_month(out: Printer, month: Json, zone: str) -> None:
    out.print()
    out.print(
        plain(
            f"{month['month']} up to {local(month['at'], zone)}: availability {_percent(month['availability'])}, "
            f"target {_percent(month['target'])}, between {_percent(month['availability_low'])} "
            f"and {_percent(month['availability_high'])}, observed {_percent(month['coverage'])}"
        )
    )
    out.print(
        plain(
            f"budget left {duration(month['budget_left_seconds'])} of {duration(month['budget_seconds'])}, "
            f"best possible {_percent(month['best_possible'])}"
        )
    )
    print_table(
        out,
        ("this month", "time"),
        ((what, duration(time)) for what, time in month["times_seconds"].items()),
    )
    print_table(
        out,
        ("exclusion", "category", "from", "until", "time", "not excluded"),
        (
            (
                each["id"],
                each["category"],
                local(each["from"], zone),
                local(each["until"], zone) or "open",
                duration(each["seconds"]),
                ", ".join(f"{duration(part['seconds'])} {part['reason']}" for part in each["ineligible"]),
            )
            for each in month["exclusions"]
        ),
        prose=("not excluded",),
    )


def _percent(ratio: str | None) -> str:
    return percent(None if ratio is None else Fraction(ratio))
