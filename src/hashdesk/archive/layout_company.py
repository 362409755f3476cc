"""The archive layout, second part: companies, markets, published figures; and the list of all files."""

from __future__ import annotations

from hashdesk.archive.layout import (
    EQUITY_FILES,
    NETWORK_FILES,
    NOTE,
    TRUST,
    URL,
    Cell,
    FileSpec,
    day,
    number,
    text,
    word,
)
from hashdesk.archive.words import DEBT_KINDS, RANK_DAYS

_PERIOD = Cell("period", "period", filled=True)
_KINDS = (
    "cloud_expansion",
    "convertible",
    "earnings",
    "equity_offering",
    "hpc_contract",
    "index_inclusion",
    "merger",
    "other",
    "price_move",
)

COMPANY_FILES = (
    FileSpec(
        "company/production.csv",
        "monthly production updates",
        (
            word("ticker"),
            day("month", kind="month"),
            number("btc_produced", "BTC", 0, 2_000),
            number("hashrate_eod_ehs", "EH/s", 0, 150),
            number("hashrate_avg_operating_ehs", "EH/s", 0, 150),
            number("fleet_efficiency_j_th", "J/TH", 5, 100),
            number("btc_held", "BTC", 0, 1_000_000),
            number("btc_sold", "BTC", 0, 1_000_000),
            URL,
            text("source_type"),
            TRUST,
            NOTE,
        ),
        key=("ticker", "month"),
        feeds=("production",),
    ),
    FileSpec(
        "company/production_quarterly.csv",
        "quarters, halves and years where monthly updates are missing",
        (
            word("ticker"),
            _PERIOD,
            number("btc_produced", "BTC", 0, 30_000),
            number("hashrate_period_end_ehs", "EH/s", 0, 150),
            number("fleet_efficiency_j_th", "J/TH", 5, 100),
            number("btc_held", "BTC", 0, 1_000_000),
            URL,
            TRUST,
            NOTE,
        ),
        key=("ticker", "period", "source_url"),
        feeds=("production_quarterly",),
    ),
    FileSpec(
        "company/treasury.csv",
        "bitcoin held by companies",
        (word("ticker"), day("as_of"), number("btc_held", "BTC", 0, 21_000_000), URL, TRUST, NOTE),
        key=("ticker", "as_of", "source_url"),
        feeds=("holdings",),
    ),
    FileSpec(
        "company/power_capacity.csv",
        "power in use, contracted or planned",
        (
            word("ticker"),
            day("as_of"),
            number("power_energized_mw", "MW", 0, 20_000),
            number("power_contracted_or_pipeline_mw", "MW", 0, 50_000),
            number("hpc_it_mw_contracted", "MW", 0, 20_000),
            URL,
            TRUST,
        ),
        key=("ticker", "as_of", "source_url"),
        feeds=("power_capacity",),
    ),
    FileSpec(
        "company/power_costs.csv",
        "power prices and costs of a coin, each with its own basis",
        (
            word("ticker"),
            Cell("period", "text", filled=True),
            number("power_cost_usd_per_kwh", "USD/kWh", -0.2, 0.3),
            number("cost_per_btc_usd", "USD/BTC", 0, 1_000_000),
            URL,
            text("basis"),
            TRUST,
        ),
        feeds=("power_costs",),
    ),
    FileSpec(
        "company/events.csv",
        "dated events that moved shares",
        (
            day("date"),
            text("time_hint"),
            word("tickers"),
            word("kind", *_KINDS),
            word("headline_fact"),
            URL,
            TRUST,
        ),
        feeds=("events",),
    ),
    FileSpec(
        "company/hpc_contracts.csv",
        "AI and HPC contracts and sites",
        (
            word("ticker"),
            word("company"),
            word("counterparty"),
            day("announced_on", kind="day-or-month", filled=False),
            number("critical_it_mw", "MW", 0, 10_000),
            number("gross_mw", "MW", 0, 20_000),
            number("term_years", "years", 0, 40),
            number("contract_revenue_usd_bn", "USD bn", 0, 1_000),
            number("annual_revenue_usd_mn", "USD m/year", 0, 100_000),
            number("annual_noi_usd_mn", "USD m/year", 0, 100_000),
            text("noi_margin_pct"),
            text("capex_usd_per_mw"),
            text("backstop_guarantee"),
            text("site"),
            URL,
            TRUST,
        ),
        feeds=("hpc_contracts",),
    ),
    FileSpec(
        "company/iren_cloud.csv",
        "GPU counts and run-rate guidance of IREN",
        (
            day("announced"),
            number("gpus_total_or_target", "GPUs", 0, 10_000_000),
            text("arr_guidance_usd_mn"),
            text("arr_by"),
            text("detail"),
            URL,
            TRUST,
        ),
        feeds=("iren_cloud",),
    ),
    FileSpec(
        "company/capital.csv",
        "cash and debt at balance-sheet days",
        (
            word("ticker"),
            day("as_of"),
            number("cash_usd_mn", "USD m", 0, 100_000),
            number("debt_usd_mn", "USD m", 0, 100_000),
            URL,
            TRUST,
            NOTE,
        ),
        key=("ticker", "as_of", "source_url"),
        feeds=("capital",),
    ),
    FileSpec(
        "company/debt_instruments.csv",
        "debt by instrument",
        (
            word("ticker"),
            word("type", *DEBT_KINDS),
            number("principal_usd_mn", "USD m", 0, 100_000, filled=True),
            day("maturity", filled=False),
            number("coupon", "fraction/year", 0, 0.5, filled=True),
            word("secured", "TRUE", "FALSE"),
            word("convertible", "TRUE", "FALSE"),
            number("conversion_price_usd", "USD/share", 0, 100_000),
            text("status"),
            day("source_date"),
            URL,
            TRUST,
        ),
        feeds=("debt_instruments",),
    ),
    FileSpec(
        "company/asic_models.csv",
        "mining machines with specification pages",
        (
            word("manufacturer"),
            word("model"),
            number("hashrate_ths", "TH/s", 0),
            number("power_w", "W", 0),
            number("efficiency_j_th", "J/TH", 5, 1_000, filled=True),
            Cell("released", "date-of-any-width"),
            Cell("released_year", "date-of-any-width"),
            text("cooling"),
            URL,
            TRUST,
            NOTE,
        ),
        feeds=("asic_models",),
    ),
    FileSpec(
        "company/milestones.csv",
        "landmarks of the sector",
        (Cell("date", "date-of-any-width"), word("kind"), word("event"), text("value"), URL, TRUST),
        feeds=("milestones",),
    ),
)

