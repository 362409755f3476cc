"""What moved the shares, and the AI/HPC pivot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from hashdesk.calendar import Period, month_period, months_between, parse_day, parse_month
from hashdesk.desk.core import DeskCore, month_before
from hashdesk.errors import DataError, InputError, NotFound
from hashdesk.metrics import betas, hpc_exchange, hpc_pivot, hpc_registry, hpc_value
from hashdesk.metrics.attribution import (
    Attribution,
    attribute_companies,
    attribute_group,
    company_events,
    month_factors,
)
from hashdesk.metrics.baskets import AI_BASKET, ai_basket_daily
from hashdesk.metrics.equities import Market, companies_in
from hashdesk.metrics.event_study import (
    PLACEBO_MONTHS,
    EventStudy,
    by_kind,
    event_study,
    placebo_quantiles,
    placebo_scores,
)
from hashdesk.metrics.sector import EQUITY_FROM

LEAST_NEWS = 5
"""A month with fewer dated events is one for which none were collected, rather than a quiet one."""

MARKET_TABLES = ("equity_closes", "share_counts", "universe", "trading_days", "btc_price_daily")


class AttributionDesk(DeskCore):
    """What moved the shares, and the AI/HPC pivot."""

    def attribution(
        self, month: str | None = None, *, ticker: str | None = None, as_of: str | None = None
    ) -> Attribution:
        """What moved each share in a month: bitcoin, the AI basket, dated news, the rest.

        Parameters
        ----------
        month : str, optional
            ``YYYY-MM`` from 2024-01 on; the latest complete month when left out.
        ticker : str, optional
            Only this company; the group's row stays whole.
        as_of : str, optional
            Use only what was known by this day.

        Returns
        -------
        Attribution

        Raises
        ------
        InputError
            A month that does not exist or comes before the first with returns.
        NotFound
            The company was not tracked at either end of the month.
        DataError
            Bitcoin, the basket or the closes do not cover the month.
        """
        period = self._period(month, None)
        if period.start < EQUITY_FROM:
            raise InputError(
                f"month: returns begin with {EQUITY_FROM:%Y-%m}, got {period.month}.",
                hint=f"Take {EQUITY_FROM:%Y-%m} or later.",
            )
        known_by = self._as_of(as_of, period)
        lined_up, tables, market = self._lined_up(known_by)
        factors = month_factors(lined_up, period)
        if factors is None:
            raise DataError(
                f"attribution: bitcoin or the AI basket has no return on some session of {period.month}.",
                hint="Read the closes of the basket, or take an earlier month.",
            )
        everyone = companies_in(market, period)
        fits = self._fits(lined_up, tables, period)
        events = tables["events"]
        in_month = events.filter(pl.col("date").is_between(period.start, period.last_day))
        has_news = in_month.height >= LEAST_NEWS
        companies = attribute_companies(
            everyone, factors, fits, lined_up, company_events(events, lined_up, period), has_news=has_news
        )
        prior = everyone.filter("was_tracked")["prior_market_cap_usd"]
        group = attribute_group(companies, None if prior.null_count() else float(prior.sum()))
        models = {(name, period.start): fit for name, fit in fits.items()}
        study = event_study(in_month, lined_up, models, self._quantiles(lined_up, tables, [period]), sorted(fits))
        if ticker is not None:
            wanted = ticker.upper()
            if wanted not in companies["ticker"]:
                listed = ", ".join(companies["ticker"])
                raise NotFound(f"ticker: {wanted} is not tracked in {period.month}.", hint=f"Tracked then: {listed}.")
            companies, study = (frame.filter(pl.col("ticker") == wanted) for frame in (companies, study))
        basket = tables["ai_basket_daily"].filter(pl.col("date").is_between(period.start, period.last_day))
        members = sorted({name for text in basket["members"].to_list() for name in text.split(";")})
        return Attribution(
            period.month,
            companies,
            group,
            study,
            factors.btc_log,
            factors.ai_log,
            tuple(members),
            self._hpc_tickers(period, companies["ticker"].to_list()),
            _caveats(companies, has_news=has_news),
            tuple(sorted({*basket["source"].unique().to_list(), *in_month["source"].to_list()})),
        )

    def events_study(
        self,
        first: str | None = None,
        last: str | None = None,
        *,
        ticker: str | None = None,
        kind: str | None = None,
        as_of: str | None = None,
    ) -> EventStudy:
        """Abnormal returns around dated news, event by event and by kind.

        Parameters
        ----------
        first, last : str, optional
            Months as ``YYYY-MM``, both included; all that the events cover when left out.
        ticker, kind : str, optional
            Only this company, or this kind of event.
        as_of : str, optional
            Use only what was known by this day.

        Returns
        -------
        EventStudy

        Raises
        ------
        InputError
            A month that does not exist, months out of order, or an unknown kind.
        """
        known_by = None if as_of is None else parse_day(as_of, what="as-of")
        lined_up, tables, _ = self._lined_up(known_by)
        events = tables["events"]
        if kind is not None and kind not in events["kind"]:
            kinds = ", ".join(sorted(events["kind"].unique()))
            raise InputError(f"kind: expected one of {kinds}, got {kind!r}.", value=kind)
        start, end = (
            parse_month(text) if text else (day or EQUITY_FROM)
            for text, day in ((first, events["date"].min()), (last, events["date"].max()))
        )
        assert isinstance(start, dt.date) and isinstance(end, dt.date)
        if start > end:
            raise InputError(f"events: expected the first month before the last, got {start:%Y-%m} and {end:%Y-%m}.")
        periods = [period for period in months_between(start, end) if period.start >= EQUITY_FROM]
        models = {
            (name, period.start): fit
            for period in periods
            for name, fit in self._fits(lined_up, tables, period).items()
        }
        chosen = events.filter(pl.col("date").is_between(start.replace(day=1), month_period(end).last_day))
        if kind is not None:
            chosen = chosen.filter(pl.col("kind") == kind)
        tickers = sorted({name for name, _ in models})
        study = event_study(chosen, lined_up, models, self._quantiles(lined_up, tables, periods), tickers)
        if ticker is not None:
            wanted = ticker.upper()
            if wanted not in tickers:
                raise NotFound(
                    f"ticker: {wanted} was not tracked in these months.", hint=f"Tracked: {', '.join(tickers)}."
                )
            study = study.filter(pl.col("ticker") == wanted)
        return EventStudy(study, by_kind(study))

    def hpc(self, ticker: str | None = None, *, as_of: str | None = None) -> hpc_pivot.Hpc:
        """The AI/HPC pivot as known on a day: contracts, values, progress, money, and the lease against mining.

        Parameters
        ----------
        ticker : str, optional
            Only this company.
        as_of : str, optional
            Day as ``YYYY-MM-DD``; the end of the latest complete month when left out. Mining is valued at the income
            of hashrate of the last whole month before it.

        Returns
        -------
        Hpc

        Raises
        ------
        InputError
            A day that does not exist or lies in the future.
        NotFound
            The company has no AI/HPC contract or site on record by then.
        """
        last = month_period(parse_month(self.latest_month())).last_day
        day = last if as_of is None else parse_day(as_of, what="as-of")
        if day > dt.datetime.now(dt.UTC).date():
            raise InputError(f"as-of: {day} lies in the future.", hint="Leave it out for all that is known.")
        tables = {name: self.store.read(name, as_of=day) for name in ("hpc_contracts", "hpc_deliveries")}
        contracts, deliveries = tables["hpc_contracts"].filter(pl.col("announced_on") <= day), tables["hpc_deliveries"]
        if ticker is not None:
            contracts = _of_company(contracts, ticker.upper(), day)
        terms = hpc_registry.hpc_terms(self.assumptions)
        everything = hpc_registry.hpc_registry(tables["hpc_contracts"], terms, as_of=day, deliveries=deliveries)
        chosen = contracts["ticker"].unique().to_list()
        registry = everything.filter(pl.col("ticker").is_in(chosen))
        # A warrant's price is that of its own day, so the market is read whole up to the day.
        market = Market(*(self.store.read(name, as_of=day) for name in MARKET_TABLES))
        warrants = hpc_pivot.warrant_costs(contracts, market)
        given = {
            (row["ticker"], row["announced_on"]): row["warrant_cost_usd"]
            for row in warrants.iter_rows(named=True)
            if row["warrant_cost_usd"] is not None
        }
        given |= _carried(registry, given)
        month, income, efficiency = self._income(min(day, last))
        values = hpc_value.hpc_value_usd(contracts, self.assumptions, day, deliveries=deliveries)
        rules = hpc_exchange.mining_terms(self.assumptions, efficiency)
        first = contracts["announced_on"].min() or day
        assert isinstance(first, dt.date)
        progress = hpc_pivot.leased_and_delivered(
            registry, deliveries, self.store.read("power_capacity", as_of=day), day
        )
        return hpc_pivot.Hpc(
            as_of=day,
            registry=registry,
            values=values,
            progress=progress,
            backlog=hpc_pivot.backlog_history(contracts, terms, first, day, deliveries=deliveries),
            warrants=warrants,
            funding=hpc_pivot.funding_gap(
                values, self.store.read("capital", as_of=day), self.store.read("debt_instruments", as_of=day), day
            ),
            exchange=hpc_exchange.lease_against_mining(registry, terms, rules, income, given),
            sensitivity=hpc_exchange.exchange_sensitivity(
                contracts, self.assumptions, income, efficiency, given, as_of=day, deliveries=deliveries
            ),
            hashprice_usd_per_phs_day=income / hpc_exchange.PHS_PER_EHS,
            hashprice_month=month,
            cloud_capex_usd_m_per_mw=(
                self.assumptions["gpu_hardware_usd_per_mw"].value + self.assumptions["gpu_cloud_site_usd_per_mw"].value
            )
            / 1e6,
        )

    def _hpc_tickers(self, period: Period, tracked: Sequence[str]) -> tuple[str, ...]:
        """Tracked companies with an AI/HPC contract or a GPU cloud on record by a period's end."""
        contracts = self.store.read("hpc_contracts", as_of=period.last_day).filter("is_contract")
        cloud = self.store.read("iren_cloud", as_of=period.last_day)
        return tuple(sorted({*contracts["ticker"], *cloud["ticker"]} & set(tracked)))

    def _income(self, day: dt.date) -> tuple[str, float, float]:
        """Month, income of hashrate and efficiency of the last whole month up to a day."""
        whole = month_period(day) if month_period(day).last_day == day else month_period(month_before(day))
        row = self._sector(whole, None).monthly.row(-1, named=True)
        income, efficiency = row["block_reward_revenue_usd_per_ehs_day"], row["efficiency_j_per_th"]
        if income is None or efficiency is None:
            raise DataError(
                f"hpc: the income of hashrate or the efficiency of the fleet of {whole.month} is not known."
            )
        return whole.month, float(income), float(efficiency)

    def _lined_up(self, known_by: dt.date | None) -> tuple[betas.Sessions, dict[str, pl.DataFrame], Market]:
        """Daily returns with what the store has for them, the tables behind, and the market."""
        names = (*MARKET_TABLES, "events", "ai_basket_daily", "return_moments", "session_returns", "placebo_quantiles")
        tables = {name: self.store.read(name, as_of=known_by) for name in names}
        tables["ai_basket_daily"] = _longer_basket(tables)
        tickers = sorted(tables["universe"]["ticker"].unique())
        lined_up = betas.sessions(
            tables["equity_closes"],
            tables["btc_price_daily"],
            tables["trading_days"],
            tables["ai_basket_daily"],
            tickers,
            tables["session_returns"],
        )
        return lined_up, tables, Market(*(tables[name] for name in MARKET_TABLES))

    def _fits(
        self, lined_up: betas.Sessions, tables: Mapping[str, pl.DataFrame], period: Period
    ) -> dict[str, betas.Fit]:
        """Shrunk models of a month: on daily closes, else on stored moments, else on month ends, else the group's."""
        stored = {
            row["ticker"]: row
            for row in tables["return_moments"].filter(pl.col("month") == period.start).iter_rows(named=True)
        }
        own: dict[str, betas.Fit | None] = {}
        for ticker in sorted(lined_up.shares):
            fit = betas.fit_daily(lined_up, ticker, period.start)
            if fit is None and ticker in stored:
                fit = betas.fit_from_moments(ticker, period.start, stored[ticker], betas.STORED)
            own[ticker] = fit or _monthly_fit(lined_up, tables["equity_closes"], ticker, period.start)
        # A company that joins the list only later may be in another trade until then: it is no part of the group.
        in_list = tables["universe"].filter(
            (pl.col("tracked_from") <= period.last_day)
            & (pl.col("tracked_to").is_null() | (pl.col("tracked_to") >= period.start))
        )
        return betas.shrunk(own, period.start, set(in_list["ticker"]))

    def _quantiles(
        self, lined_up: betas.Sessions, tables: Mapping[str, pl.DataFrame], periods: Sequence[Period]
    ) -> pl.DataFrame:
        """Sizes of ordinary moves for some months: stored, else from daily closes of the twelve months before."""
        stored = tables["placebo_quantiles"].select("month", "tail_frac", "abs_score", "n_placebos")
        missing = [period.start for period in periods if period.start not in stored["month"]]
        if not missing:
            return stored
        first = min(missing).replace(year=min(missing).year - PLACEBO_MONTHS // 12)
        models = {
            (name, period.start): fit
            for period in months_between(first, max(missing))
            for name, fit in self._fits(lined_up, tables, period).items()
        }
        scores = placebo_scores(lined_up, models)
        return pl.concat([stored, *(placebo_quantiles(scores, month) for month in missing)])


def _longer_basket(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The stored basket, and after its last day the one that daily closes give."""
    stored = tables["ai_basket_daily"]
    closes = tables["equity_closes"].filter(pl.col("ticker").is_in(AI_BASKET))
    last = stored["date"].max()
    if closes.is_empty() or (last is not None and closes["date"].max() <= last):  # type: ignore[operator]
        return stored
    fresh = ai_basket_daily(closes, tables["trading_days"]["date"])
    fresh = fresh.with_columns(source=pl.lit(closes["source"][-1]), known_at=pl.col("date")).select(stored.columns)
    return fresh if last is None else pl.concat([stored, fresh.filter(pl.col("date") > last)])


def _monthly_fit(lined_up: betas.Sessions, closes: pl.DataFrame, ticker: str, month: dt.date) -> betas.Fit | None:
    """Fit on the month ends before a month, the coarsest that closes allow."""
    days = [day for day in lined_up.days if day < month]
    ends = [day for day, after in zip(days, [*days[1:], month], strict=True) if day.month != after.month]
    mine = closes.filter((pl.col("ticker") == ticker) & pl.col("date").is_in(ends)).drop_nulls("adjustment_factor")
    price = {day: close * factor for day, close, factor in mine.select("date", "close_usd", "adjustment_factor").rows()}
    returns, factors = [], []
    for first, last in pairwise(ends):
        places = [place for place in lined_up.between(first, last) if lined_up.days[place] > first]
        returns.append(float(np.log(price[last] / price[first])) if first in price and last in price else np.nan)
        factors.append((float(lined_up.btc[places].sum()), float(lined_up.ai[places].sum())))
    return betas.fit_monthly(ticker, month, returns, factors)


def _carried(registry: pl.DataFrame, given: Mapping[tuple[str, dt.date], float]) -> dict[tuple[str, dt.date], float]:
    """Warrants of restated contracts, under the contract that restates them."""
    carried: dict[tuple[str, dt.date], float] = {}
    for row in registry.filter(pl.col("replaced_by").is_not_null()).iter_rows(named=True):
        ticker, _, day = row["replaced_by"].partition(" ")
        key = (ticker, dt.date.fromisoformat(day))
        carried[key] = carried.get(key, 0.0) + given.get((row["ticker"], row["announced_on"]), 0.0)
    return {key: cost for key, cost in carried.items() if cost}


def _of_company(contracts: pl.DataFrame, ticker: str, day: dt.date) -> pl.DataFrame:
    mine = contracts.filter(pl.col("ticker") == ticker)
    if mine.is_empty():
        known = ", ".join(sorted(contracts["ticker"].unique()))
        raise NotFound(
            f"hpc: {ticker} has no AI/HPC contract or site on record by {day}.",
            hint=f"On record: {known}." if known else "Take a later day.",
        )
    return mine


def _caveats(companies: pl.DataFrame, *, has_news: bool) -> tuple[str, ...]:
    """What a reader must know about an attribution."""
    lines = [
        "Bitcoin's day ends at 24:00 UTC, New York's session at 20:00 or 21:00: betas count bitcoin's day and the one "
        "before."
    ]
    if has_news:
        lines.append("Dated news was picked because it moved shares: the events part is no sample of all news.")
    else:
        lines.append("No dated news was collected for this month: what it did is in the residual.")
    rough = companies.filter(pl.col("model_basis").is_in([betas.MONTHLY, betas.PRIOR]))["ticker"].to_list()
    if rough:
        lines.append(f"Betas of {', '.join(rough)} rest on month ends or on the group: too few daily closes.")
    return tuple(lines)
