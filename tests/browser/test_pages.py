"""Every page in a real browser: on a phone, a tablet and a desk, dark and light, with scripts and without (issue #14).

A page that is new is a name and a path in `tests.browser.site`.
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser

from tests.browser.browsing import (
    AXE,
    LOOKS,
    VALIDATOR,
    WIDTHS,
    Look,
    chromium,
    invalid_parts,
    open_page,
)
from tests.browser.site import NAME, NAMES, Site, site
from tests.peers import require

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def shown(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The daemon; not before it is known that there is a browser."""
    with site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.mark.parametrize("look", LOOKS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_it_fits_complains_of_nothing_and_asks_nobody_else(
    browser: Browser, shown: Site, name: str, look: Look
) -> None:
    with open_page(browser, f"{shown.root}{shown.pages[name]}", look) as opened:
        is_refusal = name.endswith("refused")
        assert (opened.status, opened.elsewhere) == (400 if is_refusal else 200, [])
        assert opened.complaints == [] or is_refusal, "of a refusal the console tells"
        for width in WIDTHS:
            opened.widen(width)
            assert opened.overflow_px() == 0, width
            assert (opened.overrun(), opened.sideways()) == ([], []), width


@pytest.mark.parametrize("look", [look for look in LOOKS if look.scripts], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_kept_out(browser: Browser, shown: Site, name: str, look: Look) -> None:
    """By axe-core: contrast, names, headings, landmarks, the keyboard."""
    require(AXE, "needs axe-core: tests/install-peers installs it")
    with open_page(browser, f"{shown.root}{shown.pages[name]}", look) as opened:
        for width in (WIDTHS[0], WIDTHS[-1]):
            opened.widen(width)
            assert opened.barriers() == [], width


def test_the_pages_are_valid(shown: Site, tmp_path: Path) -> None:
    require(VALIDATOR, "needs html-validate: tests/install-peers installs it")
    documents = {}
    for name, path in shown.pages.items():
        if not name.endswith("refused"):
            with urlopen(f"{shown.root}{path}") as answer:
                documents[name] = answer.read().decode()
    assert invalid_parts(documents, tmp_path) == []


def test_markup_in_a_name_is_text(browser: Browser, shown: Site) -> None:
    with open_page(browser, f"{shown.root}{shown.pages['own fleet']}", LOOKS[0]) as opened:
        assert opened.page.title().startswith(NAME)
        assert opened.page.locator("h1").inner_text() == NAME


def test_every_reference_of_a_client_leads_to_its_own(browser: Browser, shown: Site) -> None:
    link = f"{shown.root}{shown.pages['own fleet']}"
    with open_page(browser, link, LOOKS[0]) as opened:
        found = opened.page.eval_on_selector_all("[href]", "each => each.map(one => one.href)")
    assert len(found) > 5
    for reference in found:
        assert reference.startswith(link)
        with urlopen(reference) as answer:
            assert answer.status == 200


# The harness


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("<p style='width:500px'>wide</p>", "overflow"),
        ("<script>console.error('no')</script>", "complaint"),
        ("<img src='http://127.0.0.2:9/x.png' alt='x'>", "elsewhere"),
        ("<p style='color:#ccc;background:#fff'>faint</p>", "barrier"),
    ],
)
def test_what_is_wrong_with_a_page_is_seen(browser: Browser, tmp_path: Path, page: str, told: str) -> None:
    """So that the tests above can fail."""
    file = tmp_path / "page.html"
    file.write_text(
        f"<!doctype html><html lang='en'><head><title>t</title></head><body><main><h1>h</h1>{page}</main></body></html>"
    )
    with open_page(browser, file.as_uri(), Look("light", scripts=True)) as opened:
        opened.widen(360)
        opened.page.wait_for_load_state("networkidle")
        seen = {
            "overflow": opened.overflow_px() > 0,
            "complaint": bool(opened.complaints),
            "elsewhere": any("127.0.0.2" in each for each in opened.elsewhere),
            "barrier": not AXE.exists() or bool(opened.barriers()),
        }
    assert seen[told]


def test_what_is_no_valid_html_is_told(tmp_path: Path) -> None:
    require(VALIDATOR, "needs html-validate: tests/install-peers installs it")
    assert [each.split(":")[0] for each in invalid_parts({"bad": "<p><div></p>"}, tmp_path)]
