"""Write the scorecard that ships with the package: forecasts of the past, scored on the built-in facts.

Run it again after a change of the facts, of the recipe or of the engine: ``python tools/build_scorecard.py``.
"""

from __future__ import annotations

import gzip
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import polars as pl

from hashdesk.desk import Desk
from hashdesk.desk.scorecard import SCORECARD_FILE, SCORECARD_TABLES
from hashdesk.outlook.scorecard import scorecard

TARGET = Path(__file__).resolve().parents[1] / "src" / "hashdesk" / "outlook" / SCORECARD_FILE
DIGITS = 6
"""Of each score: enough for every sum that is printed."""


def main() -> None:
    """Score, round, write."""
    desk = Desk()
    begun = time.perf_counter()
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        card = scorecard(*(desk.store.read(name) for name in SCORECARD_TABLES), executor=pool)
    rounded = card.scores.with_columns(pl.col(pl.Float64).round_sig_figs(DIGITS))
    content = replace(card, scores=rounded, digest=desk.scorecard_key()).to_bytes()
    # No time in the header: the same scores give the same bytes.
    TARGET.write_bytes(gzip.compress(content, mtime=0))
    print(f"{TARGET.name}: {len(rounded)} scores, {TARGET.stat().st_size:,} bytes, {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
