"""Compilation of kernels: once per machine where a cache can be written, once per process where none can."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile on first use; the result is kept beside the source, or in the user's cache folder.

    Without a folder to write to, Numba refuses to build a cache at all; then the code is compiled in each process.
    No fast arithmetic: the same draws give the same bits whatever runs beside them.
    """
    try:
        return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
    except RuntimeError:
        return cast(Function, numba.njit(nogil=True, error_model="numpy")(function))


def inlined(function: Function) -> Function:
    """Compile into every caller: for the steps of the innermost loop, where a call costs as much as the step."""
    return cast(Function, numba.njit(nogil=True, error_model="numpy", forceinline=True)(function))


def fingerprint(*functions: Any) -> str:
    """Digest of the code of compiled functions.

    A cached kernel is rebuilt when its own file changes, not when a function that it calls from another file does. A
    kernel that closes over this digest is rebuilt then too.
    """
    digest = hashlib.sha256()
    for function in functions:
        code = function.py_func.__code__
        # Numbers of the module are compiled in as well.
        known = [function.py_func.__globals__.get(name) for name in code.co_names]
        numbers = [value for value in known if isinstance(value, int | float | np.generic)]
        digest.update(code.co_code + repr((code.co_names, code.co_consts, numbers)).encode())
    return digest.hexdigest()
