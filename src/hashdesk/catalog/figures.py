"""The figures of the note, declared once: label, unit, definition, the tables behind each. Ids are the contract."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from hashdesk.errors import InputError


@dataclass(frozen=True, slots=True)
class FigureSpec:
    """What a figure is, apart from its value."""

    id: str
    label: str
    unit: str
    definition: str
    formula: str
    tables: tuple[str, ...]
    theme: str
    """network, profitability, valuation or context."""
    basis: str = "derived"
    variants: tuple[tuple[str, str, str], ...] = ()
    """Other live definitions: (column of the monthly table, label, definition)."""
    change_in: str = "fraction"
    """How people read a change: ``fraction`` of the prior value, or ``points`` (difference)."""
    has_interval: bool = False
    panel: str = ""
    """Column that counts the companies behind it; without the same number a month does not compare with the last."""
    is_total: bool = False
    """A sum over the period: a part of a month does not compare with a whole one."""
    assumptions: tuple[str, ...] = ()
    """Ids of the assumptions that go into it."""
    has_record: bool = True
    """False where months rest on different companies, so that a record may only be one of disclosure."""


_CHAIN = ("network_daily",)
_INCOME = ("network_daily", "btc_price_daily")
_COST_LINE = ("power_price_usd_per_mwh", "efficiency_j_per_th", "efficiency_log_change_per_month")
_FLEET = ("power_price_usd_per_mwh", *(f"fleet_weight_year_{year}" for year in range(1, 6)))
_EQUITY = ("equity_closes", "share_counts", "universe")

_SPECS = (
    FigureSpec(
        "network_hashrate_ehs",
        "Network hashrate, month average",
        "EH/s",
        "Work of the blocks found in the month (header-time UTC days) over its length; exact Poisson interval.",
        "sum(difficulty x 2^48/65535 over blocks) / seconds",
        _CHAIN,
        "network",
        "estimated",
        (
            (
                "network_hashrate_mean_of_days_ehs",
                "Mean of daily estimates",
                "Mean over days of that day's work over 86,400 s.",
            ),
            (
                "network_hashrate_implied_ehs",
                "Implied by difficulty",
                "Time-weighted hashrate at which blocks would come every 600 s.",
            ),
        ),
        has_interval=True,
    ),
    FigureSpec(
        "network_hashrate_implied_ehs",
        "Network hashrate implied by difficulty",
        "EH/s",
        "Mean over days of difficulty x 2^48/65535 / 600 s. Carries the luck of the epochs before and lags.",
        "mean(difficulty) x 2^48/65535 / 600 s",
        _CHAIN,
        "network",
        "estimated",
        has_interval=True,
    ),
    FigureSpec(
        "network_hashrate_7d_ehs",
        "Network hashrate, last 7 days",
        "EH/s",
        "Work of the blocks found in the last seven days of the period over seven days.",
        "sum(work over 7 days) / (7 x 86,400 s)",
        _CHAIN,
        "network",
        "estimated",
        has_interval=True,
    ),
    FigureSpec(
        "difficulty",
        "Difficulty at period end",
        "difficulty",
        "Difficulty in force at the end of the period's last day.",
        "as on the chain",
        _CHAIN,
        "network",
        "reported",
    ),
    FigureSpec(
        "next_difficulty_change_frac",
        "Expected next difficulty change",
        "fraction",
        "Change at the next retarget if blocks keep the pace of the epoch so far, as the epoch stood at period end.",
        "2016 x 600 s / (2015 x mean block interval so far) - 1, within a factor of 4",
        ("network_daily", "epochs"),
        "network",
        "estimated",
        change_in="points",
        has_interval=True,
    ),
    FigureSpec(
        "btc_price_usd",
        "Bitcoin price, month mean",
        "USD",
        "Mean of daily closes at 24:00 UTC.",
        "mean(close)",
        ("btc_price_daily",),
        "context",
        variants=(("btc_price_end_usd", "Last close of the period", "Close at 24:00 UTC of the last day."),),
    ),
    FigureSpec(
        "btc_return_frac",
        "Bitcoin return",
        "fraction",
        "Close of the last trading day of the period over close of the last trading day before it, as for the shares.",
        "P(last trading day) / P(last trading day before) - 1",
        ("btc_price_daily", "trading_days"),
        "valuation",
        change_in="points",
        variants=(
            ("btc_calendar_return_frac", "Calendar month", "Last close of the period over last close before it."),
        ),
    ),
    FigureSpec(
        "block_reward_revenue_usd_per_ehs_day",
        "Daily block-reward revenue per EH/s",
        "USD/EH/s/day",
        "Mean over days of 144 x subsidy x trailing 7-day mean close / that day's block-count hashrate; no fees.",
        "mean_d(144 S P7_d / H_d)",
        _INCOME,
        "profitability",
        "estimated",
        (
            (
                "revenue_month_mean_usd_per_ehs_day",
                "Month-mean price over month hashrate",
                "144 x subsidy x mean close / month-average realised hashrate; no fees.",
            ),
            (
                "revenue_with_fees_usd_per_ehs_day",
                "The same with fees",
                "As before, with the fees of the blocks found added.",
            ),
            (
                "revenue_issued_usd_per_ehs_day",
                "Coins issued and fees",
                "Coins in fact issued, and fees, at the day's close / month-average realised hashrate.",
            ),
            (
                "revenue_expected_usd_per_ehs_day",
                "Expected at difficulty, with fees",
                "1,000 x hashprice: what a full-pay-per-share pool pays before its fee.",
            ),
        ),
        has_interval=True,
    ),
    FigureSpec(
        "hashprice_usd_per_phs_day",
        "Hashprice, month mean",
        "USD/PH/s/day",
        "Mean over days of (subsidy + mean fees of a block) x 86,400 x 10^15 / (difficulty x 2^48/65535) x close.",
        "(S + F) P x 86,400 x 1e15 / (D x 2^48/65535)",
        _INCOME,
        "profitability",
        "estimated",
        has_interval=True,
    ),
    FigureSpec(
        "fee_share_frac",
        "Fees in block rewards",
        "fraction",
        "Fees over subsidy plus fees of the blocks found in the month.",
        "fees / (subsidy + fees)",
        _CHAIN,
        "profitability",
        change_in="points",
    ),
    FigureSpec(
        "power_cost_usd_per_ehs_day",
        "Daily power cost per EH/s",
        "USD/EH/s/day",
        "24 h x efficiency x power price, on the calibrated efficiency line and one power price.",
        "24 e c",
        ("published",),
        "profitability",
        "assumed",
        has_interval=True,
        assumptions=_COST_LINE,
    ),
    FigureSpec(
        "block_reward_gross_profit_usd_per_ehs_day",
        "Daily block-reward gross profit per EH/s",
        "USD/EH/s/day",
        "Block-reward revenue less power cost.",
        "R - 24 e c",
        (*_INCOME, "published"),
        "profitability",
        "estimated",
        has_interval=True,
        assumptions=_COST_LINE,
    ),
    FigureSpec(
        "gross_margin_frac",
        "Gross margin",
        "fraction",
        "Gross profit over revenue, per EH/s.",
        "1 - 24 e c / R",
        (*_INCOME, "published"),
        "profitability",
        "estimated",
        change_in="points",
        has_interval=True,
        assumptions=_COST_LINE,
    ),
    FigureSpec(
        "breakeven_efficiency_j_per_th",
        "Breakeven efficiency",
        "J/TH",
        "Efficiency at which power takes the whole block-reward revenue at the assumed power price.",
        "R / (24 c)",
        _INCOME,
        "profitability",
        "estimated",
        has_interval=True,
        assumptions=("power_price_usd_per_mwh",),
    ),
    FigureSpec(
        "breakeven_power_price_usd_per_mwh",
        "Breakeven power price",
        "USD/MWh",
        "Power price at which the assumed fleet earns nothing.",
        "R / (24 e)",
        (*_INCOME, "published"),
        "profitability",
        "estimated",
        has_interval=True,
        assumptions=_COST_LINE,
    ),
    FigureSpec(
        "network_efficiency_j_per_th",
        "Network efficiency, bottom-up",
        "J/TH",
        "Machines on sale in the last five years that still earn their power, weighted by age 1, 0.8, 0.6, 0.4, 0.2; "
        "bounds from the best and the worst of them.",
        "sum(w e) / sum(w)",
        ("asic_models", *_INCOME),
        "network",
        "estimated",
        has_interval=True,
        assumptions=_FLEET,
    ),
    FigureSpec(
        "network_power_gw",
        "Network power, bottom-up",
        "GW",
        "Network hashrate x bottom-up efficiency x power usage effectiveness.",
        "e H PUE / 1000",
        ("asic_models", *_INCOME),
        "network",
        "estimated",
        has_interval=True,
        assumptions=(*_FLEET, "pue"),
    ),
    FigureSpec(
        "market_cap_usd",
        "Combined market cap of the tracked miners",
        "USD",
        "Close of the last trading day x shares outstanding public on that day, summed over the tracked companies.",
        "sum_i(P_i S_i)",
        _EQUITY,
        "valuation",
        "estimated",
        (
            (
                "market_cap_later_usd",
                "On share counts as later known",
                "Close x the count of that day as later filings tell it.",
            ),
        ),
        has_interval=True,
    ),
    FigureSpec(
        "n_companies",
        "Companies tracked",
        "count",
        "Companies on the tracked list at the end of the period.",
        "count",
        ("universe",),
        "valuation",
    ),
    FigureSpec(
        "n_outperforming_btc",
        "Companies that beat bitcoin",
        "count",
        "Tracked companies whose return exceeds bitcoin's between the same two trading days.",
        "count(r_i > r_btc)",
        (*_EQUITY, "btc_price_daily"),
        "valuation",
    ),
    FigureSpec(
        "top_performer",
        "Best performer",
        "ticker",
        "Tracked company with the highest return.",
        "argmax(r_i)",
        _EQUITY,
        "valuation",
    ),
    FigureSpec(
        "bottom_performer",
        "Worst performer",
        "ticker",
        "Tracked company with the lowest return.",
        "argmin(r_i)",
        _EQUITY,
        "valuation",
    ),
    FigureSpec(
        "block_reward_opportunity_4y_usd",
        "Four-year block-reward opportunity",
        "USD",
        "Subsidy of the four years after period end, the next halving included, at the last close; no fees, no growth.",
        "BTC(4 years) x P",
        _INCOME,
        "valuation",
    ),
    FigureSpec(
        "market_cap_to_opportunity_x",
        "Market cap to block-reward opportunity",
        "x",
        "Combined market cap over the four-year opportunity of the whole network.",
        "market cap / opportunity",
        (*_EQUITY, *_INCOME),
        "valuation",
        "estimated",
        (
            (
                "market_cap_to_share_of_opportunity_x",
                "To the listed miners' share of it",
                "Market cap over (listed network share x opportunity).",
            ),
        ),
        has_interval=True,
        assumptions=("disclosure_max_age_months",),
    ),
    FigureSpec(
        "listed_network_share_frac",
        "Tracked miners' share of the network",
        "fraction",
        "Sum of the hashrates that the tracked companies disclosed last (month-end, else operating average, else "
        "quarter-end) over the month's network hashrate.",
        "sum_i(H_i) / H",
        ("production", "production_quarterly", *_CHAIN),
        "network",
        "estimated",
        (
            (
                "listed_production_share_frac",
                "By coins produced",
                "Coins that the companies reported over coins issued and fees, both in the month.",
            ),
        ),
        change_in="points",
        has_interval=True,
        has_record=False,
        assumptions=("disclosure_max_age_months",),
        panel="n_companies_with_hashrate",
    ),
    FigureSpec(
        "crypto_trading_volume_usd",
        "Crypto trading volume, centralised exchanges",
        "USD",
        "Spot and derivatives volume of the month, as reported; a month known only by its successor is derived.",
        "as published",
        ("volumes",),
        "context",
        "reported",
        is_total=True,
    ),
    FigureSpec(
        "ibit_aum_usd",
        "iShares Bitcoin Trust assets",
        "USD",
        "Assets at month end: cumulative flows turned into shares, at the close.",
        "shares x close",
        ("etf_assets",),
        "context",
        "estimated",
    ),
    FigureSpec(
        "btc_etf_net_flow_usd",
        "US spot bitcoin ETF net flow",
        "USD",
        "Sum of daily net flows of the US spot bitcoin ETFs in the period.",
        "sum(flow)",
        ("etf_flows",),
        "context",
        "reported",
        change_in="points",
        is_total=True,
    ),
    FigureSpec(
        "btc_volatility_annualised_frac",
        "Bitcoin volatility, annualised",
        "fraction",
        "Standard deviation of the daily log returns inside the period x sqrt(365).",
        "sd(dln P) sqrt(365)",
        ("btc_price_daily",),
        "context",
        "estimated",
        change_in="points",
        has_interval=True,
    ),
)

FIGURES: dict[str, FigureSpec] = {spec.id: spec for spec in _SPECS}
"""All figures by id, in the order of the note."""


def figure_spec(figure_id: str) -> FigureSpec:
    """The declaration of a figure.

    Raises
    ------
    InputError
        No figure has this id; the nearest ids are named.
    """
    spec = FIGURES.get(figure_id)
    if spec is None:
        near = difflib.get_close_matches(figure_id, FIGURES, n=1, cutoff=0.3)
        nearest = f"Did you mean {near[0]}? " if near else ""
        raise InputError(
            f"figure: no figure is called {figure_id!r}.", hint=f"{nearest}`hashdesk figures` lists all {len(FIGURES)}."
        )
    return spec
