"""Commands of the outlook: outlook, difficulty, fleet, scorecard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hashdesk.cli.app import app
from hashdesk.cli.output import emit, emit_json, emit_model_table, emit_paragraph, progress_bar
from hashdesk.errors import InputError

if TYPE_CHECKING:
    from concurrent.futures import Executor


EXECUTORS = ("threads", "processes")
"""Ways to spread the paths by name; anything with ``://`` is the address of a Dask scheduler."""

AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
ExecutorName = Annotated[
    str,
    typer.Option(
        "--executor", metavar="threads|processes|ADDRESS", help="Who computes; an address is that of a Dask scheduler."
    ),
]
Seed = Annotated[int | None, typer.Option(metavar="N", help="Seed; that of the month when left out.")]
FromMonth = Annotated[
    str | None,
    typer.Option("--from", metavar="MONTH", help="Last month that is known, as YYYY-MM; without it the latest."),
]


def _complete_scenario(incomplete: str) -> list[str]:
    from hashdesk.desk.reader_files import SCENARIOS

    return [name for name in SCENARIOS if name.startswith(incomplete)]


@app.command()
def outlook(
    ctx: typer.Context,
    month: FromMonth = None,
    horizon: Annotated[str, typer.Option(metavar="24m", help="Months or years ahead, up to 60 months.")] = "24m",
    paths: Annotated[int, typer.Option(metavar="N", help="Simulated paths of each scenario.")] = 20_000,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE",
            help="base, bear, bull, hashrate_shock, ai_pull, energy_spike, or a TOML file; repeat to compare.",
            autocompletion=_complete_scenario,
        ),
    ] = None,
    seed: Seed = None,
    statement: Annotated[
        list[str] | None,
        typer.Option(metavar="FIGURE<NUMBER@MONTH", help="A probability to state; may be given more than once."),
    ] = None,
    companies: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="What companies plan: hashrate on dates, efficiency, power price."),
    ] = None,
    executor: ExecutorName = "threads",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Simulate what comes next: hashrate, difficulty, hashprice, profit.

    Fan charts as tables, scenarios side by side, probabilities, companies at risk of loss.
    """
    desk = ctx.obj.desk()
    with progress_bar(is_quiet=quiet or as_json) as progress, _executor(executor) as pool:
        report = desk.outlook(
            month,
            horizon=horizon,
            paths=paths,
            scenarios=scenario or ["base"],
            seed=seed,
            statements=statement or [],
            companies=companies,
            executor=pool,
            progress=progress,
        )
    if as_json:
        emit_json(report.document())
        return
    emit_paragraph(
        f"Outlook from the end of {report.month}: {report.horizon_months} months, {report.n_paths:,} paths, "
        f"seed {report.seed}",
        style="bold",
    )
    for item in report.scenarios:
        emit_paragraph(f"{item['label']}: {item['description']}.", bullet="- ")
    for line in report.summary:
        emit_paragraph(line)
    for table in report.printed():
        emit("")
        emit_model_table(table)
        _print_lines(table.caveats)
    _print_lines(report.caveats, "Caveats")


@app.command()
def difficulty(
    ctx: typer.Context,
    at: Annotated[
        str | None, typer.Option(metavar="HEIGHT|DATE", help="What could be said then; without it now.")
    ] = None,
    score: Annotated[
        bool, typer.Option("--score", help="How well past retargets would have been predicted since 2014.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Predict the next two difficulty adjustments.

    Change, new difficulty and date, with 50%, 80% and 95% intervals, and the hashrate behind them.
    """
    desk = ctx.obj.desk()
    if score:
        if at is not None:
            raise InputError("difficulty: --score looks at all of the past; --at names one moment of it.")
        scores = desk.difficulty_scores()
        if as_json:
            emit_json(scores)
            return
        emit_model_table(scores.tables["outlook_retarget_scores"])
        return
    report = desk.difficulty(at)
    if as_json:
        emit_json(report.document())
        return
    for line in report.summary:
        emit_paragraph(line)
    for table in report.tables.values():
        emit("")
        emit_model_table(table)
    emit("")
    emit_paragraph("A positive change is a rise of difficulty: the same hashrate then earns less.")
    _print_lines(report.caveats, "Caveats")


@app.command()
def fleet(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="Machines, site and finance.")],
    month: FromMonth = None,
    scenario: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Scenario.", autocompletion=_complete_scenario)
    ] = "base",
    paths: Annotated[int, typer.Option(metavar="N", help="Simulated paths.")] = 4_000,
    seed: Seed = None,
    executor: ExecutorName = "threads",
    as_json: AsJson = False,
) -> None:
    """Simulate a fleet's cash: income, power, net present value, payback.

    Also what the right to switch off is worth, and the hashprice forward that the model implies.
    """
    desk = ctx.obj.desk()
    with _executor(executor) as pool:
        report = desk.fleet(file, month, scenario=scenario, paths=paths, seed=seed, executor=pool)
    if as_json:
        emit_json(report.document())
        return
    emit_paragraph(f"{report.name}: from {report.origin}, scenario {report.scenario}", style="bold")
    for line in report.summary:
        emit_paragraph(line, bullet="- ")
    for table in report.tables.values():
        emit("")
        emit_model_table(table)
    _print_lines(report.caveats, "Caveats")


@app.command()
def scorecard(ctx: typer.Context, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Score our forecasts of the past against simple ones.

    Walk-forward from 2014 on: no forecast saw its future.
    """
    desk = ctx.obj.desk()
    with progress_bar(is_quiet=quiet or as_json) as progress:
        report = desk.scorecard(progress=progress)
    if as_json:
        emit_json(report.document())
        return
    for table in report.tables.values():
        emit_model_table(table)
        _print_lines(table.caveats)
        emit("")
    for line in report.summary:
        emit_paragraph(line)


@contextmanager
def _executor(name: str) -> Iterator[Executor | None]:
    """Executor by its name; threads need none, for the engine brings its own."""
    if name == "threads":
        yield None
    elif name == "processes":
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        # A forked child would inherit locks of threads that it does not have.
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            yield pool
    elif "://" in name:
        try:
            from distributed import Client
        except ImportError:
            raise InputError(
                "executor: a Dask scheduler needs the package distributed.", hint="Install hashdesk[cluster]."
            ) from None
        try:
            client = Client(name, timeout=10)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise InputError(f"executor: no Dask scheduler answers at {name}: {error}.") from None
        with client:
            yield client.get_executor()  # type: ignore[no-untyped-call]
    else:
        raise InputError(
            f"executor: expected {', '.join(EXECUTORS)} or the address of a Dask scheduler, got {name!r}.",
            hint="An address looks like tcp://10.0.0.5:8786.",
        )


def _print_lines(lines: Sequence[str], title: str = "") -> None:
    if lines and title:
        emit(f"\n{title}")
    for line in lines:
        emit_paragraph(line, bullet="- ")
