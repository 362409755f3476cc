"""All checks, in one list, and the one function that runs those of a table."""

from __future__ import annotations

import polars as pl

from hashdesk.catalog.live_tables import store_spec
from hashdesk.catalog.schema import TableSpec
from hashdesk.checks import chain, companies, markets, prices, shares
from hashdesk.checks.base import FAILURE_SCHEMA, Check, Facts, neighbour
from hashdesk.checks.clocks import MEASURED, clock_check

_Q, _W = "quarantine", "warning"

CHECKS: tuple[Check, ...] = (
    *(clock_check(table, day) for table, day in MEASURED.items()),
    Check(
        "blocks.subsidy", "blocks", _Q, "subsidy of the schedule", "Coins follow from the height.", chain.subsidy, True
    ),
    Check("blocks.proof-of-work", "blocks", _Q, "hash <= target", "Else it is no block.", chain.proof_of_work),
    Check(
        "blocks.bits",
        "blocks",
        _Q,
        "one target an epoch",
        "Difficulty changes at retargets only.",
        chain.bits_of_epoch,
        True,
    ),
    Check(
        "blocks.retarget",
        "blocks",
        _Q,
        "bits that the last epoch gives",
        "Times and targets prove each other.",
        chain.retarget,
        True,
    ),
    Check(
        "blocks.median-time", "blocks", _Q, "time > median of the 11 before", "A rule of consensus.", chain.median_time
    ),
    Check(
        "blocks.fees",
        "blocks",
        _Q,
        "0 < fees <= 500 BTC",
        "A zero stands for unknown; more is a unit.",
        chain.fees,
        True,
    ),
    Check(
        "blocks.hole",
        "blocks",
        _W,
        "no hole of up to 2,016 heights before it",
        "A day is whole only without holes.",
        chain.holes,
    ),
    Check(
        "headers.link",
        "block_headers",
        _Q,
        "own hash <= own target, and a link to the block before",
        "A header proves itself.",
        chain.header_hash,
    ),
    Check(
        "days.blocks", "network_daily", _Q, "50 to 260 blocks", "Chance does not explain more.", chain.day_counts, True
    ),
    Check(
        "days.work",
        "network_daily",
        _Q,
        "work = blocks x difficulty x 2^48/65,535, to 1e-6",
        "Work is blocks x difficulty.",
        chain.day_work,
    ),
    Check(
        "days.fees", "network_daily", _Q, "0 < fees <= 5 x subsidy", "A unit slip or an unknown.", chain.day_fees, True
    ),
    Check(
        "price.venue",
        "btc_price_daily",
        _Q,
        "within 8% since June 2014",
        "Two venues see one market.",
        prices.second_venue,
    ),
    Check(
        "price.slip",
        "btc_price_daily",
        _Q,
        "does not leave both neighbours by 1.5 and come back",
        "Prices do not visit for a day.",
        prices.price_slip,
    ),
    Check(
        "closes.slip",
        "equity_closes",
        _Q,
        "does not leave both neighbours by 3 and come back",
        "Closes do not visit for a day.",
        prices.close_slip,
    ),
    Check(
        "closes.adjusted",
        "equity_closes",
        _Q,
        "close x factor = adjusted close, to 2% and rounding",
        "Two files tell one close.",
        prices.closes_agree,
    ),
    Check(
        "closes.unit",
        "equity_closes",
        _W,
        "no change of unit without a corporate action within 4 days",
        "A new unit needs an action.",
        prices.unlisted_unit_change,
    ),
    Check(
        "closes.relisted",
        "equity_closes",
        _W,
        "no pause above 30 days without a corporate action",
        "Another share under the symbol.",
        prices.relisting,
    ),
    Check(
        "shares.ledger",
        "screener_market_caps",
        _Q,
        "within 10% of a count public now or a week ago",
        "Screeners run late.",
        shares.screener_against_ledger,
    ),
    Check(
        "shares.stale",
        "screener_market_caps",
        _W,
        "unchanged for at most 140 days",
        "Filings come quarterly.",
        shares.stale,
    ),
    Check(
        "shares.jump",
        "screener_market_caps",
        _W,
        "no step by 2 that the price does not answer",
        "Prices answer a new unit.",
        shares.jump,
    ),
    Check(
        "readings.ledger",
        "share_count_readings",
        _Q,
        "within 10% of a count public now or a week ago",
        "Screeners run late.",
        shares.reading_against_ledger,
    ),
    Check(
        "ledger.jump",
        "share_counts",
        _W,
        "no step by 2 without a reason",
        "A doubling has a reason.",
        shares.ledger_jump,
    ),
    Check(
        "output.slip",
        "production",
        _Q,
        "-25% to +10% of what average hashrate earns; -75% to +50% of month-end hashrate",
        "Difficulty pays all alike.",
        companies.output_slip,
    ),
    Check(
        "output.odd",
        "production",
        _W,
        "within 2% of what average hashrate earns",
        "Companies agree within 1%.",
        companies.output_odd,
    ),
    Check(
        "holdings.proportion",
        "holdings",
        _Q,
        "at most 5% of all coins; a tripling within the market cap",
        "Coins must come from somewhere.",
        companies.holdings_proportion,
    ),
    Check(
        "funds.proportion",
        "etf_assets",
        _Q,
        "at most 10% of all coins",
        "A tracker once showed 3.8m for a fund.",
        companies.fund_proportion,
    ),
    Check(
        "capital.unit",
        "capital",
        _W,
        "0, or 10,000 USD to 50bn USD",
        "Thousands and millions get lost.",
        companies.balance_units,
    ),
    Check(
        "flows.unit",
        "etf_flows",
        _Q,
        "0, or 10,000 USD to 5bn USD in size",
        "The source prints millions.",
        markets.flow_units,
    ),
    Check("flows.sum", "etf_flows", _W, "within 1m USD of its funds", "Funds make the total.", markets.flow_sum),
    Check(
        "volumes.jump", "volumes", _Q, "1/3 to 3 times the month before", "Billions for trillions.", markets.volume_jump
    ),
    Check(
        "volumes.sum",
        "volumes",
        _W,
        "parts within 2% of the total",
        "Spot and derivatives make the total.",
        markets.volume_sum,
    ),
)
"""Every check beyond what a table's declaration asks; the store holds each row against that itself."""


