"""One question, three ways: expected work and mean blocks a day of every month, from the daily network table as CSV.

Polars is what hashdesk uses; pandas and a loop over ``csv`` are what an analyst would write instead.
"""

from __future__ import annotations

import csv
import math
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import polars as pl

from hashdesk.store.pack import ReferencePack

Months = dict[str, tuple[float, float]]
"""Month -> (sum of work_eh, mean of blocks)."""


def with_polars(path: Path) -> Months:
    """Aggregate in Polars."""
    frame = (
        pl.scan_csv(path)
        .group_by(pl.col("date").str.slice(0, 7).alias("month"))
        .agg(pl.col("work_eh").sum(), pl.col("blocks").mean())
        .collect()
    )
    return {month: (work, blocks) for month, work, blocks in frame.iter_rows()}


def with_pandas(path: Path) -> Months:
    """Aggregate in pandas."""
    frame = pd.read_csv(path)
    grouped = frame.groupby(frame["date"].str[:7]).agg(work=("work_eh", "sum"), blocks=("blocks", "mean"))
    return {str(row.Index): (row.work, row.blocks) for row in grouped.itertuples()}


def with_a_loop(path: Path) -> Months:
    """Aggregate line by line with the standard library."""
    work: dict[str, list[float]] = defaultdict(list)
    blocks: dict[str, list[int]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            month = row["date"][:7]
            work[month].append(float(row["work_eh"]))
            blocks[month].append(int(row["blocks"]))
    return {month: (math.fsum(work[month]), statistics.fmean(blocks[month])) for month in work}


WAYS: dict[str, Callable[[Path], Months]] = {
    "Polars": with_polars,
    "pandas": with_pandas,
    "csv and a loop": with_a_loop,
}


def compare(runs: int) -> dict[str, float]:
    """Median seconds of each way, after checking that all agree."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network_daily.csv"
        ReferencePack().read("network_daily").write_csv(path)
        answers = {name: way(path) for name, way in WAYS.items()}
        expected = answers["csv and a loop"]
        for name, answer in answers.items():
            same = answer.keys() == expected.keys() and all(
                math.isclose(ours, theirs, rel_tol=1e-9)
                for month in expected
                for ours, theirs in zip(answer[month], expected[month], strict=True)
            )
            if not same:
                raise SystemExit(f"{name} disagrees with the loop")
        seconds: dict[str, float] = {}
        for name, way in WAYS.items():
            taken = []
            for _ in range(runs):
                start = time.perf_counter()
                way(path)
                taken.append(time.perf_counter() - start)
            seconds[name] = statistics.median(taken)
    return seconds
