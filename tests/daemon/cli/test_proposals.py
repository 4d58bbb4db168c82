"""`slad proposals`: what is proposed, decided, and what a decision would change."""

import pytest

from probes.simulation.entities import Vm
from tests.daemon.cli.recording import Slad, cells


@pytest.fixture(scope="module")
def proposal(slad: Slad) -> str:
    """The system of web7 crashed."""
    world = slad.vcenter.world
    moid = slad.vcenter.do(lambda: world.inventory.find(Vm, "web7").moid)
    assert slad.done("proposals", "list") == "No proposal waits to be decided.\n"
    assert slad.done("proposals", "list", "--state", "lapsed") == "No proposal is lapsed.\n"
    slad.vcenter.do(lambda: world.machines.guest_crash(moid))
    slad.vcenter.do(lambda: world.machines.power_off(moid))
    slad.wait(lambda: bool(slad.told("proposals", "list")["proposals"]), "the proposal")
    (row,) = slad.told("proposals", "list")["proposals"]
    return str(row["id"])


def test_it_is_listed_shown_accepted_once_and_never_again(slad: Slad, proposal: str) -> None:
    row = cells(slad.done("proposals", "list"), proposal)
    assert row[2:] == ["now", "web7", "acme", "client_system", "proved", "its operating system crashed"]
    assert slad.done("proposals", "list", "--client", "borealis") == "There is no such proposal.\n"
    shown = slad.done("proposals", "show", proposal)
    assert f"{proposal} (pending): exclude client_system for web7 of acme" in shown
    assert cells(shown, "VmGuestOSCrashedEvent")
    assert "proposals to decide: 1 (slad proposals list)" in slad.done("status")

    count = slad.records()
    said = slad.done("proposals", "accept", proposal, "--dry-run")
    assert said.startswith("Nothing was recorded. It would change:\n")
    (effect,) = slad.told("proposals", "accept", proposal, "--dry-run")["effects"]
    assert effect["after"]["down_seconds"] < effect["before"]["down_seconds"]
    assert slad.records() == count

    said = slad.done("proposals", "accept", proposal)
    assert said.startswith(f"{proposal} is accepted: ex-")
    again = slad.run("proposals", "reject", proposal, "--why", "x")
    assert again.exit_code == 1
    assert f"{proposal} was accepted already" in again.stderr
    row = cells(slad.done("proposals", "list", "--state", "all"), proposal)
    assert row[8] == "accepted"
    assert "excluded as ex-" in slad.done("proposals", "show", proposal)
    assert "proposals to decide" not in slad.done("status")


def test_there_has_to_be_one(slad: Slad) -> None:
    for command in (("show", "pr-1"), ("accept", "pr-1"), ("reject", "pr-1", "--why", "x")):
        result = slad.run("proposals", *command)
        assert (result.exit_code, result.stdout) == (1, "")
        assert 'there is no proposal "pr-1"' in result.stderr


@pytest.mark.parametrize(
    "wrong", [("list", "--month", "2026-13"), ("list", "--state", "open"), ("reject", "x")]
)
def test_what_is_wrong_is_refused(slad: Slad, wrong: tuple[str, ...]) -> None:
    assert slad.run("proposals", *wrong).exit_code in (1, 2)
