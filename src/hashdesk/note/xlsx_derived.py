"""Formulas for columns of the note's tables that follow from other columns, from the months, or from the figures.

Each formula stands beside the same rule in Python. A cell takes the formula only where the rule gives the value that
the note states; a published change that is not the ratio of two published levels stays an input.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from hashdesk.calendar import previous_month
from hashdesk.metrics.reconcile import PUBLISHED_METRICS
from hashdesk.note.model import Note, Scalar, Table
from hashdesk.note.xlsx_book import Formula, Row
from hashdesk.note.xlsx_calc import agrees
from hashdesk.units import HOURS_PER_DAY

_REVENUE = "block_reward_revenue_usd_per_ehs_day"
_FAILURES = (TypeError, ValueError, ZeroDivisionError, KeyError)


@dataclass(frozen=True, slots=True)
class Cells:
    """One record, its neighbour above, and what the whole note knows."""

    row: Mapping[str, Scalar]
    above: Mapping[str, Scalar] | None
    months: Mapping[dt.date, Mapping[str, Scalar]]
    figures: Mapping[str, Scalar]

    def __call__(self, name: str) -> float:
        """A number of this record."""
        return _float(self.row[name])

    def up(self, name: str) -> float:
        """A value of the record above."""
        if self.above is None:
            raise KeyError(name)
        return _float(self.above[name])

    def figure(self, figure_id: str) -> float:
        """The note's value of a figure or a bound of it."""
        return _float(self.figures[figure_id])

    def log_change(self, name: str) -> float:
        """Log change of a monthly column from the month before to this record's month."""
        start = self.row["period_start"]
        if not isinstance(start, dt.date):
            raise TypeError("no month")
        return math.log(_float(self.months[start][name]) / _float(self.months[previous_month(start)][name]))


def _float(value: Scalar) -> float:
    if isinstance(value, bool) or not isinstance(value, float | int):
        raise TypeError("not a number")
    return float(value)


Rule: TypeAlias = tuple[str, Callable[[Cells], float]]
"""Formula with the columns of the record in braces (``{above_x}``: the record above), and the rule in Python."""


def _log_change(column: str) -> str:
    at = "MATCH({period_start},monthly_period_start,0)"
    return f"=LN(INDEX(monthly_{column},{at})/INDEX(monthly_{column},{at}-1))"


def _scaled(part: str) -> Rule:
    return (
        f"=IF({{change_log}}=0,{{{part}_log}},{{{part}_log}}*{{change_frac}}/{{change_log}})",
        lambda c: c(f"{part}_log") * (c("change_frac") / c("change_log") if c("change_log") else 1.0),
    )


def _breakeven(figure_id: str) -> Rule:
    return (
        f"={figure_id}/(hours_per_day*{{efficiency_j_per_th}})",
        lambda c: c.figure(figure_id) / (HOURS_PER_DAY * c("efficiency_j_per_th")),
    )


def _if_kept(c: Cells, value: Callable[[], float]) -> float:
    """A company's effect, which is 0 for one that joined or left the list."""
    return value() if c("is_tracked") and c("was_tracked") else 0.0


def _known(cells: Cells, *names: str) -> float:
    """Sum of numbers of the record; an unknown one counts nothing, as an empty cell does."""
    return math.fsum(cells(name) for name in names if cells.row[name] is not None)


_VALUED = ("mining_value_usd", "bitcoin_value_usd", "hpc_value_usd", "not_disclosed_usd")

