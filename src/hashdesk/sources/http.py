"""The only socket: says who we are, keeps to the stated rates, retries by one policy, and keeps what came.

A question is either answered by the archive (young enough, or for ever) or put on the wire. Not being able to ask is a
``SourceError``, a thing that does not exist is ``NotFound``, an answer that cannot be read is a ``PayloadError``.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import httpx
import stamina

import hashdesk
from hashdesk.config import Settings, load_settings
from hashdesk.errors import HashdeskError, InputError, PayloadError, SourceError
from hashdesk.sources.answers import HOST_IS_DOWN, TRY_LATER, check_kind, check_status, no_answer, raise_for, redirected
from hashdesk.sources.base import FOREVER, NEVER, MemoryArchive, RawArchive, RawPayload, Request, Source
from hashdesk.sources.hosts import CircuitBreaker, RateWindow

MAX_BODY_BYTES = 256 * 1024 * 1024
"""Longest answer, unpacked; the largest documented one is a few tens of megabytes. [bytes]"""

MAX_REDIRECTS = 3
TOTAL_PER_READ = 4
"""The whole answer may take this many times the setting of the time-out."""

_KEPT_HEADERS = ("content-type", "date", "etag", "last-modified")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to wait between attempts: doubling from the first wait to the longest, plus up to the jitter [s]."""

    wait_initial_seconds: float = 0.5
    wait_max_seconds: float = 30.0
    wait_jitter_seconds: float = 1.0


