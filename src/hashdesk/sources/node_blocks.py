"""Blocks as rows, read from a node's answers; parsed answers carry their height in the id of the call."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hashdesk.chain.headers import Header, parse_block, parse_header
from hashdesk.chain.rules import ChainRules
from hashdesk.errors import PayloadError
from hashdesk.sources.base import KeptPayload, RawPayload, unreadable
from hashdesk.sources.chain_tables import Contents, block_frame
from hashdesk.sources.node_rpc import METHOD_NOT_FOUND, SOURCE, Call, NodeRpc, RpcError

if TYPE_CHECKING:
    import polars as pl

CALLS_PER_REQUEST = 100
"""Small calls that travel together."""

RAW_BYTES_PER_REQUEST = 16 * 1024 * 1024
"""Aimed-at size of an answer with whole blocks. [bytes]"""

STATS = ("blockhash", "height", "subsidy", "totalfee", "txs")
"""What is asked of ``getblockstats``; its weights leave out the coinbase and are no use as a block's weight."""


def fetch_hashes(rpc: NodeRpc, heights: Sequence[int]) -> list[str | None]:
    """Hashes at heights; None above the node's tip."""
    found: list[str | None] = []
    for some in _chunks(heights, CALLS_PER_REQUEST):
        results, _ = rpc.batch([Call(f"getblockhash {height}", "getblockhash", (height,)) for height in some])
        for height, result in zip(some, results, strict=True):
            if isinstance(result, RpcError) and result.code == METHOD_NOT_FOUND:
                rpc.expect(result, "getblockhash")
            found.append(None if isinstance(result, RpcError) else parse_hash(result, height))
    return found


def fetch_headers(rpc: NodeRpc, hashes: Mapping[int, str]) -> tuple[dict[int, Header], tuple[RawPayload, ...]]:
    """Headers by height, each checked to have the hash it was asked by, and the answers they came in."""
    headers: dict[int, Header] = {}
    payloads: list[RawPayload] = []
    for some in _chunks(sorted(hashes), CALLS_PER_REQUEST):
        calls = [Call(f"getblockheader {height}", "getblockheader", (hashes[height], False)) for height in some]
        results, payload = rpc.batch(calls, is_archived=True)
        payloads.append(payload)
        for height, result in zip(some, results, strict=True):
            header = parse_header_hex(rpc.expect(result, f"getblockheader {hashes[height]}"), height)
            if header.hash != hashes[height]:
                raise unreadable(f"height {height}: expected the header of {hashes[height]}", header.hash, SOURCE)
            headers[height] = header
    return headers, tuple(payloads)


def fetch_stats(
    rpc: NodeRpc, hashes: Mapping[int, str], rules: ChainRules
) -> tuple[dict[int, Contents], tuple[RawPayload, ...], bool]:
    """Fees and transactions by ``getblockstats``, where the node answers; last, whether it knows the call at all."""
    contents: dict[int, Contents] = {}
    payloads: list[RawPayload] = []
    for some in _chunks(sorted(hashes), CALLS_PER_REQUEST):
        calls = [Call(f"getblockstats {height}", "getblockstats", (hashes[height], list(STATS))) for height in some]
        results, payload = rpc.batch(calls, is_archived=True)
        if any(isinstance(result, RpcError) and result.code == METHOD_NOT_FOUND for result in results):
            return contents, tuple(payloads), False
        payloads.append(payload)
        for height, result in zip(some, results, strict=True):
            if not isinstance(result, RpcError):
                contents[height] = parse_stats(result, height, hashes[height], rules)
    return contents, tuple(payloads), True


