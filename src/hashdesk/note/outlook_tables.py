"""Tables of the outlook: retargets, fans, scenarios, probabilities, companies, fleets, the scorecard."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from hashdesk.catalog.figures import FIGURES
from hashdesk.note.format import format_month, format_value
from hashdesk.note.model import Column, Scalar, Table
from hashdesk.outlook.adjustment import Adjustment, AdjustmentScore
from hashdesk.outlook.model import Start
from hashdesk.outlook.nowcast import Nowcast
from hashdesk.outlook.statements import FAN_COLUMNS, FAN_LEVELS, GROSS_PROFIT, Statement

OWN = "hashdesk"
Z_95 = 1.96
LABELS = {
    OWN: "hashdesk",
    "random_walk": "Random walk",
    "flat_difficulty": "Flat difficulty",
    "trend": "Log-linear trend",
    "entry": "Entry model",
}
"""How the models of the scorecard are named."""

TARGETS = {
    "network_hashrate_ehs": "Network hashrate",
    "difficulty": "Difficulty",
    "hashprice_usd_per_phs_day": "Hashprice",
    "block_reward_revenue_usd_per_ehs_day": "Revenue per EH/s",
}
SHORT = {
    "network_hashrate_ehs": "Hashrate",
    "difficulty": "Difficulty",
    "btc_price_usd": "Bitcoin price",
    "hashprice_usd_per_phs_day": "Hashprice",
    "block_reward_revenue_usd_per_ehs_day": "Revenue per EH/s",
    "block_reward_gross_profit_usd_per_ehs_day": "Gross profit per EH/s",
    "breakeven_efficiency_j_per_th": "Breakeven efficiency",
    "breakeven_power_price_usd_per_mwh": "Breakeven power price",
}
"""Names of the fans' figures where the column head has little room."""


def table_of(
    table_id: str,
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Scalar]],
    *,
    caveats: Sequence[str] = (),
) -> Table:
    """Table of plain rows."""
    return Table(table_id, title, tuple(columns), tuple(tuple(row) for row in rows), caveats=tuple(caveats))


def retarget_table(adjustment: Adjustment, sources: Sequence[str] = ()) -> Table:
    """The next two retargets: change, new difficulty and date, each with its intervals."""
    columns = [
        Column("block_height", "Block", "count"),
        Column("level_frac", "Interval", "fraction"),
        Column("change_frac", "Change", "fraction"),
        Column("change_low_frac", "Change, low", "fraction"),
        Column("change_high_frac", "Change, high", "fraction"),
        Column("difficulty_low", "Difficulty, low", "difficulty"),
        Column("difficulty_high", "Difficulty, high", "difficulty"),
        Column("earliest_date", "Earliest", "date"),
        Column("latest_date", "Latest", "date"),
    ]
    rows: list[list[Scalar]] = []
    now = adjustment.state.at
    for retarget in (adjustment.next, adjustment.following):
        for change, difficulty, days in zip(
            retarget.change_bounds, retarget.difficulty_bounds, retarget.days_bounds, strict=True
        ):
            earliest, latest = (now + dt.timedelta(days=bound) for bound in (days.low, days.high))
            rows.append(
                [
                    retarget.height,
                    change.level,
                    retarget.change_frac,
                    change.low,
                    change.high,
                    difficulty.low,
                    difficulty.high,
                    earliest.date(),
                    latest.date(),
                ]
            )
    table = table_of("outlook_retargets", "Next two difficulty adjustments", columns, rows)
    return Table(table.id, table.title, table.columns, table.rows, tuple(sources))


PERIOD_MEAN = "Mean of the period"
SIMULATION_START = "Start of the simulation"


def nowcast_table(nowcast: Nowcast, other: Mapping[str, float | None], start: Start | None = None) -> Table:
    """Hashrate now beside the simpler estimates, and the level that a simulation starts from."""
    columns = [
        Column("estimate", "Estimate", "text"),
        Column("network_hashrate_ehs", "Hashrate", "EH/s"),
        Column("low_ehs", "95% low", "EH/s"),
        Column("high_ehs", "95% high", "EH/s"),
    ]
    rows: list[list[Scalar]] = [["Nowcast", nowcast.network_hashrate_ehs, nowcast.low_ehs, nowcast.high_ehs]]
    if start is not None:
        level, reach = start.network_hashrate_ehs, math.exp(Z_95 * start.hashrate_log_sd)
        rows.append([SIMULATION_START, level, level / reach, level * reach])
    rows += [[name, value, None, None] for name, value in other.items()]
    return table_of("outlook_nowcast", "Network hashrate now", columns, rows)


