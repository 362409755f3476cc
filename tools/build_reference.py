"""Build the reference pack: compact tables of facts in our own schema, from the folder of raw tables.

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
import reference_company as company
import reference_equity as equity
import reference_events as news
import reference_market as market
import reference_network as network
from reference_common import Checks, Sources
from reference_published import published
from reference_shares import share_counts
from reference_sources import described_sources

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from hashdesk.catalog.tables import TABLES, TableSpec  # noqa: E402

PACK_VERSION = "1"
MAX_BYTES = 1_500_000
DTYPES: dict[str, pl.DataType] = {
    "date": pl.Date(),
    "datetime": pl.Datetime("us", "UTC"),
    "f64": pl.Float64(),
    "i64": pl.Int64(),
    "str": pl.String(),
    "bool": pl.Boolean(),
}


def build_tables(data: Path, checks: Checks) -> dict[str, pl.DataFrame]:
    """Every table of the pack, in its declared columns and types."""
    sources = described_sources()
    days = network.network_daily(data, checks)
    epochs = network.epochs(data, checks)
    network.check_epochs_against_days(days, epochs, checks)
    trading = equity.trading_days(data, checks)
    tables = {
        "network_daily": days,
        "epochs": epochs,
        "btc_price_daily": network.btc_price_daily(data, checks),
        "trading_days": trading,
        "equity_closes": equity.equity_closes(data, trading, checks),
        "universe": equity.universe(),
        "corporate_actions": equity.corporate_actions(),
        "share_counts": share_counts(data, sources, checks),
        "published": published(data, sources, checks),
        "volumes": market.volumes(data, sources),
        "etf_flows": market.etf_flows(data, checks),
        "etf_assets": market.etf_assets(data, sources),
        "etf_ranks": market.etf_ranks(data, sources),
        "asic_models": market.asic_models(data, sources),
        "events": news.events(data, sources, checks),
        "hpc_contracts": news.hpc_contracts(data, sources, checks),
        "milestones": news.milestones(data, sources),
        "production": company.production(data, sources),
        "production_quarterly": company.production_quarterly(data, sources),
        "holdings": company.holdings(data, sources),
        "power_capacity": company.power_capacity(data, sources),
        "power_costs": company.power_costs(data, sources),
        "iren_cloud": company.iren_cloud(data, sources),
        "capital": company.capital(data, sources),
        "debt_instruments": company.debt_instruments(data, sources),
    }
    tables["sources"] = _used_sources(tables, sources)
    titles = tables["sources"]["title"]
    checks.that("titles of sources hold no keys", not titles.str.contains(r"SECTOR|;[A-Z]").any())
    checks.that("every declared table is built", tables.keys() == TABLES.keys())
    return {name: conform(tables[name], TABLES[name], checks) for name in sorted(tables)}


def _used_sources(tables: dict[str, pl.DataFrame], sources: Sources) -> pl.DataFrame:
    used = {str(name) for frame in tables.values() for name in frame["source"].unique().to_list()}
    return sources.frame(used)


def conform(frame: pl.DataFrame, spec: TableSpec, checks: Checks) -> pl.DataFrame:
    """A table in its declared columns, types and limits."""
    extra = set(frame.columns) ^ set(spec.column_names)
    checks.that(f"{spec.name}: columns as declared {sorted(extra) or ''}".strip(), not extra)
    frame = frame.select(pl.col(column.name).cast(DTYPES[column.dtype]) for column in spec.columns)
    problems = []
    for column in spec.columns:
        values = frame[column.name]
        if not column.nullable and values.null_count():
            problems.append(f"{column.name} has {values.null_count()} nulls")
        if column.low is not None and (values.min() or column.low) < column.low:  # type: ignore[operator]
            problems.append(f"{column.name} below {column.low}: {values.min()!r}")
        if column.high is not None and (values.max() or column.high) > column.high:  # type: ignore[operator]
            problems.append(f"{column.name} above {column.high}: {values.max()!r}")
        odd = set(values.drop_nulls().unique().to_list()) - set(column.allowed) if column.allowed else set()
        if odd:
            problems.append(f"{column.name} holds {sorted(odd)}")
    repeats = frame.filter(pl.struct(spec.key).is_duplicated())
    if len(repeats):
        problems.append(f"key {spec.key} repeats, as in {repeats.row(0)}")
    checks.that(f"{spec.name}: rows as declared" + (f": {problems}" if problems else ""), not problems)
    return frame


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
    write_pack(build_tables(arguments.data, checks), arguments.out)
    if arguments.checks:
        print("\n".join(checks.passed))
    total = report(arguments.out, checks)
    if total > MAX_BYTES:
        raise SystemExit(f"the pack has {total:,} bytes; at most {MAX_BYTES:,} are allowed")


if __name__ == "__main__":
    main()
