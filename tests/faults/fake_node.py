"""A node in a few lines: a chain with real proof of work at regtest's target, answered over JSON-RPC."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass, field
from typing import Any

from hashdesk.chain.headers import double_sha256, target_from_bits
from hashdesk.chain.rules import chain_rules
from tests.faults.hostile_server import Answer, Question

GENESIS = bytes.fromhex(
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3"
    "888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000"
)
BITS = 0x207FFFFF
RULES = chain_rules("regtest")


def coinbase(height: int, value: int, mark: int) -> bytes:
    """A coinbase with a witness, as blocks have had since 2017."""
    script = struct.pack("<BI", 4, height) + bytes([mark % 256])
    return (
        struct.pack("<i", 2) + b"\x00\x01\x01" + b"\x00" * 32 + b"\xff" * 4 + bytes([len(script)]) + script
        + b"\xff" * 4 + b"\x02" + struct.pack("<Q", value) + b"\x01\x51" + struct.pack("<Q", 0) + b"\x01\x6a"
        + b"\x01\x20" + b"\x00" * 32 + b"\x00" * 4
    )  # fmt: skip


@dataclass
class FakeNode:
    """Answers questions; set its fields to make it another node."""

    has_stats: bool = True
    prune_height: int | None = None
    chain: str = "regtest"
    warm_up: int = 0
    """Requests that are answered with -28."""
    password: str | None = None
    raw: list[bytes] = field(default_factory=list)
    """Blocks by height."""
    fees: list[int] = field(default_factory=list)
    _known: dict[str, int] | None = None

    def __post_init__(self) -> None:
        if not self.raw:
            self.raw.append(GENESIS + b"\x01" + coinbase(0, 50 * 10**8, 0))
            self.fees.append(0)

    def hash(self, height: int) -> str:
        return double_sha256(self.raw[height][:80])[::-1].hex()

    def _height(self, block_hash: str) -> int | None:
        if self._known is None or len(self._known) != len(self.raw) or block_hash not in self._known:
            self._known = {self.hash(height): height for height in range(len(self.raw))}
        return self._known.get(block_hash)

    def mine(self, n: int, *, mark: int = 0, spacing: int = 600) -> None:
        """Add blocks; another mark makes another branch."""
        for _ in range(n):
            height, fee = len(self.raw), 1_000 + len(self.raw)
            body = b"\x01" + coinbase(height, RULES.subsidy_sat(height) + fee, mark)
            time = struct.unpack("<I", self.raw[-1][68:72])[0] + spacing
            merkle = double_sha256(body[1:])
            nonce = 0
            while True:
                header = struct.pack("<i32s32sIII", 4, bytes.fromhex(self.hash(-1))[::-1], merkle, time, BITS, nonce)
                if int.from_bytes(double_sha256(header), "little") <= target_from_bits(BITS):
                    break
                nonce += 1
            self.raw.append(header + body)
            self.fees.append(fee)

    def drop(self, n: int) -> None:
        """Forget the last blocks."""
        self._known = None
        del self.raw[-n:], self.fees[-n:]

    def __call__(self, question: Question) -> Answer:
        if self.password is not None:
            expected = "Basic " + base64.b64encode(self.password.encode()).decode()
            if question.headers.get("Authorization") != expected:
                return 401, b""
        calls = json.loads(question.body)
        if self.warm_up:
            self.warm_up -= 1
            return json.dumps([_error(call, -28, "Loading block index...") for call in calls]).encode()
        return json.dumps([self._answer(call) for call in calls]).encode()

    def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        method, params = call["method"], call["params"]
        height = self._height(params[0]) if params and isinstance(params[0], str) else None
        if method == "getblockchaininfo":
            info = {"chain": self.chain, "blocks": len(self.raw) - 1, "bestblockhash": self.hash(-1)}
            pruned = {"pruned": self.prune_height is not None, "pruneheight": self.prune_height}
            return _result(call, {**info, **pruned})
        if method == "getblockhash":
            is_known = params[0] < len(self.raw)
            return _result(call, self.hash(params[0])) if is_known else _error(call, -8, "Block height out of range")
        if method == "getblockstats" and not self.has_stats:
            return _error(call, -32601, "Method not found")
        if height is None:
            return _error(call, -5, "Block not found")
        if method == "getblockheader":
            return _result(call, self.raw[height][:80].hex())
        if self.prune_height is not None and height < self.prune_height:
            return _error(call, -1, "Block not available (pruned data)")
        if method == "getblockstats":
            stats = {"blockhash": params[0], "height": height, "subsidy": RULES.subsidy_sat(height)}
            return _result(call, {**stats, "totalfee": self.fees[height], "txs": 1})
        assert method == "getblock", method
        return _result(call, self.raw[height].hex())


def _result(call: dict[str, Any], result: object) -> dict[str, Any]:
    return {"result": result, "error": None, "id": call["id"]}


def _error(call: dict[str, Any], code: int, message: str) -> dict[str, Any]:
    return {"result": None, "error": {"code": code, "message": message}, "id": call["id"]}
