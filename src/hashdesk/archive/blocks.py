"""Blocks, headers and pools of the raw data, one row each."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl

from hashdesk.archive.common import Checks
from hashdesk.archive.reading import RawFolder, Unavailable
from hashdesk.chain.days import with_work
from hashdesk.chain.headers import parse_header

BLOCK_FILES = ("network/blocks.csv.gz", "network/blocks_before_571747_fragments.csv.gz")
POOLS_FILE = "network/pools.json"
POOLS_DAY = dt.date(2026, 8, 31)
"""The list of pools is younger than its youngest companions in the folder."""


def blocks(folder: RawFolder) -> pl.DataFrame:
    """Every block of the folder with its hash where one is listed; unknown fees and counts are null."""
    present = [name for name in BLOCK_FILES if folder.has(name)]
    if not present:
        raise Unavailable(BLOCK_FILES[0])
    raw = pl.concat([folder.frame(name) for name in present], how="diagonal_relaxed")
    if folder.has("network/block_hashes.csv.gz"):
        raw = raw.join(folder.frame("network/block_hashes.csv.gz"), on="height", how="left")
    else:
        raw = raw.with_columns(hash=pl.lit(None, dtype=pl.String))
    moments = [
        pl.from_epoch(name, time_unit="s").dt.replace_time_zone("UTC").dt.cast_time_unit("us")
        for name in ("time", "mediantime")
    ]
    table = with_work(raw.rename({"bits_hex": "bits"}).with_columns(moments))
    table = table.unique("height", keep="first", maintain_order=True).sort("height")
    is_next = pl.col("height").diff() == 1
    return table.select(
        "height",
        "hash",
        pl.when(is_next).then(pl.col("hash").shift(1)).alias("prev_hash"),
        "time",
        "mediantime",
        "bits",
        "difficulty",
        "subsidy_sat",
        "fees_sat",
        "tx_count",
        # Old dumps write 0 where they do not know the weight.
        pl.when(pl.col("weight") > 0).then("weight").alias("weight"),
        chain=pl.lit("main"),
        source=pl.lit("block-data"),
        known_at=pl.col("time").dt.date(),
    )


def block_headers(folder: RawFolder, checks: Checks) -> pl.DataFrame:
    """Headers as they are hashed, each with the hash that it has."""
    raw = folder.frame("network/epoch_start_headers.csv")
    rows = []
    for row in raw.iter_rows(named=True):
        header = parse_header(bytes.fromhex(row["header_hex"]))
        time = dt.datetime.fromtimestamp(header.time, dt.UTC)
        rows.append(
            {
                "height": row["height"],
                "hash": header.hash,
                "time": time,
                "header_hex": row["header_hex"],
                "chainwork_hex": row["chainwork_hex"],
                "source": "epoch-checkpoints",
                "known_at": time.date(),
            }
        )
    table = pl.DataFrame(rows, schema_overrides={"time": pl.Datetime("us", "UTC"), "chainwork_hex": pl.String})
    if folder.has("network/block_hashes.csv.gz"):
        both = table.join(folder.frame("network/block_hashes.csv.gz"), on="height", suffix="_listed")
        checks.that("hashes of headers are those of the list of hashes", both["hash"].equals(both["hash_listed"]))
    return table.sort("height")


def mining_pools(folder: Path) -> pl.DataFrame:
    """Pools by the tags they write and the addresses they are paid at.

    Raises
    ------
    ValueError
        The file is no list of pools.
    """
    listed = json.loads((folder / POOLS_FILE).read_text(encoding="utf-8"))
    rows = [
        {
            "name": str(pool["name"]),
            "link": str(pool.get("link") or "") or None,
            "tags": "\n".join(pool.get("tags", [])) or None,
            "addresses": "\n".join(pool.get("addresses", [])) or None,
            "source": "mining-pools-list",
            "known_at": POOLS_DAY,
        }
        for pool in listed
    ]
    schema = dict.fromkeys(("name", "link", "tags", "addresses", "source"), pl.String()) | {"known_at": pl.Date()}
    return pl.DataFrame(rows, schema=schema).unique("name", keep="first", maintain_order=True).sort("name")
