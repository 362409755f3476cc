"""The pivot beside the leases themselves: warrants given, load leased and delivered, backlog, money missing."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from hashdesk.calendar import months_between
from hashdesk.metrics.equities import Market
from hashdesk.metrics.hpc_registry import HpcTerms, hpc_registry
from hashdesk.metrics.hpc_value import contract_values

_SHARES = re.compile(r"(\d+(?:\.\d+)?)m\b")
_STRIKE = re.compile(r"at (\d+(?:\.\d+)?) USD|market price")
_STAKE = re.compile(r"(\d+(?:\.\d+)?)%")


@dataclass(frozen=True, slots=True)
class Hpc:
    """The AI/HPC pivot as known on a day."""

    as_of: dt.date
    registry: pl.DataFrame
    """From ``hashdesk.metrics.hpc_registry.hpc_registry``: every contract and site with its status."""
    values: pl.DataFrame
    """By company, schema ``hashdesk.metrics.hpc_value.VALUE_SCHEMA``."""
    progress: pl.DataFrame
    """Leased and delivered load by company, schema ``PROGRESS_SCHEMA``."""
    backlog: pl.DataFrame
    """By month and company, schema ``BACKLOG_SCHEMA``."""
    warrants: pl.DataFrame
    """Schema ``WARRANT_SCHEMA``."""
    funding: pl.DataFrame
    """Schema ``FUNDING_SCHEMA``."""
    exchange: pl.DataFrame
    """Lease against mining by contract, schema ``hashdesk.metrics.hpc_exchange.EXCHANGE_SCHEMA``."""
    sensitivity: pl.DataFrame
    """The same with one belief at a time changed, schema ``hashdesk.metrics.hpc_exchange.SENSITIVITY_SCHEMA``."""
    hashprice_usd_per_phs_day: float
    """Income of hashrate that mining is valued at."""
    hashprice_month: str
    cloud_capex_usd_m_per_mw: float
    """Building and computing hardware of a GPU cloud: the reason why its revenue is no match for a lease."""


WARRANT_SCHEMA = {
    "ticker": pl.String,
    "counterparty": pl.String,
    "announced_on": pl.Date,
    "warrants": pl.String,
    "shares": pl.Float64,
    "stake_frac": pl.Float64,
    "price_usd": pl.Float64,
    "price_date": pl.Date,
    "warrant_cost_usd": pl.Float64,
    "basis": pl.String,
    "missing": pl.String,
}


def warrant_costs(contracts: pl.DataFrame, market: Market) -> pl.DataFrame:
    """What the warrants given with each contract were worth on the last close before its announcement.

    Parameters
    ----------
    contracts : DataFrame
        Table ``hpc_contracts``; rows without warrants drop out.
    market : Market
        Closes and share counts.

    Returns
    -------
    DataFrame
        Schema ``WARRANT_SCHEMA``. Where the number of shares is stated, cost is shares x close; where only a stake is
        stated, it is the rise of the stake over what the same holder was already given x market cap. Warrants of
        guarantors are for next to nothing, so the exercise price is taken as zero; warrants at a stated or a market
        price are no gift of that size and stay without a cost, with the reason in ``missing``.
    """
    rows = []
    stakes: dict[tuple[str, str], float] = {}
    for contract in contracts.filter(pl.col("warrants").is_not_null()).sort("announced_on").iter_rows(named=True):
        text, ticker = contract["warrants"], contract["ticker"]
        row: dict[str, object] = dict.fromkeys(WARRANT_SCHEMA)
        row |= {name: contract[name] for name in ("ticker", "counterparty", "announced_on", "warrants")}
        shares, stake = _SHARES.search(text), _STAKE.search(text)
        row["shares"] = float(shares[1]) * 1e6 if shares else None
        total = float(stake[1]) / 100 if stake else None
        holder = (ticker, contract["backstop_by"] or contract["counterparty"])
        if total is not None:
            row["stake_frac"] = total - stakes.get(holder, 0.0)
            stakes[holder] = total
        before = contract["announced_on"] - dt.timedelta(days=1)
        close, count = market.close(ticker, before), market.shares(ticker, before)
        if _STRIKE.search(text):
            row["missing"] = "exercised at a price: worth what the share gains, not the share"
        elif close is None:
            row["missing"] = "no close before the announcement"
        elif shares:
            row["basis"] = "shares x close before the announcement"
            row["warrant_cost_usd"] = float(shares[1]) * 1e6 * close.close_usd
        elif total is None:
            row["missing"] = "neither shares nor a stake stated"
        elif count is None:
            row["missing"] = "no share count before the announcement"
        else:
            stake_given = row["stake_frac"]
            assert isinstance(stake_given, float)
            row["basis"] = "rise of the stake x market cap before the announcement"
            row["warrant_cost_usd"] = stake_given * close.close_usd * count.shares_outstanding
        if close is not None:
            row |= {"price_usd": close.close_usd, "price_date": close.date}
        rows.append(row)
    return pl.DataFrame(rows, schema=WARRANT_SCHEMA)


PROGRESS_SCHEMA = {
    "ticker": pl.String,
    "leased_mw": pl.Float64,
    "stated_contracted_mw": pl.Float64,
    "stated_as_of": pl.Date,
    "due_mw": pl.Float64,
    "delivered_mw": pl.Float64,
    "delivered_as_of": pl.Date,
    "cloud_mw": pl.Float64,
    "next_delivery": pl.Date,
}


def leased_and_delivered(
    registry: pl.DataFrame, deliveries: pl.DataFrame, power_capacity: pl.DataFrame, as_of: dt.date
) -> pl.DataFrame:
    """Load under lease by company, what of it was due by a day, and what was reported as running.

    Parameters
    ----------
    registry : DataFrame
        From :func:`~hashdesk.metrics.hpc_registry.hpc_registry`, read on the same day.
    deliveries : DataFrame
        Table ``hpc_deliveries``.
    power_capacity : DataFrame
        Table ``power_capacity``: the load under contract as the company counts it.
    as_of : date
        Day of the reading.

    Returns
    -------
    DataFrame
        Schema ``PROGRESS_SCHEMA``, by ticker. due_mw adds phases whose planned span ended by the day; it is null where
        no plan of the company states a load. delivered_mw is the latest report known by then; null where there is none,
        which does not mean that nothing runs.
    """
    active = registry.filter(pl.col("status") == "active")
    plans = deliveries.filter((pl.col("known_at") <= as_of) & ~pl.col("is_delivered")).join(
        active.select("ticker", "counterparty", "announced_on", "owned_frac"),
        on=["ticker", "counterparty", "announced_on"],
        how="inner",
    )
    due = (
        plans.filter(pl.col("phase_mw").is_not_null())
        .group_by("ticker")
        .agg(
            due_mw=(
                pl.when(pl.col("ready_to") <= as_of).then(pl.col("phase_mw") * pl.col("owned_frac")).otherwise(0.0)
            ).sum()
        )
    )
    coming = plans.filter(pl.col("ready_to") > as_of).group_by("ticker").agg(next_delivery=pl.col("ready_to").min())
    reported = (
        deliveries.filter((pl.col("known_at") <= as_of) & pl.col("is_delivered"))
        .sort("ready_from")
        .group_by("ticker")
        .agg(delivered_mw=pl.col("phase_mw").last(), delivered_as_of=pl.col("ready_from").last())
    )
    stated = (
        power_capacity.filter((pl.col("known_at") <= as_of) & pl.col("hpc_it_contracted_mw").is_not_null())
        .sort("as_of")
        .group_by("ticker")
        .agg(stated_contracted_mw=pl.col("hpc_it_contracted_mw").last(), stated_as_of=pl.col("as_of").last())
    )
    totals = active.group_by("ticker").agg(
        leased_mw=pl.col("owned_mw").filter(~pl.col("is_cloud")).sum(),
        cloud_mw=pl.col("owned_mw").filter("is_cloud").sum(),
    )
    for other in (stated, due, reported, coming):
        totals = totals.join(other, on="ticker", how="left")
    return totals.select(PROGRESS_SCHEMA.keys()).cast(PROGRESS_SCHEMA).sort("ticker")  # type: ignore[arg-type]


BACKLOG_SCHEMA = {
    "month": pl.Date,
    "ticker": pl.String,
    "leased_mw": pl.Float64,
    "backlog_usd": pl.Float64,
    "cloud_value_usd": pl.Float64,
    "n_unstated": pl.Int64,
}


def backlog_history(
    contracts: pl.DataFrame,
    terms: HpcTerms,
    first: dt.date,
    last: dt.date,
    *,
    deliveries: pl.DataFrame | None = None,
    tickers: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Contracted backlog of each company at every month's end, as it was known then.

    Parameters
    ----------
    contracts, deliveries : DataFrame
        Tables ``hpc_contracts`` and ``hpc_deliveries``.
    terms : HpcTerms
        For the delay where no date is planned.
    first, last : date
        Months, both included.
    tickers : sequence of str, optional
        Companies; all with a contract when left out.

    Returns
    -------
    DataFrame
        Schema ``BACKLOG_SCHEMA``: load under lease and revenue still to come (the company's share), the value of GPU
        cloud contracts beside it, and the number of leases whose value nobody stated: the backlog leaves those out, and
        is null where it is all of them.
    """
    frames = []
    # A registry changes only where a fact became known, so most months share that of the month before.
    registries: dict[int, pl.DataFrame] = {}
    facts = [contracts] if deliveries is None else [contracts, deliveries]
    for period in months_between(first, last):
        day = period.last_day
        n_known = sum(frame.filter(pl.max_horizontal("known_at", "announced_on") <= day).height for frame in facts)
        if n_known not in registries:
            registries[n_known] = hpc_registry(contracts, terms, as_of=day, deliveries=deliveries)
        registry = registries[n_known]
        active = registry.filter(pl.col("status") == "active")
        if tickers is not None:
            active = active.filter(pl.col("ticker").is_in(list(tickers)))
        if active.is_empty():
            continue
        values = (
            contract_values(registry, terms, day)
            .group_by("ticker")
            .agg(
                backlog_usd=pl.when(pl.col("backlog_usd").count() > 0).then(pl.col("backlog_usd").sum()),
                n_unstated=pl.col("backlog_usd").is_null().sum().cast(pl.Int64),
            )
        )
        cloud = pl.col("owned_value_usd").filter("is_cloud")
        frames.append(
            active.group_by("ticker")
            .agg(
                leased_mw=pl.col("owned_mw").filter(~pl.col("is_cloud")).sum(),
                cloud_value_usd=pl.when(cloud.count() > 0).then(cloud.sum()),
            )
            .join(values, on="ticker", how="left")
            .with_columns(month=pl.lit(period.start))
        )
    if not frames:
        return pl.DataFrame(schema=BACKLOG_SCHEMA)
    return pl.concat(frames).select(BACKLOG_SCHEMA.keys()).cast(BACKLOG_SCHEMA).sort("month", "ticker")  # type: ignore[arg-type]


