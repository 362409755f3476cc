"""The registry of AI/HPC contracts: what stands on a day, what is owned of it, and what it is worth.

A restatement takes the place of the rows it restates; a venture counts with the company's share; a site without a
tenant and an option that nobody has taken up stand apart. GPU cloud contracts are listed and never valued as leases.

What the leases of a company are worth comes from :func:`hashdesk.metrics.hpc_value.hpc_value_usd`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import polars as pl

from hashdesk.assumptions import Assumptions
from hashdesk.metrics.hpc import contract_economics

DAYS_PER_YEAR = 365.25
TENANT_PAYS = "tenant pays for the building work"
"""Words of a contract's note that move the capital cost of the building to the tenant."""

INVESTMENT_GRADE = ("Amazon", "Microsoft", "investment-grade")
"""Words in a counterparty's name that mark a tenant of investment grade."""


@dataclass(frozen=True, slots=True)
class HpcTerms:
    """What is believed where a contract says nothing; the desk fills it from its assumptions."""

    noi_margin_low_frac: float
    noi_margin_high_frac: float
    capex_low_usd_per_mw: float
    capex_high_usd_per_mw: float
    cost_of_capital_frac: float
    """Discount rate of leases [1/year]."""
    delay_years: float
    """From announcement to first rent where no delivery date is known [years]."""
    default_frac_per_year: float
    """Chance in a year that a tenant without investment grade stops paying."""
    default_investment_grade_frac_per_year: float
    site_life_years: float
    """A building loses its cost evenly over this span; what is left at the end of a lease still counts [years]."""
    noi_margin_position: float = 0.5
    """Where in a range of margins the value is read: 0 its low end, 1 its high end."""
    capex_position: float = 0.5
    """Where in a range of capital costs the value is read."""


TERM_OF_ASSUMPTION = {
    "hpc_cost_of_capital_frac": "cost_of_capital_frac",
    "hpc_delay_years": "delay_years",
    "hpc_tenant_default_frac_per_year": "default_frac_per_year",
    "hpc_tenant_default_investment_grade_frac_per_year": "default_investment_grade_frac_per_year",
    "hpc_site_life_years": "site_life_years",
}
"""Entry of the assumptions to the field of the terms that it fills."""


def hpc_terms(assumptions: Assumptions) -> HpcTerms:
    """Terms from the desk's assumptions."""
    margin, capex = assumptions["hpc_noi_margin_frac"], assumptions["hpc_capex_usd_per_mw"]
    return HpcTerms(
        noi_margin_low_frac=margin.low or margin.value,
        noi_margin_high_frac=margin.high or margin.value,
        capex_low_usd_per_mw=capex.low or capex.value,
        capex_high_usd_per_mw=capex.high or capex.value,
        **{field: assumptions[key].value for key, field in TERM_OF_ASSUMPTION.items()},
    )


def term_variants(assumptions: Assumptions) -> dict[str, tuple[HpcTerms, HpcTerms]]:
    """Terms with one assumption at its low and at its high end, by the assumption's id; the others in the middle.

    An assumption without a range (the caller's own value) has no entry. Margin and capital cost move over the range
    that a contract states, or over the assumed one.
    """
    base = hpc_terms(assumptions)
    variants = {
        "hpc_noi_margin_frac": (replace(base, noi_margin_position=0.0), replace(base, noi_margin_position=1.0)),
        "hpc_capex_usd_per_mw": (replace(base, capex_position=0.0), replace(base, capex_position=1.0)),
    }
    for key, field in TERM_OF_ASSUMPTION.items():
        entry = assumptions[key]
        if entry.low is not None and entry.high is not None:
            variants[key] = (replace(base, **{field: entry.low}), replace(base, **{field: entry.high}))
    return variants


