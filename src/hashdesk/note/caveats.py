"""Why a figure is missing, and what limits one that is there: the reasons that the note prints."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from hashdesk.catalog.figures import FIGURES
from hashdesk.metrics.equities import STALE_SHARES_DAYS
from hashdesk.note.figures import clean

VOLUME_RESTATED = 0.001
"""A published change this far from the ratio of two months speaks of a restatement. [fraction]"""

_CHAIN_FIGURES = (
    "network_hashrate_ehs",
    "network_hashrate_implied_ehs",
    "network_hashrate_7d_ehs",
    "difficulty",
    "next_difficulty_change_frac",
    "fee_share_frac",
)
_CLOSES_FIGURES = ("market_cap_usd", "market_cap_to_opportunity_x")
_SESSION_FIGURES = (
    "btc_return_frac",
    "n_outperforming_btc",
    "top_performer",
    "bottom_performer",
    "btc_etf_net_flow_usd",
    "ibit_aum_usd",
)
_RETURN_FIGURES = ("n_outperforming_btc", "top_performer", "bottom_performer")


def figure_caveats(
    row: Mapping[str, Any], coverage: Mapping[str, tuple[dt.date, dt.date]], *, has_own_costs: bool = False
) -> dict[str, str]:
    """One line per figure of a monthly row that is missing or limited.

    Parameters
    ----------
    row : mapping
        A row of the monthly table.
    coverage : mapping of str to (date, date)
        First and last fact date of each table.
    has_own_costs : bool, default False
        Whether the caller gave the efficiency or the power price.

    Returns
    -------
    dict of str to str
        By figure id; figures that are whole have no entry.
    """

    def span(table: str) -> str:
        first, last = coverage[table]
        return f"{table} covers {first} to {last}"

    caveats: dict[str, str] = {}
    for figure_id in FIGURES:
        if clean(row.get(figure_id)) is None:
            caveats[figure_id] = f"missing: {_missing_reason(figure_id, row, span)}"
    fee_days, days = row.get("n_days_fees"), row.get("n_days")
    if fee_days and days and fee_days < days:
        for figure_id in ("hashprice_usd_per_phs_day", "fee_share_frac"):
            if figure_id not in caveats:
                caveats[figure_id] = f"fees are known on {fee_days} of {days} days; the figure rests on those"
    stale = row.get("n_stale_share_counts")
    if stale and "market_cap_usd" not in caveats:
        caveats["market_cap_usd"] = (
            f"{stale} of {row['n_companies']} share counts are older than {STALE_SHARES_DAYS} days"
        )
    covered = row.get("n_companies_with_hashrate")
    revision = clean(row.get("market_cap_revision_median_frac"))
    if revision is not None and not caveats.get("market_cap_usd", "").startswith("missing"):
        known = f"{caveats['market_cap_usd']}; " if "market_cap_usd" in caveats else ""
        caveats["market_cap_usd"] = (
            f"{known}later share counts put such totals {revision:+.1%} higher at the median of the trailing year, and "
            "the interval is their range: counts public at the time tend to be too low"
        )
    counted, companies = row.get("n_companies_with_production"), row.get("n_companies")
    if covered is not None and companies and "listed_network_share_frac" not in caveats:
        bound = "" if covered == companies else "; the others disclosed no recent one, so it is a lower bound"
        coins = f"; the share by coins produced rests on {counted} that reported the month" if counted else ""
        caveats["listed_network_share_frac"] = (
            f"rests on the hashrate of {covered} of {companies} companies{bound}{coins}"
        )
    published, computed = row.get("published_volume_change_frac"), row.get("computed_volume_change_frac")
    if published is not None and computed is not None and abs(published - computed) > VOLUME_RESTATED:
        caveats["crypto_trading_volume_usd"] = (
            f"the publisher gave a change of {published:+.1%}: its figures are rounded, and it restates earlier months"
        )
    elif row.get("volume_basis") == "derived":
        caveats["crypto_trading_volume_usd"] = "derived from the next month's volume and its published change"
    if "power_cost_usd_per_ehs_day" not in caveats:
        caveats["power_cost_usd_per_ehs_day"] = (
            "an assumption, not a measurement: the caller's own efficiency or power price"
            if has_own_costs
            else "an assumption, not a measurement: one efficiency line and one power price calibrated on published "
            "figures"
        )
    if "ibit_aum_usd" not in caveats:
        caveats["ibit_aum_usd"] = "estimated from flows and closes, not the fund's own statement"
    return caveats


def _missing_reason(figure_id: str, row: Mapping[str, Any], span: Any) -> str:
    if row.get("n_trading_days") == 0 and figure_id in _SESSION_FIGURES:
        return "no trading day of the period has passed yet"
    if figure_id == "btc_volatility_annualised_frac" and row["n_days"] < 3 and row.get("has_price"):
        return "fewer than two daily returns lie inside the period"
    known = row.get("n_days_known")
    if figure_id in _CHAIN_FIGURES and not row.get("has_chain"):
        return f"the chain is known on {known or 0} of {row['n_days']} days ({span('network_daily')})"
    if figure_id in _CLOSES_FIGURES and row.get("missing_market_cap"):
        return f"no close or share count for {row['missing_market_cap']} ({span('equity_closes')})"
    if figure_id in (*_CLOSES_FIGURES, *_RETURN_FIGURES, "n_companies"):
        return f"a close at one of the two ends is missing ({span('equity_closes')}; {span('universe')})"
    if figure_id == "crypto_trading_volume_usd":
        return f"no figure was published for this period, or none is in the store ({span('volumes')})"
    if figure_id == "btc_etf_net_flow_usd":
        return f"not every trading day of the period has a flow ({span('etf_flows')})"
    if figure_id == "ibit_aum_usd":
        return f"no estimate for the last day of the period ({span('etf_assets')})"
    if figure_id == "listed_network_share_frac":
        return f"no tracked company disclosed a recent hashrate ({span('production')})"
    if figure_id in ("network_efficiency_j_per_th", "network_power_gw"):
        return f"no machine with a known release date in the five years before, or no revenue ({span('asic_models')})"
    if figure_id == "power_cost_usd_per_ehs_day":
        return "the efficiency line is calibrated from 2024 on and is not carried back further than 2023-12"
    return f"an input is missing ({span('network_daily')}; {span('btc_price_daily')})"
