"""Companies on the reference pack: identities in every month, and the awkward cases by name."""

import datetime as dt
import math

import polars as pl
import pytest

from hashdesk.calendar import month_period, months_between
from hashdesk.desk import Desk
from hashdesk.errors import NotFound
from hashdesk.metrics.companies import Companies
from hashdesk.metrics.sector import EQUITY_FROM

LAST = "2026-01"


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


@pytest.fixture(scope="module")
def companies(desk: Desk) -> Companies:
    return desk._companies(month_period(dt.date(2026, 1, 1)), None)


# What must hold in every month


def test_parts_of_every_market_cap_add_up_in_every_month(companies: Companies) -> None:
    n = 0
    for period in months_between(EQUITY_FROM, dt.date(2026, 1, 1)):
        for ticker in companies.tracked(period):
            parts = companies.valued(ticker, period).parts
            if parts is None:
                continue
            known = sum(v or 0 for v in (parts.mining_value_usd, parts.bitcoin_value_usd, parts.hpc_value_usd))
            assert known - (parts.net_debt_usd or 0) + parts.expectations_usd == pytest.approx(parts.market_cap_usd)
            n += 1
    assert n > 300


def test_parts_of_the_group_add_up_and_the_total_is_that_of_the_note(desk: Desk, companies: Companies) -> None:
    group = companies.group
    parts = pl.sum_horizontal("mining_value_usd", "bitcoin_value_usd", "hpc_value_usd", "expectations_usd")
    gap = group.select(
        parts - pl.col("net_debt_usd").fill_null(0) + pl.col("not_disclosed_usd") - pl.col("market_cap_usd")
    )
    assert max(abs(value) for value in gap.to_series().to_list()) < 1
    for month in ("2025-09", LAST):
        row = group.filter(pl.col("period_start") == dt.date.fromisoformat(f"{month}-01"))
        assert row["market_cap_usd"][0] == pytest.approx(desk.figure("market_cap_usd", month).value)


def test_market_cap_and_enterprise_value_differ_by_the_bridge(companies: Companies) -> None:
    for ticker in companies.tracked(month_period(dt.date(2025, 9, 1))):
        page = companies.page(ticker, month_period(dt.date(2025, 9, 1)))
        cap, value = page.facts["market_cap_usd"].value, page.facts["enterprise_value_usd"].value
        if value is not None and cap is not None:
            assert value - cap == pytest.approx(sum(line.value_usd for line in page.bridge.lines))


def test_nothing_in_a_value_was_public_only_later(companies: Companies) -> None:
    for period in months_between(dt.date(2025, 6, 1), dt.date(2026, 1, 1)):
        for ticker in companies.tracked(period):
            valued = companies.valued(ticker, period)
            known = [line.known_at for line in valued.bridge.lines if line.known_at]
            known += [fact.known_at for fact in valued.facts.values() if fact.known_at]
            assert all(day <= period.last_day for day in known)


def test_every_number_of_every_page_has_unit_age_and_source_or_a_reason(companies: Companies) -> None:
    for ticker in (*companies.tracked(month_period(dt.date(2025, 9, 1))), "SDIG", "ABTC"):
        page = companies.page(ticker, month_period(dt.date(2025, 9, 1)))
        for fact in (*page.operations, *page.value):
            assert fact.unit
            if fact.value is None:
                assert fact.missing, f"{ticker} {fact.id}"
            else:
                assert fact.as_of is not None
                assert fact.age_days is not None, f"{ticker} {fact.id}"
                assert fact.sources, f"{ticker} {fact.id}"


