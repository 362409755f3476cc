"""How such forecasts have done: walk-forward over monthly origins on the real history, against four baselines."""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.util
import json
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hashdesk.errors import InputError, PayloadError
from hashdesk.outlook.baselines import (
    BASELINES,
    MIN_ERRORS,
    centres,
    normal_ensemble,
    spread,
)
from hashdesk.outlook.calibration import Recipe, calibrate_history
from hashdesk.outlook.engine import simulate
from hashdesk.outlook.fleet import fleet_at
from hashdesk.outlook.history import History, build_history
from hashdesk.outlook.model import month_windows
from hashdesk.outlook.scores import crps, diebold_mariano, pinball, rank_frac
from hashdesk.outlook.sweep import sweep
from hashdesk.outlook.targets import TARGETS, months_after, realised

FloatArray = NDArray[np.float64]

HORIZONS = (1, 3, 6, 12)
"""Months ahead: 1 is the month that begins at the origin."""
FIRST_ORIGIN = dt.date(2014, 1, 1)
FIRST_UNTOUCHED = dt.date(2020, 1, 1)
"""Origins before it chose the recipe; those from it on did not."""
WARM_UP_MONTHS = 17
"""Months before the first origin whose errors give the baselines their first spread."""
OWN = "hashdesk"
MODELS = (OWN, *BASELINES)
PERIODS = ("all", "to_2019", "from_2020")
N_PIT_BINS = 10

CODE = (
    "baselines", "calibration", "difficulty", "engine", "fees", "fleet", "history", "kernels", "model", "price",
    "response", "scorecard", "scores", "streams", "targets",
)  # fmt: skip
"""Modules whose text decides the scores."""

