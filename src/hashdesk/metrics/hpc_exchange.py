"""A leased megawatt against a mined one: what each is worth at the decision, and the hashprice at which the sign flips.

Both sides are counted per megawatt of grid power, over the same years: from the announcement to the end of the lease.
The lease carries its capital cost, the wait for the first rent, a tenant that may stop paying, a guarantee with a cap,
and the warrants that were given for it. Mining carries its option to switch off.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hashdesk.assumptions import Assumptions
from hashdesk.metrics.hpc_registry import DAYS_PER_YEAR, HpcTerms, hpc_registry, hpc_terms, term_variants
from hashdesk.metrics.hpc_value import lease_present_value, residual_present_value
from hashdesk.metrics.mining_option import MiningTerms, flip_revenue_usd_per_ehs_day, mining_value

FloatArray = NDArray[np.float64]

PHS_PER_EHS = 1_000.0

MINING_TERM_OF_ASSUMPTION = {
    "pue": "pue",
    "hashprice_log_drift_per_year": "log_drift_per_year",
    "hashprice_volatility": "volatility",
    "mining_cost_of_capital_frac": "cost_of_capital_frac",
}
"""Entry of the assumptions to the field of the mining terms that it fills."""

EXCHANGE_SCHEMA = {
    "ticker": pl.String,
    "counterparty": pl.String,
    "announced_on": pl.Date,
    "site_mw": pl.Float64,
    "is_site_mw_estimated": pl.Boolean,
    "years": pl.Float64,
    "lease_income_usd_m_per_mw": pl.Float64,
    "capex_usd_m_per_mw": pl.Float64,
    "residual_usd_m_per_mw": pl.Float64,
    "warrant_usd_m_per_mw": pl.Float64,
    "lease_value_usd_m_per_mw": pl.Float64,
    "mining_value_usd_m_per_mw": pl.Float64,
    "mining_option_usd_m_per_mw": pl.Float64,
    "exchange_rate_x": pl.Float64,
    "flip_hashprice_usd_per_phs_day": pl.Float64,
    "missing": pl.String,
}


def mining_terms(assumptions: Assumptions, efficiency_j_per_th: float) -> MiningTerms:
    """Terms of mining from the desk's assumptions and an efficiency [J/TH]."""
    fields = {field: assumptions[key].value for key, field in MINING_TERM_OF_ASSUMPTION.items()}
    return MiningTerms(efficiency_j_per_th, assumptions.power_price_usd_per_mwh, **fields)


