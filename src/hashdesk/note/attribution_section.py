"""The theme of what moved the shares: sentences, tables and their rows."""

from __future__ import annotations

import numpy as np
import polars as pl

from hashdesk.metrics.attribution import PARTS, Attribution, mean_parts
from hashdesk.metrics.event_study import LEVEL
from hashdesk.note.format import format_bounds, format_value
from hashdesk.note.model import Section, Table
from hashdesk.note.tables import from_frame

SECTION = "attribution"
GROUP = "All"
PART_LABELS = {"btc": "Bitcoin", "ai": "AI basket", "events": "Dated news", "residual": "Rest"}
PART_WORDS = {"btc": "bitcoin", "ai": "the AI basket", "events": "dated news", "residual": "the rest"}

_COLUMNS = (
    ("ticker", "Share", "ticker"),
    ("return_frac", "Return", "fraction"),
    *((f"{part}_frac", PART_LABELS[part], "fraction") for part in PARTS),
    ("residual_score", "Rest in standard errors", "z"),
    ("beta_bitcoin", "Beta to bitcoin", "1"),
    ("beta_ai", "Beta to AI basket", "1"),
)
_BOUNDS = tuple(
    (f"{part}_frac_{bound}", f"{PART_LABELS[part]}, {bound}", "fraction") for part in PARTS for bound in ("low", "high")
)
_MORE = (
    ("beta_bitcoin_se", "Standard error of the beta to bitcoin", "1"),
    ("beta_ai_se", "Standard error of the beta to the basket", "1"),
    ("n_sessions", "Sessions behind the betas", "count"),
    ("model_basis", "Betas rest on", "text"),
    *((f"{part}_usd", f"{PART_LABELS[part]}, of market cap", "USD") for part in PARTS),
    ("share_effect_usd", "Shares issued and list changes, of market cap", "USD"),
    ("contribution_usd", "Change of market cap", "USD"),
    ("missing", "What is missing", "text"),
)
_EVENT_COLUMNS = (
    ("date", "Session", "date"),
    ("ticker", "Share", "ticker"),
    ("headline", "News", "text"),
    ("return_frac", "Return", "fraction"),
    ("abnormal_frac", "Beyond bitcoin and basket", "fraction"),
    ("abnormal_frac_low", "Low", "fraction"),
    ("abnormal_frac_high", "High", "fraction"),
    ("p_value", "Chance on an ordinary date", "fraction"),
)
_EVENT_MORE = (
    ("kind", "Kind", "text"),
    ("is_sector", "News of the whole sector", "flag"),
    ("score", "Move in standard errors", "z"),
    ("n_overlapping", "Other news in the window", "count"),
    ("missing", "What is missing", "text"),
)


def attribution_tables(result: Attribution) -> dict[str, Table]:
    """Tables of the theme with every column, for the JSON, the workbook and the charts.

    ``attribution`` has the shares by return, then the group as ``All``; ``event_study`` the dated news of the month.
    """
    caveats = result.caveats
    whole = from_frame(
        "attribution",
        "What moved each share",
        _with_group(result),
        [*_COLUMNS, *_BOUNDS, *_MORE],
        sources=result.sources,
        caveats=caveats,
    )
    events = result.events.sort("date", "ticker", "headline")
    study = from_frame(
        "event_study",
        "Dated news against bitcoin and the AI basket, two sessions",
        events,
        [*_EVENT_COLUMNS, *_EVENT_MORE],
        sources=events["source"].to_list(),
    )
    return {table.id: table for table in (whole, study)}


def _with_group(result: Attribution) -> pl.DataFrame:
    """Shares by return, the best first, and the group below."""
    group = result.group.with_columns(
        ticker=pl.lit(GROUP),
        contribution_usd="market_cap_change_usd",
        share_effect_usd=pl.col("share_effect_usd") + pl.col("universe_effect_usd"),
    )
    ranked = result.companies.sort("return_frac", descending=True, nulls_last=True)
    return pl.concat([ranked, group], how="diagonal")


def attribution_sections(result: Attribution) -> list[Section]:
    """The theme as a section: what moved the group, which shares stand out, which news did."""
    shares = from_frame(
        "attribution-shares", "What moved each share", _with_group(result), _COLUMNS, caveats=result.caveats
    )
    known = result.events.filter(pl.col("score").is_not_null())
    tables = [shares]
    if known.height:
        by_size = known.sort(pl.col("score").abs(), descending=True).head(12).sort("date", "ticker")
        title = "Dated news with the largest moves" if known.height > 12 else "Dated news"
        tables.append(from_frame("attribution-news", f"{title}: first session and the next", by_size, _EVENT_COLUMNS))
    return [
        Section(
            SECTION,
            "What moved the shares",
            paragraphs=tuple(
                filter(None, (_group_text(result), _peers_text(result), _rest_text(result), _news_text(known)))
            ),
            tables=tuple(tables),
            missing=_missing(result),
        )
    ]


