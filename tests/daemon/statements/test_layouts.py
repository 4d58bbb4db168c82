"""A statement in each format: the figures of its JSON, whatever people write shown as it is, and the same bytes twice."""

import csv
import io
import json
import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import html5lib
import pypdf
import pytest

from daemon.config.letterhead import Letterhead
from daemon.config.pictures import Picture
from daemon.languages import LanguageName
from daemon.statements.layouts import Layout, LayoutError, laid_out
from daemon.statements.speech import Speech
from daemon.statements.view import Section
from daemon.statements.viewing import view_of
from sla.book import Book
from sla.calendars import parse_month
from sla.client_document import Imprint, client_document
from sla.instants import SECOND, parse_instant
from sla.reader import EvidenceReader
from sla.statement import Judgement
from tests.daemon.config.pictures import PNG
from tests.daemon.statements.told import AS_OF, document, parsed
from tests.hostile import HOSTILE
from tests.sla.stories import HOLIDAYS, SPEC

LANGUAGES: tuple[LanguageName, ...] = ("en_CA", "fr_CA")
NASTY = [
    "<script>alert(1)</script>",
    "<b>bold</b> & \"quoted\" 'too'",
    "{{ 7 * 7 }} {% raw %} {# x #}",
    '#panic("typst") *b* _i_ $x^2$ `r` @ref <label> [c] \\ // no comment',
    "--- ... ~ -? /* no */ https://example.net",
    "=1+1",
    "web|01\\,two",
    "Zürich Ωμέγα Привет",
]
LETTERHEAD = Letterhead(name="Nordhost Inc.", logo=Picture("png", PNG), language="en_CA")


