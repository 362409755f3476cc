"""Sheets of the companies: market cap, its change taken apart, returns against bitcoin, and the ranking."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from xlsxwriter.utility import xl_col_to_name

from hashdesk.note.model import Column, Company, Note, Scalar, Table
from hashdesk.note.xlsx_book import FIRST_DATA_ROW, Book, Row, TableSheet
from hashdesk.note.xlsx_derived import derived_formulas
from hashdesk.note.xlsx_tables import write_table

COMPANY_COLUMNS = (
    Column("ticker", "Ticker", "ticker"),
    Column("name", "Company", "text"),
    Column("is_tracked", "On the list now (1/0)", "count"),
    Column("was_tracked", "On the list before (1/0)", "count"),
    Column("close_usd", "Close", "USD/share"),
    Column("close_date", "Day of the close", "date"),
    Column("prior_close_usd", "Close before, in today's unit", "USD/share"),
    Column("shares_outstanding", "Shares outstanding, public that day", "shares"),
    Column("prior_shares_outstanding", "The same before, in today's unit", "shares"),
    Column("market_cap_usd", "Market cap", "USD"),
    Column("prior_market_cap_usd", "Market cap before", "USD"),
    Column("contribution_usd", "Change", "USD"),
    Column("price_effect_usd", "   from price", "USD"),
    Column("share_effect_usd", "   from share count", "USD"),
    Column("universe_effect_usd", "   from joining or leaving", "USD"),
    Column("contribution_frac", "Part of the total change", "fraction"),
    Column("return_frac", "Return", "fraction"),
    Column("excess_return_frac", "Return less bitcoin's", "fraction"),
    Column("shares_as_of", "Count true on", "date"),
    Column("shares_known_at", "Count public on", "date"),
    Column("shares_form", "Filing or source of the count", "text"),
    Column("shares_confidence", "Confidence", "text"),
    Column("is_shares_stale", "Stale", "text"),
    Column("sources", "Sources", "text"),
    Column("caveats", "Caveats", "text"),
)


def column_letter(name: str) -> str:
    """Letter of a column on the sheet of companies."""
    return str(xl_col_to_name([column.name for column in COMPANY_COLUMNS].index(name)))


@dataclass(frozen=True, slots=True)
class Holding:
    """What the sheet needs of one company beyond the note's own record."""

    company: Company
    is_tracked: bool
    was_tracked: bool
    prior_close_usd: float | None
    """In today's unit, so that splits do not look like returns."""
    prior_shares: float | None


def holdings(note: Note) -> list[Holding]:
    """Companies of the note with their prior price and count in today's unit, tracked ones first."""
    found = [_holding(company) for company in note.companies]
    return sorted(found, key=lambda holding: (not holding.is_tracked, -(holding.company.market_cap_usd or 0.0)))


def _holding(company: Company) -> Holding:
    cap, before, change = company.market_cap_usd, company.prior_market_cap_usd, company.contribution_usd
    has_left = cap is None and change is not None
    has_joined = bool(company.universe_effect_usd) and not has_left
    prior_close = company.prior_close_usd
    if prior_close and company.close_usd and company.return_frac is not None:
        adjusted = company.close_usd / (1 + company.return_frac)
        prior_close = prior_close if math.isclose(adjusted, prior_close, rel_tol=1e-9) else adjusted
    shares = before / prior_close if before is not None and prior_close else None
    return Holding(company, not has_left, not has_joined and before is not None, prior_close, shares)


def company_row(holding: Holding, total_change: float | None) -> tuple[Scalar, ...]:
    """Cells of a company; ``total_change`` is the change of all market caps, where it is known."""
    company = holding.company
    is_kept = holding.is_tracked and holding.was_tracked
    change = company.contribution_usd
    moved = None if change is None else (0.0 if is_kept else change)
    return (
        company.ticker,
        company.name,
        int(holding.is_tracked),
        int(holding.was_tracked),
        company.close_usd,
        company.close_date,
        holding.prior_close_usd,
        company.shares_outstanding,
        holding.prior_shares,
        company.market_cap_usd,
        company.prior_market_cap_usd,
        change,
        company.price_effect_usd if is_kept else (None if change is None else 0.0),
        company.share_effect_usd if is_kept else (None if change is None else 0.0),
        moved,
        None if change is None or not total_change else change / total_change,
        company.return_frac,
        company.excess_return_frac,
        company.shares_as_of,
        company.shares_known_at,
        company.shares_form,
        company.shares_confidence,
        "stale" if company.is_shares_stale else "",
        ", ".join(company.sources),
        " ".join(company.caveats),
    )


