"""Tables of a fleet: cash by month, payback, and the hashprice forward."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

from hashdesk.note.model import Column, Scalar, Table
from hashdesk.note.outlook_tables import table_of
from hashdesk.outlook.fleet_cash import FleetCash, Payback
from hashdesk.outlook.machines import HashpriceOption


def cash_table(cash: FleetCash, months: Sequence[dt.date]) -> Table:
    """A fleet's cash by month: medians, and the interval of what is left."""
    columns = [
        Column("month", "Month", "month"),
        Column("production_btc_p50", "Mined, median", "BTC"),
        Column("revenue_usd_p50", "Revenue, median", "USD"),
        Column("power_cost_usd_p50", "Power, median", "USD"),
        Column("online_frac_mean", "Online", "fraction"),
        Column("net_cash_usd_p5", "Net cash, 5%", "USD"),
        Column("net_cash_usd_p50", "Median", "USD"),
        Column("net_cash_usd_p95", "95%", "USD"),
        Column("loss_frac", "Below zero", "fraction"),
    ]
    net = np.quantile(cash.net_cash_usd, (0.05, 0.5, 0.95), axis=0)
    medians = [np.median(series, axis=0) for series in (cash.production_btc, cash.revenue_usd, cash.power_cost_usd)]
    rows: list[list[Scalar]] = [
        [
            month,
            *(float(series[at]) for series in medians),
            float(cash.online_frac[:, at].mean()),
            *(float(net[i, at]) for i in range(3)),
            float(np.mean(cash.net_cash_usd[:, at] < 0)),
        ]
        for at, month in enumerate(months)
    ]
    return table_of("fleet_cash", "Cash by month", columns, rows)


def payback_table(paybacks: Sequence[Payback]) -> Table:
    """Payback and net present value under three views of difficulty."""
    columns = [
        Column("difficulty", "Difficulty", "text"),
        Column("never_frac", "Does not pay back", "fraction"),
        Column("standard_error_frac", "Monte Carlo error", "fraction"),
        Column("months_p5", "Payback, 5% quantile", "months"),
        Column("months_p50", "Median", "months"),
        Column("months_p95", "95%", "months"),
        Column("npv_p50_usd", "NPV, median", "USD"),
        Column("loss_frac", "NPV below zero", "fraction"),
    ]
    rows: list[list[Scalar]] = [
        [
            p.difficulty,
            p.never_frac,
            p.standard_error,
            p.months_p5,
            p.months_p50,
            p.months_p95,
            p.npv_p50_usd,
            p.loss_frac,
        ]
        for p in paybacks
    ]
    return table_of(
        "fleet_payback",
        "Payback by view of difficulty",
        columns,
        rows,
        caveats=("A quantile is not available where that share of the paths does not pay back within the horizon.",),
    )


def forward_table(months: Sequence[dt.date], options: Sequence[HashpriceOption]) -> Table:
    """Forward hashprice by month, with options at today's price and the check of their parity."""
    columns = [
        Column("month", "Month", "month"),
        Column("forward_usd_per_phs_day", "Forward", "USD/PH/s/day"),
        Column("forward_error_usd_per_phs_day", "Error", "USD/PH/s/day"),
        Column("strike_usd_per_phs_day", "Strike", "USD/PH/s/day"),
        Column("call_usd_per_phs_day", "Call", "USD/PH/s/day"),
        Column("put_usd_per_phs_day", "Put", "USD/PH/s/day"),
        Column("parity_z", "Parity gap", "z"),
    ]
    rows: list[list[Scalar]] = [
        [
            month,
            o.forward.value,
            o.forward.standard_error,
            o.strike_usd_per_phs_day,
            o.call.value,
            o.put.value,
            o.parity_z,
        ]
        for month, o in zip(months, options, strict=True)
    ]
    return table_of("fleet_forward", "Hashprice forward that the model implies", columns, rows)
