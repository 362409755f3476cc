"""The archive layout: which files a folder of raw tables may hold, and what each cell of them may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of a raw file."""

    name: str
    kind: str
    """text, number, integer, day, month, day-or-month, moment, hex, period."""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    """What a text may be; for a day, what may stand in its place."""
    filled: bool = False
    """True where an empty cell is an error."""
    needed: bool = True
    """False where the whole column may be absent."""


@dataclass(frozen=True, slots=True)
class FileSpec:
    """One raw file: its columns, what names a row, and what must rise from row to row."""

    path: str
    holds: str
    cells: tuple[Cell, ...]
    key: tuple[str, ...] = ()
    """Columns that name a row; a second row of the same name is set aside."""
    rises: str = ""
    """Column that rises from row to row."""
    within: tuple[str, ...] = ()
    """Columns inside whose groups it rises."""
    feeds: tuple[str, ...] = ()
    """Tables that the file feeds."""
    others: Cell | None = None
    """What a cell of any further column may be; words where nothing is said."""


def text(name: str, *choices: str, filled: bool = False, needed: bool = True) -> Cell:
    """A column of words."""
    return Cell(name, "text", choices=choices, filled=filled, needed=needed)


def word(name: str, *choices: str) -> Cell:
    """A column of words that is never empty."""
    return Cell(name, "text", choices=choices, filled=True)


def number(name: str, unit: str, low: float | None = None, high: float | None = None, *, filled: bool = False) -> Cell:
    """A column of numbers in a unit; empty is not known."""
    return Cell(name, "number", unit, low, high, filled=filled)


def integer(name: str, unit: str, low: int, high: int, *, filled: bool = True) -> Cell:
    """A column of whole numbers."""
    return Cell(name, "integer", unit, low, high, filled=filled)


def day(name: str, *instead: str, filled: bool = True, kind: str = "day") -> Cell:
    """A column of days as YYYY-MM-DD."""
    return Cell(name, kind, choices=instead, filled=filled)


TRUST = word("confidence", "high", "medium", "low")
URL = text("source_url")
NOTE = text("note")
_BLOCK = (
    integer("height", "height", 0, 10_000_000),
    integer("time", "s since 1970", 1_231_006_505, 4_294_967_295),
    integer("mediantime", "s since 1970", 1_231_006_505, 4_294_967_295, filled=False),
    Cell("bits_hex", "hex", "8 digits", 8, 8, filled=True),
    integer("subsidy_sat", "satoshi", 0, 5_000_000_000),
    integer("fees_sat", "satoshi", 0, 2_000_000_000_000, filled=False),
    integer("tx_count", "transactions", 1, 100_000, filled=False),
    integer("weight", "weight units", 0, 4_000_000, filled=False),
)
_MACHINE_LISTS = (
    "CambridgeAltFin/ccaf_cbeci_api",
    "mattk8/mining-data",
    "SerpentXSF/most-efficient-bitcoin-miner",
    "marceloceccon/bitcoinmining",
)

