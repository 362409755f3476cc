"""From a peer's headers to the tables of the chain: what is new, checked, in batches; reorganisations included.

A peer is whoever gives blocks: a node, or a host on the web. The store's blocks are compared with the peer's from the
top down until a hash agrees; everything above is fetched, checked (links, proof of work, retarget rule) and handed over
in batches. A batch that was committed stays: the next run goes on from there. On the main chain the days and epochs
that the blocks complete follow.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from hashdesk.chain.days import days_from_blocks
from hashdesk.chain.headers import Header, difficulty_from_bits
from hashdesk.chain.rules import MEDIAN_BLOCKS, ChainRules, active_chain, chain_rules, check_header, median_time
from hashdesk.errors import DataError, InputError
from hashdesk.sources.base import Batch, RawPayload, Source, SyncContext
from hashdesk.units import BLOCKS_PER_EPOCH

if TYPE_CHECKING:
    import polars as pl

BLOCKS_PER_BATCH = 500
"""Blocks that are committed together."""

RUN_UP_BLOCKS = 400
"""Blocks before the first one wanted that make sure of whole days: header times stray by hours."""

WINDOW_BLOCKS = 2 * BLOCKS_PER_EPOCH
"""Stored blocks below the peer's tip that are read first; a store that ends below them is read whole."""

SAME_DIFFICULTY = 1e-6
"""Room for the rounding of providers. [1]"""

MAX_RESTARTS = 5
"""Reorganisations that may come in the middle of one run."""


class ChainMoved(Exception):
    """The peer's chain changed while it was read."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a block says beyond its header; null where the peer does not know it."""

    fees_sat: int | None = None
    tx_count: int | None = None
    weight: int | None = None


class Peer(Protocol):
    """Whoever gives blocks, as one run sees it."""

    source: Source
    url: str
    tip: int
    tip_hash: str
    replaces: str
    """Source whose blocks this peer gives anew: it says the same with less proof."""

    def hashes(self, heights: Sequence[int]) -> list[str | None]:
        """Hashes at heights; None above the peer's tip."""

    def headers(self, heights: Sequence[int]) -> tuple[dict[int, Header], tuple[RawPayload, ...]]:
        """Headers at heights; raises :class:`ChainMoved` where the chain changed meanwhile."""

    def contents(self, headers: Mapping[int, Header]) -> tuple[dict[int, Contents], tuple[RawPayload, ...]]:
        """What these blocks hold, as far as the peer knows."""


def follow(context: SyncContext, open_peer: Callable[[ChainRules], Peer], trusted: str = "") -> Iterator[Batch]:
    """What a peer has and the store has not.

    Parameters
    ----------
    context : SyncContext
        The store's tables, settings and time.
    open_peer : callable
        Asks the peer for its tip; called again after a reorganisation in the middle of the run.
    trusted : str, optional
        Source whose blocks at or above the peer's tip leave nothing to do.

    Yields
    ------
    Batch
        Rows of ``blocks``; then, on the main chain, of ``epochs`` and ``network_daily``.

    Raises
    ------
    InputError
        The store is about another chain than the settings.
    DataError
        The peer's blocks break the rules of the chain.
    """
    rules = chain_rules(context.chain)
    first_new: int | None = None
    for _ in range(MAX_RESTARTS):
        peer = open_peer(rules)
        stored = _stored_blocks(context, rules, peer)
        last = stored.row(-1, named=True) if trusted and stored.height else {}
        if last and last["source"] == trusted and last["height"] >= peer.tip:
            return
        start, caveat = _start(context, rules, peer, stored)
        if first_new is None or start < first_new:
            first_new = start
        try:
            yield from _new_blocks(context, rules, peer, stored, start, caveat)
            break
        except ChainMoved:
            continue
    else:
        raise DataError(
            f"{peer.source.name}: {peer.url} gave blocks that do not follow each other, {MAX_RESTARTS} times.",
            hint="Look at its log: its chain keeps changing or its answers are wrong.",
        )
    if rules.name == "main":
        yield from _derived(context, first_new, peer.source.id)


