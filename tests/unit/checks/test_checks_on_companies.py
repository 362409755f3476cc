"""Checks on share counts, production, holdings and market context, on made rows whose answer is known."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from hashdesk.checks.caveats import note_caveats
from hashdesk.checks.companies import output_factors
from hashdesk.checks.run import CHECKS, failures
from hashdesk.errors import InputError
from hashdesk.units import WORK_PER_DIFFICULTY

D = dt.date


def ledger(*rows: tuple[str, D, float]) -> pl.DataFrame:
    table = pl.DataFrame(rows, schema=["ticker", "as_of", "shares_outstanding"], orient="row")
    return table.with_columns(known_at="as_of", status=pl.lit("use"), use_for=pl.lit("both"), path=pl.lit("linear"))


def screener(ticker: str, first: D, shares: list[float], close: float = 10.0) -> pl.DataFrame:
    days = pl.date_range(first, first + dt.timedelta(days=len(shares) - 1), eager=True)
    return pl.DataFrame({"date": days, "ticker": ticker, "close_usd": close, "implied_shares": shares}).with_columns(
        market_cap_usd=pl.col("implied_shares") * pl.col("close_usd"),
        exchange=pl.lit("nasdaq"),
        source=pl.lit("screener-snapshots"),
        known_at="date",
    )


def test_a_late_count_is_set_aside_once_the_screener_had_a_week() -> None:
    facts = {"share_counts": ledger(("IREN", D(2025, 1, 1), 189.3e6), ("IREN", D(2025, 6, 5), 241.9e6))}
    found = failures("screener_market_caps", screener("IREN", D(2025, 6, 1), [189.3e6] * 20), facts)
    assert set(found["check_id"]) == {"shares.ledger"}
    assert found["row"].to_list() == list(range(11, 20))
    assert found["message"][0] == (
        "screener_market_caps: IREN of 2025-06-12 implies 189300000 shares, -21.7% from the 241900000 that were public"
    )


def test_a_count_in_ordinary_shares_instead_of_ads_is_set_aside() -> None:
    facts = {"share_counts": ledger(("ARBK", D(2024, 1, 1), 63.6e6))}
    found = failures("screener_market_caps", screener("ARBK", D(2024, 9, 9), [636.35e6] * 3), facts)
    assert found["check_id"].to_list() == ["shares.ledger"] * 3


def test_a_count_that_is_right_and_one_without_a_ledger_pass() -> None:
    facts = {"share_counts": ledger(("MARA", D(2025, 1, 1), 350e6))}
    assert failures("screener_market_caps", screener("MARA", D(2025, 2, 1), [352e6] * 5), facts).is_empty()
    assert failures("screener_market_caps", screener("APLD", D(2025, 2, 1), [225e6] * 5), facts).is_empty()
    assert failures("screener_market_caps", screener("IREN", D(2025, 2, 1), [1e6] * 5)).is_empty()


def test_a_count_that_stands_still_is_named_once() -> None:
    rows = screener("CANG", D(2025, 3, 31), [103_788_114.0 + n % 3 for n in range(300)])
    found = failures("screener_market_caps", rows)
    assert found.select("row", "check_id", "severity").rows() == [(141, "shares.stale", "warning")]


def test_a_count_that_jumps_without_the_price_is_named() -> None:
    found = failures("screener_market_caps", screener("XXXX", D(2025, 3, 1), [1e8] * 9 + [5e8] * 3))
    assert found.select("row", "check_id").rows() == [(9, "shares.jump")]


def month_of_chain() -> pl.DataFrame:
    days = pl.date_range(D(2025, 9, 1), D(2025, 9, 30), eager=True)
    return pl.DataFrame(
        {"date": days, "blocks": 144, "subsidy_btc": 450.0, "fees_btc": 4.5, "difficulty_mean": 1.36e14}
    )


EARNED = 450 * 1.01 / 144 * 86_400 * 1e18 / (1.36e14 * WORK_PER_DIFFICULTY)
"""What 1 EH/s earns in a day of that month. [BTC]"""


def production(btc: float, average: float | None, end: float | None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "ticker": ["RIOT"],
            "month": [D(2025, 9, 1)],
            "production_btc": [btc],
            "hashrate_avg_operating_ehs": [average],
            "hashrate_month_end_ehs": [end],
            "known_at": [D(2025, 10, 11)],
        },
        schema_overrides={"hashrate_avg_operating_ehs": pl.Float64, "hashrate_month_end_ehs": pl.Float64},
    )


def test_the_expected_factor_is_what_difficulty_pays() -> None:
    """September 2025: 0.4603 BTC per EH/s-day; four companies reported 0.458 to 0.461."""
    row = output_factors(production(445.0, 32.2, None), month_of_chain()).row(0, named=True)
    assert row["expected"] == pytest.approx(EARNED)
    assert row["reported"] == pytest.approx(445 / 30 / 32.2)
    assert pytest.approx(0.4603, rel=0.02) == EARNED


@pytest.mark.parametrize(
    ("ratio", "average", "check"),
    [
        (1.00, True, None),
        (1.03, True, "output.odd"),
        (0.90, True, "output.odd"),
        (1.12, True, "output.slip"),
        (0.70, True, "output.slip"),
        (0.70, False, None),
        (1.60, False, "output.slip"),
        (10.0, False, "output.slip"),
        (0.10, False, "output.slip"),
    ],
)
def test_output_that_its_hashrate_cannot_earn_is_found(ratio: float, average: bool, check: str | None) -> None:
    btc = ratio * EARNED * 30 * 32.0
    rows = production(btc, 32.0, None) if average else production(btc, None, 32.0)
    found = failures("production", rows, {"network_daily": month_of_chain()})
    assert found["check_id"].to_list() == ([check] if check else [])


def test_a_month_whose_chain_is_not_whole_is_not_judged() -> None:
    part = month_of_chain().filter(pl.col("date") < D(2025, 9, 20))
    assert failures("production", production(9e3, 32.0, None), {"network_daily": part}).is_empty()


def holdings(*coins: float) -> pl.DataFrame:
    days = [D(2025, 3 * n + 3, 1) for n in range(len(coins))]
    return pl.DataFrame({"ticker": "MARA", "as_of": days, "holdings_btc": list(coins)})


def test_holdings_of_more_coins_than_anyone_has_are_set_aside() -> None:
    assert failures("holdings", holdings(45e3, 50e3)).is_empty()
    found = failures("holdings", holdings(45e3, 3.8e6))
    assert found.select("row", "check_id").rows() == [(1, "holdings.proportion")]


def test_a_fund_that_shows_3_8_million_coins_is_set_aside() -> None:
    rows = pl.DataFrame(
        {
            "date": [D(2025, 9, 1)] * 2,
            "ticker": ["IBIT", "IBIT"],
            "metric": ["btc_held", "aum_usd"],
            "value": [3.8e6, 85e9],
        }
    )
    assert failures("etf_assets", rows).select("row", "check_id").rows() == [(0, "funds.proportion")]


def test_holdings_that_the_company_could_not_buy_are_set_aside() -> None:
    facts = {
        "screener_market_caps": screener("MARA", D(2025, 1, 1), [1e8] * 200, 5.0),
        "btc_price_daily": pl.DataFrame({"date": [D(2025, 1, 1)], "close_usd": [100e3]}),
    }
    assert failures("holdings", holdings(2_000, 5_000), facts).is_empty()
    found = failures("holdings", holdings(2_000, 20_000), facts)
    assert found["message"].to_list() == [
        "holdings: MARA goes from 2000 to 20000 BTC by 2025-06-01, more than its market cap buys"
    ]


def flows(**usd: float) -> pl.DataFrame:
    return pl.DataFrame(
        {"date": D(2025, 9, 2), "ticker": list(usd), "net_flow_usd": list(usd.values()), "known_at": D(2025, 9, 3)}
    )


def test_flows_in_millions_and_flows_a_million_times_too_large_are_set_aside() -> None:
    good = flows(IBIT=70e6, FBTC=0.0, GBTC=-9.9e6, ARKB=1e5, total=60.2e6)
    assert failures("etf_flows", good).is_empty()
    assert failures("etf_flows", flows(IBIT=70.0)).select("row", "check_id").rows() == [(0, "flows.unit")]
    assert failures("etf_flows", flows(IBIT=70e12))["check_id"].to_list() == ["flows.unit"]
    wrong_total = flows(IBIT=70e6, FBTC=0.0, GBTC=-9.9e6, ARKB=1e5, total=160e6)
    assert failures("etf_flows", wrong_total).select("row", "severity").rows() == [(4, "warning")]


def volumes(*combined: float) -> pl.DataFrame:
    months = pl.date_range(D(2025, 1, 1), D(2025, len(combined), 1), "1mo", eager=True)
    return pl.DataFrame({"month": months, "combined_usd_tn": list(combined), "known_at": months}).with_columns(
        spot_usd_tn=pl.col("combined_usd_tn") * 0.25, derivatives_usd_tn=pl.col("combined_usd_tn") * 0.75
    )


def test_a_volume_in_billions_is_set_aside() -> None:
    assert failures("volumes", volumes(9.0, 7.2, 6.6)).is_empty()
    assert failures("volumes", volumes(9.0, 0.0072))["check_id"].to_list() == ["volumes.jump"]
    parts = volumes(9.0).with_columns(spot_usd_tn=4.0)
    assert failures("volumes", parts).select("check_id", "severity").rows() == [("volumes.sum", "warning")]


def test_a_balance_in_thousands_is_named() -> None:
    rows = pl.DataFrame({"ticker": "MARA", "as_of": D(2025, 9, 30), "cash_usd": [826.4], "debt_usd": [3.2e9]})
    assert failures("capital", rows)["check_id"].to_list() == ["capital.unit"]


def test_a_count_that_doubles_without_a_reason_is_named() -> None:
    rows = ledger(("BTDR", D(2025, 1, 1), 150e6), ("BTDR", D(2025, 4, 1), 400e6))
    assert failures("share_counts", rows)["check_id"].to_list() == ["ledger.jump"]
    assert failures("share_counts", rows.with_columns(path=pl.lit("step"))).is_empty()


def test_every_check_has_a_threshold_and_a_reason_and_a_name_of_its_own() -> None:
    assert all(check.threshold and check.why and check.severity in ("quarantine", "warning") for check in CHECKS)
    named = [(check.id, check.table) for check in CHECKS]
    assert len(named) == len(set(named))


def test_the_page_of_checks_names_every_check_and_its_threshold(root: Path) -> None:
    page = (root / "docs/checks.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("| `")}
    for check in CHECKS:
        row = rows[f"`{check.id}`"]
        assert f"`{check.table}`" in row
        assert f"| {check.threshold} | {check.severity} | {check.why} |" in row


def test_an_unknown_table_is_the_callers_error() -> None:
    with pytest.raises(InputError, match="no table is called 'prices'"):
        failures("prices", pl.DataFrame({"a": [1]}))


def test_a_note_is_told_of_the_rows_of_its_month_only() -> None:
    rows = pl.DataFrame(
        {
            "table": ["screener_market_caps"] * 3 + ["production"],
            "check_id": ["shares.ledger"] * 3 + ["output.odd"],
            "severity": ["quarantine"] * 3 + ["warning"],
            "message": ["IREN late", "CANG late", "ARBK late", "BITF odd"],
            "fact_date": [D(2025, 9, 2), D(2025, 9, 1), D(2025, 8, 29), D(2025, 9, 1)],
        }
    )
    assert note_caveats(rows, D(2025, 9, 30)) == [
        "2 rows of screener_market_caps of this month disagreed with the share counts that were public, or had long "
        "stood still and were set aside; the first: CANG late.",
        "1 row of production of this month did not fit what their hashrate earns and was kept; the first: BITF odd.",
    ]
    assert note_caveats(rows, D(2025, 1, 1)) == []
