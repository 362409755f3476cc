"""A page of the appendix for each company: operations, value, new shares, forecasts, each with age and source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from hashdesk.calendar import Period
from hashdesk.metrics.companies import Companies, CompanyMonth
from hashdesk.metrics.company_facts import Fact
from hashdesk.note.company_section import divergence_section
from hashdesk.note.format import format_bounds, format_month, format_value
from hashdesk.note.model import Column, Section, Table

N_MONTHS = 3
"""Months of new shares and forecasts on a printed page."""

FACT_COLUMNS = (
    Column("label", "Figure", "text"),
    Column("value", "Value", "number"),
    Column("unit", "Unit", "text"),
    Column("as_of", "As of (age)", "text"),
    Column("source", "Source", "text"),
    Column("remark", "Remark", "text"),
)

OPERATIONS_SHOWN = (
    "production_btc",
    "energized_hashrate_ehs",
    "operating_hashrate_ehs",
    "realized_hashrate_ehs",
    "realization_frac",
    "network_share_frac",
    "production_share_frac",
    "efficiency_j_per_th",
    "power_price_usd_per_mwh",
    "energy_cost_usd_per_btc",
    "power_energized_mw",
    "hpc_it_contracted_mw",
    "holdings_btc",
    "net_outflow_btc",
)
VALUE_SHOWN = (
    "shares_outstanding",
    "market_cap_usd",
    "net_debt_usd",
    "enterprise_value_usd",
    "ev_usd_per_energized_ehs",
    "ev_usd_per_realized_ehs",
    "mnav_diluted_x",
    "cap_to_own_opportunity_x",
    "mining_value_usd",
    "bitcoin_value_usd",
    "hpc_value_usd",
    "expectations_frac",
)
"""What a printed page has room for; the command line and the JSON have every figure."""


def company_sections(companies: Companies, period: Period) -> list[Section]:
    """The theme of the divergence, then an appendix page for each tracked company.

    Parameters
    ----------
    companies : Companies
        Over the sector of the note.
    period : Period
        The note's month.

    Returns
    -------
    list of Section
        One theme and one appendix section per company, by ticker.
    """
    pages = [company_page(companies.page(ticker, period)) for ticker in companies.tracked(period)]
    return [divergence_section(companies, period), *pages]


def company_page(page: CompanyMonth) -> Section:
    """One company's page."""
    facts = page.facts
    shown = [facts[name] for name in (*OPERATIONS_SHOWN, *VALUE_SHOWN)]
    tables = [_fact_table(page, shown)]
    tables += [table for table in (_ladder(page), _months(page)) if table.rows]
    return Section(
        section_id(page.ticker),
        f"{page.name} ({page.symbol})",
        tuple(_paragraphs(page)),
        tuple(tables),
        kind="appendix",
        missing=(*page.bridge.missing, *_no_ladder(page)),
    )


def section_id(ticker: str) -> str:
    """Anchor of a company's page."""
    return f"company-{ticker.lower()}"


def _paragraphs(page: CompanyMonth) -> list[str]:
    texts = [" ".join(page.status)] if page.status else []
    parts = page.parts
    if parts is not None:
        known = [
            f"{words} {format_value(value, 'USD')}"
            for words, value in (
                ("four years of mining", parts.mining_value_usd),
                ("bitcoin held", parts.bitcoin_value_usd),
                ("signed AI/HPC leases", parts.hpc_value_usd),
                ("net debt", parts.net_debt_usd),
            )
            if value is not None
        ]
        made_of = f": {', '.join(known)}" if known else ""
        texts.append(
            f"Market cap {format_value(parts.market_cap_usd, 'USD')}{made_of}; what remains, with whatever is not "
            f"disclosed, is {format_value(parts.expectations_usd, 'USD')}."
        )
    forecast, score = page.forecast, page.score
    if forecast is not None:
        span = (
            f" (95%: {format_value(forecast.low_btc, 'BTC')} to {format_value(forecast.high_btc, 'BTC')})"
            if forecast.low_btc is not None
            else ""
        )
        answer = (
            f"reported were {format_value(forecast.reported_btc, 'BTC')}"
            if forecast.reported_btc is not None
            else "no report of the month is in the store"
        )
        record = (
            f" Over {score.n} reports such forecasts missed by {format_value(score.mae_frac, 'fraction')} on average, "
            f"the last report carried on by {format_value(score.naive_mae_frac, 'fraction')}."
            if score is not None and score.n > 1
            else ""
        )
        texts.append(
            f"Output expected for {format_month(page.period.start)} at its end: "
            f"{format_value(forecast.expected_btc, 'BTC')}{span}; {answer}.{record}"
        )
    bought = page.bought
    if bought is not None and bought.new_shares_frac is not None:
        beside = [
            f"{words} {format_value(value, unit, signed=True)}"
            for words, value, unit in (
                ("bitcoin held", bought.holdings_change_btc, "BTC"),
                ("energised hashrate", bought.energized_change_ehs, "EH/s"),
                ("debt of the balance sheet", bought.debt_change_usd, "USD"),
            )
            if value is not None
        ]
        worth = (
            f" (at the mean closes {format_value(bought.proceeds_estimate_usd, 'USD', signed=True)})"
            if bought.proceeds_estimate_usd is not None
            else ""
        )
        texts.append(
            f"Shares over twelve months: {format_value(bought.new_shares_frac, 'fraction', signed=True)}{worth}"
            + (f", set beside {', '.join(beside)}, none of it shown to be paid by them" if beside else "")
            + "."
        )
    return texts


