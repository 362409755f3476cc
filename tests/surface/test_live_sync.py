"""Syncs of whole sources into a live store: a real node, every feed from one local server, and what a note says."""

import datetime as dt
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hashdesk import Desk
from hashdesk.calendar import month_period
from hashdesk.chain.rules import active_chain
from hashdesk.cli import run
from hashdesk.config import load_settings
from hashdesk.desk import syncing
from hashdesk.desk.trouble import store_caveats
from hashdesk.errors import SourceError
from hashdesk.sources import registry
from hashdesk.sources.base import Batch, SourceEntry, SyncContext
from hashdesk.store.delta import DeltaStore
from tests.faults import feed_payloads
from tests.faults.hostile_server import Answer, HostileServer, Question, closed_url
from tests.surface.test_node_regtest import PASSWORD, Bcoin

pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

FEEDS = ("mempool", "coinmetrics", "exchanges", "yahoo")


@pytest.fixture
def bcoin() -> Iterator[Bcoin]:
    node = Bcoin()
    yield node
    node.kill()


def at_node(address: Path, node: Bcoin, **settings: object) -> Desk:
    log_in = {"node_url": node.url, "node_user": "x", "node_password": PASSWORD, "http_attempts": 1}
    return Desk(load_settings(store=str(address), chain="regtest", **{**log_in, **settings}))


def branch(address: Path) -> list[str]:
    return active_chain(DeltaStore(str(address)).read("blocks"))["hash"].to_list()


# A real node and a real store


def test_a_node_fills_the_store_and_the_store_follows_its_branch(bcoin: Bcoin, tmp_path: Path) -> None:
    at = tmp_path / "store"
    DeltaStore.create(str(at))
    bcoin.mine(60)
    desk = at_node(at, bcoin)
    assert [outcome.result.n_new for outcome in desk.sync(["node"])] == [61]
    assert branch(at) == bcoin.hashes()
    assert desk.sync(["node"])[0].batches == 0

    bcoin.mine(3)
    assert desk.sync(["node"])[0].result.n_new == 3
    before = bcoin.hashes()

    bcoin.call("abandon", 60)
    bcoin.mine(6)
    outcome = desk.sync(["node"])[0]
    assert outcome.caveats == ("A reorganisation replaced 4 stored blocks from height 60 on.",)
    assert (outcome.result.n_new, outcome.result.n_restated) == (2, 4)
    assert branch(at) == bcoin.hashes()

    bcoin.call("abandon", 50)
    bcoin.mine(2)
    assert desk.sync(["node"])[0].caveats == ("A reorganisation replaced 16 stored blocks from height 50 on.",)
    assert branch(at) == bcoin.hashes()
    assert len(bcoin.hashes()) < len(before)
    assert set(before) <= set(DeltaStore(str(at)).rows("blocks")["hash"]), "what was abandoned stays as a vintage"

    runs = DeltaStore(str(at)).read("sync_runs").sort("started_at")
    assert runs["outcome"].to_list() == ["ok"] * 5
    assert runs["new_rows"].sum() + runs["restated_rows"].sum() == DeltaStore(str(at)).n_rows("blocks")
    assert "replaced 16 stored blocks" in str(runs["caveats"][-1])