def check_chain(context: SyncContext, name: str, held: set[str]) -> None:
    """Refuse a store of another chain.

    Raises
    ------
    InputError
        The store is about another chain than the settings.
    """
    if not held and context.facts.read("network_daily").height:
        held = {"main"}
    if held - {context.chain}:
        raise InputError(
            f"{name}: the store holds the chain {', '.join(sorted(held))}, the settings say {context.chain}.",
            hint="Set HASHDESK_CHAIN to the store's chain, or HASHDESK_STORE to a store of its own.",
        )


def _stored_blocks(context: SyncContext, rules: ChainRules, peer: Peer) -> pl.DataFrame:
    """The store's last blocks on the active branch, or all of them where those end far below the peer's tip."""
    blocks = context.facts.read("blocks", where=f"height >= {max(0, peer.tip - WINDOW_BLOCKS)}")
    if not blocks.height:
        blocks = context.facts.read("blocks")
    check_chain(context, peer.source.name, set(blocks["chain"].drop_nulls().unique()) if blocks.height else set())
    return active_chain(blocks)


def _start(context: SyncContext, rules: ChainRules, peer: Peer, stored: pl.DataFrame) -> tuple[int, str]:
    """First height to fetch, and what a reader must know if stored blocks are replaced."""
    known = _known(stored, peer)
    if not stored.height:
        return _first_wanted(context, rules), ""
    if known.height and known.row(-1) == (peer.tip, peer.tip_hash):
        return peer.tip + 1, ""
    fork = _fork(known, peer)
    if fork is None:
        whole = active_chain(context.facts.read("blocks"))
        known = _known(whole, peer)
        if not known.height:
            return _first_wanted(context, rules), ""
        fork = _fork(known, peer)
    if fork is None:
        raise DataError(
            f"{peer.source.name}: none of the {known.height} stored blocks is on the chain of {peer.url}.",
            hint="Check the peer, or load the store anew.",
        )
    gone = stored.filter((stored["height"] > fork) & (stored["source"] != peer.replaces)).height
    if not gone or peer.tip == fork:
        return fork + 1, ""
    return fork + 1, f"A reorganisation replaced {gone} stored blocks from height {fork + 1} on."


def _known(stored: pl.DataFrame, peer: Peer) -> pl.DataFrame:
    """Stored blocks that the peer could confirm."""
    is_known = stored["hash"].is_not_null() & (stored["height"] <= peer.tip) & (stored["source"] != peer.replaces)
    return stored.filter(is_known).select("height", "hash")


def _fork(known: pl.DataFrame, peer: Peer) -> int | None:
    """The highest block that store and peer share."""
    at, span = known.height, 1
    while at > 0:
        some = known[max(0, at - span) : at][::-1]
        for (height, stored_hash), found in zip(some.rows(), peer.hashes(some["height"].to_list()), strict=True):
            if found == stored_hash:
                return int(height)
        at, span = at - span, span * 10
    return None


def _first_wanted(context: SyncContext, rules: ChainRules) -> int:
    """Where a store without blocks begins: where its days end, or at the first block."""
    if rules.name != "main":
        return 0
    days = context.facts.read("network_daily")
    if not days.height:
        return 0
    return max(0, int(days.sort("date")["height_last"][-1]) - RUN_UP_BLOCKS)


def _new_blocks(
    context: SyncContext, rules: ChainRules, peer: Peer, stored: pl.DataFrame, start: int, caveat: str
) -> Iterator[Batch]:
    if start > peer.tip:
        return
    headers = _run_up(peer, stored, start)
    anchor = None if stored.height else _anchor(context, rules)
    total = peer.tip + 1 - start
    for low in range(start, peer.tip + 1, BLOCKS_PER_BATCH):
        heights = range(low, min(low + BLOCKS_PER_BATCH, peer.tip + 1))
        context.progress.step(f"blocks {heights[0]} to {heights[-1]}", low - start, total)
        batch = _batch(rules, peer, headers, heights, caveat)
        _check_anchor(batch, anchor, peer)
        yield batch
        caveat = ""
        oldest = low - 2 * BLOCKS_PER_EPOCH
        for height in [height for height in headers if height < oldest]:
            del headers[height]


