"""Sweeps on a real cluster of separate processes: a Dask client is one more executor, and the numbers are the same."""

import datetime as dt
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor

import numpy as np
import pytest

distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")

from hashdesk.outlook.engine import simulate  # noqa: E402
from hashdesk.outlook.model import FeeModel, Fleet, GbmPrice, Model, Response, Start, month_windows  # noqa: E402
from hashdesk.outlook.scorecard import scorecard  # noqa: E402
from hashdesk.outlook.sweep import sweep  # noqa: E402
from hashdesk.store.pack import ReferencePack  # noqa: E402

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.fixture
def cluster(socket_enabled: None) -> Iterator[Executor]:
    """Two workers with a process each, reached over loopback."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
            ) as local,
            distributed.Client(local) as client,
        ):
            yield client.get_executor(pure=False)


def process_id(_: int) -> int:
    return os.getpid()


def test_cluster_gives_the_numbers_of_this_process(cluster: Executor) -> None:
    seen = set(sweep(process_id, range(20), cluster))
    assert len(seen) == 2 and os.getpid() not in seen

    start = Start(dt.date(2025, 10, 1), 917_000, 1.5e14, 1884, 1_069_952.0, 1034.0, 0.02, 114_000.0)
    model = Model(
        GbmPrice(0.1, 0.2, 0.6),
        FeeModel(0.02, 0.03),
        Response(0.001, 0.0005, 10.8, 0.1, 0.001, 0.0004, 0.002, 0.0008, 45.0, 0.02, 3.0, 0.03, 0.1),
        Fleet((30.0, 20.0), (0.5, 0.5), 15.0, 0.0004, 50.0, 0.4),
    )
    windows = month_windows(start.date, 3)
    here = simulate(start, model, windows, n_paths=100, seed=3)
    there = simulate(start, model, windows, n_paths=100, seed=3, executor=cluster, n_chunks=4)
    for name in here.paths:
        np.testing.assert_array_equal(here.path(name), there.path(name), err_msg=name)

    pack = ReferencePack()
    tables = [pack.read(name) for name in ("network_daily", "btc_price_daily", "epochs", "asic_models")]
    span = {"first": dt.date(2019, 1, 1), "last": dt.date(2019, 4, 1), "n_paths": 50}
    assert scorecard(*tables, **span, executor=cluster).scores.equals(scorecard(*tables, **span).scores)
