"""The September 2025 note against what the bank published on 1 October 2025.

Golden values: JPMorgan research of 1 October 2025 as reported by CoinDesk the same day; see the pack's ``published``
table for each figure's address.
"""

import datetime as dt

import pytest

from hashdesk.desk import Desk
from hashdesk.note.model import Figure, Note


@pytest.fixture(scope="module")
def note() -> Note:
    """The note from the reference pack alone."""
    return Desk().note("2025-09")


def number(figure: Figure) -> float:
    """Value of a figure that must be a number."""
    assert isinstance(figure.value, int | float)
    return float(figure.value)


def test_network_hashrate_and_its_change(note: Note) -> None:
    hashrate = note.figure("network_hashrate_ehs")
    assert number(hashrate) == pytest.approx(1_031, rel=0.01)
    assert hashrate.change == pytest.approx(82, abs=12)
    assert hashrate.change_frac == pytest.approx(0.09, abs=0.01)
    assert hashrate.is_significant is True
    assert hashrate.record is not None
    assert (hashrate.record.kind, hashrate.record.since) == ("high", None)
    assert any("the first month above 1,000 EH/s" in takeaway.text for takeaway in note.takeaways)


def test_revenue_its_change_and_its_streak(note: Note) -> None:
    revenue = note.figure("block_reward_revenue_usd_per_ehs_day")
    assert number(revenue) == pytest.approx(49_700, rel=0.02)
    assert revenue.change_frac == pytest.approx(-0.10, abs=0.02)
    assert revenue.streak == 2


def test_gross_profit_change(note: Note) -> None:
    profit = note.figure("block_reward_gross_profit_usd_per_ehs_day")
    assert profit.change_frac == pytest.approx(-0.17, abs=0.03)


def test_market_cap_is_a_record_and_the_first_above_50bn(note: Note) -> None:
    cap = note.figure("market_cap_usd")
    assert number(cap) == pytest.approx(56e9, rel=0.03)
    assert cap.change_frac == pytest.approx(0.43, abs=0.04)
    assert cap.record is not None
    assert (cap.record.kind, cap.record.since) == ("high", None)
    assert any("first month-end in it above USD 50bn" in takeaway.text for takeaway in note.takeaways)
    assert note.figure("n_companies").value == 14


def test_breadth_best_and_worst(note: Note) -> None:
    assert note.figure("n_outperforming_btc").value == 12
    top, bottom = note.figure("top_performer"), note.figure("bottom_performer")
    assert (top.value, bottom.value) == ("BITF", "CANG")
    assert top.return_frac == pytest.approx(1.10, abs=0.02)
    assert bottom.return_frac == pytest.approx(-0.11, abs=0.02)


def test_august_volume_is_the_year_s_high_in_the_context(note: Note) -> None:
    august = next(row for row in note.tables["volumes"].records() if row["month"] == dt.date(2025, 8, 1))
    assert august["crypto_trading_volume_usd"] == pytest.approx(9.72e12)
    assert august["change_frac"] == pytest.approx(0.0758)
    assert august["is_year_high"] is True
    assert any("August 2025 with USD 9.72tn is the highest" in takeaway.text for takeaway in note.takeaways)


def test_the_named_catalysts_are_among_the_events_and_deals(note: Note) -> None:
    lease = [event for event in note.events if event.kind == "hpc_contract" and event.tickers == ("CIFR",)]
    cloud = [event for event in note.events if event.kind == "cloud_expansion" and event.tickers == ("IREN",)]
    assert any("Fluidstack" in event.headline for event in lease)
    assert cloud
    deals = [row for row in note.tables["hpc_contracts"].records() if row["is_in_period"]]
    assert [(row["ticker"], row["critical_it_mw"]) for row in deals if not row["is_cloud"]] == [("CIFR", 168.0)]


def test_every_published_figure_of_the_month_is_reconciled(note: Note) -> None:
    assert len(note.reconciliation) >= 14
    assert all(row.ours is not None for row in note.reconciliation)
    assert all(row.is_within_rounding_and_interval for row in note.reconciliation if row.figure_id != "market_cap_usd")


def test_valuation_and_profit_are_said_to_have_parted(note: Note) -> None:
    assert [takeaway.kind for takeaway in note.takeaways].count("tension") == 1
