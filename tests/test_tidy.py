"""How the code is kept, as far as no linter asks: nothing is dead, a name is one thing, every module is on the map."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("daemon", "probes", "sla")

CALLED_BY_LIBRARIES = {
    "GetConnection",  # pyvmomi's stub
    "_create_connection",  # aiohttp's connector
    "_fields_",  # ctypes
    "add_prefix",  # aiohttp's resource
    "argtypes",
    "eof_received",  # asyncio's protocols
    "convert",  # click's parameter types
    "format_commands",
    "get_command",
    "handle_error",  # aiohttp's request handler
    "list_commands",
    "model_config",  # pydantic
    "on_broken_pipe",  # rich's console
    "raw_match",  # aiohttp's resource
    "readinto",  # io
    "render_str",  # rich's console
    "response_class",  # http.client
    "url_for",  # aiohttp's resource
}
USED_BY_TESTS = {
    "EVERY",  # the tables of alerts, which are held against Prometheus' rules
    "control_addresses",
    "frontier",
}


@cache
def parsed() -> dict[Path, ast.Module]:
    """Every module of the sources."""
    return {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


LONGEST = 500
"""So many lines a file may have."""
MIRRORED = {"Datastore", "Host", "HostConnection", "Inventory", "Mount", "Session", "Vm", "Wire"}
"""Classes of the simulated vCenter that are named like what the watch makes of them."""
READ_BY_USERS = ("daemon/cli/", "daemon/control/", "daemon/replies/", "daemon/records/bodies.py")
"""Docstrings there are texts of `--help` and of the API's description."""
SAYS_SOMETHING = re.compile(r"[`§\d]|Raises|YYYY|HH:MM")
"""However short a docstring is, it tells something that has this: code, a source, an error, a form."""


def is_enum(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).endswith(("Enum", "IntFlag")) for base in node.bases)


def defined(tree: ast.Module) -> Iterator[str]:
    """Functions, methods, classes, constants and attributes; but for members of enumerations and what a decorator takes."""
    in_enums = {
        id(each)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        if is_enum(node)
        for each in node.body
    }
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if not node.decorator_list or all(
                ast.unparse(decorator) in ("property", "classmethod", "staticmethod", "cache")
                for decorator in node.decorator_list
            ):
                yield node.name
            case ast.ClassDef():
                yield node.name
            case ast.Assign() if id(node) not in in_enums:
                for target in node.targets:
                    yield from names_of(target)
            case ast.AnnAssign() if id(node) not in in_enums:
                yield from names_of(node.target)


def names_of(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name):
            yield name
        case _:
            pass  # what belongs to somebody else


