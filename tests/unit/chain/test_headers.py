import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashdesk.chain.headers import (
    bits_from_target,
    difficulty_from_bits,
    parse_block,
    parse_header,
    target_from_bits,
    work_from_bits,
)
from hashdesk.errors import PayloadError
from tests.faults.fake_node import GENESIS, FakeNode

BLOCK_125552 = bytes.fromhex(
    "0100000081cd02ab7e569e8bcd9317e2fe99f2de44d49ab2b8851ba4a308000000000000e320b6c2fffc8d750423db8b1eb942ae710e951ed797"
    "f7affc8892b0f1fc122bc7f5d74df2b9441a42a14695"
)
"""Header of block 125552 of the main chain, the worked example of the Bitcoin wiki's page on the hashing algorithm."""


def test_a_published_header_has_its_published_hash_and_target() -> None:
    header = parse_header(BLOCK_125552)
    assert header.hash == "00000000000000001e8d6829a8a21adc5d38d0a473b144b6765798e61f98bd1d"
    assert header.prev_hash == "00000000000008a3a41b85b8b29ad444def299fee21793cd8b9e567eab02cd81"
    assert (header.time, header.bits, header.nonce) == (1305998791, 0x1A44B9F2, 2504433986)
    assert header.has_proof_of_work
    assert round(difficulty_from_bits(header.bits), 2) == 244112.49


def test_one_changed_bit_loses_the_proof_of_work() -> None:
    changed = bytearray(BLOCK_125552)
    changed[40] ^= 1
    assert not parse_header(bytes(changed)).has_proof_of_work


@given(st.integers(0x008000, 0x7FFFFF), st.integers(4, 32))
def test_compact_targets_survive_the_way_there_and_back(mantissa: int, size: int) -> None:
    bits = size << 24 | mantissa
    assert bits_from_target(target_from_bits(bits)) == bits


def test_a_negative_target_admits_nothing() -> None:
    assert target_from_bits(0x04923456) == 0
    assert bits_from_target(0) == 0


def test_work_times_target_is_the_number_of_hashes() -> None:
    assert work_from_bits(0x1D00FFFF) == 0x100010001


@pytest.mark.parametrize("size", [0, 79, 81])
def test_a_header_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(PayloadError, match=f"expected 80 bytes, got {size}"):
        parse_header(bytes(size))


def test_a_block_with_a_witness_gives_value_count_and_weight() -> None:
    node = FakeNode()
    node.mine(1)
    block = parse_block(node.raw[1])
    assert block.coinbase_sat == 50 * 10**8 + node.fees[1]
    assert block.tx_count == 1
    witness = 2 + 1 + 1 + 32
    assert block.weight == 3 * (len(node.raw[1]) - witness) + len(node.raw[1])


def test_later_transactions_count_but_pay_nothing_to_the_coinbase() -> None:
    spend = struct.pack("<i", 1) + b"\x01" + b"\x11" * 36 + b"\x00" + b"\xff" * 4 + b"\x01"
    spend += struct.pack("<Q", 7) + b"\x00" + b"\x00" * 4
    node = FakeNode()
    raw = node.raw[0][:80] + b"\xfd\x03\x00" + node.raw[0][81:] + spend * 2
    block = parse_block(raw)
    assert (block.tx_count, block.coinbase_sat) == (3, 50 * 10**8)


@pytest.mark.parametrize("cut", [81, 90, 120, -1])
def test_a_block_that_breaks_off_is_refused(cut: int) -> None:
    with pytest.raises(PayloadError, match=r"end too early|expected"):
        parse_block(FakeNode().raw[0][:cut])


def test_a_block_that_goes_on_is_refused() -> None:
    with pytest.raises(PayloadError, match=r"expected \d+ bytes, got"):
        parse_block(FakeNode().raw[0] + b"\x00")


def test_the_genesis_of_regtest_is_the_one_of_the_rules() -> None:
    assert parse_header(GENESIS).hash == "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
