"""What every source shares: who publishes it, one question, one answer, one batch of rows, and what a run is given.

A source is a module with one ``SOURCE`` record, plain functions ``request_x(query) -> Request`` and
``parse_x(bytes) -> frame``, and ``sync(context) -> Iterator[Batch]``.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode, urlsplit, urlunsplit

from hashdesk.errors import InputError, PayloadError
from hashdesk.progress import Progress, Silent

if TYPE_CHECKING:
    import polars as pl

    from hashdesk.config import Settings
    from hashdesk.sources.http import HttpClient

FOREVER = dt.timedelta.max
"""Age of an answer that never changes: a filing, a buried block, a past day of a series that is not revised."""

NEVER = dt.timedelta(0)
"""Age of an answer that is asked for anew each time."""

MASK = "***"
"""Stands where a secret stood."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How often a publisher lets us ask: ``calls`` in ``per_seconds`` [s]."""

    calls: int
    per_seconds: float


@dataclass(frozen=True, slots=True)
class Source:
    """Who publishes what, on which terms, and how it may be asked."""

    id: str
    """Name in the column ``source`` of the rows."""
    title: str
    publisher: str
    url: str
    """Page that describes the interface."""
    licence: str
    cadence: str
    """How often something new comes."""
    revises: str
    """Whether and how the publisher changes what it has published."""
    rate: RateLimit
    needs_contact: bool = False
    """True where the publisher turns away clients that do not say who they are."""
    label: str = ""
    """Name in messages where it is not the id."""

    @property
    def name(self) -> str:
        """Name in messages: that of the command line."""
        return self.label or self.id


@dataclass(frozen=True, slots=True)
class Request:
    """One question to one source; what is secret in it reaches the wire and nothing else."""

    source: Source
    url: str
    """Address without a query."""
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Sent by POST; None asks by GET."""
    expect: str = "json"
    """``json``, ``csv``, ``text``, ``html`` or ``any``: what the answer must look like."""
    max_age: dt.timedelta = NEVER
    """An archived answer younger than this is used in place of a new one; :data:`FOREVER` for what never changes."""
    secret_params: frozenset[str] = frozenset()
    """Names in ``params`` whose values are secret."""
    auth: tuple[str, str] | None = field(default=None, repr=False)
    """User and password."""
    accept_status: frozenset[int] = frozenset()
    """Statuses besides 2xx whose body is the answer."""
    is_archived: bool = True
    """False where the answer is too big to keep and can be had again for ever."""
    timeout_seconds: float | None = None
    """Longest wait for the whole answer; None is the setting. [s]"""

    @property
    def wire_url(self) -> str:
        """Address with its query, secrets included."""
        return _with_query(self.url, self.params)

    @property
    def public_url(self) -> str:
        """Address with its query, secrets masked: the only form that errors and the archive see."""
        shown = {key: MASK if key in self.secret_params else value for key, value in self.params.items()}
        parts = urlsplit(_with_query(self.url, shown))
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, parts.query, ""))

    @property
    def key(self) -> str:
        """Name of the answer in the archive: the public address and, for POST, a hash of the body."""
        if self.body is None:
            return self.public_url
        return f"{self.public_url}#{hashlib.sha256(self.body).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class RawPayload:
    """An answer as it came, before anyone read it."""

    body: bytes = field(repr=False)
    url: str
    """Key of the request: its address without secrets."""
    source: str
    """Id of the source."""
    retrieved_at: dt.datetime
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    """The few headers that say what the body is."""

    @property
    def sha256(self) -> str:
        """Hash of the body."""
        return hashlib.sha256(self.body).hexdigest()


class KeptPayload(Protocol):
    """An answer as an archive gives it back."""

    @property
    def body(self) -> bytes:
        """The bytes."""

    @property
    def url(self) -> str:
        """Key of the request."""

    @property
    def source(self) -> str:
        """Id of the source."""

    @property
    def retrieved_at(self) -> dt.datetime:
        """When it came."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that were kept."""


class RawArchive(Protocol):
    """Where answers are kept; the cache of the client, and what a table is rebuilt from offline."""

    def put(self, payload: RawPayload) -> None:
        """Keep an answer."""

    def latest(self, url: str) -> KeptPayload | None:
        """The newest answer to a request key; None where there is none."""

    def iterate(self, source: str) -> Iterator[KeptPayload]:
        """Every answer of a source, oldest first."""


class MemoryArchive:
    """An archive that lives as long as the process: for runs without a store."""

    def __init__(self, payloads: Iterable[RawPayload] = ()) -> None:
        self._payloads: list[RawPayload] = list(payloads)

    def put(self, payload: RawPayload) -> None:
        """Keep an answer."""
        self._payloads.append(payload)

    def latest(self, url: str) -> RawPayload | None:
        """The newest answer to a request key."""
        return next((payload for payload in reversed(self._payloads) if payload.url == url), None)

    def iterate(self, source: str) -> Iterator[RawPayload]:
        """Every answer of a source, oldest first."""
        return (payload for payload in self._payloads if payload.source == source)


class Facts(Protocol):
    """What a source may know of the store: tables as they stand."""

    def read(self, table: str, as_of: dt.date | None = None, *, where: str | None = None) -> pl.DataFrame:
        """A table as it was known on a day, where its keys meet a condition in SQL; everything when both are left out.

        The store reads no more than it must for ``where``, such as ``height >= 900000``.
        """


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one table that the store commits together, with the answers they were read from."""

    table: str
    frame: pl.DataFrame
    payloads: tuple[RawPayload, ...] = ()
    caveats: tuple[str, ...] = ()
    """What a reader of these rows must know, one sentence each."""


@dataclass(frozen=True)
class SyncContext:
    """What a run of a source is given."""

    http: HttpClient
    settings: Settings
    facts: Facts
    now: dt.datetime
    progress: Progress = field(default_factory=Silent)

    @property
    def chain(self) -> str:
        """The chain that the store is about: ``main``, ``test``, ``testnet4``, ``signet`` or ``regtest``."""
        return self.settings.chain


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """A source as the registry lists it; its module is imported when it is used."""

    id: str
    module: str
    tables: tuple[str, ...]
    """Tables that it writes, in order."""
    summary: str
    extra: str = ""
    """Extra of the package that it needs."""

    def load(self) -> ModuleType:
        """The module, with ``SOURCE`` and ``sync``.

        Raises
        ------
        InputError
            A library that it needs is not installed.
        """
        try:
            return importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("hashdesk"):
                raise
            raise InputError(
                f"source {self.id}: the library {error.name} is not installed.",
                hint=f"Install hashdesk[{self.extra or self.id}].",
            ) from None

    def sync(self, context: SyncContext) -> Iterator[Batch]:
        """Batches of what is new; the next one is fetched only when it is asked for."""
        batches: Iterator[Batch] = self.load().sync(context)
        return batches


def unreadable(what: str, got: object, source: Source, hint: str = "") -> PayloadError:
    """The error for an answer that is not what its publisher documents.

    Parameters
    ----------
    what : str
        What was expected and where.
    got : object
        What came; cut to one short line.
    source : Source
        Whose answer it is.
    hint : str, optional
        Next step; by default, to try again and then to report a change of format.
    """
    text = " ".join(str(got).split())
    shown = text if len(text) <= 120 else f"{text[:117]}..."
    return PayloadError(
        f"{source.name}: {what}, got {shown!r}.",
        hint=hint or "Try again later; if it stays so, the publisher changed its format.",
        source=source.id,
    )


def _with_query(url: str, params: Mapping[str, str]) -> str:
    if not params:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(params, safe=MASK)}"
