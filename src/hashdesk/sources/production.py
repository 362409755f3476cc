"""Monthly production updates out of 8-K and 6-K exhibits: found in EDGAR, read, laid into tables with their quotes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import replace

from hashdesk.calendar import next_month
from hashdesk.errors import NotFound, PayloadError
from hashdesk.sources import edgar
from hashdesk.sources.base import Batch, RawPayload, Request, Source, SyncContext
from hashdesk.sources.edgar_facts import frame_of
from hashdesk.sources.edgar_filings import Filing, may_be_update, parse_filing_index
from hashdesk.sources.production_figures import Figure
from hashdesk.sources.production_labels import HASHRATE_KINDS
from hashdesk.sources.production_update import ProductionUpdate, parse_production_update

__all__ = [
    "SOURCE",
    "Figure",
    "ProductionUpdate",
    "holdings_rows",
    "parse_production_update",
    "production_rows",
    "quote_rows",
    "request_exhibit",
    "sync",
]

SOURCE: Source = replace(
    edgar.SOURCE,
    id="production",
    title="Monthly production updates of the miners (exhibits of 8-K and 6-K filings)",
    cadence="once a month, in the first ten days",
    revises="a later update may restate the month before; it is a vintage of its own",
)

FIRST_FILED = dt.date(2023, 1, 1)
"""Updates filed before are not looked for."""

RESTATED_WITHIN = dt.timedelta(days=45)
"""Filings this long before the newest stored update are looked at again; their documents come from the archive."""

_LOOKS_LIKE_UPDATE = re.compile(
    rb"(?i)(production|operat\w+|mining|investor)\s+(and\s+\w+\s+)?updates?\b|monthly (production|operation)"
)


def request_exhibit(cik: int, filing: Filing, name: str, context: SyncContext) -> Request:
    """One exhibit of a filing, kept under this source."""
    return replace(edgar.request_document(cik, filing, name, context.settings), source=SOURCE)


def quote_rows(update: ProductionUpdate) -> list[dict[str, object]]:
    """Rows of ``production_quotes``: every figure with its words, refused ones with their reason."""
    return [
        {
            "ticker": update.ticker,
            "month": update.month,
            "column": figure.column,
            "value": figure.value,
            "unit": figure.unit,
            "quote": figure.quote,
            "label": figure.label,
            "reason": figure.reason or None,
            "url": update.url,
            "confidence": figure.confidence,
            "known_at": update.known_on,
        }
        for figure in update.figures
    ]


def production_rows(update: ProductionUpdate) -> list[dict[str, object]]:
    """The row of ``production``; none where no figure of that table could be read."""
    hashrate = update.month_end_hashrate
    taken = [hashrate, *(update.figure(name) for name in _TAKEN)]
    read = [figure for figure in taken if figure is not None and figure.value is not None]
    if not read:
        return []
    refused = [figure.column for figure in update.figures if figure.value is None]
    return [
        {
            "ticker": update.ticker,
            "month": update.month,
            **{name: update.value(name) for name in _TAKEN},
            "hashrate_month_end_ehs": hashrate.value if hashrate else None,
            "hashrate_basis": HASHRATE_KINDS[hashrate.column] if hashrate else None,
            "confidence": min((figure.confidence for figure in read), key=("low", "medium", "high").index),
            "basis": "reported",
            "note": f"refused: {', '.join(refused)}" if refused else None,
            "known_at": update.known_on,
        }
    ]


_TAKEN = ("production_btc", "hashrate_avg_operating_ehs", "efficiency_j_per_th", "holdings_btc", "sold_btc")
"""Columns of ``production`` that carry the parser's own name."""


def holdings_rows(update: ProductionUpdate) -> list[dict[str, object]]:
    """The row of ``holdings`` at the month's end."""
    figure = update.figure("holdings_btc")
    if figure is None or figure.value is None:
        return []
    return [
        {
            "ticker": update.ticker,
            "as_of": next_month(update.month) - dt.timedelta(days=1),
            "holdings_btc": figure.value,
            "confidence": figure.confidence,
            "note": "month end, from the production update",
            "known_at": update.known_on,
        }
    ]


def sync(context: SyncContext) -> Iterator[Batch]:
    """Rows of ``production``, ``holdings`` and ``production_quotes``, filing by filing, oldest first.

    Parameters
    ----------
    context : SyncContext
        Client, settings, stored facts and time.

    Yields
    ------
    Batch
        The quotes of a filing come last: a filing with quotes in the store is done.

    Raises
    ------
    InputError
        No contact is set.
    SourceError
        The SEC does not answer.
    """
    known = edgar.filers(context)
    quotes = context.facts.read("production_quotes")
    done_urls = set(quotes["url"].to_list())
    for done, (ticker, cik) in enumerate(known):
        context.progress.step(f"production {ticker}", done, len(known))
        newest = quotes.filter(quotes["ticker"] == ticker)["known_at"].max()
        since = max(FIRST_FILED, newest - RESTATED_WITHIN) if isinstance(newest, dt.date) else FIRST_FILED
        try:
            listed, _ = edgar.fetch_submissions(context, cik, since)
        except NotFound:
            note = f"{ticker}: the SEC knows no filer {cik}."
            yield Batch("production_quotes", frame_of("production_quotes", [], SOURCE.id), (), (note,))
            continue
        for filing in sorted(filter(may_be_update, listed.filings), key=lambda f: (f.filed_on, f.accession)):
            yield from _filing(context, ticker, cik, filing, done_urls)


def _filing(context: SyncContext, ticker: str, cik: int, filing: Filing, done_urls: set[str]) -> Iterator[Batch]:
    index = context.http.fetch(edgar.request_filing_index(cik, filing, context.settings))
    for name in parse_filing_index(index.body, filing, edgar.SOURCE):
        request = request_exhibit(cik, filing, name, context)
        if request.public_url in done_urls:
            return
        try:
            payload = context.http.fetch(request)
        except NotFound:
            continue
        try:
            update = parse_production_update(
                payload.body, url=request.public_url, ticker=ticker, filed_on=filing.filed_on
            )
        except PayloadError as error:
            if _LOOKS_LIKE_UPDATE.search(payload.body[:20_000]):
                empty = frame_of("production_quotes", [], SOURCE.id)
                yield Batch("production_quotes", empty, (payload,), (error.message,))
            continue
        yield from _batches(update, payload)
        return


def _batches(update: ProductionUpdate, payload: RawPayload) -> Iterator[Batch]:
    for table, rows in (
        ("production", production_rows(update)),
        ("holdings", holdings_rows(update)),
        ("production_quotes", quote_rows(update)),
    ):
        if rows:
            yield Batch(table, frame_of(table, rows, SOURCE.id), (payload,))