_KEPT = (
    "network_hashrate_from_blocks_ehs", "difficulty", "hashprice_usd_per_phs_day", "subsidy_btc", "btc_price_usd",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Scorecard:
    """Scores of every model, target and horizon, and how often outcomes fell where."""

    table: pl.DataFrame
    """target, horizon_months, model, period, n, crps, coverage_50, coverage_80, coverage_95, pinball, skill, dm,
    p_value. Losses are of the natural logarithm: 0.05 is about 5%. ``skill`` is 1 - CRPS of hashdesk over CRPS of the
    row's model, ``dm`` and ``p_value`` the Diebold-Mariano test of the two (below 0: hashdesk is better); null in
    hashdesk's own rows."""
    pit: pl.DataFrame
    """target, horizon_months, model, period, bin_low, bin_high, share_frac: where outcomes fell in the forecasts."""
    scores: pl.DataFrame
    """One row per origin, target, horizon and model: crps, pinball, rank_frac, log_error."""
    first_origin: dt.date
    last_origin: dt.date
    n_paths: int
    seed: int
    digest: str
    """Of the facts and settings that the scores rest on."""

    def to_bytes(self) -> bytes:
        """The scorecard as JSON, for a cache."""
        content = {
            "first_origin": self.first_origin.isoformat(),
            "last_origin": self.last_origin.isoformat(),
            "n_paths": self.n_paths,
            "seed": self.seed,
            "digest": self.digest,
            "scores": self.scores.with_columns(pl.col("origin").cast(pl.String)).to_dict(as_series=False),
        }
        return json.dumps(content).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Scorecard:
        """The scorecard that :meth:`to_bytes` wrote; tables are summed up again from the scores.

        Raises
        ------
        PayloadError
            The content is not a scorecard.
        """
        try:
            read = json.loads(content)
            texts = {**_SCHEMA, "origin": pl.String}
            scores = pl.DataFrame(read["scores"], schema=texts).with_columns(pl.col("origin").str.to_date())
            return _summed_up(
                scores,
                dt.date.fromisoformat(read["first_origin"]),
                dt.date.fromisoformat(read["last_origin"]),
                int(read["n_paths"]),
                int(read["seed"]),
                str(read["digest"]),
            )
        except (ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
            raise PayloadError(f"scorecard: cannot be read ({error}).", hint="Compute it again.") from error


_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "origin": pl.Date,
    "target": pl.String,
    "horizon_months": pl.Int64,
    "model": pl.String,
    "crps": pl.Float64,
    "pinball": pl.Float64,
    "rank_frac": pl.Float64,
    "log_error": pl.Float64,
}
Row = tuple[dt.date, str, int, str, float, float, float, float]


def scorecard(
    network_daily: pl.DataFrame,
    btc_price_daily: pl.DataFrame,
    epochs: pl.DataFrame,
    asic_models: pl.DataFrame | None = None,
    *,
    first: dt.date = FIRST_ORIGIN,
    last: dt.date | None = None,
    horizons: Sequence[int] = HORIZONS,
    n_paths: int = 1000,
    seed: int = 0,
    recipe: Recipe | None = None,
    executor: Executor | None = None,
) -> Scorecard:
    """Score the model and its baselines at the first of every month.

    Parameters
    ----------
    network_daily, btc_price_daily, epochs : DataFrame
        Tables of the reference pack.
    asic_models : DataFrame, optional
        Table of machines for the cost curve; without it machines always run.
    first, last : date, optional
        First and last origin, first days of months; the last is the latest with a whole month after it.
    horizons : sequence of int
        Months ahead, 1 to 24.
    n_paths : int
        Paths per origin.
    seed : int
        Seed of every origin.
    recipe : Recipe, optional
        How parameters are read from the past.
    executor : Executor, optional
        Runs the origins; one by one where left out.

    Returns
    -------
    Scorecard
        Tables of scores.

    Raises
    ------
    InputError
        No origin has an outcome, or a horizon is out of range.
    """
    if not horizons or any(not 1 <= h <= 24 for h in horizons):
        raise InputError(f"horizons: expected months from 1 to 24, got {list(horizons)}.")
    history = build_history(network_daily, btc_price_daily, epochs)
    origins = [months_after(first, k) for k in range(1200) if (last is None or months_after(first, k) <= last)]
    origins = [origin for origin in origins if realised(history, origin) is not None]
    if not origins:
        raise InputError(f"scorecard: no whole month from {first} on has an outcome.", hint="Take an earlier origin.")
    own = partial(score_origin, history, asic_models, tuple(horizons), n_paths, seed, recipe or Recipe())
    rows = [row for scored in sweep(own, origins, executor) for row in scored]
    rows += _baseline_rows(history, origins, tuple(horizons), n_paths, seed)
    scores = pl.DataFrame(rows, schema=_SCHEMA, orient="row").sort("target", "horizon_months", "model", "origin")
    digest = facts_digest(network_daily, btc_price_daily, epochs, asic_models, horizons, n_paths, seed, recipe)
    return _summed_up(scores, origins[0], origins[-1], n_paths, seed, digest)


def facts_digest(
    network_daily: pl.DataFrame,
    btc_price_daily: pl.DataFrame,
    epochs: pl.DataFrame,
    asic_models: pl.DataFrame | None,
    horizons: Sequence[int] = HORIZONS,
    n_paths: int = 1000,
    seed: int = 0,
    recipe: Recipe | None = None,
) -> str:
    """Digest of all that a scorecard rests on, the code included: the key of a cache."""
    digest = hashlib.sha256(repr((tuple(horizons), n_paths, seed, recipe or Recipe(), code_digest())).encode())
    for frame in (network_daily, btc_price_daily, epochs, asic_models):
        if frame is not None:
            digest.update(repr(frame.columns).encode() + frame.hash_rows(seed=0).to_numpy().tobytes())
    return digest.hexdigest()


def code_digest() -> str:
    """Digest of the text of the modules that decide the scores: a changed engine has no old scorecard."""
    digest = hashlib.sha256()
    for name in CODE:
        spec = importlib.util.find_spec(f"hashdesk.outlook.{name}")
        source = None if spec is None or spec.loader is None else spec.loader.get_source(spec.name)  # type: ignore[attr-defined]
        digest.update(f"{name}\n{source}".encode())
    return digest.hexdigest()


def score_origin(
    history: History,
    asic_models: pl.DataFrame | None,
    horizons: tuple[int, ...],
    n_paths: int,
    seed: int,
    recipe: Recipe,
    origin: dt.date,
) -> list[Row]:
    """Scores of the model at one origin; the outcome is only used to score."""
    past = history.before(origin)
    windows = month_windows(origin, max(horizons))
    fleet = (
        None
        if asic_models is None
        else fleet_at(asic_models, origin, float(np.nanmean(past.revenue_usd_per_ehs_day[-30:])))
    )
    calibration = calibrate_history(past, origin, fleet, recipe=recipe)
    outlook = simulate(
        calibration.start, calibration.model, windows, n_paths=n_paths, seed=seed, keep=_KEPT, n_retargets=0, n_chunks=1
    )
    paths = {name: outlook.paths[name].astype(np.float64) for name in _KEPT}
    hashrate = paths[_KEPT[0]]
    income = 144.0 * paths["subsidy_btc"] * paths["btc_price_usd"]
    own = (hashrate, paths["difficulty"], paths["hashprice_usd_per_phs_day"], income / hashrate)
    rows: list[Row] = []
    for horizon in horizons:
        outcome = realised(history, months_after(origin, horizon - 1))
        if outcome is None:
            continue
        for index, target in enumerate(TARGETS):
            draws = np.log(own[index][:, horizon - 1])
            rows.append(_row(origin, target, horizon, OWN, draws, float(outcome[index])))
    return rows


def _baseline_rows(
    history: History, origins: list[dt.date], horizons: tuple[int, ...], n_paths: int, seed: int
) -> list[Row]:
    """Scores of the baselines whose spread is that of their own errors realised before each origin."""
    first = months_after(origins[0], -WARM_UP_MONTHS)
    asked = [months_after(first, k) for k in range(WARM_UP_MONTHS)] + origins
    rows: list[Row] = []
    forecasts = {
        origin: centres(history.before(origin), origin, month_windows(origin, max(horizons)), seed)
        for origin in asked
        if (np.datetime64(origin) - history.dates[0]).astype(int) >= 400
    }
    outcomes = {month: realised(history, month) for month in (months_after(first, k) for k in range(len(asked) + 24))}
    for horizon in horizons:
        for index, target in enumerate(TARGETS):
            for model in BASELINES:
                known: list[tuple[dt.date, float]] = []
                for origin, centre in forecasts.items():
                    outcome = outcomes.get(months_after(origin, horizon - 1))
                    if outcome is None:
                        continue
                    value = float(centre[model][target][horizon - 1])
                    realised_by_now = [(o, e) for o, e in known if months_after(o, horizon) <= origin]
                    known.append((origin, float(outcome[index]) - value))
                    if origin < origins[0] or len(realised_by_now) < MIN_ERRORS:
                        continue
                    ages = np.array([(origin - o).days / 30.4375 for o, _ in realised_by_now])
                    sd = spread(np.array([e for _, e in realised_by_now]), ages)
                    draws = normal_ensemble(value, sd, n_paths)
                    rows.append(_row(origin, target, horizon, model, draws, float(outcome[index])))
    return rows


def _row(origin: dt.date, target: str, horizon: int, model: str, draws: FloatArray, outcome: float) -> Row:
    # Kept with six decimals: a stored scorecard is the computed one.
    scores = (crps(draws, outcome), pinball(draws, outcome), rank_frac(draws, outcome), outcome - np.median(draws))
    a, b, c, d = (round(float(score), 6) for score in scores)
    return origin, target, horizon, model, a, b, c, d


def _summed_up(scores: pl.DataFrame, first: dt.date, last: dt.date, n_paths: int, seed: int, digest: str) -> Scorecard:
    rows, pits = [], []
    edges = np.linspace(0, 1, N_PIT_BINS + 1)
    periods = {
        "all": scores,
        "to_2019": scores.filter(pl.col("origin") < FIRST_UNTOUCHED),
        "from_2020": scores.filter(pl.col("origin") >= FIRST_UNTOUCHED),
    }
    for period, part in periods.items():
        if not len(part):
            continue
        for (target, horizon), group in part.group_by(["target", "horizon_months"], maintain_order=True):
            names = group["model"].to_numpy()
            column = {name: group[name].to_numpy() for name in ("origin", "crps", "pinball", "rank_frac")}
            is_own = names == OWN
            for model in MODELS:
                is_mine = names == model
                if not is_mine.any():
                    continue
                rank = column["rank_frac"][is_mine]
                skill = dm = p_value = None
                # Compared over the origins that both have, in order.
                both, at_own, at_mine = np.intersect1d(
                    column["origin"][is_own], column["origin"][is_mine], assume_unique=True, return_indices=True
                )
                if model != OWN and len(both):
                    a, b = column["crps"][is_own][at_own], column["crps"][is_mine][at_mine]
                    skill = 1 - float(a.mean() / b.mean())
                    dm, p_value = (None if x != x else x for x in diebold_mariano(a, b, int(str(horizon))))
                coverage = [float(np.mean(np.abs(rank - 0.5) <= level / 2)) for level in (0.5, 0.8, 0.95)]
                losses = (float(column["crps"][is_mine].mean()), *coverage, float(column["pinball"][is_mine].mean()))
                rows.append((target, horizon, model, period, len(rank), *losses, skill, dm, p_value))
                counts, _ = np.histogram(rank, edges)
                pits += [
                    (target, horizon, model, period, low, high, count / len(rank))
                    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
                ]
    key = {"target": pl.String, "horizon_months": pl.Int64, "model": pl.String, "period": pl.String}
    figures = ("crps", "coverage_50", "coverage_80", "coverage_95", "pinball", "skill", "dm", "p_value")
    table = pl.DataFrame(rows, schema={**key, "n": pl.Int64, **dict.fromkeys(figures, pl.Float64)}, orient="row")
    pit_names = ("bin_low", "bin_high", "share_frac")
    pit = pl.DataFrame(pits, schema={**key, **dict.fromkeys(pit_names, pl.Float64)}, orient="row")
    return Scorecard(table, pit, scores, first, last, n_paths, seed, digest)