def test_a_node_killed_half_way_leaves_whole_batches_and_is_in_the_log(
    bcoin: Bcoin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashdesk.sources.chain_tables.BLOCKS_PER_BATCH", 20)
    at = tmp_path / "store"
    DeltaStore.create(str(at))
    bcoin.mine(70)
    hashes, stored = bcoin.hashes(), DeltaStore.append

    def append(self: DeltaStore, table: str, *rest: Any, **more: Any) -> Any:
        result = stored(self, table, *rest, **more)
        if table == "blocks" and self.n_rows("blocks") == 40:
            bcoin.process.kill()
            bcoin.process.wait()
        return result

    monkeypatch.setattr(DeltaStore, "append", append)
    outcome = at_node(at, bcoin).sync(["node"])[0]
    assert isinstance(outcome.error, SourceError)
    assert branch(at) == hashes[:40]
    last = DeltaStore(str(at)).read("sync_runs").row(0, named=True)
    assert (last["outcome"], last["batches"], last["new_rows"]) == ("failed", 2, 40)
    assert "nothing listens" in last["error"]


# Every feed from one server


def everything(question: Question) -> Answer:
    if question.path.startswith("/api/v1/mining"):
        return feed_payloads.mempool(question)
    if question.path.startswith("/api/v1/blocks"):
        return 404, b"no blocks here"
    if question.path.startswith("/v4/"):
        return feed_payloads.coinmetrics(question)
    if question.path.startswith(("/products/", "/api/v2/ohlc", "/api/v3/")):
        return feed_payloads.exchanges(question)
    return feed_payloads.yahoo(question)


@pytest.fixture
def facts() -> dict[str, pl.DataFrame]:
    """What was known before, as the tests of the feeds have it."""
    return {name: frame for name, frame in feed_payloads.store().tables.items() if frame.height}


@pytest.fixture
def feeds(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileServer]:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(syncing, "_now", lambda: feed_payloads.NOW)
    monkeypatch.setattr(syncing, "CLOCK_SLACK", dt.timedelta(days=10_000))
    with HostileServer(everything) as server:
        yield server


def made(at: Path, facts: dict[str, pl.DataFrame]) -> Path:
    store = DeltaStore.create(str(at))
    for name, frame in facts.items():
        store.append(name, frame, retrieved_at=dt.datetime(2025, 9, 2, tzinfo=dt.UTC))
    return at


def at_feeds(at: Path, server: HostileServer) -> Desk:
    names = ("mempool", "coinmetrics", "coinbase", "bitstamp", "binance", "yahoo")
    return Desk(load_settings(store=str(at), http_attempts=1, **{f"{name}_url": server.url for name in names}))


def test_every_feed_is_taken_once_and_a_second_sync_writes_nothing(
    feeds: HostileServer, facts: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    at = made(tmp_path / "store", facts)
    first = at_feeds(at, feeds).sync(FEEDS)
    assert [outcome.error for outcome in first] == [None] * len(FEEDS)
    assert all(outcome.result.n_new > 0 for outcome in first if outcome.source != "exchanges")
    store = DeltaStore(str(at))
    tables = ("btc_price_daily", "network_readings", "equity_closes", "epochs")
    before = {name: store.n_rows(name) for name in tables}
    second = at_feeds(at, feeds).sync(FEEDS)
    assert [(outcome.error, outcome.result.n_new, outcome.result.n_restated) for outcome in second] == [
        (None, 0, 0)
    ] * len(FEEDS)
    assert {name: DeltaStore(str(at)).n_rows(name) for name in tables} == before
    desk = Desk(load_settings(store=str(at)))
    rows = {row["table"]: row["rows"] for row in desk.status().to_dicts()}
    assert rows["network_readings"] == before["network_readings"]
    assert desk.sql("select count(*) n from btc_price_daily")["n"][0] == rows["btc_price_daily"]
    assert desk.vintages("btc_price_daily", "2025-09").height == before["btc_price_daily"]
    for ending in ("parquet", "csv", "xlsx"):
        assert desk.export("btc_price_daily", tmp_path / f"p.{ending}") == rows["btc_price_daily"]


@pytest.mark.parametrize("names", [["coinmetrics", "exchanges"], ["mempool"]])
def test_tables_are_built_again_from_kept_answers_alone(
    names: list[str], feeds: HostileServer, facts: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    first = made(tmp_path / "first", facts)
    at_feeds(first, feeds).sync(names)
    asked = len(feeds.questions)
    again = made(tmp_path / "again", facts)
    outcomes = at_feeds(again, feeds).replay(str(first), names)
    assert [outcome.error for outcome in outcomes] == [None] * len(names)
    assert len(feeds.questions) == asked
    told, retold = DeltaStore(str(first)), DeltaStore(str(again))
    for name in ("btc_price_daily", "network_readings", "equity_closes", "epochs"):
        assert retold.read(name).equals(told.read(name)), name
        assert retold.rows(name)["_retrieved_at"].equals(told.rows(name)["_retrieved_at"]), name


def test_a_source_with_a_library_of_its_own_is_not_asked_when_answers_are_replayed(
    feeds: HostileServer, facts: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    first = made(tmp_path / "first", facts)
    at_feeds(first, feeds).sync(["yahoo"])
    asked = len(feeds.questions)
    outcome = at_feeds(made(tmp_path / "again", facts), feeds).replay(str(first))[0]
    assert isinstance(outcome.error, SourceError)
    assert "offline" in str(outcome.error)
    assert len(feeds.questions) == asked


def test_a_node_s_blocks_are_built_again_from_kept_answers(bcoin: Bcoin, tmp_path: Path) -> None:
    for name in ("first", "again"):
        DeltaStore.create(str(tmp_path / name))
    bcoin.mine(30)
    at_node(tmp_path / "first", bcoin).sync(["node"])
    desk = at_node(tmp_path / "again", bcoin, node_url=closed_url())
    assert desk.replay(str(tmp_path / "first"))[0].error is None
    assert branch(tmp_path / "again") == bcoin.hashes()


# Rows that cannot be right


def told_of_september(at: Path) -> list[str]:
    """What the store adds to the caveats of a note."""
    return store_caveats(DeltaStore(str(at)), month_period(dt.date(2025, 9, 1)), None)


class Given(SourceEntry):
    """A source that brings what a test says."""

    __slots__ = ("batches",)
    batches: list[Batch]

    def sync(self, context: SyncContext) -> Iterator[Batch]:
        yield from self.batches


def bring(monkeypatch: pytest.MonkeyPatch, at: Path, *batches: Batch) -> Any:
    entry = Given("feed", "none", (), "")
    object.__setattr__(entry, "batches", list(batches))
    monkeypatch.setattr(registry, "SOURCES", {"feed": entry})
    return Desk(load_settings(store=str(at))).sync(["feed"])[0]


@pytest.fixture
def loaded(tmp_path: Path) -> Path:
    Desk(load_settings(store=str(tmp_path / "store"))).init()
    return tmp_path / "store"


def test_a_fund_with_millions_of_coins_is_set_aside_named_and_cleared_when_it_comes_right(
    loaded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = DeltaStore(str(loaded)).read("etf_assets").filter(pl.col("date") == dt.date(2025, 9, 30)).head(1)
    bad = stored.with_columns(metric=pl.lit("btc_held"), value=pl.lit(3.8e6), source=pl.lit("tracker"))
    outcome = bring(monkeypatch, loaded, Batch("etf_assets", bad, caveats=("The tracker rounds.",)))
    assert (outcome.result.n_quarantined, outcome.result.failed_checks) == (1, ("funds.proportion",))
    state = {row["table"]: row for row in Desk(load_settings(store=str(loaded))).status().to_dicts()}
    assert (state["etf_assets"]["quarantined"], state["etf_assets"]["failed_checks"]) == (1, "funds.proportion")
    assert run(("--store", str(loaded), "status")) == 0
    printed = capsys.readouterr().out
    assert "etf_assets: failed checks: funds.proportion" in printed
    assert "feed: The tracker rounds." in printed
    note = Desk(load_settings(store=str(loaded))).note("2025-09")
    told = [line for line in note.caveats if "etf_assets" in line and "set aside" in line]
    assert len(told) == 1

    right = bad.with_columns(value=pl.lit(770_000.0))
    bring(monkeypatch, loaded, Batch("etf_assets", right))
    state = {row["table"]: row for row in Desk(load_settings(store=str(loaded))).status().to_dicts()}
    assert (state["etf_assets"]["quarantined"], state["etf_assets"]["failed_checks"]) == (0, "")
    assert not [line for line in told_of_september(loaded) if "set aside" in line]
    assert DeltaStore(str(loaded)).rows("quarantine").height == 2, "what failed stays in the history"


def test_a_share_count_that_jumps_is_named_in_the_note_of_its_month(
    loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = DeltaStore(str(loaded)).read("share_counts").filter(pl.col("ticker") == "CLSK").sort("as_of").tail(1)
    jump = last.with_columns(
        shares_outstanding=pl.col("shares_outstanding") * 4,
        as_of=pl.lit(dt.date(2025, 9, 20)),
        known_at=pl.lit(dt.date(2025, 9, 21)),
        source=pl.lit("filing"),
        note=pl.lit(None, dtype=pl.String),
    )
    outcome = bring(monkeypatch, loaded, Batch("share_counts", jump))
    assert outcome.result.failed_checks == ("ledger.jump",)
    assert any("share_counts" in line and "kept" in line for line in told_of_september(loaded))


def test_a_price_that_contradicts_the_second_venue_never_reaches_the_table(
    loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = DeltaStore(str(loaded)).read("btc_price_daily").sort("date").tail(1)
    day = last["date"][0] + dt.timedelta(days=1)
    close = last["close_usd"][0]
    bad = last.with_columns(
        date=pl.lit(day),
        known_at=pl.lit(day + dt.timedelta(days=1)),
        close_usd=pl.lit(close),
        close_usd_bitstamp=pl.lit(close * 1.3),
    )
    outcome = bring(monkeypatch, loaded, Batch("btc_price_daily", bad))
    assert outcome.result.failed_checks == ("price.venue",)
    assert DeltaStore(str(loaded)).read("btc_price_daily")["date"].max() < day


# One clear line


@pytest.fixture
def hashdesk(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HASHDESK_HTTP_ATTEMPTS", "1")

    def call(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(arguments)
        said = capsys.readouterr().err
        assert said.startswith("error: ") and said.count("\n") == 1, said
        return code, said

    return call


def test_a_node_that_is_not_there_or_has_a_bad_address_is_one_line(
    hashdesk: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = str(tmp_path / "store")
    DeltaStore.create(at)
    monkeypatch.setenv("HASHDESK_NODE_URL", closed_url())
    code, said = hashdesk("--store", at, "sync", "node")
    assert (code, "nothing listens at http://127.0.0.1:" in said) == (3, True)
    monkeypatch.setenv("HASHDESK_NODE_URL", "127.0.0.1:8332")
    code, said = hashdesk("--store", at, "sync", "node")
    assert (code, "is no web address; expected http://host:port" in said) == (2, True)


def test_a_wrong_password_and_a_wrong_chain_both_ways_are_one_line(
    hashdesk: Callable[..., Any], bcoin: Bcoin, loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASHDESK_NODE_URL", bcoin.url)
    monkeypatch.setenv("HASHDESK_NODE_USER", "x")
    monkeypatch.setenv("HASHDESK_NODE_PASSWORD", "wrong")
    code, said = hashdesk("--store", str(loaded), "sync", "node")
    assert (code, "refuses user and password" in said, "wrong" in said) == (3, True, False)
    monkeypatch.setenv("HASHDESK_NODE_PASSWORD", PASSWORD)
    code, said = hashdesk("--store", str(loaded), "sync", "node")
    assert (code, "is a node of chain regtest; the store is about main" in said) == (2, True)
    monkeypatch.setenv("HASHDESK_CHAIN", "regtest")
    code, said = hashdesk("--store", str(loaded), "sync", "node")
    assert (code, "the store holds the chain main, the settings say regtest" in said) == (2, True)


def test_a_store_that_cannot_be_used_is_one_line(
    hashdesk: Callable[..., Any], loaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    code, said = hashdesk("--store", "file", "sync", "node")
    assert (code, "is a file, expected a folder" in said) == (2, True)

    newer = tmp_path / "newer"
    shutil.copytree(loaded, newer)
    for log in (newer / "_hashdesk" / "_delta_log").glob("*.json"):
        log.write_text(log.read_text(encoding="utf-8").replace("store, schema 1", "store, schema 2"), encoding="utf-8")
    code, said = hashdesk("--store", str(newer), "status")
    assert (code, "has schema 2, this hashdesk knows 1. Install a newer hashdesk." in said) == (4, True)

    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": closed_url(),
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    code, said = hashdesk("--store", "s3://desk/store", "status")
    assert (code, "store: s3://desk/store cannot be opened" in said) == (3, True)


def test_a_store_that_may_not_be_written_is_one_line(
    hashdesk: Callable[..., Any], loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        # No permission stops the administrator; what the system would say is said for it.
        monkeypatch.setattr(os, "access", lambda path, mode: False)
    else:
        for folder in (loaded, *loaded.rglob("*")):
            folder.chmod(0o555 if folder.is_dir() else 0o444)
    code, said = hashdesk("--store", str(loaded), "sync", "node")
    assert (code, "cannot be written: Permission denied" in said) == (3, True)
