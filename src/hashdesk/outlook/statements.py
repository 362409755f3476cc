"""What simulated paths say: fans by month, scenarios side by side, probabilities."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hashdesk.calendar import months_between, parse_month
from hashdesk.catalog.figures import FIGURES
from hashdesk.errors import InputError
from hashdesk.outlook.documents import nearest
from hashdesk.outlook.results import Outlook
from hashdesk.outlook.scenario import Scenario

FloatArray = NDArray[np.float64]

GROSS_PROFIT = "block_reward_gross_profit_usd_per_ehs_day"
REVENUE = "block_reward_revenue_usd_per_ehs_day"
FAN_FIGURES = (
    "network_hashrate_ehs",
    "difficulty",
    "btc_price_usd",
    "hashprice_usd_per_phs_day",
    REVENUE,
    GROSS_PROFIT,
    "breakeven_efficiency_j_per_th",
    "breakeven_power_price_usd_per_mwh",
)
"""Figures of the fans, under the names that they have in the note."""
STORED_FIGURES = (
    "network_hashrate_ehs",
    "difficulty",
    "btc_price_usd",
    "hashprice_usd_per_phs_day",
    REVENUE,
    GROSS_PROFIT,
    "efficiency_j_per_th",
)
"""What the engine has to keep for them."""
FAN_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
FAN_COLUMNS = ("p5", "p25", "p50", "p75", "p95")
_EXPRESSION = re.compile(
    r"^\s*([a-z0-9_]+)\s*([<>])\s*(-?[\d,_.]+(?:e[+-]?\d+)?)\s*@\s*(\d{4}-\d{2})\s*$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, eq=False)
class ScenarioRun:
    """One scenario played out."""

    scenario: Scenario
    outlook: Outlook
    """Windows are calendar months."""
    description: str
    caveats: tuple[str, ...] = ()

    @property
    def months(self) -> list[dt.date]:
        """First day of each simulated month."""
        last = self.outlook.dates[-1].astype(dt.date)
        return [period.start for period in months_between(self.outlook.origin, last)]


@dataclass(frozen=True, slots=True)
class Statement:
    """A probability that a figure lies below or above a threshold."""

    scenario: str
    figure: str
    threshold: float
    unit: str
    is_below: bool
    month: dt.date
    """First day of the month that it is about; of the last month where ``is_ever``."""
    is_ever: bool
    """Whether one month up to then is enough."""
    probability: float
    standard_error: float
    """Of the simulation: sqrt(p (1 - p) / n); says nothing about the model's own error."""
    n_paths: int


def fan_frame(run: ScenarioRun, figures: Sequence[str] = FAN_FIGURES) -> pl.DataFrame:
    """Quantiles of each figure by month.

    Parameters
    ----------
    run : ScenarioRun
        A scenario's paths.
    figures : sequence of str
        Names.

    Returns
    -------
    DataFrame
        scenario, month, figure, unit, p5, p25, p50, p75, p95.
    """
    frames = []
    for figure in figures:
        cuts = run.outlook.quantiles(figure, FAN_LEVELS)
        frames.append(
            pl.DataFrame(
                {
                    "scenario": [run.scenario.name] * cuts.shape[1],
                    "month": run.months,
                    "figure": [figure] * cuts.shape[1],
                    "unit": [FIGURES[figure].unit] * cuts.shape[1],
                    **{name: cuts[index] for index, name in enumerate(FAN_COLUMNS)},
                }
            )
        )
    return pl.concat(frames)


def comparison_frame(runs: Sequence[ScenarioRun], months: Sequence[dt.date]) -> pl.DataFrame:
    """Scenarios side by side at a few months, with the difference to the first one path by path.

    The scenarios share every draw, so the difference carries no sampling noise of its own.

    Parameters
    ----------
    runs : sequence of ScenarioRun
        The first is what the others are held against.
    months : sequence of date
        First days of months inside the horizon.

    Returns
    -------
    DataFrame
        scenario, month, and per figure the median; for gross profit also p5, p95, the probability of a loss, and the
        median difference to the first scenario (null in its own rows).
    """
    rows = []
    for run in runs:
        places = {month: place for place, month in enumerate(run.months)}
        for month in months:
            at = places[month]
            profit = run.outlook.path(GROSS_PROFIT)[:, at].astype(np.float64)
            first = runs[0].outlook.path(GROSS_PROFIT)[:, at].astype(np.float64)
            low, high = np.quantile(profit, (0.05, 0.95))
            rows.append(
                {
                    "scenario": run.scenario.name,
                    "month": month,
                    **{
                        f"{figure}_p50": float(np.median(run.outlook.path(figure)[:, at]))
                        for figure in (
                            "btc_price_usd",
                            "network_hashrate_ehs",
                            "hashprice_usd_per_phs_day",
                            GROSS_PROFIT,
                        )
                    },
                    f"{GROSS_PROFIT}_p5": float(low),
                    f"{GROSS_PROFIT}_p95": float(high),
                    "loss_probability_frac": float(np.mean(profit < 0)),
                    f"{GROSS_PROFIT}_difference_p50": None if run is runs[0] else float(np.median(profit - first)),
                }
            )
    return pl.DataFrame(rows, schema_overrides={f"{GROSS_PROFIT}_difference_p50": pl.Float64})


