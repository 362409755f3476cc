"""Blocks from a Bitcoin node over JSON-RPC; what is new is found and checked by ``chain_tables``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hashdesk.chain.headers import Header
from hashdesk.chain.rules import ChainRules
from hashdesk.errors import InputError
from hashdesk.sources.base import Batch, RawPayload, Source, SyncContext, unreadable
from hashdesk.sources.chain_tables import ChainMoved, Contents, follow
from hashdesk.sources.node_blocks import fetch_contents, fetch_hashes, fetch_headers, fetch_stats
from hashdesk.sources.node_rpc import SOURCE, Call, NodeRpc

__all__ = ["SOURCE", "sync"]

_NAMES = {"mainnet": "main", "testnet": "test", "testnet3": "test", "simnet": "regtest"}
"""Names that other nodes give the chains."""


@dataclass
class _Node:
    """One node and what this run knows of its chain."""

    rpc: NodeRpc
    rules: ChainRules
    url: str
    tip: int
    tip_hash: str
    prune_height: int
    has_stats: bool = True
    source: Source = SOURCE
    replaces: str = "mempool"

    def hashes(self, heights: Sequence[int]) -> list[str | None]:
        """Hashes at heights; None above the tip."""
        return fetch_hashes(self.rpc, heights)

    def headers(self, heights: Sequence[int]) -> tuple[dict[int, Header], tuple[RawPayload, ...]]:
        """Headers at heights, and the answers that they came in."""
        named = {height: name for height, name in zip(heights, self.hashes(heights), strict=True) if name is not None}
        if len(named) < len(heights):
            raise ChainMoved
        return fetch_headers(self.rpc, named)

    def contents(self, headers: Mapping[int, Header]) -> tuple[dict[int, Contents], tuple[RawPayload, ...]]:
        """What the blocks hold, by the cheapest call that the node knows; nothing for those it has pruned."""
        kept = {height: header.hash for height, header in headers.items() if height >= self.prune_height}
        contents: dict[int, Contents] = {}
        payloads: tuple[RawPayload, ...] = ()
        if self.has_stats and kept:
            contents, payloads, self.has_stats = fetch_stats(self.rpc, kept, self.rules)
        rest = {height: name for height, name in kept.items() if height not in contents}
        return contents | fetch_contents(self.rpc, rest, self.rules), payloads


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
    return follow(context, lambda rules: _open(context, rules))


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
    return _Node(rpc, rules, url, info["blocks"], str(info["bestblockhash"]), pruned if type(pruned) is int else 0)
