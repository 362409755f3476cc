"""AI/HPC contracts per megawatt, beside what mining earns on the same megawatt.

A lease is rent for power, cooling and space. A GPU cloud contract pays for the computing hardware too, so its numbers
per megawatt stand apart and get no yield on the cost of a site.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from hashdesk.assumptions import Assumptions
from hashdesk.metrics.margin import power_cost_usd_per_ehs_day
from hashdesk.units import BTC_DAYS_PER_YEAR

FloatArray = NDArray[np.float64]

_USD_PER_USD_M = 1e6


def contract_economics(contracts: pl.DataFrame, assumptions: Assumptions | None = None) -> pl.DataFrame:
    r"""Revenue, operating income and yield per megawatt of each contract, from what its announcement states.

    Parameters
    ----------
    contracts : DataFrame
        Table ``hpc_contracts``: ticker, announced_on, critical_it_mw, gross_mw, term_years, contract_value_usd,
        annual_revenue_usd, annual_noi_usd, noi_margin_low_frac, noi_margin_high_frac, capex_low_usd_per_mw,
        capex_high_usd_per_mw, backstop_usd, is_cloud, is_contract, replaces, note. What an announcement does not
        state is null, and so is everything that needs it. Rows without a tenant (is_contract false) drop out.
    assumptions : Assumptions, optional
        Margin and capital cost for the indicative yield of leases that state neither.

    Returns
    -------
    DataFrame
        The contracts with revenue_usd_m_per_mw_year, noi_usd_m_per_mw_year_low and _high,
        yield_on_cost_frac_low and _high, backstop_cover_frac, mw_basis (``critical_it``; ``gross`` where only the
        gross load is stated, which makes every number per MW smaller) and is_replaced (a later row of the table
        restates it: do not add both); with assumptions also indicative_yield_on_cost_frac_low and _high. Operating
        income and yields are null for a GPU cloud.

    Notes
    -----
    With contract value V, term T and load M, margin range m and capital cost range k per MW:

    .. math:: r = \frac{V}{T\,M}, \qquad n = m\,r, \qquad y_{low} = \frac{n_{low}}{k_{high}}, \qquad
              y_{high} = \frac{n_{high}}{k_{low}}, \qquad b = \frac{\text{backstop}}{V}

    A stated yearly revenue or operating income stands in where the value, term or margin is not stated.
    """
    is_lease = ~pl.col("is_cloud")
    load, revenue = pl.coalesce("critical_it_mw", "gross_mw"), pl.col("revenue_usd_m_per_mw_year")
    is_gross = pl.col("critical_it_mw").is_null() & pl.col("gross_mw").is_not_null()
    stated_noi = _per(pl.col("annual_noi_usd") / _USD_PER_USD_M, load)
    replaced = [name.strip() for names in contracts["replaces"].drop_nulls() for name in names.split(";")]
    out = (
        contracts.filter("is_contract")
        .with_columns(
            revenue_usd_m_per_mw_year=pl.coalesce(
                _per(pl.col("contract_value_usd") / _USD_PER_USD_M, pl.col("term_years") * load),
                _per(pl.col("annual_revenue_usd") / _USD_PER_USD_M, load),
            ),
            backstop_cover_frac=_per(pl.col("backstop_usd"), pl.col("contract_value_usd")),
            mw_basis=pl.when(is_gross).then(pl.lit("gross")).when(load.is_not_null()).then(pl.lit("critical_it")),
            is_replaced=pl.format("{} {}", "ticker", "announced_on").is_in(replaced),
            note=pl.concat_str(
                "note", pl.when(is_gross).then(pl.lit("per gross MW")), separator="; ", ignore_nulls=True
            ).replace("", None),
        )
        .with_columns(
            noi_usd_m_per_mw_year_low=pl.when(is_lease).then(
                pl.coalesce(revenue * pl.col("noi_margin_low_frac"), stated_noi)
            ),
            noi_usd_m_per_mw_year_high=pl.when(is_lease).then(
                pl.coalesce(revenue * pl.col("noi_margin_high_frac"), stated_noi)
            ),
        )
    )
    capex_low, capex_high = pl.col("capex_low_usd_per_mw"), pl.col("capex_high_usd_per_mw")
    noi_low, noi_high = pl.col("noi_usd_m_per_mw_year_low"), pl.col("noi_usd_m_per_mw_year_high")
    out = out.with_columns(
        yield_on_cost_frac_low=_per(noi_low * _USD_PER_USD_M, capex_high),
        yield_on_cost_frac_high=_per(noi_high * _USD_PER_USD_M, capex_low),
    )
    if assumptions is None:
        return out
    margin, capex = assumptions["hpc_noi_margin_frac"], assumptions["hpc_capex_usd_per_mw"]
    lease_revenue = pl.when(is_lease).then(revenue)
    low_margin, high_margin = margin.low or margin.value, margin.high or margin.value
    low_capex, high_capex = capex.low or capex.value, capex.high or capex.value
    return out.with_columns(
        indicative_yield_on_cost_frac_low=_per(
            pl.coalesce(noi_low, lease_revenue * low_margin) * _USD_PER_USD_M, capex_high.fill_null(high_capex)
        ),
        indicative_yield_on_cost_frac_high=_per(
            pl.coalesce(noi_high, lease_revenue * high_margin) * _USD_PER_USD_M, capex_low.fill_null(low_capex)
        ),
    )


@dataclass(frozen=True, slots=True)
class MiningPerMw:
    """What one megawatt of machines earns by mining over a year, at the income of today."""

    revenue_usd_m_per_mw_year: FloatArray
    gross_profit_usd_m_per_mw_year: FloatArray


def mining_per_mw(
    revenue_usd_per_ehs_day: ArrayLike, efficiency_j_per_th: ArrayLike, power_price_usd_per_mwh: float
) -> MiningPerMw:
    r"""Revenue and gross profit of mining per megawatt drawn by the machines, over 365 days.

    Today's income held for a year: no rise of difficulty, no halving, no switching off.

    Parameters
    ----------
    revenue_usd_per_ehs_day : array_like, shape (n,)
        Block-reward revenue. [USD/(EH/s)/day]
    efficiency_j_per_th : array_like, shape (n,)
        Efficiency of the machines. [J/TH]
    power_price_usd_per_mwh : float
        Power price. [USD/MWh]

    Returns
    -------
    MiningPerMw
        Arrays of shape (n,); NaN in, NaN out. [USD m/MW/year]

    Raises
    ------
    InputError
        An efficiency is not positive.

    Notes
    -----
    .. math:: r = 365\,R / e, \qquad g = 365\,(R / e - 24\,c)

    Examples
    --------
    >>> mining = mining_per_mw(49_700, 18.9, 50)
    >>> float(mining.revenue_usd_m_per_mw_year.round(2)), float(mining.gross_profit_usd_m_per_mw_year.round(2))
    (0.96, 0.52)
    """
    efficiency = np.asarray(efficiency_j_per_th, dtype=np.float64)
    cost = power_cost_usd_per_ehs_day(efficiency, power_price_usd_per_mwh)
    revenue = np.asarray(revenue_usd_per_ehs_day, dtype=np.float64)
    yearly = BTC_DAYS_PER_YEAR / efficiency / _USD_PER_USD_M
    return MiningPerMw(revenue * yearly, (revenue - cost) * yearly)


def _per(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """Quotient that is null where the denominator is not positive."""
    return pl.when(denominator > 0).then(numerator / denominator)
