"""The sources by name; a module is imported when its source is used."""

from __future__ import annotations

import difflib

from hashdesk.errors import InputError
from hashdesk.sources.base import SourceEntry

_ENTRIES = (
    SourceEntry(
        "node",
        "hashdesk.sources.node",
        ("blocks", "epochs", "network_daily"),
        "Blocks from a Bitcoin node over JSON-RPC, and the days and epochs they make.",
    ),
    SourceEntry(
        "mempool",
        "hashdesk.sources.mempool",
        ("blocks", "epochs", "network_daily", "network_readings"),
        "Blocks of a mempool.space host, each checked, the days they make, and its daily statistics.",
    ),
    SourceEntry(
        "coinmetrics",
        "hashdesk.sources.coinmetrics",
        ("btc_price_daily", "network_readings"),
        "Daily closes of bitcoin and hashrate from Coin Metrics' community interface.",
    ),
    SourceEntry(
        "exchanges",
        "hashdesk.sources.exchanges",
        ("btc_price_daily",),
        "Daily closes of bitcoin at two exchanges, one checking the other.",
    ),
    SourceEntry(
        "yahoo",
        "hashdesk.sources.yahoo",
        ("equity_closes",),
        "Daily closes of shares and funds through yfinance.",
        extra="yahoo",
    ),
    SourceEntry(
        "edgar",
        "hashdesk.sources.edgar",
        ("share_counts", "capital", "holdings"),
        "Share counts, cash, debt and coins as filed with the SEC.",
    ),
    SourceEntry(
        "production",
        "hashdesk.sources.production",
        ("production", "holdings", "production_quotes"),
        "Monthly production updates out of 8-K and 6-K exhibits, each figure with its quote.",
    ),
)

SOURCES: dict[str, SourceEntry] = {entry.id: entry for entry in _ENTRIES}
"""Every source, in the order in which a sync without names runs them."""


def source_entry(name: str) -> SourceEntry:
    """The entry of a source.

    Raises
    ------
    InputError
        No such source; the hint names the nearest one.

    Examples
    --------
    >>> source_entry("node").tables
    ('blocks', 'epochs', 'network_daily')
    """
    if name not in SOURCES:
        near = difflib.get_close_matches(name, SOURCES, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Sources: {', '.join(SOURCES)}."
        raise InputError(f"source: no source is called {name!r}.", hint=hint, value=name)
    return SOURCES[name]
