from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from hashdesk.calendar import months_between
from hashdesk.desk import Desk
from hashdesk.errors import ModelError
from hashdesk.metrics.betas import DAILY, Fit, Sessions
from hashdesk.metrics.event_study import (
    LEVEL,
    TAILS,
    abnormal_return,
    by_kind,
    critical_score,
    event_study,
    mean_score_test,
    p_value,
    placebo_quantiles,
    placebo_scores,
)

MONTH = dt.date(2025, 9, 1)
FIT = Fit("AAA", MONTH, DAILY, 126, 1.0, 0.2, 0.5, 0.01, 0.01, 0.0004, np.zeros((3, 3)), 0.6, 0.0)
SIZES = pl.DataFrame(
    {
        "month": [MONTH] * len(TAILS),
        "tail_frac": TAILS,
        "abs_score": np.linspace(0, 5, len(TAILS)),
        "n_placebos": [1000] * len(TAILS),
    }
)


def line_up(**shares: list[float]) -> Sessions:
    n = len(next(iter(shares.values())))
    days = tuple(dt.date(2025, 9, 1) + dt.timedelta(days=i) for i in range(n))
    zero = np.zeros(n)
    return Sessions(days, zero, zero, zero, {name: np.array(line) for name, line in shares.items()})


def events(*rows: tuple[int, str, str, bool]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "date": dt.date(2025, 9, day),
                "tickers": tickers,
                "kind": kind,
                "is_sector": is_sector,
                "headline": f"News {place}",
                "source": "s",
            }
            for place, (day, tickers, kind, is_sector) in enumerate(rows)
        ]
    )


def test_the_abnormal_return_is_what_the_factors_leave() -> None:
    found = abnormal_return(FIT, [0.10, 0.05], [[0.02, 0.01, 0.03], [0.0, 0.02, 0.0]])
    assert found is not None
    expected = 1.0 * 0.02 + 0.2 * 0.03 + 0.5 * (0.03 - 0.6 * 0.02)
    assert found.expected_log == pytest.approx(expected)
    assert found.abnormal_log == pytest.approx(0.15 - expected)
    assert found.sd == pytest.approx((2 * 0.0004) ** 0.5)


def test_a_missing_session_gives_no_abnormal_return() -> None:
    assert abnormal_return(FIT, [0.1, np.nan], np.zeros((2, 3))) is None
    assert abnormal_return(FIT, [], np.zeros((0, 3))) is None


def test_the_chance_falls_with_size_and_ends_at_the_last_one_known() -> None:
    chances = p_value([0.0, 1.0, -1.0, 4.9, 50.0], SIZES)
    assert chances[0] == 1.0
    assert chances[1] == chances[2]
    assert chances[1] > chances[3] > chances[4] == pytest.approx(TAILS[-1])
    assert p_value([critical_score(SIZES)], SIZES)[0] == pytest.approx(LEVEL, rel=0.05)
    with pytest.raises(ModelError, match="ordinary dates"):
        p_value([1.0], SIZES.clear())


def test_news_gets_its_window_and_overlaps_are_counted() -> None:
    lined_up = line_up(AAA=[0.0, 0.2, 0.03, 0.0, 0.0, 0.0])
    study = event_study(
        events((2, "AAA", "earnings", False), (3, "AAA;ZZZ", "other", False), (5, "AAA", "price_move", False)),
        lined_up,
        {("AAA", MONTH): FIT},
        SIZES,
        ["AAA"],
    )
    assert study["window_to"].to_list() == [dt.date(2025, 9, 3), dt.date(2025, 9, 4)]
    assert study["n_overlapping"].to_list() == [1, 1]
    assert study["abnormal_frac"].to_list() == pytest.approx([np.expm1(0.23), np.expm1(0.03)])
    assert study["is_significant"].to_list() == [True, False]
    low, high = study.row(0, named=True)["abnormal_frac_low"], study.row(0, named=True)["abnormal_frac_high"]
    assert low < study["abnormal_frac"][0] < high


