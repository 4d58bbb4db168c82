"""What the site has beside the files of `docs/`: pages that are made of what holds them true.

`api.md` is made of the OpenAPI document that the daemon serves, `words.md` of ARCHITECTURE.md, `changelog.md` is CHANGELOG.md.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from daemon.control.openapi import document

ROOT: Final = Path(__file__).parents[2]


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages. mkdocs calls it with the files that it found."""
    for name, text in made().items():
        files.append(File.generated(config, name, content=text))
    return files


def made() -> dict[str, str]:
    """The pages by the names of their files."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return {
        "api.md": api(document()),
        "words.md": words((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")),
        "changelog.md": changelog.replace("](docs/", "]("),
    }


def words(architecture: str) -> str:
    """The section *Words*, without its headings of sections before and after."""
    found = re.search(r"^## Words\n(.*?)(?=^## |\Z)", architecture, re.DOTALL | re.MULTILINE)
    assert found is not None
    return f"# Words\n{found[1]}"


def api(openapi: Mapping[str, Any]) -> str:
    """Every operation of the control door with its parameters and answers, and every model that they name."""
    return (
        "\n".join([*_introduction(openapi), *_operations(openapi), "## Models", "", *_models(openapi)]) + "\n"
    )


def _introduction(openapi: Mapping[str, Any]) -> Iterator[str]:
    info = openapi["info"]
    yield from (
        "# The API",
        "",
        f"Made of the OpenAPI document of slad {info['version']}, which the daemon itself serves (`GET /v1/openapi.json`).",
        "Who may ask, and how requests are repeated safely, is in [slad control](slad-control.md).",
        "",
        info.get("description", ""),
        "",
    )


def _operations(openapi: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            yield from (f"## `{method.upper()} {path}`", "", operation["summary"], "")
            yield from _described(operation)
            yield from _parameters(operation.get("parameters", ()))
            if "requestBody" in operation:
                yield from (f"Body: {_content(operation['requestBody']['content'])}", "")
            yield from ("| status | answer |", "| --- | --- |")
            for status, answer in operation["responses"].items():
                content = f": {_content(answer['content'])}" if "content" in answer else ""
                yield f"| {status} | {_cell(answer.get('description', ''))}{content} |"
            yield ""


def _described(holder: Mapping[str, Any]) -> Iterator[str]:
    if "description" in holder:
        yield from (holder["description"], "")


def _parameters(parameters: Any) -> Iterator[str]:
    if parameters:
        yield from ("| parameter | in | type | meaning |", "| --- | --- | --- | --- |")
        for each in parameters:
            needed = "; needed" if each.get("required") else ""
            meaning = _cell(each.get("description", ""))
            yield f"| `{each['name']}` | {each['in']}{needed} | {_type(each['schema'])} | {meaning} |"
        yield ""


def _models(openapi: Mapping[str, Any]) -> Iterator[str]:
    for name, model in sorted(openapi["components"]["schemas"].items()):
        yield from (f"### {name}", "")
        yield from _described(model)
        if "properties" in model:
            needed = model.get("required", ())
            yield from ("| key | type | meaning |", "| --- | --- | --- |")
            for key, schema in model["properties"].items():
                optional = "" if key in needed else "; may be left out"
                yield f"| `{key}` | {_type(schema)}{optional} | {_cell(schema.get('description', ''))} |"
            yield ""
        else:
            yield from (_type(model), "")


def _content(content: Mapping[str, Any]) -> str:
    return ", ".join(f"`{kind}` {_type(each.get('schema', {}))}".rstrip() for kind, each in content.items())


def _type(schema: Mapping[str, Any]) -> str:
    """A schema in words, models as links to them."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_type(each) for each in schema[key]))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kinds = schema.get("type", "anything")
    named = " or ".join(kinds) if isinstance(kinds, list) else kinds
    return f"{named} ({schema['format']})" if "format" in schema else named


def _cell(text: str) -> str:
    """A text that may stand in a cell of a table."""
    return " ".join(text.replace("|", r"\|").split())
