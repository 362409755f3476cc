"""The note as Markdown: plain in a terminal, formatted in a mail."""

from __future__ import annotations

import dataclasses
import re
import textwrap
from collections.abc import Iterable, Sequence

from hashdesk.calendar import Period
from hashdesk.note.format import (
    MISSING,
    NO_EVENT_RETURNS,
    format_change,
    format_date,
    format_interval,
    format_value,
    has_event_returns,
    label_with_unit,
)
from hashdesk.note.model import Note, Section
from hashdesk.note.section_view import sections_of, text_table
from hashdesk.note.text_tables import (
    TextTable,
    assumptions_table,
    company_table,
    deals_table,
    etf_rank_table,
    events_table,
    grouped_figures,
    grouped_sources,
    network_trend_table,
    performer_text,
    period_label,
    prior_label,
    profitability_trend_table,
    published_text,
    reconciliation_table,
    revenue_split_table,
    summary_note,
    volumes_table,
    z_text,
)

LINE_WIDTH = 100
TENANT_WIDTH = 28

_MARKUP = re.compile(r"([\\`*<\[\]])")
_BLOCK_START = re.compile(r"^(\s*)(#{1,6}(?=\s|$)|[-+>](?=\s|$)|>|=+$|-+$|~~~)")
_NUMBERED_START = re.compile(r"^(\s*\d+)([.)])(?=\s|$)")


