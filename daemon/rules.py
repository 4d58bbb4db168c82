"""Which client and solution a virtual server belongs to: the rules of slad.toml, applied to what vCenter shows of it.

Pure. The first rule whose conditions all hold decides; a server that none takes belongs to UNASSIGNED.

Globs: in a folder's or a resource pool's path `*` and `?` stay within one level, and `**` is any number of levels, none
included. In names and in attributes' values, which have no levels, `*` matches anything. Case counts; no other
character is special.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from daemon.config import UNASSIGNED
from daemon.config_tables import RuleTable
from sla.records import ClientId, SolutionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighted:
    """What vCenter shows of a virtual server, so far as rules ask; what no rule asks may be left out.

    `folder` and `resource_pool` are the paths of what holds it, such as `/DC/vm/Clients/Acme`: a slash before each
    level and none at the end, and `%2f` for one within a name, as vCenter writes it.
    """

    vcenter: str
    name: str
    folder: str = ""
    resource_pool: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Whose a virtual server is. `solution` None: it is one of its own (spec §6.1)."""

    client: ClientId
    solution: SolutionId | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """It is no virtual server that slad accounts for."""


Outcome = Assignment | Ignored

_IGNORED: Final = Ignored()
_UNASSIGNED: Final = Assignment(client=UNASSIGNED, solution=None)


_Match = Callable[[str], object]
"""Whether a whole text matches; anything true means yes."""


class Rules:
    """The rules, compiled once.

    A server meets only the rules that it can match: each is filed under the longest text that one of its globs
    begins with, so that hundreds of rules cost about as much as a few.
    """

    def __init__(self, rules: Sequence[RuleTable]) -> None:
        """In their order."""
        self.needs_folder = any(rule.folder is not None for rule in rules)
        self.needs_resource_pool = any(rule.resource_pool is not None for rule in rules)
        self.needed_attributes = tuple(
            dict.fromkeys(rule.attribute.name for rule in rules if rule.attribute is not None)
        )
        self._outcomes = tuple(_outcome(rule) for rule in rules)
        globs = [list(self._globs(rule)) for rule in rules]
        self._conditions = tuple(tuple((glob.fact, glob.match()) for glob in of_rule) for of_rule in globs)
        self._anywhere: list[int] = []
        self._by_prefix: dict[tuple[int, int], dict[str, list[int]]] = {}
        for position, of_rule in enumerate(globs):
            self._file(position, max(of_rule, key=lambda glob: len(glob.prefix), default=None))

    @property
    def needs_attributes(self) -> bool:
        """Whether any rule asks for a custom attribute."""
        return bool(self.needed_attributes)

    def assign(self, server: Sighted) -> Outcome:
        """What becomes of a virtual server."""
        facts = self._facts(server)
        for position in self._candidates(facts):
            for fact, match in self._conditions[position]:
                text = facts[fact]
                if text is None or not match(text):
                    break
            else:
                return self._outcomes[position]
        return _UNASSIGNED

    def _facts(self, server: Sighted) -> list[str | None]:
        facts = [server.vcenter, server.name, server.folder, server.resource_pool]
        return [*facts, *map(server.attributes.get, self.needed_attributes)]

    def _globs(self, rule: RuleTable) -> Iterator["_Glob"]:
        """A rule's conditions; their facts are positions in `_facts`."""
        if rule.vcenter is not None:
            yield _Glob(fact=0, parts=(rule.vcenter,))
        if rule.name is not None:
            yield _Glob(fact=1, parts=_text_parts(rule.name))
        if rule.folder is not None:
            yield _Glob(fact=2, parts=_path_parts(rule.folder))
        if rule.resource_pool is not None:
            yield _Glob(fact=3, parts=_path_parts(rule.resource_pool))
        if rule.attribute is not None:
            fact = 4 + self.needed_attributes.index(rule.attribute.name)
            yield _Glob(fact=fact, parts=_text_parts(rule.attribute.value))

    def _file(self, position: int, glob: "_Glob | None") -> None:
        if glob is None or not glob.prefix:
            self._anywhere.append(position)
            return
        by_prefix = self._by_prefix.setdefault((glob.fact, len(glob.prefix)), {})
        by_prefix.setdefault(glob.prefix, []).append(position)

    def _candidates(self, facts: Sequence[str | None]) -> Sequence[int]:
        """The positions of the rules that can match, in order."""
        found = list(self._anywhere)
        for (fact, length), by_prefix in self._by_prefix.items():
            text = facts[fact]
            if text is not None:
                found += by_prefix.get(text[:length], ())
        found.sort()
        return found


def _outcome(rule: RuleTable) -> Outcome:
    if rule.ignore:
        return _IGNORED
    assert rule.client is not None
    solution = SolutionId(rule.solution) if rule.solution is not None else None
    return Assignment(client=ClientId(rule.client), solution=solution)


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
            parts += ["/", *(wildcards.get(letter, letter) for letter in level)]
    return tuple(parts)
