"""What a machine is worth: a strip of daily options to mine, and forwards and options on hashprice beside it.

A machine that may be switched off earns, each day, the larger of its margin and nothing. Valued over the same simulated
days, that strip is never worth less than the margins with their signs, and worth the same where no day loses money.
Expectations are taken under the simulated measure: nothing is said about the price of risk beyond the discount rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from hashdesk.errors import InputError
from hashdesk.outlook.documents import nearest

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Machine:
    """A model of mining machine."""

    name: str
    hashrate_ths: float
    efficiency_j_per_th: float
    source: str

    @property
    def power_mw(self) -> float:
        """Draw of one machine, without the site's overhead [MW]."""
        return self.hashrate_ths * self.efficiency_j_per_th * 1e-6


@dataclass(frozen=True, slots=True)
class Estimated:
    """A Monte Carlo mean and its standard error."""

    value: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class StripValue:
    """A run of days valued twice."""

    option: Estimated
    """Switched off on days that lose money [USD]."""
    simple: Estimated
    """Run on every day [USD]."""
    option_premium: Estimated
    """Difference, path by path: what the right to switch off is worth [USD]."""
    off_frac: float
    """Share of days and paths that lose money [fraction]."""


@dataclass(frozen=True, slots=True)
class HashpriceOption:
    """An option on the mean hashprice of a period, cash settled at its end."""

    strike_usd_per_phs_day: float
    call: Estimated
    put: Estimated
    forward: Estimated
    """Expected settlement [USD/(PH/s)/day]."""
    discount: float
    parity_gap: Estimated
    """Call less put less discounted forward over strike, each of the three from paths of its own."""

    @property
    def parity_z(self) -> float:
        """Gap in standard errors; 0 where it has none."""
        error = self.parity_gap.standard_error
        return self.parity_gap.value / error if error > 0 else 0.0


def find_machine(asic_models: pl.DataFrame, name: str) -> Machine:
    """Model by its name, with or without its maker.

    Parameters
    ----------
    asic_models : DataFrame
        Table ``asic_models``: manufacturer, model, hashrate_ths, efficiency_j_per_th, source.
    name : str
        Name; capitals do not matter.

    Returns
    -------
    Machine

    Raises
    ------
    InputError
        No such model (the nearest is named), several of that name, or one whose hashrate or efficiency is not known.

    Examples
    --------
    >>> table = pl.DataFrame({"manufacturer": ["Bitmain"], "model": ["Antminer S21"], "hashrate_ths": [200.0],
    ...                       "efficiency_j_per_th": [17.5], "source": ["maker"]})
    >>> find_machine(table, "antminer s21").hashrate_ths
    200.0
    """
    wanted = " ".join(name.lower().split())
    rows = asic_models.with_columns(full=pl.col("manufacturer") + " " + pl.col("model"))
    lowered = (pl.col("model").str.to_lowercase(), pl.col("full").str.to_lowercase())
    found = rows.filter((lowered[0] == wanted) | (lowered[1] == wanted))
    distinct = found.unique(["manufacturer", "hashrate_ths", "efficiency_j_per_th"], maintain_order=True)
    if not len(found):
        near = nearest(wanted, [*rows["model"].to_list(), *rows["full"].to_list()])
        # A wrong variant of a right family: the longest common beginning tells most.
        hint = f"Did you mean {near}?" if near else "Give hashrate_ths and efficiency_j_per_th in place of a model."
        raise InputError(f"machines.model: {name!r} is not in the list of machines.", hint=hint, value=name)
    if len(distinct) > 1:
        full = ", ".join(f"{row['full']} ({row['hashrate_ths']:g} TH/s)" for row in distinct.to_dicts())
        raise InputError(
            f"machines.model: {name!r} stands for several machines: {full}.",
            hint="Add the maker, or give hashrate_ths and efficiency_j_per_th.",
        )
    row = found.row(0, named=True)
    if row["hashrate_ths"] is None or row["efficiency_j_per_th"] is None:
        raise InputError(
            f"machines.model: the list does not know hashrate and efficiency of {row['full']}.",
            hint="Give hashrate_ths and efficiency_j_per_th in place of the model.",
        )
    return Machine(row["full"], float(row["hashrate_ths"]), float(row["efficiency_j_per_th"]), str(row["source"]))


def estimate(draws: ArrayLike) -> Estimated:
    """Mean over paths, with its standard error.

    Examples
    --------
    >>> estimate([1.0, 3.0])
    Estimated(value=2.0, standard_error=1.0)
    """
    values = np.asarray(draws, dtype=np.float64)
    error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return Estimated(float(values.mean()), error)


def discount_factors(days: ArrayLike, discount_frac_per_year: float) -> FloatArray:
    """Worth now of a dollar after so many days, at a yearly rate that compounds; 365 days to the year.

    Examples
    --------
    >>> discount_factors([0, 365], 0.25).tolist()
    [1.0, 0.8]
    """
    return np.asarray((1 + discount_frac_per_year) ** (-np.asarray(days, dtype=np.float64) / 365))