def _fact_table(page: CompanyMonth, facts: Sequence[Fact]) -> Table:
    rows = tuple(
        (
            fact.label,
            fact.value,
            fact.unit,
            _aged(fact.as_of, fact.age_days),
            _short(fact.sources),
            "; ".join(text for text in (_range(fact), fact.missing, fact.note) if text),
        )
        for fact in facts
    )
    sources = tuple(dict.fromkeys(source for fact in facts for source in fact.sources))
    return Table(
        f"{section_id(page.ticker)}-facts", "Operations, and value at the month's end", FACT_COLUMNS, rows, sources
    )


def _ladder(page: CompanyMonth) -> Table:
    columns = (
        Column("label", "Hashcost", "text"),
        Column("usd_per_phs_day", "Per PH/s and day", "USD/PH/s/day"),
        Column("usd_per_btc", "Per bitcoin", "USD/BTC"),
        Column("as_of", "As of (age)", "text"),
        Column("source", "Source", "text"),
        Column("remark", "Remark", "text"),
    )
    known = [rung for rung in page.hashcost if rung.usd_per_phs_day is not None]
    lacking = [rung.label.removeprefix("+ ").lower() for rung in page.hashcost if rung.usd_per_phs_day is None]
    rows = tuple(
        (r.label, r.usd_per_phs_day, r.usd_per_btc, _aged(r.as_of, r.age_days), r.source, f"{r.wording} ({r.basis})")
        for r in known
    )
    note = (f"Not disclosed lately: {', '.join(lacking)}.",) if lacking else ()
    sources = tuple(dict.fromkeys(rung.source for rung in known if rung.source))
    return Table(f"{section_id(page.ticker)}-hashcost", "Hashcost ladder", columns, rows, sources, note)


def _no_ladder(page: CompanyMonth) -> tuple[str, ...]:
    """What to say where no rung of the hashcost ladder is known."""
    is_known = any(rung.usd_per_phs_day is not None for rung in page.hashcost)
    return () if is_known else ("hashcost ladder: no cost disclosed in the last six months",)


def _months(page: CompanyMonth) -> Table:
    """New shares and forecasts of the last months, side by side."""
    columns = (
        Column("month", "Month", "month"),
        Column("shares_end", "Shares", "shares"),
        Column("new_shares", "New", "shares"),
        Column("change_12m_frac", "12 months", "fraction"),
        Column("proceeds_estimate_usd", "New at mean close", "USD"),
        Column("expected_btc", "Output expected", "BTC"),
        Column("interval", "95% interval", "text"),
        Column("reported_btc", "Reported", "BTC"),
    )
    shares = {item.month: item for item in page.dilution[-N_MONTHS:]}
    made = {item.month: item for item in page.forecasts[-N_MONTHS:]}
    rows = []
    for month in sorted({*shares, *made})[-N_MONTHS:]:
        new, forecast = shares.get(month), made.get(month)
        rows.append(
            (
                month,
                new.shares_end if new else None,
                new.new_shares if new else None,
                new.change_12m_frac if new else None,
                new.proceeds_estimate_usd if new else None,
                forecast.expected_btc if forecast else None,
                format_bounds(forecast.low_btc, forecast.high_btc, "BTC") if forecast else None,
                forecast.reported_btc if forecast else None,
            )
        )
    notes = ["New shares at the mean close are an estimate: those paid for a purchase or a conversion bring no cash."]
    if any(item.is_open for item in shares.values()):
        notes.append("After the last public count new shares are not known and read as none.")
    if any(item.had_unit_change for item in shares.values()):
        notes.append("The unit of the share changed; that is not dilution.")
    sources = tuple(dict.fromkeys(source for item in shares.values() for source in item.sources))
    return Table(
        f"{section_id(page.ticker)}-months", "New shares and output", columns, tuple(rows), sources, tuple(notes)
    )


def _range(fact: Fact) -> str:
    if fact.low is None or fact.high is None:
        return ""
    return f"{format_value(fact.low, fact.unit)} to {format_value(fact.high, fact.unit)}"


def _aged(as_of: dt.date | None, age_days: int | None) -> str:
    """Day of an input and its age at the month's end, in one narrow column; empty where there is none."""
    return "" if as_of is None else f"{as_of}\u00a0({age_days}\u00a0d)"


def _short(sources: Sequence[str]) -> str:
    """First source and how many more, for a narrow column; the table lists them all."""
    if len(sources) < 2:
        return "".join(sources)
    return f"{sources[0]} +{len(sources) - 1}"
