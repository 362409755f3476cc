"""A mempool.space host in a few lines: the blocks of a fake node, a page at a time."""

from __future__ import annotations

import json
from typing import Any

from hashdesk.chain.headers import parse_header
from tests.faults.fake_node import RULES, FakeNode
from tests.faults.hostile_server import Answer, Question

PAGE = 15


class FakeMempool:
    """Answers ``/api/v1/blocks`` and ``/api/v1/blocks/HEIGHT``."""

    def __init__(self, node: FakeNode) -> None:
        self.node = node
        self.is_indexed = True
        self.page = PAGE

    def block(self, height: int) -> dict[str, Any]:
        raw, fees = self.node.raw[height], self.node.fees[height]
        header = parse_header(raw[:80])
        extras = {"totalFees": fees, "reward": RULES.subsidy_sat(height) + fees, "medianFee": 1.5}
        return {
            "id": header.hash,
            "height": height,
            "version": header.version,
            "timestamp": header.time,
            "bits": header.bits,
            "nonce": header.nonce,
            "difficulty": 4.6e-10,
            "merkle_root": header.merkle_root,
            "tx_count": 3,
            "size": len(raw),
            "weight": 4 * len(raw),
            "previousblockhash": header.prev_hash if height else None,
            "mediantime": header.time,
            **({"extras": extras} if self.is_indexed else {}),
        }

    def __call__(self, question: Question) -> Answer:
        if not question.path.startswith("/api/v1/blocks"):
            return 404, b"not found"
        tip = len(self.node.raw) - 1
        text = question.path.removeprefix("/api/v1/blocks").strip("/")
        top = min(int(text), tip) if text else tip
        return json.dumps([self.block(height) for height in range(top, max(-1, top - self.page), -1)]).encode()
