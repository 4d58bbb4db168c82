"""Every page: that it is there, that it is sound, and that whatever others wrote stays text."""

import ast
import html
import re
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path

import html5lib
import pytest
from jinja2 import TemplateSyntaxError

from daemon.pages import rendering
from daemon.pages.rendering import ICON, SCRIPT, STYLE
from daemon.pages.site import OWN_PAGES, PAGES
from sla.instants import DAY, HOUR, MINUTE, Instant, format_instant
from sla.records import ClientId
from tests.daemon.pages.world import MARKUP, ODD, SOLUTION, Browser, browsing

NAMES = {"client": "acme", "solution": SOLUTION, "server": ODD}
"""What stands in the paths of pages."""
SHOWN = {"/": "esx", "/clients/{client}": "esx", "/outages": "esx", "/servers/{server}": "lost"}
"""Where else others have a say, besides in the names of servers."""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with browsing() as opened:
        yield opened


OF_A_HUB = "/monitors"
"""A page that a monitor has not."""


def templates(pages: Iterable[str] = PAGES.keys() - {OF_A_HUB}) -> list[str]:
    return [re.sub(r":\[\^/\]\+", "", path) for path in sorted(pages)]


def path_of(browser: Browser, template: str, **names: str) -> str:
    """The path of a page, of the odd names where it has any."""
    names = {"start": format_instant(browser.world.began), **names}
    parts = [
        (NAMES | names)[part[1:-1]] if part.startswith("{") else part
        for part in template.strip("/").split("/")
        if part
    ]
    return browser.world.viewer().url(*parts)


def check_sound(text: str) -> None:
    """A page is HTML as it is meant to be, that needs nothing but our own files."""
    html5lib.HTMLParser(strict=True).parse(text)
    tree = html5lib.parse(text, namespaceHTMLElements=False)
    assert [each.attrib for each in tree.iter("script")] == [{"src": SCRIPT.path, "defer": ""}]
    assert [each.get("href") for each in tree.iter("link")] == [ICON.path, STYLE.path]
    assert len(list(tree.iter("h1"))) == 1
    assert [each.get("id") for each in tree.iter("main")] == ["main"]
    ids = [each.get("id") for each in tree.iter() if each.get("id") is not None]
    assert len(ids) == len(set(ids))
    for each in tree.iter():
        assert not [name for name in each.attrib if name == "style" or name.startswith("on")], each.attrib
    for table in tree.iter("table"):
        assert table.find("caption") is not None
        assert all(cell.get("scope") for cell in table.iter("th"))
    for part in tree.iter():
        assert "data-live" not in part.attrib or part.get("id")


@pytest.mark.parametrize("template", templates())
async def test_every_page_is_sound_html_that_needs_nothing_but_our_own_files(
    browser: Browser, template: str
) -> None:
    status, text, headers = await browser.look(path_of(browser, template))
    assert status == 200
    check_sound(text)
    assert headers["Cache-Control"] == "no-store"
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "noindex" in headers["X-Robots-Tag"]


@pytest.mark.parametrize("template", templates())
async def test_what_others_wrote_stays_text(browser: Browser, template: str) -> None:
    text = await browser.text(path_of(browser, template))
    assert "<script>alert" not in text
    tree = html5lib.parse(text, namespaceHTMLElements=False)
    seen = " ".join(tree.itertext()) + " ".join(
        value for each in tree.iter() for value in each.attrib.values()
    )
    for path, word in SHOWN.items():
        if template == path:
            assert f"{word}{MARKUP}" in seen
    if template not in ("/clients", "/statements", "/evidence", "/maintenance"):
        assert MARKUP in seen


