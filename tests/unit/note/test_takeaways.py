"""Sentences follow their figures: change a figure and the sentence changes or goes."""

import datetime as dt
from dataclasses import replace
from functools import cache

import pytest

from hashdesk.calendar import Period
from hashdesk.desk import Desk
from hashdesk.note.model import Note, Record, Takeaway
from hashdesk.note.takeaways import build_takeaways, join_words, ordinal, verb

PERIOD = Period(dt.date(2025, 9, 1), dt.date(2025, 10, 1))


@cache
def note() -> Note:
    """A real note to start from."""
    return Desk().note("2025-09")


def rebuilt(**changes: dict[str, object]) -> tuple[str, tuple[Takeaway, ...]]:
    """Headline and takeaways after the given figures' fields were changed."""
    figures = [replace(figure, **changes.get(figure.id, {})) for figure in note().figures]  # type: ignore[arg-type]
    return build_takeaways(figures, note().companies, note().events, note().tables, note().assumptions, PERIOD)


def about(figure_id: str, takeaways: tuple[Takeaway, ...]) -> str:
    """Text of the sentences that rest on a figure."""
    return " ".join(takeaway.text for takeaway in takeaways if figure_id in takeaway.figure_ids)


def test_a_fall_within_noise_is_called_noise() -> None:
    fields: dict[str, object] = {"change": -12.0, "change_frac": -0.011, "z": -0.5, "is_significant": False}
    fields["record"] = None
    text = about("network_hashrate_ehs", rebuilt(network_hashrate_ehs=fields)[1])
    assert "down 12.0 EH/s or 1.1%: within noise (z -0.5)" in text
    assert "first month above" not in text


def test_a_threshold_is_named_only_for_a_record() -> None:
    text = about("network_hashrate_ehs", rebuilt(network_hashrate_ehs={"record": None})[1])
    assert "first month above" not in text


def test_a_missing_figure_takes_its_sentence_with_it() -> None:
    _, takeaways = rebuilt(network_hashrate_ehs={"value": None}, next_difficulty_change_frac={"value": None})
    assert about("network_hashrate_ehs", takeaways) == ""
    assert about("next_difficulty_change_frac", takeaways) == ""


def test_no_tension_where_valuation_and_profit_move_together() -> None:
    _, takeaways = rebuilt(block_reward_gross_profit_usd_per_ehs_day={"change_frac": 0.1, "change": 2_000.0})
    assert [takeaway.kind for takeaway in takeaways].count("tension") == 0


def test_the_headline_joins_what_agrees_and_opposes_what_does_not() -> None:
    opposed, _ = rebuilt()
    assert " while daily revenue per EH/s fell" in opposed
    agreed, _ = rebuilt(block_reward_revenue_usd_per_ehs_day={"change_frac": 0.1})
    assert " and daily revenue per EH/s rose" in agreed


def test_the_headline_says_so_when_both_figures_are_missing() -> None:
    gone: dict[str, object] = {"value": None, "change": None, "change_frac": None}
    headline, _ = rebuilt(market_cap_usd=gone, block_reward_revenue_usd_per_ehs_day=gone)
    assert "missing" in headline


def test_no_company_beating_bitcoin_is_said_in_words() -> None:
    text = about("n_outperforming_btc", rebuilt(n_outperforming_btc={"value": 0})[1])
    assert text.startswith("None of 14 beat bitcoin")


def test_a_low_since_some_month_is_named_with_the_month() -> None:
    record = Record("low", "2024-10", "2010-08", 182, "lowest since October 2024")
    figure_id = "block_reward_revenue_usd_per_ehs_day"
    text = about(figure_id, rebuilt(**{figure_id: {"record": record}})[1])
    assert "It is the lowest since October 2024" in text


def test_a_loss_is_not_called_something_left() -> None:
    fields: dict[str, object] = {"value": -1_500.0, "change": -4_000.0, "change_frac": None}
    text = about("power_cost_usd_per_ehs_day", rebuilt(block_reward_gross_profit_usd_per_ehs_day=fields)[1])
    assert "was left" not in text
    assert "-USD 1,500 was the result" in text


def test_outflows_are_called_losses() -> None:
    text = about("btc_etf_net_flow_usd", rebuilt(btc_etf_net_flow_usd={"value": -7.5e8})[1])
    assert text.startswith("US spot bitcoin ETFs lost USD 750.0m net")


def test_every_sentence_names_figures_that_exist() -> None:
    ids = {figure.id for figure in note().figures}
    for takeaway in note().takeaways:
        assert set(takeaway.figure_ids) <= ids


@pytest.mark.parametrize(("change", "word"), [(1.0, "rose"), (-1.0, "fell"), (0.0, "held")])
def test_verbs_follow_signs(change: float, word: str) -> None:
    assert verb(change) == word


def test_words_are_joined_as_people_write_them() -> None:
    assert (join_words(["a"]), join_words(["a", "b"]), join_words(["a", "b", "c"])) == ("a", "a and b", "a, b and c")
    assert (ordinal(3), ordinal(11), ordinal(21)) == ("third", "11th", "21st")
