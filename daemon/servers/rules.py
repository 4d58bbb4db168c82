"""Rules of slad.toml applied to what vCenter shows of a virtual server: the first whose conditions all hold decides.

Pure. Whose a server is, and what way out to the Internet it has, are told by rules of one form with other outcomes.

A path is one as people see it (`probes.vcenter.places`). Globs: in a folder's or a resource pool's path `*` and `?` stay within one level, and `**` is any number of levels, none
included. In names, networks and attributes' values, which have no levels, `*` matches anything. Case counts; no other
character is special, but for the `%2f` or `%2F` that a slash within a name of a path is.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import Final, Generic, TypeVar

from daemon.config.tables import ConditionsTable
from probes.facts import NOT_KNOWN, Fact
from probes.report import ListedServer
from probes.vcenter.places import SLASH

Rule = TypeVar("Rule", bound=ConditionsTable)

_Match = Callable[[str], object]
"""Whether a whole text matches; anything true means yes."""

_VCENTER, _NAME, _FOLDER, _RESOURCE_POOL, _PLACEHOLDER, _FIRST_ATTRIBUTE = range(6)
_WORDS: Final = ("vcenter", "name", "folder", "resource_pool", "placeholder", "attribute")
"""The keys of the conditions on them."""
_NOTHING: Final[frozenset[str]] = frozenset()
_NETWORK: Final = frozenset({"network"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What has to be read of servers so that rules can be applied; `attributes` are names of custom attributes."""

    resource_pool: bool
    networks: bool
    placeholders: bool
    attributes: tuple[str, ...]


def needs_of(rules: Sequence[ConditionsTable]) -> Needs:
    """What some rules need."""
    return Needs(
        resource_pool=any(rule.resource_pool is not None for rule in rules),
        placeholders=any(rule.placeholder is not None for rule in rules),
        networks=any(rule.network is not None for rule in rules),
        attributes=tuple(dict.fromkeys(rule.attribute.name for rule in rules if rule.attribute is not None)),
    )


@dataclass(frozen=True, slots=True)
class Undecided:
    """What rules decide of a server cannot be told: a condition that matters rests on a fact that is not known.

    `facts` names those facts by their conditions' keys, such as `folder`.
    """

    facts: frozenset[str]