MARKET_FILES = (
    FileSpec(
        "market/volumes.csv",
        "monthly volume of centralised exchanges",
        (
            day("month", kind="month"),
            number("combined_usd_tn", "USD tn", 0, 50),
            number("spot_usd_tn", "USD tn", 0, 50),
            number("derivatives_usd_tn", "USD tn", 0, 50),
            text("published_change"),
            text("source"),
        ),
        key=("month",),
        rises="month",
        feeds=("volumes",),
    ),
    FileSpec(
        "market/btc_etf_flows.csv",
        "daily net flow of the US spot bitcoin ETFs, a column a fund",
        (day("date"), *(number(name, "USD m", -20_000, 20_000) for name in ("IBIT", "FBTC", "GBTC", "total"))),
        key=("date",),
        rises="date",
        feeds=("etf_flows",),
        others=number("", "USD m", -20_000, 20_000),
    ),
    FileSpec(
        "market/etf.csv",
        "assets, coins and shares of ETFs",
        (
            day("date"),
            word("ticker"),
            word(
                "metric",
                "aum_usd",
                "aum_usd_estimate",
                "btc_held",
                "cumulative_net_flow_usd",
                "shares_outstanding",
                "us_etf_rank",
            ),
            number("value", "by metric", filled=True),
            word("source"),
        ),
        feeds=("etf_assets",),
    ),
    FileSpec(
        "market/etf_ranks.csv",
        "published ranks of the largest ETFs",
        (
            day("date", *RANK_DAYS),
            text("rank"),
            word("ticker"),
            number("aum_usd", "USD", 0, 1e14, filled=True),
            URL,
            NOTE,
        ),
        feeds=("etf_ranks",),
    ),
    FileSpec(
        "published/published_figures.csv",
        "figures that research published",
        (
            day("period_start"),
            day("period_end"),
            word("metric"),
            word("value"),
            word("unit"),
            word("publisher_of_research"),
            word("reported_by"),
            text("url"),
            day("published_on"),
        ),
        feeds=("published",),
    ),
)

FILES: dict[str, FileSpec] = {
    spec.path: spec for spec in (*NETWORK_FILES, *EQUITY_FILES, *COMPANY_FILES, *MARKET_FILES)
}
"""Every table file of the layout, by its path in the folder."""

OTHER_FILES = {
    "network/pools.json": "mining pools with their tags and addresses; feeds mining_pools",
    "company/production_factor_check.csv": "compared with our own factor, not stored: it is computed from production",
    "SOURCES.md": "a description for people",
}
"""Files of the layout that are no table of rows, and what becomes of them."""

OTHER_FOLDERS = {"company/press_release_layouts": "examples for the parser of press releases, not facts"}
"""Folders of the layout that hold no facts."""
