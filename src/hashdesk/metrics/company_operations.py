"""Facts of one company's month: what its machines did, each with its age and source."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from hashdesk.assumptions import Assumptions
from hashdesk.calendar import Period
from hashdesk.metrics.company_facts import Fact, FactBook, Observation, fact_of
from hashdesk.metrics.enterprise_value import DebtBook
from hashdesk.metrics.equities import Market
from hashdesk.metrics.operations import (
    NetworkMonths,
    NetworkSpan,
    energy_cost_usd_per_btc,
    holdings_residual_btc,
    realization_frac,
    realized_hashrate_ehs,
)
from hashdesk.metrics.production_luck import SELF_POOL, luck_interval

LONGEST_SPAN_MONTHS = 6
"""Coins of a longer span say little about the hashrate at its end."""
HASHRATE_KINDS = ("realized_hashrate_ehs", "operating_hashrate_ehs", "energized_hashrate_ehs")
"""What the value of mining rests on: coins mined where reported, else the next of these; never a mixture."""

KIND_LABELS = {
    "realized_hashrate_ehs": "Realised hashrate",
    "operating_hashrate_ehs": "Average operating hashrate",
    "energized_hashrate_ehs": "Energised hashrate, month end",
}

_DISCLOSED = (
    ("efficiency_j_per_th", "Efficiency of the fleet", "J/TH"),
    ("power_price_usd_per_mwh", "Power price", "USD/MWh"),
    ("power_energized_mw", "Power in use", "MW"),
    ("power_contracted_or_pipeline_mw", "Power contracted or planned", "MW"),
    ("hpc_it_contracted_mw", "Critical IT load under AI/HPC contracts", "MW"),
    ("holdings_btc", "Bitcoin held", "BTC"),
)


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything that companies' facts are computed from."""

    book: FactBook
    debts: DebtBook
    market: Market
    network: NetworkMonths
    monthly: Mapping[dt.date, dict[str, float | None]]
    """Rows of the sector by month."""
    hpc_contracts: pl.DataFrame
    assumptions: Assumptions
    hpc_deliveries: pl.DataFrame | None = None

    @property
    def max_age_months(self) -> float:
        """Age beyond which a disclosure is shown but no longer counted [months]."""
        return self.assumptions["disclosure_max_age_months"].value


def realized(
    ground: Ground, ticker: str, day: dt.date, known_by: dt.date | None
) -> tuple[Observation, NetworkSpan, float] | None:
    """The latest span of reported coins, the network in it, and the hashrate that the coins stand for [EH/s]."""
    for found in reversed(ground.book.series(ticker, "production_btc")):
        if found.as_of > day or found.n_months > LONGEST_SPAN_MONTHS or found.period_start is None:
            continue
        if known_by is not None and found.known_at > known_by:
            continue
        span = ground.network.span(found.period_start, found.as_of)
        if span is not None:
            hashrate = realized_hashrate_ehs(found.value, span.network_btc, span.network_hashrate_ehs)
            return found, span, float(hashrate)
    return None


def operations_facts(ground: Ground, ticker: str, period: Period) -> dict[str, Fact]:
    """What the company's machines did, as reported for the month or last reported before.

    Parameters
    ----------
    ground : Ground
        Tables, network and market.
    ticker : str
        Company.
    period : Period
        Whole month.

    Returns
    -------
    dict of str to Fact
        By id, in the order of a page.
    """
    book, day, age = ground.book, period.last_day, ground.max_age_months
    facts = {"production_btc": _production(ground, ticker, period)}
    for kind in ("energized_hashrate_ehs", "operating_hashrate_ehs"):
        missing = "none stated in the tables"
        found = book.latest(ticker, kind, day)
        facts[kind] = fact_of(kind, KIND_LABELS[kind], "EH/s", found, day, missing=missing, max_age_months=age)
    facts["realized_hashrate_ehs"] = realized_fact(ground, ticker, day, None)
    facts |= _rates(ground, ticker, period)
    for field, label, unit in _DISCLOSED:
        found = book.latest(ticker, field, day)
        facts[field] = fact_of(
            field, label, unit, found, day, missing="not disclosed in the tables", max_age_months=age
        )
    facts["energy_cost_usd_per_btc"] = _energy_cost(facts, ground, ticker, day)
    facts |= _coins_sold(ground, ticker, period)
    return facts