async def test_every_link_of_every_page_leads_somewhere(browser: Browser) -> None:
    waiting, seen = ["/"], set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen or path.startswith(("/metrics", "/-/")):
            continue
        seen.add(path)
        status, text, _ = await browser.look(path)
        assert status == 200, path
        if "/statements/" in path or path.endswith(".ics"):
            continue
        tree = html5lib.parse(text, namespaceHTMLElements=False)
        ids = {each.get("id") for each in tree.iter()}
        for link in tree.iter("a"):
            to, _, anchor = link.attrib["href"].partition("#")
            assert not anchor or to or anchor in ids
            is_of_other_month = "month=20" in to.replace("month=2026-03", "")
            is_ever_closer = "from=" in path and "from=" in to
            if to and not is_of_other_month and not is_ever_closer:
                waiting.append(to)
    assert {"/clients", "/servers", "/maintenance"} <= seen
    assert any(path.startswith("/servers/a%2F1") and "from=" in path for path in seen)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        (OF_A_HUB, 404, "this is a monitor, and knows of no other"),
        ("/servers/none", 404, 'there is no server "none"'),
        ("/clients/none", 404, 'there is no client "none"'),
        ("/clients/none/statements/2026-03.html", 404, 'there is no client "none"'),
        ("/clients/acme/statements/2027-03.pdf", 404, "has not begun"),
        ("/clients/acme/statements/2026-13.html", 404, "2026-13"),
        ("/clients/acme/statements/2026-03.exe", 404, "ends in html, pdf"),
        ("/clients/acme/statements/2026-03-v1.html", 404, "is not issued"),
        ("/clients/acme/statements/2026-03-outages.html", 404, "such as 2026-10.html"),
        ("/solutions/acme/none", 404, 'there is no solution "none"'),
        ("/solutions/beta/acme-web", 404, "there is no solution"),
        ("/servers?client=none", 404, "there is no client"),
        ("/outages?server=none", 404, "there is no server"),
        ("/clients/acme?month=2026-13", 400, "month"),
        ("/clients/acme?month=0000-01", 400, "month"),
        ("/clients/acme?month=2026-04", 404, "too far ahead"),
        ("/maintenance?month=2028-01", 404, "too far ahead"),
        ("/clients?cursor=zzz", 400, "cursor"),
        ("/servers?cursor=WzEsIiJd", 400, "cursor"),
        ("/servers?state=odd", 400, "state"),
        ("/servers/lone?from=x&until=y", 400, "from"),
        ("/servers/lone?from=2026-03-10T12:00:00Z", 400, "until"),
        ("/servers/lone?from=2026-03-10T12:00:00Z&until=2026-03-10T12:00:00Z", 400, "a minute after"),
        ("/servers/lone?from=1970-01-01T12:00:00Z&until=2999-03-10T12:00:00Z", 400, "400 days"),
        ("/servers/%3Cscript%3Ealert(1)%3C%2Fscript%3E", 404, "there is no server"),
        ("/servers/%00%ff", 404, "there is no server"),
    ],
)
async def test_what_is_not_there_or_means_nothing_is_told_on_a_page_that_helps(
    browser: Browser, path: str, status: int, said: str
) -> None:
    found, text, _ = await browser.look(path)
    assert (found, "<script>alert" in text) == (status, False)
    tree = html5lib.parse(text, namespaceHTMLElements=False)
    assert said in " ".join(tree.itertext())
    assert any(form.get("action") == "/servers" for form in tree.iter("form"))


@pytest.mark.parametrize("path", ["/clients/ACME", "/servers?client=ACME", "/outages?client=Acme"])
async def test_a_client_is_called_without_regard_to_upper_and_lower_case(browser: Browser, path: str) -> None:
    status, _, _ = await browser.look(path)
    assert status == 200


async def test_a_name_of_several_servers_is_answered_with_which_there_are(browser: Browser) -> None:
    browser.world.source.vms["t"].name = "acme-alone"
    browser.world.source.look()
    await browser.world.settle()
    status, text, _ = await browser.look("/servers/acme-alone")
    assert status == 404
    assert {'href="/servers/lone"', 'href="/servers/t"'} <= set(re.findall(r'href="[^"]*"', text))


