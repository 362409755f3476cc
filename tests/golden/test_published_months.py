"""Every month with published figures, from the pack alone, against those figures."""

import datetime as dt
import re
import statistics

import polars as pl
import pytest

from hashdesk.calendar import months_between
from hashdesk.catalog.figures import FIGURES
from hashdesk.desk import Desk
from hashdesk.note.model import Note

BANK = "JPMorgan"
FIRST, LAST = dt.date(2024, 3, 1), dt.date(2026, 1, 1)
CORE = ("network_hashrate_ehs", "block_reward_revenue_usd_per_ehs_day", "market_cap_usd", "n_companies")


@pytest.fixture(scope="module")
def desk() -> Desk:
    """One desk for all months, so that months are computed once."""
    return Desk()


@pytest.fixture(scope="module")
def notes(desk: Desk) -> list[Note]:
    """The note of every month from March 2024 to January 2026."""
    return [desk.note(period.month) for period in months_between(FIRST, LAST)]


@pytest.fixture(scope="module")
def reconciled(desk: Desk) -> pl.DataFrame:
    """The bank's whole-month values beside ours."""
    rows = desk.reconcile()
    whole_months = pl.col("period").str.len_chars() == len("2025-09")
    return rows.filter((pl.col("publisher") == BANK) & whole_months)


@pytest.mark.parametrize(
    ("metric", "least_months", "most"),
    [
        ("hashrate_avg_ehs", 10, 0.004),
        ("revenue_per_ehs_day_usd", 10, 0.012),
        ("market_cap_usd_bn", 7, 0.03),
        ("gross_profit_per_ehs_day_usd", 3, 0.03),
    ],
)
def test_median_absolute_error_over_the_published_months(
    reconciled: pl.DataFrame, metric: str, least_months: int, most: float
) -> None:
    errors = reconciled.filter(pl.col("metric") == metric)["difference_frac"].drop_nulls().abs().to_list()
    assert len(errors) >= least_months
    assert statistics.median(errors) <= most


def test_breadth_and_extremes_agree_wherever_they_were_published(reconciled: pl.DataFrame) -> None:
    named = reconciled.filter(
        pl.col("metric").is_in(["n_companies", "n_outperform_btc", "top_ticker", "bottom_ticker"])
    )
    assert named.height >= 15
    assert named["is_within_rounding_and_interval"].all()


def test_every_month_has_its_core_figures_and_takeaways(notes: list[Note]) -> None:
    for note in notes:
        assert all(note.figure(figure_id).value is not None for figure_id in CORE), note.month
        assert len(note.takeaways) >= 5, note.month
        assert [figure.id for figure in note.figures] == list(FIGURES), note.month


def test_a_missing_figure_says_why_and_a_whole_one_has_sources(notes: list[Note]) -> None:
    for note in notes:
        for figure in note.figures:
            if figure.value is None:
                assert any(caveat.startswith("missing: ") for caveat in figure.caveats), (note.month, figure.id)
            else:
                assert figure.sources, (note.month, figure.id)


def test_every_source_of_a_note_is_listed_with_an_address(notes: list[Note]) -> None:
    for note in notes:
        listed = {source.id: source for source in note.sources}
        for figure in note.figures:
            assert set(figure.sources) <= set(listed), (note.month, figure.id)
        assert all(source.url or source.licence or source.title for source in note.sources)


def test_effects_add_up_to_each_change_of_market_cap(notes: list[Note]) -> None:
    for note in notes:
        change = note.figure("market_cap_usd").change
        row = note.tables["market_cap"].records()[-1]
        if change is None or row["price_effect_usd"] is None:
            continue
        parts = [row[f"{name}_effect_usd"] for name in ("price", "share", "universe")]
        assert sum(float(part) for part in parts) == pytest.approx(change, rel=1e-9), note.month  # type: ignore[arg-type]


def test_each_company_s_effects_add_up_to_its_contribution_and_these_to_the_total(notes: list[Note]) -> None:
    for note in notes:
        for company in note.companies:
            if company.contribution_usd is not None:
                assert company.price_effect_usd is not None
                assert company.share_effect_usd is not None
                parts = company.price_effect_usd + company.share_effect_usd
                assert parts == pytest.approx(company.contribution_usd, rel=1e-9, abs=1e-3), (
                    note.month,
                    company.ticker,
                )
        change = note.figure("market_cap_usd").change
        contributions = [company.contribution_usd for company in note.companies]
        if change is not None and None not in contributions:
            assert sum(part for part in contributions if part is not None) == pytest.approx(change, rel=1e-9), (
                note.month
            )


def test_the_split_of_revenue_adds_up_to_the_last_digit(notes: list[Note]) -> None:
    for row in notes[-1].tables["revenue_split"].records():
        parts = [float(row[f"{name}_log"]) for name in ("price", "reward", "hashrate")]  # type: ignore[arg-type]
        assert sum(parts) == pytest.approx(float(row["change_log"]), abs=1e-12)  # type: ignore[arg-type]


