"""The note as one self-contained page: works offline, without JavaScript, in light and dark, on paper and by keyboard.

The static drawings are in the page from the start; the script redraws them at the reader's width with tooltips. A
content policy in the page forbids every request to anywhere.
"""

from __future__ import annotations

import base64
import functools
import gzip
import importlib.resources
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from hashdesk.calendar import Period
from hashdesk.note.chart_parts import THEME_COLOURS
from hashdesk.note.chart_runtime import load_runtime
from hashdesk.note.charts import Chart, build_charts, render_svgs
from hashdesk.note.format import (
    format_change,
    format_date,
    format_value,
    label_with_unit,
    with_true_minus,
)
from hashdesk.note.html_sections import (
    assumptions_table,
    companies_table,
    deals_table,
    definitions_table,
    events_table,
    method_entries,
    reconciliation_table,
    summary_table,
)
from hashdesk.note.html_tables import note_table
from hashdesk.note.model import Figure, Note, Section, Table
from hashdesk.note.section_view import company_of, sections_of
from hashdesk.note.text_tables import performer_text

TILE_FIGURES = (
    "market_cap_usd",
    "n_outperforming_btc",
    "network_hashrate_ehs",
    "block_reward_revenue_usd_per_ehs_day",
    "block_reward_gross_profit_usd_per_ehs_day",
    "btc_price_usd",
)
SPARKLINE_MONTHS = 13
_SPARKLINE_SIZE_PX = (96, 28)

SECTIONS = (
    ("valuation", "Valuation"),
    ("network", "Network"),
    ("profitability", "Profitability"),
    ("hpc", "AI and HPC pivot"),
    ("market", "Market context"),
    ("reconciliation", "Reconciliation"),
)
_SHORT_TITLES = {
    "hpc": "AI/HPC",
    "market": "Market",
    "valuation-apart": "Value apart",
    "attribution": "What moved",
    "pivot": "Pivot priced",
}
"""Names in the bar at the top, where a title would be too long."""
LONGEST_CELLS = 1_000
"""Cells of a table that no chart is drawn from, above which it stands in the workbook and the JSON only."""
SPEC_DIGITS = 6
"""Significant digits of the numbers that the script draws."""

_DECIMALS = re.compile(r"(\d\.\d\d)\d+")
_COLOUR = re.compile("|".join(f'"{colour}"' for colour in THEME_COLOURS))
_SVG_SIZE = re.compile(r'<svg([^>]*?) width="([\d.]+)" height="([\d.]+)"')


def render_html(
    note: Note,
    charts: Sequence[Chart] | None = None,
    svgs: Mapping[str, str] | None = None,
    *,
    runtime: str | None = None,
) -> str:
    """Write the note as one HTML file.

    Parameters
    ----------
    note : Note
        What the note claims.
    charts : sequence of Chart, optional
        Charts of the note; built here where they are not given.
    svgs : mapping of str to str, optional
        Drawing of each chart by id; drawn here where they are not given.
    runtime : str, optional
        The page's JavaScript where a :class:`hashdesk.note.chart_runtime.ChartEngine` has it already; read from the
        cache, or bundled, where it is not given.

    Returns
    -------
    str
        The page. The same note gives the same text.

    Raises
    ------
    ModelError
        A chart cannot be drawn.
    """
    charts = build_charts(note) if charts is None else charts
    svgs = render_svgs(charts) if svgs is None else svgs
    pages = {section.id for section in sections_of(note, "appendix")}
    specs = {chart.id: chart.spec for chart in charts if chart.spec is not None and chart.section not in pages}
    drawn_from = {chart.table_id for chart in charts if chart.spec is not None}
    tables = [table for table in note.tables.values() if table.rows and table.id != "definitions"]
    left_out = [table for table in tables if table.id not in drawn_from and _n_cells(table) > LONGEST_CELLS]
    period = Period(note.period_start, note.period_end)
    return (
        _environment()
        .get_template("note.html")
        .render(
            note=note,
            period=period.title,
            as_of=format_date(note.as_of, long=True),
            style=Markup(_template_text("note.css")),
            script=Markup(_template_text("note.js")),
            runtime=Markup(_packed(load_runtime() if runtime is None else runtime)),
            specs=Markup(_script_json(_themed(_specs_json(specs)))),
            sections=[
                {
                    "id": section,
                    "title": title,
                    "short": _SHORT_TITLES.get(section, title),
                    "charts": [_chart(c, svgs) for c in charts if c.section == section],
                }
                for section, title in SECTIONS
            ],
            themes=[_section(s, charts, svgs) for s in sections_of(note, "theme")],
            appendix=[_section(s, charts, svgs, is_static=True) for s in sections_of(note, "appendix")],
            takeaways=[_takeaway(note, takeaway) for takeaway in note.takeaways],
            tiles=[_tile(note, figure) for figure in _pick(note, TILE_FIGURES)],
            summary=summary_table(note),
            companies=companies_table(note),
            deals=deals_table(note),
            events=events_table(note),
            reconciliation=reconciliation_table(note),
            definitions=definitions_table(note),
            method=method_entries(note),
            assumptions=assumptions_table(note),
            caveats=[with_true_minus(caveat) for caveat in note.caveats],
            data_tables=[note_table(table) for table in tables if table not in left_out],
            elsewhere=[table.title for table in left_out],
            sources=_sources(note),
            theme_colours=list(THEME_COLOURS.items()),
        )
    )


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_template_text),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


