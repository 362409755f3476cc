"""Times the commands that people wait for, each in a fresh process, and one aggregation against its alternatives.

``make bench`` prints the table; ``make bench WRITE=1`` also writes it to bench/results.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
HASHDESK = [sys.executable, "-m", "hashdesk"]


@dataclass(frozen=True)
class Usage:
    """Cost of one run: wall and CPU time [s], peak resident memory of the largest process [MB]."""

    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Case:
    """A command line, what it is called, and how much it may cost."""

    label: str
    command: Sequence[str]
    max_wall_s: float | None = None
    max_peak_mb: float | None = None
    has_empty_cache: bool = False
    """Start without what earlier runs keep in the user's cache folder."""


def start(case: Case, folder: Path) -> subprocess.Popen[bytes]:
    """Start a case in a process group of its own; its output is dropped."""
    environment = dict(os.environ)
    if case.has_empty_cache:
        environment["XDG_CACHE_HOME"] = tempfile.mkdtemp(dir=folder)
    quiet = subprocess.DEVNULL
    return subprocess.Popen(case.command, stdout=quiet, stderr=quiet, env=environment, start_new_session=True)


def measure(case: Case, folder: Path) -> Usage:
    """Run a case once. Times include the processes that it starts itself; its failure is ours."""
    begin = time.perf_counter()
    child = start(case, folder)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"failed with exit code {child.returncode}: {' '.join(case.command)}")
    # ru_maxrss is in kB on Linux and in bytes on macOS.
    per_mb = 1024 if sys.platform != "darwin" else 1024 * 1024
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / per_mb)


def family_peak_mb(case: Case, folder: Path) -> float:
    """Run a case once and return the peak of its processes' resident memory together [MB].

    Memory that processes share is counted in each, so the sum errs on the high side. Zero without ``/proc``.
    """
    child = start(case, folder)
    peak_pages = 0
    while child.poll() is None:
        peak_pages = max(peak_pages, sum(resident_pages(child.pid)))
        time.sleep(0.01)
    return peak_pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


def resident_pages(session: int) -> Iterator[int]:
    """Resident pages of every process of a session."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # The process has just ended.
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                yield int(fields[21])


def cases(month: str, out: Path) -> list[Case]:
    """List the command lines that are timed."""
    note = [*HASHDESK, "note", month, "--out", str(out)]
    return [
        Case("python starts (baseline)", [sys.executable, "-c", "pass"]),
        Case("import hashdesk", [sys.executable, "-c", "import hashdesk"], max_wall_s=0.3),
        Case("from hashdesk import Desk", [sys.executable, "-c", "from hashdesk import Desk"]),
        Case("hashdesk --help", [*HASHDESK, "--help"], max_wall_s=0.6),
        Case("hashdesk figures network_hashrate_ehs", [*HASHDESK, "figures", "network_hashrate_ehs"]),
        Case(f"hashdesk note {month} --json", [*HASHDESK, "note", month, "--json"]),
        Case(f"hashdesk note {month}, five formats", note, 6.0, 1000.0),
        Case("the same, empty user cache", note, 8.0, 1000.0, has_empty_cache=True),
    ]


def commands_table(month: str, runs: int) -> tuple[list[str], bool]:
    """Measure the commands: lines of a Markdown table, and whether every limit was kept."""
    heads = "| fresh process | wall s | best s | CPU s | peak MB | limit | kept |"
    lines = [heads, "|---|---:|---:|---:|---:|---|---|"]
    is_kept = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case in cases(month, folder / "notes"):
            # Memory is watched in a run of its own, which also pays for the disk and for compiling.
            family_mb = family_peak_mb(case, folder)
            counted = [measure(case, folder) for _ in range(runs)]
            wall_s, cpu_s, peak_mb = (statistics.median(column) for column in zip(*map(astuple, counted), strict=True))
            peak_mb = max(peak_mb, family_mb)
            limits = []
            kept = True
            if case.max_wall_s is not None:
                limits.append(f"{case.max_wall_s:g} s")
                kept &= wall_s <= case.max_wall_s
            if case.max_peak_mb is not None:
                limits.append(f"{case.max_peak_mb:g} MB")
                kept &= peak_mb <= case.max_peak_mb
            best_s = min(run.wall_s for run in counted)
            lines.append(
                f"| {case.label} | {wall_s:.3f} | {best_s:.3f} | {cpu_s:.3f} | {peak_mb:.0f} "
                f"| {', '.join(limits)} | {('yes' if kept else 'NO') if limits else ''} |"
            )
            is_kept &= kept
    return lines, is_kept


def aggregation_table(runs: int) -> list[str]:
    """Measure the monthly sums of the daily network table in Polars, pandas and a plain loop."""
    sys.path.insert(0, str(HERE))
    import aggregate

    seconds = aggregate.compare(runs)
    fastest = min(seconds.values())
    lines = ["| monthly sums of network_daily, from CSV | ms | times the fastest |", "|---|---:|---:|"]
    lines += [f"| {name} | {1e3 * value:.1f} | {value / fastest:.1f} |" for name, value in seconds.items()]
    return lines


def main() -> int:
    """Print the tables; exit with 1 where a limit was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--month", default="2025-09")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each command (default 5)")
    parser.add_argument("--write", action="store_true", help="also write bench/results.md")
    arguments = parser.parse_args()
    load = f"; load average at the start {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    commands, is_kept = commands_table(arguments.month, arguments.runs)
    head = (
        f"Median and best of {arguments.runs} runs after one that is not counted; {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}{load}. Peak memory is that "
        "of all processes of a run together."
    )
    text = "\n".join([head, "", *commands, "", *aggregation_table(arguments.runs)])
    print(text)
    if arguments.write:
        (HERE / "results.md").write_text(f"# Timings\n\n{text}\n", encoding="utf-8")
    return 0 if is_kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
