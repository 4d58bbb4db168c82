from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.config import UNASSIGNED
from daemon.config.tables import AttributeTable, RuleTable
from daemon.servers.policy import Owner, owner_by
from daemon.servers.rules import Needs, Rules, Undecided, needs_of
from probes.facts import NOT_KNOWN, Fact, NotKnown
from probes.report import ListedServer
from sla.records import ClientId, ServerId, SolutionId

Shown = tuple[str, ListedServer]
"""A vCenter, and what it shows of a server."""


def server(
    *,
    vcenter: str = "east",
    name: str | NotKnown = "web1",
    folder: Fact = "/DC/vm/Acme",
    resource_pool: Fact = "/DC/host/C/Resources",
    attributes: Mapping[str, str] | None = None,
    all_attributes: bool = True,
    networks: tuple[str, ...] = (),
    all_networks: bool = True,
) -> Shown:
    return vcenter, ListedServer(
        server=ServerId("u"),
        name=name,
        folder=folder,
        resource_pool=resource_pool,
        attributes=attributes or {},
        all_attributes=all_attributes,
        networks=networks,
        all_networks=all_networks,
    )


def assigned(rules: Rules[RuleTable], shown: Shown) -> Owner | Undecided | None:
    return owner_by(rules.first(*shown))


def to(client: str, solution: str | None = None) -> Owner:
    return Owner(client=ClientId(client), solution=SolutionId(solution) if solution else None)


NOBODY = to(UNASSIGNED)


def test_a_server_that_no_rule_takes_is_unassigned() -> None:
    assert assigned(Rules([]), server()) == NOBODY
    assert assigned(Rules([RuleTable(name="db*", client="acme")]), server()) == NOBODY


def test_the_first_rule_that_matches_decides() -> None:
    rules = Rules(
        [
            RuleTable(name="web2", client="zero"),
            RuleTable(name="web*", client="first", solution="shop"),
            RuleTable(name="web1", client="second"),
            RuleTable(client="third"),
        ]
    )
    assert assigned(rules, server(name="web1")) == to("first", "shop")
    assert assigned(rules, server(name="web2")) == to("zero")
    assert assigned(rules, server(name="db")) == to("third")


def test_a_server_can_be_ignored() -> None:
    rules = Rules([RuleTable(name="vCLS-*", ignore=True), RuleTable(client="acme")])
    assert assigned(rules, server(name="vCLS-1234")) is None
    assert assigned(rules, server(name="web")) == to("acme")


def test_all_conditions_must_hold() -> None:
    rules = Rules(
        [
            RuleTable(
                vcenter="east",
                folder="/DC/vm/Acme",
                name="web*",
                resource_pool="/DC/host/*/Resources",
                attribute=AttributeTable(name="Client", value="Ac*"),
                client="acme",
            )
        ]
    )
    attributes = {"Client": "Acme", "Other": "x"}
    assert assigned(rules, server(attributes=attributes)) == to("acme")
    for other in (
        server(attributes=attributes, vcenter="west"),
        server(attributes=attributes, folder="/DC/vm/Globex"),
        server(attributes=attributes, name="db1"),
        server(attributes=attributes, resource_pool="/DC/host/C/Resources/Gold"),
        server(attributes={"Client": "Globex"}),
        server(attributes={"Other": "Acme"}),
    ):
        assert assigned(rules, other) == NOBODY


@pytest.mark.parametrize(
    ("glob", "matching", "other"),
    [
        ("/DC/vm/Acme", ["/DC/vm/Acme"], ["/DC/vm/Acme/Web", "/DC/vm", "/DC/vm/acme", "/DC/vm/Acme2"]),
        ("/DC/vm/Acme/", ["/DC/vm/Acme"], ["/DC/vm/Acme/Web"]),
        (
            "/DC/vm/Acme/**",
            ["/DC/vm/Acme", "/DC/vm/Acme/Web", "/DC/vm/Acme/Web/1"],
            ["/DC/vm/Acme2", "/DC/vm"],
        ),
        ("/DC/vm/*", ["/DC/vm/Acme"], ["/DC/vm", "/DC/vm/Acme/Web"]),
        ("/*/vm/A?me", ["/DC/vm/Acme", "/D/vm/Axme"], ["/DC/vm/Ame", "/DC/vm/A/me", "/DC/x/vm/Acme"]),
        ("/**/Web", ["/Web", "/DC/vm/Acme/Web"], ["/DC/vm/Acme/Web/1", "/DC/Webs"]),
        ("**", ["", "/DC", "/DC/vm/Acme"], []),
        ("/DC/**/Web/*", ["/DC/Web/1", "/DC/a/b/Web/1"], ["/DC/Web", "/DC/Web/1/2"]),
        ("/DC/vm/[a-c](x)+.$", ["/DC/vm/[a-c](x)+.$"], ["/DC/vm/a"]),
    ],
)
def test_globs_of_paths_know_levels(glob: str, matching: Sequence[str], other: Sequence[str]) -> None:
    rules = Rules([RuleTable(folder=glob, client="acme")])
    assert [assigned(rules, server(folder=folder)) for folder in matching] == [to("acme")] * len(matching)
    assert [assigned(rules, server(folder=folder)) for folder in other] == [NOBODY] * len(other)


