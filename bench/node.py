"""What a sync from a real node costs, by how much is new: requests, calls, seconds.

Usage: ``python bench/node.py [BASE_BLOCKS]`` with bcoin installed by ``npm ci --ignore-scripts`` in tests/node.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from hashdesk.config import Settings
from hashdesk.sources import node as node_source
from hashdesk.sources.base import SyncContext
from hashdesk.sources.http import HttpClient
from hashdesk.sources.node_rpc import NodeRpc
from hashdesk.store.delta import DeltaStore

PORT, PASSWORD = 18_611, "pw"
SIZES = (0, 1, 10, 100, 1_000)
COUNTED: list[NodeRpc] = []


class Counting(NodeRpc):
    """Calls to a node, known to the bench."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        COUNTED.append(self)


def main(base: int) -> None:
    """Mine, sync, print one row for each size."""
    folder = Path(__file__).resolve().parents[1] / "tests" / "node"
    node = shutil.which("node") or sys.exit("node is not installed")
    process = subprocess.Popen([node, "start.js", str(PORT), PASSWORD], cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        process.stdout.readline()  # type: ignore[union-attr]
        with tempfile.TemporaryDirectory() as store_folder:
            measure(base, DeltaStore.create(store_folder))
    finally:
        process.kill()
        process.wait()


def measure(base: int, store: DeltaStore) -> None:
    """Sync ``base`` blocks, then each size of what is new."""
    settings = Settings(
        node_url=f"http://127.0.0.1:{PORT}",
        node_user="x",
        node_password=PASSWORD,
        chain="regtest",  # type: ignore[arg-type]
    )
    node_source.NodeRpc = Counting  # type: ignore[misc]
    client = httpx.Client(auth=("x", PASSWORD), timeout=600)
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
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
