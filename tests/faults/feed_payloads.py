"""Answers as the feeds document them, with invented numbers, and the store that they are synced into."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl

from tests.faults.hostile_server import Answer, Question
from tests.faults.memory_store import MemoryStore

NOW = dt.datetime(2025, 9, 8, 9, 30, tzinfo=dt.UTC)
FIRST = dt.date(2025, 9, 1)
DAYS = [FIRST + dt.timedelta(days=n) for n in range(8)]
"""1 to 8 September; the last one is not over."""
CLOSE = {day: 100_000.0 + 500 * n for n, day in enumerate(DAYS)}
DIFFICULTY = 136e12
HASHRATE = DIFFICULTY * 2**32 / 600


def seconds(day: dt.date) -> int:
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp())


def coinmetrics(question: Question) -> Answer:
    wanted = [day for day in DAYS if f"start_time={day}" in question.query] or DAYS[:1]
    rows = [
        {
            "asset": "btc",
            "time": f"{day}T00:00:00.000000000Z",
            "PriceUSD": f"{CLOSE[day]:.4f}",
            "HashRate": f"{HASHRATE / 1e12:.3f}",
        }
        for day in DAYS
        if wanted[0] <= day < NOW.date()
    ]
    if "next_page_token=two" in question.query:
        return json.dumps({"data": rows[3:]}).encode()
    page = {"data": rows[:3], "next_page_token": "two", "next_page_url": "https://elsewhere.test"} if rows[3:] else {}
    return json.dumps(page or {"data": rows}).encode()


def coinbase(question: Question) -> Answer:
    return json.dumps(
        [[seconds(d), CLOSE[d] - 900, CLOSE[d] + 900, CLOSE[d] - 5, CLOSE[d], 12.5] for d in DAYS[::-1]]
    ).encode()


def bitstamp(question: Question) -> Answer:
    rows = [
        {
            "timestamp": str(seconds(d)),
            "open": str(CLOSE[d]),
            "high": str(CLOSE[d] + 800),
            "low": str(CLOSE[d] - 800),
            "close": str(CLOSE[d] + 20),
            "volume": "3.1",
        }
        for d in DAYS
    ]
    return json.dumps({"data": {"ohlc": rows, "pair": "BTC/USD"}}).encode()


def binance(question: Question) -> Answer:
    rows = [
        [seconds(d) * 1000, "1", str(CLOSE[d] + 700), "1", str(CLOSE[d] + 40), "9", 0, "0", 1, "0", "0", "0"]
        for d in DAYS
    ]
    return json.dumps(rows).encode()


def exchanges(question: Question) -> Answer:
    if question.path.startswith("/products/"):
        return coinbase(question)
    return bitstamp(question) if question.path.startswith("/api/v2/ohlc") else binance(question)


def mempool(question: Question) -> Answer:
    if "difficulty-adjustments" in question.path:
        rows = [
            [seconds(FIRST + dt.timedelta(days=4)) + 77, 913_248, DIFFICULTY, 1.0489],
            [seconds(FIRST) - 8e5, 911_232, 129.66e12, 1.0],
        ]
        return json.dumps(rows).encode()
    if "blocks/fees" in question.path:
        rows = [
            {"avgHeight": 1, "timestamp": seconds(d) + 3600 * h, "avgFees": 2_000_000 + h, "USD": 1}
            for d in DAYS
            for h in range(0, 24, 6)
        ]
        return json.dumps(rows).encode()
    points = [
        {"timestamp": seconds(d), "avgHashrate": 0 if d == DAYS[3] else HASHRATE * (1 + 0.001 * n)}
        for n, d in enumerate(DAYS)
    ]
    points.append({"timestamp": seconds(DAYS[-1]) + 34_000, "avgHashrate": HASHRATE})
    answer = {"hashrates": points, "difficulty": [], "currentHashrate": HASHRATE, "currentDifficulty": DIFFICULTY}
    return json.dumps(answer).encode()


def yahoo(question: Question) -> Answer:
    if "/v8/finance/chart/" not in question.path:
        return b"crumb"
    stamps = [seconds(d) + 48_600 for d in DAYS[1:5]]
    closes = [10.0, 11.0, 12.0, 12.5]
    meta = {
        "currency": "USD",
        "symbol": "MARA",
        "exchangeTimezoneName": "America/New_York",
        "timezone": "EDT",
        "gmtoffset": -14_400,
        "instrumentType": "EQUITY",
        "dataGranularity": "1d",
        "range": "",
        "validRanges": ["1d", "max"],
        "firstTradeDate": 1_336_000_000,
        "regularMarketTime": stamps[-1],
        "currentTradingPeriod": {
            name: {"timezone": "EDT", "start": 1, "end": 2, "gmtoffset": -14_400} for name in ("pre", "regular", "post")
        },
    }
    split = {"date": stamps[1], "numerator": 1, "denominator": 10, "splitRatio": "1:10"}
    result = {
        "meta": meta,
        "timestamp": stamps,
        "events": {"splits": {str(stamps[1]): split}},
        "indicators": {
            "quote": [{"open": closes, "high": closes, "low": closes, "close": closes, "volume": [1, 2, 3, 4]}],
            "adjclose": [{"adjclose": [9.5, 11.0, 12.0, 12.5]}],
        },
    }
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


def store() -> MemoryStore:
    """What was known before: prices of 1 September, an epoch, a close of one share."""
    facts = MemoryStore()
    known = {"known_at": [FIRST + dt.timedelta(days=1)]}
    facts.tables["btc_price_daily"] = pl.DataFrame(
        {
            "date": [FIRST],
            "close_usd": [CLOSE[FIRST]],
            "close_usd_bitstamp": [None],
            "source": ["coinmetrics-community"],
            **known,
        },
        schema_overrides={"close_usd_bitstamp": pl.Float64},
    )
    facts.tables["epochs"] = pl.DataFrame(
        {
            "epoch": [452],
            "start_height": [911_232],
            "start_at": [NOW - dt.timedelta(days=17)],
            "difficulty": [129.66e12],
            "is_start_estimated": [False],
            "source": ["block-data"],
            **known,
        }
    )
    facts.tables["network_readings"] = pl.DataFrame(
        schema={
            "date": pl.Date,
            "metric": pl.String,
            "value": pl.Float64,
            "unit": pl.String,
            "window_hours": pl.Float64,
            "source": pl.String,
            "known_at": pl.Date,
        }
    )
    facts.tables["equity_closes"] = pl.DataFrame(
        {
            "date": [FIRST],
            "ticker": ["MARA"],
            "close_usd": [9.8],
            "adjustment_factor": [1.0],
            "basis": ["unadjusted"],
            "source": ["yahoo"],
            **known,
        }
    )
    return facts