def used(tree: ast.Module) -> Iterator[str]:
    """Every name that is read, called, imported or passed; words in texts too, for types in quotes and `__slots__`."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name, ctx=ast.Load() | ast.Del()):
                yield name
            case ast.keyword(arg=str(name)):
                yield name
            case ast.AugAssign(target=ast.Attribute(attr=name)):
                yield name
            case ast.MatchClass(kwd_attrs=names):
                yield from names
            case ast.Constant(value=str(text)) if len(text) < 100:
                yield from re.findall(r"\w+", text)


def test_nothing_is_dead() -> None:
    uses = {name for tree in parsed().values() for name in used(tree)}
    uses |= set(re.findall(r"\w+", (ROOT / "pyproject.toml").read_text(encoding="utf-8")))
    for template in (ROOT / "daemon").glob("*/templates/*"):
        uses |= set(re.findall(r"\w+", template.read_text(encoding="utf-8")))
    dead = {
        f"{path.relative_to(ROOT)}: {name}"
        for path, tree in parsed().items()
        for name in defined(tree)
        if name not in uses | CALLED_BY_LIBRARIES | USED_BY_TESTS and not name.startswith("__")
    }
    assert not dead, f"nothing but tests names these: {sorted(dead)}"


class TestTheMap:
    """ARCHITECTURE.md names every room and every module, and nothing that is not there."""

    @pytest.fixture
    def text(self) -> str:
        return (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

    def test_names_every_room_and_module_of_the_daemon(self, text: str) -> None:
        words = set(re.findall(r"[\w/]+", text))
        missing = []
        for path in (ROOT / "daemon").rglob("*.py"):
            room = path.parent.relative_to(ROOT / "daemon")
            if room != Path() and f"{room.parts[0]}/" not in text:
                missing.append(f"{room}/")
            if path.stem not in ("__init__", "__main__") and path.stem not in words:
                missing.append(str(path.relative_to(ROOT)))
        assert not missing

    def test_names_no_file_that_is_not_there(self, text: str) -> None:
        named = re.findall(r"`((?:daemon|probes|sla|tests|deploy)/[\w/.]*)`", text)
        assert not [name for name in named if not (ROOT / name).exists()]

    def test_has_each_word_where_it_says(self, text: str) -> None:
        """A row of *Words*: `| word | what it is | file |`, the name of what is defined there or a term of the specification."""
        rows = re.findall(r"^\| (\*\*.+?) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
        assert len(rows) > 50
        contents = {
            file: (ROOT / file).read_text(encoding="utf-8")
            for *_, place in rows
            for file in re.findall(r"`([\w/.]+)`", place)
        }
        wrong = [
            f"{name} is not in {place}"
            for word, _, place in rows
            for name in re.findall(r"`(\w+)`", word)
            if not any(
                re.search(rf"\b{name}\b", contents[file]) for file in re.findall(r"`([\w/.]+)`", place)
            )
        ]
        assert not wrong


def test_a_class_is_one_thing() -> None:
    classes = Counter(
        node.name.lstrip("_")
        for tree in parsed().values()
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    )
    homonyms = {name for name, count in classes.items() if count > 1} - MIRRORED
    assert not homonyms, f"these names mean two things: {sorted(homonyms)}"


def test_no_file_is_longer_than_one_reads_at_a_sitting() -> None:
    lengths = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n")
        for folder in (*PACKAGES, "tests", "bench", "deploy")
        for path in (ROOT / folder).rglob("*.py")
        if "node_modules" not in path.parts
    }
    assert not {path: length for path, length in lengths.items() if length > LONGEST}


def code_within(code: CodeType) -> Iterator[CodeType]:
    """The code of a module, and of all that is in it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from code_within(const)


def test_no_inner_function_holds_itself() -> None:
    """Such a one is a cycle: what it holds besides stays until the collector comes by, which it never does once that was frozen."""
    modules = [compile(module, str(path), "exec") for path, module in parsed().items()]
    codes = (code for module in modules for code in code_within(module))
    assert [(code.co_filename, code.co_name) for code in codes if code.co_name in code.co_freevars] == []


def test_no_group_of_a_pattern_is_possessive() -> None:
    """One that has to try again within itself finds nothing in Python before 3.11.5 (gh-106052); Debian 12 has 3.11.2."""
    texts = (
        (path, node.lineno, node.value)
        for path, module in parsed().items()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )
    patterns = (
        (path, line, text if isinstance(text, str) else text.decode("latin-1")) for path, line, text in texts
    )
    found = [
        f"{path}:{line}"
        for path, line, text in patterns
        if re.search(r"[^\\]\)(?:[*+?]|\{[\d,]+\})\+|\(\?>", text)
    ]
    assert found == []


def test_no_docstring_says_nothing() -> None:
    empty = {
        f"{path.relative_to(ROOT)}:{node.body[0].lineno}: {text}"
        for path, tree in parsed().items()
        if not str(path.relative_to(ROOT)).startswith(READ_BY_USERS)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for text in [ast.get_docstring(node)]
        if text is not None and len(text.split()) <= 3 and not SAYS_SOMETHING.search(text)
    }
    assert not empty
