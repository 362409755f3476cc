"""What a sync from a real node costs, by how much is new: requests, calls, seconds.

Usage: ``python bench/node.py [BASE_BLOCKS] [FILLED_ROWS]`` with bcoin installed by ``npm ci --ignore-scripts`` in
tests/node. The node mines BASE_BLOCKS first. FILLED_ROWS puts so many blocks below the node's own into the store, which
then is as large as that of a long chain; between node and source their heights are added.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import polars as pl
from pydantic import SecretStr

from hashdesk.config import Settings
from hashdesk.sources import node as node_source
from hashdesk.sources.base import RawPayload, SyncContext
from hashdesk.sources.http import HttpClient
from hashdesk.sources.node_rpc import Call, NodeRpc
from hashdesk.store.delta import DeltaStore

PORT, PASSWORD = 18_611, "pw"
SIZES = (0, 1, 10, 100, 1_000)
COUNTED: list[NodeRpc] = []
FILLER = "0" * 64
"""Hash of the blocks below the node's: its first block names no other as the one before."""


class Counting(NodeRpc):
    """Calls to a node, known to the bench; the node's first block stands at height ``filled``."""

    filled = 0

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        COUNTED.append(self)

    def batch(self, calls: Sequence[Call], *, is_archived: bool = False) -> tuple[list[Any], RawPayload]:
        """Results of calls about heights of the long chain."""
        asked = [
            Call(call.id, call.method, (max(0, int(str(call.params[0])) - self.filled),))
            if call.method == "getblockhash" and call.params != (0,)
            else call
            for call in calls
        ]
        results, payload = super().batch(asked, is_archived=is_archived)
        for place, call in enumerate(calls):
            if call.method == "getblockchaininfo":
                results[place] = {**results[place], "blocks": results[place]["blocks"] + self.filled}
            if call.method == "getblockhash" and 0 < int(str(call.params[0])) < self.filled:
                results[place] = FILLER
        return results, payload


def main(base: int, filled: int) -> None:
    """Mine, sync, print one row for each size."""
    Counting.filled = filled
    folder = Path(__file__).resolve().parents[1] / "tests" / "node"
    node = shutil.which("node") or sys.exit("node is not installed")
    process = subprocess.Popen([node, "start.js", str(PORT), PASSWORD], cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        process.stdout.readline()  # type: ignore[union-attr]
        with tempfile.TemporaryDirectory() as store_folder:
            measure(base, filled, DeltaStore.create(store_folder))
    finally:
        process.kill()
        process.wait()


def fill(store: DeltaStore, n_rows: int) -> None:
    """Blocks below the node's first one."""
    height = pl.int_range(0, n_rows, eager=True)
    frame = pl.DataFrame({"height": height}).select(
        "height",
        hash=pl.lit(FILLER),
        time=pl.lit(dt.datetime(2009, 1, 3, tzinfo=dt.UTC)) + pl.duration(minutes=10 * pl.col("height")),
        bits=pl.lit("207fffff"),
        difficulty=pl.lit(4.656542373906925e-10),
        subsidy_sat=pl.lit(0),
        fees_sat=pl.col("height").hash(2) % 50_000_000,
        chain=pl.lit("regtest"),
        source=pl.lit("block-data"),
        known_at=pl.lit(dt.date(2011, 1, 1)),
    )
    store.append("blocks", frame, retrieved_at=dt.datetime(2011, 1, 1, tzinfo=dt.UTC))


def measure(base: int, filled: int, store: DeltaStore) -> None:
    """Sync ``base`` blocks, then each size of what is new."""
    settings = Settings(
        node_url=f"http://127.0.0.1:{PORT}",
        node_user="x",
        node_password=SecretStr(PASSWORD),
        chain="regtest",
    )
    setattr(node_source, "NodeRpc", Counting)  # noqa: B010 - a module's own name
    client = httpx.Client(auth=("x", PASSWORD), timeout=600)
    if filled:
        fill(store, filled)
    print(f"{'new blocks':>10} {'requests':>9} {'calls':>7} {'fetch s':>8} {'store s':>8} {'seconds':>8}")
    for size in (base, *SIZES):
        for at in range(0, size, 500):
            body = json.dumps({"id": 1, "method": "generate", "params": [min(500, size - at)]})
            client.post(settings.node_url, content=body)
        COUNTED.clear()
        in_store, started = 0.0, time.perf_counter()
        with HttpClient(settings, store.raw) as http:
            for batch in node_source.sync(SyncContext(http, settings, store, dt.datetime.now(dt.UTC))):
                before = time.perf_counter()
                store.raw.flush()
                store.append(batch.table, batch.frame, retrieved_at=dt.datetime.now(dt.UTC))
                in_store += time.perf_counter() - before
            took = time.perf_counter() - started
            calls = sum(rpc.n_calls for rpc in COUNTED)
            print(f"{size:>10} {http.n_attempts:>9} {calls:>7} {took - in_store:>8.3f} {in_store:>8.3f} {took:>8.3f}")


if __name__ == "__main__":
    main(*(int(text) for text in (*sys.argv[1:], *("2000", "0")[len(sys.argv) - 1 :])))
