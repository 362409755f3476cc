"""Named streams of random draws that depend on seed, stream, path and counter, and on nothing else.

The generator is SplitMix64 read by counter: the n-th number of a stream is a mixing function of (key + n x odd
constant). No state is passed on, so paths can be computed in any order, in any chunks, on any number of cores, and a
driver that draws more never moves another's numbers.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import NDArray

from hashdesk.outlook.compiled import compiled, inlined

STREAMS = ("parameters", "price", "fees", "hashrate", "growth", "blocks")
"""Every stream that the engine draws from; the order is the index into the keys."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_PATH = np.uint64(0xD1342543DE82EF95)
_30, _27, _31, _11 = (np.uint64(n) for n in (30, 27, 31, 11))
_LAYER_BITS = np.uint64(127)
_TO_UNIT_53 = 2.0**-53


def stream_keys(seed: int) -> NDArray[np.uint64]:
    """Key of each stream under a seed.

    Parameters
    ----------
    seed : int
        Any integer.

    Returns
    -------
    ndarray, shape (len(STREAMS),)
        Keys, a digest of seed and name each.
    """
    digests = [hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest() for name in STREAMS]
    return np.array([int.from_bytes(digest, "little") for digest in digests], dtype=np.uint64)


def _ziggurat() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Right edges of 128 layers of equal area under the normal density, and each layer's safe share of its width."""
    tail_start, area = 3.442619855899, 9.91256303526217e-3
    x = np.zeros(129)
    density = math.exp(-0.5 * tail_start**2)
    x[0], x[1] = area / density, tail_start
    for i in range(2, 128):
        density += area / x[i - 1]
        x[i] = math.sqrt(-2 * math.log(density))
    return x, x[1:] / x[:-1]


_EDGE, _SAFE = _ziggurat()
_TAIL = 3.442619855899
_TWO_PI = 2.0 * math.pi


@inlined
def mix(x: np.uint64) -> np.uint64:
    """SplitMix64's mixing function."""
    x = (x ^ (x >> _30)) * _MIX_1
    x = (x ^ (x >> _27)) * _MIX_2
    return x ^ (x >> _31)


@compiled
def path_key(key: np.uint64, path: int) -> np.uint64:
    """Key of one path of a stream."""
    return mix(mix(key + np.uint64(path) * _PATH))


@inlined
def bits_at(key: np.uint64, counter: int) -> np.uint64:
    """Number ``counter`` of a path's stream: 64 random bits."""
    return mix(key + np.uint64(counter + 1) * _GOLDEN)


@inlined
def following(bits: np.uint64) -> np.uint64:
    """Further bits for a draw that needs more than one number."""
    return mix(bits + _GOLDEN)


@inlined
def uniform(bits: np.uint64) -> float:
    """Uniform draw on the open interval (0, 1)."""
    return (np.float64(bits >> _11) + 0.5) * _TO_UNIT_53


@inlined
def normal(bits: np.uint64) -> float:
    """Standard normal draw by the ziggurat method, exact in distribution.

    References
    ----------
    Marsaglia and Tsang (2000); layers as in Doornik (2005), "An improved ziggurat method".
    """
    while True:
        layer = np.int64(bits & _LAYER_BITS)
        u = 2.0 * uniform(bits) - 1.0
        if abs(u) < _SAFE[layer]:
            return float(u * _EDGE[layer])
        bits = following(bits)
        if layer == 0:
            while True:
                x = -math.log(uniform(bits)) / _TAIL
                bits = following(bits)
                if -2.0 * math.log(uniform(bits)) > x * x:
                    return _TAIL + x if u > 0 else -_TAIL - x
                bits = following(bits)
        x = u * _EDGE[layer]
        below = math.exp(-0.5 * (_EDGE[layer] ** 2 - x * x))
        above = math.exp(-0.5 * (_EDGE[layer + 1] ** 2 - x * x))
        if above + uniform(bits) * (below - above) < 1.0:
            return float(x)
        bits = following(bits)


