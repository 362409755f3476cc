"""The cost curve at an origin: the machines on sale by then, by age, at sites with different power prices."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from hashdesk.metrics.fleet import age_weight, industrial_models
from hashdesk.outlook.model import Fleet
from hashdesk.units import HOURS_PER_DAY

WEIGHT_BY_AGE = (1.0, 0.8, 0.6, 0.4, 0.2)
"""Weight of a model in its first to fifth year on sale, after the Cambridge index's method."""
POWER_PRICE_USD_PER_MWH = 50.0
"""Constant of the Cambridge index [USD/MWh]."""
POWER_PRICE_LOG_SPREAD = 0.4
"""Between sites: 34 to 75 USD/MWh holds about two thirds of them."""
FRONTIER_YEARS = 4
"""Years of releases whose trend is the improvement of new machines."""
FRONTIER_DECLINE_BOUNDS = (0.0001, 0.003)
"""Between 4% and two thirds a year; also what stands, at the lower end, where too few releases are known [1/day]."""
MOST_COST_FRAC = 0.8
"""The fleet that runs evidently earns its power: its mean cost is held at or below this share of its revenue."""


def fleet_at(
    asic_models: pl.DataFrame,
    origin: dt.date,
    revenue_usd_per_ehs_day: float,
    *,
    efficiency_j_per_th: float | None = None,
    power_price_usd_per_mwh: float = POWER_PRICE_USD_PER_MWH,
    frontier_decline_per_day: float | None = None,
) -> Fleet:
    """Vintages by year on sale, from the models known at the origin.

    Parameters
    ----------
    asic_models : DataFrame
        Table of the reference pack; models known after the origin are left out.
    origin : date
        First simulated day.
    revenue_usd_per_ehs_day : float
        Revenue at the origin. [USD/(EH/s)/day]
    efficiency_j_per_th : float, optional
        Mean efficiency of the fleet; vintages are scaled to it. Where left out, the list's own mean stands, or less
        where that fleet would not earn its power.
    power_price_usd_per_mwh : float
        Median of sites.
    frontier_decline_per_day : float, optional
        Improvement of new machines; the trend of recent releases where left out. [1/day]

    Returns
    -------
    Fleet
        Cost curve; one vintage that always runs where the list knows no machine.
    """
    known = industrial_models(asic_models.filter(pl.col("known_at") < origin))
    most = MOST_COST_FRAC * revenue_usd_per_ehs_day / (HOURS_PER_DAY * power_price_usd_per_mwh)
    efficiency, share = [], []
    for year in reversed(range(len(WEIGHT_BY_AGE))):
        only = [1.0 if age == year else 0.0 for age in range(len(WEIGHT_BY_AGE))]
        weight = age_weight(known["released_on"].to_list(), known["release_precision"].to_list(), origin, only)
        if weight.sum() > 0:
            efficiency.append(float(np.average(known["efficiency_j_per_th"].to_numpy(), weights=weight)))
            share.append(WEIGHT_BY_AGE[year])
    if not efficiency:
        return Fleet.single(efficiency_j_per_th or most, power_price_usd_per_mwh)
    mean = float(np.average(efficiency, weights=share))
    scale = (efficiency_j_per_th or min(mean, most)) / mean
    order = np.argsort(efficiency)[::-1]
    return Fleet(
        tuple(scale * efficiency[i] for i in order),
        tuple(share[i] / sum(share) for i in order),
        scale * min(efficiency),
        frontier_decline(known, origin) if frontier_decline_per_day is None else frontier_decline_per_day,
        power_price_usd_per_mwh,
        POWER_PRICE_LOG_SPREAD,
    )


def frontier_decline(known: pl.DataFrame, origin: dt.date) -> float:
    """Rate at which the efficiency of newly released machines has improved, from recent releases [1/day].

    Parameters
    ----------
    known : DataFrame
        Industrial models known at the origin: released_on, efficiency_j_per_th.
    origin : date
        First simulated day.
    """
    first = origin.replace(year=origin.year - FRONTIER_YEARS, day=1)
    recent = known.filter(pl.col("released_on") >= first)
    low, high = FRONTIER_DECLINE_BOUNDS
    if recent["released_on"].n_unique() < 3:
        return low
    day = (recent["released_on"] - origin).dt.total_days().to_numpy().astype(np.float64)
    slope = float(np.polyfit(day, np.log(recent["efficiency_j_per_th"].to_numpy()), 1)[0])
    return min(max(-slope, low), high)
