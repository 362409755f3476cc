"""Draws: right in distribution, fixed by seed, stream, path and counter alone."""

import numba
import numpy as np
import pytest
from scipy import stats

from hashdesk.outlook import streams

N = 200_000


@numba.njit
def many_normal(key, n):
    out = np.empty(n)
    for i in range(n):
        out[i] = streams.normal(streams.bits_at(key, i))
    return out


@numba.njit
def many_poisson(key, n, mean):
    out = np.empty(n, np.int64)
    for i in range(n):
        out[i] = streams.poisson(mean, streams.bits_at(key, i))
    return out


@numba.njit
def many_beta(key, n, a, b):
    out = np.empty(n)
    for i in range(n):
        out[i] = streams.beta(a, b, streams.bits_at(key, i))
    return out


@numba.njit
def many_t(key, n, dof):
    out = np.empty(n)
    for i in range(n):
        out[i] = streams.student_t(dof, streams.bits_at(key, i))
    return out


@pytest.fixture(scope="module")
def key() -> np.uint64:
    return np.uint64(streams.path_key(streams.stream_keys(7)[0], 3))


def test_normal_draws_are_normal(key: np.uint64) -> None:
    assert stats.kstest(many_normal(key, N), "norm").pvalue > 1e-3
    assert np.abs(many_normal(key, N)).max() > 4  # the tail beyond the outermost layer is reached


@pytest.mark.parametrize("mean", [0.3, 9.9, 10.0, 144.0, 2000.0])
def test_poisson_draws_are_poisson(key: np.uint64, mean: float) -> None:
    draws = many_poisson(key, N, mean)
    edges = np.unique(stats.poisson.ppf(np.linspace(0.001, 0.999, 40), mean))
    counts = np.bincount(np.searchsorted(edges, draws), minlength=len(edges) + 1)
    expected = np.diff(np.r_[0, stats.poisson.cdf(edges, mean), 1]) * N
    assert stats.chisquare(counts, expected).pvalue > 1e-3


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (132.0, 20.0), (2.0, 144.0)])
def test_beta_draws_are_beta(key: np.uint64, a: float, b: float) -> None:
    assert stats.kstest(many_beta(key, 50_000, a, b), stats.beta(a, b).cdf).pvalue > 1e-3


def test_student_draws_have_unit_variance(key: np.uint64) -> None:
    draws = many_t(key, N, 5.0)
    assert stats.kstest(draws * np.sqrt(5 / 3), stats.t(5).cdf).pvalue > 1e-3


def test_streams_and_paths_are_independent() -> None:
    keys = streams.stream_keys(7)
    series = [many_normal(np.uint64(streams.path_key(k, p)), 20_000) for k in keys[:3] for p in (0, 1)]
    correlation = np.corrcoef(series) - np.eye(len(series))
    assert np.abs(correlation).max() < 4.5 / np.sqrt(20_000)


def test_a_stream_is_known_by_its_name_and_seed() -> None:
    assert len(set(streams.stream_keys(1).tolist()) | set(streams.stream_keys(2).tolist())) == 2 * len(streams.STREAMS)
    assert streams.stream_keys(-5).tolist() == streams.stream_keys(-5).tolist()
