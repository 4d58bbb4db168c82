"""The pages of a hub: they tell of its monitors and what those say differently, and of what no hub knows they say so."""

import html
import re
from collections.abc import AsyncIterator

import html5lib
import pytest

from daemon.pages.site import PAGES
from tests.daemon.pages.test_pages import OF_A_HUB, check_sound, path_of, templates
from tests.daemon.pages.world import MARKUP, OTHER, Browser, browsing


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with browsing(is_hub=True) as opened:
        await opened.world.disagree()
        yield opened


def said(text: str) -> str:
    """What a page says, without its tags."""
    return " ".join(" ".join(html5lib.parse(text, namespaceHTMLElements=False).itertext()).split())


@pytest.mark.parametrize("template", templates(PAGES))
async def test_every_page_is_sound_and_leads_to_the_monitors(browser: Browser, template: str) -> None:
    text = await browser.text(path_of(browser, template))
    check_sound(text)
    assert f'<a href="{OF_A_HUB}"' in text
    assert "<script>alert" not in text


async def test_the_monitors_are_told_with_how_far_each_has_seen(browser: Browser) -> None:
    text = said(await browser.text(OF_A_HUB))
    for monitor, state in (
        ("mon", "sees"),
        (OTHER, "does not see, or does not ship"),
        ("gone", "retired"),
        ("new", "has told nothing yet"),
    ):
        assert re.search(rf"{re.escape(monitor)} (. )?{re.escape(state)}", text), monitor
    assert (
        f"This hub stands by: {MARKUP} is active, and records. 3 lines of the store are not read yet." in text
    )


async def test_a_disagreement_is_told_with_who_says_what_what_holds_and_what_to_do(browser: Browser) -> None:
    text = said(await browser.text(f"{OF_A_HUB}?kind=identity"))
    assert f"mon:acme-alone{OTHER}:other{MARKUP}other{MARKUP}" in text.replace(" ", "")
    assert "See whether each of them sees that vCenter" in text
    assert "None of this kind." in await browser.text(f"{OF_A_HUB}?kind=clock")
    assert (await browser.look(f"{OF_A_HUB}?kind=odd"))[0] == 400


async def test_many_are_told_a_part_at_a_time(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.pages.monitors.ROWS", 3)
    seen, path = [], OF_A_HUB
    while path:
        tree = html5lib.parse(await browser.text(path), namespaceHTMLElements=False)
        (rows,) = (each for each in tree.iter("section") if each.get("id") == "disagreements")
        seen += [each.attrib["href"] for row in rows.iter("tbody") for each in row.iter("a")]
        path = next((each.attrib["href"] for each in tree.iter("a") if each.get("rel") == "next"), "")
    assert len(seen) == len(set(seen)) == browser.world.disagreements.counts.total()


async def test_the_fleet_is_told_first_that_monitors_disagree(browser: Browser) -> None:
    text = said(await browser.text("/"))
    assert "Monitors disagree 7 about the name of servers or clients" in text
    assert "Nothing is watched" not in text
    assert "its vCenters and uplinks, is on its own pages" in text


async def test_where_monitors_agree_the_page_says_so() -> None:
    async with browsing(is_hub=True) as browser:
        assert "All monitors say the same of every server" in await browser.text(OF_A_HUB)
        assert "Monitors disagree" not in await browser.text("/")


async def test_what_a_server_runs_on_is_said_to_be_unknown_to_a_hub(browser: Browser) -> None:
    text = said(await browser.text("/servers/lone"))
    assert "Runs on not known to a hub; on the pages of its monitors" in text


async def test_the_heads_of_all_ledgers_are_told_as_evidence() -> None:
    for client in (None, "acme"):
        async with browsing(client, is_hub=True) as browser:
            text = said(await browser.text("/evidence"))
            assert f"mon 7 {'0a' * 32}" in text
            assert "hub 0 none yet" in text


async def test_a_client_sees_nothing_of_monitors_but_their_ledgers() -> None:
    async with browsing("acme", is_hub=True) as browser:
        await browser.world.disagree()
        assert (await browser.look(OF_A_HUB))[0] == 404
        for path in ("/", "/servers", "/evidence"):
            text = html.unescape(await browser.text(path))
            assert "Monitors" not in text
            assert "disagree" not in text
