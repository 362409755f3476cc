"""Assemble the note of a period: figures, companies, events, reconciliation, tables, takeaways, caveats."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from hashdesk.assumptions import Assumptions
from hashdesk.calendar import Period
from hashdesk.catalog.figures import FIGURES
from hashdesk.metrics.equities import STALE_SHARES_DAYS, Market, total_return_frac
from hashdesk.metrics.reconcile import PUBLISHED_METRICS, closest_definition, compare, rounding_half_width
from hashdesk.metrics.sector import Sector, middle_day
from hashdesk.note.caveats import figure_caveats
from hashdesk.note.figures import SIGNIFICANT_Z, build_figures
from hashdesk.note.model import (
    AssumptionRef,
    Company,
    Event,
    Figure,
    Interval,
    Note,
    ReconciliationRow,
    SourceRef,
)
from hashdesk.note.tables import build_tables
from hashdesk.note.takeaways import build_takeaways

HEADLINE_DEFINITION = "headline"


def build_note(
    sector: Sector,
    tables: Mapping[str, pl.DataFrame],
    assumptions: Assumptions,
    coverage: Mapping[str, tuple[dt.date, dt.date]],
    *,
    as_of: dt.date,
    is_cut: bool = False,
    code_version: str,
) -> Note:
    """The note of the sector's last period.

    Parameters
    ----------
    sector : Sector
        From :func:`hashdesk.metrics.sector.build_sector`.
    tables : mapping of str to DataFrame
        The tables of facts that the sector was built from.
    assumptions : Assumptions
        As used for the sector.
    coverage : mapping of str to (date, date)
        First and last fact date of each table.
    as_of : date
        What was known then is what the note rests on.
    is_cut : bool, default False
        Whether the caller asked for that day, so that the note must say what does not go back with it.
    code_version : str
        Version of this package.

    Returns
    -------
    Note
    """
    period = sector.period
    row = sector.monthly.row(-1, named=True)
    reasons = figure_caveats(row, coverage, has_own_costs=assumptions.has_own_costs)
    sources = table_sources(tables, sector)
    figures = build_figures(sector.monthly, period, reasons, sources)
    companies = _companies(sector)
    events = _events(tables["events"], sector.market, period)
    reconciliation = reconcile_period(figures, tables["published"], period)
    note_tables = build_tables(sector, tables, figures, reconciliation, assumptions)
    assumed = _assumptions(assumptions, period)
    headline, takeaways = build_takeaways(figures, companies, events, note_tables, assumed, period)
    caveats = _caveats(figures, companies, assumptions, period)
    if is_cut:
        caveats = (
            f"Facts are cut at what was known on {as_of}; the cost line and the choice of the headline revenue are "
            "today's, and rest in part on later publications.",
            *caveats,
        )
    used = {s for figure in figures for s in figure.sources}
    used |= {s for company in companies for s in company.sources} | {event.source for event in events}
    used |= {item.source for item in reconciliation} | {s for t in note_tables.values() for s in t.sources}
    return Note(
        month=period.name,
        title=f"Bitcoin mining: {period.title}",
        headline=headline,
        period_start=period.start,
        period_end=period.end,
        as_of=as_of,
        figures=figures,
        takeaways=takeaways,
        companies=companies,
        events=events,
        reconciliation=reconciliation,
        caveats=caveats,
        tables=note_tables,
        assumptions=assumed,
        sources=source_refs(tables["sources"], used),
        code_version=code_version,
    )


def table_sources(tables: Mapping[str, pl.DataFrame], sector: Sector) -> dict[str, list[str]]:
    """Source ids of each table, as far as they bear on the period: daily facts of the period, rows in use elsewhere."""
    period = sector.period
    sources: dict[str, list[str]] = {}
    for name, frame in tables.items():
        if "source" not in frame.columns:
            continue
        if name in ("network_daily", "btc_price_daily", "etf_flows"):
            frame = frame.filter((pl.col("date") >= period.start) & (pl.col("date") < period.end))
        elif name == "etf_assets":
            end = sector.market.trading_day(period.last_day) or period.last_day
            frame = frame.filter((pl.col("date") >= end) & (pl.col("date") < period.end) & (pl.col("ticker") == "IBIT"))
        elif name == "volumes":
            frame = frame.filter(pl.col("month") == period.start)
        elif name == "published":
            frame = frame.filter(pl.col("metric").str.contains("gross_|revenue_per_ehs"))
        sources[name] = frame["source"].drop_nulls().unique(maintain_order=True).to_list()
    tracked = sector.companies.filter(pl.col("is_tracked"))
    if sector.listed_companies is not None:
        counted = sector.listed_companies.filter("is_counted").select("ticker", "month")
        monthly = counted.join(tables["production"], on=["ticker", "month"])
        ends = counted.with_columns(period_end=pl.col("month").dt.offset_by("1mo"))
        quarterly = ends.join(tables["production_quarterly"], on=["ticker", "period_end"])
        sources["production"] = monthly["source"].drop_nulls().unique(maintain_order=True).to_list()
        sources["production_quarterly"] = quarterly["source"].drop_nulls().unique(maintain_order=True).to_list()
    sources["share_counts"] = tracked["shares_source"].drop_nulls().unique(maintain_order=True).to_list()
    sources["equity_closes"] = tracked["close_source"].drop_nulls().unique(maintain_order=True).to_list()
    return sources


def _companies(sector: Sector) -> tuple[Company, ...]:
    rows = []
    for row in sector.companies.filter(pl.col("is_tracked") | pl.col("was_tracked")).to_dicts():
        caveats = []
        if row["is_tracked"] and row["close_usd"] is None:
            caveats.append("no close on the last trading day")
        if row["is_tracked"] and row["shares_outstanding"] is None:
            caveats.append("no share count public at the time")
        if row["is_shares_stale"]:
            caveats.append(f"share count of {row['shares_as_of']} is older than {STALE_SHARES_DAYS} days")
        if row["shares_confidence"] == "low":
            caveats.append(f"share count of low confidence ({row['shares_form']})")
        if row["is_tracked"] and not row["was_tracked"]:
            caveats.append("joined the tracked list in this period: its whole market cap counts as a share effect")
        if row["was_tracked"] and not row["is_tracked"]:
            caveats.append("left the tracked list in this period: its whole market cap counts as a share effect")
        names = [row["close_source"], row["shares_source"]]
        rows.append(
            Company(
                ticker=row["ticker"],
                name=row["name"],
                close_usd=row["close_usd"],
                close_date=row["close_date"],
                prior_close_usd=row["prior_close_usd"],
                market_cap_usd=row["market_cap_usd"] if row["is_tracked"] else None,
                prior_market_cap_usd=row["prior_market_cap_usd"],
                return_frac=row["return_frac"],
                excess_return_frac=row["excess_return_frac"],
                contribution_usd=row["contribution_usd"],
                price_effect_usd=row["price_effect_usd"],
                share_effect_usd=row["share_effect_usd"],
                shares_outstanding=row["shares_outstanding"],
                shares_as_of=row["shares_as_of"],
                shares_known_at=row["shares_known_at"],
                shares_form=row["shares_form"] or "",
                shares_confidence=row["shares_confidence"] or "",
                is_shares_stale=bool(row["is_shares_stale"]),
                sources=tuple(name for name in names if name),
                caveats=tuple(caveats),
                universe_effect_usd=row["universe_effect_usd"],
            )
        )
    return tuple(sorted(rows, key=lambda company: -(company.market_cap_usd or 0)))


def _events(events: pl.DataFrame, market: Market, period: Period) -> tuple[Event, ...]:
    inside = events.filter((pl.col("date") >= period.start) & (pl.col("date") < period.end)).sort("date")
    rows = inside.to_dicts()
    sessions = [(ticker, _first_session(market, row["date"])) for row in rows for ticker in row["tickers"].split(";")]
    shared = Counter(sessions)
    return tuple(_event(row, market, shared) for row in rows)


def _event(row: Mapping[str, Any], market: Market, shared: Mapping[tuple[str, dt.date | None], int]) -> Event:
    """An event with the move of its first trading session: of its share, or the median of its shares."""
    tickers = tuple(ticker for ticker in row["tickers"].split(";") if ticker)
    change = btc_change = None
    session = _first_session(market, row["date"])
    before = market.trading_day(session - dt.timedelta(days=1)) if session else None
    if session and before:
        moves = []
        for ticker in tickers:
            last, first = market.close(ticker, session), market.close(ticker, before)
            if last and first:
                moves.append(total_return_frac(last, first))
        change = statistics.median(moves) if moves and len(moves) == len(tickers) else None
        btc_last, btc_first = market.btc_close(session), market.btc_close(before)
        btc_change = btc_last / btc_first - 1 if btc_last and btc_first else None
    return Event(
        date=row["date"],
        tickers=tickers,
        kind=row["kind"],
        headline=row["headline"],
        source=row["source"],
        confidence=row["confidence"],
        return_1d_frac=change,
        btc_return_1d_frac=btc_change,
        excess_return_1d_frac=change - btc_change if change is not None and btc_change is not None else None,
        note=row.get("note") or "",
        n_same_session=max((shared[ticker, session] for ticker in tickers), default=1),
    )


def _first_session(market: Market, day: dt.date) -> dt.date | None:
    """First trading day at or after a day; news dated by the session that could trade on it."""
    for offset in range(5):
        candidate = day + dt.timedelta(days=offset)
        if market.trading_day(candidate) == candidate:
            return candidate
    return None


def reconcile_period(
    figures: Sequence[Figure], published: pl.DataFrame, period: Period
) -> tuple[ReconciliationRow, ...]:
    """Every published figure of a period beside ours."""
    by_id = {figure.id: figure for figure in figures}
    inside = published.filter(
        (pl.col("period_start") == period.start)
        & (pl.col("period_end") == period.end)
        & pl.col("metric").is_in(list(PUBLISHED_METRICS))
    ).sort("metric", "published_on")
    return tuple(_reconcile(row, by_id, period) for row in inside.to_dicts())


def _reconcile(row: Mapping[str, Any], figures: Mapping[str, Figure], period: Period) -> ReconciliationRow:
    metric = PUBLISHED_METRICS[row["metric"]]
    figure = figures[metric.figure_id]
    common: dict[str, Any] = {
        "figure_id": metric.figure_id,
        "metric": row["metric"],
        "period": period.name,
        "unit": row["unit"],
        "publisher": row["publisher"] or "",
        "published_on": row["published_on"],
        "source": row["source"],
        "note": row["note"] or "",
    }
    if metric.aspect == "text":
        published = str(row["text"])
        agrees = None if figure.value is None else figure.value == published
        return ReconciliationRow(
            ours=None if figure.value is None else str(figure.value),
            published=published,
            difference=None,
            difference_frac=None,
            rounding=None,
            interval=None,
            is_within_rounding_and_interval=agrees,
            best_definition="",
            **common,
        )
    value = {
        "value": figure.value,
        "change": figure.change,
        "change_frac": figure.change_frac,
        "return": figure.return_frac,
    }[metric.aspect]
    ours = value * metric.scale if isinstance(value, int | float) else None
    interval = _aspect_interval(figure, metric.aspect, metric.scale)
    half_width = rounding_half_width(row["value"], row["unit"])
    result = compare(
        ours, row["value"], half_width, interval.low if interval else None, interval.high if interval else None
    )
    best = ""
    if metric.aspect == "value" and figure.variants:
        candidates: dict[str, float | None] = {HEADLINE_DEFINITION: _number(figure.value)}
        candidates |= {variant.id: variant.value for variant in figure.variants}
        best = closest_definition(row["value"], candidates, metric.scale)
    return ReconciliationRow(
        ours=ours,
        published=row["value"],
        rounding=half_width,
        interval=interval,
        best_definition=best,
        **common,
        **result,
    )


def _aspect_interval(figure: Figure, aspect: str, scale: float) -> Interval | None:
    """Interval of the value, or of its change where that has a noise model, in the published unit."""
    if aspect == "value" and figure.interval:
        return Interval(figure.interval.low * scale, figure.interval.high * scale, figure.interval.level)
    if aspect in ("change", "change_frac") and figure.z and figure.change is not None:
        unit = scale if aspect == "change" else scale / float(figure.prior or math.nan)
        half_width = SIGNIFICANT_Z * abs(figure.change / figure.z)
        return Interval((figure.change - half_width) * unit, (figure.change + half_width) * unit)
    return None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _assumptions(assumptions: Assumptions, period: Period) -> tuple[AssumptionRef, ...]:
    """Assumed values as the period uses them: the efficiency line is shown at the middle of the period."""
    refs = []
    for entry in assumptions.entries.values():
        if entry.id == "efficiency_log_change_per_month" and assumptions["efficiency_j_per_th"].is_override:
            continue  # a constant given by the caller has no line
        value, note, as_of = entry.value, entry.note, entry.as_of
        label = entry.label
        if entry.id == "efficiency_j_per_th":
            estimate = assumptions.efficiency(middle_day(period))
            value, as_of = estimate.value, middle_day(period)
            if estimate.low is not None and estimate.high is not None:
                label = "Efficiency of the network's fleet on the calibrated line, mid-period"
                note = f"95%: {estimate.low:.1f} to {estimate.high:.1f} J/TH. {note}".strip()
        refs.append(
            AssumptionRef(
                id=entry.id,
                label=label,
                value=value,
                unit=entry.unit,
                as_of=as_of.isoformat(),
                source=entry.source,
                is_override=entry.is_override,
                note=note,
            )
        )
    return tuple(refs)


def _caveats(
    figures: Sequence[Figure], companies: Sequence[Company], assumptions: Assumptions, period: Period
) -> tuple[str, ...]:
    lines = [f"{FIGURES[figure.id].label}: {caveat}." for figure in figures for caveat in figure.caveats]
    lines += [f"{company.ticker}: {caveat}." for company in companies for caveat in company.caveats]
    lines += assumptions.caveats
    if period.is_partial:
        lines.append(
            f"A part of a month: {period.n_days} days to {period.last_day}, set against the whole month before."
        )
    return tuple(dict.fromkeys(lines))


def source_refs(sources: pl.DataFrame, used: set[str]) -> tuple[SourceRef, ...]:
    """The sources in use, by id, out of the table of sources."""
    rows = sources.filter(pl.col("id").is_in(list(used))).sort("id").to_dicts()
    return tuple(
        SourceRef(
            id=row["id"],
            title=row["title"] or "",
            publisher=row["publisher"] or "",
            url=row["url"] or "",
            licence=row["licence"] or "",
            retrieved_at=str(row["retrieved_at"] or ""),
        )
        for row in rows
    )
