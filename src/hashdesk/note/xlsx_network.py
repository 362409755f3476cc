"""The sheet of the network's days: facts of the chain and prices as inputs, estimates as formulas."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

from hashdesk.note.model import Column, Scalar, Table
from hashdesk.note.xlsx_book import Book, Formula, Row, TableSheet
from hashdesk.note.xlsx_lines import HIGH_FACTOR, LEVEL, LOW_FACTOR
from hashdesk.note.xlsx_tables import write_table
from hashdesk.units import (
    BLOCKS_PER_EPOCH,
    BTC_DAYS_PER_YEAR,
    HASHES_PER_EH,
    HASHES_PER_PH,
    SECONDS_PER_DAY,
    TARGET_BLOCK_SECONDS,
    TARGET_BLOCKS_PER_DAY,
    WORK_PER_DIFFICULTY,
)

WEEK_DAYS = 7

CONSTANTS: tuple[tuple[str, str, float, str], ...] = (
    ("seconds_per_day", "Seconds in a day", SECONDS_PER_DAY, "s"),
    ("hours_per_day", "Hours in a day", 24, "h"),
    ("target_block_seconds", "Target time between blocks", TARGET_BLOCK_SECONDS, "s"),
    ("target_blocks_per_day", "Target number of blocks a day", TARGET_BLOCKS_PER_DAY, "blocks"),
    ("blocks_per_epoch", "Blocks between two changes of difficulty", BLOCKS_PER_EPOCH, "blocks"),
    ("work_per_difficulty", "Expected hashes per unit of difficulty, 2^48/65535", WORK_PER_DIFFICULTY, "hash"),
    ("hashes_per_eh", "Hashes in one EH", HASHES_PER_EH, "hash"),
    ("hashes_per_ph", "Hashes in one PH", HASHES_PER_PH, "hash"),
    ("btc_days_per_year", "Days on which bitcoin trades in a year", BTC_DAYS_PER_YEAR, "days"),
    ("confidence_level", "Level of the intervals", LEVEL, "fraction"),
)
"""Named constants: name, label, value, unit."""


def _daily_formulas(first_full_week: int) -> Mapping[str, Formula]:
    def trailing(name: str, divisor: str, function: str) -> Formula:
        def formula(row: Row) -> str | None:
            if row.index < first_full_week:
                return None
            return f"={function}({row.at(name, 1 - WEEK_DAYS)}:{row.at(name)}){divisor}"

        return formula

    def bound(factor: str) -> Formula:
        return lambda row: f"={row.at('network_hashrate_ehs')}*{factor.format(n=row.at('blocks'))}"

    return {
        "btc_price_7d_usd": trailing("btc_price_usd", "", "AVERAGE"),
        "network_hashrate_ehs": lambda row: f"={row.at('work_eh')}/seconds_per_day",
        "network_hashrate_low_ehs": bound(LOW_FACTOR),
        "network_hashrate_high_ehs": bound(HIGH_FACTOR),
        "network_hashrate_7d_ehs": trailing("work_eh", f"/({WEEK_DAYS}*seconds_per_day)", "SUM"),
        "network_hashrate_implied_ehs": lambda row: (
            f"={row.at('difficulty_mean')}*work_per_difficulty/target_block_seconds/hashes_per_eh"
        ),
        "block_reward_revenue_usd_per_ehs_day": lambda row: (
            f"=target_blocks_per_day*{row.at('subsidy_per_block_btc')}*{row.at('btc_price_7d_usd')}"
            f"/{row.at('network_hashrate_ehs')}"
        ),
        "hashprice_usd_per_phs_day": lambda row: (
            f"=({row.at('subsidy_per_block_btc')}+{row.at('fees_btc')}/{row.at('blocks')})*{row.at('btc_price_usd')}"
            f"*hashes_per_ph*seconds_per_day/({row.at('difficulty_mean')}*work_per_difficulty)"
        ),
        "btc_log_return": lambda row: f"=LN({row.at('btc_price_usd')}/{row.at('btc_price_usd', -1)})",
    }


def _with_log_return(table: Table) -> Table:
    """The daily table with bitcoin's log return, which volatility is measured on."""
    prices = table.column("btc_price_usd")
    returns: list[Scalar] = [None]
    for earlier, later in pairwise(prices):
        known = isinstance(earlier, float) and isinstance(later, float)
        returns.append(math.log(later / earlier) if known else None)  # type: ignore[operator]
    column = Column("btc_log_return", "Bitcoin, log return of the day", "log")
    rows = tuple((*row, value) for row, value in zip(table.rows, returns, strict=True))
    return Table(table.id, table.title, (*table.columns, column), rows, table.sources, table.caveats)


def write_network(book: Book, table: Table) -> TableSheet:
    """Write the days: chain and price facts as inputs, estimates as formulas."""
    # The first week has no full window behind it inside this sheet, so its trailing means stand as they came.
    return write_table(
        book, _with_log_return(table), "Network", formulas=_daily_formulas(WEEK_DAYS - 1), prefix="daily"
    )
