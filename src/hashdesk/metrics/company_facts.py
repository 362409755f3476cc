"""What companies disclosed, one observation per quantity and day, with the day it became public.

Definitions differ between companies, so a hashrate keeps the word that its company uses for it, and the three kinds
(energised at a month's end, average operating, realised from coins) are never merged.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import polars as pl

from hashdesk.errors import NotFound

FORMER_SYMBOLS = {"GRYP": "ABTC"}
"""Symbols of companies that merged into another listing, as ``corporate_actions`` tells in words."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One disclosed value: the span or day it is about, and the day it could be known."""

    value: float
    unit: str
    period_start: dt.date | None
    """First day of the span; None for a value of one day."""
    as_of: dt.date
    """The day itself, or the last day of the span."""
    known_at: dt.date
    source: str
    confidence: str
    wording: str = ""
    """What the company says it counts."""
    note: str = ""
    basis: str = "reported"

    @property
    def n_months(self) -> int:
        """Whole months of the span; 0 for a value of one day."""
        if self.period_start is None:
            return 0
        end = self.as_of + dt.timedelta(days=1)
        return 12 * (end.year - self.period_start.year) + end.month - self.period_start.month


@dataclass(frozen=True, slots=True)
class Fact:
    """One quantity of a company's page: a number with unit, age and source, or the reason why there is none."""

    id: str
    label: str
    value: float | None
    unit: str
    as_of: dt.date | None = None
    known_at: dt.date | None = None
    age_days: int | None = None
    """Days from ``as_of`` to the end of the page's month."""
    sources: tuple[str, ...] = ()
    basis: str = "derived"
    """reported, derived, estimated or assumed."""
    low: float | None = None
    high: float | None = None
    note: str = ""
    missing: str = ""
    """Why the value is not known, or why an old one no longer counts."""


