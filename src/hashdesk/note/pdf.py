"""The note as a typeset PDF: Typst lays out, Python hands over finished text and vector charts.

Text reaches Typst as JSON and stays text there, so no character of it can turn into markup.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib.resources
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from hashdesk.calendar import Period
from hashdesk.errors import ModelError
from hashdesk.note.charts import Chart, render_svgs
from hashdesk.note.format import (
    format_change,
    format_date,
    format_interval,
    format_value,
    has_event_returns,
    label_with_unit,
    unit_label,
)
from hashdesk.note.model import Figure, Note, Section, SourceRef
from hashdesk.note.section_view import column_widths, company_of, sections_of, text_table
from hashdesk.note.text_tables import (
    TextTable,
    assumptions_table,
    company_table,
    deals_table,
    definitions_table,
    etf_rank_table,
    events_table,
    grouped_figures,
    grouped_sources,
    market_cap_bridge_table,
    performer_text,
    period_label,
    prior_label,
    published_text,
    reconciliation_table,
    revenue_split_table,
    summary_note,
    z_text,
)

Block: TypeAlias = dict[str, Any]

FONT_FAMILY = "Source Sans Pro"
FONT_FILES = ("Regular", "It", "Semibold", "Bold")

SUMMARY_WIDTHS = "47 21 21 28.5 21.5 15 27"
BRIDGE_WIDTHS = "20 22 19 19 19"
COMPANY_WIDTHS = "11 33 11 14 14 15 14 14 14 20 20"
SPLIT_WIDTHS = "20 17 17 17 17"
DEALS_WIDTHS = "17 11 46 16 10 16 20 18 26"
EVENTS_WIDTHS = "18 34 84 13 13 13"
PLAIN_EVENTS_WIDTHS = "18 34 123"
RANK_WIDTHS = "19 11 10 18 34"
RECONCILIATION_WIDTHS = "62 19 19 17 15 32 16"
DEFINITIONS_WIDTHS = "58 64 20 20 16"
ASSUMPTIONS_WIDTHS = "56 22 17 85"
"""Relative widths of table columns; those over the full page add up to about its width in millimetres."""

HEADLINE_FIGURES = (
    "market_cap_usd",
    "n_outperforming_btc",
    "network_hashrate_ehs",
    "block_reward_revenue_usd_per_ehs_day",
    "block_reward_gross_profit_usd_per_ehs_day",
    "gross_margin_frac",
    "btc_price_usd",
)

FRONT_PAGE_CHARTS = ("market_cap", "divergence")
CHARTS_TOLD_BY_TABLES = ("event_returns", "reconciliation_differences")
"""Left out of the PDF: a table of the same section prints the same numbers."""
COLUMN_SUFFIX = "@column"
COLUMN_WIDTH_PX = 376
"""Drawn at this width a chart fills a column of the page with type of about 7 pt."""
COLUMN_HEIGHT_PX, FRONT_HEIGHT_PX = 140, 112
"""Greatest height of a plot in a column, and on the front page, where takeaways need the room."""
COLUMN_ROW_PX = 17
"""Greatest height of a row that has its name beside its bar."""
COLUMN_LEGEND = 3
"""Most entries of a legend in a line."""
PUBLISHERS_FOR_OWN_LIST = 8
ROWS_TYPES = ("nominal", "ordinal")
"""A chart whose vertical axis is of such a type has one row to a name and takes its height from them."""
BREAKABLE_FROM_CHARS = 18
"""A word this long, such as the id of a source, may be broken at its dots and dashes."""

_SVG_FONT = re.compile(r'font-family="[^"]*"')
_BREAK_AFTER = re.compile(r"(?<=\w)[.-](?=[a-z0-9])")
_HYPHEN_AS_MINUS = re.compile(r"(?<![\w.)])-(?=USD \d|\d)")


def render_pdf(note: Note, charts: Sequence[Chart], svgs: Mapping[str, str]) -> bytes:
    """Typeset the note as a tagged PDF/UA-1 document.

    Parameters
    ----------
    note : Note
        What the note claims.
    charts : sequence of Chart
        Charts in the order of the note; one without a drawing is left out and its reason printed.
    svgs : mapping of str to str
        Drawings at hand, by chart id, best with those of :func:`column_charts`: a chart drawn wider than a column is
        laid out again at the column's width, because scaling it down would leave its type too small to read.

    Returns
    -------
    bytes
        A PDF on A4; the same note gives the same bytes, since its creation date is the note's as-of date.

    Raises
    ------
    ModelError
        The document cannot be typeset.
    """
    import typst

    charts = [chart for chart in charts if chart.id not in CHARTS_TOLD_BY_TABLES]
    template = importlib.resources.files("hashdesk.note") / "templates" / "note.typ"
    drawings = _column_drawings(charts, svgs)
    document = _document(note, [chart for chart in charts if chart.id in drawings], charts)
    # Typst takes a whole project from memory this way; its type stub knows a single file only.
    files: Any = {
        "main.typ": template.read_bytes(),
        "note.json": json.dumps(_typographic(document), ensure_ascii=False).encode(),
        **{f"{chart_id}.svg": drawing.encode() for chart_id, drawing in drawings.items()},
    }
    created = dt.datetime.combine(note.as_of, dt.time(), dt.UTC)
    with tempfile.TemporaryDirectory(prefix="hashdesk-fonts-") as folder:
        _copy_fonts(Path(folder))
        options: dict[str, Any] = {"font_paths": [folder], "ignore_system_fonts": True, "timestamp": created}
        try:
            return bytes(typst.compile(files, format="pdf", pdf_standards=["ua-1"], **options))
        except typst.TypstError as error:
            if "could not be displayed" not in error.message:
                raise ModelError(f"pdf: Typst stopped: {error.message}", diagnostic=error.diagnostic) from None
        # A character outside the font rules out the PDF/UA claim; the note still goes out, with an empty box for it.
        return bytes(typst.compile(files, format="pdf", **options))


def column_charts(charts: Iterable[Chart]) -> list[Chart]:
    """The charts that the PDF lays out again at a column's width, under ids of their own."""
    return [
        dataclasses.replace(_at_column_width(chart), id=f"{chart.id}{COLUMN_SUFFIX}")
        for chart in charts
        if chart.spec is not None and _is_redrawn(chart) and chart.id not in CHARTS_TOLD_BY_TABLES
    ]