def escape_markdown(text: str) -> str:
    """Text of one line whose characters stay text in Markdown."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _escape_line_start(line: str) -> str:
    return _NUMBERED_START.sub(r"\1\\\2", _BLOCK_START.sub(r"\1\\\2", line))


def _paragraph(text: str, *, bullet: str = "") -> str:
    """Wrap a paragraph or list item; no line starts a block of its own by accident."""
    lines = textwrap.wrap(
        escape_markdown(text), LINE_WIDTH - len(bullet) - 1, break_long_words=False, break_on_hyphens=False
    )
    indent = " " * len(bullet)
    return "\n".join((bullet if i == 0 else indent) + _escape_line_start(line) for i, line in enumerate(lines))


def _bullets(texts: Iterable[str]) -> str:
    return "\n".join(_paragraph(text, bullet="- ") for text in texts)


def render_table(table: TextTable, columns: Sequence[str] | None = None) -> str:
    """Draw a pipe table with aligned columns.

    Parameters
    ----------
    table : TextTable
        What to draw; a heading row becomes a row with its text in the first column.
    columns : sequence of str, optional
        Headers to keep, in the table's order; all by default.

    Returns
    -------
    str
        Lines of equal length, without a final line break.
    """
    keep = [i for i, header in enumerate(table.headers) if columns is None or header in columns]
    lines = [[table.headers[i] for i in keep]]
    for row in table.rows:
        cells = (*row, *("" for _ in range(len(table.headers) - len(row))))
        lines.append([escape_markdown(cells[i]).replace("|", "\\|") for i in keep])
    widths = [max(3, *(len(line[k]) for line in lines)) for k in range(len(keep))]
    is_right = [table.align[i] == "r" for i in keep]
    rule = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, is_right, strict=True)]
    return "\n".join(
        "| "
        + " | ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, is_right, strict=True)
        )
        + " |"
        for line in [lines[0], rule, *lines[1:]]
    )


def _table_block(table: TextTable, columns: Sequence[str] | None = None, empty: str = "") -> list[str]:
    if not table.rows:
        return [empty] if empty else []
    title = f"**{escape_markdown(table.title)}**"
    return [title, render_table(table, columns), *([_paragraph(table.note)] if table.note else [])]


def _summary_blocks(note: Note) -> list[str]:
    change_rows: list[tuple[str, ...]] = []
    check_rows: list[tuple[str, ...]] = []
    for title, figures in grouped_figures(note):
        change_rows.append((title.upper(),))
        for figure in figures:
            prior = format_value(figure.prior, figure.unit)
            label = label_with_unit(figure.label, figure.unit)
            change_rows.append((label, performer_text(figure), prior, format_change(figure)))
            published = published_text(note, figure)
            if figure.interval or published:
                interval = format_interval(figure) if figure.interval else ""
                check_rows.append((label, interval, z_text(figure), published))
    month, prior_month = period_label(note), prior_label(note)
    changes = TextTable(
        "All figures of the month", ("Figure", month, prior_month, "Change"), "lrrr", tuple(change_rows)
    )
    checks = TextTable(
        "Noise and published figures",
        ("Estimate", "95% interval", "z", "Published"),
        "lrrr",
        tuple(check_rows),
        summary_note(note),
    )
    return [*_table_block(changes), *_table_block(checks)]


def _short_tenant(text: str) -> str:
    """Cut a list of tenants; what stands in brackets behind them stays whole."""
    tenants, bracket, marks = text.partition(" (")
    return textwrap.shorten(tenants, TENANT_WIDTH, placeholder="...") + bracket + marks


def _with_short_tenants(deals: TextTable) -> TextTable:
    column = deals.headers.index("Tenant")
    rows = tuple(
        tuple(_short_tenant(cell) if i == column else cell for i, cell in enumerate(row)) for row in deals.rows
    )
    return dataclasses.replace(deals, rows=rows)


def _performance_text(row: tuple[str, ...]) -> str:
    day, tickers, headline, *moves = row
    text = f"{day}, {tickers}: {headline.rstrip('.')}."
    if not moves or moves[0] == MISSING:
        return text
    return f"{text} Return {moves[0]}, bitcoin {moves[1]}, excess {moves[2]}."


def _assumption_texts(note: Note) -> list[str]:
    return [f"{label}: {value}, {as_of}. {source}" for label, value, as_of, source in assumptions_table(note).rows]


def _source_blocks(note: Note) -> list[str]:
    """Titles by licence and publisher; the addresses would fill more lines than the note."""
    blocks = []
    for licence, publishers in grouped_sources(note):
        heading = f"**{escape_markdown(licence[:1].upper() + licence[1:])}**"
        lines = [f"{name}: {'; '.join(source.title for source in sources)}." for name, sources in publishers]
        blocks += [heading, _bullets(lines)]
    return [*blocks, "The JSON and the workbook hold the address of every source."] if blocks else []


def _section_blocks(section: Section) -> list[str]:
    """Paragraphs and tables of a theme; charts and the pages of companies are left to the page and the PDF."""
    tables = [block for table in section.tables for block in _table_block(text_table(table))]
    return [*(_paragraph(text) for text in section.paragraphs), *tables, _bullets(section.missing)]


def render_markdown(note: Note) -> str:
    """Write the note as Markdown: aligned pipe tables, lines of about 100 characters, plain in a terminal.

    Parameters
    ----------
    note : Note
        What the note claims.

    Returns
    -------
    str
        Markdown text with a final line break; the same note gives the same text. Text from the data is escaped.
    """
    sections: list[tuple[str, list[str]]] = [
        ("Key takeaways", [_bullets(takeaway.text for takeaway in note.takeaways)]),
        ("Summary", _summary_blocks(note)),
        (
            "Valuation",
            _table_block(
                company_table(note),
                ("Ticker", "Market cap, USD", "Return", "Against bitcoin", "Change, USD", "From price", "From shares"),
                "No company is tracked in this period.",
            ),
        ),
        ("Network", _table_block(network_trend_table(note))),
        ("Profitability", [*_table_block(profitability_trend_table(note)), *_table_block(revenue_split_table(note))]),
        (
            "AI and HPC pivot",
            [
                *_table_block(
                    _with_short_tenants(deals_table(note)),
                    ("Date", "Ticker", "Tenant", "MW", "Value, USD", "Revenue", "NOI", "Backstop"),
                    "No contract is on record for this period.",
                ),
                _bullets(_performance_text(row) for row in events_table(note).rows),
                "" if has_event_returns(note) or not note.events else NO_EVENT_RETURNS,
            ],
        ),
        ("Market context", [*_table_block(volumes_table(note)), *_table_block(etf_rank_table(note))]),
        *((section.title, _section_blocks(section)) for section in sections_of(note, "theme")),
        (
            "Reconciliation",
            _table_block(
                reconciliation_table(note),
                ("Figure", "Ours", "Published", "Difference", "Agrees"),
                "No published figure is on record for this period.",
            ),
        ),
        ("Assumptions", [_bullets(_assumption_texts(note)) or "None."]),
        ("Caveats", [_bullets(note.caveats) or "None."]),
        ("Sources", _source_blocks(note)),
    ]
    period = Period(note.period_start, note.period_end)
    head = [
        f"# {escape_markdown(note.title)}",
        f"**{_paragraph(note.headline)}**",
        f"{period.title}. With all that was known by {format_date(note.as_of, long=True)}. "
        f"Written by hashdesk {note.code_version}.",
    ]
    body = [block for title, blocks in sections for block in (f"## {title}", *(b for b in blocks if b))]
    return "\n\n".join([*head, *body]) + "\n"
