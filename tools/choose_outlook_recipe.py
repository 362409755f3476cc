"""Print how variants of the outlook's recipe score at origins to the end of 2019, the half that chose it.

``python tools/choose_outlook_recipe.py [name=value ...]``: without arguments the present recipe and one variant each
way of every number that was chosen; with arguments that one variant. The last outcomes fall into 2020.
"""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import replace

import polars as pl

from hashdesk.outlook.calibration import Recipe
from hashdesk.outlook.history import build_history
from hashdesk.outlook.scorecard import FIRST_ORIGIN, FIRST_UNTOUCHED, HORIZONS, score_origin
from hashdesk.outlook.targets import TARGETS, months_after
from hashdesk.store.pack import ReferencePack

CHOSEN = (
    "slow_weight", "growth_weight", "growth_error", "decline_error", "lag_days", "sensitivity_per_day",
    "entry_half_life_days", "noise_factor", "noise_dof", "drift_weight", "volatility_half_life_days",
    "volatility_shock_per_day", "volatility_now_log_sd",
)  # fmt: skip
VARIATION = 1.3
N_PATHS = 400


def origins() -> list[dt.date]:
    """First days of the months of the first half."""
    months = [months_after(FIRST_ORIGIN, k) for k in range(1200)]
    return [month for month in months if month < FIRST_UNTOUCHED]


def score(recipe: Recipe) -> str:
    """CRPS and coverage of 50, 80 and 95% per target, at 1, 3, 6 and 12 months."""
    pack = ReferencePack()
    history = build_history(*(pack.read(name) for name in ("network_daily", "btc_price_daily", "epochs")))
    machines = pack.read("asic_models")
    rows = [row for day in origins() for row in score_origin(history, machines, HORIZONS, N_PATHS, 0, recipe, day)]
    names = ("origin", "target", "months", "model", "crps", "pinball", "rank", "error")
    frame = pl.DataFrame(rows, schema=names, orient="row").with_columns(gap=(pl.col("rank") - 0.5).abs())
    lines = []
    for target in TARGETS:
        cells = []
        for months in HORIZONS:
            part = frame.filter((pl.col("target") == target) & (pl.col("months") == months))
            cover = "/".join(f"{100 * (part['gap'] <= level / 2).mean():.0f}" for level in (0.5, 0.8, 0.95))
            cells.append(f"{part['crps'].mean():.4f} {cover}")
        lines.append(f"  {target}: " + "  ".join(cells))
    return "\n".join(lines)


def main() -> None:
    """Print the variants."""
    recipe = Recipe()
    given = dict(argument.split("=", 1) for argument in sys.argv[1:])
    if given:
        print(score(replace(recipe, **{name: float(value) for name, value in given.items()})))
        return
    print("recipe\n" + score(recipe))
    for name in CHOSEN:
        for factor in (1 / VARIATION, VARIATION):
            value = factor * getattr(recipe, name)
            print(f"{name} = {value:.4g}\n{score(replace(recipe, **{name: value}))}", flush=True)


if __name__ == "__main__":
    main()
