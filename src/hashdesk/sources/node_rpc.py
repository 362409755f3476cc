"""JSON-RPC of a Bitcoin node: log-in, batched calls, warm-up, and one plain line for each way it can refuse."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hashdesk.errors import HashdeskError, InputError, NotFound, PayloadError, SourceError
from hashdesk.sources.base import RateLimit, RawPayload, Request, Source, unreadable

if TYPE_CHECKING:
    from hashdesk.config import Settings
    from hashdesk.sources.http import HttpClient

SOURCE = Source(
    id="bitcoin-node",
    title="Bitcoin node over JSON-RPC",
    publisher="the Bitcoin network, through a node of one's own",
    url="https://developer.bitcoin.org/reference/rpc/",
    licence="facts of the chain; no terms",
    cadence="a block about every ten minutes",
    revises="a reorganisation replaces the last blocks",
    rate=RateLimit(1_000, 1.0),
    label="node",
)

METHOD_NOT_FOUND = -32601
IN_WARM_UP = -28
WARM_UP_SECONDS = 600.0
"""Longest wait for a node that is starting up. [s]"""
WARM_UP_STEP_SECONDS = 5.0
PATIENCE = 10
"""A node may think over a batch for this many times the setting of the time-out."""

_ANSWER_STATUS = frozenset({400, 404, 500})
"""Statuses with which nodes send an error of JSON-RPC."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call; its id says what was asked, so that a kept answer explains itself."""

    id: str
    method: str
    params: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class RpcError:
    """The node's answer that it cannot answer one call."""

    code: int
    message: str


class NodeRpc:
    """Calls to one node.

    Parameters
    ----------
    http : HttpClient
        The socket.
    settings : Settings
        ``node_url`` and the log-in: ``node_cookie_file``, or ``node_user`` and ``node_password``.
    told : callable, optional
        Told what the node is busy with while it starts up.
    """

    def __init__(self, http: HttpClient, settings: Settings, told: Callable[[str], None] | None = None) -> None:
        self.n_calls = 0
        """Calls made; many go in one request."""
        self._http = http
        self._settings = settings
        self._told = told or (lambda _: None)
        self._cookie: tuple[str, str] | None = None

    def call(self, method: str, *params: object) -> Any:
        """Result of one call.

        Raises
        ------
        SourceError
            The node gave an error for it.
        """
        results, _ = self.batch([Call(method, method, params)])
        return self.expect(results[0], method)

    def batch(self, calls: Sequence[Call], *, is_archived: bool = False) -> tuple[list[Any], RawPayload]:
        """Results of many calls made in one request, in the order of the calls.

        Parameters
        ----------
        calls : sequence of Call
            What to ask; ids must differ.
        is_archived : bool, default False
            Keep the answer.

        Returns
        -------
        results : list
            The result of each call, or an :class:`RpcError`.
        payload : RawPayload
            The answer as it came.

        Raises
        ------
        InputError
            The address or the log-in of the settings cannot be used.
        SourceError
            No node there, a refused log-in, a node that does not come out of its warm-up.
        PayloadError
            The answer is not one of JSON-RPC.
        """
        waited = 0.0
        while True:
            payload = self._post(calls, is_archived)
            results = parse_results(payload.body, calls)
            self.n_calls += len(calls)
            warming = next((r for r in results if isinstance(r, RpcError) and r.code == IN_WARM_UP), None)
            if warming is None:
                return results, payload
            if waited >= WARM_UP_SECONDS:
                raise SourceError(
                    f"node: {self._settings.node_url} is still starting up after {waited:.0f} s ({warming.message}).",
                    hint="Try again when it is ready.",
                    reason="warm_up",
                )
            self._told(f"node starting up: {warming.message}")
            self._http.clock.sleep(WARM_UP_STEP_SECONDS)
            waited += WARM_UP_STEP_SECONDS

    def expect(self, result: Any, what: str) -> Any:
        """The result, if it is one.

        Raises
        ------
        SourceError
            It is the node's word that it cannot answer.
        """
        if isinstance(result, RpcError):
            raise SourceError(
                f"node: {self._settings.node_url} answers {what} with error {result.code}: {result.message}.",
                hint="Look at the node's log.",
                reason="rpc_error",
                code=result.code,
            )
        return result

    def _post(self, calls: Sequence[Call], is_archived: bool) -> RawPayload:
        body = json.dumps(
            [{"jsonrpc": "1.0", "id": call.id, "method": call.method, "params": list(call.params)} for call in calls]
        ).encode()
        try:
            return self._http.fetch(self._request(body, is_archived))
        except SourceError as error:
            if error.facts.get("reason") == "credential" and self._cookie_changed():
                return self._http.fetch(self._request(body, is_archived))
            raise self._explained(error) from None
        except (NotFound, PayloadError) as error:
            raise self._explained(error) from None

    def _request(self, body: bytes, is_archived: bool) -> Request:
        return Request(
            SOURCE,
            self._settings.node_url,
            headers={"Content-Type": "application/json"},
            body=body,
            auth=self._log_in(),
            accept_status=_ANSWER_STATUS,
            is_archived=is_archived,
            timeout_seconds=PATIENCE * self._settings.http_timeout_seconds,
        )

    def _log_in(self) -> tuple[str, str] | None:
        settings = self._settings
        if settings.node_cookie_file is not None:
            self._cookie = self._cookie or read_cookie(settings.node_cookie_file)
            return self._cookie
        if settings.node_password is None:
            return None
        return settings.node_user or "", settings.node_password.get_secret_value()

    def _cookie_changed(self) -> bool:
        """A node writes a new cookie each time it starts."""
        path = self._settings.node_cookie_file
        if path is None:
            return False
        before, self._cookie = self._cookie, read_cookie(path)
        return self._cookie != before

    def _explained(self, error: HashdeskError) -> HashdeskError:
        """The same failure in the words of someone who runs a node."""
        url, reason, status = self._settings.node_url, error.facts.get("reason"), error.facts.get("status")
        if reason == "credential":
            if self._settings.node_cookie_file is not None:
                what, hint = f"the cookie in {self._settings.node_cookie_file}", "Check that it is this node's cookie."
            elif self._settings.node_password is not None:
                what, hint = "user and password", "Check HASHDESK_NODE_USER and HASHDESK_NODE_PASSWORD."
            else:
                what, hint = (
                    "a call without a log-in",
                    "Set HASHDESK_NODE_COOKIE_FILE, or HASHDESK_NODE_USER and HASHDESK_NODE_PASSWORD.",
                )
            return SourceError(f"node: {url} refuses {what}.", hint=hint, **error.facts)
        if reason == "forbidden":
            return SourceError(
                f"node: {url} forbids this computer or this user to make the calls (status {status}).",
                hint="Look at rpcallowip and rpcwhitelist in the node's configuration.",
                **error.facts,
            )
        if reason == "server_error" and status == 503:
            return SourceError(
                f"node: {url} is too busy: its queue of calls is full (status 503).",
                hint="Try again later, or raise rpcworkqueue in the node's configuration.",
                **error.facts,
            )
        if reason == "refused":
            return SourceError(
                f"node: nothing listens at {url}.",
                hint="Check that the node runs, that its RPC is on (server=1) and HASHDESK_NODE_URL.",
                **error.facts,
            )
        if isinstance(error, NotFound) or reason in ("refused_question", "redirect"):
            return SourceError(
                f"node: {url} is a web server but no Bitcoin node{f' (status {status})' if status else ''}.",
                hint="Check HASHDESK_NODE_URL.",
                reason="not_a_node",
            )
        if isinstance(error, PayloadError):
            return PayloadError(error.message, hint="Check that HASHDESK_NODE_URL is a Bitcoin node's JSON-RPC.")
        return error


