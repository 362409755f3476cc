"""All tables of facts from one raw folder, in their declared columns and types."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from hashdesk.archive import blocks, company, equity, events, market, network, shares
from hashdesk.archive import published as figures
from hashdesk.archive.common import Checks, Sources
from hashdesk.archive.reading import RawFolder
from hashdesk.archive.sources import described_sources
from hashdesk.catalog.schema import TableSpec
from hashdesk.errors import DataError

DTYPES: dict[str, pl.DataType] = {
    "date": pl.Date(),
    "datetime": pl.Datetime("us", "UTC"),
    "f64": pl.Float64(),
    "i64": pl.Int64(),
    "str": pl.String(),
    "bool": pl.Boolean(),
}
"""Declared type of a column -> type in a frame."""

Conversion = Callable[[RawFolder, Sources, Checks], pl.DataFrame]

CONVERSIONS: dict[str, tuple[Conversion, tuple[str, ...]]] = {
    "network_daily": (
        lambda folder, _, checks: network.network_daily(folder, checks),
        ("network/daily.csv", "network/blocks.csv.gz"),
    ),
    "epochs": (lambda folder, _, checks: network.epochs(folder, checks), ("network/epochs.csv",)),
    "btc_price_daily": (lambda folder, _, checks: network.btc_price_daily(folder, checks), ("network/daily.csv",)),
    "trading_days": (lambda folder, _, checks: equity.trading_days(folder, checks), ("equity/closes.csv.gz",)),
    "equity_closes": (lambda folder, _, checks: equity.equity_closes(folder, checks), ("equity/closes.csv.gz",)),
    "universe": (lambda *_: equity.universe(), ()),
    "corporate_actions": (lambda *_: equity.corporate_actions(), ()),
    "share_counts": (shares.share_counts, ("equity/shares_ledger.csv",)),
    "published": (figures.published, ("published/published_figures.csv",)),
    "volumes": (lambda folder, sources, _: market.volumes(folder, sources), ("market/volumes.csv",)),
    "etf_flows": (lambda folder, _, checks: market.etf_flows(folder, checks), ("market/btc_etf_flows.csv",)),
    "etf_assets": (lambda folder, sources, _: market.etf_assets(folder, sources), ("market/etf.csv",)),
    "etf_ranks": (lambda folder, sources, _: market.etf_ranks(folder, sources), ("market/etf_ranks.csv",)),
    "asic_models": (
        lambda folder, sources, _: market.asic_models(folder, sources),
        ("network/asic_models.csv", "company/asic_models.csv"),
    ),
    "events": (events.events, ("company/events.csv",)),
    "hpc_contracts": (events.hpc_contracts, ("company/hpc_contracts.csv",)),
    "milestones": (lambda folder, sources, _: events.milestones(folder, sources), ("company/milestones.csv",)),
    "production": (lambda folder, sources, _: company.production(folder, sources), ("company/production.csv",)),
    "production_quarterly": (
        lambda folder, sources, _: company.production_quarterly(folder, sources),
        ("company/production_quarterly.csv",),
    ),
    "holdings": (lambda folder, sources, _: company.holdings(folder, sources), ("company/treasury.csv",)),
    "power_capacity": (
        lambda folder, sources, _: company.power_capacity(folder, sources),
        ("company/power_capacity.csv",),
    ),
    "power_costs": (lambda folder, sources, _: company.power_costs(folder, sources), ("company/power_costs.csv",)),
    "iren_cloud": (lambda folder, sources, _: company.iren_cloud(folder, sources), ("company/iren_cloud.csv",)),
    "capital": (lambda folder, sources, _: company.capital(folder, sources), ("company/capital.csv",)),
    "debt_instruments": (
        lambda folder, sources, _: company.debt_instruments(folder, sources),
        ("company/debt_instruments.csv",),
    ),
}
"""Tables of the pack in the order in which their pages are named, with the files that each rests on."""

LIVE_CONVERSIONS: dict[str, tuple[Conversion, tuple[str, ...]]] = {
    "blocks": (
        lambda folder, *_: blocks.blocks(folder),
        ("network/blocks.csv.gz", "network/blocks_before_571747_fragments.csv.gz", "network/block_hashes.csv.gz"),
    ),
    "block_headers": (
        lambda folder, _, checks: blocks.block_headers(folder, checks),
        ("network/epoch_start_headers.csv",),
    ),
    "screener_market_caps": (
        lambda folder, *_: equity.screener_market_caps(folder),
        ("equity/screener_market_caps.csv.gz",),
    ),
    "adjusted_closes": (lambda folder, *_: equity.adjusted_closes(folder), ("equity/closes.csv.gz",)),
    "share_count_readings": (
        lambda folder, sources, _: shares.share_count_readings(folder, sources),
        ("equity/shares.csv",),
    ),
    "mining_pools": (lambda folder, *_: blocks.mining_pools(folder.path), (blocks.POOLS_FILE,)),
}
"""Tables that only a live store has."""


def pack_tables(folder: RawFolder, checks: Checks) -> tuple[dict[str, pl.DataFrame], Sources]:
    """Every table of the pack over the whole of a folder, uncut, and the sources behind them."""
    sources = described_sources()
    tables = {name: convert(folder, sources, checks) for name, (convert, _) in CONVERSIONS.items()}
    network.check_epochs_against_days(tables["network_daily"], tables["epochs"], checks)
    return tables, sources


def used_sources(tables: dict[str, pl.DataFrame], sources: Sources) -> pl.DataFrame:
    """The sources that rows of these tables point at."""
    used = {str(name) for frame in tables.values() for name in frame["source"].unique().to_list()}
    return sources.frame(used)


def typed(frame: pl.DataFrame, spec: TableSpec) -> pl.DataFrame:
    """A table in its declared columns and types.

    Raises
    ------
    DataError
        A column is missing or has no place.
    """
    extra = sorted(set(frame.columns) ^ set(spec.column_names))
    if extra:
        raise DataError(f"{spec.name}: expected the declared columns, got {', '.join(extra)} missing or in excess.")
    return frame.select(pl.col(column.name).cast(DTYPES[column.dtype]) for column in spec.columns)


def broken_rows(frame: pl.DataFrame, spec: TableSpec) -> list[str]:
    """What a table breaks of its declaration: nulls, limits, allowed words, repeated keys; one line each."""
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
    return problems
