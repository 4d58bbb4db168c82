"""`slad demo`: the daemon on a simulated vCenter."""

import sys
import tempfile
from pathlib import Path
from typing import TextIO

import click

from daemon.cli import options
from daemon.cli.run import to_its_end
from daemon.cli.terminal import complain, say
from daemon.demo.story_names import StoryName


@click.command(
    epilog=options.example("slad demo --servers 1000"),
)
@click.option(
    "--servers",
    default=200,
    show_default=True,
    type=options.NumberType(10, 40_000),
    help="How many virtual servers.",
)
@click.option(
    "--port",
    default=10999,
    show_default=True,
    type=options.NumberType(0, 65_535),
    help="Where the pages and metrics are; 0: a free port.",
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where configuration, ledger and log go, and stay; by default a folder that goes with the demo.",
)
@click.option("--no-past", is_flag=True, help="Begin now, without the six weeks of evidence.")
@click.option(
    "--story",
    type=click.Choice([name.value for name in StoryName]),
    help="Tell this one story over and over, and no other.",
)
def demo(servers: int, port: int, folder: Path | None, *, no_past: bool, story: str | None) -> None:
    """Run slad on a simulated vCenter, with faults that tell what slad makes of them.

    First six weeks of evidence are made, by slad itself on a clock of its own; a folder that has a ledger has its past already.
    Nothing real is touched: the vCenter is part of this process, and everything listens on 127.0.0.1 alone. Exit status: 0
    after Ctrl-C, 1 when it cannot start or go on, 2 for a wrong call.
    """
    from daemon import logs
    from daemon.demo.play import DemoSettings, play

    with tempfile.TemporaryDirectory(prefix="slad-demo-") as temporary:
        place = folder or Path(temporary)
        with _log_in(place) as log:
            logs.set_up("json", log)
            settings = DemoSettings(
                folder=place,
                servers=servers,
                port=port,
                has_past=not no_past,
                story=None if story is None else StoryName(story),
                say=say,
            )
            to_its_end(lambda: play(settings))


def _log_in(folder: Path) -> TextIO:
    """The log in a folder, which is made; where that cannot be, it is told, and the command ends."""
    from daemon.os_faults import refused

    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "slad.log").open("a", encoding="utf-8")
    except OSError as error:
        complain(f"{folder}: {refused(error)}")
        sys.exit(1)
