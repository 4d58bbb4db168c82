"""docs/slad.toml.md, of which slad.toml(5) is made, against the models: every key, needed or with its default, and no other."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
import tomli
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

import daemon.config.config  # noqa: F401  every table
from daemon.config.alertmanager import AlertmanagerTable
from daemon.config.hub import HubTable
from daemon.config.statements import SmtpTable, StatementsTable
from daemon.config.tables import (
    AttributeTable,
    AutomationTable,
    CheckTable,
    ClientTable,
    ConditionsTable,
    ControlTable,
    InternetTable,
    LedgerTable,
    PeopleTable,
    ProbesTable,
    ProviderTable,
    ReachTable,
    RuleTable,
    Table,
    TargetsTable,
    TokenTable,
    TopTable,
    UnassignedTable,
    UplinkTable,
    VantageTable,
    VCenterTable,
    WatchTable,
    WebTable,
)
from deploy.manual.markdown import rows
from sla.terms import DEFAULTS

TEXT: Final = (Path(__file__).parents[3] / "docs/slad.toml.md").read_text(encoding="utf-8")
TABLES: Final[Mapping[str, type[Table]]] = {
    "TOP LEVEL": TopTable,
    "[ledger]": LedgerTable,
    "[web]": WebTable,
    "[control]": ControlTable,
    "[[control.token]]": TokenTable,
    "[watch]": WatchTable,
    "[vcenter.NAME]": VCenterTable,
    "[client.ID]": ClientTable,
    "[provider]": ProviderTable,
    "[statements]": StatementsTable,
    "[statements.smtp]": SmtpTable,
    "[hub]": HubTable,
    "[people]": PeopleTable,
    "[[people.automation]]": AutomationTable,
    "[unassigned]": UnassignedTable,
    "[[rule]]": RuleTable,
    "[uplink.NAME]": UplinkTable,
    "[vantage]": VantageTable,
    "[[internet]]": InternetTable,
    "[reach]": ReachTable,
    "[probes]": ProbesTable,
    "[alertmanager]": AlertmanagerTable,
}
BASES: Final = {CheckTable, TargetsTable, ConditionsTable}
IN_A_ROW: Final = {AttributeTable}
"""Tables that stand in one line, in the row of their key."""
ELSEWHERE: Final = {
    "[vantage]": set(UplinkTable.model_fields) - {"source", "interface"},
    "[[internet]]": set(ConditionsTable.model_fields),
}
"""Keys that are said to be those of another table."""
TABLES_BELOW: Final = {"token", "smtp", "automation"}
"""Keys that are tables with a heading of their own."""
BY_THE_MACHINE: Final = {("TOP LEVEL", "observer"), ("[ledger]", "path"), ("[control]", "socket")}
"""What has its default from the machine, before the models."""


def sections() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Each table of the document below the heading, or the line that begins with a table of slad.toml, before it."""
    heading = ""
    lines: list[str] = []
    for line in [*TEXT.splitlines(), ""]:
        if line.startswith("|"):
            lines.append(line)
            continue
        if lines:
            yield heading, rows(lines)
            lines = []
        named = re.match(r"## (.*)|`(\[.*?\])`[,:]", line)
        if named:
            heading = named[1] or named[2]


def documented() -> dict[tuple[str, str], str | None]:
    """What is said to be the default of each key, as (heading, key); None where there is no such column."""
    found: dict[tuple[str, str], str | None] = {}
    for heading, table in sections():
        for row in table:
            named = row.get("key") or row.get("condition") or row.get("outcome") or ""
            keys = [re.split(r"\W", code)[0] for code in re.findall(r"`(.*?)`", named)]
            defaults: list[str | None] = [row.get("default")] * len(keys)
            if len(keys) > 1 and (said := row.get("default", "").split(", ")) and len(said) == len(keys):
                defaults = list(said)
            prefix = f"{row['table'].strip('`')}." if "table" in row else ""
            found |= {
                (heading, f"{prefix}{key}"): default for key, default in zip(keys, defaults, strict=True)
            }
    return found


DOCUMENTED: Final = documented()


def subclasses(of: type[Table]) -> Iterator[type[Table]]:
    for each in of.__subclasses__():
        yield each
        yield from subclasses(each)


def test_every_table_has_its_place() -> None:
    assert set(subclasses(Table)) - BASES - IN_A_ROW == set(TABLES.values())


@pytest.mark.parametrize("heading", TABLES)
def test_every_key_is_documented_and_no_other(heading: str) -> None:
    named = {key for where, key in DOCUMENTED if where == heading} | ELSEWHERE.get(heading, set())
    assert named - {"contract"} == set(TABLES[heading].model_fields) - TABLES_BELOW - {"contract"}


@pytest.mark.parametrize(("heading", "key"), [place for place in DOCUMENTED if place[0] in TABLES], ids=str)
def test_a_key_has_the_default_that_is_documented(heading: str, key: str) -> None:
    said, field = DOCUMENTED[heading, key], TABLES[heading].model_fields[key]
    if said is None or (heading, key) in BY_THE_MACHINE:
        return
    assert (said == "needed") == field.is_required()
    if code := re.fullmatch("`(.*)`", said):
        value = tomli.loads(f"value = {code[1]}")["value"]
        assert validated(field, value) == field.get_default(call_default_factory=True)
    elif said != "needed":
        assert not field.get_default(call_default_factory=True)


def validated(field: FieldInfo, value: object) -> object:
    """A value as the model takes it; one that is nothing is none."""
    if not value:
        return () if isinstance(value, list) else value
    return TypeAdapter(field.rebuild_annotation()).validate_python(value)


def test_the_terms_and_their_defaults_are_documented() -> None:
    said = {key: code for (where, key), code in DOCUMENTED.items() if where == "[contract.*]"}
    defaults = {f"{table}.{key}": value for table, keys in DEFAULTS.items() for key, value in keys.items()}
    assert set(said) == set(defaults)
    for key, code in said.items():
        assert tomli.loads(f"value = {(code or '').strip('`')}")["value"] == defaults[key]
