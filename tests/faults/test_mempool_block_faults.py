"""Blocks of a mempool.space host: nothing that its headers do not prove, nothing half written, whatever it does."""

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from hashdesk.chain.rules import CHAINS, active_chain, chain_rules
from hashdesk.config import Settings
from hashdesk.errors import DataError, HashdeskError, InputError, NotFound, PayloadError, SourceError
from hashdesk.sources import node
from hashdesk.sources.base import Batch, MemoryArchive, SyncContext
from hashdesk.sources.http import Clock, HttpClient, RetryPolicy
from hashdesk.sources.mempool_blocks import parse_page, sync
from tests.faults.fake_mempool import FakeMempool
from tests.faults.fake_node import FakeNode
from tests.faults.hostile_server import PASSING, HostileServer, closed_url, transport_recipes
from tests.faults.memory_store import MemoryStore

pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class NoWaiting(Clock):
    def sleep(self, seconds: float) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.fixture
def chain() -> FakeNode:
    fake = FakeNode()
    fake.mine(40)
    return fake


@pytest.fixture
def host(chain: FakeNode) -> FakeMempool:
    return FakeMempool(chain)


@pytest.fixture
def server(host: FakeMempool) -> Iterator[HostileServer]:
    with HostileServer(host) as running:
        yield running


class Desk:
    """A store in memory and the settings to reach a host."""

    def __init__(self, url: str, **settings: object) -> None:
        self.store = MemoryStore()
        self.archive = MemoryArchive()
        given = {"mempool_url": url, "chain": "regtest", "http_timeout_seconds": 0.3, "http_attempts": 3, **settings}
        self.settings = Settings(**given)  # type: ignore[arg-type]

    def batches(self) -> Iterator[Batch]:
        with HttpClient(self.settings, self.archive, policy=RetryPolicy(0.0, 0.0, 0.0), clock=NoWaiting()) as http:
            yield from sync(SyncContext(http, self.settings, self.store, NOW))

    def sync(self) -> list[Batch]:
        return self.store.commit_all(self.batches())

    def blocks(self) -> pl.DataFrame:
        return active_chain(self.store.read("blocks"))


def all_hashes(chain: FakeNode) -> list[str]:
    return [chain.hash(height) for height in range(len(chain.raw))]


@pytest.mark.parametrize("page", [15, 10, 1])
def test_every_block_comes_and_a_second_sync_asks_once(
    page: int, chain: FakeNode, host: FakeMempool, server: HostileServer
) -> None:
    host.page = page
    desk = Desk(server.url)
    desk.sync()
    assert desk.blocks()["hash"].to_list() == all_hashes(chain)
    assert desk.blocks()["fees_sat"].to_list()[1:] == chain.fees[1:]
    asked = len(server.questions)
    assert desk.sync() == []
    assert len(server.questions) == asked + 1
    chain.mine(3)
    assert [batch.frame.height for batch in desk.sync()] == [3]
    assert desk.blocks()["hash"].to_list() == all_hashes(chain)


def test_the_rows_are_those_that_a_node_gives(chain: FakeNode, server: HostileServer) -> None:
    desk = Desk(server.url)
    desk.sync()
    with HostileServer(chain) as other:
        own = Desk(server.url, node_url=other.url)
        with HttpClient(own.settings, policy=RetryPolicy(0.0, 0.0, 0.0)) as http:
            own.store.commit_all(node.sync(SyncContext(http, own.settings, own.store, NOW)))
    same = [name for name in desk.blocks().columns if name not in ("source", "weight", "tx_count", "fees_sat")]
    assert desk.blocks().select(same).equals(own.blocks().select(same))


def test_zero_fees_of_a_block_with_payments_are_unknown(
    chain: FakeNode, host: FakeMempool, server: HostileServer
) -> None:
    chain.fees[7] = 0
    desk = Desk(server.url)
    done = desk.sync()
    assert desk.blocks().filter(pl.col("fees_sat").is_null())["height"].to_list() == [0, 7]
    assert done[0].caveats == ("Fees of 2 blocks from height 0 on are not known: no data at the host.",)


