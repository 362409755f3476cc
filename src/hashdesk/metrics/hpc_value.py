"""What contracted AI/HPC leases are worth: income that may stop, capital still to be spent, and the building after it.

The value for a company page comes from :func:`hpc_value_usd`: one row per company.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from hashdesk.assumptions import Assumptions
from hashdesk.errors import InputError
from hashdesk.metrics.hpc_registry import DAYS_PER_YEAR, HpcTerms, hpc_registry, hpc_terms, term_variants

FloatArray = NDArray[np.float64]


def lease_present_value(
    noi_per_year: ArrayLike,
    years_to_start: ArrayLike,
    term_years: ArrayLike,
    cost_of_capital_frac: ArrayLike,
    default_frac_per_year: ArrayLike,
    backstop_years: ArrayLike = 0.0,
) -> FloatArray:
    r"""Present value of a lease's operating income whose tenant may stop paying.

    Income flows evenly from the start to the end of the term; a lease that runs already counts its remaining years.
    The tenant defaults at a constant rate; from then on a guarantor pays for ``backstop_years`` at most, and nothing
    follows: no new tenant is counted.

    Parameters
    ----------
    noi_per_year : array_like, shape (n,)
        Operating income. [USD/year, or any amount a year]
    years_to_start : array_like, shape (n,)
        Years until rent begins; negative where it has begun. [years]
    term_years : array_like, shape (n,)
        Term. [years]
    cost_of_capital_frac : array_like
        Yearly discount rate, above -1. [fraction/year]
    default_frac_per_year : array_like
        Chance of default within a year, at least 0 and below 1. [fraction/year]
    backstop_years : array_like, default 0
        Years of rent that the guarantee covers: its amount over the yearly revenue. [years]

    Returns
    -------
    ndarray, shape (n,)
        Present value; NaN in, NaN out. [unit of ``noi_per_year`` x years]

    Raises
    ------
    InputError
        A rate outside its range.

    Notes
    -----
    With :math:`r, \lambda` the continuous rates of discount and default, :math:`L` the years of rent left, starting at
    :math:`s`, and :math:`B` the years of cover, at most :math:`L`:

    .. math:: V = n e^{-rs} \Big[ \int_0^L e^{-(r+\lambda)u} du
              + \int_0^L \lambda e^{-(r+\lambda)u} \int_0^{\min(B, L-u)} e^{-rv} dv\, du \Big]

    Examples
    --------
    >>> float(lease_present_value(1.0, 0.0, 10.0, 0.0, 0.0))
    10.0
    """
    rate = np.asarray(cost_of_capital_frac, dtype=np.float64)
    default = np.asarray(default_frac_per_year, dtype=np.float64)
    if np.any(rate <= -1):
        raise InputError("cost of capital: expected above -1 a year.", hint="10% a year is 0.10.")
    if np.any((default < 0) | (default >= 1)):
        raise InputError("tenant default: expected 0 <= chance a year < 1.", hint="3% a year is 0.03.")
    r, hazard = np.log1p(rate), -np.log1p(-default)
    start = np.asarray(years_to_start, dtype=np.float64)
    begins = np.maximum(start, 0.0)
    left = np.maximum(start + np.asarray(term_years, dtype=np.float64) - begins, 0.0)
    cover = np.minimum(np.asarray(backstop_years, dtype=np.float64), left)
    both = r + hazard
    paid = _annuity(both, left)
    # A default while more is left than the guarantee covers, and one near the end, where it covers all.
    long = hazard * _annuity(both, left - cover) * _annuity(r, cover)
    short = hazard * np.exp(-both * (left - cover)) * _tail(r, hazard, cover)
    value: FloatArray = np.asarray(noi_per_year, dtype=np.float64) * np.exp(-r * begins) * (paid + long + short)
    return value


def _annuity(rate: FloatArray, years: FloatArray) -> FloatArray:
    """Integral of exp(-rate u) over 0 to years."""
    rate, years = np.broadcast_arrays(rate, years)
    small = np.abs(rate) < 1e-12
    safe = np.where(small, 1.0, rate)
    return np.where(small, years, -np.expm1(-safe * years) / safe)


def _tail(r: FloatArray, hazard: FloatArray, cover: FloatArray) -> FloatArray:
    """Integral over u from 0 to cover of exp(-(r + hazard) u) times the annuity of what is then left."""
    r, hazard, cover = np.broadcast_arrays(r, hazard, cover)
    small = np.abs(r) < 1e-6
    safe = np.where(small, 1.0, r)
    plain = (_annuity(r + hazard, cover) - np.exp(-r * cover) * _annuity(hazard, cover)) / safe
    # Without discounting the annuity of what is left is its length.
    flat = np.where(hazard > 0, (cover - _annuity(hazard, cover)) / np.where(hazard > 0, hazard, 1.0), cover**2 / 2)
    return np.where(small, flat, plain)


def residual_present_value(
    capex: ArrayLike, years_to_end: ArrayLike, term_years: ArrayLike, terms: HpcTerms
) -> FloatArray:
    r"""Present value of what a building is still worth when its lease ends.

    Parameters
    ----------
    capex : array_like, shape (n,)
        Capital cost of the building. [USD, or any amount]
    years_to_end : array_like, shape (n,)
        Years until the lease ends. [years]
    term_years : array_like, shape (n,)
        Term of the lease. [years]
    terms : HpcTerms
        Life of a site and discount rate.

    Notes
    -----
    .. math:: K \max(0, 1 - T / \text{life}) (1 + r)^{-\text{years to end}}
    """
    left = np.maximum(1 - np.asarray(term_years, dtype=np.float64) / terms.site_life_years, 0.0)
    discount = (1 + terms.cost_of_capital_frac) ** -np.asarray(years_to_end, dtype=np.float64)
    return np.asarray(capex, dtype=np.float64) * left * discount


def _years(days: pl.Expr, as_of: dt.date) -> pl.Expr:
    return (days - pl.lit(as_of)).dt.total_days() / DAYS_PER_YEAR


def contract_values(registry: pl.DataFrame, terms: HpcTerms, as_of: dt.date) -> pl.DataFrame:
    """Value of every active lease on a day, the company's share of it.

    Parameters
    ----------
    registry : DataFrame
        From :func:`hpc_registry`, read on the same day with the same terms.
    terms : HpcTerms
        For the discount rate.
    as_of : date
        Day of the valuation.

    Returns
    -------
    DataFrame
        ticker, counterparty, announced_on, noi_pv_usd, capex_left_usd (capital not yet spent: spending runs evenly
        from announcement to first rent), residual_pv_usd (the building after the lease), net_value_usd (income and
        residual less capital left), backlog_usd (revenue still to come), backstop_years and
        missing (why a lease has no value). Only ``active`` leases; a cloud is left out.
    """
    leases = registry.filter((pl.col("status") == "active") & ~pl.col("is_cloud").fill_null(False))
    leases = leases.with_columns(
        start=_years(pl.col("rent_from"), as_of),
        building=_years(pl.col("rent_from"), as_of) - _years(pl.col("announced_on"), as_of),
        backstop_years=(pl.col("backstop_usd") / pl.col("contract_value_usd") * pl.col("term_years")).fill_null(0.0),
        noi_usd=pl.col("noi_usd_m_per_mw_year") * 1e6 * pl.col("owned_mw"),
    )
    number = {name: leases[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in (
        "noi_usd", "start", "building", "term_years", "default_frac_per_year", "backstop_years",
        "capex_usd_per_mw", "owned_mw", "owned_value_usd",
    )}  # fmt: skip
    value = lease_present_value(
        number["noi_usd"],
        number["start"],
        number["term_years"],
        terms.cost_of_capital_frac,
        number["default_frac_per_year"],
        number["backstop_years"],
    )
    unspent = np.clip(number["start"] / np.maximum(number["building"], 1e-9), 0.0, 1.0)
    halfway = np.maximum(number["start"], 0.0) / 2
    capex = number["capex_usd_per_mw"] * number["owned_mw"] * unspent * (1 + terms.cost_of_capital_frac) ** -halfway
    building = number["capex_usd_per_mw"] * number["owned_mw"]
    residual = residual_present_value(building, number["start"] + number["term_years"], number["term_years"], terms)
    left = np.clip((number["start"] + number["term_years"]) / number["term_years"], 0.0, 1.0)
    missing = (
        pl.when(pl.col("owned_mw").is_null())
        .then(pl.lit("size not stated"))
        .when(pl.col("term_years").is_null())
        .then(pl.lit("term not stated"))
        .when(pl.col("noi_usd_m_per_mw_year").is_null())
        .then(pl.lit("value not stated"))
    )
    return leases.select(
        "ticker",
        "counterparty",
        "announced_on",
        pl.Series("noi_pv_usd", value).fill_nan(None),
        pl.Series("capex_left_usd", capex).fill_nan(None),
        pl.Series("residual_pv_usd", residual).fill_nan(None),
        pl.Series("net_value_usd", value + residual - capex).fill_nan(None),
        pl.Series("backlog_usd", number["owned_value_usd"] * left).fill_nan(None),
        "backstop_years",
        missing.alias("missing"),
    )


VALUE_SCHEMA = {
    "ticker": pl.String,
    "n_leases": pl.Int64,
    "n_valued": pl.Int64,
    "n_cloud": pl.Int64,
    "leased_mw": pl.Float64,
    "noi_pv_usd": pl.Float64,
    "noi_pv_usd_low": pl.Float64,
    "noi_pv_usd_high": pl.Float64,
    "capex_left_usd": pl.Float64,
    "capex_left_usd_low": pl.Float64,
    "capex_left_usd_high": pl.Float64,
    "residual_pv_usd": pl.Float64,
    "residual_pv_usd_low": pl.Float64,
    "residual_pv_usd_high": pl.Float64,
    "net_value_usd": pl.Float64,
    "net_value_usd_low": pl.Float64,
    "net_value_usd_high": pl.Float64,
    "backlog_usd": pl.Float64,
    "missing": pl.String,
}


AMOUNTS = ("noi_pv_usd", "capex_left_usd", "residual_pv_usd", "net_value_usd")
"""Amounts of a company that carry a range."""

_NOTHING: Mapping[str, Any] = {
    "n_leases": 0, "n_valued": 0, "n_cloud": 0, "leased_mw": 0.0, "noi_pv_usd": 0.0, "capex_left_usd": 0.0,
    "residual_pv_usd": 0.0, "net_value_usd": 0.0, "backlog_usd": 0.0, "missing": None,
}  # fmt: skip


def hpc_value_usd(
    contracts: pl.DataFrame,
    assumptions: Assumptions,
    as_of: dt.date,
    *,
    deliveries: pl.DataFrame | None = None,
    tickers: Sequence[str] | None = None,
) -> pl.DataFrame:
    r"""Worth of the contracted leases of each company on a day, with the range that the assumptions allow.

    Parameters
    ----------
    contracts : DataFrame
        Table ``hpc_contracts``; rows announced or known later than ``as_of`` are left out here.
    assumptions : Assumptions
        Margin, capital cost, discount rate, delay and default where a contract says nothing.
    as_of : date
        Day of the valuation.
    deliveries : DataFrame, optional
        Table ``hpc_deliveries``.
    tickers : sequence of str, optional
        Companies to list, also those without a lease (all numbers 0: known to have none on record); those with one
        when left out.

    Returns
    -------
    DataFrame
        Schema ``VALUE_SCHEMA``, sorted by ticker, in USD of the day: noi_pv_usd (present value of contracted operating
        income, the company's share), capex_left_usd (capital still to be spent for it), residual_pv_usd (the buildings
        after their leases), net_value_usd (income and residual less capital left), backlog_usd (revenue to come).
        ``_low`` and ``_high`` move one assumption at a time over its range and join the moves as independent.
        ``missing`` says which leases could not be valued; the sums then hold the others only, and are null where none
        could be. GPU cloud contracts are counted in n_cloud and carry no value.

    Notes
    -----
    .. math:: V_{low} = V - \sqrt{\sum_k \min(0, V_k^- - V, V_k^+ - V)^2}, \qquad
              V_{high} = V + \sqrt{\sum_k \max(0, V_k^- - V, V_k^+ - V)^2}
    """
    base = company_totals(contracts, hpc_terms(assumptions), as_of, deliveries)
    listed = sorted(set(tickers if tickers is not None else base))
    others = [
        company_totals(contracts, terms, as_of, deliveries)
        for pair in term_variants(assumptions).values()
        for terms in pair
    ]
    pairs = list(zip(others[::2], others[1::2], strict=True))
    rows = []
    for ticker in listed:
        found = base.get(ticker, _NOTHING)
        row: dict[str, object] = {"ticker": ticker, **{name: found[name] for name in _NOTHING}}
        for name in AMOUNTS:
            value = row[name]
            row[f"{name}_low"], row[f"{name}_high"] = value, value
            if not isinstance(value, float) or ticker not in base:
                continue
            moves = [[_moved(side[ticker][name], value) for side in pair] for pair in pairs]
            row[f"{name}_low"] = value - float(np.sqrt(sum(min(0.0, *move) ** 2 for move in moves)))
            row[f"{name}_high"] = value + float(np.sqrt(sum(max(0.0, *move) ** 2 for move in moves)))
        rows.append(row)
    return pl.DataFrame(rows, schema=VALUE_SCHEMA)


def _moved(value: object, base: float) -> float:
    return value - base if isinstance(value, float) else 0.0


def company_totals(
    contracts: pl.DataFrame, terms: HpcTerms, as_of: dt.date, deliveries: pl.DataFrame | None
) -> dict[str, dict[str, Any]]:
    """Sums over the leases in force of each company that has a contract, on one set of terms.

    Returns
    -------
    dict of str to dict
        By ticker: the central amounts of :func:`hpc_value_usd`, with the day of the last announcement and the sources.
    """
    registry = hpc_registry(contracts, terms, as_of=as_of, deliveries=deliveries)
    active: dict[str, list[dict[str, Any]]] = {}
    for row in registry.filter(pl.col("status") == "active").iter_rows(named=True):
        active.setdefault(row["ticker"], []).append(row)
    values: dict[str, list[dict[str, Any]]] = {ticker: [] for ticker in active}
    for row in contract_values(registry, terms, as_of).iter_rows(named=True):
        values[row["ticker"]].append(row)
    totals = {}
    for ticker, rows in active.items():
        mine = values[ticker]
        known = [row for row in mine if row["net_value_usd"] is not None]
        unknown = [row for row in mine if row["net_value_usd"] is None]
        backlog = [row["backlog_usd"] for row in mine if row["backlog_usd"] is not None]
        has_sum = bool(known) or not mine
        totals[ticker] = {
            "n_leases": len(mine),
            "n_valued": len(known),
            "n_cloud": len(rows) - len(mine),
            "leased_mw": float(sum(row["owned_mw"] or 0.0 for row in rows if not row["is_cloud"])),
            "last_announced_on": max(row["announced_on"] for row in rows),
            "sources": "; ".join(dict.fromkeys(row["source"] for row in rows)),
            "missing": "; ".join(f"{r['counterparty']} of {r['announced_on']}: {r['missing']}" for r in unknown)
            or None,
            "backlog_usd": float(sum(backlog)) if backlog or not mine else None,
            **{name: float(sum(row[name] for row in known)) if has_sum else None for name in AMOUNTS},
        }
    return totals
