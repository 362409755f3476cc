"""A local HTTP server that misbehaves by recipe, for the tests of every source.

Use ``with HostileServer(answer) as server: server.misbehave("reset", times=2)`` and ask ``server.url``; ``answer`` is
the good body, or a function from a :class:`Question` to the body or to (status, body). Recipes that change what the
body says (:data:`CONTENT`) take the change from the caller, who knows the format: ``misbehave("wrong_unit", change=f)``
with ``f(good_body) -> body``.
"""

from __future__ import annotations

import email.utils
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser.</body></html>"


@dataclass(frozen=True)
class Question:
    """What the client sent."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


Answer = bytes | tuple[int, bytes]


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def _half(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Promise the whole body and send half of it."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    handler.close_connection = True


def _reset(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Send half of the body, then an RST."""
    _half(handler, body)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def _hang_up(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Close the connection without a word."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def _drip(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Send a byte now and then: each in time, the whole never."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    stop: threading.Event = handler.server.stopping  # type: ignore[attr-defined]
    for byte in body:
        if stop.wait(0.05):
            break
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()


def _silent(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Take the question and say nothing."""
    handler.server.stopping.wait(30)  # type: ignore[attr-defined]
    handler.close_connection = True


def _http_date(seconds_ahead: float) -> str:
    return email.utils.formatdate(time.time() + seconds_ahead, usegmt=True)


Behaviour = Callable[[BaseHTTPRequestHandler, bytes], None]

TRANSPORT: dict[str, Behaviour] = {
    "reset": _reset,
    "cut_short": _half,
    "hang_up": _hang_up,
    "slow": _drip,
    "silent": _silent,
    "429": lambda handler, _: _send(handler, 429, b"slow down"),
    "429_seconds": lambda handler, _: _send(handler, 429, b"slow down", Retry_After="1"),
    "429_date": lambda handler, _: _send(handler, 429, b"slow down", Retry_After=_http_date(2)),
    "429_an_hour": lambda handler, _: _send(handler, 429, b"slow down", Retry_After="3600"),
    "500": lambda handler, _: _send(handler, 500, b"oops"),
    "503": lambda handler, _: _send(handler, 503, b"Work queue depth exceeded"),
    "401": lambda handler, _: _send(handler, 401, b""),
    "403": lambda handler, _: _send(handler, 403, b""),
    "404": lambda handler, _: _send(handler, 404, b"not here"),
    "501": lambda handler, _: _send(handler, 501, b"no POST"),
    "html": lambda handler, _: _send(handler, 200, PAGE, Content_Type="text/html"),
    "truncated_json": lambda handler, body: _send(handler, 200, body[: len(body) * 2 // 3]),
    "empty": lambda handler, _: _send(handler, 200, b""),
    "elsewhere": lambda handler, _: _send(handler, 302, b"", Location="http://other.invalid/x"),
    "in_a_circle": lambda handler, _: _send(handler, 302, b"", Location=handler.path),
}
"""Recipes that need to know nothing of the format."""

CONTENT = ("changed_field", "wrong_unit", "duplicate_rows", "out_of_order_rows")
"""Recipes whose change of the body the caller brings."""

PASSING = ("reset", "cut_short", "hang_up", "429", "429_seconds", "429_date", "500", "503")
"""Recipes that a client must survive when they pass after an attempt or two."""


@dataclass
class _Plan:
    recipe: str = "ok"
    times: int | None = 0
    """How many questions go wrong; None is all."""
    change: Callable[[bytes], bytes] | None = None


@dataclass
class HostileServer:
    """A server on loopback in a thread of its own."""

    answer: bytes | Callable[[Question], Answer]
    questions: list[Question] = field(default_factory=list)
    """Everything that was asked."""
    _plan: _Plan = field(default_factory=_Plan)

    def __enter__(self) -> HostileServer:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                outer._serve(
                    self, Question(self.command, parts.path, parts.query, {**dict(self.headers.items())}, body)
                )

            do_GET = do_POST = _serve  # noqa: N815

            def log_message(self, *_: object) -> None:
                """The test output stays clean."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that gives up is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.stopping = threading.Event()  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.stopping.set()  # type: ignore[attr-defined]
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def url(self) -> str:
        """Address to ask."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def misbehave(self, recipe: str, times: int | None = None, change: Callable[[bytes], bytes] | None = None) -> None:
        """From now on: the next ``times`` questions (None: all) are answered by the recipe, then all is well again."""
        assert recipe in TRANSPORT or (recipe in CONTENT and change is not None), recipe
        self._plan = _Plan(recipe, times, change)

    def behave(self) -> None:
        """All is well again."""
        self._plan = _Plan()

    def _serve(self, handler: BaseHTTPRequestHandler, question: Question) -> None:
        self.questions.append(question)
        given = self.answer(question) if callable(self.answer) else self.answer
        status, body = given if isinstance(given, tuple) else (200, given)
        plan = self._plan
        is_wrong = plan.times is None or plan.times > 0
        if is_wrong and plan.times is not None:
            plan.times -= 1
        if is_wrong and plan.recipe in TRANSPORT:
            TRANSPORT[plan.recipe](handler, body)
        else:
            _send(handler, status, plan.change(body) if is_wrong and plan.change else body)


def closed_url() -> str:
    """An address on loopback where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def transport_recipes() -> Iterator[str]:
    """Every recipe that needs no knowledge of the format."""
    yield from TRANSPORT
