"""A man page for each command, read off the tree of commands that the program itself runs."""

import re
from collections.abc import Iterator
from typing import Final

import click

from daemon.cli import main
from deploy.manual.roff import Page, bold, escaped

_VERBATIM: Final = "\b"
"""A paragraph that begins with it is shown as it is: click's own mark."""


def command_pages(*, date: str, source: str) -> Iterator[Page]:
    """The pages of section 1. Of groups the page names the commands in it."""
    for context in contexts(_context(main, "slad", None)):
        page = Page(context.command_path.replace(" ", "-"), 1)
        page.head(date=date, source=source)
        _describe(page, context)
        yield page


def contexts(context: click.Context) -> Iterator[click.Context]:
    """A command and all below it, each in the context in which it is called."""
    yield context
    for child in _children(context):
        yield from contexts(child)


def _children(context: click.Context) -> Iterator[click.Context]:
    command = context.command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield _context(child, name, context)


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    """As the program makes it, for a command's own settings to hold."""
    return click.Context(command, info_name=name, parent=parent, **command.context_settings)


def _describe(page: Page, context: click.Context) -> None:
    command = context.command
    page.heading("NAME")
    page.lines.append(rf"{escaped(page.name)} \- {escaped(_short(command))}")
    page.heading("SYNOPSIS")
    pieces = [escaped(piece) for piece in command.collect_usage_pieces(context)]
    page.lines.append(" ".join([bold(context.command_path), *pieces]))
    page.heading("DESCRIPTION")
    _paragraphs(page, command.help or "")
    _options(page, context)
    children = list(_children(context))
    if children:
        page.heading("COMMANDS")
        for child in children:
            page.item(_reference(child), _short(child.command))
    if command.epilog:
        page.heading("EXAMPLE")
        _paragraphs(page, command.epilog.replace("Example:\n", ""))
    _environment(page, context)
    page.heading("SEE ALSO")
    family = [context.parent] if context.parent else children
    page.lines.append(", ".join([*(_reference(each) for each in family), rf"{bold('slad.toml')}(5)"]))


def _options(page: Page, context: click.Context) -> None:
    records = [parameter.get_help_record(context) for parameter in context.command.get_params(context)]
    page.heading("OPTIONS")
    for names, text in filter(None, records):
        page.item(re.sub(r"-{1,2}[\w-]+", lambda name: bold(name[0]), _without_dashes(names)), text)


def _without_dashes(names: str) -> str:
    """The names of an option as they are, but for backslashes and quotes, which roff would take for its own."""
    return names.replace("\\", r"\e").replace('"', r"\(dq")


def _environment(page: Page, context: click.Context) -> None:
    """The variables that stand for options."""
    variables = [
        (parameter.envvar, max(parameter.opts, key=len))
        for parameter in context.command.params
        if isinstance(parameter.envvar, str)
    ]
    if variables:
        page.heading("ENVIRONMENT")
        for variable, option in variables:
            page.item(bold(variable), f"What `{option}` is where it is not given.")


def _paragraphs(page: Page, text: str) -> None:
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        if paragraph.startswith(_VERBATIM):
            page.verbatim(line for line in paragraph.removeprefix(_VERBATIM).splitlines() if line)
        else:
            page.paragraph(paragraph)


def _short(command: click.Command) -> str:
    return command.get_short_help_str(limit=1000).removeprefix("slad, ").rstrip(".")


def _reference(context: click.Context) -> str:
    return rf"{bold(context.command_path.replace(' ', '-'))}(1)"
