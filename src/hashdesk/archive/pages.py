"""When a page could have been public, how it is called, and which pages are too weak to stand alone."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from urllib.parse import urlparse

_DAY = re.compile(r"(20\d\d)[/-](\d{1,2})[/-](\d{1,2})(?!\d)")
_MONTH = re.compile(r"(20\d\d)[/-](\d\d)(?=/)")

PAGE_DAYS = {
    # The address bears no day, and the page tells of something later than the row that quotes it.
    "fundfa.com/mag/core-scientific-merger-fails": dt.date(2025, 10, 30),  # the vote that ended the merger
    "beyondspx.com/quote/BTDR/news/bitdeer-reports-fire": dt.date(2025, 11, 12),  # the fire
    "sec.gov/Archives/edgar/data/1083301/000108330125000099": dt.date(2025, 11, 10),  # report of the third quarter
    "finanznachrichten.de/nachrichten-2025-12/67122475": dt.date(2025, 12, 2),  # Cango's third quarter
    "binance.bh/fr-AF/square/post/29819813322297": dt.date(2025, 9, 16),  # its number, between two dated posts
}

WEAK_HOSTS = frozenset(
    {
        "1.gowebonline.com",
        "4coinz.com",
        "binance.bh",
        "bitcoinethereumnews.com",
        "blog.ueex.com",
        "btcoinmagazine.com",
        "cccv.info",
        "coinalertnews.com",
        "cryptovesting.net",
        "cryptowatchnews.com",
        "dailydigest360.com",
        "freecryptozone.com",
        "fundfa.com",
        "globalfintechedge.com",
        "jpygbp.com",
        "jpyxx.com",
        "miamidaily.life",
        "namegenerator.biz",
        "news.nbtc.finance",
        "news.projectliberte.io",
        "pakgazette.com",
        "productiveclue.com",
        "read2earn.xyz",
        "trades.jamespan.tech",
        "trxpulse.cc",
        "uat2049.chaincatcher.info",
        "viralles.com",
    }
)
"""Sites of unknown publishers that copy or rewrite others, and posts of users."""

_LOWER = {"high": "medium", "medium": "low", "low": "low"}


def host(url: str) -> str:
    """Name of the site behind an address."""
    return (urlparse(url).hostname or "").removeprefix("www.")


def page_day(url: str) -> dt.date | None:
    """First day on which a page could have been public, as far as its address or its subject tells."""
    for part, known in PAGE_DAYS.items():
        if part in url:
            return known
    try:
        if found := _DAY.search(url):
            return dt.date(*map(int, found.groups()))
        if found := _MONTH.search(url):
            return dt.date(int(found[1]), int(found[2]), 1)
    except ValueError:  # Digits in an address that are no day.
        pass
    return None


def public_days(quotes: Iterable[tuple[str, dt.date]]) -> dict[str, dt.date]:
    """First day on which each page could have been public, from what it is quoted for.

    A page that tells of several things is no older than the latest of them.

    Parameters
    ----------
    quotes : iterable of (str, date)
        Address, and day of the fact that it is quoted for.

    Returns
    -------
    dict of str to date
    """
    days: dict[str, dt.date] = {}
    for url, fact_day in quotes:
        days[url] = max(days.get(url, fact_day), fact_day, page_day(url) or fact_day)
    return days


def trusted(confidence: str, url: str, others: Iterable[str]) -> str:
    """Confidence of a fact, one step lower where nothing but a weak page tells it."""
    if all(host(page) in WEAK_HOSTS for page in (url, *others)):
        return _LOWER[confidence]
    return confidence


def day_in_words(day: dt.date) -> str:
    """A day as in 24 September 2025."""
    return f"{day.day} {day:%B %Y}"
