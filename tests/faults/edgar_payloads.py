"""A filer at the SEC, as its interfaces answer: facts, a list of filings, a filing's folder and its exhibit."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl

from tests.faults.hostile_server import Answer, Question
from tests.faults.memory_store import MemoryStore

CONTRACT = Path(__file__).resolve().parents[1] / "contract" / "edgar"
CIK = 1507605
FOLDER = "000150760525000099"
UPDATE = b"""<html><body><p>MARA Holdings, Inc. (NASDAQ: MARA) Production Update for August 2025</p>
<table><tr><td>Metric</td><td>August 2025</td><td>July 2025</td></tr>
<tr><td>Bitcoin produced</td><td>705</td><td>703</td></tr>
<tr><td>Bitcoin held</td><td>52,477</td><td>50,639</td></tr>
<tr><td>Energized hash rate (EH/s)</td><td>59.4</td><td>58.9</td></tr></table></body></html>"""


def submissions() -> bytes:
    rows = {
        "accessionNumber": ["0001507605-25-000099"],
        "form": ["8-K"],
        "filingDate": ["2025-09-04"],
        "reportDate": ["2025-09-04"],
        "primaryDocument": ["cover.htm"],
        "items": ["7.01,9.01"],
    }
    data = {"cik": str(CIK), "name": "MARA", "tickers": ["MARA"], "filings": {"recent": rows, "files": []}}
    return json.dumps(data).encode()


def answer(question: Question) -> Answer:
    if "companyfacts" in question.path:
        return (CONTRACT / "companyfacts.json").read_bytes()
    if "submissions" in question.path:
        return submissions()
    if question.path.endswith("index.json"):
        return json.dumps({"directory": {"item": [{"name": "cover.htm"}, {"name": "ex991.htm"}]}}).encode()
    return UPDATE if question.path.endswith("ex991.htm") else (404, b"")


def store() -> MemoryStore:
    facts = MemoryStore()
    facts.tables["universe"] = pl.DataFrame({"ticker": ["MARA"], "cik": [CIK], "tracked_from": [dt.date(2023, 1, 1)]})
    facts.tables["production_quotes"] = pl.DataFrame(
        schema={
            "ticker": pl.String,
            "month": pl.Date,
            "column": pl.String,
            "source": pl.String,
            "url": pl.String,
            "known_at": pl.Date,
            "value": pl.Float64,
        }
    )
    return facts
