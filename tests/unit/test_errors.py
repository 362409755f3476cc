import pytest

from hashdesk import errors

BRANCHES = [
    (errors.InputError, ValueError, 2, 422),
    (errors.SourceError, ConnectionError, 3, 503),
    (errors.NotFound, LookupError, 3, 404),
    (errors.PayloadError, ValueError, 4, 502),
    (errors.DataError, RuntimeError, 4, 500),
    (errors.ModelError, ArithmeticError, 5, 422),
]


@pytest.mark.parametrize(("kind", "builtin", "exit_code", "http_status"), BRANCHES)
def test_each_branch_is_also_the_builtin_a_caller_expects(
    kind: type[errors.HashdeskError], builtin: type[Exception], exit_code: int, http_status: int
) -> None:
    with pytest.raises(builtin) as caught:
        raise kind("month: not covered.", hint="Take 2026-01.", table="equity_closes")
    error = caught.value
    assert isinstance(error, errors.HashdeskError)
    assert (error.exit_code, error.http_status) == (exit_code, http_status)
    assert error.facts == {"table": "equity_closes"}


def test_every_branch_is_listed_here() -> None:
    assert {kind for kind, *_ in BRANCHES} == set(errors.HashdeskError.__subclasses__())


def test_text_is_message_then_hint_on_one_line() -> None:
    assert str(errors.InputError("month: got 'x'.", hint="Example: 2025-09.")) == "month: got 'x'. Example: 2025-09."
    assert str(errors.InputError("month: got 'x'.")) == "month: got 'x'."