def _column_drawings(charts: Sequence[Chart], svgs: Mapping[str, str]) -> dict[str, str]:
    """Every drawing at the width of a column, in the page's font, by chart id."""
    drawings = {}
    undrawn = []
    for chart in charts:
        svg = svgs.get(f"{chart.id}{COLUMN_SUFFIX}" if _is_redrawn(chart) else chart.id)
        if svg is not None:
            drawings[chart.id] = svg
        elif chart.spec is not None:
            undrawn.append(_at_column_width(chart))
    drawings |= render_svgs(undrawn)
    return {chart_id: _SVG_FONT.sub(f'font-family="{FONT_FAMILY}"', svg) for chart_id, svg in drawings.items()}


def _is_redrawn(chart: Chart) -> bool:
    """True where the page's drawing does not fit its place in the PDF."""
    return not chart.is_half or chart.id in FRONT_PAGE_CHARTS


def _at_column_width(chart: Chart) -> Chart:
    spec = dict(chart.spec or {})
    view = {**spec["config"]["view"], "continuousWidth": COLUMN_WIDTH_PX, "discreteWidth": COLUMN_WIDTH_PX}
    spec["config"] = {**spec["config"], "view": view}
    if "layer" in spec:
        spec["layer"] = [_with_narrow_legend(layer) for layer in spec["layer"]]
    tallest = FRONT_HEIGHT_PX if chart.id in FRONT_PAGE_CHARTS else COLUMN_HEIGHT_PX
    spec["height"] = min(spec["height"], _height_of_rows(spec) or tallest)
    return dataclasses.replace(chart, spec=spec)


def _height_of_rows(spec: Mapping[str, Any]) -> int:
    """Height of a chart with one row to a name, 0 for another: its own where the names stand above the bars."""
    for layer in (spec, *spec.get("layer", ())):
        y = layer.get("encoding", {}).get("y", {})
        if y.get("type") in ROWS_TYPES:
            return COLUMN_ROW_PX * len(y["sort"]) if y.get("sort") else int(spec["height"])
    return 0


def _with_narrow_legend(layer: Mapping[str, Any]) -> dict[str, Any]:
    color = layer.get("encoding", {}).get("color", {})
    legend = color.get("legend") or {}
    if legend.get("columns", 0) <= COLUMN_LEGEND:
        return dict(layer)
    narrow = {**color, "legend": {**legend, "columns": COLUMN_LEGEND}}
    return {**layer, "encoding": {**layer["encoding"], "color": narrow}}