class Clock:
    """The time, and waiting; tests bring their own."""

    def now(self) -> dt.datetime:
        """Time of day, UTC."""
        return dt.datetime.now(dt.UTC)

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class HttpClient:
    """Asks sources over HTTP; for one thread.

    Parameters
    ----------
    settings : Settings, optional
        Identity, time-out and number of attempts; read from environment and file when left out.
    archive : RawArchive, optional
        Where answers are kept and looked up; in memory when left out.
    is_offline : bool, default False
        Answer from the archive alone, however old.
    policy : RetryPolicy, optional
        Waits between attempts.
    breaker : callable, optional
        Makes the circuit breaker of a host.
    clock : Clock, optional
        Time and waiting.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        archive: RawArchive | None = None,
        *,
        is_offline: bool = False,
        policy: RetryPolicy | None = None,
        breaker: Callable[[], CircuitBreaker] = CircuitBreaker,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings or load_settings()
        self.archive = MemoryArchive() if archive is None else archive
        self.is_offline = is_offline
        self.n_attempts = 0
        """Times that a question went onto the wire."""
        self._policy = policy or RetryPolicy()
        self._new_breaker = breaker
        self.clock = clock or Clock()
        self._windows: dict[str, RateWindow] = {}
        self._breakers: dict[str, CircuitBreaker] = {}
        self._client: httpx.Client | None = None

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def fetch(self, request: Request) -> RawPayload:
        """The answer to a question, from the archive or from the wire.

        Parameters
        ----------
        request : Request
            What to ask, what the answer must look like, and how old it may be.

        Returns
        -------
        RawPayload
            Bytes with address (secrets masked), time and hash.

        Raises
        ------
        InputError
            The address is no web address, or the source wants a contact and none is set.
        SourceError
            No answer: refused, reset, time-out, rate limit, log-in, server error, offline; ``facts["reason"]`` says
            which.
        NotFound
            The source says that there is no such thing.
        PayloadError
            An answer of the wrong kind: HTML for JSON, nothing at all, cut off, too long.
        """
        host = _checked_host(request)
        kept = self._from_archive(request)
        if kept is not None:
            return kept
        if self.is_offline:
            raise SourceError(
                f"{request.source.name}: offline, and no answer of {request.public_url} is in the archive.",
                hint="Run a sync with a connection first.",
                reason="offline",
            )
        payload = self._ask(request, host)
        if request.is_archived:
            self.archive.put(payload)
        return payload

    def _from_archive(self, request: Request) -> RawPayload | None:
        if not self.is_offline and (request.max_age == NEVER or not request.is_archived):
            return None
        kept = self.archive.latest(request.key)
        if kept is None:
            return None
        is_young = request.max_age == FOREVER or self.clock.now() - kept.retrieved_at < request.max_age
        if not (self.is_offline or is_young):
            return None
        return RawPayload(kept.body, kept.url, kept.source, kept.retrieved_at, kept.status, kept.headers)

    def _ask(self, request: Request, host: str) -> RawPayload:
        headers = {
            "User-Agent": user_agent(self.settings, request.source),
            "Accept-Encoding": "gzip",
            **request.headers,
        }
        breaker = self._breakers.setdefault(host, self._new_breaker())
        window = self._windows.setdefault(request.source.publisher, RateWindow(request.source.rate))
        closed_for = breaker.remaining_seconds(self.clock.monotonic())
        if closed_for:
            raise SourceError(
                f"{request.source.name}: {host} failed too often and is left alone for {closed_for:.0f} s more.",
                hint=TRY_LATER,
                reason="circuit_open",
            )

        def wait_or_stop(error: Exception) -> bool | float:
            facts = error.facts if isinstance(error, HashdeskError) else {}
            if not facts.get("is_transient") or breaker.remaining_seconds(self.clock.monotonic()):
                return False
            after = facts.get("retry_after_seconds")
            return after if isinstance(after, float) else True

        attempts = stamina.retry_context(
            on=wait_or_stop,
            attempts=self.settings.http_attempts,
            timeout=None,
            wait_initial=self._policy.wait_initial_seconds,
            wait_max=self._policy.wait_max_seconds,
            wait_jitter=self._policy.wait_jitter_seconds,
        )
        asked = 0
        try:
            for attempt in attempts:
                with attempt:
                    asked = attempt.num
                    self.clock.sleep(window.reserve(self.clock.monotonic()))
                    try:
                        payload = self._attempt(request, headers)
                    except SourceError as error:
                        if error.facts.get("reason") in HOST_IS_DOWN:
                            breaker.failed(self.clock.monotonic())
                        raise
                    breaker.answered()
                    return payload
        except HashdeskError as error:
            if asked < 2:
                raise
            message = f"{error.message.removesuffix('.')} (asked {asked} times)."
            raise type(error)(message, hint=error.hint, **error.facts) from None
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, request: Request, headers: dict[str, str]) -> RawPayload:
        """One question on the wire, redirects within the host included."""
        if self._client is None:
            self._client = httpx.Client(follow_redirects=False)
        wait = self.settings.http_timeout_seconds
        total = request.timeout_seconds or TOTAL_PER_READ * wait
        deadline = self.clock.monotonic() + total
        method, url = ("GET" if request.body is None else "POST"), request.wire_url
        self.n_attempts += 1
        try:
            for _ in range(MAX_REDIRECTS + 1):
                with self._client.stream(
                    method,
                    url,
                    headers=headers,
                    content=request.body,
                    auth=request.auth,
                    timeout=httpx.Timeout(wait, read=request.timeout_seconds or wait),
                ) as response:
                    if response.is_redirect and method == "GET":
                        url = redirected(request, url, response)
                        continue
                    body = self._body(request, response, deadline)
                    check_status(request, response, body, self.clock.now())
                    check_kind(request, body)
                    return RawPayload(
                        body,
                        request.key,
                        request.source.id,
                        self.clock.now(),
                        response.status_code,
                        {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers},
                    )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise_for(request, error)
        raise SourceError(
            f"{request.source.name}: {request.public_url} redirects in a circle.", hint=TRY_LATER, reason="redirect"
        )

    def _body(self, request: Request, response: httpx.Response, deadline: float) -> bytes:
        parts, size = [], 0
        for part in response.iter_bytes():
            size += len(part)
            if size > MAX_BODY_BYTES:
                raise PayloadError(
                    f"{request.source.name}: the answer of {request.public_url} is longer than "
                    f"{MAX_BODY_BYTES // 2**20} MiB.",
                    hint="Check the address.",
                )
            if self.clock.monotonic() > deadline:
                raise no_answer(request, "gave no whole answer in time", "timeout")
            parts.append(part)
        return b"".join(parts)


def user_agent(settings: Settings, source: Source) -> str:
    """Who we are, as told with each request: product, version and the contact of the settings.

    Raises
    ------
    InputError
        The source wants a contact and none is set, or the contact is not one line of plain text.
    """
    contact = (settings.contact or "").strip()
    if not (contact.isprintable() and contact.isascii()):
        raise InputError("settings: contact: expected one line of ASCII text.", hint="Give a name and a mail address.")
    if source.needs_contact and "@" not in contact:
        raise InputError(
            f"{source.name}: {source.publisher} answers only those who give a mail address, and none is set.",
            hint="Set HASHDESK_CONTACT, for example 'Jane Doe jane@example.org'.",
        )
    return f"hashdesk/{hashdesk.__version__}{f' {contact}' if contact else ''}"


def _checked_host(request: Request) -> str:
    try:
        parts: SplitResult = urlsplit(request.url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        httpx.URL(request.url)
    except (ValueError, httpx.InvalidURL):
        is_address = False
    if "@" in request.url:
        raise InputError(
            f"{request.source.name}: the address holds a user or a password, and would show it in messages.",
            hint="Give them in their own settings.",
        )
    if not is_address:
        raise InputError(
            f"{request.source.name}: {request.url!r} is no web address; expected http://host:port or https://host.",
            hint="Look at the setting of its address.",
        )
    return parts.netloc.lower()


class _QueryHidden(logging.Filter):
    """Takes the query off the addresses that the HTTP library logs: it may hold a key."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(arg.copy_with(query=None) if isinstance(arg, httpx.URL) else arg for arg in record.args)
        return True


logging.getLogger("httpx").addFilter(_QueryHidden())
# A retry is no news for the terminal: without any handler Python prints it there.
logging.getLogger("stamina").addHandler(logging.NullHandler())
