"""Pictures of the demo's pages for the documentation: `make screenshots`."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.browser.browsing import SCHEMES, Look, chromium, open_page

FOLDER: Final = Path(__file__).parents[2] / "docs" / "screenshots"
LIGHT, DARK = (Look(scheme, scripts=True) for scheme in SCHEMES)
SERVER: Final = "acme-web-00007"
"""One with a past."""
PICTURES: Final = (
    ("fleet", "/", LIGHT, 1440),
    ("server", f"/servers/{SERVER}", DARK, 1440),
    ("solution", "/solutions/acme/shop", LIGHT, 1440),
    ("statements", "/statements?month=MONTH", LIGHT, 1440),
    ("client", "LINK", LIGHT, 1440),
    ("client-phone", "LINK", DARK, 360),
    ("statement", "LINKstatements/MONTH-v1.html", LIGHT, 1440),
)
"""The file's name, the page, how it is looked at, and how wide."""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, chromium() as browser, demo(Path(folder)) as (root, named):
        for name, page, look, width in PICTURES:
            path = re.sub("|".join(named), lambda word: named[word[0]], page)
            with open_page(browser, f"{root}{path}", look) as opened:
                assert opened.status == 200
                opened.widen(width)
                opened.page.screenshot(path=FOLDER / f"{name}.png")


@contextmanager
def demo(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Where its pages are, and what stands in their paths: last month, which is issued, and a client's link."""
    command = (sys.executable, "-m", "daemon", "demo", "--port", "0", "--dir", str(folder))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        told = dict(re.findall(r"  (pages|last month) +(.+)", _until(process.stdout, "its log")))
        (month,) = re.findall(r"[0-9]{4}-[0-9]{2}", told["last month"])
        _done(folder, "statement", "issue", "acme", "--month", month)
        yield (
            told["pages"].rstrip("/"),
            {"MONTH": month, "LINK": _done(folder, "client", "link", "acme")["path"]},
        )
    finally:
        process.terminate()
        process.wait()


def _until(lines: Iterator[str], word: str) -> str:
    told = ""
    for line in lines:
        told += line
        if word in line:
            return told
    raise AssertionError(told)


def _done(folder: Path, *arguments: str) -> Any:
    command = (sys.executable, "-m", "daemon", *arguments, "--socket", str(folder / "control.sock"))
    ended = subprocess.run((*command, "--format", "json"), check=True, capture_output=True, text=True)
    return json.loads(ended.stdout)


if __name__ == "__main__":
    main()
