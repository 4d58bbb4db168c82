"""How a reader makes a document again (`spec/statement.md`, 9): commands for a shell, which need nothing but its evidence."""

import json
import shlex
from typing import Final

from daemon.statements.view import Json
from sla.texts import printable

_LETTERHEAD: Final = "provider.toml"
_EVIDENCE: Final = "evidence.jsonl"


def records_of(head: Json) -> int:
    """How many records a document was made of, in the order of recording: they are numbered from 1 in each ledger that it names.

    `head`: what the document says of itself, its `statement`.
    """
    return sum(each["seq"] for each in head["ledgers"])


def letterhead_command(head: Json) -> str:
    """What writes the file with the provider that `recompute_command` reads; "" for a document that names none.

    `head`: what the document says of itself, its `statement`.
    """
    provider = head["provider"]
    if not _is_named(provider):
        return ""
    address = ", ".join(map(_in_toml, provider["address"]))
    lines = ("[provider]", f"name = {_in_toml(provider['name'])}", f"address = [{address}]")
    return f"printf '%s\\n' {shlex.join(lines)} > {_LETTERHEAD}"


def recompute_command(head: Json) -> str:
    """What prints the SHA-256 of the document, made again of the lines of an export up to the records that it names."""
    asked = ["--month", head["month"], "--as-of", head["as_of"], "--client", head["client"]]
    version = [] if head["version"] is None else ["--version", str(head["version"])]
    letterhead = ["--letterhead", _LETTERHEAD] if _is_named(head["provider"]) else []
    rest = [*asked, *version, *letterhead, "--format", "json"]
    if not head["ledgers"]:
        return f"{_command('slad', 'evaluate', _EVIDENCE, *rest)} | sha256sum"
    taken = f"head -n {records_of(head)} {_EVIDENCE}"
    return f"{taken} | {_command('slad', 'evaluate', '-', '--verify', *rest)} | sha256sum"


def _is_named(provider: Json) -> bool:
    return bool(provider["name"] or provider["address"])


def _command(*words: str) -> str:
    return printable(shlex.join(words))


def _in_toml(text: str) -> str:
    """A string of TOML in which every character shows."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(each if printable(each) == each else f"\\U{ord(each):08x}" for each in quoted)