@pytest.mark.parametrize(
    ("glob", "matching", "other"),
    [
        ("acme-*", ["acme-", "acme-web/1", "acme-\nx"], ["acme", "ACME-web", "x-acme-"]),
        ("*", ["", "x"], []),
        ("**", ["", "a/b"], []),
        ("web?", ["web1", "web/"], ["web", "web12"]),
        ("a.c[d]", ["a.c[d]"], ["abcd", "a.cd"]),
    ],
)
def test_globs_of_names_and_values_have_no_levels(
    glob: str, matching: Sequence[str], other: Sequence[str]
) -> None:
    names = Rules([RuleTable(name=glob, client="acme")])
    values = Rules([RuleTable(attribute=AttributeTable(name="a", value=glob), client="acme")])
    for texts, outcome in ((matching, to("acme")), (other, NOBODY)):
        assert [assigned(names, server(name=text)) for text in texts] == [outcome] * len(texts)
        assert [assigned(values, server(attributes={"a": text})) for text in texts] == [outcome] * len(texts)


def test_the_rules_say_which_facts_they_need() -> None:
    none = needs_of([RuleTable(name="x", vcenter="east", client="acme")])
    assert none == Needs(resource_pool=False, networks=False, placeholders=False, attributes=())
    every = needs_of(
        [
            RuleTable(folder="/x", client="acme"),
            RuleTable(resource_pool="/x", client="acme"),
            RuleTable(network="x", client="acme"),
            RuleTable(placeholder="x", client="acme"),
            RuleTable(attribute=AttributeTable(name="b", value="x"), client="acme"),
            RuleTable(attribute=AttributeTable(name="a", value="x"), client="acme"),
            RuleTable(attribute=AttributeTable(name="b", value="y"), client="acme"),
        ]
    )
    assert every == Needs(resource_pool=True, networks=True, placeholders=True, attributes=("b", "a"))


def test_a_network_is_a_condition_that_any_of_a_servers_networks_fulfils() -> None:
    rules = Rules([RuleTable(network="prod-*", name="web*", client="acme")])
    assert assigned(rules, server(networks=("backup", "prod-1"))) == to("acme")
    assert assigned(rules, server(networks=("prod-1",), name="db")) == NOBODY
    assert assigned(rules, server(networks=("backup",))) == NOBODY
    assert assigned(rules, server()) == NOBODY


# Against rules tried one by one, with globs matched by definition.


def is_match(glob: str, text: str) -> bool:
    if not glob:
        return not text
    if glob[0] == "*":
        return is_match(glob[1:], text) or (bool(text) and is_match(glob, text[1:]))
    return bool(text) and glob[0] in (text[0], "?") and is_match(glob[1:], text[1:])


def is_path_match(glob: Sequence[str], levels: Sequence[str]) -> bool:
    if not glob:
        return not levels
    if glob[0] == "**":
        return is_path_match(glob[1:], levels) or (bool(levels) and is_path_match(glob, levels[1:]))
    return bool(levels) and is_match(glob[0], levels[0]) and is_path_match(glob[1:], levels[1:])


def holds(fact: Fact | NotKnown, is_so: Callable[[str], bool]) -> bool | None:
    """Whether a condition on a fact holds; None where that is not known."""
    if isinstance(fact, NotKnown):
        return None
    return fact is not None and is_so(fact)