_RULES: Mapping[str, Mapping[str, Rule]] = {
    "market_cap_parts": {
        "expectations_usd": (
            "={market_cap_usd}-{mining_value_usd}-{bitcoin_value_usd}-{hpc_value_usd}-{not_disclosed_usd}"
            "+{net_debt_usd}",
            lambda c: c("market_cap_usd") - _known(c, *_VALUED) + _known(c, "net_debt_usd"),
        ),
    },
    "attribution": {
        "return_frac": (
            "={btc_frac}+{ai_frac}+{events_frac}+{residual_frac}",
            lambda c: _known(c, "btc_frac", "ai_frac", "events_frac", "residual_frac"),
        ),
        "contribution_usd": (
            "={btc_usd}+{ai_usd}+{events_usd}+{residual_usd}+{share_effect_usd}",
            lambda c: _known(c, "btc_usd", "ai_usd", "events_usd", "residual_usd", "share_effect_usd"),
        ),
    },
    "hpc_companies": {
        "net_value_usd": (
            "={noi_pv_usd}+{residual_pv_usd}-{capex_left_usd}",
            lambda c: c("noi_pv_usd") + c("residual_pv_usd") - c("capex_left_usd"),
        ),
    },
    "revenue_split": {
        "change_log": (_log_change(_REVENUE), lambda c: c.log_change(_REVENUE)),
        "price_log": (_log_change("btc_price_7d_usd"), lambda c: c.log_change("btc_price_7d_usd")),
        "reward_log": (_log_change("reward_btc_per_day"), lambda c: c.log_change("reward_btc_per_day")),
        "hashrate_log": (
            "={change_log}-{price_log}-{reward_log}",
            lambda c: c("change_log") - c("price_log") - c("reward_log"),
        ),
        "change_frac": ("=EXP({change_log})-1", lambda c: math.expm1(c("change_log"))),
        "price_frac": _scaled("price"),
        "reward_frac": _scaled("reward"),
        "hashrate_frac": _scaled("hashrate"),
    },
    "breakeven_curve": {
        "breakeven_power_price_usd_per_mwh": _breakeven(_REVENUE),
        "breakeven_power_price_low_usd_per_mwh": _breakeven(f"{_REVENUE}_low"),
        "breakeven_power_price_high_usd_per_mwh": _breakeven(f"{_REVENUE}_high"),
    },
    "fleet_models": {
        "breakeven_power_price_usd_per_mwh": _breakeven(_REVENUE),
    },
    "hpc_contracts": {
        "revenue_usd_m_per_mw_year": (
            "={contract_value_usd}/({term_years}*{critical_it_mw})/1000000",
            lambda c: c("contract_value_usd") / (c("term_years") * c("critical_it_mw")) / 1e6,
        ),
        "backstop_cover_frac": (
            "={backstop_usd}/{contract_value_usd}",
            lambda c: c("backstop_usd") / c("contract_value_usd"),
        ),
    },
    "companies": {
        "market_cap_usd": (
            "={close_usd}*{shares_outstanding}",
            lambda c: c("close_usd") * c("shares_outstanding"),
        ),
        "prior_market_cap_usd": (
            "={prior_close_usd}*{prior_shares_outstanding}",
            lambda c: c("prior_close_usd") * c("prior_shares_outstanding"),
        ),
        "contribution_usd": (
            "={is_tracked}*{market_cap_usd}-{was_tracked}*{prior_market_cap_usd}",
            lambda c: (
                (c("market_cap_usd") if c("is_tracked") else 0.0)
                - (c("prior_market_cap_usd") if c("was_tracked") else 0.0)
            ),
        ),
        "price_effect_usd": (
            "=IF({is_tracked}*{was_tracked}=1,({close_usd}-{prior_close_usd})*{prior_shares_outstanding},0)",
            lambda c: _if_kept(c, lambda: (c("close_usd") - c("prior_close_usd")) * c("prior_shares_outstanding")),
        ),
        "share_effect_usd": (
            "=IF({is_tracked}*{was_tracked}=1,({shares_outstanding}-{prior_shares_outstanding})*{close_usd},0)",
            lambda c: _if_kept(c, lambda: (c("shares_outstanding") - c("prior_shares_outstanding")) * c("close_usd")),
        ),
        "universe_effect_usd": (
            "=IF({is_tracked}*{was_tracked}=1,0,{contribution_usd})",
            lambda c: 0.0 if c("is_tracked") and c("was_tracked") else c("contribution_usd"),
        ),
        "return_frac": ("={close_usd}/{prior_close_usd}-1", lambda c: c("close_usd") / c("prior_close_usd") - 1),
        "excess_return_frac": (
            "={return_frac}-btc_return_frac",
            lambda c: c("return_frac") - c.figure("btc_return_frac"),
        ),
    },
    "volumes": {
        "crypto_trading_volume_usd": (
            "={spot_volume_usd}+{derivatives_volume_usd}",
            lambda c: c("spot_volume_usd") + c("derivatives_volume_usd"),
        ),
        "change_frac": (
            "={crypto_trading_volume_usd}/{above_crypto_trading_volume_usd}-1",
            lambda c: c("crypto_trading_volume_usd") / c.up("crypto_trading_volume_usd") - 1,
        ),
    },
    "definitions": {
        "difference_frac": ("={value}/{published}-1", lambda c: c("value") / c("published") - 1),
    },
    "events": {
        "excess_return_1d_frac": (
            "={return_1d_frac}-{btc_return_1d_frac}",
            lambda c: c("return_1d_frac") - c("btc_return_1d_frac"),
        ),
    },
    "reconciliation": {
        "difference": ("={ours}-{published}", lambda c: c("ours") - c("published")),
        "difference_frac": ("={ours}/{published}-1", lambda c: c("ours") / c("published") - 1),
    },
}


