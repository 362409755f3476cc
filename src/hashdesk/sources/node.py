"""Blocks from a Bitcoin node: what is new since the store's last block, reorganisations included.

The store's blocks are compared with the node's from the top down until a hash agrees; everything above is fetched,
checked (links, proof of work, retarget rule) and handed over in batches. A batch that was committed stays: the next run
goes on from there. On the main chain the days and epochs that the blocks complete follow.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hashdesk.chain.days import days_from_blocks
from hashdesk.chain.headers import Header
from hashdesk.chain.rules import MEDIAN_BLOCKS, ChainRules, active_chain, chain_rules, check_header
from hashdesk.errors import DataError, InputError
from hashdesk.sources.base import Batch, RawPayload, SyncContext, unreadable
from hashdesk.sources.node_blocks import (
    Contents,
    block_frame,
    fetch_contents,
    fetch_hashes,
    fetch_headers,
    fetch_stats,
)
from hashdesk.sources.node_rpc import SOURCE, Call, NodeRpc
from hashdesk.units import BLOCKS_PER_EPOCH

if TYPE_CHECKING:
    import polars as pl

__all__ = ["SOURCE", "sync"]

BLOCKS_PER_BATCH = 500
"""Blocks that are committed together."""

RUN_UP_BLOCKS = 400
"""Blocks before the first one wanted that make sure of whole days: header times stray by hours."""

MAX_RESTARTS = 5
"""Reorganisations that may come in the middle of one run."""

_NAMES = {"mainnet": "main", "testnet": "test", "testnet3": "test", "simnet": "regtest"}
"""Names that other nodes give the chains."""


class _ChainMoved(Exception):
    """The node's chain changed while it was read."""


@dataclass
class _Node:
    """One node and what this run knows of its chain."""

    rpc: NodeRpc
    rules: ChainRules
    tip: int
    tip_hash: str
    prune_height: int
    has_stats: bool = True
    headers: dict[int, Header] = field(default_factory=dict)


def sync(context: SyncContext) -> Iterator[Batch]:
    """What the node has and the store has not, in batches; the next batch is fetched when it is asked for.

    Parameters
    ----------
    context : SyncContext
        Socket, settings (``node_url``, log-in, ``chain``), the store's tables and the time.

    Yields
    ------
    Batch
        Rows of ``blocks``; then, on the main chain, of ``epochs`` and ``network_daily``.

    Raises
    ------
    InputError
        The node or the settings are about another chain than the store; an address or log-in that cannot be used.
    SourceError
        No node there, a refused log-in, a node that is still starting up.
    PayloadError
        An answer that is not what nodes give.
    DataError
        The node's blocks break the rules of the chain.
    """
    rules = chain_rules(context.chain)
    first_new: int | None = None
    for _ in range(MAX_RESTARTS):
        stored = _stored_blocks(context, rules)
        node = _open(context, rules)
        start, caveat = _start(context, node, stored)
        if first_new is None or start < first_new:
            first_new = start
        try:
            yield from _new_blocks(context, node, stored, start, caveat)
            break
        except _ChainMoved:
            continue
    else:
        raise DataError(
            f"node: {context.settings.node_url} gave blocks that do not follow each other, {MAX_RESTARTS} times.",
            hint="Look at the node's log: its chain keeps changing or its answers are wrong.",
        )
    if rules.name == "main":
        yield from _derived(context, first_new)


def _open(context: SyncContext, rules: ChainRules) -> _Node:
    """Ask the node who it is, and refuse one of another chain."""
    url = context.settings.node_url
    rpc = NodeRpc(context.http, context.settings, lambda what: context.progress.step(what, 0, 1))
    results, _ = rpc.batch([Call("getblockchaininfo", "getblockchaininfo"), Call("genesis", "getblockhash", (0,))])
    info, genesis = rpc.expect(results[0], "getblockchaininfo"), rpc.expect(results[1], "getblockhash")
    if not isinstance(info, dict) or type(info.get("blocks")) is not int or not info.get("bestblockhash"):
        raise unreadable("getblockchaininfo: expected chain, blocks and bestblockhash", info, SOURCE)
    name = _NAMES.get(str(info.get("chain")), str(info.get("chain")))
    if name != rules.name or genesis != rules.genesis_hash:
        what = f"of chain {name}" if name != rules.name else f"of a chain that begins with block {genesis}"
        raise InputError(
            f"node: {url} is a node {what}; the store is about {rules.name}.",
            hint="Set HASHDESK_NODE_URL to a node of that chain, or HASHDESK_CHAIN and a store of its own.",
        )
    pruned = info.get("pruneheight") if info.get("pruned") else 0
    return _Node(rpc, rules, info["blocks"], str(info["bestblockhash"]), pruned if type(pruned) is int else 0)


