"""`make run` as README.md has it."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_what_is_chosen_of_the_mixin_reaches_it_when_slad_is_installed() -> None:
    said = ("OPTIONS=--label team=hosting",)
    done = subprocess.run(
        ("make", "--dry-run", "install", *said), cwd=ROOT, capture_output=True, text=True, check=True
    )
    built = [line for line in done.stdout.splitlines() if "deploy.mixin.build" in line]
    assert [line.partition("build/mixin ")[2] for line in built] == ["--label team=hosting"]
    assert "MIXIN" not in (ROOT / "Makefile").read_text(), (
        "deploy/install reads it as a folder, from what make exports"
    )


@pytest.mark.parametrize(
    ("said", "runs"),
    [
        ((), "slad demo --port 10999"),
        (("PORT=11000",), "slad demo --port 11000"),
        (("CONFIG=slad.toml",), "slad run --config slad.toml"),
    ],
)
def test_it_runs_the_demo_on_a_port_or_the_daemon(said: tuple[str, ...], runs: str) -> None:
    done = subprocess.run(
        ("make", "--no-print-directory", "--dry-run", "run", *said),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1].endswith(runs)
