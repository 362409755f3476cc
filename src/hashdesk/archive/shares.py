"""The share-count ledger: the raw ledger, row by row, with our judgement over it."""

from __future__ import annotations

import datetime as dt
import re

import polars as pl

from hashdesk.archive.common import Checks, Sources, day, judgements
from hashdesk.archive.reading import RawFolder
from hashdesk.archive.share_judgements import ADDED, CHANGES

SCREENER = "first day on which a stock screener showed this count"
CROSS_CHECK = "cross-check"
_FORMS = {"10-K/10-Q": "10-K table"}


def _unit(ticker: str, as_of: dt.date) -> str:
    """The unit that traded on a day."""
    if ticker == "ARBK":
        return "ADS of 10" if as_of < dt.date(2025, 12, 12) else "ADS of 2,160"
    if ticker == "CANG" and as_of < dt.date(2025, 11, 17):
        return "ADS of 2"
    return "share"


def _default_note(raw: dict[str, str]) -> str | None:
    if raw["form"] == "screener-implied":
        return SCREENER
    if raw["status"] == "check":
        return CROSS_CHECK
    if raw["form"] in ("10-K/10-Q", "10-K") and "rounded" in raw["note"]:
        return "year-end count of the annual report, rounded"
    return None


def share_counts(folder: RawFolder, sources: Sources, checks: Checks) -> pl.DataFrame:
    """Every row of the raw ledger with its judgement, and the rows added to it."""
    raw_rows = folder.rows("equity/shares_ledger.csv")
    notes = {
        (row["ticker"], row["as_of"], int(row["shares_outstanding"])): row["note"]
        for row in judgements("share_notes.csv")
    }
    rows: list[dict[str, object]] = []
    used: set[tuple[str, str, int]] = set()
    for raw in raw_rows:
        key = (raw["ticker"], raw["as_of"], int(float(raw["shares_outstanding"])))
        used.add(key)
        changes = CHANGES.get(key, {})
        as_of = day(changes.get("as_of", raw["as_of"]))
        from_screener = "US-Stock-Symbols" in raw["source_url"]
        rows.append(
            {
                "ticker": raw["ticker"],
                "as_of": as_of,
                "shares_outstanding": float(raw["shares_outstanding"]),
                "unit": _unit(raw["ticker"], as_of),
                "classes": re.split(r" \(|, | after ", raw["classes"])[0],
                "form": _FORMS.get(raw["form"], raw["form"]),
                "confidence": raw["confidence"],
                "path": raw["path_from_previous"],
                "use_for": changes.get("use_for", raw["use_for"]),
                "status": changes.get("status", raw["status"]),
                "note": changes.get("note") or notes.get(key) or _default_note(raw),
                "source": "screener-snapshots"
                if from_screener
                else sources.page(raw["source_url"], f"{raw['ticker']} shares, {raw['as_of']}"),
                "known_at": day(changes.get("known_at", raw["known_at"])),
            }
        )
    unused = (notes.keys() | CHANGES.keys()) - used
    checks.ours(f"every judgement has its row {sorted(unused) or ''}".strip(), not unused)
    for added in ADDED:
        as_of = day(added["as_of"])
        row: dict[str, object] = {name: text for name, text in added.items() if name != "url"}
        rows.append(
            row
            | {
                "as_of": as_of,
                "known_at": day(added["known_at"]),
                "shares_outstanding": float(added["shares_outstanding"]),
                "unit": _unit(added["ticker"], as_of),
                "source": sources.page(added["url"], f"{added['ticker']} shares, {added['as_of']}"),
            }
        )
    checks.that("every row of the raw ledger is kept", len(rows) == len(raw_rows) + len(ADDED))
    frame = pl.DataFrame(rows, infer_schema_length=None)
    used_then = frame.filter((pl.col("status") == "use") & pl.col("use_for").is_in(["both", "known-then"]))
    checks.that("no count in use is a cross-check", not used_then["note"].eq(CROSS_CHECK).any())
    return frame.sort("ticker", "as_of", "known_at", "shares_outstanding", "form", "source")


_FILED = re.compile(r"filed (\d{4}-\d{2}-\d{2})")


def share_count_readings(folder: RawFolder, sources: Sources) -> pl.DataFrame:
    """Share counts as read, before any judgement; a filing counts as known from the day it was filed."""
    rows = []
    for raw in folder.rows_that("equity/shares.csv", lambda row: row["shares"], "no count"):
        as_of = day(raw["as_of"])
        filed = _FILED.search(raw["source"])
        if "US-Stock-Symbols" in raw["source"]:
            source = "screener-snapshots"
        elif "companyfacts" in raw["source"]:
            source = "sec-companyfacts"
        else:
            source = sources.page(raw["source"], f"{raw['ticker']} shares, {raw['as_of']}")
        rows.append(
            {
                "ticker": raw["ticker"],
                "as_of": as_of,
                "shares_outstanding": float(raw["shares"]),
                "form": raw["form"],
                "note": raw["note"] or None,
                "source": source,
                "known_at": max(day(filed[1]), as_of) if filed else as_of,
            }
        )
    key = ["ticker", "as_of", "form", "shares_outstanding"]
    frame = pl.DataFrame(rows, infer_schema_length=None).unique(key, keep="first", maintain_order=True)
    return frame.sort(key)