def _copy_fonts(folder: Path) -> None:
    """Put the four styles in use alone in a folder: the package has each twice and Typst would take either."""
    fonts = importlib.resources.files("font_source_sans_pro") / "files"
    for style in FONT_FILES:
        name = f"SourceSansPro-{style}.otf"
        with importlib.resources.as_file(fonts / name) as path:
            shutil.copyfile(path, folder / name)


def _typographic(value: Any) -> Any:
    """Every text of a JSON value with a true minus sign before numbers."""
    if isinstance(value, str):
        return _HYPHEN_AS_MINUS.sub("\N{MINUS SIGN}", value)
    if isinstance(value, Mapping):
        return {key: _typographic(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_typographic(item) for item in value]
    return value


def _document(note: Note, drawn: Sequence[Chart], charts: Sequence[Chart]) -> Block:
    """Lay the note out as data: masthead, front page and sections of blocks, all text finished."""
    period = Period(note.period_start, note.period_end)
    front = [chart for chart_id in FRONT_PAGE_CHARTS for chart in drawn if chart.id == chart_id]
    return {
        "title": note.title,
        "headline": note.headline,
        "period": period.title,
        "as_of": format_date(note.as_of, long=True),
        "date": [note.as_of.year, note.as_of.month, note.as_of.day],
        "version": note.code_version,
        "takeaways": [{"text": item.text, "kind": item.kind} for item in note.takeaways if item.text != note.headline],
        "box": _headline_box(note),
        "box_title": f"{period_label(note)} at a glance",
        "front": _rows([_chart_block(chart) for chart in front]),
        "sections": _sections(note, [chart for chart in drawn if chart not in front], charts),
    }


def _headline_box(note: Note) -> list[Block]:
    by_id = {figure.id: figure for figure in note.figures}
    return [_headline_row(by_id[i], by_id, prior_label(note)) for i in HEADLINE_FIGURES if i in by_id]


def _headline_row(figure: Figure, by_id: Mapping[str, Figure], prior: str) -> Block:
    value = performer_text(figure)
    if figure.id == "n_outperforming_btc" and "n_companies" in by_id:
        value = f"{value} of {performer_text(by_id['n_companies'])}"
    change = "" if figure.change is None else f"{format_change(figure)} against {prior}"
    noise = "within noise" if figure.is_significant is False else ""
    return {"label": label_with_unit(figure.label, figure.unit), "value": value, "change": change, "noise": noise}


def _sections(note: Note, drawn: Sequence[Chart], charts: Sequence[Chart]) -> list[Block]:
    def of(section: str) -> list[Block]:
        return [_chart_block(chart) for chart in drawn if chart.section == section]

    method = [{"term": figure.label, "text": figure.definition} for figure in note.figures if figure.definition]
    undrawn = [f"Figure left out, {chart.title}: {chart.missing}" for chart in charts if chart.missing]
    sections: list[tuple[str, list[Block]]] = [
        ("Summary", [_table_block(_summary_table(note), SUMMARY_WIDTHS)]),
        (
            "Valuation",
            [
                _table_block(company_table(note), COMPANY_WIDTHS),
                *of("valuation"),
                _table_block(market_cap_bridge_table(note), BRIDGE_WIDTHS, is_half=True),
            ],
        ),
        ("Network", of("network")),
        ("Profitability", [*of("profitability"), _table_block(revenue_split_table(note), SPLIT_WIDTHS, is_half=True)]),
        (
            "AI and HPC pivot",
            [
                _table_block(deals_table(note), DEALS_WIDTHS, empty="No AI or HPC contract is on record."),
                *of("hpc"),
                _table_block(
                    events_table(note),
                    EVENTS_WIDTHS if has_event_returns(note) else PLAIN_EVENTS_WIDTHS,
                    is_breakable=True,
                ),
            ],
        ),
        ("Market context", [*of("market"), _table_block(etf_rank_table(note), RANK_WIDTHS, is_half=True)]),
        *((section.title, _section_blocks(section, of(section.id))) for section in sections_of(note, "theme")),
        (
            "Reconciliation",
            [
                _table_block(
                    reconciliation_table(note),
                    RECONCILIATION_WIDTHS,
                    empty="No published figure is on record.",
                    is_breakable=True,
                )
            ],
        ),
        ("Definitions", [_table_block(definitions_table(note), DEFINITIONS_WIDTHS)]),
        ("Method", [{"type": "terms", "items": method}] if method else []),
        ("Assumptions", [_table_block(assumptions_table(note), ASSUMPTIONS_WIDTHS, is_breakable=True)]),
        ("Caveats", [{"type": "list", "items": [*note.caveats, *undrawn]}]),
        ("Sources", [{"type": "sources", "items": _source_blocks(note)}]),
    ]
    filled = [(title, title, [block for block in blocks if block], False) for title, blocks in sections]
    filled += [
        (section.title, company_of(section) or section.title, _section_blocks(section, of(section.id)), True)
        for section in sections_of(note, "appendix")
    ]
    return [
        {"title": title, "short": short, "blocks": _rows(blocks), "is_page": is_page}
        for title, short, blocks, is_page in filled
        if blocks
    ]


def _section_blocks(section: Section, charts: Sequence[Block]) -> list[Block]:
    """Paragraphs, charts, tables, and what is missing."""
    tables = [_breakable_words(text_table(table)) for table in section.tables]
    return [
        *({"type": "text", "text": text} for text in section.paragraphs),
        *charts,
        *(_table_block(table, column_widths(table), is_breakable=True) for table in tables if table.rows),
        *([{"type": "list", "items": list(section.missing)}] if section.missing else []),
    ]


def _breakable_words(table: TextTable) -> TextTable:
    """The table with places to break long words at."""

    def cell(text: str) -> str:
        is_long = any(len(word) >= BREAKABLE_FROM_CHARS for word in text.split())
        return _BREAK_AFTER.sub("\\g<0>\u200b", text) if is_long else text

    return dataclasses.replace(table, rows=tuple(tuple(map(cell, row)) for row in table.rows))


def _rows(blocks: Sequence[Block]) -> list[Block]:
    """Put blocks of half the page's width in pairs; one without a neighbour stands alone."""
    rows: list[Block] = []
    for block in blocks:
        last = rows[-1] if rows else {}
        if not block.get("is_half"):
            rows.append(block)
        elif last.get("type") == "row" and len(last["items"]) == 1:
            last["items"].append(block)
        else:
            rows.append({"type": "row", "items": [block]})
    return rows


def _source_blocks(note: Note) -> list[Block]:
    """Sources by licence; licences of a few publishers share one list and stand in brackets."""
    large: list[Block] = []
    small: list[Block] = []
    for licence, publishers in grouped_sources(note):
        items = [
            {"name": name, "sources": [{"title": source.title, "url": _web_address(source)} for source in sources]}
            for name, sources in publishers
        ]
        if len(items) >= PUBLISHERS_FOR_OWN_LIST:
            large.append({"heading": licence[:1].upper() + licence[1:], "items": items})
        else:
            small += [{**item, "name": f"{item['name']} ({licence})" if licence else item["name"]} for item in items]
    return [{"heading": "Data sets, filings and own work", "items": small}, *large] if small else large


def _web_address(source: SourceRef) -> str:
    return source.url if source.url.startswith(("https://", "http://")) else ""


def _chart_block(chart: Chart) -> Block:
    return {
        "type": "chart",
        "is_half": True,
        "file": f"{chart.id}.svg",
        "title": chart.title,
        "subtitle": chart.subtitle,
        "source": f"Source: {chart.source}. As of {format_date(chart.as_of)}. "
        f"Unit: {unit_label(chart.unit) or chart.unit}.",
        "alt": chart.alt_text,
    }


def _table_block(
    table: TextTable, widths: str, *, empty: str = "", is_half: bool = False, is_breakable: bool = False
) -> Block:
    """Give a table its column widths, or the sentence that stands for an empty one."""
    if not table.rows:
        return {"type": "text", "text": empty} if empty else {}
    return {
        "type": "table",
        "is_half": is_half,
        "is_breakable": is_breakable,
        "title": table.title,
        "headers": list(table.headers),
        "align": list(table.align),
        "widths": [float(width) for width in widths.split()],
        "rows": [list(row) for row in table.rows],
        "note": table.note,
    }


def _summary_table(note: Note) -> TextTable:
    rows: list[tuple[str, ...]] = []
    for title, figures in grouped_figures(note):
        rows.append((title,))
        for figure in figures:
            rows.append(
                (
                    label_with_unit(figure.label, figure.unit),
                    performer_text(figure),
                    format_value(figure.prior, figure.unit),
                    format_change(figure),
                    format_interval(figure) if figure.interval else "",
                    z_text(figure),
                    published_text(note, figure),
                )
            )
    return TextTable(
        title="All figures of the month",
        headers=(
            "Figure",
            period_label(note),
            prior_label(note),
            "Change",
            "95% interval",
            "z",
            "Published",
        ),
        align="lrrrrrr",
        rows=tuple(rows),
        note=summary_note(note),
    )
