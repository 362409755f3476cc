"""The theme "Outlook" of the note: hashrate now, the next retargets, what comes after, and how good we are at it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from hashdesk.note.format import format_bounds, format_date, format_month, format_value
from hashdesk.note.model import Column, Scalar, Section, Table
from hashdesk.note.outlook_reports import DifficultyReport, OutlookReport, ScorecardReport
from hashdesk.note.outlook_tables import statement_text, table_of
from hashdesk.note.outlook_text import rounded
from hashdesk.outlook.statements import GROSS_PROFIT

SECTION_ID = "outlook"
NOTE_PATHS = 2_500
"""Paths of each scenario in a note: Monte Carlo errors stay at 1 point or below, and the note stays quick."""
NOTE_SCENARIOS = ("base", "bear", "bull", "hashrate_shock", "ai_pull", "energy_spike")
NOTE_MONTHS = 24
PRINTED_MONTHS_AHEAD = 12
_DIFFERENCE = f"{GROSS_PROFIT}_difference_p50"
_PRINTED = ("scenario", "btc_price_usd_p50", "network_hashrate_ehs_p50", "hashprice_usd_per_phs_day_p50",
            f"{GROSS_PROFIT}_p50", f"{GROSS_PROFIT}_p5", f"{GROSS_PROFIT}_p95", "loss_probability_frac")  # fmt: skip


def outlook_tables(report: OutlookReport, scorecard: ScorecardReport | None) -> dict[str, Table]:
    """Tables for the note's workbook and JSON, in full.

    Parameters
    ----------
    report : OutlookReport
        From the end of the note's month.
    scorecard : ScorecardReport or None
        As far as outcomes were known by then.

    Returns
    -------
    dict of str to Table
    """
    tables = dict(report.tables)
    if scorecard is not None:
        tables |= scorecard.tables
    return tables


def outlook_sections(report: OutlookReport, scorecard: ScorecardReport | None) -> list[Section]:
    """The theme, for print: sentences and short tables; its charts are drawn from :func:`outlook_tables`.

    Parameters
    ----------
    report, scorecard
        As for :func:`outlook_tables`.

    Returns
    -------
    list of Section
        One section.
    """
    scores = () if scorecard is None else (_scorecard(scorecard),)
    missing = () if scorecard is not None else ("No scorecard: no past forecast had an outcome by then.",)
    return [
        Section(
            id=SECTION_ID,
            title="Outlook",
            paragraphs=(*report.summary, *_reading(report), *_scored(scorecard)),
            tables=(
                _retargets(report.difficulty),
                _scenarios(report),
                _statements(report),
                *_companies(report),
                *scores,
            ),
            missing=(*missing, *_silent(report)),
        )
    ]


def short_section(difficulty: DifficultyReport, reason: str) -> Section:
    """The theme where nothing can be simulated: hashrate now, the next retargets, and the reason."""
    return Section(
        id=SECTION_ID,
        title="Outlook",
        paragraphs=difficulty.summary,
        missing=(f"No simulated outlook: {reason}",),
    )


def _reading(report: OutlookReport) -> list[str]:
    """What the simulation says, in words."""
    lines = []
    said = [s for s in report.statements if s.scenario == report.scenarios[0]["name"] and s.figure == GROSS_PROFIT]
    if said:
        first = said[0]
        lines.append(
            f"The simulation puts {statement_text(first)} at a probability of {first.probability:.0%}. It uses "
            f"nothing that happened after {format_date(report.origin - dt.timedelta(days=1), long=True)}."
        )
    base, *others = _at_horizon(report)
    if not others:
        return lines
    unit = "USD/EH/s/day"
    middle = _float(base[f"{GROSS_PROFIT}_p50"])
    moves = [
        f"{_plain(report, row)} by {format_value(rounded(_float(row[_DIFFERENCE]), middle), unit, signed=True)}"
        for row in sorted(others, key=lambda row: _float(row[_DIFFERENCE]))
    ]
    month = base["month"]
    assert isinstance(month, dt.date)
    lines.append(
        f"In {format_month(month)} gross profit per EH/s a day has a median of "
        f"{format_value(rounded(middle, middle), unit)} in {_plain(report, base)}. Path by path the other scenarios "
        f"move it, in the median: {', '.join(moves)}. They are questions and carry no probability."
    )
    return lines


def _scored(scorecard: ScorecardReport | None) -> tuple[str, ...]:
    if scorecard is None:
        return ()
    opening = (
        f"How good are such forecasts? They were made at the start of every month from "
        f"{format_month(scorecard.first_origin)} to {format_month(scorecard.last_origin)} from what was known then, "
        "and held against what came."
    )
    return (f"{opening} {' '.join(scorecard.summary)}", *scorecard.caveats)


def _retargets(difficulty: DifficultyReport) -> Table:
    """One row for each retarget."""
    adjustment = difficulty.adjustment
    columns = [
        Column("block_height", "Block", "count"),
        Column("expected_date", "Expected", "date"),
        Column("difficulty", "Difficulty", "difficulty"),
        Column("change_frac", "Change", "fraction"),
        *(Column(f"range_{level}", f"{level}% interval", "text") for level in (50, 80, 95)),
        Column("rise_probability_frac", "Chance of a rise", "fraction"),
    ]
    rows: list[list[Scalar]] = [
        [
            retarget.height,
            retarget.expected_at.date(),
            retarget.difficulty,
            retarget.change_frac,
            *(format_bounds(bounds.low, bounds.high, "fraction") for bounds in retarget.change_bounds),
            retarget.rise_probability,
        ]
        for retarget in (adjustment.next, adjustment.following)
    ]
    return table_of("outlook_retargets_short", "Next two difficulty adjustments", columns, rows)


def _at_horizon(report: OutlookReport) -> list[Mapping[str, Scalar]]:
    """Rows of the scenario table twelve months ahead, or at the last month shown before."""
    months = report.runs[0].months
    wanted = months[min(PRINTED_MONTHS_AHEAD, len(months)) - 1]
    return [row for row in report.tables["outlook_scenarios"].records() if row["month"] == wanted]


def _scenarios(report: OutlookReport) -> Table:
    """Scenarios twelve months ahead, with what each one says."""
    full = report.tables["outlook_scenarios"]
    columns = [column for name in _PRINTED for column in full.columns if column.name == name]
    rows = _at_horizon(report)
    months = report.runs[0].months
    month = format_month(months[min(PRINTED_MONTHS_AHEAD, len(months)) - 1])
    described = "; ".join(f"{item['name']}: {item['description']}" for item in report.scenarios[1:])
    return Table(
        "outlook_scenarios_short",
        f"Scenarios in {month}: medians, and the 90% range of gross profit",
        tuple(columns),
        tuple(tuple(row[name] for name in _PRINTED) for row in rows),
        caveats=(*((f"{described}.",) if described else ()), *full.caveats),
    )


def _statements(report: OutlookReport) -> Table:
    full = report.tables["outlook_statements"]
    kept = [
        (f"{str(row['statement'])[:1].upper()}{str(row['statement'])[1:]}", row["probability_frac"])
        for row in full.records()
        if row["scenario"] == report.scenarios[0]["name"]
    ]
    columns = [Column("statement", "Statement", "text"), Column("probability_frac", "Probability", "fraction")]
    caveat = (
        f"Scenario {report.scenarios[0]['name']}, {report.n_paths:,} paths: the simulation's own error is below "
        f"{100 * 0.5 / report.n_paths**0.5:.1f} points. The model's error is not in it, see the scorecard. Thresholds "
        "that are not round are the values of the last known period."
    )
    return table_of("outlook_statements_short", "Probabilities", columns, kept, caveats=(caveat,))


def _companies(report: OutlookReport) -> tuple[Table, ...]:
    """Companies of which enough is disclosed; no table where there is none."""
    full = report.tables["outlook_companies"]
    months = report.runs[0].months
    last = format_month(months[min(PRINTED_MONTHS_AHEAD, len(months)) - 1], short=True)
    columns = [
        Column("ticker", "Company", "ticker"),
        Column("hashrate_ehs", "Hashrate", "EH/s"),
        Column("efficiency_j_per_th", "Efficiency", "J/TH"),
        Column("power_price_usd_per_mwh", "Power", "USD/MWh"),
        Column("breakeven_hashprice_usd_per_phs_day", "Breakeven hashprice", "USD/PH/s/day"),
        Column("gross_profit_usd_p50", "Gross profit, median", "USD"),
        Column("loss_month_frac", f"Loss in {last}", "fraction"),
        Column("assumed", "The network's in place of its own", "text"),
    ]
    rows = [[row[column.name] for column in columns] for row in full.records() if row["loss_month_frac"] is not None]
    loss = f"Loss in {last}: probability that block rewards do not cover power; no other cost is in it."
    caveats = (loss, *full.caveats)
    return (table_of("outlook_companies_short", full.title, columns, rows, caveats=caveats),) if rows else ()


def _scorecard(scorecard: ScorecardReport) -> Table:
    """What fits the page; the workbook has every column."""
    full = scorecard.tables["outlook_scorecard"]
    left_out = ("n", "p_value_from_2020", "coverage_50_frac")
    columns = tuple(column for column in full.columns if column.name not in left_out)
    rows = tuple(tuple(row[column.name] for column in columns) for row in full.records())
    return Table("outlook_scorecard_short", full.title, columns, rows, caveats=full.caveats)


def _silent(report: OutlookReport) -> list[str]:
    """Companies about which nothing can be said, and why."""
    by_reason: dict[str, list[str]] = {}
    for row in report.tables["outlook_companies"].records():
        if row["loss_month_frac"] is None:
            by_reason.setdefault(str(row["missing"]), []).append(str(row["ticker"]))
    if not by_reason:
        return []
    named = "; ".join(f"{reason}: {', '.join(tickers)}" for reason, tickers in by_reason.items())
    return [f"No probability of loss where too little was disclosed within a year. Missing {named}."]


def _plain(report: OutlookReport, row: Mapping[str, Scalar]) -> str:
    """Name of a scenario in a sentence: what its label says before a colon, else its name."""
    name = str(row["scenario"])
    label = next(item["label"] for item in report.scenarios if item["name"] == name)
    short = label.split(":")[0] if ":" in label else name
    return short[0].lower() + short[1:] if short[1:2].islower() else short


def _float(value: object) -> float:
    assert isinstance(value, float | int)
    return float(value)