def adjustment_score_table(scores: Sequence[AdjustmentScore]) -> Table:
    """How predictions of retargets fared at several points of the epoch."""
    columns = [
        Column("retarget", "Retarget", "text"),
        Column("elapsed_frac", "Epoch known", "fraction"),
        Column("n", "Epochs", "count"),
        Column("median_error_frac", "Median error", "fraction"),
        Column("pace_median_error_frac", "Pace so far", "fraction"),
        Column("coverage_50_frac", "Inside 50%", "fraction"),
        Column("coverage_80_frac", "Inside 80%", "fraction"),
        Column("coverage_95_frac", "Inside 95%", "fraction"),
    ]
    rows: list[list[Scalar]] = [
        [
            s.which,
            s.elapsed_frac,
            s.n,
            s.median_error_frac,
            s.pace_median_error_frac,
            s.coverage_50_frac,
            s.coverage_80_frac,
            s.coverage_95_frac,
        ]
        for s in sorted(scores, key=lambda s: (s.which != "next", s.elapsed_frac))
    ]
    return table_of("outlook_retarget_scores", "Predicted retargets against what came", columns, rows)


def fan_table(fan: pl.DataFrame, scenario: str) -> Table:
    """Quantiles of every figure by month, one row a month."""
    own = fan.filter(pl.col("scenario") == scenario)
    figures = own["figure"].unique(maintain_order=True).to_list()
    columns = [Column("month", "Month", "date")]
    cells: list[list[Any]] = [own.filter(pl.col("figure") == figures[0])["month"].to_list()]
    for figure in figures:
        rows = own.filter(pl.col("figure") == figure)
        for name, level in zip(FAN_COLUMNS, FAN_LEVELS, strict=True):
            columns.append(Column(f"{figure}_{name}", f"{SHORT[figure]}, {level:.0%} quantile", FIGURES[figure].unit))
            cells.append(rows[name].to_list())
    return table_of("outlook_fan", f"Fan of the outlook, scenario {scenario}", columns, list(zip(*cells, strict=True)))


SCENARIO_FIGURES = ("btc_price_usd", "network_hashrate_ehs", "hashprice_usd_per_phs_day", GROSS_PROFIT)


def scenario_months_table(fan: pl.DataFrame) -> Table:
    """Median and 90% range of the main figures by month, of every scenario."""
    columns = [Column("scenario", "Scenario", "text"), Column("month", "Month", "date")]
    keys = fan.select("scenario", "month").unique(maintain_order=True)
    for figure in SCENARIO_FIGURES:
        own = fan.filter(pl.col("figure") == figure)
        names = {name: f"{figure}_{name}" for name in ("p5", "p50", "p95")}
        keys = keys.join(own.select("scenario", "month", *names).rename(names), on=["scenario", "month"], how="left")
        for name, level in (("p5", "5%"), ("p50", "median"), ("p95", "95%")):
            columns.append(Column(names[name], f"{SHORT[figure]}, {level}", FIGURES[figure].unit))
    return table_of("outlook_scenario_months", "Scenarios by month", columns, keys.rows())


def fan_print_table(fan: pl.DataFrame, scenario: str, figure: str, months: Sequence[dt.date]) -> Table:
    """Fan of one figure at a few months."""
    rows = fan.filter(
        (pl.col("scenario") == scenario) & (pl.col("figure") == figure) & pl.col("month").is_in(list(months))
    )
    unit = FIGURES[figure].unit
    columns = [Column("month", "Month", "month"), *(Column(name, name, unit) for name in FAN_COLUMNS)]
    return table_of(
        f"fan_{figure}", f"{FIGURES[figure].label}: {scenario}", columns, rows.select("month", *FAN_COLUMNS).rows()
    )


