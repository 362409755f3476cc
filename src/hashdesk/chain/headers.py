"""Block headers and blocks as bytes: hash, compact target, work, proof of work, and what a coinbase pays."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from hashdesk.errors import PayloadError

HEADER_BYTES = 80
_COMPACT_SIGN = 0x00800000
_WITNESS_SCALE = 4
"""Bytes outside the witness weigh four times those inside (BIP 141)."""


@dataclass(frozen=True, slots=True)
class Header:
    """The 80 bytes that a block's hash commits to."""

    hash: str
    """Double SHA-256, written last byte first as everywhere."""
    prev_hash: str
    merkle_root: str
    version: int
    time: int
    """Seconds since 1970, UTC."""
    bits: int
    nonce: int

    @property
    def has_proof_of_work(self) -> bool:
        """Whether the hash is at or below the target that the header itself claims."""
        return int(self.hash, 16) <= target_from_bits(self.bits)


def parse_header(raw: bytes) -> Header:
    """Read a header.

    Parameters
    ----------
    raw : bytes, shape (80,)
        The header as it is sent between nodes.

    Raises
    ------
    PayloadError
        Not 80 bytes.

    Examples
    --------
    >>> genesis = bytes.fromhex(
    ...     "01000000" + "00" * 32 + "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
    ...     "29ab5f49ffff001d1dac2b7c"
    ... )
    >>> parse_header(genesis).hash
    '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f'
    """
    if len(raw) != HEADER_BYTES:
        raise PayloadError(f"block header: expected {HEADER_BYTES} bytes, got {len(raw)}.")
    version, prev_hash, merkle_root, time, bits, nonce = struct.unpack("<i32s32sIII", raw)
    return Header(
        double_sha256(raw)[::-1].hex(), prev_hash[::-1].hex(), merkle_root[::-1].hex(), version, time, bits, nonce
    )


def double_sha256(raw: bytes) -> bytes:
    """SHA-256 of the SHA-256."""
    return hashlib.sha256(hashlib.sha256(raw).digest()).digest()


def target_from_bits(bits: int) -> int:
    """Target that the compact field of a header encodes; a negative one counts as 0, which no hash can meet.

    Examples
    --------
    >>> target_from_bits(0x1D00FFFF) == 0xFFFF << 208
    True
    """
    exponent, mantissa = bits >> 24, bits & 0x007FFFFF
    if bits & _COMPACT_SIGN:
        return 0
    return mantissa << 8 * (exponent - 3) if exponent >= 3 else mantissa >> 8 * (3 - exponent)


def bits_from_target(target: int) -> int:
    """Compact field for a target: three leading bytes and a length, the rest cut off.

    Examples
    --------
    >>> hex(bits_from_target(0xFFFF << 208))
    '0x1d00ffff'
    """
    size = (target.bit_length() + 7) // 8
    mantissa = target << 8 * (3 - size) if size <= 3 else target >> 8 * (size - 3)
    if mantissa & _COMPACT_SIGN:
        mantissa, size = mantissa >> 8, size + 1
    return size << 24 | mantissa


def difficulty_from_bits(bits: int) -> float:
    """Difficulty: the target of difficulty 1 over this one; infinite for a target of 0. [1]."""
    target = target_from_bits(bits)
    return (0xFFFF << 208) / target if target else float("inf")


def work_from_bits(bits: int) -> int:
    """Expected hashes of a block: 2^256 / (target + 1). [hash]."""
    return int(2**256 // (target_from_bits(bits) + 1))


@dataclass(frozen=True, slots=True)
class BlockSummary:
    """What a whole block says beyond its header."""

    header: Header
    coinbase_sat: int
    """Sum of the coinbase's outputs: subsidy claimed and fees. [satoshi]"""
    tx_count: int
    weight: int
    """BIP 141 weight of the block. [weight units]"""


def parse_block(raw: bytes) -> BlockSummary:
    """Read a serialised block: header, coinbase value, number of transactions, weight.

    Raises
    ------
    PayloadError
        The bytes end too early, or go on after the last transaction.
    """
    header = parse_header(raw[:HEADER_BYTES])
    try:
        count, at = _varint(raw, HEADER_BYTES)
        coinbase_sat, at, witness_bytes = _transaction(raw, at)
        for _ in range(count - 1):
            _, at, more = _transaction(raw, at)
            witness_bytes += more
    except (IndexError, struct.error):
        raise PayloadError(f"block {header.hash}: its bytes end too early.") from None
    if at != len(raw):
        raise PayloadError(f"block {header.hash}: expected {at} bytes, got {len(raw)}.")
    return BlockSummary(header, coinbase_sat, count, _WITNESS_SCALE * len(raw) - (_WITNESS_SCALE - 1) * witness_bytes)


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    first = raw[at]
    if first < 0xFD:
        return first, at + 1
    form, size = {0xFD: ("<H", 2), 0xFE: ("<I", 4), 0xFF: ("<Q", 8)}[first]
    return struct.unpack_from(form, raw, at + 1)[0], at + 1 + size


def _transaction(raw: bytes, start: int) -> tuple[int, int, int]:
    """Value of the outputs [satoshi], where the next transaction begins, and bytes of marker, flag and witness."""
    at = start + 4
    has_witness = raw[at] == 0 and raw[at + 1] == 1
    at += 2 * has_witness
    inputs, at = _varint(raw, at)
    for _ in range(inputs):
        size, at = _varint(raw, at + 36)
        at += size + 4
    outputs, at = _varint(raw, at)
    value = 0
    for _ in range(outputs):
        value += struct.unpack_from("<Q", raw, at)[0]
        size, at = _varint(raw, at + 8)
        at += size
    witness_start = at
    if has_witness:
        for _ in range(inputs):
            items, at = _varint(raw, at)
            for _ in range(items):
                size, at = _varint(raw, at)
                at += size
    return value, at + 4, at - witness_start + 2 * has_witness
