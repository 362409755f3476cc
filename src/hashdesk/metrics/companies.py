"""Companies month by month: the tables of facts assembled into pages, rows and the group's history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from hashdesk.assumptions import Assumptions
from hashdesk.calendar import Period, months_between
from hashdesk.metrics.company_facts import Fact, FactBook, age_months, resolve_ticker
from hashdesk.metrics.company_operations import Ground, operations_facts
from hashdesk.metrics.company_value import LeaseRow, Valued, hpc_by_company, value_facts
from hashdesk.metrics.decomposition import CapParts, group_parts
from hashdesk.metrics.dilution import DilutionMonth, ShareLedger, dilution_months
from hashdesk.metrics.disclosure import Forecast, Score, by_company, forecasts, score
from hashdesk.metrics.enterprise_value import NOT_IN_TABLES, Bridge, DebtBook
from hashdesk.metrics.equities import Market
from hashdesk.metrics.hashcost import Rung, hashcost_ladder
from hashdesk.metrics.operations import NetworkMonths
from hashdesk.metrics.sector import EQUITY_FROM, Sector

COMPANY_TABLES = (
    "universe",
    "corporate_actions",
    "production",
    "production_quarterly",
    "holdings",
    "power_capacity",
    "power_costs",
    "capital",
    "debt_instruments",
    "share_counts",
    "equity_closes",
    "hpc_contracts",
)
"""Tables that companies rest on, beside those of the sector."""

MONTHS_SHOWN = 13
"""Months of a company's own history on its page: a year and the month before it."""

LEAST_LISTED_DEBT = 0.8
"""Coupons known for less of a company's debt say too little about its interest [fraction]."""

BOUGHT_SLACK_MONTHS = 3
"""A change over a year needs a figure no older than this at both ends [months]."""


@dataclass(frozen=True, slots=True)
class Bought:
    """What changed over a span beside the new shares; set side by side, not one because of the other."""

    month: dt.date
    new_shares_frac: float | None
    proceeds_estimate_usd: float | None
    holdings_change_btc: float | None
    energized_change_ehs: float | None
    debt_change_usd: float | None


@dataclass(frozen=True, slots=True)
class CompanyMonth:
    """Everything that is known about a company's month, and what is not."""

    ticker: str
    """Symbol under which the tables hold the company."""
    symbol: str
    """Symbol at the month's end."""
    name: str
    period: Period
    status: tuple[str, ...]
    """Listing, renaming, changes of unit, reports that ended."""
    operations: tuple[Fact, ...]
    hashcost: tuple[Rung, ...]
    value: tuple[Fact, ...]
    bridge: Bridge
    parts: CapParts | None
    dilution: tuple[DilutionMonth, ...]
    """Up to a year of months, the page's last."""
    bought: Bought | None
    forecasts: tuple[Forecast, ...]
    """Of the months up to the page's own."""
    score: Score | None
    missing: tuple[str, ...]

    @property
    def facts(self) -> Mapping[str, Fact]:
        """Operations and value by id."""
        return {fact.id: fact for fact in (*self.operations, *self.value)}

    @property
    def forecast(self) -> Forecast | None:
        """The forecast of the page's own month."""
        return next((item for item in self.forecasts if item.month == self.period.start), None)


