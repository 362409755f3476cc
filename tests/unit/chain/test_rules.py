import csv
import gzip
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from hashdesk.chain.headers import Header, parse_header
from hashdesk.chain.rules import active_chain, chain_rules, check_header, median_time, retarget_bits
from hashdesk.errors import DataError, InputError
from hashdesk.units import BLOCKS_PER_EPOCH

MAIN = chain_rules("main")


def header(block_hash: str, prev_hash: str, time: int = 0, bits: int = 0x207FFFFF) -> Header:
    return Header(block_hash * 64, prev_hash * 64, "", 4, time, bits, 0)


def test_the_retarget_rule_gives_every_target_of_the_recorded_epochs(data_dir: Path) -> None:
    """Rule: Bitcoin Core ``src/pow.cpp``; the recorded targets are those of the main chain."""
    with gzip.open(data_dir / "network" / "blocks.csv.gz", "rt") as file:
        rows = {n: row for row in csv.DictReader(file) if (n := int(row["height"])) % BLOCKS_PER_EPOCH in (0, 2015)}
    checked = 0
    for height, row in rows.items():
        first, last = rows.get(height - BLOCKS_PER_EPOCH), rows.get(height - 1)
        if height % BLOCKS_PER_EPOCH == 0 and first and last:
            times = int(first["time"]), int(last["time"])
            assert retarget_bits(int(last["bits_hex"], 16), *times) == int(row["bits_hex"], 16)
            checked += 1
    assert checked >= 180


def test_a_retarget_is_held_within_a_factor_of_four() -> None:
    assert retarget_bits(0x1B0404CB, 0, 1) == retarget_bits(0x1B0404CB, 0, 302_400)
    assert retarget_bits(0x1B0404CB, 0, 10**9) == retarget_bits(0x1B0404CB, 0, 4 * 1_209_600)
    assert retarget_bits(0x1D00FFFF, 0, 4 * 1_209_600) == 0x1D00FFFF


def test_subsidies_halve_and_end() -> None:
    assert [MAIN.subsidy_sat(height) for height in (0, 209_999, 210_000, 840_000, 6_930_000, 64 * 210_000)] == [
        5_000_000_000, 5_000_000_000, 2_500_000_000, 312_500_000, 0, 0,
    ]  # fmt: skip
    assert chain_rules("regtest").subsidy_sat(150) == 2_500_000_000


def test_another_first_block_is_another_chain() -> None:
    with pytest.raises(DataError, match="expected the first block 0000000000"):
        check_header(header("0", "0"), 0, MAIN, None, None)


def test_a_broken_link_a_high_hash_and_a_wrong_target_are_each_named() -> None:
    regtest = chain_rules("regtest")
    before = header("1", "0")
    check_header(header("2", "1"), 5, regtest, before, None)
    with pytest.raises(DataError, match=r"block 5 .* follows 33.*expected 11"):
        check_header(header("2", "3"), 5, regtest, before, None)
    with pytest.raises(DataError, match="does not meet the target 207fffff"):
        check_header(header("f", "1"), 5, regtest, before, None)
    with pytest.raises(DataError, match="does not meet the target 217fffff"):
        check_header(header("2", "1", bits=0x217FFFFF), 5, regtest, before, None)
    easy = replace(MAIN, limit_bits=0x207FFFFF)
    with pytest.raises(DataError, match="expected the target 207fffff, got 207ffffe"):
        check_header(header("2", "1", bits=0x207FFFFE), 5, easy, before, None)
    with pytest.raises(DataError, match="expected the target 201fffff"):
        check_header(header("2", "1"), BLOCKS_PER_EPOCH, easy, before, header("9", "8"))


def test_median_time_takes_the_last_eleven_and_the_upper_of_two_middles() -> None:
    assert median_time([*range(100, 0, -1)]) == 6
    assert median_time([4, 1, 3, 2]) == 3
    assert median_time([7]) == 7


def branch(rows: list[tuple[int, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["height", "hash", "prev_hash"], orient="row")


def test_rows_above_a_shorter_branch_fall_away() -> None:
    rows = [(7, "a7", "a6"), (8, "b8", "a7"), (9, "a9", "a8"), (10, "a10", "a9")]
    assert active_chain(branch(rows))["hash"].to_list() == ["a7", "b8"]


def test_missing_heights_and_missing_links_break_nothing() -> None:
    blocks = branch([(7, "a7", "a6"), (9, "a9", "a8"), (10, "a10", "a9")])
    assert active_chain(blocks).height == 3
    assert active_chain(blocks.with_columns(prev_hash=pl.lit(None, pl.String))).height == 3


def test_an_unknown_chain_lists_the_known() -> None:
    with pytest.raises(InputError, match="main, test, testnet4, signet, regtest"):
        chain_rules("litecoin")


def test_the_real_first_block_passes() -> None:
    raw = bytes.fromhex(
        "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc8"
        "1bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
    )
    check_header(parse_header(raw), 0, MAIN, None, None)
