import pytest

from hashdesk import units


def test_work_of_one_difficulty_is_exact_to_the_bits_encoding() -> None:
    # Target of difficulty 1 is 0xFFFF * 2^208 (Bitcoin Core, chainparams: powLimit in compact form 0x1d00ffff).
    target = 0xFFFF * 2**208
    work = units.WORK_PER_DIFFICULTY
    assert work == pytest.approx(2**256 / target, rel=1e-15)


def test_two_to_the_32_is_15_ppm_low() -> None:
    excess = units.WORK_PER_DIFFICULTY / 2**32 - 1
    assert excess == pytest.approx(15.26e-6, rel=1e-3)


def test_difficulty_of_september_2025_implies_1019_exahash() -> None:
    implied_ehs = 142.34e12 * units.WORK_PER_DIFFICULTY / units.TARGET_BLOCK_SECONDS / units.HASHES_PER_EH
    assert implied_ehs == pytest.approx(1_018.925, abs=5e-4)


def test_a_day_holds_144_target_blocks() -> None:
    assert units.TARGET_BLOCKS_PER_DAY == 144
