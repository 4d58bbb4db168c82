from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import UNASSIGNED
from daemon.config.tables import AttributeTable, RuleTable
from daemon.servers.policy import Owner, owner_by
from daemon.servers.rules import Needs, Rules, needs_of
from probes.report import ListedServer
from sla.records import ClientId, ServerId, SolutionId

Shown = tuple[str, ListedServer]
"""A vCenter, and what it shows of a server."""


def server(
    *,
    vcenter: str = "east",
    name: str = "web1",
    folder: str = "/DC/vm/Acme",
    resource_pool: str = "/DC/host/C/Resources",
    attributes: Mapping[str, str] | None = None,
    networks: tuple[str, ...] = (),
) -> Shown:
    return vcenter, ListedServer(
        server=ServerId("u"),
        name=name,
        folder=folder,
        resource_pool=resource_pool,
        attributes=attributes or {},
        networks=networks,
    )


def assigned(rules: Rules[RuleTable], shown: Shown) -> Owner | None:
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
    assert none == Needs(resource_pool=False, networks=False, attributes=())
    every = needs_of(
        [
            RuleTable(folder="/x", client="acme"),
            RuleTable(resource_pool="/x", client="acme"),
            RuleTable(network="x", client="acme"),
            RuleTable(attribute=AttributeTable(name="b", value="x"), client="acme"),
            RuleTable(attribute=AttributeTable(name="a", value="x"), client="acme"),
            RuleTable(attribute=AttributeTable(name="b", value="y"), client="acme"),
        ]
    )
    assert every == Needs(resource_pool=True, networks=True, attributes=("b", "a"))


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


def takes(rule: RuleTable, shown: Shown) -> bool:
    vcenter, listed = shown
    attribute = rule.attribute
    return all(
        (
            rule.vcenter in (None, vcenter),
            rule.name is None or is_match(rule.name, listed.name),
            rule.folder is None or is_path_match(rule.folder.split("/")[1:], listed.folder.split("/")[1:]),
            rule.network is None or any(is_match(rule.network, network) for network in listed.networks),
            attribute is None
            or (
                attribute.name in listed.attributes
                and is_match(attribute.value, listed.attributes[attribute.name])
            ),
        )
    )


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
SERVERS = st.builds(
    server,
    vcenter=st.sampled_from("ew"),
    name=TEXTS,
    folder=PATHS,
    networks=st.lists(TEXTS, max_size=2).map(tuple),
    attributes=st.dictionaries(st.sampled_from("xy"), TEXTS),
)


@given(tables=st.lists(RULES, max_size=8), servers=st.lists(SERVERS, min_size=1, max_size=8))
def test_the_outcome_is_that_of_rules_tried_one_by_one(
    tables: list[dict[str, object]], servers: list[Shown]
) -> None:
    rules = [
        RuleTable.model_validate({**table, "client": str(number)}) for number, table in enumerate(tables)
    ]
    compiled = Rules(rules)
    for shown in servers:
        expected = next((to(str(rule.client)) for rule in rules if takes(rule, shown)), NOBODY)
        assert assigned(compiled, shown) == expected


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