def lease_against_mining(
    registry: pl.DataFrame,
    terms: HpcTerms,
    mining: MiningTerms,
    revenue_usd_per_ehs_day: float,
    warrants: Mapping[tuple[str, object], float] | None = None,
    *,
    counts_backstop: bool = True,
) -> pl.DataFrame:
    r"""Value of every lease per megawatt of grid power, against mining on it at today's income.

    Parameters
    ----------
    registry : DataFrame
        From :func:`~hashdesk.metrics.hpc_registry.hpc_registry`; replaced rows, sites and clouds drop out.
    terms : HpcTerms
        For the discount rate; the registry was made with the same terms.
    mining : MiningTerms
        Machines, power, drift, volatility and discount rate of mining.
    revenue_usd_per_ehs_day : float
        Income of hashrate. [USD/(EH/s)/day]
    warrants : mapping of (ticker, announced_on) to float, optional
        Cost of the warrants given with a contract. [USD]
    counts_backstop : bool, default True
        Whether a third party's guarantee counts.

    Returns
    -------
    DataFrame
        Schema ``EXCHANGE_SCHEMA``. exchange_rate_x is lease value over mining value: above 1 the lease is worth more.
        flip_hashprice is the hashprice from which mining is worth more; null where the lease does not earn its capital
        back (mining, which can be switched off, is then ahead at any hashprice) or where a number is missing.

    Notes
    -----
    .. math:: L = \frac{PV(\text{NOI}) + PV(\text{residual}) - K (1+r)^{-s/2} - W}{\text{MW}_{grid}}, \qquad
              x = L / M(R)

    with capital cost K spent evenly over the s years to the first rent, and warrants W.
    """
    leases = registry.filter((pl.col("status") == "active") & ~pl.col("is_cloud").fill_null(False))
    years = (pl.col("rent_from") - pl.col("announced_on")).dt.total_days() / DAYS_PER_YEAR
    load = pl.coalesce("critical_it_mw", "gross_mw")
    leases = leases.with_columns(
        wait=years,
        load=load,
        cover=(pl.col("backstop_usd") / pl.col("contract_value_usd") * pl.col("term_years")).fill_null(0.0),
    )
    number = {
        name: leases[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        for name in (
            "wait",
            "load",
            "cover",
            "term_years",
            "site_mw",
            "noi_usd_m_per_mw_year",
            "capex_usd_per_mw",
            "default_frac_per_year",
            "owned_frac",
        )
    }
    per_site = number["load"] / number["site_mw"]
    income = per_site * lease_present_value(
        number["noi_usd_m_per_mw_year"],
        number["wait"],
        number["term_years"],
        terms.cost_of_capital_frac,
        number["default_frac_per_year"],
        number["cover"] if counts_backstop else 0.0,
    )
    building = per_site * number["capex_usd_per_mw"] / 1e6
    capex = building * (1 + terms.cost_of_capital_frac) ** (-number["wait"] / 2)
    span = number["wait"] + number["term_years"]
    residual = residual_present_value(building, span, number["term_years"], terms)
    given = warrants or {}
    keys = leases.select("ticker", "announced_on").rows()
    # Warrants are the company's, so they weigh on its share of the site.
    warrant = np.array([given.get(key, 0.0) for key in keys]) / 1e6 / (number["site_mw"] * number["owned_frac"])
    value = income + residual - capex - warrant
    mined = mining_value(np.full(len(span), revenue_usd_per_ehs_day), span, mining)
    flip = flip_revenue_usd_per_ehs_day(value, span, mining) / PHS_PER_EHS
    columns = {
        "years": span,
        "lease_income_usd_m_per_mw": income,
        "capex_usd_m_per_mw": capex,
        "residual_usd_m_per_mw": residual,
        "warrant_usd_m_per_mw": warrant,
        "lease_value_usd_m_per_mw": value,
        "mining_value_usd_m_per_mw": mined.with_option_usd_m_per_mw,
        "mining_option_usd_m_per_mw": mined.option_usd_m_per_mw,
        "exchange_rate_x": value / mined.with_option_usd_m_per_mw,
        "flip_hashprice_usd_per_phs_day": flip,
    }
    missing = (
        pl.when(pl.col("load").is_null())
        .then(pl.lit("size not stated"))
        .when(pl.col("term_years").is_null())
        .then(pl.lit("term not stated"))
        .when(pl.col("noi_usd_m_per_mw_year").is_null())
        .then(pl.lit("value not stated"))
        .when(pl.col("lease_value_usd_m_per_mw") <= 0)
        .then(pl.lit("the lease does not earn its capital back on these terms"))
    )
    frame = leases.with_columns(pl.Series(name, values).fill_nan(None) for name, values in columns.items())
    return frame.with_columns(missing=missing).select(EXCHANGE_SCHEMA.keys()).cast(EXCHANGE_SCHEMA)  # type: ignore[arg-type]


SENSITIVITY_SCHEMA = {
    "ticker": pl.String,
    "counterparty": pl.String,
    "announced_on": pl.Date,
    "changed": pl.String,
    "end": pl.String,
    "lease_value_usd_m_per_mw": pl.Float64,
    "mining_value_usd_m_per_mw": pl.Float64,
    "exchange_rate_x": pl.Float64,
    "flip_hashprice_usd_per_phs_day": pl.Float64,
}


def exchange_sensitivity(
    contracts: pl.DataFrame,
    assumptions: Assumptions,
    revenue_usd_per_ehs_day: float,
    efficiency_j_per_th: float,
    warrants: Mapping[tuple[str, object], float] | None = None,
    *,
    as_of: object = None,
    deliveries: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The exchange rate and the flip with one belief at a time at either end of its range.

    Parameters
    ----------
    contracts, deliveries : DataFrame
        Tables ``hpc_contracts`` and ``hpc_deliveries``.
    assumptions : Assumptions
        Every entry of ``TERM_OF_ASSUMPTION``, ``MINING_TERM_OF_ASSUMPTION``, margin and capital cost that has a range.
    revenue_usd_per_ehs_day, efficiency_j_per_th : float
        Income of hashrate and efficiency of the machines. [USD/(EH/s)/day], [J/TH]
    warrants : mapping, optional
        As in :func:`lease_against_mining`.
    as_of : date, optional
        Leave out what was announced or became known later.

    Returns
    -------
    DataFrame
        Schema ``SENSITIVITY_SCHEMA``: one row per lease, belief and end (``low``, ``high``); ``without`` for the
        backstop and the warrants, which are left out altogether. A year more or less of waiting moves contracts with a
        planned date too.
    """
    base, mining = hpc_terms(assumptions), mining_terms(assumptions, efficiency_j_per_th)
    frames = []
    registries: dict[HpcTerms, pl.DataFrame] = {}

    def add(changed: str, end: str, terms: HpcTerms, rules: MiningTerms, **options: object) -> None:
        if terms not in registries:
            registries[terms] = hpc_registry(contracts, terms, as_of=as_of, deliveries=deliveries)  # type: ignore[arg-type]
        registry = registries[terms]
        if changed == "hpc_delay_years":
            late = round((terms.delay_years - base.delay_years) * DAYS_PER_YEAR)
            planned = pl.col("rent_basis") == "planned"
            registry = registry.with_columns(
                pl.when(planned).then(pl.col(day) + pl.duration(days=late)).otherwise(day).alias(day)
                for day in ("rent_from", "rent_to")
            )
        given = {} if options.get("no_warrants") else warrants
        rows = lease_against_mining(
            registry, terms, rules, revenue_usd_per_ehs_day, given, counts_backstop=not options.get("no_backstop")
        )
        frames.append(rows.with_columns(changed=pl.lit(changed), end=pl.lit(end)).select(SENSITIVITY_SCHEMA.keys()))

    for key, pair in term_variants(assumptions).items():
        for end, terms in zip(("low", "high"), pair, strict=True):
            add(key, end, terms, mining)
    for key, field in MINING_TERM_OF_ASSUMPTION.items():
        entry = assumptions[key]
        for end, value in (("low", entry.low), ("high", entry.high)):
            if value is not None:
                add(key, end, base, dataclasses.replace(mining, **{field: value}))
    add("backstop", "without", base, mining, no_backstop=True)
    add("warrants", "without", base, mining, no_warrants=True)
    return pl.concat(frames).sort("announced_on", "ticker", "changed", "end")
