"""Build the reference pack: the archive's tables of facts, cut to what a note needs, from a folder of raw tables.

python tools/build_reference.py DATA_DIR [--out FOLDER]
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import sys
from pathlib import Path

import polars as pl
import reference_moments as moments

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from hashdesk.archive.common import Checks  # noqa: E402
from hashdesk.archive.equity import BENCHMARKS, MINERS  # noqa: E402
from hashdesk.archive.reading import RawFolder  # noqa: E402
from hashdesk.archive.tables import broken_rows, pack_tables, typed, used_sources  # noqa: E402
from hashdesk.catalog.tables import TABLES  # noqa: E402
from hashdesk.errors import HashdeskError  # noqa: E402

PACK_VERSION = "1"
MAX_BYTES = 1_500_000
D = dt.date
FIRST_MONTH_END, LAST_MONTH_END = D(2023, 12, 1), D(2026, 1, 31)
DAILY_FROM, DAILY_TO = D(2025, 3, 1), D(2025, 10, 31)
FLOWS = ("IBIT", "FBTC", "GBTC", "total")


def build_tables(data: Path, checks: Checks) -> dict[str, pl.DataFrame]:
    """Every table of the pack, in its declared columns and types."""
    folder = RawFolder(data)
    whole, sources = pack_tables(folder, checks)
    tables = whole | {
        "equity_closes": cut_closes(whole["equity_closes"], whole["trading_days"]),
        "etf_flows": whole["etf_flows"].filter(pl.col("ticker").is_in(FLOWS)),
    }
    tables |= moments.derived_tables(folder, whole, sources, checks)
    tables["sources"] = used_sources(tables, sources)
    titles = tables["sources"]["title"]
    checks.that("titles of sources hold no keys", not titles.str.contains(r"SECTOR|;[A-Z]").any())
    checks.that("every declared table is built", tables.keys() == TABLES.keys())
    tables = {name: typed(tables[name], TABLES[name]) for name in sorted(tables)}
    for name, frame in tables.items():
        problems = broken_rows(frame, TABLES[name])
        checks.that(f"{name}: rows as declared" + (f": {problems}" if problems else ""), not problems)
    return tables


def cut_closes(closes: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Month-end closes of the whole span and daily closes of the window."""
    span = days.filter(pl.col("date").is_between(FIRST_MONTH_END, LAST_MONTH_END))
    ends = span.group_by(pl.col("date").dt.month_start().alias("month")).agg(date=pl.col("date").max())["date"]
    wanted = span.filter(pl.col("date").is_in(ends.implode()) | pl.col("date").is_between(DAILY_FROM, DAILY_TO))["date"]
    return closes.filter(pl.col("ticker").is_in((*MINERS, *BENCHMARKS)), pl.col("date").is_in(wanted.implode()))


def write_pack(tables: dict[str, pl.DataFrame], out: Path) -> dict[str, object]:
    """Write the tables and their list; the same tables give the same bytes.

    Files are written beside their places and then renamed, so that no reader finds half a file.
    """
    out.mkdir(parents=True, exist_ok=True)
    entries: dict[str, object] = {}
    for name, frame in tables.items():
        path = _beside(out / f"{name}.parquet")
        frame.write_parquet(path, compression="zstd", compression_level=19, statistics=False)
        dated = TABLES[name].fact_date
        facts = frame[dated].drop_nulls().cast(pl.Date) if dated else pl.Series([], dtype=pl.Date)
        entries[name] = {
            "rows": frame.height,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "first": _iso(facts.min()),
            "last": _iso(facts.max()),
        }
    pack: dict[str, object] = {"version": PACK_VERSION, "tables": entries}
    _beside(out / "pack.json").write_text(json.dumps(pack, indent=1) + "\n", encoding="utf-8")
    for path in (*(out / f"{name}.parquet" for name in tables), out / "pack.json"):
        _beside(path).replace(path)
    return pack


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _iso(value: object) -> str | None:
    return value.isoformat() if isinstance(value, dt.date) else None


def report(out: Path, checks: Checks) -> int:
    """Print rows, bytes and checks; return the bytes of the pack."""
    pack = json.loads((out / "pack.json").read_text(encoding="utf-8"))
    total = (out / "pack.json").stat().st_size
    for name, entry in pack["tables"].items():
        size = (out / f"{name}.parquet").stat().st_size
        total += size
        print(f"{name:22} {entry['rows']:>7,} rows {size:>9,} bytes  {entry['first'] or '':10} {entry['last'] or ''}")
    print(f"{'total':22} {'':>7}      {total:>9,} bytes; {len(checks.passed)} checks passed")
    return int(total)


def main() -> None:
    """Read the raw tables, build, check, write, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA_DIR", help="folder of the raw tables")
    parser.add_argument("--out", type=Path, default=ROOT / "src/hashdesk/reference", help="folder to write into")
    parser.add_argument("--checks", action="store_true", help="print every check")
    arguments = parser.parse_args()
    checks = Checks()
    try:
        write_pack(build_tables(arguments.data, checks), arguments.out)
    except HashdeskError as error:
        raise SystemExit(str(error)) from None
    if arguments.checks:
        print("\n".join(checks.passed))
    total = report(arguments.out, checks)
    if total > MAX_BYTES:
        raise SystemExit(f"the pack has {total:,} bytes; at most {MAX_BYTES:,} are allowed")


if __name__ == "__main__":
    main()
