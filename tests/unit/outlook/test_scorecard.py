"""The scorecard: what it counts, that it is the same however it is run, and that its aim is met on the real history."""

import datetime as dt
import importlib.util
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest

from hashdesk.desk import Desk
from hashdesk.errors import InputError, PayloadError
from hashdesk.outlook.history import build_history
from hashdesk.outlook.scorecard import (
    BASELINES,
    CODE,
    HORIZONS,
    MODELS,
    Scorecard,
    code_digest,
    facts_digest,
    scorecard,
)
from hashdesk.outlook.targets import TARGETS, realised
from hashdesk.store.pack import ReferencePack

TABLES = ("network_daily", "btc_price_daily", "epochs", "asic_models")


@pytest.fixture(scope="module")
def tables() -> list[pl.DataFrame]:
    pack = ReferencePack()
    return [pack.read(name) for name in TABLES]


@pytest.fixture(scope="module")
def card(tables: list[pl.DataFrame]) -> Scorecard:
    return scorecard(*tables, n_paths=400)


def test_table_has_every_model_target_and_horizon(card: Scorecard) -> None:
    assert card.first_origin == dt.date(2014, 1, 1)
    for period in ("all", "to_2019", "from_2020"):
        part = card.table.filter(pl.col("period") == period)
        assert part.height == len(TARGETS) * len(HORIZONS) * len(MODELS)
        assert part.select("target", "horizon_months", "model").is_duplicated().sum() == 0
    counts = card.table.filter(pl.col("model") == "hashdesk").pivot(
        "period", index=["target", "horizon_months"], values="n"
    )
    assert counts.select((pl.col("to_2019") + pl.col("from_2020") == pl.col("all")).all()).item()
    own = card.table.filter(pl.col("model") == "hashdesk")
    assert own["skill"].null_count() == own.height
    assert card.table.filter(pl.col("model") != "hashdesk")["skill"].null_count() == 0


def test_crps_on_hashrate_and_difficulty_is_below_every_baselines(card: Scorecard) -> None:
    rows = card.table.filter(
        (pl.col("period") == "all")
        & pl.col("model").is_in(BASELINES)
        & pl.col("target").is_in(["network_hashrate_ehs", "difficulty"])
    )
    assert rows.height == 2 * len(HORIZONS) * len(BASELINES)
    assert rows["skill"].min() > 0  # type: ignore[operator]


def test_coverage_is_near_what_is_stated(card: Scorecard) -> None:
    """Ten points: 137 origins a month apart hold only a dozen independent years, so five cannot be told from luck."""
    own = card.table.filter((pl.col("period") == "all") & (pl.col("model") == "hashdesk"))
    for level in (50, 80, 95):
        assert (own[f"coverage_{level}"] - level / 100).abs().max() < 0.10  # type: ignore[operator]


def test_pit_shares_add_up(card: Scorecard) -> None:
    sums = card.pit.group_by("target", "horizon_months", "model", "period").agg(pl.col("share_frac").sum())
    np.testing.assert_allclose(sums["share_frac"], 1.0)


def test_outcome_is_the_months_own_figure(tables: list[pl.DataFrame]) -> None:
    outcome = realised(build_history(*tables[:3]), dt.date(2025, 9, 1))
    assert outcome is not None
    hashrate, difficulty, hashprice, revenue = np.exp(outcome)
    assert hashrate == pytest.approx(1034.7, abs=0.1)
    assert difficulty == pytest.approx(142.34e12, rel=1e-4)
    assert hashprice == pytest.approx(53, rel=0.05)
    assert revenue == pytest.approx(49_200, rel=0.01)
    assert realised(build_history(*tables[:3]), dt.date(2026, 5, 1)) is None  # the chain ends inside that month


def test_scores_do_not_depend_on_who_runs_them(tables: list[pl.DataFrame]) -> None:
    span = {"first": dt.date(2019, 1, 1), "last": dt.date(2019, 4, 1), "n_paths": 50}
    alone = scorecard(*tables, **span)
    with ThreadPoolExecutor(2) as threads:
        assert scorecard(*tables, **span, executor=threads).scores.equals(alone.scores)


