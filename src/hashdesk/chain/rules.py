"""Rules that a chain's headers obey: who the chain is, what its target may be, which stored blocks are on it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hashdesk.chain.headers import Header, bits_from_target, target_from_bits
from hashdesk.errors import DataError, InputError
from hashdesk.units import BLOCKS_PER_EPOCH, BLOCKS_PER_HALVING, SAT_PER_BTC, TARGET_BLOCK_SECONDS

if TYPE_CHECKING:
    import polars as pl

EPOCH_SECONDS = BLOCKS_PER_EPOCH * TARGET_BLOCK_SECONDS
MAX_RETARGET_FACTOR = 4
MEDIAN_BLOCKS = 11
"""Blocks whose median header time is the block's median time past, the block itself included."""


@dataclass(frozen=True, slots=True)
class ChainRules:
    """What tells one chain from another; values from Bitcoin Core, ``src/kernel/chainparams.cpp``."""

    name: str
    genesis_hash: str
    halving_blocks: int = BLOCKS_PER_HALVING
    limit_bits: int = 0x1D00FFFF
    """Easiest target, compact."""
    is_retarget_checked: bool = False
    """False where blocks of least difficulty are let in between: then only the proof of work itself is checked."""

    def subsidy_sat(self, height: int) -> int:
        """New coins that a block may claim. [satoshi]."""
        halvings = height // self.halving_blocks
        return 0 if halvings >= 64 else int(50 * SAT_PER_BTC) >> halvings


CHAINS = {
    rules.name: rules
    for rules in (
        ChainRules(
            "main", "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f", is_retarget_checked=True
        ),
        ChainRules("test", "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943"),
        ChainRules("testnet4", "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043"),
        ChainRules("signet", "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6", limit_bits=0x1E0377AE),
        ChainRules(
            "regtest",
            "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
            halving_blocks=150,
            limit_bits=0x207FFFFF,
        ),
    )
}
"""The chains by the names that Bitcoin Core gives them."""


def chain_rules(name: str) -> ChainRules:
    """Rules of a chain.

    Raises
    ------
    InputError
        No such chain.

    Examples
    --------
    >>> chain_rules("main").subsidy_sat(840_000)
    312500000
    """
    if name not in CHAINS:
        raise InputError(f"chain: no chain is called {name!r}.", hint=f"Chains: {', '.join(CHAINS)}.")
    return CHAINS[name]


def retarget_bits(bits: int, first_time: int, last_time: int, limit_bits: int = 0x1D00FFFF) -> int:
    """Compact target of the next epoch.

    Parameters
    ----------
    bits : int
        Compact target of the epoch that ends.
    first_time, last_time : int
        Header times of its first and its last block: 2,015 intervals, not 2,016. [s]
    limit_bits : int
        Easiest target, compact.

    Returns
    -------
    int
        Old target x clamp(time taken / two weeks, 1/4, 4), in integers as nodes compute it.

    References
    ----------
    Bitcoin Core, ``src/pow.cpp``, ``CalculateNextWorkRequired``.

    Examples
    --------
    >>> hex(retarget_bits(0x1D00FFFF, 1261130161, 1262152739))
    '0x1d00d86a'
    """
    low, high = EPOCH_SECONDS // MAX_RETARGET_FACTOR, EPOCH_SECONDS * MAX_RETARGET_FACTOR
    taken = min(max(last_time - first_time, low), high)
    return bits_from_target(min(target_from_bits(bits) * taken // EPOCH_SECONDS, target_from_bits(limit_bits)))


def check_header(
    header: Header, height: int, rules: ChainRules, previous: Header | None, epoch_first: Header | None
) -> None:
    """Hold a header against the one before it.

    Parameters
    ----------
    header, previous : Header
        The header and the one before; ``previous`` is None where that one is not at hand.
    height : int
        Height of ``header``.
    rules : ChainRules
        The chain.
    epoch_first : Header or None
        First header of the epoch that ``previous`` belongs to; needed at a retarget.

    Raises
    ------
    DataError
        A wrong genesis, a broken link, a hash above its target, or a target that the rule does not give.
    """
    where = f"block {height} ({header.hash}) of chain {rules.name}"
    if height == 0 and header.hash != rules.genesis_hash:
        raise DataError(f"{where}: expected the first block {rules.genesis_hash}.")
    if previous is not None and header.prev_hash != previous.hash:
        raise DataError(f"{where}: follows {header.prev_hash}, expected {previous.hash}.")
    if not header.has_proof_of_work or target_from_bits(header.bits) > target_from_bits(rules.limit_bits):
        raise DataError(f"{where}: its hash does not meet the target {header.bits:08x}.")
    if previous is None or not rules.is_retarget_checked:
        return
    expected = previous.bits
    if height % BLOCKS_PER_EPOCH == 0:
        if epoch_first is None:
            return
        expected = retarget_bits(previous.bits, epoch_first.time, previous.time, rules.limit_bits)
    if header.bits != expected:
        raise DataError(f"{where}: expected the target {expected:08x}, got {header.bits:08x}.")


def median_time(times: Sequence[int]) -> int:
    """Median of the last eleven header times, the block's own last; of fewer at the start of the chain. [s]."""
    return statistics.median_high(times[-MEDIAN_BLOCKS:])


def active_chain(blocks: pl.DataFrame) -> pl.DataFrame:
    """Blocks on the branch that is followed now.

    After a reorganisation onto a branch with fewer blocks, rows of the abandoned one still stand above the new tip.
    They are known by their link: such a row does not follow the row below it. It and all rows above it fall away;
    heights that are not at hand break no link.

    Parameters
    ----------
    blocks : DataFrame, shape (n_blocks, ...)
        One row per height, with ``height``, ``hash`` and ``prev_hash``, in any order.

    Returns
    -------
    DataFrame
        The rows of the active branch by height.
    """
    import polars as pl

    ordered = blocks.sort("height")
    is_neighbour = pl.col("height") == pl.col("height").shift(1) + 1
    is_break = (is_neighbour & (pl.col("prev_hash") != pl.col("hash").shift(1))).fill_null(False)
    return ordered.filter(is_break.cum_sum() == 0)
