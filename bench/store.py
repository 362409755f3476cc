"""Timings of the live store: loading, appending, reading, status, SQL.

``python bench/store.py [ADDRESS] [--blocks N]`` makes a store in a temporary folder, or at an address that does not
exist yet, and prints one line a measurement: the median of several runs, and the slowest.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from hashdesk.catalog.tables import TABLES
from hashdesk.config import load_settings
from hashdesk.desk import Desk
from hashdesk.desk.core import TABLES as NOTE_TABLES
from hashdesk.store.delta import DeltaStore

RUNS = 5
START = dt.datetime(2025, 10, 1, tzinfo=dt.UTC)


def blocks(first: int, n_blocks: int) -> pl.DataFrame:
    """Rows as a node would give them."""
    heights = pl.int_range(first, first + n_blocks, eager=True)
    return pl.DataFrame({"height": heights}).select(
        "height",
        hash=pl.col("height").hash(1).cast(pl.String).str.zfill(64),
        time=pl.lit(dt.datetime(2009, 1, 3, tzinfo=dt.UTC)) + pl.duration(minutes=10 * pl.col("height")),
        bits=pl.lit("1703a30c"),
        difficulty=pl.lit(1e14),
        subsidy_sat=pl.lit(312_500_000),
        fees_sat=pl.col("height").hash(2) % 50_000_000,
        source=pl.lit("bitcoin-node"),
        known_at=pl.lit(dt.date(2025, 9, 30)),
    )


def measured(label: str, call: Callable[[int], object], runs: int = RUNS) -> None:
    """Print the median and the slowest of several runs."""
    seconds = []
    for run in range(runs):
        began = time.perf_counter()
        call(run)
        seconds.append(time.perf_counter() - began)
    print(f"{label:58s} {statistics.median(seconds):8.3f} s   slowest {max(seconds):.3f} s   runs {runs}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", nargs="?")
    parser.add_argument("--blocks", type=int, default=400_000, help="blocks in the store before measuring")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        address = arguments.address or str(Path(folder) / "store")
        desk = Desk(load_settings(store=address))
        measured("init: make the store, load the pack", lambda run: desk.init(), 1)
        measured("init again: nothing new", lambda run: desk.init(), 1)
        n_blocks = arguments.blocks
        store = DeltaStore(address)
        measured(
            f"append {n_blocks:,} blocks, one commit",
            lambda run: store.append("blocks", blocks(0, n_blocks), retrieved_at=START),
            1,
        )
        for size in (1, 10, 100, 1_000, 10_000):
            # Each run appends at the tip, where the last one stopped.
            start = n_blocks + 10 * size
            measured(
                f"append {size:,} new blocks",
                lambda run, size=size, start=start: store.append(  # type: ignore[misc]
                    "blocks", blocks(start + run * size, size), retrieved_at=START
                ),
            )
        known = blocks(0, 10_000)
        measured(
            "append 10,000 known blocks: nothing new", lambda run: store.append("blocks", known, retrieved_at=START)
        )
        measured(f"read the {len(NOTE_TABLES)} tables of a note", lambda run: read(address, NOTE_TABLES))
        measured(f"read all {len(TABLES)} tables of the pack", lambda run: read(address, list(TABLES)))
        measured("read all of them as of a day", lambda run: read(address, list(TABLES), dt.date(2025, 9, 30)))
        measured(f"read {n_blocks:,} blocks, resolved", lambda run: DeltaStore(address).read("blocks"))
        measured("versions: Delta version and hash of the pack's tables", lambda run: DeltaStore(address).versions())
        measured("status", lambda run: desk.status())
        measured(
            "sql: newest price", lambda run: desk.sql("select max(date), max_by(close_usd, date) from btc_price_daily")
        )
        measured(
            "sql: blocks by month",
            lambda run: desk.sql("select date_trunc('month', time) m, count(*) n from blocks group by 1"),
        )


def read(address: str, tables: list[str] | tuple[str, ...], as_of: dt.date | None = None) -> None:
    """Open the store and read tables."""
    store = DeltaStore(address)
    for name in tables:
        store.read(name, as_of)


if __name__ == "__main__":
    main()