WITH_HISTORY = ("btc_price_daily", "equity_closes", "holdings", "screener_market_caps", "share_counts", "volumes")
"""Tables whose new rows are held against the stored ones before them; the tables are small."""


def failures(table: str, frame: pl.DataFrame, facts: Facts | None = None, *, chain_name: str = "main") -> pl.DataFrame:
    """Rows of a table that fail a check.

    Parameters
    ----------
    table : str
        Name of the table, of the pack or of a live store.
    frame : DataFrame
        Its rows, in the declared columns and types.
    facts : mapping of str to DataFrame, optional
        Neighbouring tables, for checks that compare.
    chain_name : str, default main
        Chain that blocks belong to; test networks have another schedule and other retargets.

    Returns
    -------
    DataFrame
        ``row`` (from 0), ``check_id``, ``severity`` (quarantine or warning), ``message`` (one line).

    Raises
    ------
    InputError
        No such table.
    """
    spec = store_spec(table)
    facts = facts or {}
    numbered = frame.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    if table in WITH_HISTORY:
        numbered = _with_history(numbered, spec, neighbour(facts, table))
    parts = [pl.DataFrame(schema=FAILURE_SCHEMA)]
    for check in CHECKS:
        applies = check.table == table and (chain_name == "main" or not check.is_main_chain)
        if applies and frame.height:
            rows = check.find(numbered, facts).filter(pl.col("row") >= 0)
            parts.append(
                rows.select("row", check_id=pl.lit(check.id), severity=pl.lit(check.severity), message="message")
            )
    return pl.concat(parts).sort("row", "check_id")


def _with_history(numbered: pl.DataFrame, spec: TableSpec, stored: pl.DataFrame | None) -> pl.DataFrame:
    """New rows among the stored ones, which have the row number -1 and are not judged again."""
    if stored is None or not set(spec.key) <= set(stored.columns):
        return numbered
    older = stored.join(numbered, on=list(spec.key), how="anti", nulls_equal=True)
    shared = [name for name in numbered.columns if name in older.columns]
    return pl.concat([numbered, older.select(pl.lit(-1, dtype=pl.Int64).alias("row"), *shared)], how="diagonal_relaxed")
