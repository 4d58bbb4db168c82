"""A client's view: the same pages, and nothing of anybody else."""

import html
import inspect
import re
from collections.abc import AsyncIterator

import pytest

from daemon.control.questions import Page
from daemon.pages.site import OWN_PAGES
from daemon.pages.viewer import Viewer
from daemon.records.refusals import NotFoundError
from daemon.statements.layouts import Layout
from sla.instants import format_instant
from tests.daemon.monitor import START
from tests.daemon.pages.test_pages import path_of, templates
from tests.daemon.pages.world import MARCH, MARKUP, Browser, World, browsing

OF_OTHERS = ("beta", "BETA", "secret")
"""What only another client's pages may say."""
OF_THE_PROVIDER = ("esx", "san<", "eve<", "lost<", "key<")
"""What is told to the provider alone."""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with browsing("acme") as opened:
        yield opened


@pytest.mark.parametrize("template", templates(OWN_PAGES))
async def test_no_page_of_a_client_tells_of_others_or_what_the_provider_alone_knows(
    browser: Browser, template: str
) -> None:
    text = (await browser.text(path_of(browser, template))).replace("&lt;", "<")
    assert [word for word in (*OF_OTHERS, *OF_THE_PROVIDER) if word in text] == []


async def test_its_own_is_told(browser: Browser) -> None:
    told = await browser.text("/")
    assert ("storage (proved)" in told, "ACME" in told, f"acme{MARKUP}".split("<")[0] in told) == (True,) * 3


async def test_of_a_server_that_has_moved_on_what_was_its_own_stays_by_the_name_that_it_had(
    browser: Browser,
) -> None:
    for path in ("/", "/outages"):
        assert "acme-moved" in await browser.text(path)
    assert (await browser.look("/servers/moved"))[0] == 404
    assert (await browser.look("/servers/beta-secret-moved"))[0] == 404


@pytest.mark.parametrize("name", ["acme-alone", "ACME-Alone", "lone"])
async def test_its_own_servers_are_found_by_name_wherever_one_is_asked_for(
    browser: Browser, name: str
) -> None:
    assert "<h1>acme-alone</h1>" in await browser.text(f"/servers/{name}")
    text = await browser.text(f"/outages?server={name}")
    assert ("acme-alone" in text, "acme-moved" in text) == (True, False)


async def test_a_name_of_several_of_its_own_is_answered_with_which_there_are(browser: Browser) -> None:
    browser.world.source.vms["b-2"].name = "acme-alone"
    browser.world.source.look()
    await browser.world.settle()
    status, text, _ = await browser.look("/servers/acme-alone")
    assert status == 404
    assert {'href="/c/acme/servers/lone"', 'href="/c/acme/servers/b-2"'} <= set(
        re.findall(r'href="[^"]*"', text)
    )


@pytest.mark.parametrize(
    "path",
    [
        "/clients/beta",
        "/clients/beta/statements/2026-03.html",
        "/servers/secret-1",
        "/servers/beta-secret-1",
        "/servers/beta-secret-moved",
        "/servers/acme-moved",
        "/servers?client=beta",
        "/solutions/beta/beta-secret",
        "/outages?client=beta",
        "/outages?server=secret-1",
        "/outages?server=beta-secret-1",
        "/incidents/secret-1/{start}",
        "/maintenance?client=beta",
    ],
)
async def test_what_is_of_others_is_not_there(browser: Browser, path: str) -> None:
    status, text, _ = await browser.look(path.format(start=format_instant(browser.world.began)))
    assert status == 404
    assert "secret" not in text.replace("secret-1&#34;", "").replace("beta-secret", "")
    assert "BETA" not in text


async def test_when_others_were_last_written_of_is_not_told(browser: Browser) -> None:
    assert ("Last commit" in await browser.text("/evidence"), "Size" in await browser.text("/evidence")) == (
        False,
        False,
    )


@pytest.mark.parametrize("template", templates(OWN_PAGES))
async def test_its_clock_is_the_clients_own_and_every_server_that_is_linked_has_a_page(
    browser: Browser, template: str
) -> None:
    text = await browser.text(path_of(browser, template))
    assert re.findall(r"<time[^>]*>[^<]* UTC</time>", text) == []
    for server in set(re.findall(r'href="/c/acme(/(?:servers|incidents)/[^"#]+)', text)):
        assert await browser.text(html.unescape(server))


QUESTIONS = {
    "client_months": ("beta", MARCH, None),
    "verdicts": ("beta", MARCH),
    "agenda": ("beta", (0, 1)),
    "issued": ("beta", MARCH),
    "served_months": ("beta",),
    "one_client": ("beta",),
    "processes": ("beta", 1),
    "solution": ("beta", "beta-secret"),
    "statement": ("beta", MARCH, None, Layout.HTML),
    "owner": ("beta",),
    "server": ("secret-1",),
    "incident": ("secret-1", START, None),
    "disagreements": (None, Page(None, 1)),
}


async def test_every_question_about_another_client_is_refused() -> None:
    world = World()
    await world.happen()
    viewer = world.viewer("acme")

    async def asked(name: str) -> None:
        answer = getattr(viewer, name)(*QUESTIONS[name])
        if inspect.isawaitable(answer):
            await answer

    for name in QUESTIONS:
        with pytest.raises(NotFoundError):
            await asked(name)
    for listing in (viewer.months("secret-1", MARCH), viewer.lanes("secret-1", (0, world.monitor.now))):  # type: ignore[arg-type]
        assert await listing == []


def test_no_question_is_forgotten() -> None:
    whole = {
        "brand",
        "is_hub",
        "zone",
        "has",
        "url",
        "overview",
        "clients",
        "now",
        "present_month",
        "servers",
        "outages",
        "incidents",
        "events",
    }
    public = {name for name in vars(Viewer) if not name.startswith("_")}
    assert public == whole | set(QUESTIONS) | {"months", "lanes"}
