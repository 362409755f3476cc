"""Calibrate the efficiency line of the network's fleet on published revenue, gross profit and margins.

Every published number is an interval, half a unit of its last digit to each side. The months' power costs must satisfy
all intervals at once; among the costs that do, the line is the one they depart from least (sum of squared log
departures). Published figures fix only the product of efficiency and power price; the assumed price splits it.

Run from the repository root: ``python tools/calibrate_cost_line.py [--published FILE] [--write]``. FILE is the table
of published figures (default: the reference pack's). ``--write`` puts the result into
``src/hashdesk/assumptions.toml`` and the tables into ``docs/methods/cost-line.md``.

The line rests on 2024 and September 2025; every later or other published gross profit is held out and predicted.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, brentq, minimize
from scipy.stats import t as student_t

from hashdesk.assumptions import DAYS_PER_MONTH, load_assumptions
from hashdesk.calendar import months_between, previous_month
from hashdesk.errors import ModelError
from hashdesk.units import HOURS_PER_DAY

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = "tools/calibrate_cost_line.py"
COST_METRICS = ("gross_profit_per_ehs_day_usd", "gross_profit_change_pct", "gross_margin_pct")
REVENUE, REVENUE_CHANGE = "revenue_per_ehs_day_usd", "revenue_per_ehs_change_pct"
CALIBRATED_ON = ("2024", "2025-09")
"""Periods that the line rests on, as beginnings of their names; all others are held out."""
THOUSAND = 1000.0
COST_BOUNDS, REVENUE_BOUNDS = (5.0, 60.0), (10.0, 200.0)
"""Where costs and revenues are looked for: wide enough never to bind [thousand USD/EH/s/day]."""
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Published:
    """One published figure as an interval: value, half a unit of its last digit, and the months it speaks of."""

    metric: str
    period: str
    months: tuple[dt.date, ...]
    value: float
    half: float

    def predict(self, revenue: dict[dt.date, float], cost: dict[dt.date, float]) -> float:
        """Predict the figure that these revenues and costs imply."""
        r = np.array([revenue[m] for m in self.months])
        c = np.array([cost[m] for m in self.months])
        if self.metric == "gross_margin_pct":
            return float(1 - c.sum() / r.sum())
        if self.metric == REVENUE:
            return float(r[0])
        if self.metric == COST_METRICS[0]:
            return float(r[0] - c[0])
        x = r if self.metric == REVENUE_CHANGE else r - c
        return float(x[1] / x[0] - 1)


@dataclass(frozen=True)
class Fit:
    """The least departure: line (log level at ``origin``, log change a month), monthly costs and revenues."""

    origin: dt.date
    months: tuple[dt.date, ...]
    x: FloatArray
    departure: float

    def line(self, month: dt.date) -> float:
        """Power cost on the line [thousand USD/EH/s/day]."""
        return math.exp(self.x[0] + self.x[1] * elapsed(self.origin, month))

    @property
    def revenue(self) -> dict[dt.date, float]:
        """Revenues that satisfy every interval [thousand USD/EH/s/day]."""
        return dict(zip(self.months, self.x[2 + len(self.months) :].tolist(), strict=True))

    @property
    def cost(self) -> dict[dt.date, float]:
        """Costs that satisfy every interval [thousand USD/EH/s/day]."""
        return dict(zip(self.months, np.exp(self.x[2 : 2 + len(self.months)]).tolist(), strict=True))


def middle(month: dt.date) -> dt.date:
    """Sixteenth of the month: where the line is read for the month."""
    return month.replace(day=16)


def elapsed(origin: dt.date, month: dt.date) -> float:
    """Mean months from the origin to the middle of a month."""
    return (middle(month) - middle(origin)).days / DAYS_PER_MONTH


def read_published(path: Path, usd_digit: float) -> list[Published]:
    """Read the published revenues, gross profits and margins of whole months and quarters as intervals.

    A published revenue change is kept only where the earlier level is not published itself: levels are sharper, and
    where both exist they contradict each other once (September 2024). Revenue is taken only from a publisher that
    prints gross profits: one publisher's revenue does not go with another's profit.
    """
    rows = pl.read_parquet(path)
    rows = rows.filter(pl.col("metric").is_in([*COST_METRICS, REVENUE, REVENUE_CHANGE]))
    of_costs = rows.filter(pl.col("metric").is_in(COST_METRICS))["publisher"].unique().to_list()
    rows = rows.filter(pl.col("publisher").is_in(of_costs))
    figures = []
    for row in rows.sort("period_start", "metric").iter_rows(named=True):
        start, end, metric, value = row["period_start"], row["period_end"], row["metric"], float(row["value"])
        if start.day != 1 or end.day != 1:
            continue
        months = tuple(p.start for p in months_between(start, end - dt.timedelta(days=1)))
        if metric.endswith("_change_pct"):
            months = (previous_month(start), start)
        is_money = metric.endswith("_usd")
        digit = usd_digit if is_money else (1.0 if value == round(value) else 0.1)
        scale = THOUSAND if is_money else 100.0
        period = f"{start:%Y-%m}" if (end - start).days < 32 else f"{start:%Y}-Q{(start.month + 2) // 3}"
        figures.append(Published(metric, period, months, value / scale, digit / 2 / scale))
    levels = {f.months[0] for f in figures if f.metric == REVENUE}
    return [f for f in figures if not (f.metric == REVENUE_CHANGE and f.months[0] in levels)]


def about_costs(figures: Sequence[Published]) -> list[Published]:
    """Keep the figures on cost, and revenue of the months that they speak of."""
    needed = {m for f in figures if f.metric in COST_METRICS for m in f.months}
    return [f for f in figures if needed.issuperset(f.months)]


def fit(figures: Sequence[Published], origin: dt.date, *, fixed: tuple[int, float] | None = None) -> Fit:
    """Line and monthly costs with the least departure; ``fixed`` pins the log level (0) or the log change (1)."""
    months = tuple(sorted({m for f in figures for m in f.months}))
    n = len(months)
    t = np.array([elapsed(origin, m) for m in months])
    levels = {f.months[0]: f for f in figures if f.metric == REVENUE}
    bounded = [f for f in figures if f.metric != REVENUE]

    def departure(x: FloatArray) -> float:
        e = x[2 : 2 + n] - x[0] - x[1] * t
        return float(1e4 * (e @ e))

    def slack(x: FloatArray) -> FloatArray:
        trial = Fit(origin, months, x, 0.0)
        revenue, cost = trial.revenue, trial.cost
        off = np.array([(f.predict(revenue, cost) - f.value) / f.half for f in bounded])
        return np.concatenate([1 - off, 1 + off])

    def revenue_box(month: dt.date) -> tuple[float, float]:
        known = levels.get(month)
        return (known.value - known.half, known.value + known.half) if known else REVENUE_BOUNDS

    mean_revenue = float(np.mean([f.value for f in levels.values()]))
    start_revenue = [levels[m].value if m in levels else mean_revenue for m in months]
    start = np.concatenate([[math.log(mean_revenue / 2), 0.0], np.full(n, math.log(mean_revenue / 2)), start_revenue])
    bounds: list[tuple[float | None, float | None]] = [(None, None), (None, None)]
    bounds += [(math.log(COST_BOUNDS[0]), math.log(COST_BOUNDS[1]))] * n + [revenue_box(m) for m in months]
    if fixed is not None:
        start[fixed[0]], bounds[fixed[0]] = fixed[1], (fixed[1], fixed[1])
    found: OptimizeResult = minimize(
        departure,
        start,
        bounds=bounds,
        constraints=[{"type": "ineq", "fun": slack}],
        method="SLSQP",
        options={"maxiter": 1000, "ftol": 1e-9},
    )
    if slack(found.x).min() < -1e-4:
        raise ModelError(f"cost line: no costs satisfy every published interval ({found.message}).")
    return Fit(origin, months, np.asarray(found.x, dtype=np.float64), float(found.fun))


def degrees_of_freedom(figures: Sequence[Published], best: Fit) -> int:
    """Independent statements on cost, less the two of the line: figures that repeat one another count once."""
    revenue = best.revenue
    rows = []
    for figure in (f for f in figures if f.metric in COST_METRICS):
        base = figure.predict(revenue, best.cost)
        bumped = [{**best.cost, m: best.cost[m] * 1.001} for m in best.months]
        rows.append([figure.predict(revenue, cost) - base for cost in bumped])
    return int(np.linalg.matrix_rank(np.array(rows), tol=1e-7)) - 2


def profile(figures: Sequence[Published], best: Fit, index: int, rise: float) -> tuple[float, float]:
    """Bounds at which the least departure has risen by ``rise``."""

    def excess(value: float) -> float:
        return fit(figures, best.origin, fixed=(index, value)).departure - best.departure - rise

    def bound(sign: int) -> float:
        step = 0.01 if index == 0 else 0.002
        outer = float(best.x[index])
        while True:
            inner, outer = outer, outer + sign * step
            if excess(outer) > 0:
                return float(brentq(excess, inner, outer, xtol=1e-5))

    return bound(-1), bound(1)


def write_entry(text: str, entry: str, values: dict[str, str]) -> str:
    """Replace fields of one entry of the assumptions file."""
    block = re.search(rf"^\[{entry}\]$.*?(?=^\[|\Z)", text, flags=re.M | re.S)
    if block is None:
        raise ModelError(f"assumptions.toml: no entry [{entry}].")
    new = block[0]
    for key, value in values.items():
        new = re.sub(rf"^{key} = .*$", f"{key} = {value}", new, count=1, flags=re.M)
    return text.replace(block[0], new)


def shown(figure: Published, value: float) -> str:
    """Write a predicted or published value in the unit it was printed in."""
    if figure.metric.endswith("_usd"):
        return f"{value * THOUSAND:,.0f}"
    return f"{value * 100:.1f}%"


def half_units(figure: Published, value: float) -> str:
    """Distance from the published value in half units of its last digit."""
    return f"{(value - figure.value) / figure.half:+.1f}"


def central_revenue(figures: Sequence[Published], best: Fit) -> dict[dt.date, float]:
    """Take revenues as printed; where only a change was published, the level that the printed change implies."""
    central = best.revenue | {f.months[0]: f.value for f in figures if f.metric == REVENUE}
    for change in (f for f in figures if f.metric == REVENUE_CHANGE):
        central[change.months[0]] = central[change.months[1]] / (1 + change.value)
    return central


def report(
    figures: Sequence[Published],
    held_out: Sequence[Published],
    best: Fit,
    band: Sequence[tuple[dt.date, float, float, float]],
) -> str:
    """Write Markdown tables: how each figure is matched, what is predicted blind, and the band."""
    revenue = central_revenue(figures, best)
    line = {m: best.line(m) for m in best.months}
    out = [
        "| period | figure | published | months' own costs | line | off the line, half units | left out | off |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for figure in (f for f in figures if f.metric in COST_METRICS):
        rest = [f for f in figures if f.metric not in COST_METRICS or f.period != figure.period]
        without = fit(rest, best.origin)
        own = figure.predict(best.revenue, best.cost)
        on_line = figure.predict(revenue, line)
        blind = figure.predict(revenue, {m: without.line(m) for m in figure.months})
        cells = " | ".join(shown(figure, x) for x in (figure.value, own, on_line))
        out.append(
            f"| {figure.period} | `{figure.metric}` | {cells} | {half_units(figure, on_line)} "
            f"| {shown(figure, blind)} | {half_units(figure, blind)} |"
        )
    out += ["", "Held out, predicted from the published revenue of the month:", ""]
    out += ["| period | figure | published | line | off, half units |", "|---|---|---|---|---|"]
    printed = revenue | {f.months[0]: f.value for f in held_out if f.metric == REVENUE}
    for figure in (f for f in held_out if f.metric in COST_METRICS):
        blind = figure.predict(printed, {m: best.line(m) for m in figure.months})
        cells = f"{shown(figure, figure.value)} | {shown(figure, blind)} | {half_units(figure, blind)}"
        out.append(f"| {figure.period} | `{figure.metric}` | {cells} |")
    out += ["", "| month | power cost, USD/EH/s/day | 95% band |", "|---|---|---|"]
    for month, value, low, high in band:
        out.append(f"| {month:%Y-%m} | {value * THOUSAND:,.0f} | {low * THOUSAND:,.0f} to {high * THOUSAND:,.0f} |")
    return "\n".join(out)


def main() -> None:
    """Fit, profile, report, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--published", type=Path, default=ROOT / "src/hashdesk/reference/published.parquet")
    parser.add_argument("--write", action="store_true", help="update assumptions.toml and docs/methods/cost-line.md")
    args = parser.parse_args()

    beliefs = load_assumptions()
    every = read_published(args.published, beliefs["published_rounding_usd_per_ehs_day"].value)
    figures = about_costs([f for f in every if f.period.startswith(CALIBRATED_ON)])
    held_out = about_costs([f for f in every if not f.period.startswith(CALIBRATED_ON)])
    months = sorted({m for f in figures for m in f.months})
    first = fit(figures, months[0])
    freedom = degrees_of_freedom(figures, first)
    rise = first.departure / freedom * float(student_t.ppf(0.975, freedom)) ** 2

    widths = {}
    for month in months:
        centred = fit(figures, month)
        low, high = profile(figures, centred, 0, rise)
        widths[month] = (high - low, centred, low, high)
    _, best, level_low, level_high = min(widths.values(), key=lambda w: w[0])
    change_low, change_high = profile(figures, best, 1, rise)
    band = [(m, math.exp(c.x[0]), math.exp(lo), math.exp(hi)) for m, (_, c, lo, hi) in widths.items()]
    text = report(figures, held_out, best, band)
    joint = fit(about_costs(every), best.origin)

    per_j_th = HOURS_PER_DAY * beliefs.power_price_usd_per_mwh / THOUSAND
    level, low, high = (math.exp(x) / per_j_th for x in (best.x[0], level_low, level_high))
    scatter = math.sqrt(best.departure / 1e4 / freedom)
    head = (
        f"Pivot {middle(best.origin)}: {level:.2f} J/TH ({low:.2f} to {high:.2f}) at "
        f"{beliefs.power_price_usd_per_mwh:g} USD/MWh; change {best.x[1]:.2%} a month "
        f"({change_low:.2%} to {change_high:.2%}); scatter of months about the line {scatter:.2%}, "
        f"{freedom} degrees of freedom. Through the held-out figures as well, the line would be "
        f"{math.exp(joint.x[0]) / per_j_th:.2f} J/TH and {joint.x[1]:.2%} a month."
    )
    print(f"{head}\n\n{text}")
    if args.write:
        last = max(f.months[-1] for f in figures)
        note = f'"95% profile interval, {freedom} degrees of freedom; months {months[0]:%Y-%m} to {last:%Y-%m}."'
        toml = ROOT / "src/hashdesk/assumptions.toml"
        content = toml.read_text(encoding="utf-8")
        common = {"as_of": str(middle(best.origin)), "source": f'"{SCRIPT}"', "note": note}
        entry = {"value": f"{level:.3f}", "low": f"{low:.3f}", "high": f"{high:.3f}"}
        content = write_entry(content, "efficiency_j_per_th", entry | common)
        entry = {"value": f"{best.x[1]:.5f}", "low": f"{change_low:.5f}", "high": f"{change_high:.5f}"}
        content = write_entry(content, "efficiency_log_change_per_month", entry | common)
        toml.write_text(content, encoding="utf-8")
        page = ROOT / "docs/methods/cost-line.md"
        old = page.read_text(encoding="utf-8")
        fresh = f"<!-- result -->\n{head}\n\n{text}\n<!-- /result -->"
        page.write_text(
            re.sub(r"<!-- result -->.*<!-- /result -->", lambda _: fresh, old, flags=re.S), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
