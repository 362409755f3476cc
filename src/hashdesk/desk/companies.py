"""Companies: operations, value, dilution, and the next disclosure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cached_property

import polars as pl

from hashdesk.calendar import Period
from hashdesk.desk.core import DeskCore
from hashdesk.metrics.companies import COMPANY_TABLES, Companies, CompanyMonth
from hashdesk.metrics.company_facts import Fact
from hashdesk.metrics.disclosure import forecast_rows, score_rows

__all__ = ["CompanyDesk", "CompanyMonth", "Fact"]

OPTIONAL_TABLES = ("hpc_deliveries",)
"""Tables that make leases more exact where the store has them."""


class CompanyDesk(DeskCore):
    """Companies: operations, value, dilution, and the next disclosure."""

    def company(self, ticker: str, month: str | None = None, *, as_of: str | None = None) -> CompanyMonth:
        """Everything about a company's month: each number with unit, age and source, or why it is missing.

        Parameters
        ----------
        ticker : str
            Symbol, later symbol after a change of name (KEEL, VIP), or the company's name.
        month : str, optional
            ``YYYY-MM``; the latest complete month when left out.
        as_of : str, optional
            Use only what was known by this day, ``YYYY-MM-DD``.

        Returns
        -------
        CompanyMonth
            Also for a month before the listing or after the delisting: it then says so.

        Raises
        ------
        NotFound
            No company has this symbol; the nearest is named.
        InputError, DataError
            As for :meth:`note`.
        """
        period = self._period(month, None)
        return self._companies_covering(period, self._as_of(as_of, period)).page(ticker, period)

    def companies(self, month: str | None = None, *, as_of: str | None = None) -> pl.DataFrame:
        """One row per company tracked at a month's end, with the figures that count; null where unknown or too old.

        Parameters
        ----------
        month, as_of : str, optional
            As for :meth:`company`.

        Returns
        -------
        DataFrame
            Schema :data:`hashdesk.metrics.companies.ROW_SCHEMA`, sorted by ticker.

        Raises
        ------
        InputError, DataError
            As for :meth:`note`.
        """
        period = self._period(month, None)
        return self._companies_covering(period, self._as_of(as_of, period)).rows(period)

    def market_cap_parts(self, month: str | None = None, *, as_of: str | None = None) -> pl.DataFrame:
        """The group's market cap taken apart, month by month up to one: mining, bitcoin, leases, net debt, the rest.

        Parameters
        ----------
        month, as_of : str, optional
            As for :meth:`company`.

        Returns
        -------
        DataFrame
            Schema :data:`hashdesk.metrics.decomposition.GROUP_SCHEMA`.

        Raises
        ------
        InputError, DataError
            As for :meth:`note`.
        """
        period = self._period(month, None)
        return self._companies(period, self._as_of(as_of, period)).group

    def disclosure_forecasts(self, month: str | None = None, *, as_of: str | None = None) -> pl.DataFrame:
        """Every forecast of a company's monthly output up to a month, beside what was then reported.

        Parameters
        ----------
        month, as_of : str, optional
            As for :meth:`company`.

        Returns
        -------
        DataFrame
            ticker, month, expected_btc, low_btc, high_btc, naive_btc, reported_btc, error_frac, is_inside, ...
        """
        period = self._period(month, None)
        return forecast_rows(self._companies(period, self._as_of(as_of, period)).forecasts)

    def disclosure_scores(self, month: str | None = None, *, as_of: str | None = None) -> pl.DataFrame:
        """Errors and coverage of those forecasts, of all companies together and of each.

        Parameters
        ----------
        month, as_of : str, optional
            As for :meth:`company`.

        Returns
        -------
        DataFrame
            ticker (``ALL`` first), n, mae_frac, naive_mae_frac, n_with_interval, coverage_frac, bias_frac.
        """
        period = self._period(month, None)
        return score_rows(self._companies(period, self._as_of(as_of, period)).forecasts)

    @cached_property
    def _companies_by_period(self) -> dict[tuple[Period, dt.date | None], Companies]:
        return {}

    def _companies(self, period: Period, known_by: dt.date | None) -> Companies:
        """Companies over the sector of a period, kept at hand."""
        key = (period, known_by)
        if key not in self._companies_by_period:
            sector = self._sector(period, known_by)
            self._companies_by_period[key] = Companies(self._company_tables(known_by), sector, self.assumptions)
        return self._companies_by_period[key]

    def _companies_covering(self, period: Period, known_by: dt.date | None) -> Companies:
        """Companies over a sector that ends with the period or later: a month's rows do not depend on what follows."""
        for (other, cut), companies in self._companies_by_period.items():
            if cut == known_by and not other.is_partial and other.start >= period.start:
                return companies
        return self._companies(period, known_by)

    def _company_tables(self, known_by: dt.date | None) -> Mapping[str, pl.DataFrame]:
        names = [*COMPANY_TABLES, *(name for name in OPTIONAL_TABLES if name in self.store.coverage())]
        return {name: self.store.read(name, as_of=known_by) for name in names}