def test_noise_is_called_noise_and_nothing_else(notes: list[Note]) -> None:
    for note in notes:
        hashrate = note.figure("network_hashrate_ehs")
        sentences = [t for t in note.takeaways if t.figure_ids == ("network_hashrate_ehs",)]
        assert len(sentences) == 1
        assert (sentences[0].kind == "noise") == (hashrate.is_significant is False), note.month
        assert ("within noise" in sentences[0].text) == (hashrate.is_significant is False), note.month


def test_a_tension_is_named_only_where_valuation_and_profit_part(notes: list[Note]) -> None:
    for note in notes:
        cap, profit = note.figure("market_cap_usd"), note.figure("block_reward_gross_profit_usd_per_ehs_day")
        parted = (
            cap.change_frac is not None and profit.change_frac is not None and cap.change_frac * profit.change_frac < 0
        )
        expected = parted and profit.is_significant is True
        assert any(takeaway.kind == "tension" for takeaway in note.takeaways) == expected, note.month


def test_a_change_within_noise_is_said_to_be_so_and_makes_no_streak_or_record(notes: list[Note]) -> None:
    for note in notes:
        for figure_id in ("block_reward_revenue_usd_per_ehs_day", "block_reward_gross_profit_usd_per_ehs_day"):
            figure = note.figure(figure_id)
            sentence = next(t.text for t in note.takeaways if t.figure_ids[:1] == (figure_id,))
            assert ("within the noise" in sentence) == (figure.is_significant is False), (note.month, figure_id)
            if figure.is_significant is False:
                assert "in a row" not in sentence
                assert "est of our history" not in sentence


def test_no_sentence_rests_on_a_figure_that_is_missing(desk: Desk, notes: list[Note]) -> None:
    for note in [*notes, desk.note(through="2025-10-15"), desk.note(through="2025-10-01"), desk.note("2020-05")]:
        for takeaway in note.takeaways:
            for figure_id in takeaway.figure_ids:
                assert note.figure(figure_id).value is not None, (note.month, takeaway.text)


@pytest.mark.parametrize("through", ["2025-09-15", "2025-10-01", "2025-10-15"])
def test_a_part_of_a_month_claims_no_month(desk: Desk, through: str) -> None:
    note = desk.note(through=through)
    text = " ".join([note.headline, *(takeaway.text for takeaway in note.takeaways)])
    assert not re.search("month-end|first month|monthly (rise|fall)|record", text)
    assert all(figure.streak is None and figure.record is None for figure in note.figures)
    volumes = note.tables["volumes"].records()[-1]["month"]
    assert isinstance(volumes, dt.date)
    assert volumes < note.period_start


def test_a_restated_contract_is_not_announced_again(desk: Desk) -> None:
    november = desk.note("2025-11")
    rows = [row for row in november.tables["hpc_contracts"].records() if row["is_restatement"]]
    assert rows
    assert not any(row["is_in_period"] for row in rows)
    pivot = next(t.text for t in november.takeaways if "GPU cloud" in t.text)
    assert "IREN with Microsoft (200 MW" in pivot


def test_a_mid_month_flash_is_set_against_the_whole_month_before(desk: Desk) -> None:
    flash = desk.note(through="2025-10-15")
    assert flash.month == "2025-10-15"
    assert flash.period_end == dt.date(2025, 10, 16)
    assert flash.figure("market_cap_usd").value == pytest.approx(79e9, rel=0.03)
    assert flash.figure("network_hashrate_ehs").prior == desk.figure("network_hashrate_ehs", "2025-09").value
    assert any("part of a month" in caveat for caveat in flash.caveats)


def test_what_was_known_then_leaves_out_what_came_later(desk: Desk) -> None:
    then = desk.note("2025-09", as_of="2025-10-01")
    assert then.as_of == dt.date(2025, 10, 1)
    assert then.figure("crypto_trading_volume_usd").value is None
    months = [row["month"] for row in then.tables["volumes"].records()]
    assert months[-1] == dt.date(2025, 8, 1)
    assert then.figure("market_cap_usd").value == desk.figure("market_cap_usd", "2025-09").value


def test_a_series_shows_a_missing_month_as_a_row_with_its_reason(desk: Desk) -> None:
    series = desk.figures("crypto_trading_volume_usd", "2025-04", "2025-07")
    assert series["month"].to_list() == ["2025-04", "2025-05", "2025-06", "2025-07"]
    assert series["value"].is_null().to_list() == [False, True, True, False]
    assert series["caveats"][1][0].startswith("missing: ")
    beyond = desk.figures("network_hashrate_ehs", "2026-04", "2026-06")
    assert beyond["value"].is_null().to_list() == [False, True, True]
    assert "is not covered by the data" in beyond["caveats"][2][0]
