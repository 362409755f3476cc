"""The command itself and what all commands share: the options before the command name, the format of rows."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from hashdesk import __version__
from hashdesk.cli.output import ROW_FORMATS, emit

if TYPE_CHECKING:
    from hashdesk.assumptions import Assumptions
    from hashdesk.config import Settings
    from hashdesk.desk import Desk
    from hashdesk.desk.facts import FactsDesk

PROGRAM = "hashdesk"

app = typer.Typer(
    name=PROGRAM,
    rich_markup_mode="rich" if sys.stdout is not None and sys.stdout.isatty() else None,
    pretty_exceptions_enable=False,
)


@dataclass
class Invocation:
    """What the options before the command name settled."""

    settings: Settings | None = None

    @property
    def is_debug(self) -> bool:
        """Whether an unforeseen error shows its traceback."""
        return self.settings is not None and self.settings.debug

    def desk(self, assumptions: Assumptions | None = None) -> Desk:
        """The desk over the chosen store."""
        from hashdesk.desk import Desk

        return Desk(self.settings, assumptions)

    def facts(self) -> FactsDesk:
        """The part of the desk that looks after the store; it loads in a third of the time."""
        from hashdesk.desk.facts import FactsDesk

        return FactsDesk(self.settings)


def _complete_row_format(incomplete: str) -> list[str]:
    return [name for name in ROW_FORMATS if name.startswith(incomplete)]


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        emit(f"{PROGRAM} {__version__}")
        raise typer.Exit


RowFormat = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="|".join(ROW_FORMATS),
        help="How to print the rows.",
        autocompletion=_complete_row_format,
    ),
]


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    store: Annotated[
        str | None, typer.Option(metavar="DIR|URL", help="Store or pack to use in place of the built-in pack.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an unforeseen error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Open research desk for Bitcoin mining: the monthly sector note, its figures and where they come from."""
    if ctx.invoked_subcommand is None:
        emit(ctx.get_help())
        return
    from hashdesk.config import load_settings

    ctx.obj.settings = load_settings(store=store, debug=debug or None)