def write_companies(book: Book, found: Sequence[Holding]) -> TableSheet:
    """Write one row per company with a row of totals, and name its columns ``company_...``."""
    changes = [holding.company.contribution_usd for holding in found]
    known = [change for change in changes if change is not None]
    total = math.fsum(known) if len(known) == len(changes) else None
    table = Table(
        "companies",
        f"Companies: market cap and what moved it, {book.period.title}",
        COMPANY_COLUMNS,
        tuple(company_row(holding, total) for holding in found),
        caveats=(
            "Closes are as traded; closes and counts before are in today's unit. The effect of price is on the shares"
            " held before, that of the share count is at today's close.",
        ),
    )
    formulas = derived_formulas(table, book.note)
    formulas["contribution_frac"] = lambda row: f"={row.at('contribution_usd')}/SUM(company_contribution_usd)"
    place = write_table(book, table, "Companies", formulas=formulas, prefix="company")
    place.sheet.worksheet.freeze_panes(FIRST_DATA_ROW, 2)
    last = place.last_row + 1
    place.sheet.text(last, 0, "Total", bold=True, top=1)
    for name in ("market_cap_usd", "prior_market_cap_usd"):
        weight = "is_tracked" if name == "market_cap_usd" else "was_tracked"
        parts = [
            (holding.company.market_cap_usd if weight == "is_tracked" else holding.company.prior_market_cap_usd) or 0.0
            for holding in found
            if getattr(holding, weight)
        ]
        place.sheet.formula(
            last,
            place.columns[name],
            f"=SUMPRODUCT(company_{weight},company_{name})",
            math.fsum(parts),
            "USD",
            bold=True,
            top=1,
        )
    for name in ("contribution_usd", "price_effect_usd", "share_effect_usd", "universe_effect_usd"):
        cells = [cell for cell in table.column(name) if isinstance(cell, float)]
        place.sheet.formula(
            last, place.columns[name], f"=SUM(company_{name})", math.fsum(cells), "USD", bold=True, top=1
        )
    return place


def write_ranking(book: Book, found: Sequence[Holding], btc_return_frac: float | None) -> TableSheet | None:
    """Write the returns of the tracked companies and of bitcoin from best to worst, ranked by formula."""
    returns = [
        (holding.company.return_frac, holding.company.ticker)
        for holding in found
        if holding.is_tracked and holding.company.return_frac is not None
    ]
    n_tracked = sum(holding.is_tracked for holding in found)
    if not returns or btc_return_frac is None:
        return None
    ranked = sorted([*returns, (btc_return_frac, "BTC")], reverse=True)
    first, last = FIRST_DATA_ROW + 1, FIRST_DATA_ROW + n_tracked
    span = f"Companies!${column_letter('return_frac')}${first}:${column_letter('return_frac')}${last}"
    tickers = f"Companies!$A${first}:$A${last}"
    at_least = f'COUNTIF({span},">"&btc_return_frac)+1'

    def ranked_return(row: Row) -> str:
        rank = row.at("rank")
        return f"=IF({rank}={at_least},btc_return_frac,LARGE({span},{rank}-IF({rank}>{at_least},1,0)))"

    def ranked_ticker(row: Row) -> str:
        rank = row.at("rank")
        return f'=IF({rank}={at_least},"BTC",INDEX({tickers},MATCH({row.at("return_frac")},{span},0)))'

    table = Table(
        "ranking",
        f"Returns from best to worst, {book.period.title}",
        (
            Column("rank", "Rank", "count"),
            Column("ticker", "Ticker", "ticker"),
            Column("return_frac", "Return", "fraction"),
            Column("excess_return_frac", "Return less bitcoin's", "fraction"),
            Column("company_bar_frac", "Bar: company", "fraction"),
            Column("bitcoin_bar_frac", "Bar: bitcoin", "fraction"),
        ),
        tuple(
            (
                rank,
                ticker,
                value,
                value - btc_return_frac,
                0.0 if ticker == "BTC" else value,
                value if ticker == "BTC" else 0.0,
            )
            for rank, (value, ticker) in enumerate(ranked, start=1)
        ),
        caveats=("The last two columns only feed the chart: one of the two is the bar, the other draws nothing.",),
    )
    return write_table(
        book,
        table,
        "Ranking",
        formulas={
            "ticker": ranked_ticker,
            "return_frac": ranked_return,
            "excess_return_frac": lambda row: f"={row.at('return_frac')}-btc_return_frac",
            "company_bar_frac": lambda row: f'=IF({row.at("ticker")}="BTC",0,{row.at("return_frac")})',
            "bitcoin_bar_frac": lambda row: f'=IF({row.at("ticker")}="BTC",{row.at("return_frac")},0)',
        },
    )