def text_of_pdf(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


def one(content: bytes, layout: Layout, letterhead: Letterhead = LETTERHEAD) -> bytes:
    (made,) = laid_out(content, layout, letterhead).values()
    return made


def squeezed(text: str) -> str:
    """Without what line breaks come to."""
    return re.sub(r"\s+", "", text)


def tables_of(page: bytes) -> dict[str, list[list[str]]]:
    """The texts of the cells of each section of a page, as a browser has them."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    return {
        str(section.get("id")): [
            ["".join(cell.itertext()) for cell in row.findall("td")] for row in section.iter("tr")
        ][1:]
        for section in tree.iter("section")
    }


def facts_of(page: bytes) -> list[tuple[str, str]]:
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    told = ["".join(each.itertext()) for tag in ("dt", "dd") for each in tree.iter(tag)]
    half = len(told) // 2
    return list(zip(told[:half], told[half:], strict=True))


@pytest.mark.parametrize("layout", Layout)
def test_the_same_document_gives_the_same_bytes(layout: Layout) -> None:
    assert laid_out(document(), layout, LETTERHEAD) == laid_out(document(), layout, LETTERHEAD)


@pytest.mark.parametrize("locale", LANGUAGES)
def test_outages_of_one_incident_are_a_row_that_unfolds(locale: LanguageName) -> None:
    whole = json.loads(document())
    first = whole["outages"][0]
    together = [
        {**first, "server": row["id"], "name": row["name"], "incident": "4fa1", "excluded_by": []}
        for row in whole["servers"]
    ]
    count = len(together)
    assert count > 1
    whole["outages"] = [*together, {**first, "incident": "77", "start": "2026-03-30T00:00:00Z", "end": None}]
    content = json.dumps(whole).encode()
    letterhead, (view,) = replace(LETTERHEAD, language=locale), [view_of(content, locale)]
    (section,) = (each for each in view.sections if each.key == "outages")
    assert [len(row.parts) for row in section.rows] == [count, 0]
    counted = {"en_CA": f"{count} servers", "fr_CA": f"{count} serveurs"}[locale]
    names = [f"· {row['name']}" for row in together]
    assert section.rows[0].cells[3] == counted
    assert [part.cells[3] for part in section.rows[0].parts] == names
    page, text, pdf = (one(content, each, letterhead) for each in (Layout.HTML, Layout.TEXT, Layout.PDF))
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    (unfolding,) = tree.iter("details")
    assert len(list(unfolding.iter("tr"))) == count
    for told in (text.decode(), text_of_pdf(pdf)):
        assert all(squeezed(each) in squeezed(told) for each in (counted, *names))


def test_tables_stand_by_the_names_that_people_read_and_not_by_ids() -> None:
    """Solutions before servers that are sold alone; what is not clear before what is."""
    whole = json.loads(document())
    servers = ("9", "8", "7", "6")
    names = dict(zip(servers, ("alone b", "Alone a", "x", "y"), strict=True))
    whole["servers"] = [{**whole["servers"][0], "id": id_, "name": name} for id_, name in names.items()]
    of = ("9", "8", "shop", "Zoo")
    began = whole["interruptions"][0]
    whole["interruptions"] = [{**began, "solution": each} for each in of]
    whole["deadlines"] = [{**whole["deadlines"][0], "solution": each} for each in of]
    state = whole["solutions"][0]
    chronic = {**state["observed"], "stage": "chronic"}
    whole["solutions"] = [
        {**state, "id": "8"},
        {**state, "id": "9", "documented": chronic},
        {**state, "id": "Zoo"},
        {**state, "id": "shop", "observed": chronic},
    ]
    whole["summary"]["stages"] = [
        {"solution": each, "observed": "chronic", "documented": "clear"} for each in of
    ]
    whole["summary"]["worst"]["server"] = "9"
    whole["outages"] = []
    whole["exclusions"] = [{**whole["exclusions"][0], "servers": ["6", "8", "9"]}]
    request = whole["service_requests"][0]
    whole["service_requests"] = [
        {**request, "id": "a"},
        {**request, "id": "b", "opened_at": AS_OF[:4] + "-01-01T00:00:00Z"},
    ]
    view = view_of(json.dumps(whole).encode(), "en")
    cells = {each.key: [row.cells for row in each.rows] for each in view.sections}
    by_name = ["shop", "Zoo", "Alone a", "alone b"]
    assert [row[0] for row in cells["interruptions"]] == by_name
    assert [row[0] for row in cells["deadlines"]] == by_name
    assert [row[0] for row in cells["chronic"]][::2] == ["shop", "alone b", "Zoo", "Alone a"]
    assert [row[0] for row in cells["requests"]] == ["b", "a"]
    assert cells["exclusions"][0][5] == "Alone a, alone b, y"
    (stages,) = (
        fact.text for each in view.sections for fact in each.facts if fact.label == "Chronic outages"
    )
    assert re.findall("|".join(by_name), stages) == by_name


@pytest.mark.parametrize("locale", LANGUAGES)
def test_a_page_and_a_pdf_show_the_figures_of_the_json(locale: LanguageName) -> None:
    content = document()
    said, speech = parsed(content), Speech(locale, "America/Toronto")
    letterhead = replace(LETTERHEAD, language=locale)
    page, pdf = (one(content, layout, letterhead) for layout in (Layout.HTML, Layout.PDF))
    cells, pdf_text = tables_of(page), squeezed(text_of_pdf(pdf))
    for row, shown in zip(said["servers"], cells["servers"], strict=True):
        exact = Fraction(row["up"]) / Fraction(row["up"] + row["down"])
        expected = [
            row["name"],
            speech.percent(exact),
            *(speech.duration(row[key] * SECOND) for key in ("down", "excluded", "unobserved")),
        ]
        assert [shown[place] for place in (0, 2, 5, 6, 7)] == expected
        assert squeezed("".join([row["name"], row["solution"], expected[1]])) in pdf_text
    for row, shown in zip(said["outages"], cells["outages"], strict=True):
        lasted = parse_instant(row["end"]) - parse_instant(row["start"])
        expected = [speech.instant(row["start"]), speech.instant(row["end"]), speech.duration(lasted)]
        assert shown[:3] == expected
        assert squeezed("".join(expected)) in pdf_text
    for row, shown in zip(said["exclusions"], cells["exclusions"], strict=True):
        assert shown[6] == speech.duration(row["excluded"] * SECOND)
    for row, shown in zip(said["interruptions"], cells["interruptions"], strict=True):
        assert shown[3] == speech.duration(row["counted"] * SECOND)
    for label, text in facts_of(page):
        assert squeezed(label + text) in pdf_text


@pytest.mark.parametrize("locale", LANGUAGES)
def test_page_pdf_and_text_show_all_of_the_view(locale: LanguageName) -> None:
    content, letterhead = document(), replace(LETTERHEAD, language=locale)
    view = view_of(content, locale)
    cells = tables_of(one(content, Layout.HTML, letterhead))
    pdf = squeezed(text_of_pdf(one(content, Layout.PDF, letterhead)))
    text = squeezed(one(content, Layout.TEXT, letterhead).decode())
    for section in view.sections:
        rows = [list(row.cells) for row in section.rows]
        assert [row[: len(section.columns)] for row in cells[section.key]] == rows
        for told in _texts(section):
            assert squeezed(told) in text
            assert squeezed(told) in pdf or _is_wrapped(told, pdf)


def _texts(section: Section) -> list[str]:
    of_rows = [cell for row in section.rows for cell in row.cells]
    return [section.heading, *(fact.text for fact in section.facts), *of_rows]


def _is_wrapped(told: str, pdf: str) -> bool:
    """Lines of neighbouring cells stand between the lines of one."""
    return all(squeezed(word) in pdf for word in told.split())


@pytest.mark.parametrize("name", [*NASTY, HOSTILE])
def test_what_people_write_is_shown_as_it_is(name: str) -> None:
    content = document(name, provider=name)
    view = view_of(content, "en_CA")
    shown = view.provider
    page = one(content, Layout.HTML)
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    assert not list(tree.iter("script"))
    assert not list(tree.iter("b"))
    assert [row[0] for row in tables_of(page)["servers"]] == [shown, "quiet"]
    assert "".join(next(tree.iter("address")).itertext()).startswith(shown)
    assert shown in one(content, Layout.TEXT).decode()
    assert "\x1b" not in one(content, Layout.TEXT).decode()
    assert squeezed(shown) in squeezed(text_of_pdf(one(content, Layout.PDF)))
    servers = laid_out(content, Layout.CSV, LETTERHEAD)["servers.csv"].decode()
    read = list(csv.DictReader(io.StringIO(servers, newline="")))
    assert read[0]["name"].removeprefix("'") == name


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+SUM(A1)", "'+SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("-5", "-5"),
        ("+1.5e3", "+1.5e3"),
        ('plain, with "quotes"\r\nand lines', 'plain, with "quotes"\r\nand lines'),
    ],
)
def test_no_cell_of_a_sheet_is_a_formula(name: str, cell: str) -> None:
    sheets = laid_out(document(name), Layout.CSV, LETTERHEAD)
    assert list(sheets) == ["servers.csv", "outages.csv"]
    servers = list(csv.DictReader(io.StringIO(sheets["servers.csv"].decode(), newline="")))
    outages = list(csv.DictReader(io.StringIO(sheets["outages.csv"].decode(), newline="")))
    assert (servers[0]["name"], outages[0]["name"], outages[0]["reasons"]) == (cell, cell, cell)
    assert sheets["servers.csv"].count(b"\r\n") >= 3


def test_sheets_have_the_figures_of_the_json() -> None:
    content = document()
    said = parsed(content)
    sheets = laid_out(content, Layout.CSV, LETTERHEAD)
    servers = list(csv.DictReader(io.StringIO(sheets["servers.csv"].decode(), newline="")))
    for row, sheet in zip(said["servers"], servers, strict=True):
        assert {key: sheet[key] for key in ("down", "up", "availability", "budget_left")} == {
            key: repr(row[key]) for key in ("down", "up", "availability", "budget_left")
        }
        assert sheet["met"] == str(row["met"]).lower()
        assert sheet["down_by_leg_internet"] == str(row["down_by_leg"]["internet"])
        assert sheet["down_by_leg_san"] == ""
        assert sheet["excluded_by_client_change"] == str(row["excluded_by"]["client_change"])
    (outage,) = csv.DictReader(io.StringIO(sheets["outages.csv"].decode(), newline=""))
    assert (outage["cause"], outage["confidence"], outage["excluded_by"]) == (
        "guest",
        "likely",
        "x (client_change)",
    )


def test_a_page_fetches_nothing_runs_nothing_and_draws_a_mark_a_day() -> None:
    page = one(document(), Layout.HTML)
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    assert not list(tree.iter("script")) + list(tree.iter("link"))
    (image,) = tree.iter("img")
    assert str(image.get("src")).startswith("data:image/png;base64,")
    assert b"url(" not in page
    strips = [svg for svg in _all(tree, "svg") if svg.get("role") == "img"]
    assert len(strips) == 2
    marks = "".join(path.get("d") for path in _all(strips[0], "path"))
    assert marks.count("M") == 31
    assert "down, 2 h 00 min 00 s" in strips[0].get("aria-label")
    assert strips[1].get("aria-label").startswith("Mar 10, 2026: excluded only")


@pytest.mark.parametrize("name", ["Server s", *NASTY])
def test_a_page_is_sound_html(name: str) -> None:
    html5lib.HTMLParser(strict=True).parse(one(document(name), Layout.HTML))


def _all(tree: Any, tag: str) -> list[Any]:
    """Elements of a page, whichever namespace its parser gave them."""
    return [each for each in tree.iter() if str(each.tag).rpartition("}")[2] == tag]


def test_a_month_without_service_says_so_in_every_format() -> None:
    empty = document(month="2026-02")
    assert list(parsed(empty)) == ["statement", "summary"]
    sentence = "No virtual server was in service with this client in this month."
    assert sentence in one(empty, Layout.TEXT).decode()
    assert sentence.encode() in one(empty, Layout.HTML)
    assert squeezed(sentence) in squeezed(text_of_pdf(one(empty, Layout.PDF)))
    sheets = laid_out(empty, Layout.CSV, LETTERHEAD)
    assert [content.count(b"\r\n") for content in sheets.values()] == [1, 1]


@pytest.mark.parametrize(
    ("version", "corrects", "as_of", "said"),
    [
        (None, None, "2026-03-15T00:00:00Z", "provisional: the month is not over"),
        (None, None, "2026-04-02T00:00:00Z", "not issued"),
        (1, None, "2026-04-02T00:00:00Z", "1, issued"),
        (2, 1, "2026-04-02T00:00:00Z", "2, corrects version 1"),
    ],
)
def test_a_statement_says_what_it_is(
    version: int | None, corrects: int | None, as_of: str, said: str
) -> None:
    content = document(as_of=as_of)
    head = b'"version": null, "corrects": null'
    assert head in content
    ours = f'"version": {version or "null"}, "corrects": {corrects or "null"}'.encode()
    view = view_of(content.replace(head, ours), "en")
    assert said in [fact.text for fact in view.facts]


def test_two_servers_of_one_name_are_told_apart() -> None:
    twice = document("quiet")
    assert [row[0] for row in tables_of(one(twice, Layout.HTML))["servers"]] == ["quiet (s)", "quiet (t)"]


def test_a_pdf_without_typst_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(LayoutError, match=r"slad\[report\]"):
        laid_out(document(), Layout.PDF, LETTERHEAD)


def test_a_ratio_of_which_the_double_lies_is_rounded_down() -> None:
    """It is less than a ten-thousandth of a percent by less than doubles can tell: the nearest one is not less."""
    millionths = next(
        each
        for each in range(998_001, 999_000, 2)
        if each % 5 and Fraction(each / 10**6) > Fraction(each, 10**6)
    )
    whole = 2_678_000 * 10**6 + pow(millionths, -1, 10**6)
    up = (millionths * whole - 1) // 10**6
    assert Fraction(up / whole) > Fraction(millionths, 10**6) > Fraction(up, whole)
    content = document()
    row = parsed(content)["servers"][0]
    for key, us in (("up", up), ("down", whole - up)):
        content = content.replace(f'"{key}": {row[key]},'.encode(), f'"{key}": {us / 10**6!r},'.encode())
    view = view_of(content, "en")
    (servers,) = (section for section in view.sections if section.key == "servers")
    below = millionths - 1
    assert servers.rows[0].cells[2] == f"{below // 10_000}.{below % 10_000:04} %"


def test_the_pdf_is_tagged_dated_and_names_its_statement() -> None:
    reader = pypdf.PdfReader(io.BytesIO(one(document(), Layout.PDF)))
    assert reader.metadata is not None
    assert reader.metadata.title == "Statement of service, Client Server s, March 2026"
    assert str(reader.metadata.creation_date_raw).startswith("D:20260402")
    assert b"/MarkInfo" in one(document(), Layout.PDF)


EXAMPLES = [
    (path, run)
    for path in sorted(SPEC.glob("examples/*.expect"))
    for run in re.findall(r"^run (\S+) (\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
]


@pytest.mark.skipif(not EXAMPLES, reason="the worked examples stand beside the repository, in ../shared/spec")
@pytest.mark.parametrize(("path", "run"), EXAMPLES)
def test_the_worked_examples_have_their_statements(path: Path, run: tuple[str, str]) -> None:
    reader, book = EvidenceReader(), Book()
    for line in path.with_suffix(".jsonl").read_bytes().splitlines():
        record = reader.read(line)
        assert record is not None
        book.add(record)
    month, as_of = parse_month(run[0]), parse_instant(run[1])
    asked = Judgement(book, month=month, as_of=as_of, national_holidays=HOLIDAYS)
    for who in book.clients:
        rules = asked.rules(who)
        if rules is None or rules.month[0] >= as_of:
            continue
        content = client_document(asked, who, Imprint(time_zones="2026a")).encode()
        for layout in Layout:
            assert all(laid_out(content, layout, Letterhead(language="fr")).values())


def test_outlines_are_whole_shapes() -> None:
    tree = html5lib.parse(one(document(), Layout.HTML), namespaceHTMLElements=False)
    for path in _all(tree, "path"):
        ET.fromstring(f'<path d="{path.get("d")}"/>')
        assert re.fullmatch(r"(M\d+ \d+h3v\d+h-3z)+", path.get("d"))
