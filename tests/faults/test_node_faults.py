"""The node source against a node that misbehaves, dies half-way, changes its mind or is another node."""

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from hashdesk.catalog.live_tables import store_spec
from hashdesk.chain.rules import CHAINS, active_chain, chain_rules
from hashdesk.config import Settings
from hashdesk.errors import DataError, HashdeskError, InputError, PayloadError, SourceError
from hashdesk.sources.base import Batch, MemoryArchive, SyncContext
from hashdesk.sources.http import HttpClient, RetryPolicy
from hashdesk.sources.node import sync
from hashdesk.sources.node_blocks import rows_from_archive
from tests.faults.fake_node import FakeNode
from tests.faults.hostile_server import PASSING, HostileServer, closed_url
from tests.faults.memory_store import MemoryStore

pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    noted: list[float] = []
    monkeypatch.setattr(time, "sleep", noted.append)
    return noted


@pytest.fixture
def node() -> FakeNode:
    fake = FakeNode()
    fake.mine(30)
    return fake


@pytest.fixture
def server(node: FakeNode) -> Iterator[HostileServer]:
    with HostileServer(node) as running:
        yield running


class Desk:
    """A store in memory and the settings to reach a node."""

    def __init__(self, url: str, **settings: object) -> None:
        self.store = MemoryStore()
        self.archive = MemoryArchive()
        self.progress: list[str] = []
        given = {"node_url": url, "chain": "regtest", "http_timeout_seconds": 0.3, "http_attempts": 3, **settings}
        self.settings = Settings(**given)  # type: ignore[arg-type]

    def step(self, name: str, done: int, total: int) -> None:
        self.progress.append(name)

    def batches(self) -> Iterator[Batch]:
        http = HttpClient(self.settings, self.archive, policy=RetryPolicy(0.0, 0.0, 0.0))
        with http:
            yield from sync(SyncContext(http, self.settings, self.store, NOW, self))

    def sync(self) -> list[Batch]:
        return self.store.commit_all(self.batches())

    def hashes(self) -> list[str]:
        return active_chain(self.store.read("blocks"))["hash"].to_list()


def all_hashes(node: FakeNode) -> list[str]:
    return [node.hash(height) for height in range(len(node.raw))]


def test_every_block_comes_with_its_fees_and_a_second_sync_asks_once(node: FakeNode, server: HostileServer) -> None:
    desk = Desk(server.url)
    desk.sync()
    blocks = desk.store.read("blocks").sort("height")
    assert blocks["hash"].to_list() == all_hashes(node)
    assert blocks["fees_sat"].to_list() == node.fees
    assert blocks["mediantime"].dt.epoch("s")[20] == blocks["time"].dt.epoch("s")[15]
    asked = len(server.questions)
    assert desk.sync() == []
    assert len(server.questions) == asked + 1


def test_without_getblockstats_whole_blocks_give_the_same_fees(node: FakeNode, server: HostileServer) -> None:
    with_stats = Desk(server.url)
    with_stats.sync()
    node.has_stats = False
    without = Desk(server.url)
    without.sync()
    columns = ["height", "hash", "fees_sat", "tx_count", "mediantime"]
    assert without.store.read("blocks").select(columns).equals(with_stats.store.read("blocks").select(columns))
    assert without.store.read("blocks")["weight"].null_count() == 0


def test_the_table_is_built_again_from_kept_answers_alone(server: HostileServer) -> None:
    desk = Desk(server.url)
    desk.sync()
    again = rows_from_archive(desk.archive.iterate("bitcoin-node"), chain_rules("regtest"))
    assert again.equals(desk.store.read("blocks").sort("height"))


@pytest.mark.parametrize("recipe", PASSING)
def test_a_failure_that_passes_loses_nothing(recipe: str, node: FakeNode, server: HostileServer) -> None:
    desk = Desk(server.url)
    server.misbehave(recipe, times=2)
    desk.sync()
    assert desk.hashes() == all_hashes(node)


def on_method(method: str, change: Callable[[list[dict[str, object]]], object]) -> Callable[[bytes], bytes]:
    """A change of the answers to one method; the others stay."""

    def changed(body: bytes) -> bytes:
        answers = json.loads(body)
        return json.dumps(change(answers) if str(answers[0]["id"]).startswith(method) else answers).encode()

    return changed


def each_result(change: Callable[[dict[str, object]], dict[str, object]]) -> Callable[[bytes], bytes]:
    return on_method(
        "getblockstats",
        lambda answers: [{**a, "result": change(a["result"])} for a in answers],  # type: ignore[arg-type]
    )


