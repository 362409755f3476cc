"""The node source against a real full node on regtest: bcoin, installed by ``npm ci --ignore-scripts`` there."""

import datetime as dt
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from hashdesk.chain.rules import active_chain
from hashdesk.config import Settings
from hashdesk.errors import HashdeskError, InputError, SourceError
from hashdesk.sources.base import Batch, SyncContext
from hashdesk.sources.http import HttpClient, RetryPolicy
from hashdesk.sources.node import sync
from tests.faults.memory_store import MemoryStore

pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

FOLDER = Path(__file__).resolve().parents[1] / "node"
PASSWORD = "right-password"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Bcoin:
    """A node process; ``mine`` and ``call`` go around the code under test."""

    def __init__(self, port: int | None = None) -> None:
        node = shutil.which("node")
        if node is None or not (FOLDER / "node_modules" / "bcoin").is_dir():
            pytest.skip("bcoin is not installed: run npm ci --ignore-scripts in tests/node")
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(auth=("", PASSWORD), timeout=60)
        self.process = subprocess.Popen(
            [node, "start.js", str(self.port), PASSWORD], cwd=FOLDER, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None and "listening" in self.process.stdout.readline()

    def call(self, method: str, *params: object) -> Any:
        body = json.dumps({"id": 1, "method": method, "params": params})
        answer = self.client.post(self.url, content=body).json()
        assert answer["error"] is None, answer
        return answer["result"]

    def mine(self, n: int) -> list[str]:
        hashes: list[str] = self.call("generate", n)
        return hashes

    def hashes(self) -> list[str]:
        return [self.call("getblockhash", height) for height in range(self.call("getblockcount") + 1)]

    def kill(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def bcoin() -> Iterator[Bcoin]:
    node = Bcoin()
    yield node
    node.kill()


class Desk:
    """A store in memory and a client with its counters."""

    def __init__(self, url: str, **settings: object) -> None:
        given = {"node_url": url, "node_user": "x", "node_password": PASSWORD, "chain": "regtest", "http_attempts": 2}
        self.settings = Settings(**{**given, **settings})  # type: ignore[arg-type]
        self.store = MemoryStore()
        self.requests = 0

    def batches(self) -> Iterator[Batch]:
        with HttpClient(self.settings, policy=RetryPolicy(0.0, 0.0, 0.0)) as http:
            try:
                yield from sync(SyncContext(http, self.settings, self.store, dt.datetime.now(dt.UTC)))
            finally:
                self.requests = http.n_attempts

    def sync(self) -> int:
        return sum(batch.frame.height for batch in self.store.commit_all(self.batches()))

    def blocks(self) -> pl.DataFrame:
        return active_chain(self.store.read("blocks"))


def test_blocks_come_whole_then_only_the_new_ones_then_the_new_branch(bcoin: Bcoin) -> None:
    bcoin.mine(120)
    desk = Desk(bcoin.url)
    assert desk.sync() == 121
    assert desk.blocks()["hash"].to_list() == bcoin.hashes()

    bcoin.mine(7)
    assert desk.sync() == 7
    assert desk.sync() == 0
    assert desk.requests == 1

    abandoned = bcoin.hashes()[118:]
    bcoin.call("abandon", 118)
    bcoin.mine(4)
    assert desk.sync() == 4
    assert desk.blocks()["hash"].to_list() == bcoin.hashes()
    assert set(abandoned) <= set(desk.store.tables["blocks"]["hash"])

    bcoin.mine(20)
    assert desk.sync() == 20
    assert desk.blocks()["hash"].to_list() == bcoin.hashes()


def test_fees_of_whole_blocks_are_those_that_were_paid(bcoin: Bcoin) -> None:
    bcoin.mine(105)
    for height, fee in ((1, 12_345), (2, 6_789)):
        bcoin.call("spendcoinbase", height, fee)
    bcoin.mine(2)
    desk = Desk(bcoin.url)
    desk.sync()
    paid = desk.blocks().filter(pl.col("fees_sat") > 0)
    assert paid.select("height", "fees_sat", "tx_count").rows() == [(106, 12_345 + 6_789, 3)]


def test_header_facts_agree_with_the_node_s_own_reading(bcoin: Bcoin) -> None:
    bcoin.mine(30)
    desk = Desk(bcoin.url)
    desk.sync()
    for row in desk.blocks().iter_rows(named=True):
        said = bcoin.call("getblock", row["hash"], True)
        assert said["height"] == row["height"]
        assert said["time"] == row["time"].timestamp()
        assert said["mediantime"] == row["mediantime"].timestamp()
        assert said["bits"] == int(row["bits"], 16)
        assert said["difficulty"] == pytest.approx(row["difficulty"], rel=1e-12)
        assert said["weight"] == row["weight"]
        assert (said["previousblockhash"] or "0" * 64) == row["prev_hash"]


def test_a_node_killed_half_way_leaves_whole_batches_and_the_next_sync_goes_on(
    bcoin: Bcoin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashdesk.sources.chain_tables.BLOCKS_PER_BATCH", 50)
    bcoin.mine(170)
    raw = [bcoin.call("getblock", block_hash, False) for block_hash in bcoin.hashes()[1:]]
    desk = Desk(bcoin.url)
    batches = desk.batches()
    desk.store.commit(next(batches))
    desk.store.commit(next(batches))
    bcoin.kill()
    with pytest.raises(SourceError, match=r"^node: nothing listens at http://127\.0\.0\.1:\d+\."):
        next(batches)
    assert desk.blocks().height == 100

    again = Bcoin(bcoin.port)
    try:
        for block in raw:
            again.call("submitblock", block)
        assert desk.sync() == 71
        assert desk.blocks()["hash"].to_list() == again.hashes()
    finally:
        again.kill()


@pytest.mark.parametrize(
    ("settings", "kind", "said"),
    [
        ({"node_password": "wrong"}, SourceError, "refuses user and password"),
        ({"chain": "main"}, InputError, "is a node of chain regtest; the store is about main"),
        ({"chain": "test"}, InputError, "is a node of chain regtest; the store is about test"),
    ],
)
def test_a_wrong_password_and_a_wrong_chain_are_one_line_each(
    settings: dict[str, object], kind: type[HashdeskError], said: str, bcoin: Bcoin
) -> None:
    with pytest.raises(kind, match=said) as caught:
        Desk(bcoin.url, **settings).sync()
    assert "\n" not in str(caught.value) and "wrong" not in str(caught.value)


def test_the_requests_of_a_sync_grow_with_what_is_new(bcoin: Bcoin) -> None:
    bcoin.mine(1_000)
    desk = Desk(bcoin.url)
    desk.sync()
    asked = {}
    for n in (1, 10, 100):
        bcoin.mine(n)
        assert desk.sync() == n
        asked[n] = desk.requests
    assert asked[1] <= 8
    assert asked[10] <= asked[1] + 3
    assert asked[100] <= asked[1] + 10
