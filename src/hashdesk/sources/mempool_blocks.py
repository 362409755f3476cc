"""Blocks from a mempool.space host, or a compatible one, for who has no node.

The host need not be trusted for the work: each header is put together again from its fields, must hash to the block's
id, meet its target, link to the one before and follow the retarget rule. Fees, transactions and weight are its word.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hashdesk.chain.headers import Header, parse_header
from hashdesk.chain.rules import ChainRules
from hashdesk.sources.base import Batch, RateLimit, RawPayload, Request, Source, SyncContext, unreadable
from hashdesk.sources.chain_tables import ChainMoved, Contents, follow
from hashdesk.sources.fields import decode, part

SOURCE = Source(
    id="mempool",
    title="mempool.space blocks and mining statistics",
    publisher="mempool.space",
    url="https://mempool.space/docs/api/rest",
    licence="facts of a public interface; the software is AGPL-3.0",
    cadence="blocks about every ten minutes; statistics daily",
    revises="past days when the host indexes anew; a reorganisation replaces the last blocks",
    rate=RateLimit(2, 1.0),
)

TRUSTED = "bitcoin-node"
"""Source whose blocks need no second word."""

MOST_FEES_SAT = 500 * 10**8
"""The dearest block so far paid 291 BTC of fees by mistake. [satoshi]"""


def request_page(base_url: str, height: int | None = None) -> Request:
    """The question for up to 15 blocks from a height downward; from the tip without one."""
    url = f"{base_url.rstrip('/')}/api/v1/blocks"
    return Request(SOURCE, url if height is None else f"{url}/{height}")


def parse_page(body: bytes, rules: ChainRules) -> dict[int, tuple[Header, Contents]]:
    """Blocks of a page by height, each with the header that its fields make.

    Raises
    ------
    PayloadError
        A field is missing or of another kind; fields that do not hash to the id; a reward that is not subsidy and
        fees: then the amounts are in another unit; two blocks of one height.
    """
    found: dict[int, tuple[Header, Contents]] = {}
    for block in decode(body, list, "blocks", SOURCE):
        height = part(block, "height", int, "blocks", SOURCE)
        item = _header(block, height), _contents(block, height, rules)
        if found.setdefault(height, item) != item:
            raise unreadable(f"blocks: expected one block of height {height}", block.get("id"), SOURCE)
    return found


def sync(context: SyncContext) -> Iterator[Batch]:
    """Blocks that the host has and the store has not, and the days and epochs that they make.

    Where the store knows nothing of the chain it is left so: fifteen blocks a question are too few to fetch it all.

    Yields
    ------
    Batch
        Rows of ``blocks``; then, on the main chain, of ``epochs`` and ``network_daily``.

    Raises
    ------
    InputError
        The store is about another chain than the settings.
    SourceError, PayloadError
        No answer, or one that cannot be read.
    DataError
        Blocks that break the rules of the chain.
    """
    facts = context.facts
    if context.chain == "main" and not facts.read("network_daily").height and not facts.read("blocks").height:
        return
    yield from follow(context, lambda rules: _open(context, rules), TRUSTED)


@dataclass
class _Host:
    """One host and the pages that this run has of it."""

    context: SyncContext
    rules: ChainRules
    url: str
    tip: int
    tip_hash: str
    pages: dict[int, tuple[Header, Contents]]
    source: Source = SOURCE
    replaces: str = ""
    payloads: list[RawPayload] = field(default_factory=list)

    def hashes(self, heights: Sequence[int]) -> list[str | None]:
        """Hashes at heights; None above the tip."""
        self._fetch([height for height in heights if height <= self.tip])
        return [self.pages[height][0].hash if height in self.pages else None for height in heights]

    def headers(self, heights: Sequence[int]) -> tuple[dict[int, Header], tuple[RawPayload, ...]]:
        """Headers at heights, and the answers that came since they were last asked for."""
        self._fetch(heights)
        payloads, self.payloads = tuple(self.payloads), []
        return {height: self.pages[height][0] for height in heights}, payloads

    def contents(self, headers: Mapping[int, Header]) -> tuple[dict[int, Contents], tuple[RawPayload, ...]]:
        """What the blocks hold by the host's word."""
        return {height: self.pages.pop(height)[1] for height in headers}, ()

    def _fetch(self, heights: Sequence[int]) -> None:
        for height in sorted(heights, reverse=True):
            if height in self.pages:
                continue
            payload = self.context.http.fetch(request_page(self.context.settings.mempool_url, height))
            page = parse_page(payload.body, self.rules)
            if height not in page:
                raise ChainMoved
            self.payloads.append(payload)
            self.pages |= page


def _open(context: SyncContext, rules: ChainRules) -> _Host:
    """Ask for the tip."""
    url = context.settings.mempool_url
    payload = context.http.fetch(request_page(url))
    page = parse_page(payload.body, rules)
    if not page:
        raise unreadable("blocks: expected the newest blocks", "none", SOURCE)
    tip = max(page)
    return _Host(context, rules, url, tip, page[tip][0].hash, page, payloads=[payload])


def _header(block: Any, height: int) -> Header:
    where = f"block {height}"
    numbers = [part(block, name, int, where, SOURCE) for name in ("version", "timestamp", "bits", "nonce")]
    # The first block has none before it.
    before = part(block, "previousblockhash", str, where, SOURCE) if height else "0" * 64
    try:
        version, time, bits, nonce = (number % 2**32 for number in numbers)
        prev_hash, merkle_root = (
            bytes.fromhex(text)[::-1] for text in (before, part(block, "merkle_root", str, where, SOURCE))
        )
        header = parse_header(struct.pack("<I32s32sIII", version, prev_hash, merkle_root, time, bits, nonce))
    except ValueError:
        raise unreadable(f"{where}: expected hashes in hexadecimal digits", before, SOURCE) from None
    if header.hash != part(block, "id", str, where, SOURCE):
        raise unreadable(f"{where}: expected fields that hash to the id {block['id']}", header.hash, SOURCE)
    return header


def _contents(block: Any, height: int, rules: ChainRules) -> Contents:
    where = f"block {height}"
    tx_count, weight = (part(block, name, int, where, SOURCE) for name in ("tx_count", "weight"))
    extras = block.get("extras") or {}
    if not isinstance(extras, dict) or "totalFees" not in extras:
        return Contents(None, tx_count, weight)  # A host that does not index its blocks.
    fees_sat = part(extras, "totalFees", int, where, SOURCE)
    if not 0 <= fees_sat <= MOST_FEES_SAT:
        raise unreadable(f"{where}: expected fees of up to {MOST_FEES_SAT} satoshi", fees_sat, SOURCE)
    if fees_sat == 0 and tx_count > 1:
        return Contents(None, tx_count, weight)  # Zero stands for a block that the host has not indexed.
    reward, due = part(extras, "reward", int, where, SOURCE), rules.subsidy_sat(height) + fees_sat
    # A miner may claim less than its due, which has happened by mistake, but not a fraction of it.
    if not due / 2 <= reward <= due:
        raise unreadable(f"{where}: expected a reward of {due} satoshi, subsidy and fees", reward, SOURCE)
    return Contents(fees_sat, tx_count, weight)
