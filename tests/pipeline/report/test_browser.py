"""The report in a real browser: nothing asked for, nothing complained of, readable on every screen and on paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipeline.analysis.evaluation import NOT_RECORDED
from pipeline.report.writing import write_report
from tests.pipeline.browsers import browser_program, start_chromium
from tests.pipeline.report.conftest import CARD, build_run
from tests.pipeline.report.test_report import HOSTILE

Make = Callable[..., Any]
SCREENS = {
    "desktop, light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "desktop, dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
    "phone, dark": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"},
}
# An A4 page between margins of 1 cm, in CSS pixels.
PAPER = {"viewport": {"width": 718, "height": 1047}}

# What a screen reader would stumble over: pictures without a name, headings that skip a level, ids used twice,
# header cells without a scope, scrollable boxes that the keyboard cannot reach.
ACCESSIBILITY = """() => {
  const problems = [];
  for (const image of document.images) if (!image.alt.trim()) problems.push(`image without alt`);
  for (const svg of document.querySelectorAll('svg'))
    if (svg.getAttribute('role') !== 'img' || !svg.getAttribute('aria-label')) problems.push('svg without a name');
  let level = 0;
  for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) problems.push(`${heading.tagName} after h${level}: ${heading.textContent}`);
    if (!heading.textContent.trim()) problems.push(`empty ${heading.tagName}`);
    level = next;
  }
  if (document.querySelectorAll('h1').length !== 1) problems.push('not one h1');
  const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
  for (const id of new Set(ids)) if (ids.filter(each => each === id).length > 1) problems.push(`id twice: ${id}`);
  for (const cell of document.querySelectorAll('th')) if (!cell.scope) problems.push(`th: ${cell.textContent}`);
  for (const box of document.querySelectorAll('.scroll')) {
    const name = box.getAttribute('aria-label') || box.getAttribute('aria-labelledby');
    if (box.tabIndex !== 0 || !name) problems.push('a box that scrolls without name or focus');
  }
  if (!document.documentElement.lang || !document.title) problems.push('no language or title');
  return problems;
}"""

# Text that is cut off: it lies outside the page, and no box around it scrolls.
OUTSIDE = """() => [...document.querySelectorAll('body *')].filter(element => {
  if (element.closest('svg') || element.closest('.scroll') || !element.getClientRects().length) return false;
  const box = element.getBoundingClientRect();
  return box.left < -1 || box.right > document.documentElement.clientWidth + 1;
}).map(element => element.tagName + ' ' + element.textContent.slice(0, 60))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with start_chromium(browser_program("THE REPORT IN A BROWSER")) as browser:
        yield browser


@pytest.fixture(scope="module")
def report(full: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything there is: three models, three seeds, predictions, pictures, a card."""
    out = tmp_path_factory.mktemp("report") / "report.html"
    out.write_text(full, encoding="utf-8")
    return out


@pytest.fixture(scope="module")
def odd_report(make_record: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-five models with hostile or endless names, and classes of that kind."""
    folder = tmp_path_factory.mktemp("odd")
    # A name with a null character cannot be one in a zip file, and so never gets here.
    names = (HOSTILE.partition("\x1b")[0], "x" * 200, *(f"cnn-{number}" for number in range(23)))
    classes = (HOSTILE, "y" * 100, *(f"class {number}" for number in range(8)))
    run = build_run(folder, names=names, class_names=classes)
    run.evaluation["champion"] = {"arn": "z" * 300, "error": HOSTILE}
    return write_report(
        make_record(run.evaluation),
        run.evaluation,
        NOT_RECORDED,
        folder / "report.html",
        run.predictions,
        run.gallery,
        CARD,
    )


@pytest.fixture(params=["report", "odd_report"])
def page_file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


class Visit:
    """A page that was opened, and everything that the browser said or asked for meanwhile."""

    def __init__(self, browser: Any, file: Path, **settings: Any) -> None:
        self.said: list[str] = []
        self.requests: list[str] = []
        self.page = browser.new_context(**settings).new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())

    def width(self) -> tuple[int, int]:
        """What the page takes, and what it has."""
        return tuple(
            self.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        )


Look = Callable[[Path, str], Visit]


@pytest.fixture(scope="module")
def visit(browser: Any) -> Look:
    """The page on that screen, opened once for all tests that only look at it."""
    return cache(lambda file, screen: Visit(browser, file, **SCREENS[screen]))


@pytest.mark.parametrize("screen", SCREENS)
def test_the_browser_asks_for_nothing_and_complains_of_nothing(
    screen: str, page_file: Path, visit: Look
) -> None:
    seen = visit(page_file, screen)
    outside = [url for url in seen.requests if not url.startswith("data:image/png;base64,")]
    assert outside == [page_file.as_uri()]
    assert seen.said == []


@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_lies_outside_the_screen(screen: str, page_file: Path, visit: Look) -> None:
    seen = visit(page_file, screen)
    assert seen.page.evaluate(OUTSIDE) == []
    taken, available = seen.width()
    assert taken <= available


def test_nothing_is_cut_off_on_paper(report: Path, browser: Any) -> None:
    visit = Visit(browser, report, **PAPER)
    visit.page.emulate_media(media="print")
    taken, available = visit.width()
    assert taken <= available
    assert visit.page.pdf(format="A4").startswith(b"%PDF")


def test_paper_is_light_even_when_the_screen_is_dark(report: Path, browser: Any) -> None:
    visit = Visit(browser, report, **SCREENS["desktop, dark"])
    ink = "getComputedStyle(document.body).getPropertyValue('--ink').trim()"
    assert visit.page.evaluate(ink) == "#e8ebee"
    visit.page.emulate_media(media="print", color_scheme="dark")
    assert visit.page.evaluate(ink) == "#1b2026"


def test_a_screen_reader_finds_its_way(page_file: Path, visit: Look) -> None:
    assert visit(page_file, "desktop, light").page.evaluate(ACCESSIBILITY) == []


def test_every_picture_can_be_seen(report: Path, visit: Look) -> None:
    seen = visit(report, "desktop, light")
    widths = seen.page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert len(widths) > 50
    assert set(widths) == {28}


def test_the_answer_is_on_the_first_screen(report: Path, visit: Look) -> None:
    bottoms = visit(report, "desktop, light").page.evaluate(
        "[...document.querySelectorAll('.verdict .decision')].map(e => e.getBoundingClientRect().bottom)"
    )
    assert len(bottoms) == 3
    assert max(bottoms) < 900
