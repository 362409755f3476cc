"""The PDF note: typeset, tagged, the same bytes each time, and safe whatever the text in the data."""

import dataclasses
import datetime as dt
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hashdesk.desk import Desk
from hashdesk.note.charts import Chart, build_charts
from hashdesk.note.format import format_value
from hashdesk.note.model import Column, Event, Figure, Interval, Note, SourceRef, Table, Takeaway
from hashdesk.note.pdf import render_pdf

START, END = dt.date(2025, 9, 1), dt.date(2025, 10, 1)
UA_MARK = b"<pdfuaid:part>1</pdfuaid:part>"
HOSTILE = (
    "#panic()",
    '#read("/etc/passwd")',
    "$x^2$",
    "*bold* _it_ `raw`",
    "\\u{41} \\",
    "<label> @ref",
    "= heading",
    "- item",
    "// comment",
    "/* open",
    "[[ ]] {{ }}",
    '"quoted"',
    "Zürich ≥ 5 €",
)


def make_figure(figure_id: str, label: str, value: float | None, unit: str, prior: float | None = None) -> Figure:
    has_change = value is not None and prior is not None
    return Figure(
        id=figure_id,
        label=label,
        value=value,
        unit=unit,
        period_start=START,
        period_end=END,
        prior=prior,
        change=value - prior if has_change else None,
        change_frac=value / prior - 1 if has_change else None,
        interval=Interval(value * 0.97, value * 1.03) if value is not None else None,
        definition=f"How {label.lower()} is computed.",
    )


def make_note(**changes: object) -> Note:
    note = Note(
        month="2025-09",
        title="Bitcoin mining: September 2025",
        headline="A record above USD 50bn",
        period_start=START,
        period_end=END,
        as_of=END,
        figures=(
            make_figure("market_cap_usd", "Combined market cap", 55.93e9, "USD", 39.1e9),
            make_figure("network_hashrate_ehs", "Network hashrate", 1034.7, "EH/s", 950.2),
            make_figure("ibit_aum_usd", "iShares Bitcoin Trust assets", None, "USD"),
        ),
        takeaways=(Takeaway("Hashrate rose 8.9%.", ("network_hashrate_ehs",)),),
        companies=(),
        events=(),
        reconciliation=(),
        caveats=("iShares Bitcoin Trust assets: the store ends in August 2025.",),
        tables={
            "revenue_split": Table(
                "revenue_split",
                "Split",
                tuple(
                    Column(name, name, "fraction")
                    for name in ("period_start", "price_frac", "reward_frac", "hashrate_frac", "change_frac")
                ),
                ((START, -0.01, 0.0, -0.09, -0.1),),
            )
        },
        sources=(SourceRef("blocks", "Block headers", "Bitcoin network", "https://example.org/headers"),),
        code_version="1.2.3",
    )
    return dataclasses.replace(note, **changes)


def make_chart(chart_id: str, width_px: int, **changes: object) -> Chart:
    chart = Chart(
        id=chart_id,
        section="network",
        title=f"Title of {chart_id}",
        subtitle="Month average",
        unit="EH/s",
        source="Bitcoin network",
        as_of=END,
        alt_text="Two bars, the second higher.",
        table_id="monthly",
        spec={
            "width": "container",
            "height": 80,
            "data": {"values": [{"a": "x", "b": 1}, {"a": "y", "b": 2}]},
            "mark": "bar",
            "encoding": {"x": {"field": "a", "type": "nominal"}, "y": {"field": "b", "type": "quantitative"}},
            "config": {"view": {"continuousWidth": width_px, "discreteWidth": width_px}},
        },
    )
    return dataclasses.replace(chart, **changes)


def svg(text: str = "label", width_px: int = 300) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width_px}" height="60" viewBox="0 0 {width_px} 60">'
        f'<text x="4" y="30" font-family="Arial, Helvetica, sans-serif" font-size="11">{text}</text></svg>'
    )


@pytest.fixture
def text_of(tmp_path: Path):
    """Text of a PDF as poppler reads it, in reading order."""
    program = shutil.which("pdftotext")
    if program is None:
        pytest.skip("pdftotext is not installed")

    def read(pdf: bytes, *options: str) -> str:
        path = tmp_path / "note.pdf"
        path.write_bytes(pdf)
        return subprocess.run([program, *options, str(path), "-"], capture_output=True, check=True, text=True).stdout

    return read


def flat(text: str) -> str:
    """Text without line breaks, hyphenation aside."""
    return " ".join(text.split())


def test_the_figures_of_the_note_stand_in_the_text(text_of) -> None:
    text = flat(text_of(render_pdf(make_note(), [], {})))
    for words in ("A record above USD 50bn", "USD 55.9bn", "1,035 EH/s", "(+8.9%)", "n/a", "Block headers"):
        assert words in text


def test_negative_numbers_carry_a_minus_sign(text_of) -> None:
    assert "\N{MINUS SIGN}9.0%" in text_of(render_pdf(make_note(), [], {}))


def test_the_document_claims_pdf_ua_and_names_its_title_author_and_date() -> None:
    pdf = render_pdf(make_note(), [], {})
    assert pdf.startswith(b"%PDF-")
    assert UA_MARK in pdf
    for words in (b"Bitcoin mining: September 2025", b"hashdesk", b"2025-10-01T00:00:00"):
        assert words in pdf


