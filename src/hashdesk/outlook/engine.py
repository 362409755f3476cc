"""Simulation of the network: daily steps, named streams, the same numbers for any number of cores and any chunks."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hashdesk.errors import InputError
from hashdesk.outlook.checks import check_model
from hashdesk.outlook.fees import fee_args
from hashdesk.outlook.kernels import NAMES, PolicyArgs, StartArgs, simulate_paths
from hashdesk.outlook.model import Model, Policy, Start, Windows
from hashdesk.outlook.price import price_args
from hashdesk.outlook.response import fleet_args, response_args
from hashdesk.outlook.results import Outlook, read_only
from hashdesk.outlook.streams import stream_keys
from hashdesk.outlook.sweep import sweep
from hashdesk.units import SECONDS_PER_DAY

Chunk = tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]


def simulate(
    start: Start,
    model: Model,
    windows: Windows,
    *,
    n_paths: int = 20_000,
    seed: int = 0,
    keep: Sequence[str] | None = None,
    n_retargets: int = 2,
    executor: Executor | None = None,
    n_chunks: int | None = None,
    first_path: int = 0,
) -> Outlook:
    """Simulate the network from a start.

    Parameters
    ----------
    start : Start
        State at the origin.
    model : Model
        Price, fees, response, fleet and the scenario's policy.
    windows : Windows
        Spans whose means are stored; the last end is the horizon.
    n_paths : int
        Paths.
    seed : int
        Any integer. Seed, path and day fix every draw; chunks and cores do not matter.
    keep : sequence of str, optional
        Names of the figures to store, all of ``kernels.NAMES`` where left out: 4 bytes per path, window and name.
    n_retargets : int
        How many of the coming retargets to store.
    executor : Executor, optional
        Runs the chunks; threads of this process where left out. The kernel does not hold Python's lock.
    n_chunks : int, optional
        Parts that the paths are cut into; one a core where left out.
    first_path : int
        Number of the first path: 0 to 999 and 1,000 to 1,999 together are 0 to 1,999.

    Returns
    -------
    Outlook
        Frozen container of paths.

    Raises
    ------
    InputError
        An argument or a parameter of the model is impossible.
    """
    import numba

    check_model(model, windows.n_days, first_path + n_paths)
    if n_paths < 1:
        raise InputError(f"n_paths: expected 1 or more, got {n_paths}.")
    kept = tuple(keep or NAMES)
    unknown = [name for name in kept if name not in NAMES]
    if unknown:
        raise InputError(f"keep: expected names among {', '.join(NAMES)}, got {unknown[0]!r}.")
    shape = (len(kept), n_paths, len(windows.days))
    parts = n_chunks or numba.get_num_threads()
    edges = np.linspace(0, n_paths, min(parts, n_paths) + 1).astype(int)
    spans = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    task = partial(_simulate_span, start, model, windows, seed, kept, n_retargets, first_path)

    out = np.empty(shape, dtype=np.float32)
    days = np.full((n_paths, n_retargets), np.nan)
    difficulty = np.full((n_paths, n_retargets), np.nan)
    if executor is None:
        with ThreadPoolExecutor(len(spans)) as threads:
            views = [((a, b), (out[:, a:b], days[a:b], difficulty[a:b])) for a, b in spans]
            list(threads.map(lambda view: task(view[0], view[1]), views))
    else:
        for (a, b), chunk in zip(spans, sweep(task, spans, executor), strict=True):
            out[:, a:b], days[a:b], difficulty[a:b] = chunk
    for values in (days, difficulty):
        values.setflags(write=False)
    ends = [start.date + dt.timedelta(days=end - 1) for end in windows.days]
    return Outlook(
        start.date,
        np.array(ends, dtype="datetime64[D]"),
        windows,
        seed,
        n_paths,
        start,
        model,
        read_only(dict(zip(kept, out, strict=True))),
        days,
        difficulty,
    )


def _simulate_span(
    start: Start,
    model: Model,
    windows: Windows,
    seed: int,
    kept: tuple[str, ...],
    n_retargets: int,
    first_path: int,
    span: tuple[int, int],
    into: Chunk | None = None,
) -> Chunk:
    """Paths of one span, into arrays of the caller's or new ones; picklable, for other processes and machines."""
    n = span[1] - span[0]
    if into is None:
        into = (
            np.empty((len(kept), n, len(windows.days)), dtype=np.float32),
            np.full((n, n_retargets), np.nan),
            np.full((n, n_retargets), np.nan),
        )
    simulate_paths(
        StartArgs(
            start.height,
            start.difficulty,
            start.blocks_in_epoch,
            -start.seconds_in_epoch / SECONDS_PER_DAY,
            math.log(start.network_hashrate_ehs),
            start.hashrate_log_sd,
            math.log(start.btc_price_usd),
        ),
        price_args(model.price),
        fee_args(model.fees),
        response_args(model.response),
        fleet_args(model.fleet),
        policy_args(model.policy),
        np.array(windows.days, dtype=np.int64),
        stream_keys(seed),
        first_path + span[0],
        np.array([kept.index(name) if name in kept else -1 for name in NAMES], dtype=np.int64),
        *into,
    )
    return into


def policy_args(policy: Policy) -> PolicyArgs:
    """A policy in the kernel's terms."""

    def days(values: NDArray[np.float64] | None) -> NDArray[np.float64]:
        return np.zeros(0) if values is None else np.array(values, dtype=np.float64)

    return PolicyArgs(
        days(policy.power_price_factor),
        days(policy.capacity_change_ehs),
        days(policy.offline_frac),
        days(policy.fee_factor),
        policy.halving,
    )
