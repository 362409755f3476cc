"""The theme of the AI/HPC pivot: contracts on record, what they are worth against mining, load and money."""

from __future__ import annotations

import polars as pl

from hashdesk.metrics.hpc_pivot import Hpc
from hashdesk.note.format import format_bounds, format_date, format_value
from hashdesk.note.model import Section, Table
from hashdesk.note.tables import from_frame

SECTION = "pivot"

_REGISTRY = (
    ("ticker", "Share", "ticker"),
    ("counterparty", "Tenant", "text"),
    ("announced_on", "Announced", "date"),
    ("owned_mw", "Own load", "MW"),
    ("revenue_usd_m_per_mw_year", "Revenue", "USDm/MW-year"),
    ("noi_usd_m_per_mw_year", "Operating income", "USDm/MW-year"),
    ("backstop_cover_frac", "Backed", "fraction"),
    ("exchange_rate_x", "Lease over mining", "x"),
    ("flip_hashprice_usd_per_phs_day", "Flip", "USD/PH/s/day"),
)
_REGISTRY_MORE = (
    ("status", "Status", "text"),
    ("replaced_by", "Restated by", "text"),
    ("is_cloud", "GPU cloud", "flag"),
    ("owned_value_usd", "Own part of contract value", "USD"),
    ("term_years", "Term", "years"),
    ("mw_basis", "Load counted as", "text"),
    ("noi_basis", "Operating income is", "text"),
    ("capex_usd_per_mw", "Capital cost", "USD/MW"),
    ("capex_basis", "Capital cost is", "text"),
    ("rent_from", "Rent from", "date"),
    ("rent_basis", "Date is", "text"),
    ("lease_value_usd_m_per_mw", "Lease, net value at the decision", "USDm/MW"),
    ("mining_value_usd_m_per_mw", "Mining with its option", "USDm/MW"),
    ("mining_option_usd_m_per_mw", "Option to switch off", "USDm/MW"),
    ("warrant_usd_m_per_mw", "Warrants given", "USDm/MW"),
    ("flip_low", "Flip, lowest of one changed belief", "USD/PH/s/day"),
    ("flip_high", "Flip, highest of one changed belief", "USD/PH/s/day"),
    ("n_never", "Changed beliefs under which the lease never pays", "count"),
    ("missing", "What is missing", "text"),
)
_COMPANY = (
    ("ticker", "Share", "ticker"),
    ("leased_mw", "Leased", "MW"),
    ("delivered_mw", "Reported running", "MW"),
    ("cloud_mw", "GPU cloud", "MW"),
    ("backlog_usd", "Lease backlog", "USD"),
    ("noi_pv_usd", "Income, present value", "USD"),
    ("capex_left_usd", "Still to spend", "USD"),
    ("net_value_usd", "Net value", "USD"),
    ("funding_gap_usd", "Not funded yet", "USD"),
)
_COMPANY_MORE = (
    ("net_value_usd_low", "Net value, low", "USD"),
    ("net_value_usd_high", "Net value, high", "USD"),
    ("residual_pv_usd", "Buildings after the leases", "USD"),
    ("stated_contracted_mw", "Contracted as the company counts", "MW"),
    ("stated_as_of", "As of", "date"),
    ("due_mw", "Due by plan", "MW"),
    ("delivered_as_of", "Running as of", "date"),
    ("next_delivery", "Next delivery by", "date"),
    ("cash_usd", "Cash", "USD"),
    ("cash_as_of", "Cash as of", "date"),
    ("raised_since_usd", "Debt raised since", "USD"),
    ("n_leases", "Leases", "count"),
    ("n_valued", "Leases valued", "count"),
    ("unvalued", "Leases left out", "text"),
)


