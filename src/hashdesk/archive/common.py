"""What the conversions share: checks that are counted, the list of sources, small conversions."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse

import polars as pl

from hashdesk.errors import DataError


@dataclass
class Checks:
    """Checks passed and failed so far.

    Parameters
    ----------
    is_strict : bool, default True
        A failed check stops the work, as in the builder of the reference pack; else it is kept for the report.
    """

    is_strict: bool = True
    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def that(self, claim: str, holds: bool) -> None:
        """Record a claim about the raw data.

        Raises
        ------
        DataError
            It fails, and the checks are strict.
        """
        if holds:
            self.passed.append(claim)
        elif self.is_strict:
            raise DataError(f"check failed: {claim}.", hint="The raw tables contradict one another or our judgement.")
        else:
            self.failed.append(claim)

    def ours(self, claim: str, holds: bool) -> None:
        """Record a claim that our judgement covers the raw rows; other folders may hold rows of their own."""
        if holds or self.is_strict:
            self.that(claim, holds)

    def near(self, claim: str, ours: pl.Series, theirs: pl.Series, relative: float) -> None:
        """Two series agree, value by value and null by null, within a relative tolerance."""
        same_nulls = ours.is_null().equals(theirs.is_null(), check_names=False)
        gap = ((ours / theirs - 1).abs().drop_nulls().drop_nans().max() or 0.0) if same_nulls else float("nan")
        self.that(f"{claim} (largest gap {float(gap):.1e})", same_nulls and float(gap) <= relative)  # type: ignore[arg-type]


_URL = re.compile(r"https?://[^\s;,\")]+")
_LICENCES = {
    "sec.gov": "public filing",
    "github.com": "facts read in a public repository",
}


class Sources:
    """The sources that rows point at. An address becomes a source of its own on first use."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, object]] = {}

    def add(self, source_id: str, title: str, publisher: str, url: str, licence: str, note: str = "") -> str:
        """Register a source that is described by hand."""
        self.rows[source_id] = {
            "id": source_id,
            "title": title,
            "publisher": publisher,
            "url": url,
            "licence": licence,
            "retrieved_at": None,
            "note": note or None,
        }
        return source_id

    def page(self, text: str, title: str) -> str:
        """Id of the first address in a text, registered under a title where it is new."""
        found = _URL.search(text)
        if found is None:
            return self.unnamed(title)
        url = found[0].rstrip(".")
        host = (urlparse(url).hostname or "").removeprefix("www.")
        digest = hashlib.sha256(url.encode()).hexdigest()[:6]
        source_id = f"{host}-{digest}"
        if source_id not in self.rows:
            licence = next((text for end, text in _LICENCES.items() if host.endswith(end)), "facts quoted from a page")
            self.add(source_id, title, host, url, licence)
        elif self.rows[source_id]["url"] != url:
            raise DataError(f"sources: two addresses share the id {source_id}.", url=url)
        return source_id

    def unnamed(self, title: str) -> str:
        """A source without an address."""
        return self.add("no-address", "Facts whose page was not kept", "", "", "unknown")

    def frame(self, used: set[str]) -> pl.DataFrame:
        """The sources in use, by id."""
        missing = used - self.rows.keys()
        if missing:
            raise DataError(f"sources: rows point at sources that are not described: {sorted(missing)[:5]}.")
        rows = [self.rows[name] for name in sorted(used)]
        return pl.DataFrame(rows, infer_schema_length=None)


def judgements(name: str) -> list[dict[str, str]]:
    """Rows of a table of our own judgements, which lies beside this module."""
    with Path(__file__).with_name(name).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def number(text: str) -> float | None:
    """A number, or None where the cell is empty."""
    return float(text) if text.strip() else None


def day(text: str) -> dt.date:
    """A day written in full."""
    return dt.date.fromisoformat(text)


def month_start(text: str) -> dt.date:
    """First day of a month written YYYY-MM."""
    return dt.date(int(text[:4]), int(text[5:7]), 1)


def month_after(first: dt.date) -> dt.date:
    """First day of the next month."""
    return dt.date(first.year + first.month // 12, first.month % 12 + 1, 1)