LASTING: dict[str, tuple[type[HashdeskError], str]] = {
    "reset": (SourceError, "broke off"),
    "cut_short": (SourceError, "broke off"),
    "hang_up": (SourceError, "broke off"),
    "slow": (SourceError, "in time"),
    "silent": (SourceError, "in time"),
    "429": (SourceError, "ask too often"),
    "429_seconds": (SourceError, "ask too often"),
    "500": (SourceError, "status 500"),
    "503": (SourceError, "its queue of calls is full"),
    "401": (SourceError, "refuses a call without a log-in.*HASHDESK_NODE_COOKIE_FILE"),
    "403": (SourceError, "rpcallowip and rpcwhitelist"),
    "404": (SourceError, "is a web server but no Bitcoin node"),
    "501": (SourceError, "is a web server but no Bitcoin node"),
    "html": (PayloadError, "HTML page.*HASHDESK_NODE_URL"),
    "truncated_json": (PayloadError, "breaks off"),
    "empty": (PayloadError, "an empty answer"),
}

CHANGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "changed_field": (
        each_result(lambda stats: {("fees" if k == "totalfee" else k): v for k, v in stats.items()}),
        "expected a whole number as totalfee, got 'None'",
    ),
    "wrong_unit": (
        each_result(lambda stats: {**stats, "totalfee": 0.00001, "subsidy": 50.0}),
        "expected a whole number as subsidy, got '50.0'",
    ),
    "duplicate_rows": (on_method("getblockhash", lambda answers: [*answers, answers[0]]), "expected one answer"),
}


@pytest.mark.parametrize("recipe", [*LASTING, *CHANGES])
def test_a_failure_in_the_middle_ends_in_its_class_and_leaves_whole_batches(
    recipe: str, node: FakeNode, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashdesk.sources.chain_tables.BLOCKS_PER_BATCH", 10)
    desk = Desk(server.url)
    batches = desk.batches()
    desk.store.commit(next(batches))
    change, said = CHANGES.get(recipe, (None, ""))
    kind, said = LASTING.get(recipe, (PayloadError, said))
    server.misbehave(recipe, change=change)
    with pytest.raises(kind, match=rf"(?s)^node: .*{said}") as caught:
        for batch in batches:
            desk.store.commit(batch)
    assert "\n" not in str(caught.value)
    assert desk.hashes() == all_hashes(node)[:10]
    server.behave()
    desk.sync()
    assert desk.hashes() == all_hashes(node)


def test_answers_in_any_order_are_put_in_order(node: FakeNode, server: HostileServer) -> None:
    desk = Desk(server.url)
    server.misbehave("out_of_order_rows", change=lambda body: json.dumps(json.loads(body)[::-1]).encode())
    desk.sync()
    assert desk.hashes() == all_hashes(node)


def test_fees_in_another_unit_are_caught_by_the_subsidy(server: HostileServer) -> None:
    server.misbehave("wrong_unit", change=each_result(lambda stats: {**stats, "subsidy": 50, "totalfee": 1}))
    with pytest.raises(PayloadError, match=r"getblockstats 0: expected a subsidy of 5000000000 satoshi, got '50'"):
        Desk(server.url).sync()


@pytest.mark.parametrize(("gone", "new"), [(1, 1), (3, 5), (5, 3), (25, 26), (30, 12)])
def test_a_reorganisation_supersedes_and_deletes_nothing(
    gone: int, new: int, node: FakeNode, server: HostileServer
) -> None:
    desk = Desk(server.url)
    desk.sync()
    before = all_hashes(node)
    node.drop(gone)
    node.mine(new, mark=7)
    done = desk.sync()
    assert desk.hashes() == all_hashes(node)
    assert set(before) <= set(desk.store.tables["blocks"]["hash"])
    assert done[0].caveats == (f"A reorganisation replaced {gone} stored blocks from height {31 - gone} on.",)
    assert desk.sync() == []
    node.mine(10, mark=7)
    desk.sync()
    assert desk.hashes() == all_hashes(node)


def test_a_node_that_lags_behind_takes_nothing_back(node: FakeNode, server: HostileServer) -> None:
    desk = Desk(server.url)
    desk.sync()
    node.drop(4)
    assert desk.sync() == []
    assert len(desk.hashes()) == 31


def test_a_reorganisation_in_the_middle_of_a_sync_is_followed(
    node: FakeNode, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashdesk.sources.chain_tables.BLOCKS_PER_BATCH", 10)
    desk = Desk(server.url)
    batches = desk.batches()
    desk.store.commit(next(batches))
    desk.store.commit(next(batches))
    node.drop(15)
    node.mine(20, mark=9)
    desk.store.commit_all(batches)
    assert desk.hashes() == all_hashes(node)


def test_a_node_whose_blocks_never_link_is_given_up(node: FakeNode, server: HostileServer) -> None:
    node.raw[20], node.raw[21] = node.raw[21], node.raw[20]
    with pytest.raises(DataError, match="do not follow each other"):
        Desk(server.url).sync()


def test_a_header_that_is_not_the_one_asked_for_is_refused(server: HostileServer) -> None:
    def swapped(answers: list[dict[str, object]]) -> object:
        if len(answers) < 2:
            return answers
        first, second, *rest = answers
        return [{**first, "result": second["result"]}, {**second, "result": first["result"]}, *rest]

    server.misbehave("changed_field", change=on_method("getblockheader", swapped))
    desk = Desk(server.url)
    with pytest.raises(PayloadError, match="height 0: expected the header of 0f9188f13cb7"):
        desk.sync()
    assert desk.store.tables == {}


def test_a_pruned_node_is_not_asked_for_what_it_no_longer_has(node: FakeNode, server: HostileServer) -> None:
    node.prune_height = 12
    Desk(server.url).sync()
    asked = [call for question in server.questions for call in json.loads(question.body)]
    contents = {int(call["id"].split()[1]) for call in asked if call["method"] in ("getblockstats", "getblock")}
    assert contents == set(range(12, 31))


def test_pruned_blocks_have_headers_but_no_fees_and_say_so(node: FakeNode, server: HostileServer) -> None:
    node.prune_height = 12
    desk = Desk(server.url)
    done = desk.sync()
    blocks = desk.store.read("blocks").sort("height")
    assert blocks["fees_sat"].is_null().to_list() == [height < 12 for height in range(31)]
    assert blocks["hash"].to_list() == all_hashes(node)
    assert done[0].caveats == ("Fees of 12 blocks from height 0 on are not known: no data at the node.",)


def test_a_node_that_starts_up_is_waited_for(node: FakeNode, server: HostileServer, waits: list[float]) -> None:
    node.warm_up = 3
    desk = Desk(server.url)
    desk.sync()
    assert desk.hashes() == all_hashes(node)
    assert desk.progress[0] == "node starting up: Loading block index"
    assert waits.count(5.0) == 3


def test_a_node_that_never_comes_up_is_one_line(node: FakeNode, server: HostileServer) -> None:
    node.warm_up = 10**6
    with pytest.raises(SourceError, match=r"is still starting up after 600 s \(Loading block index\)"):
        Desk(server.url).sync()


def test_nothing_at_the_address_is_one_line() -> None:
    with pytest.raises(
        SourceError, match=r"^node: nothing listens at http://127\.0\.0\.1:\d+\. Check that the node runs"
    ):
        Desk(closed_url()).sync()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "refuses a call without a log-in"),
        ({"node_user": "u", "node_password": "wrong"}, r"refuses user and password\. Check HASHDESK_NODE_USER"),
    ],
)
def test_a_wrong_log_in_is_one_line_without_the_password(
    settings: dict[str, object], said: str, node: FakeNode, server: HostileServer
) -> None:
    node.password = "u:right"
    with pytest.raises(SourceError, match=said) as caught:
        Desk(server.url, **settings).sync()
    assert "wrong" not in str(caught.value) + str(caught.value.facts)