def scenario_table(comparison: pl.DataFrame) -> Table:
    """Scenarios side by side."""
    columns = [
        Column("scenario", "Scenario", "text"),
        Column("month", "Month", "month"),
        Column("btc_price_usd_p50", "Bitcoin, median", "USD"),
        Column("network_hashrate_ehs_p50", "Hashrate, median", "EH/s"),
        Column("hashprice_usd_per_phs_day_p50", "Hashprice, median", "USD/PH/s/day"),
        Column(f"{GROSS_PROFIT}_p50", "Gross profit per EH/s, median", "USD/EH/s/day"),
        Column(f"{GROSS_PROFIT}_p5", "5%", "USD/EH/s/day"),
        Column(f"{GROSS_PROFIT}_p95", "95%", "USD/EH/s/day"),
        Column("loss_probability_frac", "Below zero", "fraction"),
    ]
    if comparison["scenario"].n_unique() > 1:
        columns.append(Column(f"{GROSS_PROFIT}_difference_p50", f"Against {comparison['scenario'][0]}", "USD/EH/s/day"))
    rows = comparison.select(column.name for column in columns).rows()
    return table_of(
        "outlook_scenarios",
        "Scenarios side by side",
        columns,
        rows,
        caveats=("All scenarios share every draw, so a difference between them is no sampling noise.",),
    )


def statement_text(statement: Statement) -> str:
    """What a statement is about, in words.

    Examples
    --------
    >>> statement_text(Statement("base", GROSS_PROFIT, 15_000.0, "USD/EH/s/day", True, dt.date(2026, 6, 1), False,
    ...                          0.21, 0.003, 20_000))
    'gross profit per EH/s a day under USD 15,000 in June 2026'
    """
    names = {
        "network_hashrate_ehs": "network hashrate",
        "difficulty": "difficulty",
        "btc_price_usd": "bitcoin",
        "hashprice_usd_per_phs_day": "hashprice (per PH/s a day)",
        "block_reward_revenue_usd_per_ehs_day": "revenue per EH/s a day",
        GROSS_PROFIT: "gross profit per EH/s a day",
        "breakeven_efficiency_j_per_th": "breakeven efficiency",
        "breakeven_power_price_usd_per_mwh": "breakeven power price",
    }
    side = "under" if statement.is_below else "above"
    month = format_month(statement.month)
    when = f"in some month up to {month}" if statement.is_ever else f"in {month}"
    at_end = f"at the end of {month}" if statement.figure == "difficulty" and not statement.is_ever else when
    threshold = "zero" if statement.threshold == 0 else format_value(statement.threshold, statement.unit)
    return f"{names[statement.figure]} {side} {threshold} {at_end}"


def statement_table(statements: Sequence[Statement]) -> Table:
    """Probability statements with their Monte Carlo errors."""
    columns = [
        Column("scenario", "Scenario", "text"),
        Column("statement", "Statement", "text"),
        Column("probability_frac", "Probability", "fraction"),
        Column("standard_error_frac", "Monte Carlo error", "fraction"),
        Column("n_paths", "Paths", "count"),
    ]
    rows: list[list[Scalar]] = [
        [s.scenario, statement_text(s), s.probability, s.standard_error, s.n_paths] for s in statements
    ]
    return table_of(
        "outlook_statements",
        "Probabilities",
        columns,
        rows,
        caveats=("The error is that of the simulation; the scorecard shows how far the model itself has been off.",),
    )


def company_table(companies: pl.DataFrame, n_months: int) -> Table:
    """Companies at what they last disclosed, or a reader plans for them."""
    columns = [
        Column("ticker", "Company", "ticker"),
        Column("hashrate_ehs", "Hashrate", "EH/s"),
        Column("efficiency_j_per_th", "Efficiency", "J/TH"),
        Column("power_price_usd_per_mwh", "Power", "USD/MWh"),
        Column("breakeven_hashprice_usd_per_phs_day", "Breakeven hashprice", "USD/PH/s/day"),
        Column("gross_profit_usd_p5", "Gross profit, 5%", "USD"),
        Column("gross_profit_usd_p50", "Median", "USD"),
        Column("gross_profit_usd_p95", "95%", "USD"),
        Column("loss_month_frac", "Loss in the last month", "fraction"),
        Column("loss_year_frac", "Loss over all months", "fraction"),
        Column("assumed", "Assumed", "text"),
        Column("missing", "Not disclosed within a year", "text"),
    ]
    rows = companies.select(column.name for column in columns).rows()
    planned = ", ".join(companies.filter(pl.col("planned"))["ticker"].to_list())
    held = (
        f"{planned}: as the reader's file says. Every other company is held at its last disclosed hashrate."
        if planned
        else "No company's hashrate plan is in the tables: each is held at its last disclosed hashrate."
    )
    return table_of(
        "outlook_companies",
        f"Companies over the first {n_months} months, each at its last disclosed size and machines",
        columns,
        rows,
        caveats=(
            f"{held} Power: mean of what was disclosed about the year before.",
            "Where only efficiency or only the power price is missing, the network's stands in, as said; where both "
            "are, nothing is said.",
        ),
    )