@functools.cache
def _template_text(name: str) -> str:
    return (importlib.resources.files("hashdesk.note") / "templates" / name).read_text(encoding="utf-8")


def _packed(script: str) -> str:
    """Script as base64 of its gzip form, a third of its size; the page unpacks it where charts are drawn."""
    return base64.b64encode(gzip.compress(script.encode(), 6, mtime=0)).decode()


def _specs_json(specs: Mapping[str, Any]) -> str:
    """Specifications by chart; the configurations that they share stand once and are referred to by their place."""
    configs: list[Any] = []
    charts = {}
    for chart_id, spec in specs.items():
        if spec.get("config") not in configs:
            configs.append(spec.get("config"))
        charts[chart_id] = {**_rounded(spec), "config": configs.index(spec.get("config"))}
    return json.dumps({"configs": configs, "charts": charts}, ensure_ascii=False, separators=(",", ":"))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{SPEC_DIGITS}g}")
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value


def _n_cells(table: Table) -> int:
    return len(table.rows) * len(table.columns)


def _script_json(text: str) -> str:
    """JSON that cannot end the script element it stands in."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _themed(text: str) -> str:
    """Colours of the palette as CSS variables, so that the reader's theme reaches into a drawing."""
    return _COLOUR.sub(lambda match: f'"var({THEME_COLOURS[match[0][1:-1]]})"', text)


def _chart(chart: Chart, svgs: Mapping[str, str], *, is_static: bool = False) -> dict[str, Any]:
    svg = svgs.get(chart.id)
    if svg is not None:
        svg = _DECIMALS.sub(r"\1", svg)
        # The drawing scales with the page; its own size stays as the shape to keep.
        svg = _SVG_SIZE.sub(r'<svg\1 style="max-width:\2px" width="100%" aria-hidden="true"', svg, count=1)
    return {
        "id": chart.id,
        "title": with_true_minus(chart.title),
        "subtitle": chart.subtitle,
        "alt": with_true_minus(chart.alt_text),
        "source": chart.source,
        "as_of": format_date(chart.as_of),
        "table": chart.table_id,
        "is_half": chart.is_half,
        "missing": chart.missing,
        "is_static": is_static,
        "svg": None if svg is None else Markup(_themed(svg)),
    }


def _section(
    section: Section, charts: Sequence[Chart], svgs: Mapping[str, str], *, is_static: bool = False
) -> dict[str, Any]:
    return {
        "id": section.id,
        "title": section.title,
        "short": company_of(section) or _SHORT_TITLES.get(section.id, section.title),
        "paragraphs": [with_true_minus(text) for text in section.paragraphs],
        "charts": [_chart(chart, svgs, is_static=is_static) for chart in charts if chart.section == section.id],
        "tables": [note_table(table) for table in section.tables],
        "missing": [with_true_minus(text) for text in section.missing],
    }


def _takeaway(note: Note, takeaway: Any) -> dict[str, Any]:
    figures = _pick(note, takeaway.figure_ids)
    return {
        "text": with_true_minus(takeaway.text),
        "kind": takeaway.kind,
        "figures": [{"id": figure.id, "label": figure.label} for figure in figures],
    }


def _pick(note: Note, figure_ids: Iterable[str]) -> list[Figure]:
    by_id = {figure.id: figure for figure in note.figures}
    return [by_id[figure_id] for figure_id in figure_ids if figure_id in by_id]


def _tile(note: Note, figure: Figure) -> dict[str, Any]:
    value = performer_text(figure)
    companies = _pick(note, ("n_companies",))
    if figure.id == "n_outperforming_btc" and companies:
        value = f"{value} of {performer_text(companies[0])}"
    has_change = figure.change is not None
    return {
        "id": figure.id,
        "label": label_with_unit(figure.label, figure.unit),
        "value": with_true_minus(value),
        "change": with_true_minus(format_change(figure)) if has_change else "",
        "prior": format_value(figure.prior, figure.unit),
        "is_noise": figure.is_significant is False,
        "record": figure.record.text if figure.record else "",
        "sparkline": _sparkline(note, figure.id),
    }


def _sparkline(note: Note, figure_id: str) -> Markup | None:
    """Last months of a figure as a small line; None where fewer than three are known."""
    table = note.tables.get("monthly")
    if table is None or figure_id not in {column.name for column in table.columns}:
        return None
    recent = table.column(figure_id)[-SPARKLINE_MONTHS:]
    values = [float(value) for value in recent if isinstance(value, int | float)]
    if len(values) < max(3, len(recent)):
        return None
    width, height = _SPARKLINE_SIZE_PX
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    points = [
        (2 + i * (width - 6) / (len(values) - 1), 3 + (height - 6) * (high - value) / span)
        for i, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Markup(
        f'<svg class="sparkline" viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true">'
        f'<polyline points="{line}"/><circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="2.4"/></svg>'
    )


def _sources(note: Note) -> list[dict[str, str]]:
    return [
        {
            "id": source.id,
            "title": source.title,
            "publisher": source.publisher,
            # Only an address of the web becomes a link.
            "url": source.url if source.url.startswith(("https://", "http://")) else "",
            "licence": source.licence,
            "retrieved": source.retrieved_at[:10],
        }
        for source in note.sources
    ]