def test_a_cookie_is_read_again_when_the_node_has_restarted(
    node: FakeNode, server: HostileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashdesk.sources.chain_tables.BLOCKS_PER_BATCH", 10)
    cookie = tmp_path / ".cookie"
    cookie.write_text("__cookie__:one")
    node.password = "__cookie__:one"
    desk = Desk(server.url, node_cookie_file=cookie)
    batches = desk.batches()
    desk.store.commit(next(batches))
    node.password = "__cookie__:two"
    cookie.write_text("__cookie__:two")
    desk.store.commit_all(batches)
    assert desk.hashes() == all_hashes(node)
    node.password = "__cookie__:three"
    with pytest.raises(SourceError, match=r"refuses the cookie in .*\.cookie"):
        desk.sync()


@pytest.mark.parametrize(
    ("content", "said"), [(None, "does not exist"), (b"", "holds no user:password"), (b"\xff\xfe", "not plain text")]
)
def test_a_cookie_file_that_cannot_be_used_is_one_line(
    content: bytes | None, said: str, server: HostileServer, tmp_path: Path
) -> None:
    cookie = tmp_path / ".cookie"
    if content is not None:
        cookie.write_bytes(content)
    with pytest.raises(
        InputError, match=rf"^node: cookie file .*\.cookie .*{said}.* (permissions|HASHDESK_NODE_COOKIE_FILE)"
    ):
        Desk(server.url, node_cookie_file=cookie).sync()


def test_a_node_of_another_chain_is_refused(server: HostileServer) -> None:
    with pytest.raises(
        InputError, match=r"is a node of chain regtest; the store is about main\. Set HASHDESK_NODE_URL"
    ):
        Desk(server.url, chain="main").sync()


def test_a_node_that_lies_about_its_chain_is_found_by_its_first_block(node: FakeNode, server: HostileServer) -> None:
    node.chain = "main"
    with pytest.raises(InputError, match="begins with block 0f9188f13cb7"):
        Desk(server.url, chain="main").sync()


@pytest.mark.parametrize("held", ["blocks", "network_daily"])
def test_a_store_of_the_main_chain_takes_no_other(held: str, server: HostileServer) -> None:
    desk = Desk(server.url)
    if held == "blocks":
        row = {"height": [5], "hash": ["a" * 64], "prev_hash": ["b" * 64], "chain": ["main"]}
        desk.store.tables["blocks"] = pl.DataFrame(row)
    else:
        desk.store.tables[held] = pl.DataFrame({"date": [dt.date(2026, 1, 1)]})
    with pytest.raises(InputError, match="the store holds the chain main, the settings say regtest"):
        desk.sync()


@pytest.mark.parametrize("url", ["127.0.0.1:8332", "http//x", "bitcoin://127.0.0.1"])
def test_a_bad_address_is_one_line(url: str) -> None:
    with pytest.raises(InputError, match=r"^node: .* is no web address; expected http://host:port"):
        Desk(url).sync()


@pytest.fixture
def main_chain(monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    """A chain called main with regtest's easy target: days and epochs are made of the main chain alone."""
    monkeypatch.setitem(CHAINS, "main", replace(chain_rules("regtest"), name="main"))
    fake = FakeNode(chain="main")
    fake.mine(2_100)
    return fake


def test_whole_days_and_epochs_follow_the_blocks(main_chain: FakeNode) -> None:
    with HostileServer(main_chain) as server:
        desk = Desk(server.url, chain="main")
        done = desk.sync()
        blocks, days, epochs = (desk.store.read(name) for name in ("blocks", "network_daily", "epochs"))
        assert [batch.table for batch in done] == ["blocks"] * 5 + ["epochs", "network_daily"]
        assert epochs.sort("epoch")["start_height"].to_list() == [0, 2016]
        per_day = dict(blocks.group_by(pl.col("time").dt.date()).len().rows())
        assert days.height >= 13
        assert dict(days.select("date", "blocks").rows()).items() <= per_day.items()
        assert days["date"].max() == max(per_day) - dt.timedelta(days=1), "the day that the tip lies in is not over"
        assert (days["known_at"] - days["date"]).unique().to_list() == [dt.timedelta(days=1)]
        assert set(days.columns) == set(store_spec("network_daily").column_names)
        assert set(epochs.columns) == set(store_spec("epochs").column_names)
        first_day = blocks.filter(pl.col("time").dt.date() == days["date"][5])
        assert days["fees_btc"][5] == pytest.approx(first_day["fees_sat"].sum() / 1e8, rel=1e-12)


def test_a_run_that_died_before_the_days_makes_up_for_them(main_chain: FakeNode) -> None:
    with HostileServer(main_chain) as server:
        desk = Desk(server.url, chain="main")
        for batch in desk.batches():
            if batch.table != "blocks":
                break
            desk.store.commit(batch)
        assert "network_daily" not in desk.store.tables
        desk.sync()
        assert desk.store.read("network_daily").height >= 13
        assert desk.store.read("epochs").height == 2


def test_a_reorganisation_restates_the_days_it_touched(main_chain: FakeNode) -> None:
    with HostileServer(main_chain) as server:
        desk = Desk(server.url, chain="main")
        desk.sync()
        before = desk.store.read("network_daily").sort("date")
        main_chain.drop(200)
        main_chain.mine(200, mark=3, spacing=660)
        desk.sync()
        after = desk.store.read("network_daily").sort("date")
        assert after["blocks"].to_list()[:11] == before["blocks"].to_list()[:11]
        assert after["blocks"][-1] < before["blocks"][-1]


def test_a_store_with_days_but_no_blocks_starts_where_the_days_end(main_chain: FakeNode) -> None:
    with HostileServer(main_chain) as server:
        desk = Desk(server.url, chain="main")
        desk.store.tables["network_daily"] = pl.DataFrame(
            {"date": [dt.date(2011, 2, 10)], "height_last": [1_000], "difficulty_eod": [None]}
        )
        next(desk.batches())
        desk.store.commit(next(desk.batches()))
        assert desk.store.read("blocks")["height"].min() == 600
        assert desk.store.read("blocks")["mediantime"].null_count() == 0
