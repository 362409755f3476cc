"""Every feed against a server that misbehaves: the right error class or a retried success, and nothing half-written."""

from __future__ import annotations

import importlib
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest

from hashdesk.config import Settings
from hashdesk.errors import HashdeskError, NotFound, PayloadError, SourceError
from hashdesk.sources.base import Batch, MemoryArchive, SyncContext
from hashdesk.sources.http import HttpClient, RetryPolicy
from tests.faults import feed_payloads as payloads
from tests.faults.hostile_server import PASSING, Answer, HostileServer, Question, closed_url, transport_recipes
from tests.faults.memory_store import MemoryStore

pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]


@dataclass(frozen=True)
class Feed:
    module: str
    answer: Callable[[Question], Answer]
    settings: tuple[str, ...]
    rename: tuple[bytes, bytes]
    """A field of the good body, and another name for it."""
    unit: Callable[[bytes], bytes]
    """The good body in another unit."""
    rows: Callable[[bytes, Callable[[list[Any]], list[Any]]], bytes]
    """The good body with its rows changed."""


def in_lists(*names: str) -> Callable[[bytes, Callable[[list[Any]], list[Any]]], bytes]:
    """Change the rows of a JSON body: the body itself where it is a list, or the first list of one of these names."""

    def changed(value: Any, how: Callable[[list[Any]], list[Any]]) -> Any:
        if isinstance(value, list):
            return [changed(item, how) for item in value]
        if isinstance(value, dict):
            return {key: how(item) if key in names else changed(item, how) for key, item in value.items()}
        return value

    def change(body: bytes, how: Callable[[list[Any]], list[Any]]) -> bytes:
        whole = json.loads(body)
        return json.dumps(how(whole) if isinstance(whole, list) else changed(whole, how)).encode()

    return change


def times(pattern: bytes, factor: float) -> Callable[[bytes], bytes]:
    """Multiply every number that follows a pattern."""

    def change(body: bytes) -> bytes:
        found = re.compile(pattern + rb'("?)([0-9.]+(?:e\+?[0-9]+)?)')
        return found.sub(lambda m: m[0][: m.start(1) - m.start(0)] + m[1] + repr(float(m[2]) * factor).encode(), body)

    return change


FEEDS = {
    "coinmetrics": Feed(
        "coinmetrics",
        payloads.coinmetrics,
        ("coinmetrics_url",),
        (b'"asset"', b'"coin"'),
        times(rb'"PriceUSD": ', 1e8),
        in_lists("data"),
    ),
    "exchanges": Feed(
        "exchanges",
        payloads.exchanges,
        ("coinbase_url", "bitstamp_url", "binance_url"),
        (b"[", b'{"rows": ['),
        lambda body: body.replace(b"17568", b"17568000"),
        in_lists("ohlc"),
    ),
    "mempool": Feed(
        "mempool",
        payloads.mempool,
        ("mempool_url",),
        (b"[[", b'[{"row": 1}, ['),
        lambda body: re.sub(rb"\[\[(\d+)", lambda m: b"[[" + m[1] + b"000", body),
        in_lists("hashrates"),
    ),
    "yahoo": Feed(
        "yahoo",
        payloads.yahoo,
        ("yahoo_url",),
        (b'"quote"', b'"quotes"'),
        lambda body: body.replace(b'"USD"', b'"GBp"'),
        in_lists("timestamp"),
    ),
}

CLASSES: dict[str, type[HashdeskError]] = dict.fromkeys(transport_recipes(), SourceError) | {
    "404": NotFound,
    "html": PayloadError,
    "truncated_json": PayloadError,
    "empty": PayloadError,
}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.fixture(params=FEEDS)
def feed(request: pytest.FixtureRequest) -> Feed:
    return FEEDS[request.param]


@pytest.fixture
def server(feed: Feed) -> Iterator[HostileServer]:
    with HostileServer(feed.answer) as running:
        yield running


def run(feed: Feed, url: str, facts: MemoryStore, archive: MemoryArchive | None = None) -> list[Batch]:
    settings = Settings(http_timeout_seconds=0.4, http_attempts=3, **dict.fromkeys(feed.settings, url))  # type: ignore[arg-type]
    with HttpClient(settings, archive, policy=RetryPolicy(0.0, 0.0, 0.0)) as http:
        context = SyncContext(http, settings, facts, payloads.NOW)
        module = importlib.import_module(f"hashdesk.sources.{feed.module}")
        return facts.commit_all(module.sync(context))


