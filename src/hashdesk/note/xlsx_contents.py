"""The workbook's list of sheets, and sums of the themes that its checks test."""

from __future__ import annotations

import math
from collections.abc import Mapping

from hashdesk.note.model import Note, Table
from hashdesk.note.xlsx_book import Sheet
from hashdesk.note.xlsx_calc import agrees
from hashdesk.note.xlsx_checks import Identity

_FIRST_ROW = 3
_LINK_BLUE = "#0B5394"


def write_contents(sheet: Sheet, titles: Mapping[str, str]) -> None:
    """Write the name of every sheet, linked, and beside it what the sheet holds.

    Parameters
    ----------
    sheet : Sheet
        Where the list stands; itself not listed.
    titles : mapping of str to str
        Title of each sheet by its name, in the order of the workbook.
    """
    worksheet = sheet.worksheet
    worksheet.set_column(0, 0, 26)
    worksheet.set_column(1, 1, 90)
    link = sheet.book.style("", color=_LINK_BLUE, underline=1)
    listed = [(name, title) for name, title in titles.items() if name != sheet.name]
    for row, (name, title) in enumerate(listed, start=_FIRST_ROW):
        worksheet.write_url(row, 0, f"internal:'{name}'!A1", link, name)
        sheet.text(row, 1, title)
    sheet.headings(_FIRST_ROW - 1, ["Sheet", "What it holds"], set())
    worksheet.freeze_panes(_FIRST_ROW, 0)
    worksheet.repeat_rows(_FIRST_ROW - 1)


def theme_identities(note: Note) -> list[Identity]:
    """Sums of the themes' tables that hold whatever the inputs are, as far as the tables know their parts."""
    sums = (
        (
            "What mining, bitcoin and leases cover, what is not disclosed and what is left add up to market cap",
            "market_cap_parts",
            "parts",
            ("market_cap_usd", "net_debt_usd"),
            ("mining_value_usd", "bitcoin_value_usd", "hpc_value_usd", "not_disclosed_usd", "expectations_usd"),
            "USD",
        ),
        (
            "Bitcoin, the AI basket, dated news and the rest add up to the returns of the shares",
            "attribution",
            "attribution",
            ("return_frac",),
            ("btc_frac", "ai_frac", "events_frac", "residual_frac"),
            "fraction",
        ),
    )
    found = []
    for label, table_id, prefix, wholes, parts, unit in sums:
        table = note.tables.get(table_id)
        if table is None or not table.rows:
            continue
        total = _sum(table, wholes)
        if agrees(_sum(table, parts), total):
            found.append(Identity(label, _spans(prefix, parts), _spans(prefix, wholes), total, unit))
    return found


def _sum(table: Table, names: tuple[str, ...]) -> float:
    values = [value for name in names for value in table.column(name)]
    return math.fsum(float(value) for value in values if isinstance(value, float | int))


def _spans(prefix: str, names: tuple[str, ...]) -> str:
    return "=" + "+".join(f"SUM({prefix}_{name})" for name in names)