def test_companies_with_average_hashrate_realise_it_within_a_few_percent(companies: Companies) -> None:
    """The coins of a pool-paid producer follow from its average hashrate: the check of the production factor."""
    rates = [
        fact.value
        for period in months_between(dt.date(2024, 10, 1), dt.date(2026, 1, 1))
        for ticker in ("CLSK", "RIOT", "CANG", "IREN")
        if (fact := companies.operations(ticker, period)["realization_operating_frac"]).value is not None
    ]
    assert len(rates) > 25
    assert 0.97 < sorted(rates)[len(rates) // 2] < 1.03
    assert sum(0.95 < rate < 1.05 for rate in rates) > 0.9 * len(rates)


def test_both_definitions_of_network_share_stand_some_points_apart(companies: Companies) -> None:
    rows = companies.rows(month_period(dt.date(2025, 9, 1)))
    both = rows.drop_nulls(["network_share_frac", "production_share_frac"])
    assert sum(both["network_share_frac"].to_list()) - sum(both["production_share_frac"].to_list()) > 0.02


def test_a_month_reads_the_same_whether_or_not_later_ones_were_computed(desk: Desk) -> None:
    alone = Desk()
    assert alone.companies("2025-06").equals(
        desk._companies(month_period(dt.date(2026, 1, 1)), None).rows(month_period(dt.date(2025, 6, 1)))
    )
    assert alone.company("IREN", "2025-06") == desk.company("IREN", "2025-06")


# September 2025


def test_cipher_in_september_2025(desk: Desk) -> None:
    """Production update of September 2025: 251 BTC mined, 23.6 EH/s, 16.8 J/TH, about 1,500 BTC held, 158 sold."""
    facts = desk.company("CIFR", "2025-09").facts
    assert facts["production_btc"].value == 251
    assert facts["energized_hashrate_ehs"].note.startswith("company's word: operating")
    assert facts["realization_frac"].value == pytest.approx(0.78, abs=0.02)
    assert facts["holdings_residual_btc"].value == 1500 - 1414 - 251 + 158
    assert facts["market_cap_usd"].value == pytest.approx(4.95e9, rel=0.01)
    assert facts["hpc_value_usd"].value is not None


def test_valuations_part_from_profitability_in_2025_as_far_as_after_the_halving_of_2024(companies: Companies) -> None:
    known = companies.group.drop_nulls("divergence_frac").sort("divergence_frac")
    assert known.height == 20
    assert known["period_start"][0] in (dt.date(2025, 3, 1), dt.date(2025, 4, 1), dt.date(2025, 5, 1))
    in_2025 = known.filter(pl.col("period_start").dt.year() == 2025)
    assert in_2025["period_start"][-1] in (dt.date(2025, 9, 1), dt.date(2025, 10, 1), dt.date(2025, 11, 1))
    summer = known.filter(pl.col("period_start") == dt.date(2024, 7, 1)).row(0, named=True)
    # What the coins of those that disclose none could hide reaches down to the height of 2025.
    assert summer["divergence_frac_low"] < in_2025["divergence_frac"][-1] < summer["divergence_frac"]


def test_what_undisclosed_coins_hide_bounds_the_divergence_number(companies: Companies) -> None:
    """By hand for November 2024: coins over market cap of those that tell, laid on those that do not."""
    month = month_period(dt.date(2024, 11, 1))
    parts = [p for t in companies.tracked(month) if (p := companies.valued(t, month).parts) and p.mining_value_usd]
    tell = [p for p in parts if p.bitcoin_value_usd is not None]
    ratio = sum(p.bitcoin_value_usd or 0 for p in tell) / sum(p.market_cap_usd for p in tell)
    hidden = ratio * sum(p.market_cap_usd for p in parts if p.bitcoin_value_usd is None)
    row = companies.group.filter(pl.col("period_start") == month.start).row(0, named=True)
    width = row["divergence_frac"] - row["divergence_frac_low"]
    assert width == pytest.approx(hidden / sum(p.market_cap_usd for p in parts))


def test_leases_are_worth_the_same_in_a_market_cap_and_in_the_pivot(desk: Desk, companies: Companies) -> None:
    for month in ("2024-11", "2025-09", LAST):
        period = month_period(dt.date.fromisoformat(f"{month}-01"))
        pivot = {r["ticker"]: r for r in desk.hpc(as_of=str(period.last_day)).values.iter_rows(named=True)}
        for ticker in companies.tracked(period):
            value, row = companies.valued(ticker, period).facts["hpc_value_usd"].value, pivot.get(ticker)
            assert value == (row["net_value_usd"] if row is not None and row["n_valued"] else None), (month, ticker)
            if row is not None and value is not None:
                assert value == pytest.approx(row["net_value_usd"])


def test_coins_of_a_sliver_of_the_market_cap_make_no_multiple(desk: Desk) -> None:
    facts = desk.company("BTBT", "2025-12").facts
    assert facts["bitcoin_value_usd"].value is not None
    assert facts["mnav_x"].value is None
    assert "less than 1%" in facts["mnav_x"].missing


def test_coupons_are_laid_on_mining_only_where_they_are_its_cost(desk: Desk) -> None:
    def interest(ticker: str, month: str) -> tuple[float | None, str]:
        rung = next(rung for rung in desk.company(ticker, month).hashcost if rung.id == "interest")
        return rung.usd_per_btc, rung.missing

    assert interest("WULF", "2025-12") == (None, "debts also pay for AI/HPC sites")
    assert interest("CORZ", "2024-04")[0] is None, "no balance sheet: what is listed may be a sliver of the debt"
    assert interest("CLSK", "2025-10")[0] is None, "most of the debt is not listed one by one"
    assert interest("MARA", "2025-09")[0] == pytest.approx(767, abs=1)


def test_mara_carries_the_luck_of_its_own_pool_and_others_do_not(companies: Companies) -> None:
    september = month_period(dt.date(2025, 9, 1))
    mara = companies.operations("MARA", september)["realized_hashrate_ehs"]
    assert mara.low is not None
    assert mara.high is not None
    assert (mara.high - mara.low) / 2 / (mara.value or 1) == pytest.approx(1.96 / math.sqrt(736 / 3.15), rel=0.05)
    assert companies.operations("CIFR", september)["realized_hashrate_ehs"].low is None


# Companies that are not simple


def test_an_unknown_ticker_names_the_nearest(desk: Desk) -> None:
    with pytest.raises(NotFound, match="Did you mean MARA"):
        desk.company("MARRA", "2025-09")


@pytest.mark.parametrize(
    ("old", "new"), [("BITF", "KEEL"), ("GREE", "VIP"), ("ABTC", "GRYP"), ("MARA", "mara holdings")]
)
def test_a_renamed_company_is_found_under_either_name(desk: Desk, old: str, new: str) -> None:
    one, other = desk.company(old, "2025-09"), desk.company(new, "2025-09")
    assert one.ticker == other.ticker == old
    assert one.facts == other.facts


def test_the_symbol_changes_on_the_day_of_the_rename(desk: Desk) -> None:
    assert desk.company("KEEL", "2026-03").symbol == "BITF"
    page = desk.company("BITF", "2026-04")
    assert page.symbol == "KEEL"
    assert any("Renamed KEEL on 2026-04-03" in line for line in page.status)


def test_a_month_after_the_last_close_gets_a_page_that_says_so(desk: Desk) -> None:
    page = desk.company("KEEL", "2026-04")
    assert page.facts["market_cap_usd"].value is None
    assert any("the last one in the tables is of 2026-01-30" in line for line in page.status)


def test_stronghold_is_delisted_after_14_march_2025_and_valued_before(desk: Desk) -> None:
    after, before = desk.company("SDIG", "2025-06"), desk.company("SDIG", "2025-01")
    assert any("delisted 2025-03-14" in line for line in after.status)
    assert after.facts["market_cap_usd"].value is None
    assert before.facts["market_cap_usd"].value is not None
    assert not any("delisted" in line for line in before.status)


def test_a_month_before_the_listing_says_when_trading_began(desk: Desk) -> None:
    page = desk.company("CORZ", "2023-12")
    assert any("Not listed in this month: trades from 2024-01-24" in line for line in page.status)
    assert page.facts["market_cap_usd"].value is None


def test_cango_changes_from_depositary_receipts_to_shares_without_dilution(desk: Desk) -> None:
    page = desk.company("CANG", "2025-11")
    november = page.dilution[-1]
    assert november.had_unit_change
    assert november.shares_end == pytest.approx(356e6, rel=0.01)
    assert abs(november.change_frac) < 0.01
    assert any("Change of unit on 2025-11-17" in line for line in page.status)


def test_argos_new_ratio_is_no_dilution_but_its_restructuring_is(desk: Desk) -> None:
    december = desk.company("ARBK", "2025-12").dilution[-1]
    # 28.9bn ordinary shares after the plan against 717m before it, whatever the shares of one receipt.
    assert december.had_unit_change
    assert december.change_frac == pytest.approx(28.9e9 / 717e6 - 1, rel=0.02)


def test_a_company_with_few_inputs_gets_a_page_that_names_them(desk: Desk) -> None:
    page = desk.company("GREE", "2025-09")
    assert page.facts["market_cap_usd"].value is not None
    assert page.facts["net_debt_usd"].value is None
    assert "cash: not disclosed in the tables" in page.bridge.missing
    assert len(page.missing) > 15


def test_riot_ended_its_updates_and_keeps_its_last_value_with_an_age(desk: Desk) -> None:
    page = desk.company("RIOT", "2026-03")
    fact = page.facts["energized_hashrate_ehs"]
    assert any("The company ended its monthly updates" in line for line in page.status)
    assert fact.value is not None
    assert fact.age_days is not None


def test_an_old_figure_is_shown_with_its_age_and_counts_nowhere(desk: Desk) -> None:
    page = desk.company("BITF", "2025-12")
    assert page.facts["holdings_btc"].value == 1005
    assert page.facts["holdings_btc"].missing
    assert desk.companies("2025-12").filter(pl.col("ticker") == "BITF")["holdings_btc"].to_list() == [None]


# Forecasts


def test_forecasts_beat_the_last_report_carried_on_and_their_intervals_hold(desk: Desk) -> None:
    total = desk.disclosure_scores(LAST).row(0, named=True)
    assert total["n"] > 150
    assert total["mae_frac"] < 0.9 * total["naive_mae_frac"]
    assert 0.88 <= total["coverage_frac"] <= 0.99


def test_an_as_of_day_takes_later_reports_away(desk: Desk) -> None:
    cut = desk.company("CIFR", "2025-09", as_of="2025-10-05")
    assert cut.facts["production_btc"].as_of == dt.date(2025, 8, 31)
    assert cut.facts["production_btc"].missing
    assert cut.forecast is not None
    assert cut.forecast.reported_btc is None


def test_a_months_value_and_betas_are_those_of_someone_who_knew_only_what_was_public(desk: Desk) -> None:
    """Read again from a store cut at the month's end: nothing may move, also where the list changed since."""

    class Cut:
        def __init__(self, day: dt.date) -> None:
            self.day = day

        def read(self, table: str, as_of: dt.date | None = None) -> pl.DataFrame:
            return desk.store.read(table, as_of=min(self.day, as_of) if as_of else self.day)

        def __getattr__(self, name: str) -> object:
            return getattr(desk.store, name)

    for month in ("2024-04", "2024-11", "2025-09"):
        period = month_period(dt.date.fromisoformat(f"{month}-01"))
        then = Desk()
        then.__dict__["store"] = Cut(period.end)
        for ticker in desk.companies(month)["ticker"]:
            now, old = desk.company(ticker, month), then.company(ticker, month)
            for fact, seen in zip(now.value, old.value, strict=True):
                assert fact.value == pytest.approx(seen.value), (month, ticker, fact.id)
        betas = ["ticker", "beta_bitcoin", "beta_ai", "residual_frac"]
        if month != "2025-09":  # its news was collected later
            now_, then_ = desk.attribution(month).companies, then.attribution(month).companies
            assert now_.select(betas).equals(then_.select(betas))
