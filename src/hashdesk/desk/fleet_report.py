"""A fleet's report: its days simulated once, and run through three views of difficulty."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
import polars as pl

from hashdesk.calendar import months_between
from hashdesk.errors import InputError
from hashdesk.note import fleet_tables as draw
from hashdesk.note.outlook_reports import FleetReport
from hashdesk.outlook.calibration import Calibration
from hashdesk.outlook.engine import simulate
from hashdesk.outlook.fleet_cash import (
    Fleet,
    FleetCash,
    fleet_cash,
    hashprice_at_difficulty,
    site_power_price,
    summarise_payback,
)
from hashdesk.outlook.machines import discount_factors, hashprice_option, settlements
from hashdesk.outlook.model import MAX_DAYS, daily_windows, month_windows
from hashdesk.outlook.scenario import Scenario, apply_scenario

TREND_DAYS = 365
"""Past days whose growth of difficulty the trend carries on."""
PATHS_PER_PART = 128
"""Paths whose days fit a core's cache; the numbers of a fleet with spot power depend on it, not on cores."""
KEPT = ("btc_price_usd", "subsidy_btc", "fees_btc", "hashprice_usd_per_phs_day")


def build_fleet_report(
    fleet: Fleet,
    calibration: Calibration,
    scenario: Scenario,
    scenario_file: str,
    network_daily: pl.DataFrame,
    n_paths: int,
    seed: int,
    executor: Executor | None,
) -> FleetReport:
    """Simulate the fleet's days under a scenario and sum them up.

    Parameters
    ----------
    fleet : Fleet
        Machines and site.
    calibration : Calibration
        Start and model.
    scenario : Scenario
        Conditions.
    scenario_file : str
        Its name, for messages.
    network_daily : DataFrame
        For the past trend of difficulty.
    n_paths, seed : int
        Paths and seed.
    executor : Executor or None
        Runs the paths.

    Returns
    -------
    FleetReport

    Raises
    ------
    InputError
        A horizon past the model.
    """
    start = calibration.start
    spec = fleet.spec
    ends = month_windows(start.date, spec.finance.months).days
    n_days = ends[-1]
    if n_days > MAX_DAYS:
        raise InputError(f"fleet: finance.months: {spec.finance.months} months lie past the model.", hint="At most 60.")
    applied = apply_scenario(scenario, start, calibration.model, n_days, origin=scenario_file)
    run = simulate(
        start, applied.model, daily_windows(n_days), n_paths=n_paths, seed=seed, keep=KEPT, executor=executor
    )
    factor = applied.model.policy.power_price_factor
    factors = np.ones(n_days) if factor is None else factor
    growth = difficulty_trend(network_daily, start.date)
    days = np.arange(1, n_days + 1)
    views = {"flat": np.full(n_days, start.difficulty), "trend": start.difficulty * np.exp(growth * days)}

    def run_part(part: int) -> list[FleetCash]:
        rows = slice(part * PATHS_PER_PART, (part + 1) * PATHS_PER_PART)
        price, subsidy, fees, hashprice = (run.path(name)[rows].astype(np.float64) for name in KEPT)
        power = site_power_price(fleet, factors, len(price), seed, part)
        seen = [hashprice_at_difficulty(view[None, :], subsidy, fees, price) for view in views.values()]
        return [fleet_cash(fleet, each, price, power, ends) for each in (*seen, hashprice)]

    with ThreadPoolExecutor() as threads:
        parts = list(threads.map(run_part, range(-(-n_paths // PATHS_PER_PART))))
    by_view = {
        name: FleetCash.joined(pieces)
        for name, pieces in zip((*views, "modelled"), zip(*parts, strict=True), strict=True)
    }
    cash = by_view["modelled"]
    paybacks = [summarise_payback(name, each) for name, each in by_view.items()]
    modelled = run.path("hashprice_usd_per_phs_day")
    settled = settlements(modelled, ends)
    discount = discount_factors(np.array(ends), spec.finance.discount_frac_per_year)
    strike = float(modelled[:, 0].mean(dtype=np.float64))
    options = tuple(hashprice_option(settled[:, at], strike, float(discount[at])) for at in range(len(ends)))
    last = start.date + dt.timedelta(days=n_days - 1)
    months = [period.start for period in months_between(start.date, last)]
    levels = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
    strip = cash.strip
    return FleetReport(
        name=spec.name,
        origin=start.date,
        scenario=scenario.name,
        horizon_months=len(ends),
        n_paths=n_paths,
        seed=seed,
        capex_usd=fleet.capex_usd,
        hashrate_ehs=float(fleet.hashrate_ths.sum()) * 1e-6,
        power_mw=float(fleet.power_mw.sum()),
        npv_quantiles_usd={name: float(np.quantile(cash.npv_usd, level)) for name, level in levels.items()},
        loss_frac=float(np.mean(cash.npv_usd < 0)),
        strip={
            "option_value_usd": strip.option.value,
            "option_error_usd": strip.option.standard_error,
            "simple_value_usd": strip.simple.value,
            "simple_error_usd": strip.simple.standard_error,
            "premium_usd": strip.option_premium.value,
            "premium_error_usd": strip.option_premium.standard_error,
            "days_at_a_loss_frac": strip.off_frac,
        },
        paybacks=tuple(paybacks),
        tables={
            "fleet_cash": draw.cash_table(cash, months),
            "fleet_payback": draw.payback_table(paybacks),
            "fleet_forward": draw.forward_table(months, options),
        },
        caveats=(
            *applied.caveats,
            f"Trend: difficulty grows {np.expm1(365 * growth):+.0%} a year, as over the {TREND_DAYS} days before.",
            "Expectations are those of the simulation; no price of risk beyond the discount rate enters.",
        ),
        cash=cash,
        options=options,
    )


def difficulty_trend(network_daily: pl.DataFrame, origin: dt.date) -> float:
    """Mean daily log change of difficulty over the year before a day; only that year is read [1/day]."""
    past = network_daily.filter(
        (pl.col("date") < origin) & (pl.col("date") >= origin - dt.timedelta(days=TREND_DAYS + 1))
    ).sort("date")
    logs = past["difficulty_eod"].log()
    return float((logs[-1] - logs[0]) / (len(logs) - 1))
