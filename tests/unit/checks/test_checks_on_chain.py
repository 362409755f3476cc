"""Checks on blocks, headers and days, on the first blocks of the chain and on blocks that break a rule."""

import datetime as dt

import polars as pl
import pytest

from hashdesk.checks.run import failures
from hashdesk.units import WORK_PER_DIFFICULTY

START = dt.datetime(2009, 1, 3, 18, 15, 5, tzinfo=dt.UTC)
GENESIS = (
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a"
    "51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
)
GENESIS_HASH = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"


def chain(n: int, *, first: int = 0, seconds: int = 600, bits: str = "1d00ffff") -> pl.DataFrame:
    """Consecutive blocks at an even pace."""
    heights = range(first, first + n)
    return pl.DataFrame(
        {
            "height": heights,
            "hash": ["00000000" + "1" * 56] * n,
            "time": [START + dt.timedelta(seconds=seconds * place) for place in range(n)],
            "mediantime": [None] * n,
            "bits": [bits] * n,
            "difficulty": [1.0] * n,
            "subsidy_sat": [5_000_000_000] * n,
            "fees_sat": [0] * n,
            "tx_count": [1] * n,
            "weight": [None] * n,
            "source": ["bitcoin-node"] * n,
            "known_at": [(START + dt.timedelta(seconds=seconds * place)).date() for place in range(n)],
        },
        schema_overrides={
            "time": pl.Datetime("us", "UTC"),
            "mediantime": pl.Datetime("us", "UTC"),
            "weight": pl.Int64,
            "height": pl.Int64,
        },
    )


def at(frame: pl.DataFrame, height: int, **values: object) -> pl.DataFrame:
    """A chain with one block changed."""
    return frame.with_columns(
        pl.when(pl.col("height") == height).then(pl.lit(value, dtype=frame.schema[name])).otherwise(name).alias(name)
        for name, value in values.items()
    )


def ids(frame: pl.DataFrame, **options: str) -> set[str]:
    return set(failures("blocks", frame, **options)["check_id"])  # type: ignore[arg-type]


def test_an_honest_chain_passes() -> None:
    assert ids(chain(2_016)) == set()


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"subsidy_sat": 5_000_000_001}, "blocks.subsidy"),
        ({"subsidy_sat": 2_500_000_000}, "blocks.subsidy"),
        ({"hash": "1" * 64}, "blocks.proof-of-work"),
        ({"bits": "1c7fffff"}, "blocks.bits"),
        ({"time": START + dt.timedelta(seconds=600 * 94)}, "blocks.median-time"),
        ({"fees_sat": 501 * 10**8}, "blocks.fees"),
        ({"known_at": dt.date(2009, 1, 2)}, "clock.early"),
    ],
)
def test_a_block_that_breaks_a_rule_is_the_only_one_named(change: dict[str, object], check: str) -> None:
    found = failures("blocks", at(chain(300), 100, **change))
    assert found.select("row", "check_id", "severity").rows() == [(100, check, "quarantine")]
    assert "100" in found["message"][0] or check == "clock.early"


def test_a_header_may_step_back_within_its_median() -> None:
    assert ids(at(chain(300), 100, time=START + dt.timedelta(seconds=600 * 97))) == set()


def test_a_zero_that_stands_for_unknown_fees_is_found() -> None:
    late = chain(20, first=840_000).with_columns(subsidy_sat=312_500_000, tx_count=3_000)
    found = failures("blocks", at(late.with_columns(fees_sat=10_000_000), 840_005, fees_sat=0))
    assert found["check_id"].to_list() == ["blocks.fees"]


def test_the_retarget_rule_is_held_against_times_and_targets() -> None:
    halved = chain(2_016, seconds=300)
    wrong = chain(10, first=2_016).with_columns(
        pl.col("time") + dt.timedelta(seconds=300 * 2_016), known_at=dt.date(2009, 1, 11)
    )
    found = failures("blocks", pl.concat([halved, wrong]))
    assert found.filter(pl.col("check_id") == "blocks.retarget")["row"].to_list() == [2_016]
    # 2,015 intervals of 300 s against a fortnight: target x 604,500 / 1,209,600, cut to three bytes.
    target = (0xFFFF << 208) * 604_500 // 1_209_600
    bits = f"1c{target >> 8 * 25:06x}"
    message = f"blocks: height 2016 has bits 1d00ffff, the retarget rule gives {bits}"
    assert found.filter(pl.col("check_id") == "blocks.retarget")["message"].to_list() == [message]
    assert ids(pl.concat([halved, wrong.with_columns(bits=pl.lit(bits))])) == set()


def test_a_hole_is_named_and_two_separate_runs_are_not() -> None:
    blocks = chain(300)
    found = failures("blocks", blocks.filter(~pl.col("height").is_between(50, 59)))
    assert found.select("check_id", "severity", "message").rows() == [
        ("blocks.hole", "warning", "blocks: 10 heights before 60 are missing")
    ]
    apart = pl.concat([blocks, chain(20, first=100_000)])
    assert "blocks.hole" not in ids(apart)


def test_a_test_network_is_not_held_against_the_rules_of_the_main_chain() -> None:
    regtest = chain(400, bits="207fffff").with_columns(
        subsidy_sat=pl.when(pl.col("height") >= 150).then(2_500_000_000).otherwise(5_000_000_000),
        hash=pl.lit("3" + "1" * 63),
    )
    assert "blocks.subsidy" in ids(regtest)
    assert ids(regtest, chain_name="regtest") == set()


def header(text: str = GENESIS, stated: str = GENESIS_HASH, height: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "height": [height],
            "hash": [stated],
            "time": [START],
            "header_hex": [text],
            "chainwork_hex": [None],
            "source": ["x"],
            "known_at": [START.date()],
        }
    )


def test_a_header_proves_its_hash_and_its_link() -> None:
    assert failures("block_headers", header()).is_empty()
    changed = header(GENESIS[:-2] + "7d")
    assert "hashes to" in failures("block_headers", changed)["message"][0]
    elsewhere = failures(
        "block_headers", header(height=1), {"blocks": chain(2).with_columns(hash=pl.lit(None, pl.String))}
    )
    assert elsewhere.is_empty()
    linked = failures("block_headers", header(height=1), {"blocks": at(chain(2), 1, hash=GENESIS_HASH)})
    assert "does not point at the block before it" in linked["message"][0]


def day(**changes: object) -> pl.DataFrame:
    row = {
        "date": dt.date(2025, 9, 1),
        "blocks": 144,
        "subsidy_btc": 450.0,
        "fees_btc": 3.0,
        "difficulty_mean": 1.3e14,
        "difficulty_eod": 1.3e14,
        "work_eh": 144 * 1.3e14 * WORK_PER_DIFFICULTY / 1e18,
        "height_last": 912_500,
        "day_basis": "header_time",
        "basis": "counted",
        "source": "block-data",
        "known_at": dt.date(2025, 9, 2),
    }
    return pl.DataFrame([row | changes])


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({}, None),
        ({"work_eh": 144 * 1.3e14 * 2**32}, "days.work"),
        ({"fees_btc": 0.0}, "days.fees"),
        ({"fees_btc": 3e8}, "days.fees"),
        ({"known_at": dt.date(2025, 8, 31)}, "clock.early"),
        ({"blocks": 14, "work_eh": 14 * 1.3e14 * WORK_PER_DIFFICULTY / 1e18}, "days.blocks"),
    ],
)
def test_a_day_with_a_slip_is_found(change: dict[str, object], check: str | None) -> None:
    assert failures("network_daily", day(**change))["check_id"].to_list() == ([check] if check else [])
