import datetime as dt

import pytest

import hashdesk
from hashdesk.config import Settings
from hashdesk.errors import InputError, SourceError
from hashdesk.sources.base import (
    FOREVER,
    MASK,
    MemoryArchive,
    RateLimit,
    RawPayload,
    Request,
    Source,
    SourceEntry,
    unreadable,
)
from hashdesk.sources.hosts import CircuitBreaker, RateWindow
from hashdesk.sources.http import HttpClient, user_agent
from hashdesk.sources.registry import SOURCES, source_entry

SOURCE = Source("x", "X", "X Inc", "https://x.test", "free", "daily", "no", RateLimit(10, 6.0))
SEC = Source("sec", "EDGAR", "SEC", "https://sec.test", "free", "daily", "no", RateLimit(10, 1.0), needs_contact=True)
NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


def test_no_window_of_time_holds_more_calls_than_the_limit() -> None:
    window, now, starts = RateWindow(RateLimit(10, 6.0)), 0.0, []
    for n in range(200):
        now += window.reserve(now)
        starts.append(now)
        now += 0.05 if n % 7 else 1.3
    assert all(later - first > 6.0 - 1e-9 for first, later in zip(starts, starts[10:], strict=False))
    assert starts[9] < 6.0


def test_a_circuit_opens_after_failures_in_a_row_and_lets_one_through_later() -> None:
    breaker = CircuitBreaker(n_failures=3, open_seconds=60.0)
    breaker.failed(0.0)
    breaker.failed(1.0)
    breaker.answered()
    for now in (2.0, 3.0):
        breaker.failed(now)
    assert breaker.remaining_seconds(3.0) == 0.0
    breaker.failed(4.0)
    assert breaker.remaining_seconds(10.0) == 54.0
    assert breaker.remaining_seconds(64.0) == 0.0
    breaker.failed(64.0)
    assert breaker.remaining_seconds(65.0) == 59.0


def test_a_secret_parameter_is_in_the_address_that_is_asked_and_in_no_other() -> None:
    request = Request(SOURCE, "https://x.test/a", {"key": "s3cret", "n": "1"}, secret_params=frozenset({"key"}))
    assert "key=s3cret" in request.wire_url
    assert request.public_url == f"https://x.test/a?key={MASK}&n=1"
    assert "s3cret" not in request.key
    assert "hunter2" not in repr(Request(SOURCE, "https://x.test", auth=("u", "hunter2")))


def test_two_questions_by_post_have_two_keys() -> None:
    keys = {Request(SOURCE, "https://x.test", body=body).key for body in (b"a", b"b", None)}
    assert len(keys) == 3


def test_we_say_product_version_and_contact() -> None:
    settings = Settings(contact="Jane Doe jane@example.org")
    assert user_agent(settings, SEC) == f"hashdesk/{hashdesk.__version__} Jane Doe jane@example.org"
    assert user_agent(Settings(), SOURCE) == f"hashdesk/{hashdesk.__version__}"


@pytest.mark.parametrize("contact", [None, "Jane Doe", " "])
def test_a_publisher_that_wants_a_contact_is_not_asked_without_one(contact: str | None) -> None:
    with pytest.raises(InputError, match=r"sec: SEC answers only .* HASHDESK_CONTACT"):
        HttpClient(Settings(contact=contact)).fetch(Request(SEC, "https://sec.test/x"))


def test_a_contact_cannot_smuggle_in_a_header() -> None:
    with pytest.raises(InputError, match="contact"):
        user_agent(Settings(contact="a@b.c\r\nX-Evil: 1"), SOURCE)


@pytest.mark.parametrize("url", ["", "localhost:8332", "ftp://x.test", "http://", "http://x:port/", "http://[::1/"])
def test_a_bad_address_is_one_clear_line(url: str) -> None:
    with pytest.raises(InputError, match=r"^x: .* is no web address; expected http"):
        HttpClient(Settings()).fetch(Request(SOURCE, url))


def test_a_password_in_an_address_is_refused_without_showing_it() -> None:
    with pytest.raises(InputError, match="holds a user or a password") as caught:
        HttpClient(Settings()).fetch(Request(SOURCE, "http://u:hunter2@x.test/"))
    assert "hunter2" not in str(caught.value)


def kept(request: Request, age: dt.timedelta) -> MemoryArchive:
    return MemoryArchive([RawPayload(b"{}", request.key, "x", dt.datetime.now(dt.UTC) - age)])


def test_what_never_changes_is_asked_once_and_never_again() -> None:
    request = Request(SOURCE, "https://x.test/filing", max_age=FOREVER)
    assert HttpClient(Settings(), kept(request, dt.timedelta(days=4_000))).fetch(request).body == b"{}"


def test_an_index_is_taken_from_the_archive_for_minutes() -> None:
    request = Request(SOURCE, "https://x.test/index", max_age=dt.timedelta(minutes=10))
    assert HttpClient(Settings(), kept(request, dt.timedelta(minutes=9))).fetch(request).body == b"{}"


def test_offline_the_archive_answers_however_old_and_nothing_else_does() -> None:
    request = Request(SOURCE, "https://x.test/tip")
    client = HttpClient(Settings(), kept(request, dt.timedelta(days=900)), is_offline=True)
    assert client.fetch(request).body == b"{}"
    with pytest.raises(SourceError, match=r"x: offline, and no answer of https://x\.test/other") as caught:
        client.fetch(Request(SOURCE, "https://x.test/other"))
    assert caught.value.facts["reason"] == "offline"
    assert client.n_attempts == 0


def test_an_unreadable_answer_is_shown_cut_to_one_line() -> None:
    message = unreadable("prices: expected a list", "a\nb" * 200, SOURCE).message
    assert "\n" not in message and len(message) < 200


def test_a_source_that_does_not_exist_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"Did you mean 'node'\?"):
        source_entry("nodes")
    assert all(entry.id == name for name, entry in SOURCES.items())


def test_a_missing_library_names_the_extra_to_install() -> None:
    entry = SourceEntry("yahoo", "no_such_library_at_all", ("adjusted_closes",), "", extra="yahoo")
    with pytest.raises(InputError, match=r"no_such_library_at_all is not installed\. Install hashdesk\[yahoo\]"):
        entry.load()