def _stored_blocks(context: SyncContext, rules: ChainRules) -> pl.DataFrame:
    """The store's blocks on the active branch; refuses a store of another chain."""
    blocks = context.facts.read("blocks")
    held = set(blocks["chain"].drop_nulls().unique()) if blocks.height else set()
    if not held and context.facts.read("network_daily").height:
        held = {"main"}
    if held - {rules.name}:
        raise InputError(
            f"node: the store holds the chain {', '.join(sorted(held))}, the settings say {rules.name}.",
            hint="Set HASHDESK_CHAIN to the store's chain, or HASHDESK_STORE to a store of its own.",
        )
    return active_chain(blocks)


def _start(context: SyncContext, node: _Node, stored: pl.DataFrame) -> tuple[int, str]:
    """First height to fetch, and what a reader must know if stored blocks are replaced."""
    known = stored.filter(stored["hash"].is_not_null() & (stored["height"] <= node.tip)).select("height", "hash")
    if not known.height:
        return _first_wanted(context, node.rules), ""
    if known.row(-1) == (node.tip, node.tip_hash):
        return node.tip + 1, ""
    at, span = known.height, 1
    while at > 0:
        some = known[max(0, at - span) : at][::-1]
        for (height, stored_hash), found in zip(
            some.rows(), fetch_hashes(node.rpc, some["height"].to_list()), strict=True
        ):
            if found == stored_hash:
                gone = stored.filter(stored["height"] > height).height
                return height + 1, _reorganised(height, gone, node)
        at, span = at - span, span * 10
    raise DataError(
        f"node: none of the {known.height} stored blocks is on the chain of {context.settings.node_url}.",
        hint="Check the node, or load the store anew.",
    )


def _reorganised(fork: int, gone: int, node: _Node) -> str:
    if not gone or node.tip == fork:
        return ""
    return f"A reorganisation replaced {gone} stored blocks from height {fork + 1} on."


def _first_wanted(context: SyncContext, rules: ChainRules) -> int:
    """Where a store without blocks begins: where its days end, or at the first block."""
    if rules.name != "main":
        return 0
    days = context.facts.read("network_daily")
    if not days.height:
        return 0
    return max(0, int(days.sort("date")["height_last"][-1]) - RUN_UP_BLOCKS)


def _new_blocks(context: SyncContext, node: _Node, stored: pl.DataFrame, start: int, caveat: str) -> Iterator[Batch]:
    if start > node.tip:
        return
    _load_run_up(node, stored, start)
    total = node.tip + 1 - start
    for low in range(start, node.tip + 1, BLOCKS_PER_BATCH):
        heights = range(low, min(low + BLOCKS_PER_BATCH, node.tip + 1))
        context.progress.step(f"blocks {heights[0]} to {heights[-1]}", low - start, total)
        batch = _batch(node, heights, caveat)
        yield batch
        caveat = ""
        oldest = low - 2 * BLOCKS_PER_EPOCH
        for height in [height for height in node.headers if height < oldest]:
            del node.headers[height]


