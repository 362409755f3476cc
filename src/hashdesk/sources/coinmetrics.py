"""Daily closes and hashrate of Coin Metrics, community edition: JSON page by page, CSV for the first load."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hashdesk.sources.base import Batch, RateLimit, RawPayload, Request, Source, SyncContext, unreadable
from hashdesk.sources.fields import DAY, decode, iso_day, number, part

if TYPE_CHECKING:
    import polars as pl

SOURCE = Source(
    id="coinmetrics-community",
    title="Coin Metrics community network data",
    publisher="Coin Metrics",
    url="https://docs.coinmetrics.io/api/v4",
    licence="CC BY-NC 4.0",
    cadence="daily, some hours after the UTC day",
    revises="rarely",
    rate=RateLimit(10, 6.0),
)

METRICS = {"PriceUSD": "btc_price_usd", "HashRate": "network_hashrate_ehs"}
"""Their names and ours. HashRate is in TH/s; PriceUSD of a day is the close at its end."""

FIRST_DAY = dt.date(2010, 7, 18)
"""First day with a price."""

PAGE_SIZE = 10_000
MANY_DAYS = 365
"""From this many missing days on, one CSV answer is asked for in place of JSON. [days]"""

_TERAHASH_PER_EXAHASH = 1e6
_MAX_HASHRATE_EHS = 1e5
_MAX_PRICE_USD = 1e8


def request_days(base_url: str, first: dt.date, last: dt.date, *, page: str = "", as_csv: bool = False) -> Request:
    """The question for the metrics of some days, both included; ``page`` is the token of the page before."""
    params = {
        "assets": "btc",
        "metrics": ",".join(METRICS),
        "frequency": "1d",
        "start_time": first.isoformat(),
        "end_time": last.isoformat(),
        "page_size": str(PAGE_SIZE),
        "paging_from": "start",
    }
    if page:
        params["next_page_token"] = page
    if as_csv:
        params["format"] = "csv"
    url = f"{base_url.rstrip('/')}/v4/timeseries/asset-metrics"
    return Request(SOURCE, url, params, expect="csv" if as_csv else "json")


def parse_json(body: bytes) -> tuple[pl.DataFrame, str]:
    """Days out of a JSON page, and the token of the next page, empty where this is the last.

    Returns
    -------
    DataFrame, shape (n_days, 3)
        ``date``, ``btc_price_usd`` [USD/BTC], ``network_hashrate_ehs`` [EH/s]; null is not published.

    Raises
    ------
    PayloadError
        A field is missing, of another kind, or outside what its unit allows; days of another asset; a day twice.
    """
    answer = decode(body, dict, "asset-metrics", SOURCE)
    rows = part(answer, "data", list, "asset-metrics", SOURCE)
    if rows and not any(name in row for row in rows if isinstance(row, dict) for name in METRICS):
        raise unreadable(f"asset-metrics: expected one of {', '.join(METRICS)} in the rows", rows[0], SOURCE)
    return _frame(rows), str(answer.get("next_page_token") or "")


def parse_csv(body: bytes) -> pl.DataFrame:
    """Days out of a CSV answer; columns as for :func:`parse_json`.

    Raises
    ------
    PayloadError
        A column is missing, or a cell is not what its column says.
    """
    reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig", "replace")))
    missing = {"asset", "time", *METRICS} - set(reader.fieldnames or ())
    if missing:
        raise unreadable(f"csv: expected the columns {', '.join(sorted(missing))}", reader.fieldnames, SOURCE)
    return _frame([{key: value or None for key, value in row.items() if key} for row in reader])


def _frame(rows: list[Any]) -> pl.DataFrame:
    import polars as pl

    found: dict[dt.date, dict[str, Any]] = {}
    for row in rows:
        if part(row, "asset", str, "asset-metrics", SOURCE) != "btc":
            raise unreadable("asset-metrics: expected rows of btc", row["asset"], SOURCE)
        day = iso_day(row.get("time"), "asset-metrics", SOURCE)
        price, hashrate = row.get("PriceUSD"), row.get("HashRate")
        item = {
            "date": day,
            "btc_price_usd": None
            if price is None
            else number(price, f"PriceUSD of {day} in USD", SOURCE, low=1e-4, high=_MAX_PRICE_USD),
            "network_hashrate_ehs": None
            if hashrate is None
            else number(hashrate, f"HashRate of {day} in TH/s", SOURCE, high=_MAX_HASHRATE_EHS * _TERAHASH_PER_EXAHASH)
            / _TERAHASH_PER_EXAHASH,
        }
        if found.setdefault(day, item) != item:
            raise unreadable(f"asset-metrics: expected one value for {day}", row, SOURCE)
    schema = {"date": pl.Date, "btc_price_usd": pl.Float64, "network_hashrate_ehs": pl.Float64}
    return pl.DataFrame(list(found.values()), schema=schema).sort("date")


def sync(context: SyncContext) -> Iterator[Batch]:
    """Days after the last one that this source gave, up to yesterday.

    Yields
    ------
    Batch
        Rows of ``btc_price_daily`` and ``network_readings``.

    Raises
    ------
    SourceError, PayloadError
        No answer, or one that cannot be read.
    """
    import polars as pl

    known = context.facts.read("btc_price_daily").filter(pl.col("source") == SOURCE.id)["date"].max()
    first = known + DAY if isinstance(known, dt.date) else FIRST_DAY
    last = context.now.date() - DAY
    if first > last:
        return
    base = context.settings.coinmetrics_url
    if (last - first).days >= MANY_DAYS:
        context.progress.step("Coin Metrics, all days", 0, 1)
        payload = context.http.fetch(request_days(base, first, last, as_csv=True))
        yield from _batches(parse_csv(payload.body), first, last, payload)
        return
    page = ""
    while True:
        context.progress.step(f"Coin Metrics from {first}", 0, 1)
        payload = context.http.fetch(request_days(base, first, last, page=page))
        frame, page = parse_json(payload.body)
        yield from _batches(frame, first, last, payload)
        if not page:
            return


def _batches(frame: pl.DataFrame, first: dt.date, last: dt.date, payload: RawPayload) -> Iterator[Batch]:
    import polars as pl

    days = frame.filter(pl.col("date").is_between(first, last))
    tail = {"source": pl.lit(SOURCE.id), "known_at": pl.col("date") + DAY}
    prices = days.drop_nulls("btc_price_usd").select(
        "date", close_usd="btc_price_usd", close_usd_bitstamp=pl.lit(None, pl.Float64), **tail
    )
    readings = days.drop_nulls("network_hashrate_ehs").select(
        "date",
        metric=pl.lit("network_hashrate_ehs"),
        value="network_hashrate_ehs",
        unit=pl.lit("EH/s"),
        window_hours=pl.lit(24.0),
        **tail,
    )
    if prices.height:
        yield Batch("btc_price_daily", prices, (payload,))
    if readings.height:
        yield Batch("network_readings", readings)