FUNDING_SCHEMA = {
    "ticker": pl.String,
    "capex_left_usd": pl.Float64,
    "cash_usd": pl.Float64,
    "cash_as_of": pl.Date,
    "raised_since_usd": pl.Float64,
    "raised": pl.String,
    "funding_gap_usd": pl.Float64,
    "missing": pl.String,
}


def funding_gap(
    values: pl.DataFrame, capital: pl.DataFrame, debt_instruments: pl.DataFrame, as_of: dt.date
) -> pl.DataFrame:
    """Capital that the leases still ask for, less the cash at hand and the debt raised since.

    Parameters
    ----------
    values : DataFrame
        From :func:`~hashdesk.metrics.hpc_value.hpc_value_usd` on the same day.
    capital, debt_instruments : DataFrame
        The tables of those names.
    as_of : date
        Day of the reading.

    Returns
    -------
    DataFrame
        Schema ``FUNDING_SCHEMA``. A positive gap is money that is not on record yet; a negative one is cover. Payments
        by customers, credit lines not drawn, shares sold since the balance sheet and spending on anything else are not
        on record by date, so the gap is an order of size. Null where no cash is known.
    """
    rows = []
    for value in values.filter(pl.col("n_leases") > 0).iter_rows(named=True):
        ticker = value["ticker"]
        row: dict[str, object] = dict.fromkeys(FUNDING_SCHEMA)
        row |= {"ticker": ticker, "capex_left_usd": value["capex_left_usd"]}
        sheets = capital.filter(
            (pl.col("ticker") == ticker) & (pl.col("known_at") <= as_of) & pl.col("cash_usd").is_not_null()
        ).sort("as_of")
        if sheets.is_empty():
            rows.append(row | {"missing": "no balance sheet on record by then"})
            continue
        sheet = sheets.row(-1, named=True)
        since = debt_instruments.filter(
            (pl.col("ticker") == ticker) & (pl.col("as_of") > sheet["as_of"]) & (pl.col("known_at") <= as_of)
        )
        row |= {"cash_usd": sheet["cash_usd"], "cash_as_of": sheet["as_of"]}
        row["raised_since_usd"] = float(since["principal_usd"].sum())
        row["raised"] = "; ".join(
            f"{kind} {principal / 1e6:,.0f}m USD of {day:%Y-%m}"
            for kind, principal, day in since.select("kind", "principal_usd", "as_of").sort("as_of").iter_rows()
        )
        if value["capex_left_usd"] is None:
            row["missing"] = "no lease states enough to tell what is left to spend"
        else:
            row["funding_gap_usd"] = value["capex_left_usd"] - sheet["cash_usd"] - float(since["principal_usd"].sum())
            row["missing"] = value["missing"]
        rows.append(row)
    return pl.DataFrame(rows, schema=FUNDING_SCHEMA)
