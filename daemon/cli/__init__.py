"""The command line `slad`: one file a command, listed here."""

import click



@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="slad", message="slad %(version)s")
def main() -> None:
    """slad, the SLA daemon for hosting providers."""
