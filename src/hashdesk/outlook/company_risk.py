"""Companies at risk of loss: what each has disclosed, or a reader says of it, played on simulated revenue."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from hashdesk.errors import InputError
from hashdesk.metrics.margin import power_cost_usd_per_ehs_day
from hashdesk.metrics.opportunity import hashrate_disclosures
from hashdesk.outlook.documents import parse_document
from hashdesk.outlook.scenario import DateResolver, When
from hashdesk.outlook.statements import REVENUE, ScenarioRun

FloatArray = NDArray[np.float64]

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
_FACTS = {
    "hashrate_ehs": "hashrate",
    "efficiency_j_per_th": "efficiency",
    "power_price_usd_per_mwh": "power price",
}
_COMPANY_PERIOD = re.compile(r"^\d{4}(-Q\d|-\d{2})?( to \d{4}-\d{2})?( company profile| guidance level)?$")


class CompanyPlan(BaseModel):
    """What a reader says of one company; what is left out stays as disclosed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)

    ticker: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")
    hashrate_ehs: float | None = Field(default=None, gt=0, le=1e4)
    efficiency_j_per_th: float | None = Field(default=None, ge=5, le=200)
    power_price_usd_per_mwh: float | None = Field(default=None, ge=-100, le=500)
    plan_ehs: dict[When, Annotated[float, Field(gt=0, le=1e4)]] | None = Field(default=None, min_length=1)
    """Hashrate on dates: straight lines of the logarithm between them, from the hashrate now, flat after the last."""