@compiled
def gamma(shape: float, bits: np.uint64) -> float:
    """Gamma draw with unit scale, shape at least 1.

    References
    ----------
    Marsaglia and Tsang (2000), "A simple method for generating gamma variables".
    """
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        bits = following(bits)
        z = normal(bits)
        v = 1.0 + c * z
        v = v * v * v
        bits = following(following(bits))
        u = uniform(bits)
        if v > 0.0 and u < 1.0 - 0.0331 * (z * z) * (z * z):
            return d * v
        if v > 0.0 and math.log(u) < 0.5 * z * z + d - d * v + d * math.log(v):
            return d * v


@compiled
def beta(a: float, b: float, bits: np.uint64) -> float:
    """Beta draw, both shapes at least 1."""
    x = gamma(a, bits ^ _MIX_1)
    return x / (x + gamma(b, bits ^ _MIX_2))


@compiled
def student_t(dof: float, bits: np.uint64) -> float:
    """Student t draw scaled to unit variance, more than 2 degrees of freedom."""
    return normal(bits) * math.sqrt((0.5 * dof - 1.0) / gamma(0.5 * dof, bits ^ _PATH))


@compiled
def _poisson_small(mean: float, bits: np.uint64) -> int:
    """Poisson draw by summing up the distribution."""
    below = math.exp(-mean)
    term = below
    u = uniform(bits)
    k = 0
    while u > below and k < 200:
        k += 1
        term *= mean / k
        below += term
    return k


@compiled
def _poisson_rest(mean: float, root: float, g: float, u: float, bits: np.uint64) -> int:
    """Steps of PD that few draws come to: the quotient test, then double exponential draws."""
    b1 = 1.0 / (24.0 * mean)
    b2 = 0.3 * b1 * b1
    c3 = b1 * b2 / 7.0
    c2 = b2 - 15.0 * c3
    c1 = b1 - 6.0 * b2 + 45.0 * c3
    c0 = 1.0 - b1 + 3.0 * b2 - 15.0 * c3
    omega = 1.0 / (math.sqrt(_TWO_PI) * root)
    is_normal = g >= 0.0
    exponential = 0.0
    x = math.floor(g)
    bits = following(bits ^ _PATH)
    while True:
        if not is_normal:
            bits = following(bits)
            exponential = -math.log(uniform(bits))
            bits = following(bits)
            u = 2.0 * uniform(bits) - 1.0
            t = 1.8 + (exponential if u >= 0.0 else -exponential)
            if t <= -0.6744:
                continue
            x = math.floor(mean + root * t)
        gap = mean - x
        if x < 10.0:
            log_p, p = x * math.log(mean) - mean - math.lgamma(x + 1.0), 1.0
        else:
            correction = 1.0 / (12.0 * x)
            correction *= 1.0 - 4.8 * correction * correction
            log_p = x * math.log1p(gap / x) - gap - correction
            p = 1.0 / math.sqrt(_TWO_PI * x)
        z = (0.5 - gap) / root
        z *= z
        log_f, f = -0.5 * z, omega * (((c3 * z + c2) * z + c1) * z + c0)
        if is_normal:
            if f - u * f <= p * math.exp(log_p - log_f):
                return int(x)
            is_normal = False
        elif 0.1069 / mean * abs(u) <= p * math.exp(log_p + exponential) - f * math.exp(log_f + exponential):
            return int(x)


@inlined
def poisson(mean: float, bits: np.uint64) -> int:
    """Poisson draw, exact in distribution at any mean.

    A normal draw is mostly kept as it is; the rest is corrected or drawn again from a double exponential.

    References
    ----------
    Ahrens and Dieter (1982), "Computer generation of Poisson deviates from modified normal distributions", PD.
    """
    if mean < 10.0:
        return _poisson_small(mean, bits)
    root = math.sqrt(mean)
    g = mean + root * normal(bits)
    x = math.floor(g)
    # At and above the mean this always holds: the immediate acceptance of the original needs no branch of its own.
    u = uniform(following(bits ^ _PATH))
    if (6.0 * mean * mean * u >= (mean - x) ** 3) & (g >= 0.0):
        return int(x)
    return _poisson_rest(mean, root, g, u, bits)