def scorecard_table(table: pl.DataFrame) -> Table:
    """The scorecard: our error against the best rival's over all origins and over the later ones, and our coverage."""
    rows: list[list[Scalar]] = []
    for mine in table.filter((pl.col("model") == OWN) & (pl.col("period") == "all")).iter_rows(named=True):
        case = table.filter((pl.col("target") == mine["target"]) & (pl.col("horizon_months") == mine["horizon_months"]))
        everything, late = (_against_best(case.filter(pl.col("period") == period)) for period in ("all", "from_2020"))
        rows.append(
            [
                TARGETS.get(mine["target"], mine["target"]),
                mine["horizon_months"],
                mine["n"],
                *everything,
                *late,
                mine["coverage_50"],
                mine["coverage_80"],
                mine["coverage_95"],
            ]
        )
    columns = [
        Column("target", "Forecast of", "text"),
        Column("horizon_months", "Months ahead", "months"),
        Column("n", "Forecasts", "count"),
        Column("best_rival", "Best of the others", "text"),
        Column("skill_frac", "Our lead", "fraction"),
        Column("p_value", "p of equal skill", "1"),
        Column("best_rival_from_2020", "Best from 2020", "text"),
        Column("skill_from_2020_frac", "Our lead", "fraction"),
        Column("p_value_from_2020", "p", "1"),
        Column("coverage_50_frac", "Inside 50%", "fraction"),
        Column("coverage_80_frac", "Inside 80%", "fraction"),
        Column("coverage_95_frac", "Inside 95%", "fraction"),
    ]
    return table_of(
        "outlook_scorecard",
        "Scorecard: our forecasts of the past against the best of four simple ones",
        columns,
        rows,
        caveats=(
            "Lead: by how much our mean CRPS (error of the whole distribution, in logarithms) is smaller; below zero "
            "the simple forecast was better.",
            "Origins from 2020 on had no part in choosing how the past is read; those before did.",
        ),
    )


def _against_best(case: pl.DataFrame) -> list[Scalar]:
    """Best rival of one target, horizon and period, our lead over it, and p; None where there is none."""
    own, rivals = case.filter(pl.col("model") == OWN), case.filter(pl.col("model") != OWN).sort("crps")
    if not len(own) or not len(rivals):
        return [None, None, None]
    best = rivals.row(0, named=True)
    return [LABELS.get(best["model"], best["model"]), best["skill"], best["p_value"]]


def scores_table(table: pl.DataFrame) -> Table:
    """Every model's scores over all origins, for the workbook."""
    columns = [
        Column("target", "Forecast of", "text"),
        Column("horizon_months", "Months ahead", "months"),
        Column("model", "Model", "text"),
        Column("period", "Origins", "text"),
        Column("n", "Forecasts", "count"),
        Column("crps", "CRPS [log]", "log"),
        Column("pinball", "Pinball loss [log]", "log"),
        Column("coverage_50", "Inside 50%", "fraction"),
        Column("coverage_80", "Inside 80%", "fraction"),
        Column("coverage_95", "Inside 95%", "fraction"),
        Column("skill", "Our lead in CRPS", "fraction"),
        Column("dm", "Diebold-Mariano", "z"),
        Column("p_value", "p", "1"),
    ]
    rows: list[list[Scalar]] = [
        [TARGETS.get(row["target"], row["target"]), row["horizon_months"], LABELS.get(row["model"], row["model"])]
        + [row[column.name] for column in columns[3:]]
        for row in table.iter_rows(named=True)
    ]
    return table_of("outlook_scores", "Scores of all models", columns, rows)