class CompanyPlans(BaseModel):
    """A file of plans."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    company: tuple[CompanyPlan, ...] = Field(min_length=1, strict=False)


def parse_plans(text: str, origin: str) -> dict[str, CompanyPlan]:
    """Read a file of plans, by ticker.

    Raises
    ------
    InputError
        Not TOML, an unknown key (the nearest right one is named), a value that cannot be, or a company named twice.
    """
    found: dict[str, CompanyPlan] = {}
    for plan in parse_document(text, origin, CompanyPlans, what="companies").company:
        if plan.ticker.upper() in found:
            raise InputError(f"companies {origin}: {plan.ticker} stands there twice.", hint="Keep one.")
        found[plan.ticker.upper()] = plan
    return found


def disclosed_companies(tables: Mapping[str, pl.DataFrame], tickers: Sequence[str], origin: dt.date) -> pl.DataFrame:
    """What each company has disclosed by the outlook's first day: hashrate, efficiency, power price.

    Hashrate and efficiency are the latest. Power prices change with the season and with credits for switching off, so
    theirs is the mean over the periods that were disclosed in the year before, weighted by their length.

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
        One row a company: hashrate_ehs, efficiency_j_per_th, power_price_usd_per_mwh, each with the month that it is
        about (the last one of power prices); null where nothing was disclosed within a year.
    """
    known = {name: frame.filter(pl.col("known_at") < origin) for name, frame in tables.items() if "known_at" in frame}
    oldest = origin.replace(year=origin.year - MAX_AGE_MONTHS // 12, day=1)
    quarter_end = pl.col("period_end").dt.offset_by("-1mo")
    efficiency = pl.concat(
        [
            known["production"].select("ticker", at="month", value="efficiency_j_per_th"),
            known["production_quarterly"].select("ticker", at=quarter_end, value="efficiency_j_per_th"),
        ]
    )
    power = known["power_costs"].filter(
        pl.col("basis").is_in(POWER_BASES) & pl.col("period").str.contains(_COMPANY_PERIOD.pattern)
    )
    power = power.select(
        "ticker",
        at=quarter_end,
        value="power_price_usd_per_mwh",
        days=(pl.col("period_end") - pl.col("period_start")).dt.total_days(),
    )
    hashrate = hashrate_disclosures(known["production"], known["production_quarterly"]).rename({"month": "at"})
    frame = pl.DataFrame({"ticker": list(tickers)}, schema={"ticker": pl.String})
    last = pl.col("value").last()
    for name, facts, value in (
        ("hashrate_ehs", hashrate, last),
        ("efficiency_j_per_th", efficiency, last),
        ("power_price_usd_per_mwh", power, (pl.col("value") * pl.col("days")).sum() / pl.col("days").sum()),
    ):
        recent = facts.drop_nulls().filter((pl.col("at") < origin) & (pl.col("at") >= oldest)).sort("at", "value")
        found = recent.group_by("ticker", maintain_order=True).agg(
            value.alias(name), pl.col("at").last().dt.truncate("1mo").alias(f"{name}_month")
        )
        frame = frame.join(found, on="ticker", how="left", maintain_order="left")
    return frame


def company_frame(
    companies: pl.DataFrame,
    run: ScenarioRun,
    power_price_factor: FloatArray | None,
    *,
    network_efficiency_j_per_th: float,
    network_power_price_usd_per_mwh: float,
    plans: Mapping[str, CompanyPlan] | None = None,
) -> pl.DataFrame:
    r"""Gross profit and probability of loss of each company, at what it last disclosed or a reader plans for it.

    The tables hold no company's plan of its hashrate by month, so without a plan of the reader's each keeps the size,
    machines and power price of its disclosures: growth makes the amount larger, newer machines make the loss rarer.
    Where only efficiency or only the power price is missing, the network's stands in and ``assumed`` says so; where
    both are, nothing is said.

    Parameters
    ----------
    companies : DataFrame
        From :func:`disclosed_companies`.
    run : ScenarioRun
        Paths.
    power_price_factor : ndarray, shape (n_days,) or None
        What the scenario does to power prices. [1]
    network_efficiency_j_per_th : float
        Mean of the network's machines at the start. [J/TH]
    network_power_price_usd_per_mwh : float
        Power price that the network's cost rests on. [USD/MWh]
    plans : mapping of str to CompanyPlan, optional
        By ticker; one that is not among the companies is added to them.

    Returns
    -------
    DataFrame
        The companies with, for the first twelve months (or all, where fewer): gross_profit_usd p5, p50, p95 as a
        sum, loss_month_frac (probability that the last of those months loses money), loss_year_frac (that the sum
        does), breakeven_hashprice_usd_per_phs_day, missing (what was not disclosed), assumed (what the network's
        stands in for), planned (whether a plan of the reader's enters). Null where too much is missing.

    Raises
    ------
    InputError
        A plan of hashrate before the outlook begins, or without a hashrate to start from.

    Notes
    -----
    .. math:: G = \sum_m H_m\,n_m (R_m - 24\,e\,c_m)
    """
    plans = plans or {}
    revenue = run.outlook.path(REVENUE)[:, :12].astype(np.float64)
    n = revenue.shape[1]
    ends = [0, *run.outlook.windows.days[:n]]
    lengths = np.diff(ends)
    factor = np.ones(n) if power_price_factor is None else _by_month(power_price_factor, ends)
    resolver = DateResolver("companies", run.outlook.origin, ends[-1])
    rows = []
    extra = [{"ticker": ticker} for ticker in plans if ticker not in set(companies["ticker"])]
    for row in [*companies.to_dicts(), *extra]:
        plan = plans.get(row["ticker"])
        for name in _FACTS:
            said = getattr(plan, name, None)
            row[name] = row.get(name) if said is None else said
        e, c, h = row["efficiency_j_per_th"], row["power_price_usd_per_mwh"], row["hashrate_ehs"]
        out: dict[str, float | str | None] = dict.fromkeys(_RISK_SCHEMA)
        hashrate = None if h is None else np.full(n, h)
        if plan is not None and plan.plan_ehs is not None:
            if h is None:
                raise InputError(
                    f"companies: {row['ticker']}: no hashrate to start from is disclosed.",
                    hint="Add hashrate_ehs.",
                )
            hashrate = _by_month(resolver.path(plan.plan_ehs, h, f"{row['ticker']}.plan_ehs"), ends)
        if (e is None) != (c is None):
            out["assumed"] = "efficiency" if e is None else "power price"
            e, c = network_efficiency_j_per_th if e is None else e, network_power_price_usd_per_mwh if c is None else c
        if e is not None and c is not None:
            profit = revenue - power_cost_usd_per_ehs_day(e, c * factor)
            total = profit @ (lengths * (np.ones(n) if hashrate is None else hashrate))
            out["loss_month_frac"] = float(np.mean(profit[:, -1] < 0))
            out["loss_year_frac"] = float(np.mean(total < 0))
            out["breakeven_hashprice_usd_per_phs_day"] = float(power_cost_usd_per_ehs_day(e, c)) / 1000
            if hashrate is not None:
                p5, p50, p95 = np.quantile(total, (0.05, 0.5, 0.95))
                out |= {"gross_profit_usd_p5": p5, "gross_profit_usd_p50": p50, "gross_profit_usd_p95": p95}
        missing = ", ".join(words for name, words in _FACTS.items() if row[name] is None)
        rows.append({**row, **out, "missing": missing or None, "planned": plan is not None})
    return pl.DataFrame(
        rows,
        schema={
            **companies.schema,
            **dict.fromkeys(_FACTS, pl.Float64),
            **_RISK_SCHEMA,
            "missing": pl.String,
            "planned": pl.Boolean,
        },
    )


def _by_month(daily: FloatArray, ends: Sequence[int]) -> FloatArray:
    return np.array([daily[a:b].mean() for a, b in pairwise(ends)])