def derived_formulas(table: Table, note: Note) -> dict[str, Formula]:
    """Formulas of a table's columns, each used where its rule holds."""
    monthly = note.tables.get("monthly")
    months = {row["period_start"]: row for row in monthly.records()} if monthly else {}
    figures: dict[str, Scalar] = {figure.id: figure.value for figure in note.figures}
    for figure in note.figures:
        if figure.interval:
            figures |= {f"{figure.id}_low": figure.interval.low, f"{figure.id}_high": figure.interval.high}
    records = table.records()
    known_months = {month: row for month, row in months.items() if isinstance(month, dt.date)}

    def formula(template: str, rule: Callable[[Cells], float], name: str) -> Formula:
        def text(row: Row) -> str | None:
            above = records[row.index - 1] if row.index else None
            try:
                value = rule(Cells(row.values, above, known_months, figures))
            except _FAILURES:
                return None
            if not agrees(value, row.values[name]):
                return None
            cells = {column: row.at(column) for column in row.columns}
            cells |= {f"above_{column}": row.at(column, -1) for column in row.columns if row.index}
            return template.format_map(cells)

        return text

    found = {
        name: formula(template, rule, name)
        for name, (template, rule) in _RULES.get(table.id, {}).items()
        if name in {column.name for column in table.columns}
    }
    if table.id == "fleet_models" and any(item.id == "power_price_usd_per_mwh" for item in note.assumptions):
        found["is_profitable"] = lambda row: f"={row.at('breakeven_power_price_usd_per_mwh')}>power_price_usd_per_mwh"
    if table.id == "reconciliation":
        found["ours"] = _ours
    return _from_monthly(table, known_months) | found


def _ours(row: Row) -> str | None:
    """Our side of a reconciliation, from the figure's cell and in the published unit."""
    metric = PUBLISHED_METRICS.get(str(row.values["metric"]))
    if metric is None:
        return None
    figure = metric.figure_id
    formulas = {
        "value": figure,
        "text": figure,
        "change": f"({figure}-{figure}_prior)",
        "change_frac": f"({figure}/{figure}_prior-1)",
        "return": "top_return_frac" if figure == "top_performer" else "bottom_return_frac",
    }
    scale = "" if metric.scale == 1 else f"*{metric.scale:g}"
    return f"={formulas[metric.aspect]}{scale}"


def _from_monthly(table: Table, months: Mapping[dt.date, Mapping[str, Scalar]]) -> dict[str, Formula]:
    """Links to the monthly sheet for the columns of a table by month that repeat one of its columns."""
    names = {column.name for column in table.columns}
    if "period_start" not in names or not months:
        return {}

    def formula(name: str) -> Formula:
        def link(row: Row) -> str | None:
            start = row.values["period_start"]
            month = months.get(start) if isinstance(start, dt.date) else None
            if month is None or month[name] != row.values[name]:
                return None
            return f"=INDEX(monthly_{name},MATCH({row.at('period_start')},monthly_period_start,0))"

        return link

    shared = set(next(iter(months.values()))) - {"period_start"}
    return {name: formula(name) for name in names & shared}
