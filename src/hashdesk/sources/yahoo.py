"""Daily closes from Yahoo through yfinance, which keeps its own connection; what came over it is kept all the same.

Yahoo's closes are always adjusted for splits up to today. The close as traded is Yahoo's times every later split, and
the adjusted close over it is the row's factor. A split therefore changes the factor of all earlier days: they are asked
for again when one comes.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import logging
import math
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import curl_cffi
import yfinance
from curl_cffi.requests import Session
from yfinance import exceptions as yahoo_errors
from yfinance.data import YfData

from hashdesk.errors import HashdeskError, NotFound, SourceError
from hashdesk.sources.base import Batch, RateLimit, RawPayload, Source, SyncContext, unreadable
from hashdesk.sources.fields import DAY
from hashdesk.sources.hosts import RateWindow

if TYPE_CHECKING:
    import polars as pl

SOURCE = Source(
    id="yahoo",
    title="Yahoo Finance daily closes",
    publisher="Yahoo",
    url="https://ranaroussi.github.io/yfinance",
    licence="personal use",
    cadence="every trading day",
    revises="all earlier closes at each split, adjusted closes at each dividend",
    rate=RateLimit(2, 1.0),
)

QUIET_DAYS = 45
"""A symbol without a close for this long has left the exchange and is not asked for. [days]"""

PUBLIC_HOST = "https://query1.finance.yahoo.com"
_ATTEMPTS_CAP = 4
_FIRST_WAIT_SECONDS = 2.0
_CLOSE_DECIMALS = 6


# What it has to say about a failed answer is told by our own errors.
logging.getLogger("yfinance").setLevel(logging.CRITICAL)


class RecordingSession(Session):  # type: ignore[type-arg]
    """yfinance's kind of session: goes to the host of the settings and remembers the answers it got.

    Parameters
    ----------
    base_url : str
        Where the charts are asked for; another one than Yahoo's stands in for all of Yahoo's hosts.
    timeout_seconds : float
        Longest wait for an answer. [s]
    """

    def __init__(self, base_url: str, timeout_seconds: float) -> None:
        super().__init__(impersonate="chrome")
        self._base = None if base_url.rstrip("/") == PUBLIC_HOST else urlsplit(base_url)
        self._timeout_seconds = timeout_seconds
        self.payloads: list[RawPayload] = []
        # The library remembers answers of past days for as long as the process lives, from any session.
        YfData.cache_get.cache_clear()

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        """Ask; the chart's answer is remembered with its address."""
        if self._base is not None:
            parts = urlsplit(url)
            url = urlunsplit((self._base.scheme, self._base.netloc, parts.path, parts.query, ""))
        kwargs["timeout"] = self._timeout_seconds
        response = super().request(method, url, *args, **kwargs)  # type: ignore[arg-type]
        if "/v8/finance/chart/" in url:
            key = str(response.url).partition("&crumb=")[0]
            now = dt.datetime.now(dt.UTC)
            self.payloads.append(RawPayload(response.content, key, SOURCE.id, now, response.status_code))
        return response


def fetch_closes(ticker: str, first: dt.date, last: dt.date, session: RecordingSession) -> pl.DataFrame:
    """Closes of a share, from a first to a last day.

    Parameters
    ----------
    ticker : str
        Symbol.
    first, last : date
        Both included; ``last`` should be the latest day there is, or later splits are not seen.
    session : RecordingSession
        Connection.

    Returns
    -------
    DataFrame, shape (n_days, 4)
        ``date``, ``close_usd`` [USD/share] as traded, ``adjustment_factor``, ``split`` (1 where there was none).

    Raises
    ------
    NotFound
        No such symbol, or no closes in these days.
    SourceError
        No answer, or too many questions.
    PayloadError
        An answer that is no chart, closes that are not positive, or another currency than dollars.
    """
    seen = len(session.payloads)
    symbol = yfinance.Ticker(ticker, session=session)
    try:
        with warnings.catch_warnings():
            # The library's own use of pandas; nothing that a caller could mend.
            warnings.simplefilter("ignore")
            history = symbol.history(start=first, end=last + DAY, auto_adjust=False, actions=True, raise_errors=True)
    except yahoo_errors.YFRateLimitError:
        raise _no_answer(ticker, "says that we ask too often (status 429)", "rate_limit") from None
    except curl_cffi.exceptions.Timeout:
        raise _no_answer(ticker, "did not answer in time", "timeout") from None
    except curl_cffi.exceptions.HTTPError as error:
        raise _no_answer(ticker, f"refuses to answer ({error})", "refused_question", is_transient=False) from None
    except curl_cffi.exceptions.RequestException:
        raise _no_answer(ticker, "accepts no connection or broke off", "refused") from None
    except HashdeskError:
        raise
    except Exception as error:  # yfinance lets what it stumbles over in a payload pass as it is
        raise _judged(ticker, session.payloads[seen:], error) from None
    _check_answers(ticker, session.payloads[seen:])
    currency = (symbol.history_metadata or {}).get("currency")
    if currency != "USD":
        raise unreadable(f"{ticker}: expected closes in USD", currency, SOURCE)
    return _frame(ticker, history)


def _judged(ticker: str, payloads: list[RawPayload], error: Exception) -> HashdeskError:
    """The error for a failure inside the library, by what the host had answered."""
    try:
        _check_answers(ticker, payloads)
    except HashdeskError as known:
        return known
    if isinstance(error, yahoo_errors.YFTickerMissingError):
        return NotFound(f"yahoo: no closes of {ticker}.", hint="Check the symbol and the days.", source=SOURCE.id)
    if not payloads:
        return _no_answer(ticker, "gave no answer", "refused")
    return unreadable(f"{ticker}: expected a chart ({type(error).__name__})", payloads[-1].body[:80], SOURCE)