def test_a_host_that_indexes_nothing_gives_blocks_without_fees(
    chain: FakeNode, host: FakeMempool, server: HostileServer
) -> None:
    host.is_indexed = False
    desk = Desk(server.url)
    assert "Fees of 41 blocks" in desk.sync()[0].caveats[0]
    assert desk.blocks()["fees_sat"].null_count() == 41
    assert desk.blocks()["tx_count"].null_count() == 0


@pytest.mark.parametrize(("gone", "new"), [(1, 1), (3, 5), (5, 3), (20, 21), (30, 12)])
def test_a_reorganisation_supersedes_and_deletes_nothing(
    gone: int, new: int, chain: FakeNode, server: HostileServer
) -> None:
    desk = Desk(server.url)
    desk.sync()
    before = all_hashes(chain)
    chain.drop(gone)
    chain.mine(new, mark=7)
    done = desk.sync()
    assert desk.blocks()["hash"].to_list() == all_hashes(chain)
    assert set(before) <= set(desk.store.tables["blocks"]["hash"])
    assert f"A reorganisation replaced {gone} stored blocks from height {41 - gone} on." in done[0].caveats


def test_a_reorganisation_in_the_middle_of_a_run_is_followed(
    chain: FakeNode, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashdesk.sources.chain_tables.BLOCKS_PER_BATCH", 10)
    desk = Desk(server.url)
    batches = desk.batches()
    desk.store.commit(next(batches))
    chain.drop(25)
    chain.mine(30, mark=9)
    desk.store.commit_all(batches)
    assert desk.blocks()["hash"].to_list() == all_hashes(chain)


# A host that lies


def each(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    """Change every block of a page."""

    def changed(body: bytes) -> bytes:
        blocks = json.loads(body)
        for block in blocks:
            change(block)
        return json.dumps(blocks).encode()

    return changed


def in_bitcoin(block: dict[str, Any]) -> None:
    block["extras"] = {name: value / 1e8 for name, value in block["extras"].items()}


def in_tenths(block: dict[str, Any]) -> None:
    block["extras"] |= {"totalFees": block["extras"]["totalFees"] * 10, "reward": block["extras"]["reward"] // 10}


LIES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "changed_field": (each(lambda b: b.update(time=b.pop("timestamp"))), "expected field 'timestamp'"),
    "wrong_unit": (each(in_bitcoin), "expected field 'totalFees'"),
    "wrong_unit_2": (each(in_tenths), "subsidy and fees"),
    "easier target": (each(lambda b: b.update(bits=b["bits"] + 1)), "expected fields that hash to the id"),
    "another nonce": (each(lambda b: b.update(nonce=b["nonce"] + 1)), "expected fields that hash to the id"),
    "another hash": (each(lambda b: b.update(id="0" * 64)), "expected fields that hash to the id"),
    "no digits": (each(lambda b: b.update(merkle_root="zz")), "hexadecimal digits"),
    "one height twice": (
        lambda body: json.dumps([*(p := json.loads(body)), {**p[0], "tx_count": 9}]).encode(),
        "expected one block of height",
    ),
    "not a list": (lambda body: b'{"blocks": []}', "expected list"),
    "no blocks": (lambda body: b"[]", "expected the newest blocks"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_page_that_is_not_what_it_says_is_refused(name: str, server: HostileServer) -> None:
    change, said = LIES[name]
    server.misbehave("changed_field", change=change)
    desk = Desk(server.url)
    with pytest.raises(PayloadError, match=said) as caught:
        desk.sync()
    assert "\n" not in str(caught.value)
    assert desk.store.tables == {}


def test_work_that_was_not_done_is_refused(chain: FakeNode, server: HostileServer) -> None:
    """A header that hashes to its id, links, and misses its own target."""
    raw, nonce = chain.raw[-1], 0
    while FakeNode(raw=[raw], fees=[0]).hash(0) < "8":
        nonce += 1
        raw = raw[:76] + nonce.to_bytes(4, "little") + raw[80:]
    chain.raw[-1] = raw
    desk = Desk(server.url)
    with pytest.raises(DataError, match="its hash does not meet the target"):
        desk.sync()


def test_blocks_that_never_link_are_given_up(chain: FakeNode, server: HostileServer) -> None:
    chain.raw[20], chain.raw[21] = chain.raw[21], chain.raw[20]
    desk = Desk(server.url)
    with pytest.raises(DataError, match="do not follow each other"):
        desk.sync()
    assert desk.store.tables == {}


@pytest.mark.parametrize("how", ["repeated", "reversed"])
def test_rows_that_repeat_or_come_in_another_order_change_nothing(
    how: str, chain: FakeNode, server: HostileServer
) -> None:
    change = {
        "repeated": lambda body: json.dumps([*json.loads(body), json.loads(body)[0]]).encode(),
        "reversed": lambda body: json.dumps(json.loads(body)[::-1]).encode(),
    }[how]
    server.misbehave("duplicate_rows", change=change)
    desk = Desk(server.url)
    desk.sync()
    assert desk.blocks()["hash"].to_list() == all_hashes(chain)


CLASSES: dict[str, type[HashdeskError]] = dict.fromkeys(transport_recipes(), SourceError) | {
    "404": NotFound,
    "html": PayloadError,
    "truncated_json": PayloadError,
    "empty": PayloadError,
}


@pytest.mark.parametrize("recipe", CLASSES)
def test_a_failure_in_the_middle_ends_in_its_class_and_leaves_whole_batches(
    recipe: str, chain: FakeNode, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashdesk.sources.chain_tables.BLOCKS_PER_BATCH", 10)
    desk = Desk(server.url)
    batches = desk.batches()
    desk.store.commit(next(batches))
    server.misbehave(recipe)
    with pytest.raises(CLASSES[recipe]) as caught:
        for batch in batches:
            desk.store.commit(batch)
    assert "\n" not in str(caught.value)
    assert desk.blocks()["hash"].to_list() == all_hashes(chain)[:10]
    server.behave()
    desk.sync()
    assert desk.blocks()["hash"].to_list() == all_hashes(chain)


@pytest.mark.parametrize("recipe", PASSING)
def test_a_failure_that_passes_loses_nothing(recipe: str, chain: FakeNode, server: HostileServer) -> None:
    desk = Desk(server.url)
    server.misbehave(recipe, times=2)
    desk.sync()
    assert desk.blocks()["hash"].to_list() == all_hashes(chain)


def test_nobody_there_is_one_line() -> None:
    with pytest.raises(SourceError, match="accepts no connection"):
        Desk(closed_url()).sync()


# Beside a node, and on a store of another chain


def with_node(desk: Desk, chain: FakeNode) -> list[Batch]:
    with HostileServer(chain) as other:
        settings = desk.settings.model_copy(update={"node_url": other.url})
        with HttpClient(settings, policy=RetryPolicy(0.0, 0.0, 0.0)) as http:
            return desk.store.commit_all(node.sync(SyncContext(http, settings, desk.store, NOW)))


def test_a_store_whose_node_is_as_far_is_left_alone(chain: FakeNode, server: HostileServer) -> None:
    desk = Desk(server.url)
    with_node(desk, chain)
    chain.drop(3)
    chain.mine(2, mark=5)
    assert desk.sync() == []
    assert set(desk.store.tables["blocks"]["source"]) == {"bitcoin-node"}


def test_a_node_gives_again_what_the_host_had_given(chain: FakeNode, server: HostileServer) -> None:
    desk = Desk(server.url)
    desk.sync()
    done = with_node(desk, chain)
    assert [batch.frame.height for batch in done] == [41]
    assert done[0].caveats == ()
    assert set(desk.blocks()["source"]) == {"bitcoin-node"}
    assert with_node(desk, chain) == []


def test_another_chain_is_refused(chain: FakeNode, server: HostileServer) -> None:
    desk = Desk(server.url)
    desk.sync()
    desk.settings = desk.settings.model_copy(update={"chain": "main"})
    with pytest.raises(InputError, match="the store holds the chain regtest, the settings say main"):
        desk.sync()


@pytest.fixture
def main_chain(monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    """A chain called main with regtest's easy target: days and epochs are made of the main chain alone."""
    monkeypatch.setitem(CHAINS, "main", replace(chain_rules("regtest"), name="main"))
    fake = FakeNode(chain="main")
    fake.mine(2_400)
    return fake


def known_days(height_last: int, difficulty: float) -> pl.DataFrame:
    row = {"date": [dt.date(2011, 2, 9)], "height_last": [height_last], "difficulty_eod": [difficulty]}
    return pl.DataFrame({**row, "source": ["block-data"]})


def test_days_and_epochs_follow_after_the_days_that_are_known(main_chain: FakeNode) -> None:
    with HostileServer(FakeMempool(main_chain)) as server:
        desk = Desk(server.url, chain="main")
        assert desk.sync() == [], "nothing is known of the chain: fifteen blocks a question are too few"
        difficulty = 0xFFFF / 0x7FFFFF * 2**-24
        desk.store.tables["network_daily"] = known_days(2_000, difficulty)
        done = desk.sync()
        assert [batch.table for batch in done] == ["blocks", "blocks", "epochs", "network_daily"]
        assert desk.blocks()["height"][0] == 1_600
        days = done[-1].frame
        assert set(days["source"]) == {"mempool"}
        per_day = dict(desk.blocks().group_by(pl.col("time").dt.date()).len().rows())
        assert dict(days.select("date", "blocks").rows()).items() <= per_day.items()
        assert done[2].frame["start_height"].to_list() == [2_016]
        before = {name: desk.store.read(name) for name in ("blocks", "epochs", "network_daily")}
        desk.sync()
        assert all(desk.store.read(name).sort(pl.all()).equals(frame.sort(pl.all())) for name, frame in before.items())


def test_a_chain_of_another_difficulty_than_the_known_days_is_refused(main_chain: FakeNode) -> None:
    with HostileServer(FakeMempool(main_chain)) as server:
        desk = Desk(server.url, chain="main")
        desk.store.tables["network_daily"] = known_days(2_000, 1.0)
        with pytest.raises(DataError, match=r"block 2001 has difficulty .* the stored days say 1: .* another chain"):
            desk.sync()
        assert set(desk.store.tables) == {"network_daily"}


# Real blocks


def test_headers_of_real_blocks_are_put_together_again() -> None:
    """The first two blocks of the main chain, as the interface documents them."""
    common = {"version": 1, "bits": 0x1D00FFFF, "tx_count": 1, "weight": 860, "size": 215}
    extras = {"totalFees": 0, "reward": 50 * 10**8}
    first = {
        **common,
        "id": "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
        "height": 0,
        "timestamp": 1_231_006_505,
        "nonce": 2_083_236_893,
        "merkle_root": "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b",
        "previousblockhash": None,
        "extras": extras,
    }
    second = {
        **common,
        "id": "00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048",
        "height": 1,
        "timestamp": 1_231_469_665,
        "nonce": 2_573_394_689,
        "merkle_root": "0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098",
        "previousblockhash": first["id"],
        "extras": extras,
    }
    page = parse_page(json.dumps([second, first]).encode(), chain_rules("main"))
    assert page[1][0].prev_hash == page[0][0].hash == first["id"]
    assert page[0][1].fees_sat == 0
