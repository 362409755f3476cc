"""Speed, memory and scaling of the outlook's engine, beside NumPy and plain Python in the same run; and the scorecard.

``python bench/outlook.py`` prints a table. Speeds are given by processor time, so that other programs on the machine
do not blur them: path-days per second of processor time, times two for two cores, with the wall clock beside it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from outlook_numpy import simulate_numpy
from outlook_python import simulate_python

from hashdesk.outlook.engine import simulate
from hashdesk.outlook.model import (
    FeeModel,
    Fleet,
    Model,
    Response,
    Start,
    StochasticVolatilityPrice,
    Windows,
    month_windows,
)

START = Start(dt.date(2025, 10, 1), 917_000, 1.5e14, 1884, 1_069_952.0, 1034.0, 0.03, 114_000.0)
MODEL = Model(
    StochasticVolatilityPrice(0.05, 0.25, 0.6, 0.4, 0.03, 0.08),
    FeeModel(0.02, 0.03, 0.05, 0.2, 1.0, 0.01, 0.1),
    Response(0.0011, 0.0005, 10.8, 0.15, 0.0008, 0.0005, 0.002, 0.0008, 45.0, 0.02, 3.0, 0.03, 0.1),
    Fleet((38.0, 30.0, 24.0, 19.0, 16.0), (0.1, 0.2, 0.3, 0.2, 0.2), 15.0, 0.0004, 50.0, 0.4),
)
"""Every driver at work."""
CORES = 2
LARGE = (100_000, 1460)


def best_of(run: Callable[[], object], times: int) -> tuple[float, float]:
    """Least wall and processor time of several runs [s]."""
    walls, cpus = [], []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


def slope(sizes: list[int], seconds: list[float]) -> float:
    """Slope of the logarithm of time in the logarithm of size: 1 is linear."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def print_slopes(what: str, sizes: list[int], seconds: list[float]) -> None:
    """Slope over three decades, and over the upper two, where the fixed cost of a call or a path no longer counts."""
    whole, upper = slope(sizes, seconds), slope(sizes[1:], seconds[1:])
    print(f"time over {what}: slope {whole:.3f} from {sizes[0]} to {sizes[-1]}, {upper:.3f} from {sizes[1]}")


def last_day(n_days: int) -> Windows:
    """Stored at the horizon only."""
    return Windows((n_days,))


def large_run() -> None:
    """100,000 paths of four years, every figure stored by the month; peak memory of this process."""
    n_paths, n_days = LARGE
    begin = time.perf_counter()
    windows = month_windows(START.date, n_days // 30 - 1)
    simulate(START, MODEL, Windows((*windows.days[:-1], n_days)), n_paths=n_paths)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{time.perf_counter() - begin} {peak} {time.process_time()}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="only the large run, for its own process")
    if parser.parse_args().large:
        large_run()
        return
    cold = time.perf_counter()
    simulate(START, MODEL, last_day(7), n_paths=2)
    print(f"first call, compiled code read from its cache or built: {time.perf_counter() - cold:.2f} s")

    n, days = 20_000, 730
    speeds = {}
    runs: list[tuple[str, int, Callable[[int], object]]] = [
        ("hashdesk", n, lambda k: simulate(START, MODEL, month_windows(START.date, 24), n_paths=k)),
        ("NumPy", 4_000, lambda k: simulate_numpy(START, MODEL, k, days)),
        ("plain Python", 12, lambda k: simulate_python(START, MODEL, k, days)),
    ]
    for name, k, run in runs:
        wall, cpu = best_of(lambda run=run, k=k: run(k), 3)
        # NumPy and plain Python run on one core here; counted as if both cores ran a copy each.
        speeds[name] = CORES * k * days / cpu / 1e6
        seconds = f"{k} paths x {days} days: wall {wall:.2f} s, processor {cpu:.2f} s"
        print(f"{name}: {speeds[name]:.3f} million path-days per second on {CORES} cores ({seconds})")
    for name in ("NumPy", "plain Python"):
        print(f"hashdesk over {name}: {speeds['hashdesk'] / speeds[name]:.0f} times")

    out = subprocess.run([sys.executable, __file__, "--large"], capture_output=True, text=True, check=True).stdout
    wall, peak, cpu = map(float, out.split())
    print(f"{LARGE[0]} paths x {LARGE[1]} days: wall {wall:.1f} s, processor {cpu:.1f} s, peak memory {peak:.0f} MB")

    sizes = [100, 1_000, 10_000, 100_000]
    seconds = [best_of(lambda k=k: simulate(START, MODEL, last_day(91), n_paths=k, n_chunks=1), 3)[1] for k in sizes]
    print_slopes("paths", sizes, seconds)
    sizes = [2, 18, 183, 1826]
    seconds = [best_of(lambda d=d: simulate(START, MODEL, last_day(d), n_paths=5000, n_chunks=1), 3)[1] for d in sizes]
    print_slopes("days", sizes, seconds)

    from hashdesk.outlook.scorecard import scorecard
    from hashdesk.store.pack import ReferencePack

    pack = ReferencePack()
    tables = [pack.read(name) for name in ("network_daily", "btc_price_daily", "epochs", "asic_models")]
    wall, cpu = best_of(lambda: scorecard(*tables), 1)
    print(f"scorecard: wall {wall:.1f} s, processor {cpu:.1f} s")


if __name__ == "__main__":
    main()
