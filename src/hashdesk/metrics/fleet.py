"""Network efficiency and power from the bottom up: the machines on sale that still earn their power.

After the method of the Cambridge Bitcoin Electricity Consumption Index. It stands beside the calibrated efficiency
line, which reads the same quantity from published gross profits.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hashdesk.assumptions import Assumptions
from hashdesk.metrics.margin import breakeven_power_price_usd_per_mwh

NOT_ON_SALE = ("announced", "prototype", "unreleased")
"""Status of a model that nobody can have bought yet."""

_MW_PER_GW = 1000.0


@dataclass(frozen=True, slots=True)
class Range:
    """A central value between the best and the worst case; all None where it is not known."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """The bottom-up fleet on a day."""

    efficiency_j_per_th: Range
    """Weighted mean of the models that earn their power; low and high are the best and the worst of those that were
    certainly on sale, not a confidence interval. None where no model earns its power. [J/TH]"""
    power_gw: Range
    """Efficiency x hashrate x PUE; low takes the best machine at the best site, high the worst of both. [GW]"""
    models: pl.DataFrame
    """Models on sale in the last five years: manufacturer, model, efficiency_j_per_th, released_on,
    release_precision, confidence, weight, breakeven_power_price_usd_per_mwh, is_profitable; best first."""
    caveats: tuple[str, ...]


def industrial_models(asic_models: pl.DataFrame) -> pl.DataFrame:
    """Machines that a site can have bought: no home or lottery devices, nothing that is only announced.

    Parameters
    ----------
    asic_models : DataFrame
        One row per model: manufacturer, model, efficiency_j_per_th, segment, status, released_on, release_precision,
        confidence.

    Returns
    -------
    DataFrame
        Rows of the industrial segment with a release date and an efficiency, sorted by efficiency.
    """
    return asic_models.filter(
        (pl.col("segment") == "industrial")
        & ~pl.col("status").fill_null("").is_in(NOT_ON_SALE)
        & pl.col("released_on").is_not_null()
        & pl.col("efficiency_j_per_th").is_not_null()
    ).sort("efficiency_j_per_th", "model")


def age_weight(
    released_on: Sequence[dt.date], release_precision: Sequence[str], day: dt.date, weights: Sequence[float]
) -> NDArray[np.float64]:
    """Weight of models by their age in whole years.

    Where only the year of release is known, the weight is the mean over the twelve months it may have been.

    Parameters
    ----------
    released_on : sequence of date
        First day of the month, or any day of the year, that the model went on sale in.
    release_precision : sequence of str
        ``day``, ``month`` or ``year``.
    day : date
        Day on which the age is counted.
    weights : sequence of float
        Weight in the first, second, ... year on sale; 0 before release and after the last. [1]

    Returns
    -------
    ndarray, shape (n_models,)
        Weights. [1]

    Examples
    --------
    >>> age_weight([dt.date(2025, 9, 1), dt.date(2025, 1, 1)], ["month", "year"], dt.date(2025, 9, 16), [1, 0.8])
    array([1.  , 0.75])
    """
    by_age = np.array([0.0, *weights, 0.0])

    def at(months: NDArray[np.int64]) -> NDArray[np.float64]:
        return by_age[np.clip(months // 12 + 1, 0, len(by_age) - 1)]

    is_year = np.array([p == "year" for p in release_precision], dtype=bool)
    year = np.array([d.year for d in released_on], dtype=np.int64)
    month = np.array([d.month for d in released_on], dtype=np.int64)
    since_january = 12 * (day.year - year) + day.month - 1
    spread = at(since_january[:, None] - np.arange(12)).mean(axis=1)
    return np.where(is_year, spread, at(since_january + 1 - month))


def fleet_on(
    asic_models: pl.DataFrame,
    day: dt.date,
    revenue_usd_per_ehs_day: float,
    network_hashrate_ehs: float,
    assumptions: Assumptions,
) -> Fleet:
    r"""Estimate the network's efficiency and power from the models on sale that still earn their power.

    Parameters
    ----------
    asic_models : DataFrame
        Table ``asic_models``; filtered by :func:`industrial_models`.
    day : date
        Day on which the ages of the models are counted.
    revenue_usd_per_ehs_day : float
        Block-reward revenue. [USD/(EH/s)/day]
    network_hashrate_ehs : float
        Network hashrate. [EH/s]
    assumptions : Assumptions
        Power price, weights by age and power usage effectiveness.

    Returns
    -------
    Fleet
        Efficiency, power and the table of models.

    Notes
    -----
    With weights :math:`w` over the models whose efficiency :math:`e < R/(24 c)`:

    .. math:: \bar e = \frac{\sum w\,e}{\sum w}, \qquad P = \bar e\,H\,\mathrm{PUE} / 1000

    References
    ----------
    Cambridge Centre for Alternative Finance, CBECI methodology, version 1.4.
    """
    models = industrial_models(asic_models)
    released, precision = models["released_on"].to_list(), models["release_precision"].to_list()
    breakeven = breakeven_power_price_usd_per_mwh(revenue_usd_per_ehs_day, models["efficiency_j_per_th"].to_numpy())
    table = (
        models.select("manufacturer", "model", "efficiency_j_per_th", "released_on", "release_precision", "confidence")
        .with_columns(
            pl.Series("weight", age_weight(released, precision, day, assumptions.age_weights)),
            pl.Series("breakeven_power_price_usd_per_mwh", breakeven),
        )
        .with_columns(is_profitable=pl.col("breakeven_power_price_usd_per_mwh") > assumptions.power_price_usd_per_mwh)
        .filter(pl.col("weight") > 0)
    )
    earning = table.filter("is_profitable")
    # A release known to the year alone may lie ahead while that year runs.
    certain = earning.filter((pl.col("release_precision") != "year") | (pl.col("released_on").dt.year() < day.year))
    if not len(certain):
        return Fleet(Range(), Range(), table, _caveats(table, earning))
    mean = _mean_efficiency(earning)
    best, worst = certain["efficiency_j_per_th"][0], certain["efficiency_j_per_th"][-1]
    pue = assumptions.pue
    central, low_pue, high_pue = pue.value, pue.low or pue.value, pue.high or pue.value
    gw_per_j_th = network_hashrate_ehs / _MW_PER_GW
    return Fleet(
        Range(mean, best, worst),
        Range(mean * gw_per_j_th * central, best * gw_per_j_th * low_pue, worst * gw_per_j_th * high_pue),
        table,
        _caveats(table, earning),
    )


def _mean_efficiency(models: pl.DataFrame) -> float:
    return float(np.average(models["efficiency_j_per_th"].to_numpy(), weights=models["weight"].to_numpy()))


def _caveats(table: pl.DataFrame, earning: pl.DataFrame) -> tuple[str, ...]:
    if not len(table):
        return ("The list has no model on sale in these years.",)
    if not len(earning):
        return ("No model on the list earns its power at this revenue and power price.",)
    lines = []
    vague = int((table["release_precision"] == "year").sum())
    if vague:
        lines.append(
            f"{vague} of {len(table)} models have a release known only to the year; each counts with the mean "
            "weight over the months it may have gone on sale in."
        )
    trusted = earning.filter(pl.col("confidence") != "low")
    if 0 < len(trusted) < len(earning):
        lines.append(
            f"{len(earning) - len(trusted)} of {len(earning)} models that earn their power come from a list of low "
            f"confidence; without them the mean would be {_mean_efficiency(trusted):.1f} J/TH."
        )
    return tuple(lines)