def conditions(rule: RuleTable, shown: Shown) -> Iterator[bool | None]:
    """Whether each condition of a rule holds of a server."""
    vcenter, listed = shown
    yield rule.vcenter in (None, vcenter)
    if (name := rule.name) is not None:
        yield holds(listed.name, lambda text: is_match(name, text))
    if (folder := rule.folder) is not None:
        levels = folder.split("/")[1:]
        yield holds(listed.folder, lambda text: is_path_match(levels, text.split("/")[1:]))
    if (network := rule.network) is not None:
        is_connected = any(is_match(network, each) for each in listed.networks)
        yield is_connected or (False if listed.all_networks else None)
    if (attribute := rule.attribute) is not None:
        yield holds(listed.attribute(attribute.name), lambda text: is_match(attribute.value, text))


def takes(rule: RuleTable, shown: Shown) -> bool | None:
    found = set(conditions(rule, shown))
    return False if False in found else None if None in found else True


def tried_one_by_one(rules: Sequence[RuleTable], shown: Shown) -> Owner | None:
    """The outcome of the first rule that takes a server; None where it cannot be told which one that is."""
    before: list[str | None] = []
    for rule in rules:
        taken = takes(rule, shown)
        if taken is False:
            continue
        if any(client != rule.client for client in before):
            return None
        if taken:
            return to(str(rule.client))
        before.append(rule.client)
    return None if before else NOBODY


TEXTS = st.text("ab", max_size=4)
GLOBS = st.text("ab*?", min_size=1, max_size=4)
LEVELS = st.text("ab", min_size=1, max_size=2)
PATHS = st.lists(LEVELS, min_size=1, max_size=4).map(lambda levels: "/" + "/".join(levels))
PATH_GLOBS = st.lists(
    st.text("ab?", min_size=1, max_size=2) | st.sampled_from(["*", "**", "a*"]), min_size=1, max_size=4
)
RULES = st.builds(
    lambda vcenter, name, folder, network, attribute: {
        "vcenter": vcenter,
        "name": name,
        "folder": folder and "/" + "/".join(folder),
        "network": network,
        "attribute": attribute and AttributeTable(name=attribute[0], value=attribute[1]),
    },
    vcenter=st.none() | st.sampled_from("ew"),
    name=st.none() | GLOBS,
    folder=st.none() | PATH_GLOBS,
    network=st.none() | GLOBS,
    attribute=st.none() | st.tuples(st.sampled_from("xy"), GLOBS),
)
KNOWN = {
    "vcenter": st.sampled_from("ew"),
    "name": TEXTS,
    "folder": st.none() | PATHS,
    "networks": st.lists(TEXTS, max_size=2).map(tuple),
    "attributes": st.dictionaries(st.sampled_from("xy"), TEXTS),
}
SERVERS = st.builds(
    server,
    **KNOWN
    | {
        "name": TEXTS | st.just(NOT_KNOWN),
        "folder": st.just(NOT_KNOWN) | KNOWN["folder"],
        "all_networks": st.booleans(),
        "all_attributes": st.booleans(),
    },
)


def clients_of(tables: list[dict[str, object]], clients: Sequence[str]) -> list[RuleTable]:
    return [
        RuleTable.model_validate({**table, "client": client})
        for table, client in zip(tables, clients, strict=False)
    ]


OWNERS = st.lists(st.sampled_from(["acme", "beta"]), min_size=8, max_size=8)


@given(tables=st.lists(RULES, max_size=8), clients=OWNERS, servers=st.lists(SERVERS, min_size=1, max_size=8))
def test_the_outcome_is_that_of_rules_tried_one_by_one(
    tables: list[dict[str, object]], clients: list[str], servers: list[Shown]
) -> None:
    rules = clients_of(tables, clients)
    compiled = Rules(rules)
    for shown in servers:
        decided = assigned(compiled, shown)
        assert (None if isinstance(decided, Undecided) else decided) == tried_one_by_one(rules, shown)


@given(tables=st.lists(RULES, max_size=8), clients=OWNERS, shown=SERVERS, known=st.builds(server, **KNOWN))
def test_what_is_decided_while_facts_are_missing_is_what_they_would_have_said(
    tables: list[dict[str, object]], clients: list[str], shown: Shown, known: Shown
) -> None:
    rules = Rules(clients_of(tables, clients))
    decided = assigned(rules, shown)
    (vcenter, listed), (_, also) = shown, known
    whole = replace(
        listed,
        name=also.name if listed.name is NOT_KNOWN else listed.name,
        folder=also.folder if listed.folder is NOT_KNOWN else listed.folder,
        networks=listed.networks if listed.all_networks else listed.networks + also.networks,
        attributes=listed.attributes if listed.all_attributes else {**also.attributes, **listed.attributes},
        all_networks=True,
        all_attributes=True,
    )
    in_the_end = assigned(rules, (vcenter, whole))
    assert not isinstance(in_the_end, Undecided)
    if isinstance(decided, Undecided):
        assert decided.facts <= {"name", "folder", "network", "attribute"}
        assert decided.facts
    else:
        assert decided == in_the_end