def pivot_tables(result: Hpc) -> dict[str, Table]:
    """Tables of the theme with every column, for the JSON, the workbook and the charts."""
    contracts, companies = _contracts(result), _companies(result)
    sources = contracts["source"].to_list()
    registry = from_frame(
        "hpc_registry",
        f"AI/HPC contracts and sites on record on {format_date(result.as_of)}",
        contracts,
        [*_REGISTRY, *_REGISTRY_MORE],
        sources=sources,
        caveats=_caveats(result),
    )
    totals = from_frame(
        "hpc_companies",
        "Leases by company",
        companies,
        [*_COMPANY, *_COMPANY_MORE],
        sources=sources,
    )
    backlog = from_frame(
        "hpc_backlog",
        "Backlog by company and month, as known then",
        result.backlog,
        [
            ("month", "Month", "month"),
            ("ticker", "Share", "ticker"),
            ("leased_mw", "Leased", "MW"),
            ("backlog_usd", "Lease backlog", "USD"),
            ("cloud_value_usd", "GPU cloud contracts, total value", "USD"),
            ("n_unstated", "Leases whose value nobody stated", "count"),
        ],
        sources=sources,
    )
    sensitivity = from_frame(
        "hpc_sensitivity",
        "Lease against mining with one belief changed",
        result.sensitivity,
        [
            ("ticker", "Share", "ticker"),
            ("counterparty", "Tenant", "text"),
            ("announced_on", "Announced", "date"),
            ("changed", "Changed belief", "text"),
            ("end", "End of its range", "text"),
            ("exchange_rate_x", "Lease over mining", "x"),
            ("flip_hashprice_usd_per_phs_day", "Flip", "USD/PH/s/day"),
        ],
        sources=sources,
    )
    return {table.id: table for table in (registry, totals, backlog, sensitivity)}


def _contracts(result: Hpc) -> pl.DataFrame:
    """The registry with each lease's exchange and the range of its flip, newest first."""
    keys = ["ticker", "counterparty", "announced_on"]
    flip = pl.col("flip_hashprice_usd_per_phs_day")
    span = result.sensitivity.group_by(keys).agg(
        flip_low=flip.min(), flip_high=flip.max(), n_never=flip.is_null().sum().cast(pl.Int64)
    )
    exchange = result.exchange.drop("site_mw", "is_site_mw_estimated")
    joined = result.registry.join(exchange, on=keys, how="left").join(span, on=keys, how="left")
    return joined.sort("announced_on", "ticker", descending=[True, False])


def _companies(result: Hpc) -> pl.DataFrame:
    values = result.values.rename({"missing": "unvalued"}).drop("leased_mw")
    funding = result.funding.drop("missing", "capex_left_usd")
    joined = result.progress.join(values, on="ticker", how="left").join(funding, on="ticker", how="left")
    # A company with clouds only has no lease: its sums are no measured zeros.
    is_cloud_only = pl.col("n_leases") == 0
    return joined.with_columns(
        pl.when(~is_cloud_only).then(pl.col(name)).alias(name)
        for name in ("leased_mw", "backlog_usd", "noi_pv_usd", "capex_left_usd", "net_value_usd")
    ).sort("backlog_usd", descending=True, nulls_last=True)


def pivot_sections(result: Hpc) -> list[Section]:
    """The theme as a section: contracts in force, the lease against mining, load and money by company."""
    contracts = _contracts(result).filter(pl.col("status") == "active")
    leases = contracts.filter(~pl.col("is_cloud"))
    if contracts.is_empty():
        missing = f"No AI/HPC contract was on record by {format_date(result.as_of)}."
        return [Section(SECTION, "The AI/HPC pivot, priced", missing=(missing,))]
    tables = [
        from_frame(
            "pivot-contracts", "Contracts in force, newest first", contracts, _REGISTRY, caveats=_caveats(result)
        ),
        from_frame("pivot-companies", "Leases by company", _companies(result), _COMPANY),
    ]
    texts = (_exchange_text(result, leases), _price_text(leases), _load_text(result), _cloud_text(result, contracts))
    return [
        Section(
            SECTION,
            "The AI/HPC pivot, priced",
            paragraphs=tuple(text for text in texts if text),
            tables=tuple(tables),
            missing=_missing(result),
        )
    ]


def _name(row: dict[str, object]) -> str:
    return f"{row['ticker']} with {row['counterparty']} of {format_date(row['announced_on'])}"  # type: ignore[arg-type]