class Companies:
    """Companies over one sector: pages, rows, history, forecasts. Everything is computed once and kept.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``COMPANY_TABLES``, and ``hpc_deliveries`` where there is one, cut at what was known on the caller's day.
    sector : Sector
        Months up to the last one asked for.
    assumptions : Assumptions
        Age limit, margins, capital cost and discount rate of leases.
    """

    def __init__(self, tables: Mapping[str, pl.DataFrame], sector: Sector, assumptions: Assumptions) -> None:
        self._universe = tables["universe"]
        self._names = dict(self._universe.select("ticker", "name").iter_rows())
        self._actions = tables["corporate_actions"].sort("date")
        self._closes = {
            ticker: (first, last)
            for ticker, first, last in tables["equity_closes"]
            .group_by("ticker")
            .agg(first=pl.col("date").min(), last=pl.col("date").max())
            .iter_rows()
        }
        self._ledger = ShareLedger(tables["share_counts"], tables["corporate_actions"])
        monthly = {row["period_start"]: row for row in sector.monthly.iter_rows(named=True)}
        self._ground = Ground(
            FactBook(tables),
            DebtBook(tables["debt_instruments"]),
            sector.market,
            NetworkMonths(sector.monthly),
            monthly,
            tables["hpc_contracts"],
            assumptions,
            tables.get("hpc_deliveries"),
        )
        self._last = sector.period
        self._hpc: dict[dt.date, Mapping[str, LeaseRow]] = {}
        self._valued: dict[tuple[str, dt.date], Valued] = {}
        self._operated: dict[tuple[str, dt.date], dict[str, Fact]] = {}

    @property
    def market(self) -> Market:
        """Closes and share counts."""
        return self._ground.market

    def resolve(self, query: str) -> str:
        """Symbol of a company as the tables hold it; see :func:`resolve_ticker`."""
        return resolve_ticker(query, self._universe, self._ground.book)

    def tracked(self, period: Period) -> list[str]:
        """Companies tracked at a month's end, by ticker."""
        return [str(row["ticker"]) for row in self._ground.market.tracked(period.last_day)]

    def name(self, ticker: str) -> str:
        """Name of a company, or its symbol where the tables have no name."""
        return str(self._names.get(ticker, ticker))

    def operations(self, ticker: str, period: Period) -> dict[str, Fact]:
        """What the company's machines did in a month; see :func:`operations_facts`."""
        key = (ticker, period.start)
        if key not in self._operated:
            self._operated[key] = operations_facts(self._ground, ticker, period)
        return self._operated[key]

    def valued(self, ticker: str, period: Period) -> Valued:
        """What the shares were worth at a month's end; see :func:`value_facts`."""
        key = (ticker, period.start)
        if key not in self._valued:
            if period.start not in self._hpc:
                self._hpc[period.start] = hpc_by_company(self._ground, period.last_day)
            self._valued[key] = value_facts(self._ground, ticker, period, self._hpc[period.start])
        return self._valued[key]

    @cached_property
    def forecasts(self) -> tuple[Forecast, ...]:
        """Every forecast from January 2024 to the last month, of every company that reported months."""
        tickers = sorted(self._ground.book.tickers)
        months = months_between(EQUITY_FROM, self._last.start)
        return tuple(
            forecasts(
                tickers, months, self._ground.book, self._ground.network, max_age_months=self._ground.max_age_months
            )
        )

    @cached_property
    def _forecasts_by_company(self) -> Mapping[str, list[Forecast]]:
        return by_company(self.forecasts)

    @cached_property
    def group(self) -> pl.DataFrame:
        """The group's market cap taken apart, month by month; see :func:`group_parts`."""
        months = []
        for period in [*months_between(EQUITY_FROM, self._last.start)[:-1], self._last]:
            valued = [self.valued(ticker, period) for ticker in self.tracked(period)]
            months.append((period.start, [(v.parts, v.mining_low_usd) for v in valued if v.parts is not None]))
        return group_parts(months)

    def dilution(self, ticker: str, period: Period, n_months: int = MONTHS_SHOWN - 1) -> list[DilutionMonth]:
        """New shares of the last months; see :func:`dilution_months`."""
        first = period.start.replace(year=period.start.year - 2, day=1)
        ends = [p.last_day for p in months_between(first, period.start)][-n_months - 12 :]
        closes = [None if (c := self._ground.market.close(ticker, day)) is None else c.close_usd for day in ends]
        return dilution_months(self._ledger, ticker, ends, closes)[-n_months:]

    def page(self, query: str, period: Period) -> CompanyMonth:
        """Everything about a company's month.

        Parameters
        ----------
        query : str
            Ticker, later ticker or name.
        period : Period
            Whole month, not after the sector's.

        Returns
        -------
        CompanyMonth

        Raises
        ------
        NotFound
            No such company.
        """
        ticker = self.resolve(query)
        operations, valued = self.operations(ticker, period), self.valued(ticker, period)
        made = [f for f in self._forecasts_by_company.get(ticker, []) if f.month <= period.start]
        dilution = self.dilution(ticker, period)
        symbol, status = self._status(ticker, period)
        facts = (*operations.values(), *valued.facts.values())
        missing = tuple(f"{fact.label}: {fact.missing}" for fact in facts if fact.missing)
        return CompanyMonth(
            ticker=ticker,
            symbol=symbol,
            name=self.name(ticker),
            period=period,
            status=status,
            operations=tuple(operations.values()),
            hashcost=self._hashcost(ticker, period, operations, valued),
            value=tuple(valued.facts.values()),
            bridge=valued.bridge,
            parts=valued.parts,
            dilution=tuple(dilution),
            bought=self._bought(ticker, period, dilution),
            forecasts=tuple(made),
            score=score(made, ticker),
            missing=(*missing, f"Enterprise value: {NOT_IN_TABLES}"),
        )

    def rows(self, period: Period, tickers: Sequence[str] | None = None) -> pl.DataFrame:
        """One row per company with the figures that count in a month: null where unknown or too old.

        Parameters
        ----------
        period : Period
            Whole month.
        tickers : sequence of str, optional
            Those tracked at the month's end when left out.

        Returns
        -------
        DataFrame
            Sorted by ticker; schema ``ROW_SCHEMA``.
        """
        rows = []
        for ticker in self.tracked(period) if tickers is None else tickers:
            facts = {**self.operations(ticker, period), **self.valued(ticker, period).facts}
            row: dict[str, object] = {"ticker": ticker, "name": self.name(ticker), "period_start": period.start}
            row |= {name: facts[name].value for name in ROW_FACTS if name in facts and not facts[name].missing}
            row |= {name: facts[of].as_of for name, of in AS_OF_COLUMNS.items() if not facts[of].missing}
            row["balance_sheet_as_of"] = self.valued(ticker, period).facts["net_debt_usd"].as_of
            months = self.dilution(ticker, period, 1)
            if months and months[0].month == period.start:
                row["dilution_frac"] = months[0].change_frac
                row["dilution_12m_frac"] = months[0].change_12m_frac
            mine = self._forecasts_by_company.get(ticker, [])
            forecast = next((f for f in mine if f.month == period.start), None)
            row["production_expected_btc"] = None if forecast is None else forecast.expected_btc
            row["n_missing"] = sum(bool(fact.missing) for fact in facts.values())
            rows.append({name: row.get(name) for name in ROW_SCHEMA})
        return pl.DataFrame(rows, schema=dict(ROW_SCHEMA)).sort("ticker")

    def _hashcost(
        self, ticker: str, period: Period, operations: Mapping[str, Fact], valued: Valued
    ) -> tuple[Rung, ...]:
        ground, day = self._ground, period.last_day
        costs = [
            (cost, ground.network.span(cost.period_start, cost.as_of) if cost.period_start else None)
            for cost in ground.book.series(ticker, "cost_usd_per_btc")
            if cost.as_of <= day
        ]
        hashrate = operations["realized_hashrate_ehs"]
        return hashcost_ladder(
            costs,
            day=day,
            network=ground.network.span(period.start, day),
            efficiency=ground.book.latest(ticker, "efficiency_j_per_th", day),
            power_price=ground.book.latest(ticker, "power_price_usd_per_mwh", day),
            interest_usd_per_year=valued.bridge.interest_usd_per_year,
            realized_ehs=None if hashrate.missing else hashrate.value,
            max_age_months=ground.max_age_months,
            no_interest=self._no_interest(ticker, period, valued.bridge),
        )

    def _no_interest(self, ticker: str, period: Period, bridge: Bridge) -> str:
        """Why the coupons of a company's debts cannot be laid on its mining; empty where they can."""
        listed = bridge.listed_debt_frac
        if ticker in self._hpc[period.start]:
            return "debts also pay for AI/HPC sites"
        if listed is None:
            return "no young balance sheet says what part of the debt the listed coupons cover"
        if listed < LEAST_LISTED_DEBT:
            return f"coupons are known for {100 * listed:.0f}% of the debt only"
        return ""

    def _bought(self, ticker: str, period: Period, dilution: Sequence[DilutionMonth]) -> Bought | None:
        """Changes over the year up to the month, side by side."""
        start = period.start.replace(year=period.start.year - 1)
        before, day = start + dt.timedelta(days=30), period.last_day
        year = [month for month in dilution if month.month > before]
        if not year:
            return None
        proceeds = [month.proceeds_estimate_usd for month in year]
        known = [value for value in proceeds if value is not None]

        def change(field: str) -> float | None:
            then = self._ground.book.latest(ticker, field, before)
            now = self._ground.book.latest(ticker, field, day)
            ends = ((then, before), (now, day))
            if any(found is None or age_months(found.as_of, end) > BOUGHT_SLACK_MONTHS for found, end in ends):
                return None
            return now.value - then.value if now and then and now.as_of > then.as_of else None

        return Bought(
            month=period.start,
            new_shares_frac=year[-1].change_12m_frac,
            proceeds_estimate_usd=sum(known) if len(known) == len(proceeds) else None,
            holdings_change_btc=change("holdings_btc"),
            energized_change_ehs=change("energized_hashrate_ehs"),
            debt_change_usd=change("debt_usd"),
        )

    def _status(self, ticker: str, period: Period) -> tuple[str, tuple[str, ...]]:
        """The symbol at the month's end, and what a reader must know about the listing and the reports."""
        day, symbol, lines = period.last_day, ticker, []
        new = self._universe.filter((pl.col("ticker") == ticker) & pl.col("renamed_to").is_not_null())["renamed_to"]
        for row in self._actions.filter(pl.col("ticker") == ticker).iter_rows(named=True):
            when, kind, detail = row["date"], row["kind"], str(row["detail"]).rstrip(".")
            if kind in ("listing", "relisting") and day < when:
                lines.append(f"Not listed in this month: trades from {when}. {detail}.")
            elif kind == "delisting" and when <= day:
                lines.append(f"No longer listed: delisted {when}. {detail}.")
            elif kind == "rename" and len(new):
                symbol = str(new[0]) if when <= day else symbol
                lines.append(f"{'Renamed' if when <= day else 'Later renamed'} {new[0]} on {when}. {detail}.")
            elif kind in ("split", "unit-change") and period.start <= when <= day:
                lines.append(f"Change of unit on {when}: {detail}. It does not count as dilution.")
        first, last = self._closes.get(ticker, (None, None))
        if first is None:
            lines.append("No closes in the tables.")
        elif day < first and not lines:
            lines.append(f"No close: closes in the tables begin on {first}.")
        elif self._ground.market.close(ticker, day) is None and last is not None and last < day:
            lines.append(f"No close at the month's end: the last one in the tables is of {last}.")
        if ticker not in set(self._universe["ticker"]):
            lines.append("Not in the tracked list: not part of the group's totals.")
        elif ticker not in self.tracked(period):
            lines.append("Not tracked at this month's end: not part of the group's totals.")
        reports = [o for o in self._ground.book.series(ticker, "production_btc") if o.n_months == 1]
        if not reports:
            lines.append("Publishes no monthly production that the tables hold.")
        elif (final := [o for o in reports if o.as_of <= day]) and final[-1].as_of < period.start:
            said = " The company ended its monthly updates." if "last monthly" in final[-1].note else ""
            lines.append(f"No production report for this month: the last one covers {final[-1].as_of:%Y-%m}.{said}")
        return symbol, tuple(lines)


