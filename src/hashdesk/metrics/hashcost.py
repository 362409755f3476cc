"""The hashcost ladder: what 1 PH/s costs a day, rung by rung, as far as a company has disclosed.

Companies include different things in "cost per bitcoin". Each disclosed figure stands on the rung that its own words
put it on; a rung that nobody disclosed is missing, not zero.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashdesk.metrics.company_facts import Observation, age_months
from hashdesk.metrics.operations import NetworkSpan

FloatArray = NDArray[np.float64]

PHS_PER_EHS = 1_000.0

RUNGS = (
    ("energy", "Energy"),
    ("site_cash", "Site cash cost"),
    ("sga", "Cash cost with overheads"),
    ("interest", "Interest alone"),
    ("depreciation", "+ depreciation"),
    ("stock_pay", "+ stock pay"),
    ("all_in", "All-in, as companies say"),
)
"""Rungs from the bottom. Each disclosed one includes those below it; interest is estimated and stands alone, and what
the last holds companies do not spell out."""

RUNG_OF_BASIS = {
    "power": "energy",
    "net of credits": "energy",
    "direct cost": "site_cash",
    "company cost": "site_cash",
    "production cost": "site_cash",
    "cash cost": "sga",
    "power and cash overheads": "sga",
    "before depreciation": "sga",
    "all-in": "all_in",
}
"""Rung by the words of table ``power_costs``; other words say too little to be placed."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung: cost of 1 PH/s over a day and of one coin, or why it is missing."""

    id: str
    label: str
    usd_per_phs_day: float | None
    usd_per_btc: float | None
    wording: str = ""
    as_of: dt.date | None = None
    known_at: dt.date | None = None
    age_days: int | None = None
    source: str = ""
    basis: str = "reported"
    missing: str = ""


def hashcost_usd_per_phs_day(efficiency_j_per_th: ArrayLike, power_price_usd_per_mwh: ArrayLike) -> FloatArray:
    r"""Energy cost of 1 PH/s over a day.

    Parameters
    ----------
    efficiency_j_per_th : array_like, shape (n,)
        Efficiency. [J/TH]
    power_price_usd_per_mwh : array_like, shape (n,)
        Power price; negative after grid credits. [USD/MWh]

    Returns
    -------
    ndarray, shape (n,)
        Cost; NaN in, NaN out. [USD/(PH/s)/day]

    Notes
    -----
    .. math:: k = 0.024\,e\,c

    Examples
    --------
    >>> float(hashcost_usd_per_phs_day(20, 50))
    24.0
    """
    efficiency = np.asarray(efficiency_j_per_th, dtype=np.float64)
    return 24.0 / PHS_PER_EHS * efficiency * np.asarray(power_price_usd_per_mwh, dtype=np.float64)


def hashcost_ladder(
    costs: Sequence[tuple[Observation, NetworkSpan | None]],
    *,
    day: dt.date,
    network: NetworkSpan | None,
    efficiency: Observation | None,
    power_price: Observation | None,
    interest_usd_per_year: float | None,
    realized_ehs: float | None,
    max_age_months: float,
    no_interest: str = "",
) -> tuple[Rung, ...]:
    r"""Every rung with the latest figure that is young enough, and what is missing.

    A disclosed cost per coin turns into a cost per PH/s through the coins that 1 PH/s earned in the span of the figure.

    Parameters
    ----------
    costs : sequence of (Observation, NetworkSpan or None)
        Disclosed costs of one coin, oldest first, each with the network over its span.
    day : date
        Last day of the month.
    network : NetworkSpan or None
        The network over the month itself.
    efficiency, power_price : Observation or None
        Latest ones: they give the energy rung where no cost was disclosed.
    interest_usd_per_year : float or None
        Coupons of the debts that are listed one by one. [USD/year]
    realized_ehs : float or None
        Realised hashrate. [EH/s]
    max_age_months : float
        Older figures leave the rung missing. [months]
    no_interest : str, optional
        Why the coupons are no cost of mining; leaves the interest rung missing with this reason.

    Returns
    -------
    tuple of Rung
        All of ``RUNGS``, in order.

    Notes
    -----
    .. math:: k_{PH} = k_{BTC} \, \frac{Q_{net}}{1000\,H_{net}\,d}
    """
    placed: dict[str, tuple[Observation, NetworkSpan | None]] = {}
    last_seen: dict[str, Observation] = {}
    for cost, span in costs:
        rung = RUNG_OF_BASIS.get(cost.wording)
        if rung is None:
            continue
        last_seen[rung] = cost
        if age_months(cost.as_of, day) <= max_age_months:
            placed[rung] = (cost, span)
    rungs = []
    for rung_id, label in RUNGS:
        if rung_id in placed:
            rungs.append(_disclosed(rung_id, label, *placed[rung_id], day))
        elif rung_id == "energy" and (
            computed := _computed_energy(efficiency, power_price, network, day, max_age_months)
        ):
            rungs.append(computed)
        elif rung_id == "interest" and no_interest:
            rungs.append(Rung(rung_id, label, None, None, missing=no_interest))
        elif rung_id == "interest" and interest_usd_per_year is not None and realized_ehs:
            rungs.append(_interest(label, interest_usd_per_year, realized_ehs, network, day))
        else:
            old = last_seen.get(rung_id)
            reason = f"not disclosed since {old.as_of}" if old else "not disclosed in the tables"
            rungs.append(Rung(rung_id, label, None, None, missing=reason))
    return tuple(rungs)


def _disclosed(rung_id: str, label: str, cost: Observation, span: NetworkSpan | None, day: dt.date) -> Rung:
    per_phs = None if span is None else cost.value * span.btc_per_ehs_day / PHS_PER_EHS
    return Rung(
        rung_id,
        label,
        per_phs,
        cost.value,
        wording=cost.wording,
        as_of=cost.as_of,
        known_at=cost.known_at,
        age_days=max(0, (day - cost.as_of).days),
        source=cost.source,
        missing="" if per_phs is not None else "the network over the span of the figure is not known",
    )


def _computed_energy(
    efficiency: Observation | None,
    power_price: Observation | None,
    network: NetworkSpan | None,
    day: dt.date,
    max_age_months: float,
) -> Rung | None:
    """The energy rung from efficiency and power price, where both are young enough."""
    if efficiency is None or power_price is None:
        return None
    oldest = min(efficiency.as_of, power_price.as_of)
    if age_months(oldest, day) > max_age_months:
        return None
    per_phs = float(hashcost_usd_per_phs_day(efficiency.value, power_price.value))
    return Rung(
        "energy",
        dict(RUNGS)["energy"],
        per_phs,
        None if network is None else per_phs * PHS_PER_EHS / network.btc_per_ehs_day,
        wording=f"{efficiency.value:g} J/TH at {power_price.value:g} USD/MWh ({power_price.wording})",
        as_of=oldest,
        known_at=max(efficiency.known_at, power_price.known_at),
        age_days=max(0, (day - oldest).days),
        source=power_price.source,
        basis="derived",
    )


def _interest(
    label: str, interest_usd_per_year: float, realized_ehs: float, network: NetworkSpan | None, day: dt.date
) -> Rung:
    """Interest alone: the coupons of listed debts over the hashrate; not added to the rungs below, which may miss."""
    per_phs = interest_usd_per_year / 365 / realized_ehs / PHS_PER_EHS
    return Rung(
        "interest",
        label,
        per_phs,
        None if network is None else per_phs * PHS_PER_EHS / network.btc_per_ehs_day,
        wording="coupons of the debts listed one by one, alone",
        as_of=day,
        age_days=0,
        basis="estimated",
    )
