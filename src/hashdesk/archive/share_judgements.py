"""Our judgement over the raw share ledger: what each odd row means, what was corrected, what was added, and why.

Only evidence about a company moves a count; published totals of the sector are never looked at here.
"""

from __future__ import annotations

Key = tuple[str, str, int]

_REPORT = "count of the report filed on this day; the screener showed it on {}"

CHANGES: dict[Key, dict[str, str]] = {
    # Bitfarms: the screener lags the reports by days to weeks. The reports' days are known; each prints a count of
    # the day before, rounded to the thousand as the screener's first figure is.
    ("BITF", "2024-03-27", 339_274_000): {
        "as_of": "2024-03-06",
        "known_at": "2024-03-07",
        "note": _REPORT.format("2024-03-27"),
    },
    ("BITF", "2024-06-05", 398_587_000): {
        "as_of": "2024-05-14",
        "known_at": "2024-05-15",
        "note": _REPORT.format("2024-06-05") + "; cash of 65.96m at 0.17 a share fits 377m to 400m",
    },
    ("BITF", "2024-08-15", 451_286_000): {
        "as_of": "2024-08-07",
        "known_at": "2024-08-08",
        "note": _REPORT.format("2024-08-15"),
    },
    ("BITF", "2024-11-22", 472_500_346): {
        "as_of": "2024-11-12",
        "known_at": "2024-11-13",
        "note": _REPORT.format("2024-11-22"),
    },
    ("BITF", "2025-04-10", 553_644_380): {
        "as_of": "2025-03-26",
        "known_at": "2025-03-27",
        "note": _REPORT.format("2025-04-10"),
    },
    ("BITF", "2025-06-04", 555_961_833): {
        "as_of": "2025-05-13",
        "known_at": "2025-05-14",
        "note": _REPORT.format("2025-06-04"),
    },
    ("BITF", "2025-08-15", 552_599_613): {
        "as_of": "2025-08-11",
        "known_at": "2025-08-12",
        "note": _REPORT.format("2025-08-15"),
    },
    ("BITF", "2025-11-17", 597_923_486): {
        "as_of": "2025-11-12",
        "known_at": "2025-11-13",
        "note": _REPORT.format("2025-11-17"),
    },
    ("BITF", "2024-12-31", 479_300_000): {
        "status": "duplicate",
        "use_for": "none",
        "note": "rounded; the exact count is on the cover of the annual report",
    },
    # IREN: the second page that shows this count prints moving averages of 9.63 and 8.27, which are those of the
    # close of 2024-12-02, and a market cap that is the close of 2024-12-03 times the count.
    ("IREN", "2024-11-30", 214_410_000): {
        "known_at": "2024-12-03",
        "note": "on a data page that its moving averages date to 2024-12-03; 214.4m still in February 2025",
    },
    # Core Scientific: the carried-back count serves only as known later; what was public then is the row added below.
    ("CORZ", "2024-01-24", 177_000_000): {"use_for": "known-later"},
}
"""Rows of the raw ledger that the evidence corrects."""

ADDED: tuple[dict[str, str], ...] = (
    {
        "ticker": "CORZ",
        "as_of": "2024-01-24",
        "known_at": "2024-01-24",
        "shares_outstanding": "176267000",
        "classes": "common",
        "form": "derived",
        "confidence": "low",
        "path": "unit-change",
        "use_for": "known-then",
        "status": "use",
        "url": "https://stockanalysis.com/stocks/corz/market-cap",
        "note": "606.36m of market cap on the first day of the new shares over its close of 3.44; the filings of that "
        "week state the count but were not read",
    },
    {
        "ticker": "CLSK",
        "as_of": "2024-12-17",
        "known_at": "2024-12-17",
        "shares_outstanding": "280801667",
        "classes": "common",
        "form": "8-K",
        "confidence": "medium",
        "path": "step",
        "use_for": "both",
        "status": "use",
        "url": "https://secwatch.observer/filing/0000950170-24-137362.md",
        "note": "292.56m of the 10-K less 11.76m bought back with the convertible; 280.81m on the next cover",
    },
    {
        "ticker": "BITF",
        "as_of": "2024-06-21",
        "known_at": "2024-06-21",
        "shares_outstanding": "413150000",
        "classes": "common",
        "form": "data page",
        "confidence": "medium",
        "path": "linear",
        "use_for": "both",
        "status": "use",
        "url": "https://nz.finance.yahoo.com/quote/BITF/key-statistics",
        "note": "data page that its close and moving averages date to 2024-06-21",
    },
    {
        "ticker": "BITF",
        "as_of": "2024-12-31",
        "known_at": "2025-03-27",
        "shares_outstanding": "479332885",
        "classes": "common",
        "form": "40-F",
        "confidence": "high",
        "path": "linear",
        "use_for": "both",
        "status": "use",
        "url": "https://us.kabutan.jp/disclosures/0001213900-25-026575?lang=en",
        "note": "cover of the annual report",
    },
    {
        "ticker": "IREN",
        "as_of": "2024-02-01",
        "known_at": "2024-02-01",
        "shares_outstanding": "66520000",
        "classes": "ordinary",
        "form": "data page",
        "confidence": "low",
        "path": "linear",
        "use_for": "none",
        "status": "check",
        "url": "https://marketingsentinel.com/2024/02/01/the-future-belongs-to-iris-energy-ltd-nasdaq-iren-for-risk-tolerant-investors/",
        "note": "260.76m of market cap over 3.92: vendors had not seen the sales at the market yet",
    },
    {
        "ticker": "BTDR",
        "as_of": "2025-03-31",
        "known_at": "2025-09-29",
        "shares_outstanding": "192095000",
        "classes": "Class A + Class V",
        "form": "weighted average",
        "confidence": "high",
        "path": "linear",
        "use_for": "none",
        "status": "check",
        "url": "https://www.sec.gov/Archives/edgar/data/1899123/000121390025093073/R58.htm",
        "note": "basic average of the first half of 2025, placed at its middle: the count did not rise before July; "
        "228.9m is the diluted average",
    },
)
"""Counts that the raw ledger lacks, each with its address."""