def test_the_same_note_gives_the_same_bytes() -> None:
    charts = [make_chart("a", 300)]
    assert render_pdf(make_note(), charts, {"a": svg()}) == render_pdf(make_note(), charts, {"a": svg()})


def test_pages_are_numbered_of_their_total(text_of) -> None:
    text = text_of(render_pdf(make_note(), [], {}))
    total = int(re.findall(r"of (\d+)$", text, re.MULTILINE)[-1])
    assert [f"Page {i} of {total}" in text for i in range(1, total + 1)] == [True] * total


@pytest.mark.parametrize("hostile", HOSTILE)
def test_text_from_the_data_stays_text(text_of, hostile: str) -> None:
    note = make_note(
        title=hostile,
        headline=hostile,
        takeaways=(Takeaway(hostile, ()),),
        caveats=(hostile,),
        sources=(SourceRef("id", hostile, hostile, "https://example.org/#x", hostile),),
        figures=(make_figure("network_hashrate_ehs", hostile, 1.0, "EH/s"),),
    )
    chart = make_chart("a", 300, title=hostile, subtitle=hostile, source=hostile, alt_text=hostile)
    pdf = render_pdf(note, [chart], {"a": svg()})
    assert UA_MARK in pdf
    assert flat(text_of(pdf)).count(flat(hostile)) >= 8


def test_a_character_outside_the_font_costs_the_claim_but_not_the_note(text_of) -> None:
    pdf = render_pdf(make_note(headline="Record \N{ROCKET} above USD 50bn"), [], {})
    assert UA_MARK not in pdf
    assert "above USD 50bn" in flat(text_of(pdf))


def test_charts_are_numbered_in_order_with_source_unit_and_date(text_of) -> None:
    charts = [make_chart("a", 300), make_chart("b", 300), make_chart("c", 300, section="market")]
    text = flat(text_of(render_pdf(make_note(), charts, {name: svg(f"drawing {name}") for name in "abc"})))
    for number, name in enumerate("abc", start=1):
        assert f"Figure {number}. Title of {name}" in text
        assert f"drawing {name}" in text
    assert text.count("Source: Bitcoin network. As of 1 Oct 2025. Unit: EH/s.") == 3


def test_drawings_are_set_in_the_page_font(tmp_path: Path) -> None:
    program = shutil.which("pdffonts")
    if program is None:
        pytest.skip("pdffonts is not installed")
    path = tmp_path / "note.pdf"
    path.write_bytes(render_pdf(make_note(), [make_chart("a", 300)], {"a": svg()}))
    listing = subprocess.run([program, str(path)], capture_output=True, check=True, text=True).stdout.splitlines()[2:]
    assert listing
    for line in listing:
        assert "SourceSansPro" in line
        assert re.search(r"yes\s+yes\s+yes\s+\d+\s+\d+$", line), "embedded, subset, with a map to Unicode"


def test_a_chart_drawn_too_wide_is_laid_out_again_for_a_column(text_of) -> None:
    pdf = render_pdf(make_note(), [make_chart("a", 660)], {"a": svg("wide drawing", 660)})
    text = text_of(pdf)
    assert "wide drawing" not in text
    assert "Title of a" in text


def test_a_chart_without_a_drawing_is_a_caveat(text_of) -> None:
    chart = make_chart("a", 300, spec=None, missing="fewer than two months are known.")
    text = flat(text_of(render_pdf(make_note(), [chart], {})))
    assert "Title of a: fewer than two months are known." in text
    assert "Figure 1." not in text


def test_the_september_note_fills_ten_to_fourteen_pages_and_one_for_each_company(text_of) -> None:
    note = Desk().note("2025-09")
    charts = build_charts(note)
    pdf = render_pdf(note, charts, {})
    text = flat(text_of(pdf))
    assert UA_MARK in pdf
    assert 10 <= int(re.findall(r"Page 1 of (\d+)", text)[0]) - len(note.companies) <= 14
    assert note.headline in text
    for figure in note.figures:
        assert format_value(figure.value, figure.unit).replace("-", "\N{MINUS SIGN}") in text
    n_figures = len(set(re.findall(r"Figure (\d+)\. ", text)))
    assert n_figures >= len([chart for chart in charts if chart.spec is not None]) - 2


@pytest.mark.parametrize("month", ["2024-06", "2025-08", "2025-10", "2025-11", "2025-12", "2026-01"])
def test_no_month_runs_over_fourteen_pages_and_one_for_each_company(text_of, month: str) -> None:
    note = Desk().note(month)
    text = flat(text_of(render_pdf(note, build_charts(note), {}), "-f", "1", "-l", "1"))
    assert 8 <= int(re.findall(r"Page 1 of (\d+)", text)[0]) - len(note.companies) <= 14


def test_events_without_a_single_close_leave_out_the_columns_of_returns(text_of) -> None:
    event = Event(dt.date(2025, 9, 25), ("CIFR",), "hpc_contract", "Signed a lease.", "s", "high")
    text = flat(text_of(render_pdf(make_note(events=(event,)), [], {})))
    assert "Daily closes of the companies are not in the store for this period" in text
    assert "Excess" not in text
    assert "Excess" in flat(
        text_of(render_pdf(make_note(events=(dataclasses.replace(event, return_1d_frac=0.1),)), [], {}))
    )


def test_an_empty_note_is_typeset(text_of) -> None:
    note = make_note(figures=(), takeaways=(), tables={}, caveats=(), sources=())
    assert "A record above USD 50bn" in flat(text_of(render_pdf(note, [], {})))
