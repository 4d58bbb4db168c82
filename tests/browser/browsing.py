"""Debian's Chromium, driven by Playwright: what it makes of a page in one of the forms in which people look at it."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from playwright.sync_api import Browser, Page, sync_playwright

from tests.peers import require

CHROMIUM: Final = shutil.which("chromium")
_NODE_MODULES: Final = Path(__file__).parent / "node_modules"
AXE: Final = _NODE_MODULES / "axe-core" / "axe.min.js"
VALIDATOR: Final = _NODE_MODULES / ".bin" / "html-validate"
_HEIGHT: Final = 900
_WAIT_MS: Final = 20_000

Scheme = Literal["light", "dark"]


WIDTHS: Final = (360, 768, 1440)
"""A phone, a tablet and a desk, in pixels."""


@dataclass(frozen=True)
class Look:
    """How a page is looked at: light or dark, with scripts or without."""

    scheme: Scheme
    scripts: bool

    def __str__(self) -> str:
        return f"{self.scheme}-{'with' if self.scripts else 'without'}-scripts"


SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
LOOKS: Final = [Look("light", scripts=True), Look("dark", scripts=True), Look("light", scripts=False)]


@dataclass(frozen=True, kw_only=True)
class OpenedPage:
    """A page in a window of its own: its status, what went wrong, and whom it asked."""

    page: Page
    status: int
    complaints: list[str]
    elsewhere: list[str]

    def widen(self, width: int) -> None:
        """Have the window so wide."""
        self.page.set_viewport_size({"width": width, "height": _HEIGHT})

    def overflow_px(self) -> int:
        """By how much it is wider than the window."""
        found: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return found

    def sideways(self) -> list[str]:
        """What has to be moved sideways to be read whole."""
        found: list[str] = self.page.evaluate(
            """[...document.querySelectorAll("*")].filter(each =>
                ["auto", "scroll"].includes(getComputedStyle(each).overflowX)
                && each.scrollWidth > each.clientWidth
            ).map(each => each.outerHTML.slice(0, 200))"""
        )
        return found

    def overrun(self) -> list[str]:
        """The cells of rows that stand as blocks, and the labels of time lines, in which something does not fit."""
        found: list[str] = self.page.evaluate(
            """[...document.querySelectorAll("[data-th], .ticks a")].filter(each =>
                ["block", "flow-root"].includes(getComputedStyle(each).display)
                && (each.scrollHeight > each.clientHeight + 1 || each.scrollWidth > each.clientWidth + 1)
            ).map(each => each.outerHTML)"""
        )
        return found

    def barriers(self) -> list[str]:
        """What axe-core finds that is serious or critical: rule, where, and what to do. It needs scripts."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: Any = self.page.evaluate("axe.run()")
        return [
            f"{violation['id']}: {node['target']}: {node['failureSummary']}"
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; one that is not there skips the test."""
    require(CHROMIUM, "needs Chromium: tests/install-peers installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page(browser: Browser, url: str, look: Look) -> Iterator[OpenedPage]:
    """A page, loaded to its end."""
    context = browser.new_context(color_scheme=look.scheme, java_script_enabled=look.scripts)
    try:
        page = context.new_page()
        complaints: list[str] = []
        asked: list[str] = []
        page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        answer = page.goto(url, timeout=_WAIT_MS)
        assert answer is not None
        root = "/".join(url.split("/")[:3])
        yield OpenedPage(
            page=page,
            status=answer.status,
            complaints=complaints,
            elsewhere=[each for each in asked if not each.startswith((f"{root}/", "data:"))],
        )
    finally:
        context.close()


def invalid_parts(documents: dict[str, str], folder: Path) -> list[str]:
    """What of some documents is no valid HTML, by html-validate: document, line, rule and why."""
    config = folder / "html-validate.json"
    config.write_text(json.dumps({"root": True, "extends": ["html-validate:standard"]}))
    files = [folder / f"{name}.html" for name in documents]
    for file, text in zip(files, documents.values(), strict=True):
        file.write_text(text, encoding="utf-8")
    ended = subprocess.run(
        [VALIDATOR, "--config", config, "--formatter", "json", *files],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout, ended.stderr
    return [
        f"{Path(result['filePath']).stem}:{each['line']}: {each['ruleId']}: {each['message']}"
        for result in json.loads(ended.stdout)
        for each in result["messages"]
    ]