@pytest.mark.parametrize(
    ("missing", "facts"),
    [
        ({"folder": NOT_KNOWN}, {"folder"}),
        ({"name": NOT_KNOWN}, {"name"}),
        ({"resource_pool": NOT_KNOWN}, {"resource_pool"}),
        ({"all_networks": False}, {"network"}),
        ({"all_attributes": False}, {"attribute"}),
        ({"folder": NOT_KNOWN, "name": NOT_KNOWN}, {"folder", "name"}),
    ],
)
def test_a_rule_that_waits_for_a_fact_lets_no_later_one_decide(
    missing: dict[str, Any], facts: set[str]
) -> None:
    conditions: dict[str, dict[str, object]] = {
        "folder": {"folder": "/DC/vm/Zero"},
        "name": {"name": "zero-*"},
        "resource_pool": {"resource_pool": "/DC/host/C/Resources/Zero"},
        "network": {"network": "zero"},
        "attribute": {"attribute": AttributeTable(name="Client", value="zero")},
    }
    first = [RuleTable.model_validate({**conditions[fact], "client": "zero"}) for fact in sorted(facts)]
    waits = Undecided(frozenset(facts))
    later = RuleTable(name="*", client="later")
    known = Rules([*first, RuleTable(client="later")])
    assert assigned(known, server()) == to("later")
    decided = assigned(known, server(**missing))
    assert isinstance(decided, Undecided)
    assert decided.facts <= facts
    assert assigned(Rules(first), server(**missing)) == waits, "nobody's is an outcome too"
    assert assigned(Rules([*first, RuleTable(client="zero")]), server(**missing)) == to("zero"), (
        "but where both say the same it is said"
    )
    assert assigned(Rules([RuleTable(client="zero"), *first, later]), server(**missing)) == to("zero"), (
        "an earlier one decides"
    )


def test_one_condition_that_does_not_hold_settles_a_rule_whatever_the_others() -> None:
    rules = Rules([RuleTable(folder="/DC/vm/Zero", name="db*", client="zero"), RuleTable(client="later")])
    assert assigned(rules, server(folder=NOT_KNOWN, name="web")) == to("later")


@pytest.mark.parametrize(
    ("glob", "folder"),
    [
        ("/DC%2f1/vm/*", "/DC%2f1/vm/Acme"),
        ("/DC%2F1/vm/*", "/DC%2f1/vm/Acme"),
        ("/DC/vm/a\\b", "/DC/vm/a\\b"),
        ("/DC/vm/100%", "/DC/vm/100%"),
        ("/DC/vm/A%2FB/**", "/DC/vm/A%2fB/web"),
    ],
)
def test_a_slash_within_a_name_is_escaped_in_paths_and_nothing_else_is(glob: str, folder: str) -> None:
    assert assigned(Rules([RuleTable(folder=glob, client="acme")]), server(folder=folder)) == to("acme")


@pytest.mark.parametrize(
    "rules",
    [
        [RuleTable(folder=f"/DC/vm/Clients/C{number}/**", client="acme") for number in range(400)],
        [RuleTable(name=f"c{number}-*", client="acme") for number in range(400)],
        [
            RuleTable(attribute=AttributeTable(name="Client", value=f"c{number}"), client="acme")
            for number in range(400)
        ],
    ],
    ids=["folder", "name", "attribute"],
)
def test_a_server_meets_only_the_rules_that_it_can_match(rules: list[RuleTable]) -> None:
    compiled = Rules(rules)
    for n in range(0, 400, 57):
        shown = server(name=f"c{n}-1", folder=f"/DC/vm/Clients/C{n}/Web", attributes={"Client": f"c{n}"})
        assert assigned(compiled, shown) == to("acme")
        assert len(compiled._candidates(compiled._facts(*shown))) <= 11, (
            "C1 begins what C10 to C19 do, and so on"
        )