def read_cookie(path: Path) -> tuple[str, str]:
    """User and password out of a node's cookie file.

    Raises
    ------
    InputError
        The file is missing, unreadable, or holds no ``user:password``.
    """
    try:
        user, colon, password = path.read_text(encoding="ascii").strip().partition(":")
    except FileNotFoundError:
        raise InputError(
            f"node: cookie file {path} does not exist.",
            hint="Check HASHDESK_NODE_COOKIE_FILE; the node writes it when it starts and removes it when it stops.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not plain text"
        raise InputError(f"node: cookie file {path} cannot be read: {why}.", hint="Check its permissions.") from None
    if not (user and colon and password):
        raise InputError(f"node: cookie file {path} holds no user:password.", hint="Check HASHDESK_NODE_COOKIE_FILE.")
    return user, password


def parse_results(body: bytes, calls: Sequence[Call]) -> list[Any]:
    """Results of a batch in the order of its calls; nodes may answer in any order.

    Raises
    ------
    PayloadError
        Not JSON-RPC, an answer missing, twice or to nothing that was asked.
    """
    answers = json.loads(body)
    if isinstance(answers, dict) and isinstance(answers.get("error"), dict):
        return [_error(answers["error"])] * len(calls)
    if not isinstance(answers, list) or not all(isinstance(answer, dict) for answer in answers):
        raise unreadable("expected a list of JSON-RPC answers", answers, SOURCE, "Check HASHDESK_NODE_URL.")
    by_id: dict[object, dict[str, Any]] = {}
    for answer in answers:
        name = answer.get("id")
        if not isinstance(name, str) or name in by_id:
            raise unreadable("expected one answer to each call", f"a second or nameless one, id {name}", SOURCE)
        by_id[name] = answer
    if by_id.keys() != {call.id for call in calls}:
        odd = sorted(str(name) for name in by_id.keys() ^ {call.id for call in calls})
        raise unreadable(f"expected answers to {len(calls)} calls", f"{len(by_id)}; not matched: {odd[0]}", SOURCE)
    return [_result(by_id[call.id]) for call in calls]


def _result(answer: dict[str, Any]) -> Any:
    if answer.get("error") is not None:
        return _error(answer["error"])
    if "result" not in answer:
        raise unreadable("expected a result or an error", answer, SOURCE)
    return answer["result"]


def _error(error: object) -> RpcError:
    if isinstance(error, dict) and isinstance(error.get("code"), int):
        return RpcError(error["code"], str(error.get("message", "")).strip().rstrip("."))
    raise unreadable("expected an error with a code", error, SOURCE)
