"""The page in a real browser, on a phone and on a desk, by day and by night."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.unit.report.test_goldens import PREVIEWS, report
from tests.unit.report.test_rendering import HOSTILE, service
from tests.unit.report.test_rendering import report as made_up
from vertex_tuning.report import html

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LEAST_CONTRAST = 4.5
"""For text, by WCAG 2 at level AA."""
LEAST_PIXELS = 12
PAGES = {
    **{path.stem: html(report(path.stem)) for path in PREVIEWS},
    "long words": html(made_up(service(text="x" * 400, edits=2), text="y" * 400, errors=1, risks=2)),
    "hostile": html(made_up(*(service(f"s{n}", text) for n, text in enumerate(HOSTILE[:-1])))),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser is on PATH ({', '.join(BROWSERS)}): on Debian, apt-get install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(offline=True)
    yield context.new_page()
    context.close()


# Every element that holds text of its own, with its colours, laid over what is behind it, and its place.
TEXTS = """() => {
  const parsed = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parsed(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0) return colour;
    }
    return [255, 255, 255, 1];
  };
  const shown = [...document.body.querySelectorAll('*')].filter(e => e.checkVisibility()
    && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()));
  return shown.map(e => {
    const style = getComputedStyle(e), box = e.getBoundingClientRect();
    return { text: e.textContent.trim().slice(0, 40), colour: parsed(style.color), behind: behind(e),
      size: parseFloat(style.fontSize), left: box.left, right: box.right,
      cut: e.scrollWidth > e.clientWidth + 1 && style.display !== 'inline' };
  });
}"""
CELLS = """() => [...document.querySelectorAll('tbody td')].filter(e => e.checkVisibility()).map(e => ({
  text: e.textContent.trim().slice(0, 40), width: e.getBoundingClientRect().width,
  name: getComputedStyle(e, '::before').content, heading: e.closest('table').tHead.checkVisibility() }))"""


def luminance(colour: list[float]) -> float:
    parts = [part / 255 for part in colour[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: list[float], other: list[float]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_each_page_can_be_read(page: Page, width: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    for name, text in PAGES.items():
        page.set_content(text)
        page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true; })")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width, (
            f"{name} scrolls sideways"
        )
        seen = page.evaluate(TEXTS)
        assert seen, name
        for each in seen:
            assert contrast(each["colour"], each["behind"]) >= LEAST_CONTRAST, (name, each)
            assert each["size"] >= LEAST_PIXELS, (name, each)
            assert each["left"] >= 0, (name, each)
            assert each["right"] <= width, (name, each)
            assert not each["cut"], (name, each)
        for cell in page.evaluate(CELLS):
            assert cell["heading"] or cell["name"] not in ("none", '""'), (name, "nothing names it", cell)
            assert cell["width"] >= 60, (name, "a column of single letters", cell)


def test_the_schemes_differ(page: Page) -> None:
    behind = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.set_content(PAGES["data"])
        behind.append(page.evaluate("() => getComputedStyle(document.body).backgroundColor"))
    assert len(set(behind)) == 2


def test_a_folded_service_opens_by_a_tap(page: Page) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    page.set_content(html(made_up(*(service(f"s{n}") for n in range(9)))))
    table = page.locator("details table").first
    assert not table.is_visible()
    page.locator("summary").first.click()
    assert table.is_visible()