def _exchange_text(result: Hpc, leases: pl.DataFrame) -> str:
    known = leases.filter(pl.col("exchange_rate_x").is_not_null()).sort("exchange_rate_x", descending=True)
    if known.is_empty():
        return ""
    ahead, paying = known.filter(pl.col("exchange_rate_x") > 1), known.filter(pl.col("exchange_rate_x") > 0)
    unit = "USD/PH/s/day"
    today = format_value(result.hashprice_usd_per_phs_day, unit)
    best = known.row(0, named=True)
    text = (
        f"At the hashprice of {result.hashprice_month} ({today} a day per PH/s), {ahead.height} of {known.height} "
        f"leases {'is' if ahead.height == 1 else 'are'} worth more per MW of grid power than mining on it with the "
        "option to switch off, and "
        f"{_losing(known.height - paying.height)} within term and building life. Highest: "
        f"{_name(best)}, {format_value(best['exchange_rate_x'], 'x')} of mining"
    )
    flip = best["flip_hashprice_usd_per_phs_day"]
    if flip is not None:
        spread = ""
        if best["flip_low"] is not None and best["flip_high"] is not None:
            spread = f" ({format_bounds(best['flip_low'], best['flip_high'], unit)} with one belief changed at a time)"
        text += f"; mining is ahead from {format_value(flip, unit)}{spread}"
    return f"{text}. A lease can pay and still lose to mining: both count."


def _losing(n: int) -> str:
    if not n:
        return "none of them costs more than it brings"
    return f"{n} of them {'costs more than it brings' if n == 1 else 'cost more than they bring'}"


def _price_text(leases: pl.DataFrame) -> str:
    known = leases.filter(pl.col("revenue_usd_m_per_mw_year").is_not_null())
    if known.is_empty():
        return ""
    revenue = known["revenue_usd_m_per_mw_year"]
    unit = "USDm/MW-year"
    if known.height == 1:
        return f"The one lease whose value is stated pays {format_value(revenue[0], unit)} a year per MW."
    return (
        f"Leases pay {format_bounds(float(revenue.min()), float(revenue.max()), unit)} a year per MW of "  # type: ignore[arg-type]
        f"critical load, {format_value(float(revenue.median()), unit)} in the middle; where only the grid load is "  # type: ignore[arg-type]
        "stated, per MW of that."
    )


def _load_text(result: Hpc) -> str:
    leased = float(result.progress["leased_mw"].sum())
    running = result.progress.filter(pl.col("delivered_mw").is_not_null())
    if not leased:
        return ""
    n = result.progress.filter(pl.col("leased_mw") > 0).height
    text = f"{format_value(leased, 'MW')} are leased by {n} {'company' if n == 1 else 'companies'} on record"
    if running.is_empty():
        return f"{text}; no report of load that runs is on record."
    named = ", ".join(
        f"{row['ticker']} {format_value(row['delivered_mw'], 'MW')} ({format_date(row['delivered_as_of'])})"
        for row in running.iter_rows(named=True)
    )
    return f"{text}; reported as running: {named}. For the others no report is on record, which is not a zero."


def _cloud_text(result: Hpc, contracts: pl.DataFrame) -> str:
    cloud = contracts.filter(pl.col("is_cloud") & pl.col("revenue_usd_m_per_mw_year").is_not_null())
    if cloud.is_empty():
        return ""
    unit = "USDm/MW-year"
    named = ", ".join(f"{_name(r)} {format_value(r['revenue_usd_m_per_mw_year'], unit)}" for r in cloud.to_dicts())
    return (
        f"GPU clouds stand apart: {named} a year per MW, but the seller owns the computers, about "
        f"{format_value(result.cloud_capex_usd_m_per_mw, 'USDm/MW')} per MW with the building."
    )


def _caveats(result: Hpc) -> tuple[str, ...]:
    return (
        "Lease over mining: net value of the lease at its announcement over the value of mining on the same grid power "
        f"and years at the hashprice of {result.hashprice_month}. Flip: the hashprice from which mining is worth more.",
        "Options to extend and tenants after a default are not counted.",
    )


def _missing(result: Hpc) -> tuple[str, ...]:
    """Leases without a value, and companies without a balance sheet."""
    lines = [f"{row['ticker']}: {row['missing']}." for row in result.values.iter_rows(named=True) if row["missing"]]
    lines += [
        f"{row['ticker']}: {row['missing']}."
        for row in result.funding.iter_rows(named=True)
        if row["missing"] and row["funding_gap_usd"] is None
    ]
    return tuple(dict.fromkeys(lines))