class FactBook:
    """Every disclosed value by ticker and quantity, in order of the day it is about.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``production``, ``production_quarterly``, ``holdings``, ``power_capacity``, ``power_costs`` and ``capital``.
    """

    def __init__(self, tables: Mapping[str, pl.DataFrame]) -> None:
        self._series: dict[tuple[str, str], dict[tuple[dt.date | None, dt.date, str], Observation]] = {}
        self._add_production(tables["production"])
        for row in tables["holdings"].iter_rows(named=True):
            self._add(row, "holdings_btc", row["holdings_btc"], "BTC", None, row["as_of"])
        self._add_quarters(tables["production_quarterly"])
        for row in tables["power_capacity"].iter_rows(named=True):
            for name in ("power_energized_mw", "power_contracted_or_pipeline_mw", "hpc_it_contracted_mw"):
                self._add(row, name, row[name], "MW", None, row["as_of"])
        for row in tables["capital"].iter_rows(named=True):
            for name in ("cash_usd", "debt_usd"):
                self._add(row, name, row[name], "USD", None, row["as_of"])
        self._add_costs(tables["power_costs"])
        self._sorted = {
            key: sorted(found.values(), key=lambda o: (o.as_of, o.period_start or o.as_of))
            for key, found in self._series.items()
        }
        self._days = {key: [o.as_of for o in found] for key, found in self._sorted.items()}

    @property
    def tickers(self) -> set[str]:
        """Companies with any disclosure."""
        return {ticker for ticker, _ in self._sorted}

    def series(self, ticker: str, field: str) -> Sequence[Observation]:
        """All observations of a quantity, oldest first."""
        return self._sorted.get((ticker, field), ())

    def latest(self, ticker: str, field: str, day: dt.date, known_by: dt.date | None = None) -> Observation | None:
        """The last observation about a day up to ``day`` that was public by ``known_by`` (always, when left out)."""
        found = self.series(ticker, field)
        index = bisect_right(self._days.get((ticker, field), []), day)
        for item in reversed(found[:index]):
            if known_by is None or item.known_at <= known_by:
                return item
        return None

    def at(self, ticker: str, field: str, as_of: dt.date, n_months: int | None = None) -> Observation | None:
        """The observation about exactly this day, or the span that ends on it and has ``n_months``."""
        for item in self.series(ticker, field):
            if item.as_of == as_of and (n_months is None or item.n_months == n_months):
                return item
        return None

    def _add_production(self, production: pl.DataFrame) -> None:
        for row in production.iter_rows(named=True):
            start = row["month"]
            last = (start + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
            # A remark on pledged or lent coins is about those held; any other is about output and reporting.
            remarks = (row["note"] or "").split("; ")
            of_coins = {**row, "note": "; ".join(text for text in remarks if "of the coins" in text)}
            of_output = {**row, "note": "; ".join(text for text in remarks if "of the coins" not in text)}
            plain = {**row, "note": ""}
            self._add(of_output, "production_btc", row["production_btc"], "BTC", start, last)
            self._add(plain, "operating_hashrate_ehs", row["hashrate_avg_operating_ehs"], "EH/s", start, last)
            self._add(plain, "sold_btc", row["sold_btc"], "BTC", start, last)
            wording = row["hashrate_basis"] or ""
            self._add(plain, "energized_hashrate_ehs", row["hashrate_month_end_ehs"], "EH/s", None, last, wording)
            self._add(plain, "efficiency_j_per_th", row["efficiency_j_per_th"], "J/TH", None, last)
            self._add(of_coins, "holdings_btc", row["holdings_btc"], "BTC", None, last)

    def _add_quarters(self, quarterly: pl.DataFrame) -> None:
        for row in quarterly.iter_rows(named=True):
            last = row["period_end"] - dt.timedelta(days=1)
            self._add(row, "production_btc", row["production_btc"], "BTC", row["period_start"], last)
            wording = row["hashrate_basis"] or ""
            self._add(row, "energized_hashrate_ehs", row["hashrate_period_end_ehs"], "EH/s", None, last, wording)
            self._add(row, "efficiency_j_per_th", row["efficiency_j_per_th"], "J/TH", None, last)
            self._add(row, "holdings_btc", row["holdings_btc"], "BTC", None, last)

    def _add_costs(self, power_costs: pl.DataFrame) -> None:
        for row in power_costs.iter_rows(named=True):
            if row["period_end"] is None:
                continue  # a span that the source does not date cannot be placed in a month
            last = row["period_end"] - dt.timedelta(days=1)
            basis = row["basis"]
            price, cost = row["power_price_usd_per_mwh"], row["cost_usd_per_btc"]
            self._add(row, "power_price_usd_per_mwh", price, "USD/MWh", row["period_start"], last, basis)
            self._add(row, "cost_usd_per_btc", cost, "USD/BTC", row["period_start"], last, basis)

    def _add(
        self,
        row: Mapping[str, object],
        field: str,
        value: object,
        unit: str,
        start: dt.date | None,
        last: dt.date,
        wording: str = "",
    ) -> None:
        """Keep a value; of two about one day the first table wins, a monthly report; of two costs the surer one."""
        if value is None:
            return
        known_at = row["known_at"]
        assert isinstance(known_at, dt.date)
        is_cost = field in ("cost_usd_per_btc", "power_price_usd_per_mwh")
        is_derived = row.get("basis") == "derived" or (is_cost and wording == "derived")
        # Costs of one span stand beside each other where they include different things.
        key = (start, last, wording if is_cost else "")
        found = self._series.setdefault((str(row["ticker"]), field), {})
        if key in found and not (is_cost and row["confidence"] == "high" and found[key].confidence != "high"):
            return
        found[key] = Observation(
            value=float(value),  # type: ignore[arg-type]
            unit=unit,
            period_start=start,
            as_of=last,
            known_at=known_at,
            source=str(row["source"]),
            confidence=str(row["confidence"]),
            wording=wording,
            note=str(row.get("note") or ""),
            basis="derived" if is_derived else "reported",
        )


def age_months(as_of: dt.date, day: dt.date) -> int:
    """Calendar months between a fact and a day, as :mod:`hashdesk.metrics.opportunity` counts a disclosure's age.

    Examples
    --------
    >>> age_months(dt.date(2025, 3, 31), dt.date(2025, 9, 30))
    6
    """
    return 12 * (day.year - as_of.year) + day.month - as_of.month


def fact_of(
    field: str, label: str, unit: str, found: Observation | None, day: dt.date, *, missing: str, max_age_months: float
) -> Fact:
    """A disclosed value as it stands on a page: with its age, and said to have ended where it is too old to count.

    Parameters
    ----------
    field, label, unit : str
        Id, words and unit of the quantity.
    found : Observation or None
        The latest one.
    day : date
        Last day of the page's month.
    missing : str
        What to say where nothing was ever disclosed.
    max_age_months : float
        Older values are shown with a remark and used in no sum. [months]

    Returns
    -------
    Fact
    """
    if found is None:
        return Fact(field, label, None, unit, missing=missing)
    fact = Fact(
        field,
        label,
        found.value,
        unit,
        as_of=found.as_of,
        known_at=found.known_at,
        age_days=max(0, (day - found.as_of).days),
        sources=(found.source,),
        basis=found.basis,
        note="; ".join(part for part in (_worded(found), found.note) if part),
    )
    if age_months(found.as_of, day) > max_age_months:
        return replace(fact, missing=f"too old to count: none since {found.as_of}")
    return fact


def _worded(found: Observation) -> str:
    """The company's own word for a hashrate, or what a price includes."""
    if not found.wording:
        return ""
    return f"company's word: {found.wording}" if found.unit == "EH/s" else f"includes: {found.wording}"


def resolve_ticker(query: str, universe: pl.DataFrame, book: FactBook) -> str:
    """The symbol under which the tables hold a company: its own, its new one after a change of name, or its name.

    Raises
    ------
    NotFound
        No company has it; the hint names the nearest.
    """
    asked = query.strip().upper()
    symbols = {str(ticker): str(ticker) for ticker in [*book.tickers, *universe["ticker"]] if ticker != "SECTOR"}
    symbols |= {new: old for old, new in universe.select("ticker", "renamed_to").iter_rows() if new}
    symbols |= FORMER_SYMBOLS
    names = {str(name).upper(): str(ticker) for ticker, name in universe.select("ticker", "name").iter_rows()}
    if asked in symbols:
        return symbols[asked]
    if asked in names:
        return names[asked]
    near = get_close_matches(asked, [*symbols, *names], n=1, cutoff=0.5)
    raise NotFound(
        f"company: expected a ticker of the tables, got {query!r}.",
        hint=f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(symbols))}.",
        value=query,
    )
