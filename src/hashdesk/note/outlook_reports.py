"""What the outlook's commands give back: typed containers with their tables and the sentences that sum them up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from hashdesk.note import outlook_text as words
from hashdesk.note.format import format_date, format_month
from hashdesk.note.model import Table, to_json
from hashdesk.note.outlook_tables import fan_print_table
from hashdesk.outlook.adjustment import Adjustment, AdjustmentScore
from hashdesk.outlook.nowcast import Nowcast
from hashdesk.outlook.statements import FAN_FIGURES, ScenarioRun, Statement

if TYPE_CHECKING:
    import polars as pl

    from hashdesk.outlook.fleet_cash import FleetCash, Payback
    from hashdesk.outlook.machines import HashpriceOption
    from hashdesk.outlook.scorecard import Scorecard

SHOWN_MONTHS = (1, 3, 6, 12, 24, 36, 48, 60)
"""Months ahead that a terminal shows."""


def _document(report: Any, *without: str) -> dict[str, Any]:
    names = [item.name for item in fields(report) if item.name not in without]
    return {**{name: to_json(getattr(report, name)) for name in names}, "summary": list(report.summary)}


@dataclass(frozen=True, slots=True)
class DifficultyReport:
    """Hashrate now and the next two retargets, as seen at one moment."""

    nowcast: Nowcast
    adjustment: Adjustment
    other_estimates_ehs: Mapping[str, float | None]
    """Simpler estimates of the hashrate on the same day, by name [EH/s]."""
    tables: Mapping[str, Table]
    caveats: tuple[str, ...]

    @property
    def summary(self) -> tuple[str, ...]:
        """The report in sentences."""
        return words.now_sentences(self.nowcast, self.adjustment)

    def document(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return _document(self)


@dataclass(frozen=True, slots=True)
class AdjustmentScores:
    """How predictions of past retargets fared."""

    scores: tuple[AdjustmentScore, ...]
    tables: Mapping[str, Table]


@dataclass(frozen=True, slots=True, eq=False)
class OutlookReport:
    """Simulated scenarios from the end of a month, and what they say."""

    month: str
    """Last month that was known."""
    origin: dt.date
    """First simulated day."""
    horizon_months: int
    n_paths: int
    seed: int
    scenarios: tuple[Mapping[str, str], ...]
    """Name, label, description and source of each."""
    statements: tuple[Statement, ...]
    tables: Mapping[str, Table]
    caveats: tuple[str, ...]
    difficulty: DifficultyReport
    runs: tuple[ScenarioRun, ...] = field(repr=False)
    """The paths themselves."""
    fan: pl.DataFrame = field(repr=False)
    """Quantiles in rows: scenario, month, figure, unit, p5, p25, p50, p75, p95."""

    @property
    def summary(self) -> tuple[str, ...]:
        """The outlook in sentences."""
        now, *retargets = self.difficulty.summary
        first, last = self.difficulty.nowcast.date.replace(day=1), self.difficulty.nowcast.date
        is_whole = (last + dt.timedelta(days=1)).day == 1
        period = format_month(first) if is_whole else f"{first.day} to {format_date(last, long=True)}"
        level = words.level_sentence(self.tables["outlook_nowcast"], period)
        return (f"{now} {level}", *retargets, *words.fan_sentences(self.fan, self.scenarios[0]["name"]))

    def printed(self) -> list[Table]:
        """Tables for a terminal: the fans of each scenario at a few months, one figure after the other."""
        long = ("outlook_fan", "outlook_scenario_months")
        kept = [table for name, table in self.tables.items() if name not in long]
        months = sorted(set(self.fan["month"]))
        shown = [months[at - 1] for at in SHOWN_MONTHS if at <= len(months)] or [months[-1]]
        fans = [
            fan_print_table(self.fan, item["name"], figure, shown) for figure in FAN_FIGURES for item in self.scenarios
        ]
        return [*fans, *kept]

    def document(self) -> dict[str, Any]:
        """Everything but the paths, as plain JSON values."""
        return _document(self, "runs", "fan", "difficulty")


@dataclass(frozen=True, slots=True, eq=False)
class FleetReport:
    """A fleet's simulated cash under one scenario."""

    name: str
    origin: dt.date
    scenario: str
    horizon_months: int
    n_paths: int
    seed: int
    capex_usd: float
    hashrate_ehs: float
    power_mw: float
    npv_quantiles_usd: Mapping[str, float]
    loss_frac: float
    """Probability that the net present value is below zero."""
    strip: Mapping[str, float]
    """The machines' margins as a strip of options against running always, before fixed costs and capital."""
    paybacks: tuple[Payback, ...]
    tables: Mapping[str, Table]
    caveats: tuple[str, ...]
    cash: FleetCash = field(repr=False)
    options: tuple[HashpriceOption, ...] = field(repr=False)

    @property
    def summary(self) -> tuple[str, ...]:
        """The fleet in sentences."""
        return words.fleet_sentences(self)

    def document(self) -> dict[str, Any]:
        """Everything but the paths, as plain JSON values."""
        return _document(self, "cash", "options")


@dataclass(frozen=True, slots=True, eq=False)
class ScorecardReport:
    """How forecasts of the past fared."""

    first_origin: dt.date
    last_origin: dt.date
    n_paths: int
    seed: int
    tables: Mapping[str, Table]
    caveats: tuple[str, ...]
    card: Scorecard = field(repr=False)
    """Scores of every forecast."""

    @property
    def summary(self) -> tuple[str, ...]:
        """The scorecard in sentences, also where we lose."""
        return words.scorecard_sentences(self.tables["outlook_scorecard"])

    def document(self) -> dict[str, Any]:
        """Sums and sentences as plain JSON values."""
        return _document(self, "card")