def _load_run_up(node: _Node, stored: pl.DataFrame, start: int) -> None:
    """Headers that the first new ones are checked against: ten before, and the first of the epoch."""
    wanted = {height for height in range(start - MEDIAN_BLOCKS + 1, start) if height >= 0}
    if start:
        wanted.add((start - 1) // BLOCKS_PER_EPOCH * BLOCKS_PER_EPOCH)
    for row in stored.filter(stored["height"].is_in(list(wanted))).iter_rows(named=True):
        if row["hash"] is not None:
            node.headers[row["height"]] = Header(
                row["hash"], row["prev_hash"] or "", "", 0, int(row["time"].timestamp()), int(row["bits"], 16), 0
            )
    headers, _ = fetch_headers(node.rpc, _hashes(node, sorted(wanted - node.headers.keys())))
    node.headers.update(headers)


def _hashes(node: _Node, heights: list[int]) -> dict[int, str]:
    found = fetch_hashes(node.rpc, heights)
    if None in found:
        raise _ChainMoved
    return {height: name for height, name in zip(heights, found, strict=True) if name is not None}


def _batch(node: _Node, heights: range, caveat: str) -> Batch:
    """Rows for some heights, each header checked against the one before."""
    hashes = _hashes(node, list(heights))
    headers, payloads = fetch_headers(node.rpc, hashes)
    for height in heights:
        header, previous = headers[height], node.headers.get(height - 1)
        if previous is not None and header.prev_hash != previous.hash:
            raise _ChainMoved
        epoch_first = node.headers.get((height - 1) // BLOCKS_PER_EPOCH * BLOCKS_PER_EPOCH) if height else None
        check_header(header, height, node.rules, previous, epoch_first)
        node.headers[height] = header
    contents, more = _contents(node, hashes)
    frame = block_frame(node.headers, contents, heights, node.rules)
    caveats = [caveat] if caveat else []
    without = frame.filter(frame["fees_sat"].is_null())["height"]
    if without.len():
        caveats.append(
            f"Fees of {without.len()} blocks from height {without[0]} on are not known: no data at the node."
        )
    return Batch("blocks", frame, payloads + more, tuple(caveats))


def _contents(node: _Node, hashes: dict[int, str]) -> tuple[dict[int, Contents], tuple[RawPayload, ...]]:
    """What the blocks hold, by the cheapest call that the node knows; nothing for those it has pruned."""
    kept = {height: name for height, name in hashes.items() if height >= node.prune_height}
    contents: dict[int, Contents] = {}
    payloads: tuple[RawPayload, ...] = ()
    if node.has_stats and kept:
        contents, payloads, node.has_stats = fetch_stats(node.rpc, kept, node.rules)
    rest = {height: name for height, name in kept.items() if height not in contents}
    return contents | fetch_contents(node.rpc, rest, node.rules), payloads


def _derived(context: SyncContext, first_new: int) -> Iterator[Batch]:
    """Epochs and days that the stored blocks complete and the store may not have."""
    import polars as pl

    blocks = active_chain(context.facts.read("blocks"))
    if not blocks.height:
        return
    days = context.facts.read("network_daily").sort("date")
    last = int(days["height_last"][-1]) if days.height else 0
    recent = blocks.filter(pl.col("height") >= min(first_new, last) - RUN_UP_BLOCKS)
    for table, frame in (("epochs", epoch_rows(recent)), ("network_daily", day_rows(recent, context.now))):
        if frame.height:
            yield Batch(table, frame)


def epoch_rows(blocks: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``epochs`` for the first blocks of epochs among some blocks.

    Parameters
    ----------
    blocks : DataFrame, shape (n_blocks, ...)
        Rows of ``blocks``.

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
            source=pl.lit(SOURCE.id),
            known_at=pl.col("time").dt.date(),
        )
    )


def day_rows(blocks: pl.DataFrame, now: dt.datetime) -> pl.DataFrame:
    """Rows of ``network_daily`` for the days that some blocks cover whole, known on the day after.

    Parameters
    ----------
    blocks : DataFrame, shape (n_blocks, ...)
        Rows of ``blocks``.
    now : datetime
        Days that are not over by then are left out.

    Returns
    -------
    DataFrame, shape (n_days, 12)
    """
    import polars as pl

    columns: dict[str, Any] = {
        "day_basis": pl.lit("header_time"),
        "basis": pl.lit("counted"),
        "source": pl.lit(SOURCE.id),
        "known_at": pl.col("date") + dt.timedelta(days=1),
    }
    days = days_from_blocks(blocks).filter(pl.col("date") < now.date())
    return days.drop("height_first").with_columns(**columns)