def sizes(facts: MemoryStore) -> dict[str, int]:
    return {name: frame.height for name, frame in facts.tables.items()}


def test_a_good_answer_is_taken_once_and_the_next_run_finds_nothing_new(feed: Feed, server: HostileServer) -> None:
    facts, archive = payloads.store(), MemoryArchive()
    batches = run(feed, server.url, facts, archive)
    assert sum(batch.frame.height for batch in batches) > 0
    assert all(batch.frame["known_at"].null_count() == 0 for batch in batches)
    before = {name: facts.read(name).sort(pl.all()) for name in facts.tables}
    run(feed, server.url, facts)
    assert {name: facts.read(name).sort(pl.all()).equals(before[name]) for name in before} == dict.fromkeys(
        before, True
    )


@pytest.mark.parametrize("recipe", CLASSES)
def test_a_failure_that_stays_ends_in_one_line_of_the_right_class(
    recipe: str, feed: Feed, server: HostileServer
) -> None:
    facts, archive = payloads.store(), MemoryArchive()
    before = sizes(facts)
    server.misbehave(recipe)
    if (feed.module, recipe) == ("yahoo", "404"):
        # One symbol that is gone does not stop the others: it is named.
        assert run(feed, server.url, facts)[-1].caveats == ("Yahoo has no newer closes of MARA.",)
        return
    with pytest.raises(CLASSES[recipe]) as caught:
        run(feed, server.url, facts, archive)
    assert "\n" not in str(caught.value)
    assert sizes(facts) == before


@pytest.mark.parametrize("recipe", PASSING)
def test_a_failure_that_passes_is_a_retried_success(recipe: str, feed: Feed, server: HostileServer) -> None:
    facts = payloads.store()
    server.misbehave(recipe, times=2)
    assert sum(batch.frame.height for batch in run(feed, server.url, facts)) > 0


def test_nobody_there_is_one_line(feed: Feed) -> None:
    facts = payloads.store()
    with pytest.raises(SourceError, match="accepts no connection"):
        run(feed, closed_url(), facts)
    assert sizes(facts) == sizes(payloads.store())


def refused(feed: Feed, server: HostileServer, recipe: str, change: Callable[[bytes], bytes]) -> None:
    facts = payloads.store()
    server.misbehave(recipe, change=change)
    with pytest.raises(PayloadError) as caught:
        run(feed, server.url, facts)
    assert "expected" in str(caught.value)
    assert sizes(facts) == sizes(payloads.store())


def test_a_changed_field_is_a_payload_error(feed: Feed, server: HostileServer) -> None:
    refused(feed, server, "changed_field", lambda body: body.replace(*feed.rename))


def test_another_unit_is_a_payload_error(feed: Feed, server: HostileServer) -> None:
    refused(feed, server, "wrong_unit", feed.unit)


def repeated(rows: list[Any]) -> list[Any]:
    return [*rows, rows[0]]


@pytest.mark.parametrize("name", [name for name in FEEDS if name != "yahoo"])
def test_rows_that_repeat_or_come_in_another_order_change_nothing(name: str) -> None:
    feed = FEEDS[name]
    with HostileServer(feed.answer) as server:
        good = payloads.store()
        run(feed, server.url, good)
        for how in (repeated, lambda rows: rows[::-1]):
            facts = payloads.store()
            server.misbehave("duplicate_rows", change=lambda body, how=how: feed.rows(body, how))
            run(feed, server.url, facts)
            assert all(
                facts.read(table).sort(pl.all()).equals(good.read(table).sort(pl.all())) for table in good.tables
            )


@pytest.mark.parametrize("how", [repeated, lambda rows: rows[::-1]], ids=["repeated", "reversed"])
def test_a_chart_with_days_twice_or_backwards_is_refused(how: Callable[[list[Any]], list[Any]]) -> None:
    feed = FEEDS["yahoo"]
    with HostileServer(feed.answer) as server:
        refused(feed, server, "duplicate_rows", lambda body: feed.rows(body, how) if body != b"crumb" else body)


def test_what_contradicts_itself_is_refused() -> None:
    feed = FEEDS["coinmetrics"]

    def two_prices(rows: list[Any]) -> list[Any]:
        return [*rows, {**rows[0], "PriceUSD": "99"}]

    with HostileServer(feed.answer) as server:
        refused(feed, server, "duplicate_rows", lambda body: feed.rows(body, two_prices))
