"""The HTML note in a real browser: complete without a network, without a script, in both themes and by keyboard."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hashdesk import Desk
from hashdesk.errors import ModelError
from hashdesk.note.chart_runtime import ChartEngine, load_runtime
from hashdesk.note.charts import Chart, build_charts, render_svgs
from hashdesk.note.html import render_html
from hashdesk.note.model import Note, Takeaway

SIZE_LIMIT_BYTES = 2_500_000
HOSTILE = '</script><img src=x onerror="document.title=\'broken\'"><b>&"'


@pytest.fixture(scope="module")
def note() -> Note:
    return Desk().note("2025-09")


@pytest.fixture(scope="module")
def charts(note: Note) -> list[Chart]:
    return build_charts(note)


@pytest.fixture(scope="module")
def page_text(note: Note, charts: list[Chart]) -> str:
    return render_html(note, charts, render_svgs(charts))


@pytest.fixture(scope="module")
def page_url(page_text: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("note") / "note.html"
    path.write_text(page_text, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
    with sync_playwright() as playwright:
        instance = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield instance
        instance.close()


def visit(browser: Any, url: str, *, width: int = 1280, height: int = 900, **options: Any) -> Any:
    """Open a page in a fresh context and collect what the browser complained about and asked for."""
    page = browser.new_context(viewport={"width": width, "height": height}, **options).new_page()
    page.complaints = []
    page.requests = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto(url)
    return page


@pytest.fixture
def open_page(browser: Any, page_url: str) -> Iterator[Any]:
    """Opens the note, or another page, for a test that changes it."""
    pages = []

    def opened(url: str = page_url, **options: Any) -> Any:
        pages.append(visit(browser, url, **options))
        return pages[-1]

    yield opened
    for page in pages:
        page.context.close()


@pytest.fixture(scope="module")
def page(browser: Any, page_url: str) -> Iterator[Any]:
    """The note with all charts awake, for tests that only look."""
    shared = visit(browser, page_url)
    wake_charts(shared)
    yield shared
    shared.context.close()


def wake_charts(page: Any) -> None:
    """Make the window as tall as the page, so that every chart comes near it."""
    page.set_viewport_size({"width": page.viewport_size["width"], "height": 40_000})
    page.wait_for_function(
        "document.querySelectorAll('[data-state=live]').length === document.querySelectorAll('[data-chart]').length"
    )


def test_page_is_one_small_file_that_asks_for_nothing(page_text: str, page_url: str, page: Any) -> None:
    assert len(page_text.encode()) <= SIZE_LIMIT_BYTES
    assert page.requests == [page_url]
    assert page.complaints == []


def test_same_note_gives_the_same_page(note: Note, charts: list[Chart], page_text: str) -> None:
    assert render_html(note, charts, render_svgs(charts)) == page_text


def test_every_drawn_chart_comes_alive_and_every_other_says_why(page: Any, charts: list[Chart]) -> None:
    drawn = [chart for chart in charts if chart.spec is not None and not chart.section.startswith("company-")]
    assert page.locator("[data-state=live] .live svg").count() == len(drawn) >= 15
    for chart in charts:
        figure = page.locator(f"#chart-{chart.id}")
        assert figure.count() == 1
        if chart.spec is None:
            assert chart.missing in (figure.text_content() or "")


def test_nothing_jumps_while_a_chart_is_drawn(open_page: Any, page_url: str) -> None:
    page = open_page(url="about:blank")
    # A slow machine: the drawing code takes half a second to unpack.
    page.add_init_script(
        """const text = Response.prototype.text;
        Response.prototype.text = async function () {
          await new Promise(done => setTimeout(done, 500));
          return text.call(this);
        };"""
    )
    page.goto(page_url)
    n_figures = page.evaluate(
        """() => {
          const figures = [...document.querySelectorAll('figure')].filter(figure => figure.offsetHeight > 0);
          const first = figures.map(figure => figure.offsetHeight);
          window.shrunk = {};
          const look = () => {
            figures.forEach((figure, i) => {
              if (figure.offsetHeight < first[i] - 2) window.shrunk[figure.id] = [first[i], figure.offsetHeight];
            });
            requestAnimationFrame(look);
          };
          look();
          return figures.length;
        }"""
    )
    assert n_figures >= 15
    wake_charts(page)
    assert page.evaluate("window.shrunk") == {}


def test_tooltip_answers_the_pointer(open_page: Any) -> None:
    page = open_page()
    page.locator("#chart-market_cap").scroll_into_view_if_needed()
    page.wait_for_selector("#chart-market_cap [data-state=live]")
    page.locator("#chart-market_cap .live .mark-rect path").last.hover()
    page.wait_for_function("document.getElementById('tip').innerText.includes('Market cap')")


def test_page_is_complete_without_a_script(open_page: Any, charts: list[Chart], note: Note) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator(".static svg").count() == sum(chart.spec is not None for chart in charts)
    assert page.locator(".static svg").first.is_visible()
    assert page.locator("h1").inner_text().replace("\N{MINUS SIGN}", "-") == note.headline
    assert page.locator("#network_hashrate_ehs").is_visible()


def test_every_figure_has_its_anchor_its_method_and_its_sources(page: Any, note: Note) -> None:
    for figure in note.figures:
        row = page.locator(f"tr#{figure.id}")
        assert row.count() == 1, figure.id
        assert page.locator(f"#method-{figure.id}").count() == 1, figure.id
        if figure.sources:
            assert row.locator("a[href^='#source-']").count() >= 1, figure.id
    dangling = page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
        ".filter(id => !document.getElementById(id))"
    )
    assert dangling == []
    doubled = page.evaluate(
        "(() => { const ids = [...document.querySelectorAll('[id]')].map(e => e.id);"
        " return ids.filter((id, i) => ids.indexOf(id) !== i); })()"
    )
    assert doubled == []


def test_a_column_sorts_both_ways_with_unknown_values_last(open_page: Any) -> None:
    page = open_page()
    table = page.locator("#table-companies")
    head = table.locator("thead th").nth(4)
    values = "rows => rows.map(row => row.cells[4].dataset.v ?? null)"

    def column() -> list[float | None]:
        return [None if v is None else float(v) for v in table.locator("tbody tr").evaluate_all(values)]

    for direction, is_reversed in (("descending", True), ("ascending", False)):
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == direction
        known = [value for value in column() if value is not None]
        assert known == sorted(known, reverse=is_reversed)
        assert None not in column()[: len(known)]


def test_a_table_downloads_as_csv_with_raw_values(open_page: Any, note: Note) -> None:
    page = open_page()
    with page.expect_download() as waiting:
        page.locator(".table-block:has(#table-companies) button.csv").click()
    assert waiting.value.suggested_filename.endswith("-companies.csv")
    text = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(note.companies)
    for row, company in zip(rows, note.companies, strict=True):
        assert row["Ticker"] == company.ticker
        assert float(row["Market cap, USD"]) == pytest.approx(company.market_cap_usd, rel=1e-11)


def test_keyboard_reaches_the_note_its_buttons_and_its_tables(open_page: Any) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    head = page.locator("#table-summary thead button").first
    head.focus()
    page.keyboard.press("Enter")
    assert page.locator("#table-summary thead th").first.get_attribute("aria-sort") == "ascending"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert page.locator(".table-scroll:not([tabindex='0'])").count() == 0


def test_tables_name_themselves_their_columns_and_their_rows(page: Any) -> None:
    assert page.locator("table:not(:has(caption))").count() == 0
    assert page.locator("thead th:not([scope=col])").count() == 0
    assert page.locator("tbody tr:not(:has(> th))").count() == 0
    assert page.locator("[role=img]:not([aria-label])").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_page: Any, scheme: str) -> None:
    """WCAG AA: 4.5 to 1 for running text, in the page and inside the charts."""
    page = open_page(color_scheme=scheme)
    wake_charts(page)
    poor = page.evaluate(CONTRAST)
    assert poor == []


CONTRAST = """() => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = rgb => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const rgb = parse(getComputedStyle(e).backgroundColor);
      if (rgb.length === 3 || rgb[3] > 0) return rgb;
    }
    return [255, 255, 255];
  };
  const poor = new Set();
  const texts = "p, li, h1, h2, h3, td, th, a, button, .tag, .tile span, .caveat, svg text";
  for (const e of document.querySelectorAll(texts)) {
    if (!e.textContent.trim() || !e.getClientRects().length) continue;
    const style = getComputedStyle(e), ink = parse(e.namespaceURI.endsWith("svg") ? style.fill : style.color);
    const pair = [light(ink), light(ground(e))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) poor.add(`${e.tagName} ${e.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return [...poor];
}"""


def test_theme_follows_the_system_until_the_reader_chooses(open_page: Any) -> None:
    page = open_page(color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.locator("#theme").click()
    assert page.evaluate(ground) == "rgb(255, 255, 255)" != dark
    assert page.locator("#theme").inner_text() == "Dark"


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_no_width_scrolls_sideways_and_every_drawing_fits(open_page: Any, width: int) -> None:
    page = open_page(width=width)
    wake_charts(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate(
        "[...document.querySelectorAll('.live svg')].filter(s => s.getBoundingClientRect().right > innerWidth)"
        ".map(s => s.closest('figure').id)"
    )
    assert outside == []


@pytest.mark.parametrize("width", [1000, 1150, 1300])
def test_the_summary_fits_a_window_of_middle_width(open_page: Any, width: int) -> None:
    page = open_page(width=width)
    region = page.locator("#table-summary").locator("..")
    assert region.evaluate("element => element.scrollWidth - element.clientWidth") <= 0


def test_the_date_of_what_was_known_cannot_be_read_as_a_cut(page_text: str) -> None:
    assert "With all that was known by " in page_text


def test_labels_stay_inside_their_drawing_on_a_phone(open_page: Any) -> None:
    page = open_page(width=360)
    wake_charts(page)
    cut = page.evaluate(
        """() => [...document.querySelectorAll('.live svg')].flatMap(svg => {
          const box = svg.getBoundingClientRect();
          const isCut = rect => rect.width > 0 && (rect.right > box.right + 2 || rect.left < box.left - 2);
          return [...svg.querySelectorAll('text')].filter(text => isCut(text.getBoundingClientRect()))
            .map(text => svg.closest('figure').id + ': ' + text.textContent);
        })"""
    )
    assert cut == []


def test_paper_gets_the_still_drawings_on_white(open_page: Any) -> None:
    page = open_page(color_scheme="dark")
    wake_charts(page)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".static svg").first.is_visible()
    assert not page.locator(".live svg").first.is_visible()
    assert not page.locator(".bar").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_a_link_into_closed_data_opens_it(open_page: Any) -> None:
    page = open_page()
    assert not page.locator("#table-monthly").is_visible()
    link = page.locator("#chart-economics .source a")
    link.press("Enter")
    page.wait_for_selector("#table-monthly", state="visible")
    page.evaluate("document.querySelector('#table-monthly').closest('details').open = false")
    link.press("Enter")
    page.wait_for_selector("#table-monthly", state="visible")


def test_an_address_of_closed_data_opens_it(open_page: Any, page_url: str) -> None:
    page = open_page(url=f"{page_url}#table-monthly")
    page.wait_for_selector("#table-monthly", state="visible")


def test_hostile_text_stays_text(note: Note, open_page: Any, tmp_path: Path) -> None:
    event = dataclasses.replace(note.events[0], headline=HOSTILE, excess_return_1d_frac=0.5)
    source = dataclasses.replace(note.sources[0], title=HOSTILE, url="javascript:document.title='broken'")
    hostile = dataclasses.replace(
        note,
        headline=HOSTILE,
        takeaways=(Takeaway(HOSTILE, ()),),
        companies=(dataclasses.replace(note.companies[0], name=HOSTILE), *note.companies[1:]),
        events=(event, *note.events[1:]),
        sources=(source, *note.sources[1:]),
        caveats=(HOSTILE,),
    )
    text = render_html(hostile)
    assert 'href="javascript' not in text
    path = tmp_path / "hostile.html"
    path.write_text(text, encoding="utf-8")
    page = open_page(url=path.as_uri())
    wake_charts(page)
    assert page.locator("h1").inner_text() == HOSTILE
    assert page.locator("img").count() == 0
    assert "broken" not in page.title()
    assert page.complaints == []


def test_a_note_with_nothing_in_its_tables_is_still_a_page(note: Note, open_page: Any, tmp_path: Path) -> None:
    bare = dataclasses.replace(note, tables={}, companies=(), events=(), reconciliation=(), assumptions=(), caveats=())
    path = tmp_path / "bare.html"
    path.write_text(render_html(bare), encoding="utf-8")
    page = open_page(url=path.as_uri())
    assert page.locator(".chart.absent").count() == len(build_charts(bare))
    assert page.complaints == []


def test_runtime_is_kept_and_a_damaged_copy_is_made_again(tmp_path: Path) -> None:
    runtime = load_runtime(tmp_path)
    (kept,) = tmp_path.iterdir()
    assert "</script" not in runtime.lower() and "<!--" not in runtime
    kept.write_bytes(kept.read_bytes()[:-100])
    assert load_runtime(tmp_path) == runtime
    assert load_runtime(tmp_path) == runtime


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    assert "vegaEmbed" in load_runtime(occupied)


def test_engine_draws_beside_the_caller_what_the_caller_would_draw(charts: list[Chart], tmp_path: Path) -> None:
    with ChartEngine(tmp_path) as engine:
        engine.draw(charts)
        assert engine.svgs() == render_svgs(charts)
        runtime = engine.runtime()
    assert runtime == load_runtime(tmp_path)


def test_engine_that_cannot_start_a_process_does_the_work_itself(
    charts: list[Chart], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "no-interpreter"))
    with ChartEngine(tmp_path) as engine:
        engine.draw(charts[:1])
        assert engine.svgs() == render_svgs(charts[:1])
        assert "vegaEmbed" in engine.runtime()


def test_engine_reports_a_broken_specification_as_the_caller_would(charts: list[Chart]) -> None:
    broken = dataclasses.replace(charts[0], spec={**(charts[0].spec or {}), "layer": [{"mark": "nonsense"}]})
    with ChartEngine(has_page=False) as engine:
        engine.draw([broken])
        with pytest.raises(ModelError, match=r"market_cap: it cannot be drawn"):
            engine.svgs()


def test_engine_that_is_left_early_leaves_no_process(tmp_path: Path) -> None:
    engine = ChartEngine(tmp_path)
    with pytest.raises(KeyError), engine:
        raise KeyError
    process = engine._drawer._process
    assert process is not None and process.poll() is not None
