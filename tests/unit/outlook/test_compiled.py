"""Compiled code: kept where it can be, built anyway where it cannot, rebuilt when what it calls changes."""

from typing import Any

import numba
import pytest

from hashdesk.outlook.compiled import compiled, fingerprint, inlined


def test_without_a_cache_folder_the_code_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    real = numba.njit

    def njit(*arguments: Any, **options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(*arguments, **options)

    monkeypatch.setattr(numba, "njit", njit)

    @compiled
    def twice(x: float) -> float:
        return 2 * x

    assert twice(3.0) == 6.0


def test_fingerprint_changes_with_the_code_that_is_called() -> None:
    @inlined
    def one(x: float) -> float:
        return x + 1

    @inlined
    def other(x: float) -> float:
        return x + 2

    assert fingerprint(one) == fingerprint(one) != fingerprint(other)
    assert fingerprint(one, other) != fingerprint(other, one)


def test_fingerprint_knows_the_numbers_that_are_compiled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    from hashdesk.outlook import response

    before = fingerprint(response.growth_step)
    monkeypatch.setattr(response, "FASTEST_DECLINE_PER_DAY", 0.02)
    assert fingerprint(response.growth_step) != before
