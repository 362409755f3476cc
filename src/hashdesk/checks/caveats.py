"""What a note says of facts that were set aside."""

from __future__ import annotations

import datetime as dt

import polars as pl

from hashdesk.calendar import next_month

CHECK_WORDS = {
    "layout": "could not be read as the archive layout asks",
    "declared": "broke the declared limits",
    "shares": "disagreed with the share counts that were public, or had long stood still",
    "readings": "disagreed with the share counts that were public",
    "output": "did not fit what their hashrate earns",
    "holdings": "were out of proportion",
    "funds": "were out of proportion",
    "closes": "contradicted the other price file or left their neighbours",
    "price": "contradicted the second venue or left their neighbours",
}
"""Family of a check -> what it found, in words."""


def note_caveats(quarantined: pl.DataFrame, month: dt.date) -> list[str]:
    """Sentences for a note on rows of its month that failed a check.

    Parameters
    ----------
    quarantined : DataFrame
        ``table``, ``check_id``, ``severity``, ``message``, ``fact_date``; rows without a day speak of no month.
    month : date
        Any day of the note's month.

    Returns
    -------
    list of str
        One sentence a table and family of checks, with the count and the first message; none where nothing failed.
    """
    start = month.replace(day=1)
    inside = quarantined.filter((pl.col("fact_date") >= start) & (pl.col("fact_date") < next_month(start)))
    groups = (
        inside.with_columns(family=pl.col("check_id").str.split(".").list.first())
        .group_by("table", "family", "severity")
        .agg(pl.len(), pl.col("message").sort_by("fact_date", "message").first())
        .sort("severity", "table", "family")
    )
    sentences = []
    for row in groups.iter_rows(named=True):
        count = f"{row['len']} row{'s' if row['len'] != 1 else ''} of {row['table']}"
        words = CHECK_WORDS.get(row["family"], "failed a check")
        outcome = "set aside" if row["severity"] == "quarantine" else "kept"
        verb = "was" if row["len"] == 1 else "were"
        sentences.append(f"{count} of this month {words} and {verb} {outcome}; the first: {row['message']}.")
    return sentences