def _signed(value: float | None) -> str:
    return format_value(value, "fraction", signed=True)


def _group_text(result: Attribution) -> str:
    row = result.group.row(0, named=True)
    if row["return_frac"] is None:
        return ""
    parts = []
    for part in PARTS:
        value = row[f"{part}_frac"]
        if value is None:
            continue
        bounds = format_bounds(row[f"{part}_frac_low"], row[f"{part}_frac_high"], "fraction")
        parts.append(f"{PART_WORDS[part]} {_signed(value)} ({bounds})")
    basket = _signed(float(np.expm1(result.ai_log)))
    return (
        f"Prices moved the group's market cap by {_signed(row['return_frac'])}: {', '.join(parts)}; in brackets 95% "
        f"intervals. Share counts added {_signed(row['share_effect_frac'])} and changes of the list "
        f"{_signed(row['universe_effect_frac'])}, together {_signed(row['market_cap_change_frac'])}. Bitcoin returned "
        f"{_signed(float(np.expm1(result.btc_log)))}, the AI basket ({', '.join(result.ai_members)}, equally weighted) "
        f"{basket}; its part is what it returned beyond its own beta to bitcoin."
    )


def _peers_text(result: Attribution) -> str:
    """The companies with AI/HPC business against the others, part by part."""
    sides = {row["peers"]: row for row in mean_parts(result.companies, result.hpc_tickers).iter_rows(named=True)}
    if len(sides) < 2:
        return ""
    hpc, other = sides["hpc"], sides["other"]
    gaps = [
        f"{PART_WORDS[part]} {_signed(hpc[f'{part}_frac'] - other[f'{part}_frac'])}"
        for part in PARTS
        if hpc[f"{part}_frac"] is not None and other[f"{part}_frac"] is not None
    ]
    many = hpc["n_companies"] > 1
    return (
        f"The {hpc['n_companies']} {'companies' if many else 'company'} with an AI/HPC contract or GPU cloud on record "
        f"({', '.join(result.hpc_tickers)}) returned {_signed(hpc['return_frac'])}{' on average' if many else ''}, the "
        f"{other['n_companies']} others {_signed(other['return_frac'])}{'' if many else ' on average'}. Points of the "
        "difference of "
        f"{_signed(hpc['return_frac'] - other['return_frac'])}: {', '.join(gaps)}."
    )


def _rest_text(result: Attribution) -> str:
    """Shares whose rest is beyond noise, largest first."""
    known = result.companies.filter(pl.col("residual_score").is_not_null())
    loud = known.filter(pl.col("residual_score").abs() > 1.959964).sort(pl.col("residual_score").abs(), descending=True)
    quiet = known.height - loud.height
    if not known.height:
        return ""
    if not loud.height:
        return (
            f"No share's rest stands out from its daily noise: all {quiet} lie within two standard errors, so none of "
            "them says anything about its company."
        )
    named = "; ".join(
        f"{row['ticker']} {_signed(row['residual_frac'])} ({format_value(row['residual_score'], 'z', signed=True)} "
        "standard errors)"
        for row in loud.head(5).iter_rows(named=True)
    )
    return (
        f"What bitcoin, the basket and dated news leave stands out from daily noise for {loud.height} of "
        f"{known.height} shares: {named}."
    )


def _news_text(known: pl.DataFrame) -> str:
    """How many items of news moved a share by more than an ordinary date does."""
    own = known.filter(~pl.col("is_sector") & pl.col("p_value").is_not_null())
    if not own.height:
        return ""
    loud = own.filter(pl.col("p_value") < LEVEL).sort("p_value")
    text = (
        f"Of {own.height} items of company news with prices around them, {loud.height} moved the share by more than "
        "one ordinary date in twenty does"
    )
    if loud.height:
        named = ", ".join(
            f"{row['ticker']} {_signed(row['abnormal_frac'])} ({row['headline']})"
            for row in loud.head(3).iter_rows(named=True)
        )
        text += f": {named}"
    return f"{text}. By chance about {own.height * LEVEL:.1f} would."


def _missing(result: Attribution) -> tuple[str, ...]:
    """Shares without a part, each reason once."""
    lines = []
    if (gap := result.group["missing"][0]) is not None:
        lines.append(f"The group's split is missing: {gap}.")
    without = result.companies.filter(pl.col("return_frac").is_null())
    lines += [f"{row['ticker']}: {row['missing']}." for row in without.iter_rows(named=True)]
    return tuple(lines)
