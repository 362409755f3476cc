"""What simulated paths say: fans by month, scenarios side by side, probabilities, companies at risk of loss."""

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
from hashdesk.metrics.margin import power_cost_usd_per_ehs_day
from hashdesk.metrics.opportunity import hashrate_disclosures
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
POWER_BASES = ("power", "all-in", "net of credits", "direct cost")
"""Kinds of disclosed power price that speak for a company as a whole; contracts and assumptions do not."""
MAX_AGE_MONTHS = 12
"""A disclosure older than this at the outlook's start is treated as missing."""

_RISK_SCHEMA = {
    "gross_profit_usd_p5": pl.Float64,
    "gross_profit_usd_p50": pl.Float64,
    "gross_profit_usd_p95": pl.Float64,
    "loss_month_frac": pl.Float64,
    "loss_year_frac": pl.Float64,
    "breakeven_hashprice_usd_per_phs_day": pl.Float64,
    "assumed": pl.String,
}
_COMPANY_PERIOD = re.compile(r"^\d{4}(-Q\d|-\d{2})?( to \d{4}-\d{2})?( company profile| guidance level)?$")
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
    threshold = float(number.replace(",", "").replace("_", ""))
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


def disclosed_companies(tables: Mapping[str, pl.DataFrame], tickers: Sequence[str], origin: dt.date) -> pl.DataFrame:
    """What each company has disclosed by the outlook's first day: hashrate, efficiency, power price.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        production, production_quarterly, power_costs; rows known later are left out.
    tickers : sequence of str
        Companies.
    origin : date
        First simulated day.

    Returns
    -------
    DataFrame
        One row a company: hashrate_ehs, efficiency_j_per_th, power_price_usd_per_mwh, each with the period that it is
        about; null where nothing was disclosed within a year, and ``missing`` says what.
    """
    known = {name: frame.filter(pl.col("known_at") < origin) for name, frame in tables.items() if "known_at" in frame}
    oldest = origin.replace(year=origin.year - MAX_AGE_MONTHS // 12)
    hashrate = hashrate_disclosures(known["production"], known["production_quarterly"]).select(
        "ticker", at="month", value="value"
    )
    efficiency = pl.concat(
        [
            known["production"].select("ticker", at="month", value="efficiency_j_per_th"),
            known["production_quarterly"].select(
                "ticker", at=pl.col("period_end").dt.offset_by("-1mo"), value="efficiency_j_per_th"
            ),
        ]
    )
    power = (
        known["power_costs"]
        .filter(pl.col("basis").is_in(POWER_BASES) & pl.col("period").str.contains(_COMPANY_PERIOD.pattern))
        .select("ticker", at=pl.col("period_end").dt.offset_by("-1mo"), value="power_price_usd_per_mwh")
    )
    frame = pl.DataFrame({"ticker": list(tickers)}, schema={"ticker": pl.String})
    for name, facts in (
        ("hashrate_ehs", hashrate),
        ("efficiency_j_per_th", efficiency),
        ("power_price_usd_per_mwh", power),
    ):
        latest = (
            facts.drop_nulls()
            .filter((pl.col("at") < origin) & (pl.col("at") >= oldest))
            .sort("at")
            .group_by("ticker", maintain_order=True)
            .last()
            .select("ticker", pl.col("value").alias(name), pl.col("at").dt.truncate("1mo").alias(f"{name}_month"))
        )
        frame = frame.join(latest, on="ticker", how="left", maintain_order="left")
    lacks = [
        pl.when(pl.col(name).is_null()).then(pl.lit(words))
        for name, words in (
            ("hashrate_ehs", "hashrate"),
            ("efficiency_j_per_th", "efficiency"),
            ("power_price_usd_per_mwh", "power price"),
        )
    ]
    return frame.with_columns(missing=pl.concat_str(lacks, separator=", ", ignore_nulls=True).replace("", None))


def company_frame(
    companies: pl.DataFrame,
    run: ScenarioRun,
    power_price_factor: FloatArray | None,
    *,
    network_efficiency_j_per_th: float,
    network_power_price_usd_per_mwh: float,
) -> pl.DataFrame:
    r"""Gross profit and probability of loss of each company, at what it last disclosed.

    No company's disclosed tables hold a plan of its hashrate by month, so each keeps the size, machines and power price
    of its last disclosure: growth makes the amount larger, newer machines make the loss rarer. Where only efficiency or
    only the power price is missing, the network's stands in and ``assumed`` says so; where both are, nothing is said.

    Parameters
    ----------
    companies : DataFrame
        From :func:`disclosed_companies`.
    run : ScenarioRun
        Paths.
    power_price_factor : ndarray, shape (n_months,) or None
        What the scenario does to power prices, by month. [1]
    network_efficiency_j_per_th : float
        Mean of the network's machines at the start. [J/TH]
    network_power_price_usd_per_mwh : float
        Power price that the network's cost rests on. [USD/MWh]

    Returns
    -------
    DataFrame
        The companies with, for the first twelve months (or all, where fewer): gross_profit_usd p5, p50, p95 as a
        sum, loss_month_frac (probability that the last of those months loses money), loss_year_frac (that the sum
        does), breakeven_hashprice_usd_per_phs_day, and assumed. Null where too much is missing.

    Notes
    -----
    .. math:: G = H \sum_m n_m (R_m - 24\,e\,c_m)
    """
    revenue = run.outlook.path(REVENUE)[:, :12].astype(np.float64)
    n = revenue.shape[1]
    lengths = np.diff([0, *run.outlook.windows.days[:n]])
    factor = np.ones(n) if power_price_factor is None else power_price_factor[:n]
    rows = []
    for row in companies.to_dicts():
        e, c, h = row["efficiency_j_per_th"], row["power_price_usd_per_mwh"], row["hashrate_ehs"]
        out: dict[str, float | str | None] = dict.fromkeys(_RISK_SCHEMA)
        if (e is None) != (c is None):
            out["assumed"] = "efficiency" if e is None else "power price"
            e, c = e or network_efficiency_j_per_th, network_power_price_usd_per_mwh if c is None else c
        if e is not None and c is not None:
            profit = revenue - power_cost_usd_per_ehs_day(e, c * factor)
            year = profit @ lengths
            out["loss_month_frac"] = float(np.mean(profit[:, -1] < 0))
            out["loss_year_frac"] = float(np.mean(year < 0))
            out["breakeven_hashprice_usd_per_phs_day"] = float(power_cost_usd_per_ehs_day(e, c)) / 1000
            if h is not None:
                p5, p50, p95 = np.quantile(year * h, (0.05, 0.5, 0.95))
                out |= {"gross_profit_usd_p5": p5, "gross_profit_usd_p50": p50, "gross_profit_usd_p95": p95}
        rows.append({**row, **out})
    return pl.DataFrame(rows, schema={**companies.schema, **_RISK_SCHEMA})
