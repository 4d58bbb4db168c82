"""Pictures of the pages for the documentation: `make screenshots`."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.browser.browsing import SCHEMES, Look, chromium, open_page
from tests.browser.site import site

FOLDER: Final = Path(__file__).parents[2] / "docs" / "screenshots"
LIGHT, DARK = (Look(scheme, scripts=True) for scheme in SCHEMES)
PICTURES: Final = (
    ("fleet", "fleet", LIGHT, 1440),
    ("server", "server", LIGHT, 1440),
    ("client", "own fleet", LIGHT, 1440),
    ("client-phone", "own fleet", DARK, 360),
    ("statement", "statement", LIGHT, 1440),
)
"""The file's name, the page, how it is looked at, and how wide."""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, chromium() as browser, site(Path(folder)) as shown:
        for name, page, look, width in PICTURES:
            with open_page(browser, f"{shown.root}{shown.pages[page]}", look) as opened:
                assert opened.status == 200
                opened.widen(width)
                opened.page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
