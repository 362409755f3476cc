"""Tables that only the live store has, and how the store reads every table.

The store keeps the tables of the reference pack (``hashdesk.catalog.tables``) and those declared here: the chain block
by block, raw material behind the pack's tables, answers of sources as they came, rows that failed a check, and runs.
"""

from __future__ import annotations

from hashdesk.catalog.schema import TRUST, StoreRule, TableSpec, col, date, table, ticker
from hashdesk.catalog.tables import TABLES, named_spec

_LIVE_SPECS = (
    table(
        "blocks",
        "One block of the chain; where two blocks had the same height, the one that was retrieved last.",
        ("height",),
        "time",
        col("height", "i64", "height", "Height.", low=0),
        col("hash", "str?", "", "Hash, 64 hex digits as displayed; null is not recorded."),
        col("prev_hash", "str?", "", "Hash of the block before; null is not recorded."),
        date("time", "Header time.", "datetime"),
        date("mediantime", "Median time past at this block.", "datetime?"),
        col("bits", "str", "", "Compact target, 8 hex digits."),
        col("difficulty", "f64", "", "Difficulty that the target stands for.", low=0),
        col("subsidy_sat", "i64", "sat", "New coins.", low=0, high=5_000_000_000),
        col("fees_sat", "i64?", "sat", "Transaction fees; null is unknown.", low=0),
        col("tx_count", "i64?", "", "Transactions, the coinbase included.", low=1),
        col("weight", "i64?", "WU", "Weight.", low=0, high=4_000_000),
        col("chain", "str?", "", "The chain; null is main.", allowed=("main", "test", "testnet4", "signet", "regtest")),
    ),
    table(
        "block_headers",
        "An 80-byte header as raw hex.",
        ("height",),
        "time",
        col("height", "i64", "height", "Height.", low=0),
        col("hash", "str", "", "Hash, 64 hex digits as displayed."),
        date("time", "Header time.", "datetime"),
        col("header_hex", "str", "", "The header, 160 hex digits."),
        col("chainwork_hex", "str?", "", "Expected hashes of the chain up to here."),
    ),
    table(
        "screener_market_caps",
        "A company's day as a stock screener showed it.",
        ("ticker", "date"),
        "date",
        date("date", "Day."),
        ticker(),
        col("close_usd", "f64?", "USD/share", "Last sale.", low=0),
        col("market_cap_usd", "f64?", "USD", "Market capitalisation.", low=0),
        col("implied_shares", "f64?", "shares", "Capitalisation over last sale.", low=0),
        col("exchange", "str?", "", "Exchange."),
    ),
    table(
        "share_count_readings",
        "Share counts as they were found, before judgement.",
        ("ticker", "as_of", "form", "shares_outstanding"),
        "as_of",
        ticker(),
        date("as_of", "Day on which the count was true."),
        col("shares_outstanding", "f64", "shares", "Count as quoted.", low=0),
        col("form", "str", "", "Kind of document or method."),
        col("note", "str?", "", "What a reader must know about this row."),
    ),
    table(
        "adjusted_closes",
        "Close adjusted for splits and dividends: good for returns, never times a share count.",
        ("ticker", "date"),
        "date",
        date("date", "Trading day."),
        ticker(),
        col("close_usd", "f64", "USD/share", "Adjusted close.", low=0),
    ),
    table(
        "mining_pools",
        "Mining pools by the marks they leave in blocks.",
        ("name",),
        None,
        col("name", "str", "", "Pool."),
        col("link", "str?", "", "Address of its page."),
        col("tags", "str?", "", "Texts in coinbase transactions, one a line."),
        col("addresses", "str?", "", "Addresses that it is paid at, one a line."),
    ),
    table(
        "production_quotes",
        "One figure of a monthly update, with the words it was read from; a refused figure has no value and a reason.",
        ("ticker", "month", "column", "url"),
        "month",
        ticker(),
        date("month", "First day of the month."),
        col("column", "str", "", "What the figure is: a column of `production`, or a finer one."),
        col("value", "f64?", "in `unit`", "The figure; null where it was refused."),
        col("unit", "str", "", "Unit of the figure."),
        col("quote", "str?", "", "Sentence, or row, column and cell, that it was read from."),
        col("label", "str?", "", "The company's own words for it."),
        col("reason", "str?", "", "Why it was refused; null where there is a value."),
        col("url", "str", "", "Address of the document."),
        TRUST,
    ),
    table(
        "network_readings",
        "A day of the network as a provider states it; beside our own counts, never in their place.",
        ("metric", "date", "source"),
        "date",
        date("date", "UTC day."),
        col(
            "metric",
            "str",
            "",
            "What is stated.",
            allowed=("network_hashrate_ehs", "fees_btc_per_block"),
        ),
        col("value", "f64", "in `unit`", "The statement.", low=0),
        col("unit", "str", "", "EH/s or BTC/block."),
        col("window_hours", "f64", "h", "Width of the bins that it is a mean of.", low=0),
    ),
    table(
        "raw_payloads",
        "An answer of a source as it came, before anyone read it.",
        ("url", "sha256", "retrieved_at"),
        "retrieved_at",
        col("url", "str", "", "Key of the request: its address without secrets."),
        col("sha256", "str", "", "Hash of the body."),
        col("source", "str", "", "Id of the source."),
        date("retrieved_at", "When it came.", "datetime"),
        col("status", "i64", "", "HTTP status."),
        col("headers", "str", "", "The headers that say what the body is, as JSON."),
        col("body", "binary?", "", "The bytes; null where an earlier row of the same address and hash has them."),
        tail=False,
    ),
    table(
        "quarantine",
        "A row that failed a check: kept here, out of the table it was meant for, or named with a warning.",
        ("table", "check_id", "row_json"),
        "fact_date",
        col("table", "str", "", "Table that the row was meant for."),
        col("check_id", "str", "", "Check that it failed."),
        col("severity", "str", "", "quarantine: not in the table; warning: there, but doubtful; cleared: came right."),
        col("message", "str", "", "What was expected and what was got."),
        col("row_json", "str", "", "The row as JSON."),
        col("origin", "str", "", "Source or file."),
        date("fact_date", "Day that the row is about.", "date?"),
        tail=False,
    ),
    table(
        "sync_runs",
        "One source asked once for what is new.",
        ("run_id", "source"),
        "started_at",
        col("run_id", "str", "", "Name of the run."),
        col("source", "str", "", "Id of the source."),
        date("started_at", "Start.", "datetime"),
        date("ended_at", "End.", "datetime"),
        col("outcome", "str", "", "How it ended.", allowed=("ok", "failed")),
        col("batches", "i64", "", "Batches committed.", low=0),
        col("new_rows", "i64", "rows", "Facts that were not known.", low=0),
        col("restated_rows", "i64", "rows", "Facts that changed.", low=0),
        col("unchanged_rows", "i64", "rows", "Facts that were known already.", low=0),
        col("quarantined_rows", "i64", "rows", "Rows that failed a check.", low=0),
        col("error", "str?", "", "Why it failed."),
        col("caveats", "str?", "", "What a reader of its rows must know, one sentence a line."),
        tail=False,
    ),
)

