"""Retargets: the rule exactly, the draws against closed forms, and honest intervals on the real past."""

import datetime as dt
import math

import numpy as np
import pytest

from hashdesk.errors import InputError, ModelError
from hashdesk.outlook.adjustment import (
    EpochState,
    day_states,
    draw_retargets,
    predict_adjustment,
    retarget_ratio,
    score_history,
)
from hashdesk.outlook.nowcast import HashrateFilter, filter_days
from hashdesk.store.pack import ReferencePack

DAY = dt.date(2024, 1, 10)
AT = dt.datetime(2024, 1, 11, tzinfo=dt.UTC)
DIFFICULTY = 1e14
WORK_EH = DIFFICULTY * 2**48 / 65_535 / 1e18
N = 40_000


def certain(hashrate_ehs: float, level_sd_per_day: float = 0.0) -> HashrateFilter:
    """A filter that knows the hashrate exactly."""
    one, none = np.ones((1, 1)), np.zeros((1, 1))
    level = np.full((1, 1), math.log(hashrate_ehs))
    return HashrateFilter((DAY,), one, level, none, one * 1e-18, none, none, np.array([level_sd_per_day]))


def state(blocks: int, days: float) -> EpochState:
    return EpochState(AT, 800_000 + blocks, 800_000, AT - dt.timedelta(days=days), DIFFICULTY)


def test_the_rule_measures_2015_intervals_against_2016_and_clamps() -> None:
    seconds = np.array([2015 * 600.0, 2016 * 600.0, 1.0, 1e9])
    np.testing.assert_allclose(retarget_ratio(seconds), [2016 / 2015, 1.0, 4.0, 0.25])


def test_constant_hashrate_gives_the_gamma_law_of_an_epoch() -> None:
    hashrate = WORK_EH / 600  # a block every 600 s
    ratio, days, second, days_second = draw_retargets(state(0, 0.0), certain(hashrate), N, seed=1)
    # 1/ratio is a gamma of 2,015 intervals over the target for 2,016.
    spans = 1 / ratio
    assert spans.mean() == pytest.approx(2015 / 2016, abs=3 / math.sqrt(2015 * N))
    assert spans.std() == pytest.approx(math.sqrt(2015) / 2016, rel=0.02)
    assert days.mean() == pytest.approx(14, abs=3 * 14 / math.sqrt(2016 * N))
    # The second epoch carries the luck of the first: its difficulty was set by it.
    assert second.std() == pytest.approx(math.sqrt(2) * spans.std(), rel=0.05)
    assert (days_second > days).all()


def test_known_blocks_leave_only_the_time_of_the_last_one_in_doubt() -> None:
    hashrate = WORK_EH / 600
    done = predict_adjustment(state(2015, 13.0), certain(hashrate), n_draws=40_000)
    # The last of 2,015 blocks came before the moment: by a 2,016th of the time since the first, on average.
    expected = 2016 * 600 / (13.0 * 86_400 * 2015 / 2016) - 1
    assert done.next.change_frac == pytest.approx(expected, abs=3e-4)
    wide = done.next.change_bounds[-1]
    assert 2016 * 600 / (13.0 * 86_400) - 1 < wide.low < done.next.change_frac < wide.high < expected + 0.004
    assert done.next.days_bounds[-1].low > 0
    early = predict_adjustment(state(500, 3.4), certain(hashrate), n_draws=2_000)
    late = predict_adjustment(state(1800, 12.4), certain(hashrate), n_draws=2_000)
    widths = [p.next.change_bounds[-1].high - p.next.change_bounds[-1].low for p in (early, late)]
    assert widths[0] > 2 * widths[1] > 0


def test_more_hashrate_raises_difficulty_and_moves_the_date_forward() -> None:
    base, more = (predict_adjustment(state(1000, 7.0), certain(h), n_draws=4_000) for h in (1_000.0, 1_200.0))
    assert more.next.change_frac > base.next.change_frac
    assert more.next.expected_at < base.next.expected_at
    assert more.next.rise_probability >= base.next.rise_probability


def test_pace_so_far_is_the_figure_of_the_note() -> None:
    found = predict_adjustment(state(1000, 1000 * 570 / 86_400), certain(1_000.0), n_draws=100)
    assert found.pace_change_frac == pytest.approx(0.0532, abs=1e-4)
    assert predict_adjustment(state(0, 0.0), certain(1_000.0), n_draws=100).pace_change_frac is None


def test_same_seed_gives_the_same_prediction_and_another_does_not() -> None:
    one, two, other = (predict_adjustment(state(900, 6.0), certain(1_190.0), seed=seed) for seed in (1, 1, 2))
    assert one == two
    assert one != other


def test_clock_before_the_epoch_is_refused() -> None:
    with pytest.raises(ModelError, match="before the first block"):
        predict_adjustment(state(0, -1.0), certain(1_000.0))


def test_intervals_hold_on_every_epoch_since_2014_and_beat_the_pace_early_on() -> None:
    pack = ReferencePack()
    network, epochs = pack.read("network_daily"), pack.read("epochs")
    filters = filter_days(network, network["date"][-1], None)
    scores = score_history(network, epochs, filters, dt.date(2014, 1, 1))
    assert len(scores) == 10
    for score in scores:
        assert score.n > 300
        assert 0.92 <= score.coverage_95_frac <= 0.99
        assert 0.75 <= score.coverage_80_frac <= 0.91
    first = next(s for s in scores if s.which == "next" and s.elapsed_frac == 0.05)
    assert first.pace_median_error_frac is not None
    assert first.median_error_frac < 0.7 * first.pace_median_error_frac


def test_predictions_of_the_past_do_not_see_its_future() -> None:
    pack = ReferencePack()
    network, epochs = pack.read("network_daily"), pack.read("epochs")
    day = dt.date(2025, 9, 30)
    stand = next(s for s in day_states(network, epochs) if s.at.date() == dt.date(2025, 10, 1))
    whole = predict_adjustment(stand, filter_days(network, network["date"][-1], None), n_draws=500)
    cut = predict_adjustment(stand, filter_days(network, day, None), n_draws=500)
    assert whole.next.change_bounds == cut.next.change_bounds


def test_a_height_outside_the_epochs_is_refused() -> None:
    from hashdesk.outlook.adjustment import epoch_states

    with pytest.raises(InputError, match="outside the epochs"):
        epoch_states([5_000], [AT], [0], [AT], [1.0])
