"""EDGAR and production updates against a server that misbehaves: the right class or a retried success, no halves."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest

from hashdesk.config import Settings
from hashdesk.errors import HashdeskError, PayloadError, SourceError
from hashdesk.sources.base import Batch, MemoryArchive, SyncContext
from hashdesk.sources.http import HttpClient, RetryPolicy
from tests.faults import edgar_payloads as payloads
from tests.faults.feed_payloads import NOW
from tests.faults.hostile_server import PASSING, Answer, HostileServer, Question, closed_url, transport_recipes
from tests.faults.memory_store import MemoryStore

pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

SOURCES = ("edgar", "production")
CLASSES: dict[str, type[HashdeskError]] = dict.fromkeys(transport_recipes(), SourceError) | {
    "html": PayloadError,
    "truncated_json": PayloadError,
    "empty": PayloadError,
}
WRITES = {
    "edgar": {"share_counts", "capital", "holdings"},
    "production": {"production", "holdings", "production_quotes"},
}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with HostileServer(payloads.answer) as running:
        yield running


def run(source: str, url: str, facts: MemoryStore, archive: MemoryArchive | None = None) -> list[Batch]:
    settings = Settings(
        http_timeout_seconds=0.4,
        http_attempts=3,
        contact="Jane Doe jane@example.org",
        sec_url=url,
        sec_archives_url=url,
    )
    with HttpClient(settings, archive, policy=RetryPolicy(0.0, 0.0, 0.0)) as http:
        module = importlib.import_module(f"hashdesk.sources.{source}")
        return facts.commit_all(module.sync(SyncContext(http, settings, facts, NOW)))


def written(facts: MemoryStore) -> dict[str, pl.DataFrame]:
    return {name: frame.sort(pl.all()) for name, frame in facts.tables.items() if name != "universe"}


def same(one: MemoryStore, other: MemoryStore) -> bool:
    left, right = written(one), written(other)
    return left.keys() == right.keys() and all(left[name].equals(right[name]) for name in left)


@pytest.mark.parametrize("source", SOURCES)
def test_a_good_answer_gives_rows_with_their_filing_days(source: str, server: HostileServer) -> None:
    facts = payloads.store()
    batches = run(source, server.url, facts)
    assert {batch.table for batch in batches if batch.frame.height} == WRITES[source]
    assert all(batch.frame["known_at"].null_count() == 0 for batch in batches)


@pytest.mark.parametrize("recipe", CLASSES)
@pytest.mark.parametrize("source", SOURCES)
def test_a_failure_that_stays_ends_in_one_line_and_writes_nothing(
    source: str, recipe: str, server: HostileServer
) -> None:
    facts = payloads.store()
    server.misbehave(recipe)
    if recipe == "404":
        # A filer that the SEC does not know stops no other one: it is named.
        batches = run(source, server.url, facts)
        assert [batch.frame.height for batch in batches] == [0]
        assert "MARA" in batches[0].caveats[0]
        return
    with pytest.raises(CLASSES[recipe]) as caught:
        run(source, server.url, facts, MemoryArchive())
    assert "\n" not in str(caught.value)
    assert same(facts, payloads.store())


@pytest.mark.parametrize("recipe", PASSING)
@pytest.mark.parametrize("source", SOURCES)
def test_a_failure_that_passes_is_a_retried_success(source: str, recipe: str, server: HostileServer) -> None:
    facts, good = payloads.store(), payloads.store()
    server.misbehave(recipe, times=2)
    run(source, server.url, facts)
    run(source, server.url, good)
    assert same(facts, good)


@pytest.mark.parametrize("source", SOURCES)
def test_nobody_there_is_one_line(source: str) -> None:
    facts = payloads.store()
    with pytest.raises(SourceError, match="accepts no connection"):
        run(source, closed_url(), facts)
    assert same(facts, payloads.store())


def changed(part: str, change: Callable[[bytes], bytes]) -> Callable[[Question], Answer]:
    """The good filer, with the answers of one kind changed."""

    def answer(question: Question) -> Answer:
        given = payloads.answer(question)
        return change(given) if part in question.path and isinstance(given, bytes) else given

    return answer


@pytest.mark.parametrize(
    ("source", "part", "old", "new"),
    [
        ("edgar", "companyfacts", b'"val"', b'"value"'),
        ("edgar", "companyfacts", b'"filed"', b'"filedOn"'),
        ("edgar", "companyfacts", b'"facts"', b'"data"'),
        ("production", "submissions", b'"filingDate"', b'"filed"'),
        ("production", "submissions", b'"2025-09-04"', b'"04/09/2025"'),
        ("production", "index.json", b'"directory"', b'"folder"'),
    ],
)
def test_a_field_under_another_name_or_form_is_a_payload_error(source: str, part: str, old: bytes, new: bytes) -> None:
    facts = payloads.store()
    with HostileServer(changed(part, lambda body: body.replace(old, new))) as server, pytest.raises(PayloadError):
        run(source, server.url, facts)
    assert same(facts, payloads.store())


def counts(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Callable[[bytes], bytes]:
    """Every list of facts changed."""

    def edit(body: bytes) -> bytes:
        data = json.loads(body)
        for tags in data["facts"].values():
            for entry in tags.values():
                entry["units"] = {unit: change(rows) for unit, rows in entry["units"].items()}
        return json.dumps(data).encode()

    return edit


def test_shares_in_thousands_serve_nothing_until_somebody_looks() -> None:
    facts = payloads.store()
    edit = counts(lambda rows: [{**row, "val": row["val"] / 1000} for row in rows])
    with HostileServer(changed("companyfacts", edit)) as server:
        run("edgar", server.url, facts)
    rows = facts.tables["share_counts"]
    assert set(rows["status"]) == {"check"}
    assert set(rows["use_for"]) == {"none"}
    assert "thousands" in rows["note"][0]


def test_a_hashrate_in_another_unit_than_its_label_is_refused() -> None:
    facts = payloads.store()
    with HostileServer(changed("ex991", lambda body: body.replace(b">59.4<", b">59,400 PH/s<"))) as server:
        run("production", server.url, facts)
    assert facts.tables["production"]["hashrate_month_end_ehs"].to_list() == [None]
    assert facts.tables["production"]["production_btc"].to_list() == [705.0]


@pytest.mark.parametrize(
    "how", [lambda rows: [*rows, rows[0]], lambda rows: rows[::-1]], ids=["repeated", "out of order"]
)
def test_facts_that_repeat_or_come_in_another_order_change_nothing(how: Callable[[list[Any]], list[Any]]) -> None:
    good, facts = payloads.store(), payloads.store()
    with HostileServer(payloads.answer) as server:
        run("edgar", server.url, good)
    with HostileServer(changed("companyfacts", counts(how))) as server:
        run("edgar", server.url, facts)
    assert same(facts, good)


def test_an_update_filed_twice_is_the_same_fact_twice() -> None:
    def twice(body: bytes) -> bytes:
        data = json.loads(body)
        recent = data["filings"]["recent"]
        data["filings"]["recent"] = {name: [*column, *column] for name, column in recent.items()}
        return json.dumps(data).encode()

    good, facts = payloads.store(), payloads.store()
    with HostileServer(payloads.answer) as server:
        run("production", server.url, good)
    with HostileServer(changed("submissions", twice)) as server:
        run("production", server.url, facts)
    assert facts.read("production").equals(good.read("production"))


@pytest.mark.parametrize("recipe", ["reset", "cut_short", "500"])
def test_an_exhibit_that_fails_leaves_its_filing_for_the_next_run(recipe: str) -> None:
    facts, good = payloads.store(), payloads.store()
    with HostileServer(payloads.answer) as server:

        def answer(question: Question) -> Answer:
            if question.path.endswith("ex991.htm"):
                server.misbehave(recipe)
            return payloads.answer(question)

        run("production", server.url, good)
        server.answer = answer
        with pytest.raises(SourceError):
            run("production", server.url, facts)
        assert same(facts, payloads.store())
        server.answer = payloads.answer
        server.behave()
        run("production", server.url, facts)
    assert same(facts, good)


@pytest.mark.parametrize("keep", [0.5, 0.8, 0.9])
def test_an_exhibit_that_breaks_off_gives_no_number(keep: float) -> None:
    facts = payloads.store()
    with HostileServer(changed("ex991", lambda body: body[: int(len(body) * keep)])) as server:
        batches = run("production", server.url, facts)
    assert [batch.frame.height for batch in batches] == [0]
    assert "breaks off" in batches[0].caveats[0]