def _anchor(context: SyncContext, rules: ChainRules) -> tuple[int, float] | None:
    """A height and its difficulty as the stored days know them: without stored blocks no link ties the new ones."""
    if rules.name != "main":
        return None
    days = context.facts.read("network_daily").drop_nulls("difficulty_eod").sort("date")
    return (int(days["height_last"][-1]) + 1, float(days["difficulty_eod"][-1])) if days.height else None


def _check_anchor(batch: Batch, anchor: tuple[int, float] | None, peer: Peer) -> None:
    if anchor is None:
        return
    height, difficulty = anchor
    for found in batch.frame.filter(batch.frame["height"] == height)["difficulty"]:
        if abs(found / difficulty - 1) > SAME_DIFFICULTY:
            raise DataError(
                f"{peer.source.name}: block {height} has difficulty {found:.6g}, the stored days say "
                f"{difficulty:.6g}: {peer.url} is on another chain.",
                hint="Take another host.",
            )


def _run_up(peer: Peer, stored: pl.DataFrame, start: int) -> dict[int, Header]:
    """Headers that the first new ones are checked against: ten before, and the first of the epoch."""
    wanted = {height for height in range(start - MEDIAN_BLOCKS + 1, start) if height >= 0}
    if start:
        wanted.add((start - 1) // BLOCKS_PER_EPOCH * BLOCKS_PER_EPOCH)
    headers = {
        row["height"]: Header(
            row["hash"], row["prev_hash"] or "", "", 0, int(row["time"].timestamp()), int(row["bits"], 16), 0
        )
        for row in stored.filter(stored["height"].is_in(list(wanted))).iter_rows(named=True)
        if row["hash"] is not None
    }
    missing = sorted(wanted - headers.keys())
    return headers | (peer.headers(missing)[0] if missing else {})


def _batch(rules: ChainRules, peer: Peer, headers: dict[int, Header], heights: range, caveat: str) -> Batch:
    """Rows for some heights, each header checked against the one before."""
    found, payloads = peer.headers(heights)
    for height in heights:
        header, previous = found[height], headers.get(height - 1)
        if previous is not None and header.prev_hash != previous.hash:
            raise ChainMoved
        epoch_first = headers.get((height - 1) // BLOCKS_PER_EPOCH * BLOCKS_PER_EPOCH) if height else None
        check_header(header, height, rules, previous, epoch_first)
        headers[height] = header
    contents, more = peer.contents({height: headers[height] for height in heights})
    frame = block_frame(headers, contents, heights, rules, peer.source)
    caveats = [caveat] if caveat else []
    without = frame.filter(frame["fees_sat"].is_null())["height"]
    if without.len():
        caveats.append(
            f"Fees of {without.len()} blocks from height {without[0]} on are not known: no data at the "
            f"{peer.source.name if peer.source.label else 'host'}."
        )
    return Batch("blocks", frame, payloads + more, tuple(caveats))


def _derived(context: SyncContext, first_new: int, source_id: str) -> Iterator[Batch]:
    """Epochs and days that this source's blocks complete and the store may not have."""
    import polars as pl

    days = context.facts.read("network_daily").sort("date")
    last = int(days["height_last"][-1]) if days.height else 0
    low = max(0, min(first_new, last) - RUN_UP_BLOCKS)
    recent = active_chain(context.facts.read("blocks", where=f"height >= {low}"))
    own = recent.filter(pl.col("source") == source_id)["height"].min()
    if own is None:
        return
    epochs = epoch_rows(recent, source_id).filter(pl.col("start_height") >= own)
    whole = day_rows(recent, context.now, source_id).filter(pl.col("height_last") >= own)
    for table, frame in (("epochs", epochs), ("network_daily", whole)):
        if frame.height:
            yield Batch(table, frame)


def epoch_rows(blocks: pl.DataFrame, source_id: str) -> pl.DataFrame:
    """Rows of ``epochs`` for the first blocks of epochs among some blocks.

    Parameters
    ----------
    blocks : DataFrame, shape (n_blocks, ...)
        Rows of ``blocks``.
    source_id : str
        Who gave them.

    Returns
    -------
    DataFrame, shape (n_epochs, 7)
    """
    import polars as pl

    return (
        blocks.filter(pl.col("height") % BLOCKS_PER_EPOCH == 0)
        .sort("height")
        .select(
            epoch=pl.col("height") // BLOCKS_PER_EPOCH,
            start_height="height",
            start_at="time",
            difficulty="difficulty",
            is_start_estimated=pl.lit(False),
            source=pl.lit(source_id),
            known_at=pl.col("time").dt.date(),
        )
    )


def day_rows(blocks: pl.DataFrame, now: dt.datetime, source_id: str) -> pl.DataFrame:
    """Rows of ``network_daily`` for the days that some blocks cover whole, known on the day after.

    Parameters
    ----------
    blocks : DataFrame, shape (n_blocks, ...)
        Rows of ``blocks``.
    now : datetime
        Days that are not over by then are left out.
    source_id : str
        Who gave them.

    Returns
    -------
    DataFrame, shape (n_days, 12)
    """
    import polars as pl

    columns: dict[str, Any] = {
        "day_basis": pl.lit("header_time"),
        "basis": pl.lit("counted"),
        "source": pl.lit(source_id),
        "known_at": pl.col("date") + dt.timedelta(days=1),
    }
    days = days_from_blocks(blocks).filter(pl.col("date") < now.date())
    return days.drop("height_first").with_columns(**columns)


def block_frame(
    headers: Mapping[int, Header],
    contents: Mapping[int, Contents],
    heights: Iterable[int],
    rules: ChainRules,
    source: Source,
) -> pl.DataFrame:
    """Rows of the table ``blocks``.

    Parameters
    ----------
    headers : mapping of int to Header
        The headers of ``heights`` and of the ten before each; without those the median time is null.
    contents : mapping of int to Contents
        What is known of each block beyond its header.
    heights : iterable of int
        Heights of the rows.
    rules : ChainRules
        The chain.
    source : Source
        Who gave them.

    Returns
    -------
    DataFrame, shape (n_blocks, 14)
        Columns as declared in the catalog.
    """
    import polars as pl

    rows = []
    for height in heights:
        header, content = headers[height], contents.get(height, Contents())
        span = range(max(0, height - MEDIAN_BLOCKS + 1), height + 1)
        is_median_known = all(n in headers for n in span)
        at = dt.datetime.fromtimestamp(header.time, dt.UTC)
        rows.append(
            {
                "height": height,
                "hash": header.hash,
                "prev_hash": header.prev_hash,
                "time": at,
                "mediantime": dt.datetime.fromtimestamp(median_time([headers[n].time for n in span]), dt.UTC)
                if is_median_known
                else None,
                "bits": f"{header.bits:08x}",
                "difficulty": difficulty_from_bits(header.bits),
                "subsidy_sat": rules.subsidy_sat(height),
                "fees_sat": content.fees_sat,
                "tx_count": content.tx_count,
                "weight": content.weight,
                "chain": rules.name,
                "source": source.id,
                "known_at": at.date(),
            }
        )
    whole, text, moment = pl.Int64, pl.String, pl.Datetime("us", "UTC")
    schema: dict[str, Any] = dict.fromkeys(("height", "subsidy_sat", "fees_sat", "tx_count", "weight"), whole)
    schema |= dict.fromkeys(("hash", "prev_hash", "bits", "chain", "source"), text)
    schema |= {"time": moment, "mediantime": moment, "difficulty": pl.Float64, "known_at": pl.Date}
    order = list(rows[0]) if rows else sorted(schema)
    return pl.DataFrame(rows, schema={name: schema[name] for name in order})
