"""Daily candles of exchanges: one venue gives the close, a second one the check; a third stands in for either.

A candle is stamped with the start of its UTC day, so its close is the price at 24:00 UTC of that day. Today's candle is
not over and is left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hashdesk.errors import NotFound, PayloadError, SourceError
from hashdesk.sources.base import Batch, RateLimit, RawPayload, Request, Source, SyncContext, unreadable
from hashdesk.sources.fields import DAY, decode, number, part, utc_time

if TYPE_CHECKING:
    import polars as pl

    from hashdesk.config import Settings

DAYS_PER_REQUEST = 300
"""The fewest that one of the venues gives at once. [days]"""

RECHECKED_DAYS = 3
"""Days before the last stored one that are asked for again: a second venue may have been down. [days]"""

FIRST_DAY = dt.date(2017, 8, 17)
"""First day that all three venues have."""

_DAY_SECONDS = 86_400
_MAX_PRICE_USD = 1e8


def _source(name: str, title: str, publisher: str, url: str, rate: RateLimit) -> Source:
    return Source(name, title, publisher, url, "facts of a public interface", "daily", "never after the day", rate)


COINBASE = _source(
    "coinbase",
    "Coinbase Exchange BTC-USD daily candles",
    "Coinbase",
    "https://docs.cdp.coinbase.com/exchange",
    RateLimit(5, 1.0),
)
BITSTAMP = _source(
    "bitstamp", "Bitstamp BTC/USD daily candles", "Bitstamp", "https://www.bitstamp.net/api", RateLimit(8, 1.0)
)
BINANCE = _source(
    "binance",
    "Binance BTCUSDT daily candles (in USDT, not USD)",
    "Binance",
    "https://developers.binance.com/docs/binance-spot-api-docs",
    RateLimit(10, 1.0),
)
SOURCE = Source(
    id="exchanges",
    title="Daily closes of bitcoin at two exchanges",
    publisher="Coinbase, Bitstamp, Binance",
    url=COINBASE.url,
    licence=COINBASE.licence,
    cadence="daily",
    revises=COINBASE.revises,
    rate=RateLimit(5, 1.0),
)


def request_coinbase(settings: Settings, first: dt.date, last: dt.date) -> Request:
    """The question for Coinbase's candles of some days, both included."""
    params = {"granularity": str(_DAY_SECONDS), "start": f"{first}T00:00:00Z", "end": f"{last}T00:00:00Z"}
    return Request(COINBASE, f"{settings.coinbase_url.rstrip('/')}/products/BTC-USD/candles", params)


def parse_coinbase(body: bytes) -> pl.DataFrame:
    """Rows ``[time, low, high, open, close, volume]``, newest first.

    Returns
    -------
    DataFrame, shape (n_days, 2)
        ``date``, ``close_usd`` [USD/BTC].

    Raises
    ------
    PayloadError
        Another shape, a stamp that is no start of a day, a close outside the day's range, a day twice.
    """
    rows = decode(body, list, "candles", COINBASE)
    return _candles([_sequence(row, 6, (0, 1, 2, 4), COINBASE) for row in rows], COINBASE)


def request_bitstamp(settings: Settings, first: dt.date, last: dt.date) -> Request:
    """The question for Bitstamp's candles of some days, both included."""
    params = {
        "step": str(_DAY_SECONDS),
        "limit": str((last - first).days + 1),
        "start": str(_seconds(first)),
        "end": str(_seconds(last)),
    }
    return Request(BITSTAMP, f"{settings.bitstamp_url.rstrip('/')}/api/v2/ohlc/btcusd/", params)


def parse_bitstamp(body: bytes) -> pl.DataFrame:
    """Objects under ``data.ohlc``; columns and errors as for :func:`parse_coinbase`."""
    data = part(decode(body, dict, "ohlc", BITSTAMP), "data", dict, "ohlc", BITSTAMP)
    if data.get("pair") != "BTC/USD":
        raise unreadable("ohlc: expected the pair BTC/USD", data.get("pair"), BITSTAMP)
    rows = part(data, "ohlc", list, "ohlc", BITSTAMP)
    names = ("timestamp", "low", "high", "close")
    return _candles([tuple(part(row, n, (str, int, float), "ohlc", BITSTAMP) for n in names) for row in rows], BITSTAMP)


def request_binance(settings: Settings, first: dt.date, last: dt.date) -> Request:
    """The question for Binance's candles of some days, both included."""
    params = {
        "symbol": "BTCUSDT",
        "interval": "1d",
        "startTime": str(_seconds(first) * 1000),
        "endTime": str((_seconds(last) + _DAY_SECONDS) * 1000 - 1),
        "limit": str((last - first).days + 1),
    }
    return Request(BINANCE, f"{settings.binance_url.rstrip('/')}/api/v3/klines", params)