def _production(ground: Ground, ticker: str, period: Period) -> Fact:
    label, day = "Bitcoin mined", period.last_day
    found = ground.book.at(ticker, "production_btc", day, 1)
    if found is not None:
        return fact_of("production_btc", label, "BTC", found, day, missing="", max_age_months=ground.max_age_months)
    last = ground.book.latest(ticker, "production_btc", day)
    if last is None:
        return Fact("production_btc", label, None, "BTC", missing="no coins reported in the tables")
    fact = fact_of("production_btc", label, "BTC", last, day, missing="", max_age_months=ground.max_age_months)
    what = "month" if last.n_months == 1 else f"{last.n_months} months"
    span = f"{what} to {last.as_of}"
    return replace(fact, missing=f"not the month's: of the {span}")


def realized_fact(ground: Ground, ticker: str, day: dt.date, known_by: dt.date | None) -> Fact:
    """Realised hashrate of the latest reported span; with the interval of its luck for a producer on its own pool."""
    found = realized(ground, ticker, day, known_by)
    label = KIND_LABELS["realized_hashrate_ehs"]
    if found is None:
        return Fact("realized_hashrate_ehs", label, None, "EH/s", missing="no coins reported lately")
    item, span, value = found
    fact = fact_of("realized_hashrate_ehs", label, "EH/s", item, day, missing="", max_age_months=ground.max_age_months)
    note = "from the coins of one month" if item.n_months == 1 else f"from the coins of {item.n_months} months"
    fact = replace(fact, value=value, basis="derived", note=note)
    if ticker in SELF_POOL and item.value > 0:
        luck = luck_interval(value, item.value, span.reward_btc_per_block)
        pool = SELF_POOL[ticker].pool
        note = f"{note}; own pool ({pool}), {luck.n_blocks:.0f} blocks, range is luck"
        fact = replace(fact, low=luck.low, high=luck.high, note=note)
    return fact


def _rates(ground: Ground, ticker: str, period: Period) -> dict[str, Fact]:
    """Realisation on energised and on operating hashrate, and both definitions of the share of the network."""
    book, day = ground.book, period.last_day
    coins = book.at(ticker, "production_btc", day, 1)
    span = ground.network.span(period.start, day)
    end = book.at(ticker, "energized_hashrate_ehs", day)
    start = book.at(ticker, "energized_hashrate_ehs", period.start - dt.timedelta(days=1))
    running = book.at(ticker, "operating_hashrate_ehs", day)
    now = None
    if coins is not None and span is not None:
        now = float(realized_hashrate_ehs(coins.value, span.network_btc, span.network_hashrate_ehs))
    lacking = [
        text
        for text, value in (
            ("coins of the month", coins),
            ("the network of the month", span),
            ("energised at its start", start),
            ("energised at its end", end),
        )
        if value is None
    ]
    found = [item for item in (coins, start, end) if item is not None]
    rate = None
    if now is not None and start is not None and end is not None:
        rate = finite(realization_frac(now, start.value, end.value))
    common = {"as_of": day, "age_days": 0, "sources": tuple(dict.fromkeys(item.source for item in found))}
    facts = {
        "realization_frac": derived(
            "realization_frac", "Realised over energised", rate, "fraction", common, f"needs {', '.join(lacking)}"
        ),
        "realization_operating_frac": derived(
            "realization_operating_frac",
            "Realised over average operating",
            now / running.value if now is not None and running is not None and running.value else None,
            "fraction",
            common,
            "no average stated for the month" if running is None else "needs coins of the month",
        ),
        "network_share_frac": derived(
            "network_share_frac",
            "Network share by energised hashrate",
            end.value / span.network_hashrate_ehs if end is not None and span is not None else None,
            "fraction",
            common,
            "needs energised at the month's end",
        ),
        "production_share_frac": derived(
            "production_share_frac",
            "Network share by coins mined",
            coins.value / span.network_btc if coins is not None and span is not None else None,
            "fraction",
            common,
            "needs coins of the month",
        ),
    }
    rate_fact = facts["realization_frac"]
    if rate is not None and ticker in SELF_POOL and coins is not None and span is not None and coins.value > 0:
        luck = luck_interval(rate, coins.value, span.reward_btc_per_block)
        facts["realization_frac"] = replace(
            rate_fact, low=luck.low, high=luck.high, note="95% interval: luck of its pool"
        )
    return facts


