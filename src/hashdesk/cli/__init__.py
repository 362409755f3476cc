"""The ``hashdesk`` command: parse, call :class:`~hashdesk.desk.Desk`, print. It computes nothing itself.

Everything heavy is imported inside the commands, so that ``--help`` and completion answer at once.
"""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Sequence

import typer
from typer.main import get_command

from hashdesk.cli import attribution, companies, facts, notes, outlook  # noqa: F401 - they register their commands
from hashdesk.cli.app import PROGRAM, Invocation, app
from hashdesk.errors import HashdeskError

__all__ = ["app", "main", "run"]

EXIT_UNEXPECTED = 1


def main() -> None:
    """Entry point of the ``hashdesk`` command."""
    if sys.stdout is None:  # Closed by the caller, as in `hashdesk note >&-`.
        sys.stdout = io.StringIO()
    else:
        # A terminal that cannot show a sign gets a question mark, not an error in the middle of a table.
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; every error is one line on standard error.

    Parameters
    ----------
    arguments : sequence of str
        What follows the program's name.

    Returns
    -------
    int
        0, the exit code of the error (:mod:`hashdesk.errors`), 2 for wrong usage, 130 when interrupted, 141 when the
        reader of the output left, 1 for an error nobody foresaw.
    """
    invocation = Invocation()
    try:
        code = get_command(app)(list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=invocation)
        return code if isinstance(code, int) else 0
    except HashdeskError as error:
        return _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        return _fail(f"{error.format_message().rstrip('.')}. {_usage_hint(error)}", error.exit_code)
    except typer.Abort:
        return _fail("aborted.", EXIT_UNEXPECTED)
    except Exception as error:
        if invocation.is_debug:
            raise
        again = shlex.join([PROGRAM, "--debug", *arguments])
        return _fail(f"unforeseen {type(error).__name__}: {error}. For the traceback: {again}", EXIT_UNEXPECTED)


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    return code


def _usage_hint(error: typer.TyperException) -> str:
    context: typer.Context | None = getattr(error, "ctx", None)
    command = context.command_path if context is not None else PROGRAM
    return f"Try: {command} --help"
