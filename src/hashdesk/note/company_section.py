"""Valuation and profitability apart: the section of the theme, and the tables that charts and sheets are drawn from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import polars as pl

from hashdesk.calendar import Period, months_between
from hashdesk.metrics.companies import ROW_SCHEMA, Companies
from hashdesk.metrics.decomposition import GROUP_SCHEMA, LEAST_COVERAGE
from hashdesk.metrics.disclosure import forecast_rows, score_rows
from hashdesk.note.format import format_month, format_value
from hashdesk.note.model import Section, Table
from hashdesk.note.tables import from_frame

SECTION_ID = "valuation-apart"
LEAST_HISTORY = 6
"""Months below which a rank among them says nothing [months]."""
TREND_MONTHS = 13
"""A year of months and the one before it, on the company pages and in the sheets."""

OPERATIONS_COLUMNS = (
    ("period_start", "Month", "month"),
    ("ticker", "Company", "ticker"),
    ("production_btc", "Bitcoin mined", "BTC"),
    ("energized_hashrate_ehs", "Energised hashrate, month end", "EH/s"),
    ("energized_as_of", "As of", "date"),
    ("operating_hashrate_ehs", "Average operating hashrate", "EH/s"),
    ("operating_as_of", "As of", "date"),
    ("realized_hashrate_ehs", "Realised hashrate", "EH/s"),
    ("realized_as_of", "As of", "date"),
    ("realization_frac", "Realised over energised", "fraction"),
    ("network_share_frac", "Network share by energised hashrate", "fraction"),
    ("production_share_frac", "Network share by coins mined", "fraction"),
    ("efficiency_j_per_th", "Efficiency", "J/TH"),
    ("power_price_usd_per_mwh", "Power price", "USD/MWh"),
    ("energy_cost_usd_per_btc", "Energy cost of one bitcoin", "USD/BTC"),
    ("holdings_btc", "Bitcoin held", "BTC"),
    ("holdings_as_of", "As of", "date"),
    ("sold_btc", "Bitcoin sold", "BTC"),
    ("net_outflow_btc", "Mined less change of holdings", "BTC"),
)
VALUE_COLUMNS = (
    ("period_start", "Month", "month"),
    ("ticker", "Company", "ticker"),
    ("close_usd", "Close", "USD"),
    ("shares_outstanding", "Shares outstanding", "shares"),
    ("market_cap_usd", "Market cap", "USD"),
    ("net_debt_usd", "Net debt", "USD"),
    ("enterprise_value_usd", "Enterprise value", "USD"),
    ("ev_usd_per_energized_ehs", "EV per EH/s energised", "USD/EH/s"),
    ("ev_usd_per_operating_ehs", "EV per EH/s operating", "USD/EH/s"),
    ("ev_usd_per_realized_ehs", "EV per EH/s realised", "USD/EH/s"),
    ("ev_usd_per_mw", "EV per MW in use", "USD/MW"),
    ("mnav_x", "mNAV basic", "x"),
    ("mnav_diluted_x", "mNAV diluted", "x"),
    ("cap_to_own_opportunity_x", "Market cap over own share of four-year opportunity", "x"),
    ("mining_value_usd", "Mining, four-year gross profit", "USD"),
    ("bitcoin_value_usd", "Bitcoin held", "USD"),
    ("hpc_value_usd", "AI/HPC leases, less capital to be spent", "USD"),
    ("expectations_usd", "Expectations", "USD"),
    ("expectations_frac", "Expectations over market cap", "fraction"),
    ("balance_sheet_as_of", "Oldest input of net debt", "date"),
)
PARTS_COLUMNS = (
    ("period_start", "Month", "month"),
    ("n_companies", "Companies", "count"),
    ("market_cap_usd", "Market cap", "USD"),
    ("mining_value_usd", "Mining, four-year gross profit", "USD"),
    ("mining_value_low_usd", "Mining, after the halving at today's network", "USD"),
    ("bitcoin_value_usd", "Bitcoin held", "USD"),
    ("hpc_value_usd", "AI/HPC leases, less capital to be spent", "USD"),
    ("net_debt_usd", "Net debt", "USD"),
    ("expectations_usd", "Expectations", "USD"),
    ("not_disclosed_usd", "Companies that disclose too little", "USD"),
    ("mining_coverage_frac", "Market cap with a known hashrate", "fraction"),
    ("bitcoin_coverage_frac", "Market cap with known coins and hashrate", "fraction"),
    ("net_debt_coverage_frac", "Market cap with a known net debt", "fraction"),
    ("divergence_frac", "Not covered by mining, bitcoin and leases", "fraction"),
    ("divergence_frac_low", "The same, if undisclosed coins were as many as disclosed ones", "fraction"),
    ("expectations_frac", "The same after net debt", "fraction"),
    ("divergence_percentile_frac", "Percentile of its history", "fraction"),
    ("n_months_of_history", "Months of that history", "months"),
)
DILUTION_COLUMNS = (
    ("month", "Month", "month"),
    ("ticker", "Company", "ticker"),
    ("shares_end", "Shares at the end", "shares"),
    ("new_shares", "New shares", "shares"),
    ("change_frac", "Change", "fraction"),
    ("change_12m_frac", "Change over 12 months", "fraction"),
    ("proceeds_estimate_usd", "New shares at mean close", "USD"),
    ("is_open", "No later count yet", "flag"),
    ("had_unit_change", "Unit of the share changed", "flag"),
)
FORECAST_COLUMNS = (
    ("month", "Month", "month"),
    ("ticker", "Company", "ticker"),
    ("expected_btc", "Expected", "BTC"),
    ("low_btc", "Low, 95%", "BTC"),
    ("high_btc", "High, 95%", "BTC"),
    ("reported_btc", "Reported", "BTC"),
    ("error_frac", "Reported over expected", "fraction"),
    ("is_inside", "Inside the interval", "flag"),
    ("naive_btc", "Last report carried on", "BTC"),
    ("last_report_as_of", "Last report then", "date"),
)
SCORE_COLUMNS = (
    ("ticker", "Company", "ticker"),
    ("n", "Reports", "count"),
    ("mae_frac", "Mean absolute error", "fraction"),
    ("naive_mae_frac", "Last report carried on", "fraction"),
    ("n_with_interval", "With an interval", "count"),
    ("coverage_frac", "Inside the 95% interval", "fraction"),
    ("bias_frac", "Mean error", "fraction"),
)
EV_COLUMNS = (
    ("ticker", "Company", "ticker"),
    ("market_cap_usd", "Market cap", "USD"),
    ("net_debt_usd", "Net debt", "USD"),
    ("enterprise_value_usd", "EV", "USD"),
    ("ev_usd_per_energized_ehs", "EV per EH/s energised", "USD/EH/s"),
    ("ev_usd_per_realized_ehs", "EV per EH/s realised", "USD/EH/s"),
    ("mnav_diluted_x", "mNAV diluted", "x"),
    ("hpc_value_usd", "AI/HPC leases", "USD"),
    ("expectations_frac", "Expectations", "fraction"),
)


def company_tables(companies: Companies, period: Period) -> dict[str, Table]:
    """Tables of the companies by id, raw units: one row per month and company over the last year.

    Parameters
    ----------
    companies : Companies
        Over the sector of the note.
    period : Period
        The note's month.

    Returns
    -------
    dict of str to Table
        ``company_operations``, ``company_value``, ``market_cap_parts``, ``dilution``, ``disclosure_forecast`` and
        ``disclosure_score``.
    """
    months = trend_months(period)
    tickers = companies.tracked(period)
    rows = (
        pl.concat([companies.rows(month, tickers) for month in months]) if tickers else pl.DataFrame(schema=ROW_SCHEMA)
    )
    new = [
        {"ticker": ticker, **{name: getattr(item, name) for name, _, _ in DILUTION_COLUMNS if name != "ticker"}}
        for ticker in tickers
        for item in companies.dilution(ticker, period)
    ]
    kinds = {"month": pl.Date, "ticker": pl.String, "is_open": pl.Boolean, "had_unit_change": pl.Boolean}
    dilution = pl.DataFrame(new, schema={name: kinds.get(name, pl.Float64) for name, _, _ in DILUTION_COLUMNS})
    made = [forecast for forecast in companies.forecasts if forecast.ticker in tickers]
    sources = page_sources(companies, period, tickers)
    lag = "Figures of a month are those reported for it; an older one counts for up to six months and is then missing."
    known = (
        "From facts that were public on the last day of the month, so a hashrate is mostly that of the month before."
    )
    unit = "Counts on both sides of a split or a new ADS ratio are put into one unit first."
    return {
        "company_operations": from_frame(
            "company_operations", "Companies: operations", rows, OPERATIONS_COLUMNS, sources=sources, caveats=[lag]
        ),
        "company_value": from_frame(
            "company_value", "Companies: value", rows, VALUE_COLUMNS, sources=sources, caveats=[known]
        ),
        "market_cap_parts": from_frame(
            "market_cap_parts",
            "Market cap taken apart",
            companies.group,
            PARTS_COLUMNS,
            sources=sources,
            caveats=[known],
        ),
        "dilution": from_frame("dilution", "New shares", dilution, DILUTION_COLUMNS, sources=sources, caveats=[unit]),
        "disclosure_forecast": from_frame(
            "disclosure_forecast", "Forecasts of monthly output", forecast_rows(made), FORECAST_COLUMNS, sources=sources
        ),
        "disclosure_score": from_frame(
            "disclosure_score", "How those forecasts did", score_rows(made), SCORE_COLUMNS, sources=sources
        ),
    }


def divergence_section(companies: Companies, period: Period) -> Section:
    """The theme: what the market caps pay for, the divergence number with its history, and enterprise values."""
    group = companies.group
    row: dict[str, Any] = (
        group.filter(pl.col("period_start") == period.start).row(0, named=True)
        if len(group.filter(pl.col("period_start") == period.start))
        else dict.fromkeys(GROUP_SCHEMA)
    )
    frame = companies.rows(period).sort("market_cap_usd", descending=True, nulls_last=True)
    sources = page_sources(companies, period, companies.tracked(period))
    table = from_frame(
        "ev_table",
        "From market cap to enterprise value",
        frame,
        EV_COLUMNS,
        sources=sources,
        caveats=[
            "From facts public on the last day of the month; n/a where an input is unknown or older than six months."
        ],
    )
    missing = []
    if row["market_cap_usd"] is None:
        missing.append("No market caps in the store for this month: nothing is taken apart.")
    else:
        missing += _gaps(frame, row)
    return Section(
        SECTION_ID,
        "Valuation and profitability apart",
        tuple(_paragraphs(group, row, period, companies)),
        (table,),
        missing=tuple(missing),
    )


def trend_months(period: Period) -> list[Period]:
    """The last ``TREND_MONTHS`` months up to a period."""
    first = dt.date(period.start.year - 1, period.start.month, 1)
    return [*months_between(first, period.start)[-TREND_MONTHS:-1], period]


def page_sources(companies: Companies, period: Period, tickers: Sequence[str]) -> list[str]:
    """Sources of every figure of the companies in a month."""
    found: dict[str, None] = {}
    for ticker in tickers:
        valued = companies.valued(ticker, period)
        for fact in (*companies.operations(ticker, period).values(), *valued.facts.values()):
            found.update(dict.fromkeys(fact.sources))
        found.update({line.source: None for line in valued.bridge.lines if line.source})
    return list(found)


def _paragraphs(group: pl.DataFrame, row: dict[str, Any], period: Period, companies: Companies) -> list[str]:
    if row["market_cap_usd"] is None:
        return []
    parts = [
        f"{format_value(row[name], 'USD')} for {words}"
        for name, words in (
            ("mining_value_usd", "four years of mining at today's margin and share of the network"),
            ("bitcoin_value_usd", "the bitcoin held"),
            ("hpc_value_usd", "signed AI/HPC leases less the capital still to be spent on them"),
        )
        if row[name]
    ]
    texts = []
    if parts:
        debt = "; net debt is not known for any of them"
        if row["net_debt_usd"] is not None:
            amount, is_cash = format_value(abs(row["net_debt_usd"]), "USD"), row["net_debt_usd"] < 0
            debt = (
                f", {'plus' if is_cash else 'less'} {amount} of net {'cash' if is_cash else 'debt'} where it is known"
            )
        cap, rest = format_value(row["market_cap_usd"], "USD"), format_value(row["expectations_usd"], "USD")
        silent, low = (format_value(row[name], "USD") for name in ("not_disclosed_usd", "mining_value_low_usd"))
        too_little = f"; {silent} belongs to companies that disclose too little to be taken apart"
        remains = f"{rest}{too_little if row['not_disclosed_usd'] else ''}"
        texts.append(
            f"Of a market cap of {cap} at the end of {period.title}, what can be valued is {', '.join(parts)}{debt}. "
            f"What remains, the expectations, is {remains}. If the network did not react "
            f"to the next halving, mining would be worth {low}."
        )
    value = row["divergence_frac"]
    if value is None:
        texts.append(
            "There is no divergence number for this month: companies worth less than "
            f"{format_value(LEAST_COVERAGE, 'fraction')} of the group disclose a hashrate younger than six months."
        )
    else:
        texts.append(_history(group.filter(pl.col("divergence_frac").is_not_null()), row, period))
    tracked = companies.tracked(period)
    made = [forecast for forecast in companies.forecasts if forecast.ticker in tracked]
    total = next(iter(score_rows(made).rows(named=True)), None)
    if total is not None and total["n_with_interval"]:
        names = ("mae_frac", "naive_mae_frac", "coverage_frac")
        error, naive, inside = (format_value(total[name], "fraction") for name in names)
        texts.append(
            f"Monthly output forecast at the month's end, before the companies report it, missed by {error} on average "
            f"over {total['n']} reports; the last report carried on missed by {naive}. {inside} of "
            f"{total['n_with_interval']} reports fell into the 95% interval."
        )
    return texts


def _history(group: pl.DataFrame, row: dict[str, Any], period: Period) -> str:
    """The divergence number among the months that have one."""
    known = group.filter(pl.col("period_start") <= period.start)
    value = row["divergence_frac"]
    rank = int((known["divergence_frac"] >= value).sum())
    percentile = format_value(row["divergence_percentile_frac"], "fraction")
    text = (
        "The divergence number, the share of the market cap that mining, bitcoin and leases do not cover (before net "
        f"debt), is {format_value(value, 'fraction')}{_if_coins(row)}"
    )
    if known.height < LEAST_HISTORY:
        return f"{text}. With {known.height} of the months so far disclosed enough it has no history to be ranked in."
    text += (
        f": {_ordinal(rank, known.height)} of {known.height} months with enough disclosure, percentile {percentile}."
    )
    by_size = known.sort("divergence_frac")
    others = (
        ("The one before:", known.row(-2, named=True)),
        ("The lowest:", by_size.row(0, named=True)),
        ("The highest:", by_size.row(-1, named=True)),
    )
    text += "".join(
        f" {words} {format_value(month['divergence_frac'], 'fraction')}{_range_of(month)} in "
        f"{format_month(month['period_start'])}."
        for words, month in others
        if month["period_start"] != period.start
    )
    return text


def _if_coins(row: dict[str, Any]) -> str:
    """The lower end of the number, in words, where some companies do not disclose their coins."""
    low = row["divergence_frac_low"]
    if low is None or row["divergence_frac"] - low < 0.0005:
        return ""
    return (
        f" ({format_value(low, 'fraction')} if companies that do not disclose their coins held as many, for their "
        "market cap, as the others)"
    )


def _range_of(row: dict[str, Any]) -> str:
    low = row["divergence_frac_low"]
    return "" if low is None else f" ({format_value(low, 'fraction')})"


def _gaps(frame: pl.DataFrame, row: dict[str, Any]) -> list[str]:
    """What the section cannot say, by company."""
    gaps = []
    for name, words in (
        ("mining_value_usd", "No hashrate younger than six months, so not taken apart"),
        ("bitcoin_value_usd", "Coins held not known, so they stand in expectations"),
        ("net_debt_usd", "Net debt not known, so no enterprise value"),
    ):
        names = frame.filter(pl.col(name).is_null())["ticker"].sort().to_list()
        if names:
            gaps.append(f"{words}: {', '.join(names)}.")
    if row["n_companies"] is not None and row["n_companies"] < frame.height:
        gaps.append("Some companies have no close or no share count, and are left out of the sums.")
    return gaps


def _ordinal(rank: int, n: int) -> str:
    """``the highest``, ``the second highest`` and so on down to ``the lowest``."""
    if rank == n > 1:
        return "the lowest"
    words = ("", "second ", "third ", "fourth ", "fifth ", "sixth ", "seventh ", "eighth ", "ninth ", "tenth ")
    return f"the {words[rank - 1]}highest" if rank <= len(words) else f"number {rank} from the top"