def state(
    run: ScenarioRun, figure: str, threshold: float, month: dt.date, *, is_below: bool, is_ever: bool = False
) -> Statement:
    """Probability that a figure lies below (or above) a threshold in a month, or in any month up to it.

    Raises
    ------
    InputError
        Unknown figure (the nearest is named), or a month outside the horizon.
    """
    if figure not in FAN_FIGURES:
        near = nearest(figure, FAN_FIGURES)
        hint = f"Did you mean {near}?" if near else f"Known: {', '.join(FAN_FIGURES)}."
        raise InputError(f"statement: unknown figure {figure!r}.", hint=hint, value=figure)
    months = run.months
    if month not in months:
        raise InputError(
            f"statement: {month:%Y-%m} lies outside this outlook, {months[0]:%Y-%m} to {months[-1]:%Y-%m}.",
            hint="Take a longer --horizon or another month.",
        )
    at = months.index(month)
    values = run.outlook.path(figure)[:, 0 if is_ever else at : at + 1]
    hits = np.asarray((values < threshold if is_below else values > threshold).any(axis=1))
    share = float(hits.mean())
    return Statement(
        scenario=run.scenario.name,
        figure=figure,
        threshold=threshold,
        unit=FIGURES[figure].unit,
        is_below=is_below,
        month=month,
        is_ever=is_ever,
        probability=share,
        standard_error=math.sqrt(share * (1 - share) / len(hits)),
        n_paths=len(hits),
    )


def parse_statement(text: str, run: ScenarioRun) -> Statement:
    """Statement written as ``figure<threshold@month``.

    Parameters
    ----------
    text : str
        For example ``block_reward_gross_profit_usd_per_ehs_day<15000@2026-06``.
    run : ScenarioRun
        Paths that answer it.

    Returns
    -------
    Statement

    Raises
    ------
    InputError
        Not of this form, unknown figure, or a month outside the horizon.
    """
    match = _EXPRESSION.match(text)
    if match is None:
        raise InputError(
            f"statement: expected FIGURE<NUMBER@MONTH or FIGURE>NUMBER@MONTH, got {text!r}.",
            hint=f"Example: {GROSS_PROFIT}<15000@2026-06.",
        )
    figure, sign, number, month = match.groups()
    try:
        threshold = float(number.replace(",", "").replace("_", ""))
    except ValueError:
        raise InputError(f"statement: {number!r} is not a number.", hint="Write 15000, 15,000 or 1.5e4.") from None
    return state(run, figure.lower(), threshold, parse_month(month), is_below=sign == "<")


def default_statements(run: ScenarioRun, now: Mapping[str, float]) -> list[Statement]:
    """The statements that a note makes: about six and twelve months ahead, at round thresholds near today's values.

    Parameters
    ----------
    run : ScenarioRun
        Paths.
    now : mapping of str to float
        The last known month's values of the figures; one that is missing makes no statement.

    Returns
    -------
    list of Statement
    """
    months = run.months
    half, year = months[min(5, len(months) - 1)], months[min(11, len(months) - 1)]
    made = []
    profit, rate = now.get(GROSS_PROFIT), now.get("network_hashrate_ehs")
    hashprice, difficulty = now.get("hashprice_usd_per_phs_day"), now.get("difficulty")
    if profit is not None and profit > 0:
        made.append(state(run, GROSS_PROFIT, round_threshold(profit * 0.55), half, is_below=True))
        made.append(state(run, GROSS_PROFIT, round_threshold(profit * 0.55), year, is_below=True))
        made.append(state(run, GROSS_PROFIT, profit, year, is_below=False))
    if profit is not None:
        made.append(state(run, GROSS_PROFIT, 0.0, year, is_below=True, is_ever=True))
    if hashprice is not None:
        made.append(state(run, "hashprice_usd_per_phs_day", round_threshold(hashprice * 0.8), year, is_below=True))
    if rate is not None:
        made.append(state(run, "network_hashrate_ehs", round_threshold(rate * 1.2), year, is_below=False))
        made.append(state(run, "network_hashrate_ehs", rate, half, is_below=True))
    if difficulty is not None:
        made.append(state(run, "difficulty", difficulty, months[min(2, len(months) - 1)], is_below=False))
    return list({(s.figure, s.threshold, s.month, s.is_below, s.is_ever): s for s in made}.values())


def round_threshold(value: float) -> float:
    """Nearest number whose first two digits are all there is.

    Examples
    --------
    >>> round_threshold(14_940.0), round_threshold(1_241.6), round_threshold(41.7)
    (15000.0, 1200.0, 42.0)
    """
    return float(f"{value:.1e}")