LIVE_TABLES: dict[str, TableSpec] = {spec.name: spec for spec in _LIVE_SPECS}
"""Tables that only the live store has, by name."""

STORE_TABLES: dict[str, TableSpec] = TABLES | LIVE_TABLES
"""Every table of the live store, by name."""

_COUNTED_CHAIN = ("bitcoin-node", "block-data", "block-data-fees-coinmetrics", "mempool", "coinmetrics-community")

STORE_RULES: dict[str, StoreRule] = {
    "network_daily": StoreRule(prefer=_COUNTED_CHAIN, cadence_days=3, calendar="day"),
    "btc_price_daily": StoreRule(
        prefer=("coinmetrics-community", "coinbase-minutes", "bitstamp-minutes", "coinbase", "bitstamp", "binance"),
        cadence_days=3,
        calendar="day",
    ),
    "epochs": StoreRule(
        prefer=("bitcoin-node", "epoch-checkpoints", "block-data", "mempool", "epoch-retarget-estimate"),
        cadence_days=21,
        calendar="number",
    ),
    "blocks": StoreRule(
        # Both prove their work, so that after a reorganisation the later word holds, whoever gave it.
        prefer=("bitcoin-node|mempool", "block-data"),
        latest_by="retrieved_at",
        cadence_days=2,
        calendar="number",
    ),
    "block_headers": StoreRule(prefer=("bitcoin-node", "epoch-checkpoints"), latest_by="retrieved_at"),
    "trading_days": StoreRule(cadence_days=5),
    "equity_closes": StoreRule(prefer=("screener-snapshots",), cadence_days=5),
    "adjusted_closes": StoreRule(cadence_days=5),
    "screener_market_caps": StoreRule(cadence_days=5),
    "share_counts": StoreRule(cadence_days=120),
    "share_count_readings": StoreRule(cadence_days=120),
    "production": StoreRule(cadence_days=75),
    "production_quotes": StoreRule(cadence_days=75),
    "volumes": StoreRule(cadence_days=75, calendar="month"),
    "etf_flows": StoreRule(cadence_days=5),
    "etf_assets": StoreRule(cadence_days=45),
    "capital": StoreRule(cadence_days=150),
    "network_readings": StoreRule(cadence_days=3),
    "sync_runs": StoreRule(cadence_days=2),
    "universe": StoreRule(order=("_seq", "_row")),
    "corporate_actions": StoreRule(order=("_seq", "_row")),
    "return_moments": StoreRule(order=("_seq", "_row")),
    "placebo_quantiles": StoreRule(order=("_seq", "_row")),
    "hpc_deliveries": StoreRule(order=("_seq", "_row")),
    "asic_models": StoreRule(order=("manufacturer", "efficiency_j_per_th", "model", "source")),
    "etf_ranks": StoreRule(order=("date", "rank", "ticker", "source")),
    "published": StoreRule(order=("period_start", "period_end", "metric", "published_on", "source")),
    "debt_instruments": StoreRule(order=("ticker", "maturity", "principal_usd", "coupon_frac")),
    "power_costs": StoreRule(order=("ticker", "period_start")),
}
"""How the store reads a table, where it is more than its key and the later word."""

_PLAIN = StoreRule()


def store_rule(name: str) -> StoreRule:
    """How the store reads a table."""
    return STORE_RULES.get(name, _PLAIN)


def store_spec(name: str) -> TableSpec:
    """The declaration of a table of the live store.

    Raises
    ------
    InputError
        No such table; the hint names the nearest one.

    Examples
    --------
    >>> store_spec("blocks").key
    ('height',)
    """
    return named_spec(name, STORE_TABLES)