class Rules(Generic[Rule]):
    """Rules in their order, compiled once.

    A server meets only the rules that it can match: each is filed under the longest text that one of its globs
    begins with, so that hundreds of rules cost about as much as a few.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._attributes = needs_of(rules).attributes
        self._rules = tuple(rules)
        globs = [list(self._globs(rule)) for rule in rules]
        self._conditions = tuple(tuple((glob.fact, glob.match()) for glob in of_rule) for of_rule in globs)
        self._networks = tuple(None if rule.network is None else matcher(rule.network) for rule in rules)
        self._anywhere: list[int] = []
        self._by_prefix: dict[tuple[int, int], dict[str, list[int]]] = {}
        for position, of_rule in enumerate(globs):
            self._file(position, max(of_rule, key=lambda glob: len(glob.prefix), default=None))

    def first(self, vcenter: str, server: ListedServer) -> Rule | Undecided | None:
        """The rule that decides of a virtual server that a vCenter shows; None where no rule takes it.

        A condition holds, does not, or is not known, and so does a rule: one condition that does not hold settles it.
        A rule that is not known may be the first one: a later one decides only if its outcome is the same.
        """
        if not self._rules:
            return None
        facts = self._facts(vcenter, server)
        unknown = _NOTHING
        waiting: Rule | None = None
        for position in self._candidates(facts):
            missing = self._missing(position, facts, server)
            if missing is None:
                continue
            rule = self._rules[position]
            if waiting is not None and rule.outcome != waiting.outcome:
                return Undecided(unknown | missing)
            if not missing:
                return rule
            unknown |= missing
            waiting = rule
        return None if waiting is None else Undecided(unknown)

    def _missing(self, position: int, facts: Sequence[Fact], server: ListedServer) -> frozenset[str] | None:
        """The facts that a rule waits for: none where it takes the server; None where it does not."""
        missing = _NOTHING
        network = self._networks[position]
        if network is not None and not any(map(network, server.networks)):
            if server.all_networks:
                return None
            missing = _NETWORK
        for fact, match in self._conditions[position]:
            text = facts[fact]
            if text is NOT_KNOWN:
                missing |= {_WORDS[min(fact, _FIRST_ATTRIBUTE)]}
            elif text is None or not match(text):
                return None
        return missing

    def _facts(self, vcenter: str, server: ListedServer) -> list[Fact]:
        facts: list[Fact] = [vcenter, server.name, server.folder, server.resource_pool, server.placeholder]
        if self._attributes:
            facts += map(server.attribute, self._attributes)
        return facts

    def _globs(self, rule: Rule) -> Iterator["_Glob"]:
        """A rule's conditions on facts of which a server has one each; their facts are positions in `_facts`."""
        if rule.vcenter is not None:
            yield _Glob(fact=_VCENTER, parts=(rule.vcenter,))
        if rule.name is not None:
            yield _Glob(fact=_NAME, parts=_text_parts(rule.name))
        if rule.folder is not None:
            yield _Glob(fact=_FOLDER, parts=_path_parts(rule.folder))
        if rule.resource_pool is not None:
            yield _Glob(fact=_RESOURCE_POOL, parts=_path_parts(rule.resource_pool))
        if rule.placeholder is not None:
            yield _Glob(fact=_PLACEHOLDER, parts=_text_parts(rule.placeholder))
        if rule.attribute is not None:
            fact = _FIRST_ATTRIBUTE + self._attributes.index(rule.attribute.name)
            yield _Glob(fact=fact, parts=_text_parts(rule.attribute.value))

    def _file(self, position: int, glob: "_Glob | None") -> None:
        if glob is None or not glob.prefix:
            self._anywhere.append(position)
            return
        by_prefix = self._by_prefix.setdefault((glob.fact, len(glob.prefix)), {})
        by_prefix.setdefault(glob.prefix, []).append(position)

    def _candidates(self, facts: Sequence[Fact]) -> Sequence[int]:
        """The positions of the rules that can match, in order: by a fact that is not known, all filed under it."""
        found = list(self._anywhere)
        for (fact, length), by_prefix in self._by_prefix.items():
            text = facts[fact]
            if isinstance(text, str):
                found += by_prefix.get(text[:length], ())
            elif text is not None:
                found.extend(chain.from_iterable(by_prefix.values()))
        found.sort()
        return found


class _Wildcard(Enum):
    """What stands for other text in a glob; the value is the regular expression for it."""

    ANYTHING = ".*"
    ANY_LETTER = "."
    REST_OF_LEVEL = "[^/]*"
    LETTER_OF_LEVEL = "[^/]"
    LEVELS = "(?:/[^/]+)*"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Glob:
    """A condition on one fact: texts that stand for themselves, and wildcards."""

    fact: int
    parts: tuple[str | _Wildcard, ...]

    @property
    def prefix(self) -> str:
        """What every text that matches begins with."""
        wildcard = next((at for at, part in enumerate(self.parts) if isinstance(part, _Wildcard)), None)
        return "".join(map(str, self.parts[:wildcard]))

    def match(self) -> _Match:
        pattern = "".join(re.escape(part) if isinstance(part, str) else part.value for part in self.parts)
        return re.compile(pattern, re.DOTALL).fullmatch


def matcher(glob: str) -> Callable[[str], object]:
    """A test whether a whole name matches a glob."""
    return _Glob(fact=-1, parts=_text_parts(glob)).match()


def _text_parts(glob: str) -> tuple[str | _Wildcard, ...]:
    wildcards = {"*": _Wildcard.ANYTHING, "?": _Wildcard.ANY_LETTER}
    return tuple(wildcards.get(letter, letter) for letter in glob)


def _path_parts(glob: str) -> tuple[str | _Wildcard, ...]:
    """Level by level, each with the slash before it, so that `**` takes whole levels."""
    wildcards = {"*": _Wildcard.REST_OF_LEVEL, "?": _Wildcard.LETTER_OF_LEVEL}
    parts: list[str | _Wildcard] = []
    for level in glob.strip("/").split("/"):
        if level == "**":
            parts.append(_Wildcard.LEVELS)
        else:
            parts += ["/", *(wildcards.get(letter, letter) for letter in level.replace("%2F", SLASH))]
    return tuple(parts)