def _energy_cost(facts: Mapping[str, Fact], ground: Ground, ticker: str, day: dt.date) -> Fact:
    """Energy cost of a coin from the stated efficiency and power price, on the realised hashrate."""
    inputs = [facts[name] for name in ("efficiency_j_per_th", "power_price_usd_per_mwh", "realized_hashrate_ehs")]
    label, unit = "Energy cost of one bitcoin", "USD/BTC"
    lacking = [fact.label.lower() for fact in inputs if fact.value is None or fact.missing]
    found = realized(ground, ticker, day, None)
    if lacking or found is None:
        return Fact("energy_cost_usd_per_btc", label, None, unit, missing=f"needs a recent {', '.join(lacking)}")
    item, span, hashrate = found
    cost = energy_cost_usd_per_btc(inputs[0].value or 0.0, inputs[1].value or 0.0, hashrate, item.value / span.n_days)
    oldest = min(fact.as_of for fact in inputs if fact.as_of is not None)
    return Fact(
        "energy_cost_usd_per_btc",
        label,
        finite(cost),
        unit,
        as_of=oldest,
        known_at=max(fact.known_at for fact in inputs if fact.known_at is not None),
        age_days=max(0, (day - oldest).days),
        sources=tuple(dict.fromkeys(source for fact in inputs for source in fact.sources)),
        note=f"power price {inputs[1].note}" if inputs[1].note else "",
    )


def _coins_sold(ground: Ground, ticker: str, period: Period) -> dict[str, Fact]:
    """Coins sold as reported, and the identity of holdings: what changed beyond mined and sold."""
    book, day = ground.book, period.last_day
    sold = book.at(ticker, "sold_btc", day, 1)
    coins = book.at(ticker, "production_btc", day, 1)
    held = book.at(ticker, "holdings_btc", day)
    before = book.at(ticker, "holdings_btc", period.start - dt.timedelta(days=1))
    reported = fact_of(
        "sold_btc", "Bitcoin sold", "BTC", sold, day, missing="not reported for the month", max_age_months=1
    )
    common = {"as_of": day, "age_days": 0, "sources": tuple(i.source for i in (held, before, coins) if i is not None)}
    outflow = residual = None
    if held is not None and before is not None and coins is not None:
        outflow = before.value + coins.value - held.value
        if sold is not None:
            residual = holdings_residual_btc(before.value, held.value, coins.value, sold.value)
    reason = "needs coins mined, and held at both ends"
    return {
        "sold_btc": reported,
        "net_outflow_btc": derived("net_outflow_btc", "Mined less change of holdings", outflow, "BTC", common, reason),
        "holdings_residual_btc": derived(
            "holdings_residual_btc",
            "Change of holdings beyond mined and sold",
            residual,
            "BTC",
            common,
            f"{reason}, and coins sold",
        ),
    }


def derived(
    fact_id: str, label: str, value: float | None, unit: str, common: Mapping[str, object], missing: str
) -> Fact:
    """A computed quantity, or the reason why it is missing."""
    if value is None:
        return Fact(fact_id, label, None, unit, missing=missing)
    return Fact(fact_id, label, value, unit, **common)  # type: ignore[arg-type]


def finite(value: object) -> float | None:
    """A number out of an array of one; None for NaN."""
    number = float(np.asarray(value, dtype=np.float64))
    return number if math.isfinite(number) else None
