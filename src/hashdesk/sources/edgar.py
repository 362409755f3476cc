"""SEC EDGAR over its JSON interfaces: share counts, cash, debt and coins of every miner with a filer number."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hashdesk.errors import NotFound
from hashdesk.sources.base import FOREVER, Batch, RateLimit, RawPayload, Request, Source, SyncContext
from hashdesk.sources.edgar_facts import capital_rows, coin_rows, frame_of, parse_companyfacts, share_count_rows
from hashdesk.sources.edgar_filings import Filing, Submissions, parse_submissions

if TYPE_CHECKING:
    from hashdesk.config import Settings

SOURCE = Source(
    id="edgar",
    title="SEC EDGAR",
    publisher="U.S. Securities and Exchange Commission",
    url="https://www.sec.gov/search-filings/edgar-application-programming-interfaces",
    licence="public domain (17 U.S.C. 105); filings belong to their filers",
    cadence="minutes after a filing is accepted",
    revises="never in place: an amended or later filing restates, with its own day",
    rate=RateLimit(calls=10, per_seconds=1.0),
    needs_contact=True,
)

LIST_AGE = dt.timedelta(hours=1)
"""Lists of filings and facts younger than this are not asked for again."""


def request_submissions(cik: int, settings: Settings) -> Request:
    """The list of a filer's newest filings."""
    return Request(SOURCE, f"{settings.sec_url}/submissions/CIK{cik:010d}.json", max_age=LIST_AGE)


def request_older_submissions(name: str, settings: Settings) -> Request:
    """A file of older filings, by the name that the list gives."""
    return Request(SOURCE, f"{settings.sec_url}/submissions/{name}", max_age=dt.timedelta(days=1))


def request_companyfacts(cik: int, settings: Settings) -> Request:
    """All facts of a filer."""
    return Request(SOURCE, f"{settings.sec_url}/api/xbrl/companyfacts/CIK{cik:010d}.json", max_age=LIST_AGE)


def request_filing_index(cik: int, filing: Filing, settings: Settings) -> Request:
    """The listing of a filing's folder."""
    return Request(SOURCE, f"{filing_folder(cik, filing, settings)}/index.json", max_age=FOREVER)


def request_document(cik: int, filing: Filing, name: str, settings: Settings) -> Request:
    """One document of a filing."""
    return Request(SOURCE, f"{filing_folder(cik, filing, settings)}/{name}", expect="any", max_age=FOREVER)


def filing_folder(cik: int, filing: Filing, settings: Settings) -> str:
    """Address of a filing's folder."""
    return f"{settings.sec_archives_url}/Archives/edgar/data/{cik}/{filing.accession.replace('-', '')}"


def filers(context: SyncContext) -> list[tuple[str, int]]:
    """Symbol and filer number of every miner that is or was tracked."""
    universe = context.facts.read("universe").select("ticker", "cik").drop_nulls().unique()
    return sorted((str(ticker), int(cik)) for ticker, cik in universe.iter_rows())


def fetch_submissions(context: SyncContext, cik: int, since: dt.date) -> tuple[Submissions, tuple[RawPayload, ...]]:
    """A filer's filings since a day, the files of older ones asked for only as far back as needed."""
    payloads = [context.http.fetch(request_submissions(cik, context.settings))]
    listed = parse_submissions(payloads[0].body, SOURCE)
    filings = list(listed.filings)
    for name in listed.older_files:
        if filings and min(filing.filed_on for filing in filings) < since:
            break
        payloads.append(context.http.fetch(request_older_submissions(name, context.settings)))
        filings.extend(parse_submissions(payloads[-1].body, SOURCE).filings)
    kept = tuple(filing for filing in filings if filing.filed_on >= since)
    return Submissions(listed.cik, listed.name, listed.tickers, kept, listed.older_files), tuple(payloads)


def sync(context: SyncContext) -> Iterator[Batch]:
    """Rows of ``share_counts``, ``capital`` and ``holdings``, filer by filer.

    Parameters
    ----------
    context : SyncContext
        Client, settings, stored facts and time.

    Yields
    ------
    Batch
        Every fact as filed, known on its filing day; what the store has already it does not write again.

    Raises
    ------
    InputError
        No contact is set: the SEC turns away clients that do not say who they are.
    SourceError, PayloadError
        No answer, or one that cannot be read.
    """
    known = filers(context)
    for done, (ticker, cik) in enumerate(known):
        context.progress.step(f"edgar {ticker}", done, len(known))
        try:
            payload = context.http.fetch(request_companyfacts(cik, context.settings))
        except NotFound:
            note = f"{ticker}: the SEC has no companyfacts for filer {cik}; a foreign filer's 6-K carries no XBRL."
            yield Batch("capital", frame_of("capital", [], SOURCE.id), (), (note,))
            continue
        facts = parse_companyfacts(payload.body, SOURCE)
        caveats = []
        if "us-gaap" not in facts.taxonomies:
            basis = "IFRS" if "ifrs-full" in facts.taxonomies else "no accounting taxonomy"
            caveats.append(f"{ticker}: files under {basis}; only annual reports carry XBRL until it changes over.")
        for table, build in (("share_counts", share_count_rows), ("capital", capital_rows), ("holdings", coin_rows)):
            rows, notes = build(facts, ticker)
            yield Batch(table, frame_of(table, rows, SOURCE.id), (payload,), (*caveats, *notes))
            caveats = []