def test_one_origins_scores_are_the_same_within_the_whole(card: Scorecard, tables: list[pl.DataFrame]) -> None:
    one = scorecard(*tables, first=dt.date(2017, 5, 1), last=dt.date(2017, 5, 1), n_paths=400)
    whole = card.scores.filter((pl.col("origin") == dt.date(2017, 5, 1)) & (pl.col("model") == "hashdesk"))
    assert one.scores.filter(pl.col("model") == "hashdesk").equals(whole)


def test_cached_scorecard_is_the_computed_one(card: Scorecard) -> None:
    again = Scorecard.from_bytes(card.to_bytes())
    assert again.scores.equals(card.scores) and again.table.equals(card.table) and again.pit.equals(card.pit)
    assert (again.digest, again.n_paths, again.seed) == (card.digest, card.n_paths, card.seed)
    with pytest.raises(PayloadError, match="scorecard: cannot be read"):
        Scorecard.from_bytes(b"{}")


def test_digest_knows_the_facts_and_the_settings(tables: list[pl.DataFrame]) -> None:
    assert facts_digest(*tables) == facts_digest(*tables)
    assert facts_digest(*tables) != facts_digest(*tables, n_paths=999)
    changed = tables[0].with_columns(work_eh=pl.col("work_eh") * 1.0001)
    assert facts_digest(*tables) != facts_digest(changed, *tables[1:])


def test_another_engine_has_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before, key = code_digest(), Desk().scorecard_key()
    for name in CODE:
        spec = importlib.util.find_spec(f"hashdesk.outlook.{name}")
        assert spec is not None and spec.loader is not None, name
    assert {"kernels", "calibration", "price", "response", "baselines", "scores"} <= set(CODE)
    loader = type(spec.loader)
    monkeypatch.setattr(loader, "get_source", lambda self, name: "changed" if name.endswith("kernels") else "")
    assert code_digest() != before
    assert Desk().scorecard_key() != key


def test_shipped_scorecard_is_what_this_engine_computes(tables: list[pl.DataFrame]) -> None:
    report = Desk().shipped_scorecard()
    assert report is not None and report.card is not None and not report.caveats  # its key is that of this code
    for origin in (dt.date(2015, 8, 1), dt.date(2022, 6, 1)):
        here = scorecard(*tables, first=origin, last=origin, n_paths=report.card.n_paths, seed=report.card.seed)
        mine = (pl.col("model") == "hashdesk") & (pl.col("origin") == origin)
        shipped = report.card.scores.filter(mine).drop("origin", "target", "model")
        computed = here.scores.filter(mine).drop("origin", "target", "model")
        np.testing.assert_allclose(computed.to_numpy(), shipped.to_numpy(), rtol=1e-4, atol=2e-6)


def test_coverage_of_hashrate_and_difficulty_is_within_five_points() -> None:
    """On the shipped scorecard, a thousand paths each; half a point more for the paths' own noise."""
    report = Desk().shipped_scorecard()
    assert report is not None and report.card is not None
    chain = pl.col("target").is_in(["network_hashrate_ehs", "difficulty"])
    own = report.card.table.filter((pl.col("period") == "all") & (pl.col("model") == "hashdesk") & chain)
    assert own.height == 8
    for level in (50, 80, 95):
        assert (own[f"coverage_{level}"] - level / 100).abs().max() < 0.055  # type: ignore[operator]


def test_impossible_question_is_refused(tables: list[pl.DataFrame]) -> None:
    with pytest.raises(InputError, match="horizons: expected months from 1 to 24"):
        scorecard(*tables, horizons=(0,))
    with pytest.raises(InputError, match="has an outcome"):
        scorecard(*tables, first=dt.date(2027, 1, 1), last=dt.date(2027, 3, 1))