def test_what_cannot_be_studied_says_why() -> None:
    lined_up = line_up(AAA=[0.0, np.nan, 0.1])
    study = event_study(
        events((1, "AAA", "other", False), (3, "AAA", "other", False), (2, "BBB", "other", False)),
        lined_up,
        {("AAA", MONTH): FIT},
        SIZES,
        ["AAA", "BBB"],
    )
    assert study["abnormal_frac"].null_count() == 3
    assert sorted(study["missing"]) == [
        "no closes of the window's sessions",
        "no model from the sessions before the month",
        "the sessions of the window are not in the store",
    ]


def test_a_kind_counts_overlapping_news_once_and_leaves_the_sector_out() -> None:
    draw = np.random.default_rng(3)
    lined_up = line_up(AAA=list(draw.normal(0, 0.02, 28)))
    news = [(day, "AAA", "other", False) for day in (2, 3, 8, 14, 20)] + [(25, "AAA", "other", True)]
    kinds = by_kind(event_study(events(*news), lined_up, {("AAA", MONTH): FIT}, SIZES, ["AAA"]))
    assert kinds.select("kind", "n_events").rows() == [("other", 4)]
    assert kinds["t"][0] is not None


def test_the_mean_score_fires_on_nothing_one_time_in_twenty() -> None:
    draw = np.random.default_rng(11)
    chances = [mean_score_test(draw.standard_t(4, 8))[1] for _ in range(2_000)]
    assert np.mean(np.array(chances) < LEVEL) == pytest.approx(LEVEL, abs=0.02)


def pack_placebos() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores of every company and ordinary session of the months whose closes the pack holds day by day."""
    desk = Desk()
    lined_up, tables, _ = desk._lined_up(None)
    periods = months_between(dt.date(2025, 4, 1), dt.date(2025, 10, 1))
    fits = {(name, p.start): fit for p in periods for name, fit in desk._fits(lined_up, tables, p).items()}
    return placebo_scores(lined_up, fits), tables["placebo_quantiles"]


def rate(scores: pl.DataFrame, quantiles: pl.DataFrame) -> float:
    fired = 0
    for (month,), part in scores.group_by(["month"]):
        chances = p_value(part["score"], quantiles.filter(pl.col("month") == month))
        fired += int((chances < LEVEL).sum())
    return fired / scores.height


def test_on_ordinary_dates_of_the_pack_a_test_at_five_percent_fires_about_five_percent_of_the_time() -> None:
    scores, quantiles = pack_placebos()
    assert scores.height > 1_900
    # Companies move together, so 2,000 dates are worth far fewer: five points either side would be chance at 120.
    assert 0.02 <= rate(scores, quantiles) <= 0.09


def test_on_the_whole_archive_it_fires_five_percent_of_the_time(data_dir: object, root: object) -> None:
    import sys

    sys.path.insert(0, f"{root}/tools")
    import reference_moments as moments

    from hashdesk.archive.tables import pack_tables

    checks, folder = moments.Checks(), moments.RawFolder(data_dir)  # type: ignore[arg-type]
    tables, _ = pack_tables(folder, checks)
    found = moments.rate_on_ordinary_dates(folder, tables, checks)
    fired = float((found["n"] * found["fires_frac"]).sum() / found["n"].sum())
    assert found["n"].sum() > 8_000
    assert fired == pytest.approx(LEVEL, abs=0.01)


def test_too_few_ordinary_dates_give_no_sizes() -> None:
    scores = pl.DataFrame(
        {"ticker": ["AAA"] * 10, "date": [dt.date(2025, 8, 1)] * 10, "month": [dt.date(2025, 8, 1)] * 10},
        schema_overrides={"date": pl.Date, "month": pl.Date},
    ).with_columns(score=1.0)
    assert placebo_quantiles(scores, MONTH).is_empty()
