"""What came back from a host, judged: a status that is no answer, an answer of the wrong kind, a failed connection.

The HTTP library's own words may hold an address with its secrets; none of them is passed on.
"""

from __future__ import annotations

import datetime as dt
import json
import socket
import ssl
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import NoReturn
from urllib.parse import urljoin, urlsplit

import httpx

from hashdesk.errors import NotFound, SourceError
from hashdesk.sources.base import Request, unreadable

MAX_RETRY_AFTER_SECONDS = 120.0
"""Longest wait that a host may ask for and still be waited for. [s]"""

TRY_LATER = "Try again later."

HOST_IS_DOWN = frozenset({"refused", "unknown_host", "timeout", "cut_off", "server_error"})
"""Reasons of a ``SourceError`` that count against the host."""


def redirected(request: Request, url: str, response: httpx.Response) -> str:
    """Where a redirect leads, if it stays on the host and does not give up encryption."""
    target = urljoin(url, response.headers["location"])
    before, after = urlsplit(url), urlsplit(target)
    if after.hostname == before.hostname and (after.scheme == before.scheme or after.scheme == "https"):
        return target
    raise SourceError(
        f"{request.source.name}: {request.public_url} redirects to another host, {after.scheme}://{after.hostname}; "
        "not followed.",
        hint="If the publisher moved, change the setting of its address.",
        reason="redirect",
    )


def check_status(request: Request, response: httpx.Response, body: bytes, now: dt.datetime) -> None:
    """Raise for a status that is no answer.

    Raises
    ------
    NotFound
        404 or 410.
    SourceError
        Any other status than 2xx that the request does not accept; ``is_transient`` where asking again may help.
    """
    status, source = response.status_code, request.source
    if response.is_success or (status in request.accept_status and body.lstrip()[:1] in (b"{", b"[")):
        return
    where = f"{source.name}: {request.public_url}"
    if status in (404, 410):
        raise NotFound(f"{where} does not exist (status {status}).", hint="Check what was asked for.", status=status)
    if status == 401:
        raise SourceError(
            f"{where} refuses the log-in (status 401).",
            hint="Check user and password or the key.",
            reason="credential",
            status=status,
        )
    if status == 429:
        after = _retry_after_seconds(response.headers.get("retry-after"), now)
        is_short = after is None or after <= MAX_RETRY_AFTER_SECONDS
        raise SourceError(
            f"{where} says that we ask too often (status 429)."
            if is_short
            else f"{where} asks to be left alone for {after:.0f} s (status 429).",
            hint=TRY_LATER,
            reason="rate_limit",
            status=status,
            is_transient=is_short,
            retry_after_seconds=after,
        )
    if status >= 500 and status not in (501, 505):
        raise SourceError(
            f"{where} failed on its side (status {status}).",
            hint=TRY_LATER,
            reason="server_error",
            status=status,
            is_transient=True,
            retry_after_seconds=_short(_retry_after_seconds(response.headers.get("retry-after"), now)),
        )
    reason = "forbidden" if status in (403, 451) else "refused_question"
    raise SourceError(
        f"{where} refuses to answer (status {status}).",
        hint="Check the terms of access and HASHDESK_CONTACT."
        if reason == "forbidden"
        else "Check what was asked for.",
        reason=reason,
        status=status,
    )


def _short(seconds: float | None) -> float | None:
    return seconds if seconds is not None and seconds <= MAX_RETRY_AFTER_SECONDS else None


def _retry_after_seconds(value: str | None, now: dt.datetime) -> float | None:
    """Seconds that ``Retry-After`` asks for: a number, or a date; None where it says neither."""
    if value is None:
        return None
    try:
        return max(0.0, float(int(value)))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or dt.UTC) - now).total_seconds())


def check_kind(request: Request, body: bytes) -> None:
    """Raise for an answer of the wrong kind, whatever its status: it must never be kept.

    Raises
    ------
    PayloadError
        Nothing at all, a page in place of data, or JSON that breaks off.
    """
    if request.expect == "any":
        return
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    where = f"{request.public_url}: expected {request.expect.upper()}"
    if not text:
        raise unreadable(where, "an empty answer", request.source)
    is_page = text[:1] == b"<"
    if is_page and request.expect in ("json", "csv", "text"):
        raise unreadable(where, "an HTML page: " + text[:60].decode("utf-8", "replace"), request.source)
    if request.expect == "html" and not is_page:
        raise unreadable(where, text[:80].decode("utf-8", "replace"), request.source)
    if request.expect == "json":
        try:
            json.loads(text)
        except ValueError as error:
            raise unreadable(f"{where} (it breaks off or is no JSON: {error})", _tail(text), request.source) from None


def _tail(text: bytes) -> str:
    return f"... {text[-60:].decode('utf-8', 'replace')}"


def no_answer(request: Request, what: str, reason: str, hint: str = TRY_LATER) -> SourceError:
    """The error for a host that gave no answer."""
    parts = urlsplit(request.public_url)
    return SourceError(
        f"{request.source.name}: {parts.scheme}://{parts.netloc} {what}.",
        hint=hint,
        reason=reason,
        is_transient=reason != "tls",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def raise_for(request: Request, error: httpx.HTTPError | httpx.InvalidURL) -> NoReturn:
    """A failure of the HTTP library, as ours; its own text may hold the address with its secrets and is not used."""
    if isinstance(error, httpx.TimeoutException):
        wait = "did not accept a connection" if isinstance(error, httpx.ConnectTimeout) else "did not answer"
        raise no_answer(request, f"{wait} in time", "timeout") from None
    if isinstance(error, httpx.ConnectError):
        causes = list(_causes(error))
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            raise no_answer(
                request, "has a certificate that cannot be trusted, or speaks no TLS", "tls", "Check the address."
            ) from None
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            raise no_answer(
                request, "has a host name that nobody knows", "unknown_host", "Check the address."
            ) from None
        raise no_answer(
            request, "accepts no connection", "refused", "Check that it runs and that the address is right."
        ) from None
    if isinstance(error, httpx.DecodingError):
        raise unreadable(
            f"{request.public_url}: expected packed bytes", "bytes that do not unpack", request.source
        ) from None
    raise no_answer(request, "broke off in mid-answer or speaks no HTTP", "cut_off") from None