NETWORK_FILES = (
    FileSpec(
        "network/blocks.csv.gz",
        "one block a row, without gaps between heights",
        _BLOCK,
        key=("height",),
        rises="height",
        feeds=("blocks", "network_daily"),
    ),
    FileSpec(
        "network/blocks_before_571747_fragments.csv.gz",
        "older blocks, in pieces",
        _BLOCK,
        key=("height",),
        rises="height",
        feeds=("blocks",),
    ),
    FileSpec(
        "network/block_hashes.csv.gz",
        "hash of each block",
        (integer("height", "height", 0, 10_000_000), Cell("hash", "hex", "64 digits", 64, 64, filled=True)),
        key=("height",),
        rises="height",
        feeds=("blocks",),
    ),
    FileSpec(
        "network/epoch_start_headers.csv",
        "80-byte headers of the first block of difficulty epochs",
        (
            integer("height", "height", 0, 10_000_000),
            Cell("chainwork_hex", "hex", "24 to 64 digits", 24, 64),
            Cell("header_hex", "hex", "160 digits", 160, 160, filled=True),
        ),
        key=("height",),
        rises="height",
        feeds=("block_headers",),
    ),
    FileSpec(
        "network/epochs.csv",
        "difficulty epochs",
        (
            integer("epoch", "", 0, 5_000),
            integer("start_height", "height", 0, 10_000_000),
            Cell("start_time_utc", "moment", filled=True),
            Cell("bits_hex", "hex", "8 digits", 8, 8, filled=True),
            number("difficulty", "", 1, filled=True),
            word("time_source"),
        ),
        key=("epoch",),
        rises="epoch",
        feeds=("epochs",),
    ),
    FileSpec(
        "network/daily.csv",
        "days of the chain and bitcoin's price, complete by calendar",
        (
            day("date"),
            number("price_usd", "USD/BTC", 0.0001, 10_000_000),
            text("price_source", "", "coinmetrics", "coinbase", "bitstamp"),
            number("price_usd_bitstamp", "USD/BTC", 0.0001, 10_000_000),
            integer("blocks", "blocks", 0, 1_000, filled=False),
            integer("blocks_mtp", "blocks", 0, 1_000, filled=False),
            number("issuance_btc", "BTC", 0, 50_000),
            number("issuance_btc_mtp", "BTC", 0, 50_000),
            number("fees_btc", "BTC", 0, 2_000),
            number("fees_btc_mtp", "BTC", 0, 2_000),
            number("difficulty_mean", "", 1),
            number("difficulty_mean_mtp", "", 1),
            number("difficulty_eod", "", 1),
        ),
        key=("date",),
        rises="date",
        feeds=("network_daily", "btc_price_daily"),
    ),
    FileSpec(
        "network/asic_models.csv",
        "mining machines, from lists that overlap",
        (
            text("manufacturer"),
            word("model"),
            number("hashrate_ths", "TH/s", 0),
            number("power_w", "W", 0),
            number("efficiency_jth", "J/TH", 5, filled=True),
            Cell("release", "date-of-any-width"),
            text("cooling"),
            text("segment"),
            text("status"),
            word("source", *_MACHINE_LISTS),
            TRUST,
            NOTE,
        ),
        feeds=("asic_models",),
    ),
)

EQUITY_FILES = (
    FileSpec(
        "equity/closes.csv.gz",
        "daily closes on three bases, which never mix",
        (
            day("date"),
            word("ticker"),
            number("close", "USD/share", 0.0001, 10_000_000, filled=True),
            word("basis", "unadjusted", "split_dividend_adjusted", "utc_close"),
            text("source"),
        ),
        key=("ticker", "basis", "date", "source"),
        feeds=("equity_closes", "trading_days", "adjusted_closes"),
    ),
    FileSpec(
        "equity/screener_market_caps.csv.gz",
        "what a stock screener showed, day by day",
        (
            day("date"),
            word("ticker"),
            number("last_sale_usd", "USD/share", 0.0001, 10_000_000),
            number("market_cap_usd", "USD", 10_000, 1e13),
            number("implied_shares", "shares", 1_000, 1e11),
            text("exchange"),
        ),
        key=("ticker", "date"),
        feeds=("screener_market_caps",),
    ),
    FileSpec(
        "equity/shares_ledger.csv",
        "share counts with the day each was true and the day it was public",
        (
            word("ticker"),
            day("as_of"),
            day("known_at"),
            number("shares_outstanding", "shares", 10_000, 1e11, filled=True),
            text("classes"),
            word("form"),
            URL,
            TRUST,
            NOTE,
            word("status", "use", "check", "wrong", "wrong-unit", "duplicate"),
            word("path_from_previous", "linear", "step", "unit-change"),
            word("use_for", "both", "known-then", "known-later", "none"),
        ),
        key=("ticker", "as_of", "known_at", "shares_outstanding", "form", "source_url"),
        feeds=("share_counts",),
    ),
    FileSpec(
        "equity/shares.csv",
        "share counts as read, without judgement",
        (
            word("ticker"),
            day("as_of"),
            number("shares", "shares", 10_000, 1e11),
            word("form"),
            text("source"),
            NOTE,
        ),
        feeds=("share_count_readings",),
    ),
)