ROW_FACTS = (
    "production_btc",
    "energized_hashrate_ehs",
    "operating_hashrate_ehs",
    "realized_hashrate_ehs",
    "realization_frac",
    "network_share_frac",
    "production_share_frac",
    "efficiency_j_per_th",
    "power_price_usd_per_mwh",
    "energy_cost_usd_per_btc",
    "holdings_btc",
    "sold_btc",
    "net_outflow_btc",
    "close_usd",
    "shares_outstanding",
    "market_cap_usd",
    "net_debt_usd",
    "enterprise_value_usd",
    "ev_usd_per_energized_ehs",
    "ev_usd_per_operating_ehs",
    "ev_usd_per_realized_ehs",
    "ev_usd_per_mw",
    "mnav_x",
    "mnav_diluted_x",
    "cap_to_own_opportunity_x",
    "mining_value_usd",
    "bitcoin_value_usd",
    "hpc_value_usd",
    "hpc_noi_pv_usd",
    "hpc_capex_left_usd",
    "expectations_usd",
    "expectations_frac",
)

AS_OF_COLUMNS = {
    "energized_as_of": "energized_hashrate_ehs",
    "operating_as_of": "operating_hashrate_ehs",
    "realized_as_of": "realized_hashrate_ehs",
    "holdings_as_of": "holdings_btc",
}
"""Day that a carried figure is about, by column: an older one stands until the age limit, and says so here."""

ROW_SCHEMA: Mapping[str, type[pl.DataType]] = {
    "ticker": pl.String,
    "name": pl.String,
    "period_start": pl.Date,
    **dict.fromkeys(ROW_FACTS, pl.Float64),
    **dict.fromkeys(AS_OF_COLUMNS, pl.Date),
    "balance_sheet_as_of": pl.Date,
    "dilution_frac": pl.Float64,
    "dilution_12m_frac": pl.Float64,
    "production_expected_btc": pl.Float64,
    "n_missing": pl.Int64,
}
