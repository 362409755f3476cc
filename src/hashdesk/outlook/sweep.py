"""The same function over many items, in this process or through any executor: threads, processes or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def sweep(function: Callable[[Item], Result], items: Iterable[Item], executor: Executor | None = None) -> list[Result]:
    """Results of a function over items, in the order of the items.

    Parameters
    ----------
    function : callable
        Takes one item. Other processes must be able to import it: a module's function, or a ``functools.partial``.
    items : iterable
        What it is called with, one by one.
    executor : Executor, optional
        Anything with the interface of ``concurrent.futures``; this thread, one by one, where left out.

    Returns
    -------
    list
        One result per item.

    Examples
    --------
    >>> sweep(abs, [-2, 3])
    [2, 3]
    """
    if executor is None:
        return [function(item) for item in items]
    futures = [executor.submit(function, item) for item in items]
    return [future.result() for future in futures]