async def test_every_server_is_on_one_page_of_the_list(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.pages.servers.ROWS", 2)
    path, found = "/servers?sort=worst", list[str]()
    while path:
        text = await browser.text(path)
        found += re.findall(r'<th scope="row" data-th="Server"><a href="/servers/([^"]+)"', text)
        further = re.search(r'<a href="([^"]+)" rel="next">', text)
        path = further[1].replace("&amp;", "&") if further else ""
    assert found[:2] == ["a%2F1%3F%3Ci%3E%252e", "secret-1"]
    assert len(found) == len(set(found)) == 7


LISTS = [
    (client, path.replace(":[^/]+", ""), module)
    for client, pages in ((None, PAGES), ("acme", OWN_PAGES))
    for path, (name, _) in pages.items()
    for module in [f"daemon.pages.{name}"]
    if hasattr(sys.modules[module], "ROWS")
]
"""Pages, of the fleet and of a client, whose lists go on."""


@pytest.mark.parametrize(("client", "template", "module"), LISTS)
async def test_what_is_further_on_is_reached_from_the_page_that_was_opened(
    monkeypatch: pytest.MonkeyPatch, client: str | None, template: str, module: str
) -> None:
    monkeypatch.setattr(f"{module}.ROWS", 1)
    async with browsing(client, is_hub=template == OF_A_HUB) as browser:
        await browser.world.disagree()
        path, pages = path_of(browser, template), list[str]()
        while path:
            pages.append(await browser.text(path))
            further = re.search(r'<a href="([^"]+)" rel="next">Further', pages[-1])
            path = further[1].replace("&amp;", "&").removeprefix("/c/acme") if further else ""
    has_all_on_one = client is not None and template.startswith(("/statements", "/incidents"))
    assert len(set(pages)) == len(pages)
    assert len(pages) > 1 or has_all_on_one


async def test_the_servers_of_a_client_that_missed_come_first_in_every_month(browser: Browser) -> None:
    world = browser.world

    async def first_of(path: str) -> str:
        (first, *_) = re.findall(
            r'<th scope="row" data-th="Server"><a href="[^"]*">([^<]*)<', await browser.text(path)
        )
        return html.unescape(first)

    world.turn(True, ODD)
    world.turn(False, "lone")
    world.source.look(passed_us=30 * DAY)
    await world.settle()
    assert await first_of("/clients/acme") == "acme-alone"
    world.turn(True, "lone")
    world.turn(False, ODD)
    world.source.look(passed_us=DAY)
    await world.settle()
    assert await first_of("/clients/acme?month=2026-03") == "acme-alone"
    ended = re.sub(r"<svg.*?</svg>|<[^>]*>|\s+", " ", await browser.text("/clients/acme?month=2026-03"))
    tiles = re.search(r"(\d+) +servers((?: +(?:missed|met|either way|not judged) +\d+)+)", ended)
    assert tiles is not None
    counts = {word.strip(): int(count) for word, count in re.findall(r"([a-z ]+?) +(\d+)", tiles[2])}
    assert (sum(counts.values()), counts.keys() >= {"missed"}) == (int(tiles[1]), True), counts
    assert "on target" not in ended


async def test_every_server_of_an_incident_is_reached_from_it(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.answers.outages.NAMES_SHOWN", 1)
    incident = path_of(browser, "/incidents/{server}/{start}")
    for page in ("/", "/outages", "/clients/beta"):
        text = await browser.text(page)
        assert 'href="/servers/' in text
        assert f'<a href="{incident}">' in text or page == "/clients/beta"
        assert "and <a" in text or page == "/clients/beta"
    text = await browser.text(incident)
    assert all(
        f'href="/servers/{each}?month=2026-03"' in text for each in ("a%2F1%3F%3Ci%3E%252e", "secret-1")
    )


@pytest.mark.parametrize(
    "path",
    ["/incidents/lone/2026-03-01T00:00:00Z", "/incidents/none/2026-03-01T00:00:00Z", "/incidents/lone/odd"],
)
async def test_an_incident_that_never_was_is_not_there(browser: Browser, path: str) -> None:
    status, text, _ = await browser.look(path)
    assert (status, "Not found" in text) == (404, True)


async def test_what_is_of_clients_with_several_clocks_is_told_in_utc(browser: Browser) -> None:
    began = f'title="{format_instant(browser.world.began)[:19].replace("T", " ")} UTC">'
    told = {
        path: re.findall(f"{began}([^<]+)<", await browser.text(path))
        for path in ("/outages", "/outages?client=acme", "/outages?client=beta")
    }
    assert [each for each in told["/outages"] if each.endswith(" UTC")]
    assert all(each.endswith(" NDT") for each in told["/outages?client=acme"])
    assert all(each.endswith(" GMT") for each in told["/outages?client=beta"])


async def test_a_list_can_be_searched_by_a_part_of_a_name(browser: Browser) -> None:
    text = await browser.text("/servers?name=SECRET&client=&state=")
    assert ("beta-secret-1" in text, "beta-secret-2" in text, "acme-alone" in text) == (True, True, False)


async def test_instants_are_those_of_the_client_with_the_utc_one_beside(browser: Browser) -> None:
    text = await browser.text(browser.world.viewer().url("servers", "lone"))
    began = Instant(browser.world.monitor.record("lone").in_service_from + 2 * MINUTE)
    (at,) = set(re.findall(f'<time datetime="{format_instant(began)}" title="([^"]+)">([^<]+)</time>', text))
    assert at == ("2026-03-10 12:03:00 UTC", "Mar 10, 2026 09:33:00 NDT")


async def test_a_day_of_a_time_line_can_be_looked_at_closer(browser: Browser) -> None:
    month = await browser.text("/servers/lone")
    (day,) = set(
        re.findall(r'href="(/servers/lone\?[^"]*from=2026-03-10T02[^"]*)#line"', month.replace("%3A", ":"))
    )
    closer = await browser.text(day.replace("&amp;", "&"))
    assert "the whole month" in closer
    assert "Mar 10, 2026 00:00:00 NDT" in closer
    hours = re.findall(r">(\d\d)</a></li>", closer)
    assert (hours[:2], len(hours)) == (["00", "01"], 24)


@pytest.mark.parametrize(
    "length",
    [
        MINUTE,
        12 * MINUTE,
        HOUR,
        3 * HOUR,
        6 * HOUR,
        13 * HOUR,
        DAY,
        2 * DAY,
        3 * DAY,
        31 * DAY,
        32 * DAY,
        400 * DAY,
    ],
)
async def test_the_labels_of_a_time_line_have_room(browser: Browser, length: int) -> None:
    start = browser.world.began
    span = f"from={format_instant(start)}&until={format_instant(Instant(start + length))}"
    text = await browser.text(f"/servers/lone?{span}")
    labels = re.findall(r"<li><a [^>]*#line\">([^<]*)</a></li>", text)
    assert labels
    assert sum(len(label) + 1 for label in labels) <= 100


async def test_no_sentence_ends_twice(browser: Browser) -> None:
    for name, lead in (
        ("ACME Ltd.", "A solution of ACME Ltd. Times are"),
        ("ACME", "A solution of ACME. Times are"),
    ):
        (record,) = browser.world.monitor.book.evidence.clients[ClientId("acme")][-1:]
        browser.world.record(replace(record, name=name, recorded_at=browser.world.monitor.now))
        await browser.world.settle()
        assert lead in await browser.text(path_of(browser, "/solutions/{client}/{solution}"))


async def test_the_maintenance_of_the_fleet_is_a_calendar(browser: Browser) -> None:
    status, text, headers = await browser.look("/maintenance.ics")
    assert (status, headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert text.startswith("BEGIN:VCALENDAR\r\n")


async def test_our_files_are_named_by_what_is_in_them_and_kept(browser: Browser) -> None:
    for asset in (ICON, STYLE, SCRIPT):
        status, text, headers = await browser.look(asset.path)
        assert (status, text.encode()) == (200, asset.content)
        assert "immutable" in headers["Cache-Control"]
        assert headers["Content-Type"].startswith(asset.media_type)


async def test_a_statement_may_have_its_own_style_alone(browser: Browser) -> None:
    _, text, headers = await browser.look("/clients/acme/statements/2026-03.html")
    assert "style-src 'sha256-" in headers["Content-Security-Policy"]
    assert "<style>" in text
    assert MARKUP not in text


def test_pages_ask_through_a_viewer_alone() -> None:
    folder = Path(__file__).parents[3] / "daemon/pages"
    for path in folder.glob("*.py"):
        imported = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        answering = {"Answers", "AccountAnswers", "BudgetAnswers", "LiveBook", "LiveFigures"}
        assert path.name == "viewer.py" or not answering & imported, path


def test_a_broken_template_is_found_where_the_pages_are_made_and_not_by_who_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "seldom.html").write_text("{% if %}")
    monkeypatch.setattr(rendering, "_HERE", tmp_path)
    with pytest.raises(TemplateSyntaxError):
        rendering.Templates()