def hpc_registry(
    contracts: pl.DataFrame,
    terms: HpcTerms,
    *,
    as_of: dt.date | None = None,
    deliveries: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Every contract and site known on a day, with its status, what the company owns of it, and when rent begins.

    Parameters
    ----------
    contracts : DataFrame
        Table ``hpc_contracts``.
    terms : HpcTerms
        Used where a contract states no margin, capital cost or date of delivery; ``*_basis`` columns say where.
    as_of : date, optional
        Leave out what was announced or became known after this day, restatements included; all when left out.
    deliveries : DataFrame, optional
        Table ``hpc_deliveries``: planned and reported delivery of each contract.

    Returns
    -------
    DataFrame
        The columns of :func:`~hashdesk.metrics.hpc.contract_economics` and

        - status: ``active``; ``replaced`` (a row that stands on this day restates it: never add both); ``site`` (no
          tenant: a plan or an open option, never part of a total);
        - replaced_by: ticker and day of the row that restates it;
        - owned_frac: the company's share, 1 without a venture; owned_mw (critical IT load, or gross load where only
          that is stated, see mw_basis) and owned_value_usd: the company's part of load and contract value;
        - noi_usd_m_per_mw_year and noi_basis (``stated``, ``assumed margin``; null for a cloud or without revenue);
        - capex_usd_per_mw, per MW of mw_basis, and capex_basis (``stated``, ``assumed``, ``tenant pays``);
        - backstop_usd: where a restatement names a guarantor but no amount, what the restated rows had from it;
        - site_mw and is_site_mw_estimated: grid power of the site; where it is not stated, the critical load times the
          median of gross over critical load of the contracts that state both;
        - default_frac_per_year: chance in a year that this tenant stops paying;
        - rent_from, rent_to and rent_basis (``planned``, ``delivered``, ``assumed delay``): first and last day of rent.

        Sorted by day of announcement.
    """
    if as_of is not None:
        contracts = contracts.filter((pl.col("known_at") <= as_of) & (pl.col("announced_on") <= as_of))
        deliveries = None if deliveries is None else deliveries.filter(pl.col("known_at") <= as_of)
    sites = contracts.filter(~pl.col("is_contract")).with_columns(status=pl.lit("site"))
    frame = contract_economics(contracts)
    replaced_by = _replaced_by(contracts)
    name = pl.format("{} {}", "ticker", "announced_on")
    frame = frame.with_columns(
        replaced_by=name.replace_strict(replaced_by, default=None, return_dtype=pl.String),
        owned_frac=pl.col("jv_share_frac").fill_null(1.0),
    ).with_columns(status=pl.when(pl.col("replaced_by").is_null()).then(pl.lit("active")).otherwise(pl.lit("replaced")))
    frame = _with_site_power(_with_carried_terms(frame))
    frame = _with_noi_and_capex(frame, terms)
    frame = _with_rent_days(frame, terms, deliveries)
    load = pl.coalesce("critical_it_mw", "gross_mw")
    grade = pl.any_horizontal(pl.col("counterparty").str.contains(word, literal=True) for word in INVESTMENT_GRADE)
    frame = frame.with_columns(
        owned_mw=load * pl.col("owned_frac"),
        owned_value_usd=pl.col("contract_value_usd") * pl.col("owned_frac"),
        default_frac_per_year=pl.when(grade)
        .then(terms.default_investment_grade_frac_per_year)
        .otherwise(terms.default_frac_per_year),
    )
    return pl.concat([frame, sites], how="diagonal").sort("announced_on", "ticker", "counterparty")


def _replaced_by(contracts: pl.DataFrame) -> dict[str, str]:
    """Restated row to the row that restates it, both as ticker and day."""
    found = {}
    for row in contracts.filter(pl.col("replaces").is_not_null()).sort("announced_on").iter_rows(named=True):
        for name in row["replaces"].split(";"):
            found[name.strip()] = f"{row['ticker']} {row['announced_on']}"
    return found


def _with_carried_terms(frame: pl.DataFrame) -> pl.DataFrame:
    """Guarantees and capital costs of restated rows, where the restatement does not say them anew."""
    restated = frame.filter(pl.col("replaced_by").is_not_null())
    carried = restated.group_by("replaced_by").agg(
        backstop=pl.col("backstop_usd").sum(),
        low=pl.col("capex_low_usd_per_mw").min(),
        high=pl.col("capex_high_usd_per_mw").max(),
    )
    frame = frame.with_columns(name=pl.format("{} {}", "ticker", "announced_on")).join(
        carried, left_on="name", right_on="replaced_by", how="left"
    )
    is_guaranteed = pl.col("backstop_by").is_not_null() & (pl.col("backstop") > 0)
    return frame.with_columns(
        backstop_usd=pl.coalesce("backstop_usd", pl.when(is_guaranteed).then("backstop")),
        backstop_cover_frac=pl.coalesce(
            "backstop_cover_frac", pl.when(is_guaranteed).then(pl.col("backstop") / pl.col("contract_value_usd"))
        ),
        capex_low_usd_per_mw=pl.coalesce("capex_low_usd_per_mw", "low"),
        capex_high_usd_per_mw=pl.coalesce("capex_high_usd_per_mw", "high"),
    ).drop("name", "backstop", "low", "high")


def _with_site_power(frame: pl.DataFrame) -> pl.DataFrame:
    """Grid power of each site, and the ratio of gross to critical load that it rests on."""
    ratio = (frame["gross_mw"] / frame["critical_it_mw"]).median()
    return frame.with_columns(
        gross_per_critical=pl.coalesce(pl.col("gross_mw") / pl.col("critical_it_mw"), pl.lit(ratio, pl.Float64)),
        is_site_mw_estimated=pl.col("gross_mw").is_null(),
    ).with_columns(site_mw=pl.coalesce("gross_mw", pl.col("critical_it_mw") * pl.col("gross_per_critical")))


def _with_noi_and_capex(frame: pl.DataFrame, terms: HpcTerms) -> pl.DataFrame:
    """Operating income and capital cost per MW, stated or assumed; null for a cloud."""
    margin = _between(terms.noi_margin_low_frac, terms.noi_margin_high_frac, terms.noi_margin_position)
    capex = _between(terms.capex_low_usd_per_mw, terms.capex_high_usd_per_mw, terms.capex_position)
    is_lease = ~pl.col("is_cloud")
    low, high = pl.col("noi_usd_m_per_mw_year_low"), pl.col("noi_usd_m_per_mw_year_high")
    stated = low + terms.noi_margin_position * (high - low)
    cost_low, cost_high = pl.col("capex_low_usd_per_mw"), pl.col("capex_high_usd_per_mw")
    stated_capex = cost_low + terms.capex_position * (cost_high - cost_low)
    tenant_pays = pl.col("note").fill_null("").str.contains(TENANT_PAYS, literal=True)
    return frame.with_columns(
        noi_usd_m_per_mw_year=pl.coalesce(stated, pl.when(is_lease).then(pl.col("revenue_usd_m_per_mw_year") * margin)),
        noi_basis=pl.when(stated.is_not_null())
        .then(pl.lit("stated"))
        .when(is_lease & pl.col("revenue_usd_m_per_mw_year").is_not_null())
        .then(pl.lit("assumed margin")),
        capex_usd_per_mw=pl.when(is_lease).then(
            pl.when(tenant_pays)
            .then(0.0)
            .when(pl.col("mw_basis") == "gross")
            .then(pl.coalesce(stated_capex, pl.lit(capex)) / pl.col("gross_per_critical"))
            .otherwise(pl.coalesce(stated_capex, pl.lit(capex)))
        ),
        capex_basis=pl.when(is_lease).then(
            pl.when(tenant_pays)
            .then(pl.lit("tenant pays"))
            .when(stated_capex.is_not_null())
            .then(pl.lit("stated"))
            .otherwise(pl.lit("assumed"))
        ),
    )


def _between(low: float, high: float, position: float) -> float:
    return low + position * (high - low)


def _with_rent_days(frame: pl.DataFrame, terms: HpcTerms, deliveries: pl.DataFrame | None) -> pl.DataFrame:
    """First and last day of rent: the middle of the delivery window, weighted by load, or the assumed delay."""
    keys = ["ticker", "counterparty", "announced_on"]
    if deliveries is None:
        frame = frame.with_columns(delivery=pl.lit(None, pl.Date), delivery_status=pl.lit(None, pl.String))
    else:
        middle = (pl.col("ready_from").cast(pl.Int32) + pl.col("ready_to").cast(pl.Int32)) / 2
        weight = pl.col("phase_mw").fill_null(1.0)
        planned = (
            deliveries.filter(pl.col("is_delivered").not_())
            .group_by(keys)
            .agg(
                delivery=((middle * weight).sum() / weight.sum()).round().cast(pl.Int32).cast(pl.Date),
                delivery_status=pl.lit("planned"),
            )
        )
        frame = frame.join(planned, on=keys, how="left")
    delay = round(terms.delay_years * DAYS_PER_YEAR)
    rent_from = pl.coalesce("delivery", pl.col("announced_on") + pl.duration(days=delay))
    return (
        frame.with_columns(
            rent_from=rent_from,
            rent_basis=pl.col("delivery_status").fill_null("assumed delay"),
        )
        .with_columns(
            rent_to=pl.col("rent_from")
            + pl.duration(days=(pl.col("term_years") * DAYS_PER_YEAR).round().cast(pl.Int64))
        )
        .drop("delivery", "delivery_status")
    )
