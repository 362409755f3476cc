"""The error tree: one root, few branches, each with an exit code and an HTTP status.

A message says what went wrong, where, what was expected and what was got; the hint says what to do next.
"""

from __future__ import annotations


class HashdeskError(Exception):
    """Root of every error that hashdesk raises on purpose.

    Parameters
    ----------
    message : str
        One line: what, where, expected, got.
    hint : str, optional
        The next step for the reader.
    **facts
        Machine-readable context, kept on ``.facts``.
    """

    exit_code = 1
    http_status = 500

    def __init__(self, message: str, *, hint: str = "", **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InputError(HashdeskError, ValueError):
    """The caller's argument, query or configuration is wrong."""

    exit_code = 2
    http_status = 422


class SourceError(HashdeskError, ConnectionError):
    """No answer could be had from a source (rate limit, credential, time-out)."""

    exit_code = 3
    http_status = 503


class NotFound(HashdeskError, LookupError):
    """The question was asked and the thing does not exist."""

    exit_code = 3
    http_status = 404


class PayloadError(HashdeskError, ValueError):
    """An answer came that cannot be read."""

    exit_code = 4
    http_status = 502


class DataError(HashdeskError, RuntimeError):
    """Stored data breaks a promise: a gap, a stale value, a wrong hash, a look into the future."""

    exit_code = 4
    http_status = 500


class ModelError(HashdeskError, ArithmeticError):
    """The method does not apply here, or did not converge."""

    exit_code = 5
    http_status = 422
