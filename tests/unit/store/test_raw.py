"""The archive of answers inside the store."""

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hashdesk.store.delta import DeltaStore
from hashdesk.store.raw import PENDING_ANSWERS, SLICE

T0 = dt.datetime(2025, 10, 1, 12, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Answer:
    body: bytes
    url: str = "https://example.org/a?b='c'"
    source: str = "example"
    retrieved_at: dt.datetime = T0
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/plain"})

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> DeltaStore:
    return DeltaStore.create(str(tmp_path / "store"))


def test_an_answer_comes_back_byte_for_byte(store: DeltaStore) -> None:
    answer = Answer(bytes(range(256)))
    store.raw.put(answer)
    assert DeltaStore(store.address).raw.latest(answer.url) is None, "not written before the flush"
    store.raw.flush()
    found = DeltaStore(store.address).raw.latest(answer.url)
    assert found is not None
    assert (found.body, found.sha256, found.retrieved_at, found.headers) == (
        answer.body,
        answer.sha256,
        T0,
        answer.headers,
    )
    assert store.raw.latest("https://example.org/other") is None


def test_the_newest_answer_is_the_latest_and_a_pending_one_counts(store: DeltaStore) -> None:
    store.raw.put(Answer(b"old"))
    store.raw.flush()
    store.raw.put(Answer(b"new", retrieved_at=T0 + dt.timedelta(hours=1)))
    latest = store.raw.latest(Answer(b"").url)
    assert latest is not None and latest.body == b"new"


def test_a_body_that_came_before_is_noted_but_not_kept_twice(store: DeltaStore) -> None:
    for hours in range(3):
        store.raw.put(Answer(b"same", retrieved_at=T0 + dt.timedelta(hours=hours)))
        store.raw.put(Answer(b"same", retrieved_at=T0 + dt.timedelta(hours=hours)))
        store.raw.flush()
    rows = store.rows("raw_payloads")
    assert rows.height == 3
    assert rows["body"].null_count() == 2
    latest = DeltaStore(store.address).raw.latest(Answer(b"").url)
    assert latest is not None
    assert (latest.body, latest.retrieved_at) == (b"same", T0 + dt.timedelta(hours=2))
    assert [p.body for p in store.raw.iterate("example")] == [b"same"] * 3


def test_answers_are_read_oldest_first_across_slices_and_by_source(store: DeltaStore) -> None:
    n_answers = max(SLICE, PENDING_ANSWERS) + 5
    for n in reversed(range(n_answers)):
        store.raw.put(Answer(str(n).encode(), f"https://example.org/{n}", retrieved_at=T0 + dt.timedelta(minutes=n)))
    store.raw.put(Answer(b"x", source="other"))
    assert [p.body for p in store.raw.iterate("example")] == [str(n).encode() for n in range(n_answers)]
    assert len(list(store.raw.iterate())) == n_answers + 1