def _check_answers(ticker: str, payloads: list[RawPayload]) -> None:
    """Raise for an answer that is none, which the library would report as missing prices."""
    for payload in payloads[-1:]:
        if payload.status == 429:
            raise _no_answer(ticker, "says that we ask too often (status 429)", "rate_limit")
        if payload.status >= 500:
            raise _no_answer(ticker, f"failed on its side (status {payload.status})", "server_error")
        if payload.status == 404:
            raise NotFound(f"yahoo: no closes of {ticker}.", hint="Check the symbol and the days.", source=SOURCE.id)
        if payload.status in (401, 403):
            raise _no_answer(ticker, f"refuses to answer (status {payload.status})", "forbidden", is_transient=False)
        try:
            chart = json.loads(payload.body)["chart"]
            result = chart["result"]
            if result:
                stamps, quote = result[0].get("timestamp") or [], result[0]["indicators"]["quote"][0]
                if stamps and len(quote["close"]) != len(stamps):
                    raise ValueError
                if any(later <= earlier for earlier, later in itertools.pairwise(stamps)):
                    raise ValueError
        except (ValueError, KeyError, TypeError, IndexError):
            shown = payload.body[:80].decode("utf-8", "replace")
            raise unreadable(
                f"{ticker}: expected a chart with one close for each day in order", shown, SOURCE
            ) from None


def _no_answer(ticker: str, what: str, reason: str, *, is_transient: bool = True) -> SourceError:
    return SourceError(
        f"yahoo: the host {what}, for {ticker}.",
        hint="Try again later." if is_transient else "Check HASHDESK_YAHOO_URL and the terms of access.",
        reason=reason,
        is_transient=is_transient,
        source=SOURCE.id,
    )


def _frame(ticker: str, history: Any) -> pl.DataFrame:
    import polars as pl

    rows = []
    later_splits = 1.0
    for at, close, adjusted, split in reversed(
        list(zip(history.index, history["Close"], history["Adj Close"], history["Stock Splits"], strict=True))
    ):
        if math.isfinite(close):
            if close <= 0 or not math.isfinite(adjusted) or adjusted <= 0:
                raise unreadable(f"{ticker} on {at:%Y-%m-%d}: expected positive closes", close, SOURCE)
            traded = round(close * later_splits, _CLOSE_DECIMALS)
            rows.append((at.date(), traded, adjusted / traded, float(split) or 1.0))
        later_splits *= float(split) or 1.0
    schema = {"date": pl.Date, "close_usd": pl.Float64, "adjustment_factor": pl.Float64, "split": pl.Float64}
    return pl.DataFrame(rows[::-1], schema=schema, orient="row")


def sync(context: SyncContext) -> Iterator[Batch]:
    """Closes after the last stored day of every symbol that still trades.

    Yields
    ------
    Batch
        Rows of ``equity_closes``, one batch a symbol.

    Raises
    ------
    SourceError, PayloadError
        No answer for a symbol, or one that cannot be read. A symbol that Yahoo does not know is named in a caveat.
    """
    if context.http.is_offline:
        raise SourceError(
            "yahoo: offline: its closes come through a library that asks by itself.",
            hint="Sync it with a connection.",
            reason="offline",
        )
    import polars as pl

    closes = context.facts.read("equity_closes")
    spans = closes.group_by("ticker").agg(first=pl.col("date").min(), last=pl.col("date").max()).sort("ticker")
    newest = closes["date"].max()
    yesterday = context.now.date() - DAY
    if not isinstance(newest, dt.date):
        return
    current = spans.filter(pl.col("last") > newest - QUIET_DAYS * DAY, pl.col("last") < yesterday)
    session = RecordingSession(context.settings.yahoo_url, context.settings.http_timeout_seconds)
    window = RateWindow(SOURCE.rate)
    missing: list[str] = []
    for i, (ticker, first, last) in enumerate(current.iter_rows()):
        context.progress.step(f"closes of {ticker}", i, current.height)
        seen = len(session.payloads)
        try:
            frame = _asked(context, ticker, last + DAY, yesterday, session, window)
            if (frame["split"] != 1.0).any():
                frame = _asked(context, ticker, first, yesterday, session, window)
        except NotFound:
            missing.append(ticker)
            continue
        payloads = tuple(session.payloads[seen:])
        for payload in payloads:
            context.http.archive.put(payload)
        rows = frame.drop("split").with_columns(
            ticker=pl.lit(ticker),
            basis=pl.lit("unadjusted"),
            source=pl.lit(SOURCE.id),
            known_at=pl.col("date"),
        )
        yield Batch("equity_closes", rows, payloads)
    if missing:
        caveat = f"Yahoo has no newer closes of {', '.join(missing)}."
        yield Batch("equity_closes", closes.clear(), (), (caveat,))


def _asked(
    context: SyncContext, ticker: str, first: dt.date, last: dt.date, session: RecordingSession, window: RateWindow
) -> pl.DataFrame:
    """Closes, asked for again after failures that may pass."""
    clock = context.http.clock
    attempts = min(_ATTEMPTS_CAP, context.settings.http_attempts)
    for attempt in range(1, attempts + 1):
        clock.sleep(window.reserve(clock.monotonic()))
        try:
            return fetch_closes(ticker, first, last, session)
        except SourceError as error:
            if attempt == attempts or not error.facts.get("is_transient"):
                raise
            clock.sleep(_FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
    raise AssertionError("the last attempt returns or raises")
