"""Nothing under a link tells anything of others (design §8, Discreet): all of it, over stories of several clients."""

import asyncio
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.daemon.evidence.several_clients import AS_OF, CLIENTS, Telling
from tests.daemon.evidence.test_discreet import SEEDS
from tests.daemon.pages.own_stage import TOKENS, everything, opened, stage_of


def told(seed: int, secrets: dict[str, int], client: str, *, with_pdf: bool = False) -> dict[str, bytes]:
    """All that a client is shown of a story."""

    async def visit() -> dict[str, bytes]:
        with TemporaryDirectory() as folder:
            stage = stage_of(Telling(seed, secrets).told(), Path(folder), AS_OF)
            await stage.work_out()
            async with opened(stage) as door:
                return await everything(door, client, with_pdf=with_pdf)

    return asyncio.run(visit())


def before_and_after(client: str, secret: int) -> tuple[dict[str, int], dict[str, int]]:
    """The secrets of a story, and others but for the client's."""
    return dict.fromkeys(CLIENTS, 0), {each: 0 if each == client else secret for each in CLIENTS}


@given(seed=SEEDS, client=st.sampled_from(CLIENTS), secret=st.integers(1, 2**32))
@settings(max_examples=20, deadline=None)
def test_what_a_link_shows_does_not_depend_on_what_others_keep_secret(
    seed: int, client: str, secret: int
) -> None:
    first, second = (told(seed, secrets, client) for secrets in before_and_after(client, secret))
    assert first.keys() == second.keys()
    assert {path: body for path, body in first.items() if body != second[path]} == {}


@pytest.mark.parametrize("client", CLIENTS)
def test_nor_does_a_pdf(client: str) -> None:
    first, second = (told(11, secrets, client, with_pdf=True) for secrets in before_and_after(client, 5))
    pdfs = {path for path in first if path.endswith(".pdf")}
    assert pdfs
    assert {path for path in pdfs if first[path] != second[path]} == set()


def test_it_names_the_clients_own_and_no_other() -> None:
    """So that the properties are about something: what is somebody's own begins with his name in these stories."""
    named = re.compile(rb"\b([abc])-[0-9a-f]{16}")
    for seed in range(5):
        for client in CLIENTS:
            shown = told(seed, dict.fromkeys(CLIENTS, 0), client)
            for path, body in shown.items():
                assert set(named.findall(body)) <= {client.encode()}, path
                assert not [of for of, token in TOKENS.items() if of != client and token.encode() in body], (
                    path
                )
            telling = ("", "status.json", "feed.atom")
            assert all(named.search(shown[path]) for path in telling)