def fetch_contents(rpc: NodeRpc, hashes: Mapping[int, str], rules: ChainRules) -> dict[int, Contents]:
    """Fees, transactions and weight out of whole blocks; empty for a block that the node has pruned.

    Whole blocks are not kept: they fill hundreds of gigabytes and any node has them.

    Raises
    ------
    SourceError
        The node cannot give a block for another reason.
    """
    contents: dict[int, Contents] = {}
    heights, at, step = sorted(hashes), 0, 4
    while at < len(heights):
        some = heights[at : at + step]
        results, payload = rpc.batch([Call(f"getblock {height}", "getblock", (hashes[height], 0)) for height in some])
        for height, result in zip(some, results, strict=True):
            if isinstance(result, RpcError) and "not available" in result.message.lower():
                contents[height] = Contents()
            else:
                raw = rpc.expect(result, f"getblock {hashes[height]}")
                contents[height] = parse_contents(raw, height, hashes[height], rules)
        at += len(some)
        each = max(1, len(payload.body) // len(some))
        step = max(1, min(CALLS_PER_REQUEST, RAW_BYTES_PER_REQUEST // each))
    return contents


def parse_hash(result: object, height: int) -> str:
    """A block hash.

    Raises
    ------
    PayloadError
        Not 64 hexadecimal digits.
    """
    if isinstance(result, str) and len(result) == 64 and not set(result) - set("0123456789abcdef"):
        return result
    raise unreadable(f"height {height}: expected a hash of 64 digits", result, SOURCE)


def parse_header_hex(result: object, height: int) -> Header:
    """A header out of 160 hexadecimal digits.

    Raises
    ------
    PayloadError
        Anything else.
    """
    try:
        return parse_header(bytes.fromhex(result))  # type: ignore[arg-type]
    except (TypeError, ValueError, PayloadError):
        raise unreadable(f"height {height}: expected a header of 160 hexadecimal digits", result, SOURCE) from None


def parse_stats(result: object, height: int, block_hash: str, rules: ChainRules) -> Contents:
    """Fees and transactions out of ``getblockstats``.

    Raises
    ------
    PayloadError
        A field is missing or of another kind, is about another block, or a subsidy that the rules do not give: then
        the amounts are in another unit.
    """
    where = f"getblockstats {height}"
    if not isinstance(result, dict):
        raise unreadable(f"{where}: expected an object", result, SOURCE)
    fields: dict[str, Any] = result
    for name in ("height", "subsidy", "totalfee", "txs"):
        if type(fields.get(name)) is not int or fields[name] < 0:
            raise unreadable(f"{where}: expected a whole number as {name}", fields.get(name), SOURCE)
    if fields.get("blockhash") != block_hash or fields["height"] != height:
        raise unreadable(f"{where}: expected block {block_hash}", fields.get("blockhash"), SOURCE)
    if fields["subsidy"] != rules.subsidy_sat(height):
        raise unreadable(
            f"{where}: expected a subsidy of {rules.subsidy_sat(height)} satoshi", fields["subsidy"], SOURCE
        )
    return Contents(fields["totalfee"], fields["txs"])


def parse_contents(result: object, height: int, block_hash: str, rules: ChainRules) -> Contents:
    """Fees (coinbase value less subsidy), transactions and weight out of a whole block in hexadecimal digits.

    A coinbase that claims less than the subsidy leaves the fees unknown: they went nowhere.

    Raises
    ------
    PayloadError
        Not a block, or another one.
    """
    try:
        block = parse_block(bytes.fromhex(result))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise unreadable(f"getblock {height}: expected a block in hexadecimal digits", result, SOURCE) from None
    if block.header.hash != block_hash:
        raise unreadable(f"getblock {height}: expected block {block_hash}", block.header.hash, SOURCE)
    fees_sat = block.coinbase_sat - rules.subsidy_sat(height)
    return Contents(fees_sat if fees_sat >= 0 else None, block.tx_count, block.weight)


def rows_from_archive(payloads: Iterable[KeptPayload], rules: ChainRules) -> pl.DataFrame:
    """Rows of the table ``blocks`` out of kept answers alone, without a node.

    Fees of blocks that were read whole are null: whole blocks are not kept.

    Parameters
    ----------
    payloads : iterable of KeptPayload
        Answers of this source, oldest first; of two about one height the later holds.
    rules : ChainRules
        The chain.
    """
    headers: dict[int, Header] = {}
    stats: dict[int, object] = {}
    for payload in payloads:
        for answer in json.loads(payload.body):
            method, _, height = str(answer.get("id")).partition(" ")
            if answer.get("error") is None and method == "getblockheader":
                headers[int(height)] = parse_header_hex(answer["result"], int(height))
            elif answer.get("error") is None and method == "getblockstats":
                stats[int(height)] = answer["result"]
    contents = {
        height: parse_stats(result, height, headers[height].hash, rules)
        for height, result in stats.items()
        if height in headers and isinstance(result, dict) and result.get("blockhash") == headers[height].hash
    }
    return block_frame(headers, contents, sorted(headers), rules, SOURCE)


def _chunks(items: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    return (items[at : at + size] for at in range(0, len(items), size))