def strip_value(revenue_usd: ArrayLike, power_cost_usd: ArrayLike, discount: ArrayLike) -> StripValue:
    r"""Value of a run of days with and without the right to switch off.

    Parameters
    ----------
    revenue_usd : array_like, shape (n_paths, n_days)
        What each day earns when on, after the pool's fee. [USD]
    power_cost_usd : array_like, broadcastable to that shape
        What each day's power costs when on. [USD]
    discount : array_like, shape (n_days,)
        Discount factors. [1]

    Returns
    -------
    StripValue
        Option at least simple on every path; equal where no day loses money.

    Notes
    -----
    .. math:: V = E\sum_t d_t \max(R_t - C_t, 0) \ \ge\ E\sum_t d_t (R_t - C_t)

    Examples
    --------
    >>> value = strip_value([[3.0, 1.0], [3.0, 2.0]], 2.0, [1.0, 1.0])
    >>> value.option.value, value.simple.value, value.off_frac
    (1.0, 0.5, 0.25)
    """
    return sum_strip(*strip_paths(revenue_usd, power_cost_usd, discount))


def strip_paths(
    revenue_usd: ArrayLike, power_cost_usd: ArrayLike, discount: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Each path of :func:`strip_value`.

    Returns
    -------
    simple, saved, losing : ndarray, shape (n_paths,)
        Discounted margins with their signs, what switching off adds to them [USD], share of days that lose money.
    """
    margin = np.asarray(revenue_usd, dtype=np.float64) - np.asarray(power_cost_usd, dtype=np.float64)
    factors = np.asarray(discount, dtype=np.float64)
    return margin @ factors, -(np.minimum(margin, 0) @ factors), np.mean(margin < 0, axis=1)


def sum_strip(simple_usd: FloatArray, saved_usd: FloatArray, losing_frac: FloatArray) -> StripValue:
    """Paths of a strip as expectations."""
    return StripValue(
        estimate(simple_usd + saved_usd), estimate(simple_usd), estimate(saved_usd), float(np.mean(losing_frac))
    )


def hashprice_forward(hashprice: ArrayLike, period_ends: Sequence[int]) -> list[Estimated]:
    """Forward that the model implies for consecutive periods: the expected mean hashprice of each one's days.

    Parameters
    ----------
    hashprice : array_like, shape (n_paths, n_days)
        Daily hashprice. [USD/(PH/s)/day]
    period_ends : sequence of int
        Days, from the first on, at which the periods end, in order.

    Returns
    -------
    list of Estimated
        One for each period. [USD/(PH/s)/day]
    """
    return [estimate(settled) for settled in settlements(hashprice, period_ends).T]


def settlements(hashprice: ArrayLike, period_ends: Sequence[int]) -> FloatArray:
    """Mean hashprice of each period on each path.

    Parameters
    ----------
    hashprice : array_like, shape (n_paths, n_days)
        Daily hashprice. [USD/(PH/s)/day]
    period_ends : sequence of int
        As for :func:`hashprice_forward`.

    Returns
    -------
    ndarray, shape (n_paths, n_periods)
        Settlement values. [USD/(PH/s)/day]

    Raises
    ------
    InputError
        The ends do not rise, or lie past the days.

    Examples
    --------
    >>> settlements([[50.0, 52.0, 40.0]], [2, 3]).tolist()
    [[51.0, 40.0]]
    """
    values = np.asarray(hashprice, dtype=np.float64)
    bounds = [0, *period_ends]
    if any(b <= a for a, b in pairwise(bounds)) or bounds[-1] > values.shape[1]:
        raise InputError(f"periods: expected rising ends up to day {values.shape[1]}, got {list(period_ends)}.")
    means = [values[:, a:b].mean(axis=1) for a, b in pairwise(bounds)]
    return np.stack(means, axis=1)


def hashprice_option(settled: ArrayLike, strike_usd_per_phs_day: float, discount: float) -> HashpriceOption:
    r"""Call and put on the mean hashprice of a period, with a check of their parity.

    On one set of paths parity is an identity, which would check nothing; so call, put and forward of the gap each come
    from a third of the paths of their own, and the gap must lie within its standard error of zero.

    Parameters
    ----------
    settled : array_like, shape (n_paths,)
        Settlement of the period on each path. [USD/(PH/s)/day]
    strike_usd_per_phs_day : float
        Strike, above 0. [USD/(PH/s)/day]
    discount : float
        Discount factor to the settlement. [1]

    Returns
    -------
    HashpriceOption

    Raises
    ------
    InputError
        The strike is not above 0, or there are fewer than 30 paths.

    Notes
    -----
    .. math:: C - P = d\,(F - K)
    """
    paths = np.asarray(settled, dtype=np.float64)
    if strike_usd_per_phs_day <= 0:
        raise InputError(f"strike: expected a hashprice above 0, got {strike_usd_per_phs_day:g}.")
    if len(paths) < 30:
        raise InputError(f"paths: expected at least 30, got {len(paths)}.")
    gain = paths - strike_usd_per_phs_day
    thirds = [estimate(draws) for draws in (
        discount * np.maximum(gain[0::3], 0), discount * np.maximum(-gain[1::3], 0), discount * gain[2::3],
    )]  # fmt: skip
    gap = thirds[0].value - thirds[1].value - thirds[2].value
    error = math.sqrt(sum(part.standard_error**2 for part in thirds))
    return HashpriceOption(
        strike_usd_per_phs_day,
        call=estimate(discount * np.maximum(gain, 0)),
        put=estimate(discount * np.maximum(-gain, 0)),
        forward=estimate(paths),
        discount=discount,
        parity_gap=Estimated(gap, error),
    )
