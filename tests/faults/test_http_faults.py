"""Every way in which a server can misbehave, against the one socket."""

import datetime as dt
import logging
import time
from collections.abc import Iterator

import pytest

from hashdesk.config import Settings
from hashdesk.errors import HashdeskError, NotFound, PayloadError, SourceError
from hashdesk.sources.base import MemoryArchive, RateLimit, Request, Source
from hashdesk.sources.hosts import CircuitBreaker
from hashdesk.sources.http import HttpClient, RetryPolicy
from tests.faults.hostile_server import PASSING, HostileServer, closed_url, transport_recipes

pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

SOURCE = Source("x", "X", "X Inc", "https://x.test", "free", "daily", "no", RateLimit(1_000, 1.0))
GOOD = b'{"price": 64000.5, "rows": [1, 2, 3]}'
AT_ONCE = RetryPolicy(0.0, 0.0, 0.0)

EXPECTED: dict[str, tuple[type[HashdeskError], str]] = {
    "reset": (SourceError, "cut_off"),
    "cut_short": (SourceError, "cut_off"),
    "hang_up": (SourceError, "cut_off"),
    "slow": (SourceError, "timeout"),
    "silent": (SourceError, "timeout"),
    "429": (SourceError, "rate_limit"),
    "429_seconds": (SourceError, "rate_limit"),
    "429_date": (SourceError, "rate_limit"),
    "429_an_hour": (SourceError, "rate_limit"),
    "500": (SourceError, "server_error"),
    "503": (SourceError, "server_error"),
    "401": (SourceError, "credential"),
    "403": (SourceError, "forbidden"),
    "404": (NotFound, ""),
    "501": (SourceError, "refused_question"),
    "html": (PayloadError, ""),
    "truncated_json": (PayloadError, ""),
    "empty": (PayloadError, ""),
    "elsewhere": (SourceError, "redirect"),
    "in_a_circle": (SourceError, "redirect"),
}


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with HostileServer(GOOD) as running:
        yield running


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits between attempts, noted and not waited."""
    noted: list[float] = []
    monkeypatch.setattr(time, "sleep", lambda seconds: noted.append(seconds) if seconds else None)
    return noted


def client(archive: MemoryArchive | None = None, attempts: int = 3, **more: object) -> HttpClient:
    settings = Settings(http_timeout_seconds=0.25, http_attempts=attempts)
    return HttpClient(settings, archive, **{"policy": AT_ONCE, **more})  # type: ignore[arg-type]


def test_every_recipe_has_its_expectation() -> None:
    assert set(transport_recipes()) == EXPECTED.keys()


@pytest.mark.parametrize("recipe", EXPECTED)
def test_a_failure_that_stays_ends_in_its_error_class_and_keeps_nothing(
    recipe: str, server: HostileServer, waits: list[float]
) -> None:
    archive = MemoryArchive()
    server.misbehave(recipe)
    kind, reason = EXPECTED[recipe]
    with client(archive) as http, pytest.raises(kind) as caught:
        http.fetch(Request(SOURCE, server.url + "/a"))
    assert caught.value.facts.get("reason", "") == reason
    assert "\n" not in str(caught.value) and str(caught.value).startswith("x: ")
    assert list(archive.iterate("x")) == []


@pytest.mark.parametrize("recipe", PASSING)
def test_a_failure_that_passes_is_a_retried_success(recipe: str, server: HostileServer, waits: list[float]) -> None:
    archive = MemoryArchive()
    server.misbehave(recipe, times=2)
    with client(archive) as http:
        assert http.fetch(Request(SOURCE, server.url)).body == GOOD
    assert len(server.questions) == 3
    assert [payload.body for payload in archive.iterate("x")] == [GOOD]


@pytest.mark.parametrize("recipe", ["401", "403", "404", "501", "html", "truncated_json", "empty", "429_an_hour"])
def test_what_asking_again_cannot_mend_is_asked_once(recipe: str, server: HostileServer) -> None:
    server.misbehave(recipe)
    with client() as http, pytest.raises(HashdeskError):
        http.fetch(Request(SOURCE, server.url))
    assert len(server.questions) == 1


def test_nothing_at_the_address_is_one_line_that_says_so() -> None:
    url = closed_url()
    with client() as http, pytest.raises(SourceError, match=rf"^x: {url} accepts no connection \(asked 3 times\)\."):
        http.fetch(Request(SOURCE, url))


def test_retry_after_in_seconds_and_as_a_date_is_waited_for(server: HostileServer, waits: list[float]) -> None:
    server.misbehave("429_seconds", times=1)
    with client() as http:
        http.fetch(Request(SOURCE, server.url))
        assert waits == [1.0]
        server.misbehave("429_date", times=1)
        http.fetch(Request(SOURCE, server.url))
    assert 0.0 < waits[1] <= 2.0


def test_waits_double_up_to_the_longest(server: HostileServer, waits: list[float]) -> None:
    server.misbehave("500")
    with client(attempts=6, policy=RetryPolicy(1.0, 6.0, 0.0)) as http, pytest.raises(SourceError):
        http.fetch(Request(SOURCE, server.url))
    assert waits == [1.0, 2.0, 4.0, 6.0, 6.0]


def test_an_open_circuit_asks_nothing_and_closes_after_one_good_answer(server: HostileServer) -> None:
    server.misbehave("500")
    now = [0.0]

    class Clock:
        def now(self) -> dt.datetime:
            return dt.datetime.now(dt.UTC)

        def monotonic(self) -> float:
            return now[0]

        def sleep(self, seconds: float) -> None:
            now[0] += seconds

    with client(attempts=10, breaker=lambda: CircuitBreaker(4, 60.0), clock=Clock()) as http:
        with pytest.raises(SourceError, match=r"status 500\) \(asked 4 times\)"):
            http.fetch(Request(SOURCE, server.url))
        with pytest.raises(SourceError, match=r"left alone for 60 s more") as caught:
            http.fetch(Request(SOURCE, server.url))
        assert caught.value.facts["reason"] == "circuit_open" and len(server.questions) == 4
        now[0] += 61
        server.behave()
        assert http.fetch(Request(SOURCE, server.url)).body == GOOD


def test_a_good_answer_in_between_starts_the_count_of_failures_anew(server: HostileServer) -> None:
    settings = Settings(http_timeout_seconds=0.5, http_attempts=1)
    with HttpClient(settings, policy=AT_ONCE, breaker=lambda: CircuitBreaker(n_failures=3)) as http:
        for recipe in ("500", "500", "ok", "500", "500", "ok"):
            if recipe == "ok":
                server.behave()
                http.fetch(Request(SOURCE, server.url))
                continue
            server.misbehave(recipe)
            with pytest.raises(SourceError) as caught:
                http.fetch(Request(SOURCE, server.url))
            assert caught.value.facts["reason"] == "server_error"


def test_the_stated_rate_is_kept_between_requests(server: HostileServer, waits: list[float]) -> None:
    slow = Source("y", "Y", "Y Inc", "https://y.test", "free", "daily", "no", RateLimit(2, 6.0))
    with client() as http:
        for _ in range(3):
            http.fetch(Request(slow, server.url))
    assert len(waits) == 1 and 5.5 < waits[0] <= 6.0


def test_a_secret_is_in_no_error_no_log_and_no_archive(server: HostileServer, caplog: pytest.LogCaptureFixture) -> None:
    archive = MemoryArchive()
    request = Request(SOURCE, server.url, {"key": "s3cret"}, secret_params=frozenset({"key"}), auth=("user", "hunter2"))
    with caplog.at_level(logging.DEBUG), client(archive) as http:
        payload = http.fetch(request)
        server.misbehave("500")
        with pytest.raises(SourceError) as caught:
            http.fetch(request)
    assert "key=s3cret" in server.questions[0].query
    told = f"{caught.value!r}{caught.value.facts}{payload!r}{payload.headers}{caplog.text}"
    told += "".join(str(record.__dict__) for record in caplog.records)
    assert "s3cret" not in told and "hunter2" not in told
    assert all("s3cret" not in entry.url for entry in archive.iterate("x"))


def test_a_redirect_on_the_same_host_is_followed() -> None:
    with HostileServer(lambda question: GOOD) as server:
        server.misbehave("in_a_circle", times=1)
        with client() as http:
            assert http.fetch(Request(SOURCE, server.url + "/a")).body == GOOD


def test_an_answer_that_is_too_long_is_refused(server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hashdesk.sources.http.MAX_BODY_BYTES", 10)
    with client() as http, pytest.raises(PayloadError, match="longer than"):
        http.fetch(Request(SOURCE, server.url))