def parse_binance(body: bytes) -> pl.DataFrame:
    """Rows ``[open time in ms, open, high, low, close, ...]``; columns and errors as for :func:`parse_coinbase`."""
    rows = []
    for row in decode(body, list, "klines", BINANCE):
        stamp, low, high, close = _sequence(row, 6, (0, 3, 2, 4), BINANCE)
        milliseconds = number(stamp, "klines: time in milliseconds", BINANCE, low=1e12, high=1e13)
        rows.append((milliseconds / 1000, low, high, close))
    return _candles(rows, BINANCE)


def _seconds(day: dt.date) -> int:
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp())


def _sequence(row: Any, n_least: int, places: tuple[int, ...], source: Source) -> tuple[Any, ...]:
    if not isinstance(row, list) or len(row) < n_least:
        raise unreadable(f"candles: expected rows of {n_least} values", row, source)
    return tuple(row[place] for place in places)


def _candles(rows: list[tuple[Any, ...]], source: Source) -> pl.DataFrame:
    """Closes out of ``(time, low, high, close)``."""
    import polars as pl

    found: dict[dt.date, float] = {}
    for row in rows:
        at = utc_time(row[0], "candles", source)
        low, high, close = (
            number(value, f"candle of {at:%Y-%m-%d} in USD", source, low=1e-4, high=_MAX_PRICE_USD) for value in row[1:]
        )
        if at.timestamp() % _DAY_SECONDS or not low <= close <= high:
            raise unreadable("candles: expected days with low <= close <= high", row, source)
        if found.setdefault(at.date(), close) != close:
            raise unreadable(f"candles: expected one close for {at:%Y-%m-%d}", row, source)
    return pl.DataFrame(
        {"date": list(found), "close_usd": list(found.values())}, schema={"date": pl.Date, "close_usd": pl.Float64}
    ).sort("date")


@dataclass(frozen=True, slots=True)
class _Venue:
    source: Source
    request: Callable[[Settings, dt.date, dt.date], Request]
    parse: Callable[[bytes], pl.DataFrame]


VENUES = (
    _Venue(COINBASE, request_coinbase, parse_coinbase),
    _Venue(BITSTAMP, request_bitstamp, parse_bitstamp),
    _Venue(BINANCE, request_binance, parse_binance),
)
"""In order of preference: the first that answers gives the close, the next one the check."""


def sync(context: SyncContext) -> Iterator[Batch]:
    """Closes after the last day stored, up to yesterday, with a second venue's beside them.

    Yields
    ------
    Batch
        Rows of ``btc_price_daily``, under the source of the venue that gave the close.

    Raises
    ------
    SourceError, NotFound, PayloadError
        No venue gave days that can be read: the error of the first one.
    """
    import polars as pl

    own = [venue.source.id for venue in VENUES]
    stored = context.facts.read("btc_price_daily")
    known = stored["date"].max()
    first = known + DAY if isinstance(known, dt.date) else FIRST_DAY
    if isinstance(known, dt.date) and stored.filter(pl.col("date") == known)["source"][0] in own:
        first -= RECHECKED_DAYS * DAY
    yesterday = context.now.date() - DAY
    while first <= yesterday:
        last = min(first + (DAYS_PER_REQUEST - 1) * DAY, yesterday)
        context.progress.step(f"closes of bitcoin from {first} to {last}", 0, 1)
        yield from _span(context, first, last)
        first = last + DAY


def _span(context: SyncContext, first: dt.date, last: dt.date) -> Iterator[Batch]:
    import polars as pl

    answers: list[tuple[_Venue, pl.DataFrame, RawPayload]] = []
    failures: list[SourceError | NotFound | PayloadError] = []
    for venue in VENUES:
        if len(answers) == 2:
            break
        try:
            payload = context.http.fetch(venue.request(context.settings, first, last))
            days = venue.parse(payload.body).filter(pl.col("date").is_between(first, last))
            if days.is_empty():
                raise unreadable(f"candles from {first} to {last}: expected at least one day", "none", venue.source)
        except (SourceError, NotFound, PayloadError) as error:
            failures.append(error)
        else:
            answers.append((venue, days, payload))
    if not answers:
        raise failures[0]
    venue, days, _ = answers[0]
    second = answers[1][1] if len(answers) > 1 else days.clear()
    frame = days.join(second.rename({"close_usd": "close_usd_bitstamp"}), on="date", how="left").with_columns(
        source=pl.lit(venue.source.id), known_at=pl.col("date") + DAY
    )
    caveats = [str(error) for error in failures]
    if len(answers) == 1:
        caveats.append(f"{venue.source.publisher} alone: no second venue checks the closes from {first} to {last}.")
    elif answers[1][0].source is not BITSTAMP:
        caveats.append(f"The second close from {first} to {last} is {answers[1][0].source.publisher}'s.")
    yield Batch("btc_price_daily", frame, tuple(payload for _, _, payload in answers), tuple(caveats))
