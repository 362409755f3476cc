"""What every part of the desk rests on: settings, assumptions, tables of facts, and the sector computed from them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from hashdesk.assumptions import Assumptions, load_assumptions
from hashdesk.calendar import Period, month_period, parse_day, parse_month
from hashdesk.config import Settings, load_settings
from hashdesk.errors import DataError, InputError
from hashdesk.store.facts import Facts, open_facts

if TYPE_CHECKING:
    from hashdesk.metrics.sector import Sector

TABLES = (
    "network_daily",
    "btc_price_daily",
    "epochs",
    "equity_closes",
    "trading_days",
    "share_counts",
    "universe",
    "production",
    "production_quarterly",
    "asic_models",
    "hpc_contracts",
    "events",
    "volumes",
    "etf_flows",
    "etf_assets",
    "etf_ranks",
    "published",
    "sources",
)
"""Tables that a note rests on."""

NEEDED_DAILY = ("network_daily", "btc_price_daily")
"""Tables without which a period has no note; where another one ends early, the note says what is missing."""

FIRST_MONTH = dt.date(2009, 2, 1)


class DeskCore:
    """Reading of facts, with what was computed from them kept at hand; the parts of the desk inherit from it."""

    def __init__(self, settings: Settings | None = None, assumptions: Assumptions | None = None) -> None:
        self.settings = settings or load_settings()
        self.assumptions = assumptions or load_assumptions()
        self._sectors: dict[tuple[Period, dt.date | None], Sector] = {}

    @cached_property
    def store(self) -> Facts:
        """The facts: the pack inside the package, or what ``Settings.store`` names; opened when first used."""
        return open_facts(self.settings.store)

    def latest_month(self) -> str:
        """Latest calendar month that prices, chain and closes all cover to its end, as ``YYYY-MM``."""
        coverage = self.store.coverage()
        # The last close of a month may stand up to four days before its end: a weekend and a holiday.
        closes = max(
            (coverage["equity_closes"][1] + dt.timedelta(days=n) for n in range(5)), key=lambda day: day.replace(day=1)
        )
        months = [month_before(coverage[name][1] + dt.timedelta(days=1)) for name in NEEDED_DAILY]
        return f"{min(*months, month_before(closes)):%Y-%m}"

    def _tables(self, known_by: dt.date | None) -> dict[str, pl.DataFrame]:
        return {name: self.store.read(name, as_of=known_by) for name in TABLES}

    def _sector(self, period: Period, known_by: dt.date | None) -> Sector:
        key = (period, known_by)
        if key not in self._sectors:
            from hashdesk.metrics.sector import build_sector

            self._sectors[key] = build_sector(self._tables(known_by), period, self.assumptions)
        return self._sectors[key]

    def _period(self, month: str | None, through: str | None) -> Period:
        if month is None and through is not None:
            month = through[:7]
        start = parse_month(month or self.latest_month())
        last = parse_day(through, what="through") if through else None
        period = month_period(start, last)
        today = dt.datetime.now(dt.UTC).date()
        if period.end > today:
            raise InputError(
                f"month: {period.name} is not over: it is {today}.",
                hint=f"Take a month before {today:%Y-%m}, or --through a day that has passed.",
            )
        if not self._is_covered(period):
            raise DataError(self._uncovered(period), hint=f"The latest complete month is {self.latest_month()}.")
        return period

    def _as_of(self, as_of: str | None, period: Period) -> dt.date | None:
        if as_of is None:
            return None
        day = parse_day(as_of, what="as-of")
        if day > dt.datetime.now(dt.UTC).date():
            raise InputError(f"as-of: {day} lies in the future.", hint="Leave it out for all that is known.")
        if day < period.end:
            raise InputError(
                f"as-of: {day} lies before the end of {period.name}: its figures were not known then.",
                hint=f"Take {period.end} or later, or --through an earlier day.",
            )
        return day

    def _coverage(self, known_by: dt.date | None) -> dict[str, tuple[dt.date, dt.date]]:
        """Coverage as far as it could be known by a day."""
        latest = known_by or dt.date.max
        return {name: (first, min(last, latest)) for name, (first, last) in self.store.coverage().items()}

    def _caveats(self, sector: Sector) -> dict[str, str]:
        from hashdesk.note.caveats import figure_caveats

        row = sector.monthly.row(-1, named=True)
        return figure_caveats(row, self.store.coverage(), has_own_costs=self.assumptions.has_own_costs)

    def _is_covered(self, period: Period) -> bool:
        coverage = self.store.coverage()
        return period.start >= FIRST_MONTH and all(coverage[name][1] >= period.last_day for name in NEEDED_DAILY)

    def _covered_month(self, names: Sequence[str]) -> dt.date:
        """First day of the last month that the tables cover whole."""
        coverage = self.store.coverage()
        end = min(coverage[name][1] for name in names) + dt.timedelta(days=1)
        return month_before(end)

    def _uncovered(self, period: Period) -> str:
        coverage = self.store.coverage()
        shown = (*NEEDED_DAILY, "equity_closes")
        ends = "; ".join(f"{name} covers {coverage[name][0]} to {coverage[name][1]}" for name in shown)
        return f"{period.name} is not covered by the data: {ends}."

    def _last_known(self, tables: Mapping[str, pl.DataFrame]) -> dt.date:
        """The last day on which a fact of the store became public; machines are left out, dated by rule to a year."""
        days = [
            frame["known_at"].max()
            for name, frame in tables.items()
            if "known_at" in frame.columns and name != "asic_models"
        ]
        return max(day for day in days if isinstance(day, dt.date))


def month_before(day: dt.date) -> dt.date:
    """First day of the month before a day's."""
    return (day.replace(day=1) - dt.timedelta(days=1)).replace(day=1)
