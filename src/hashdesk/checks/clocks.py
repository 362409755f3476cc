"""A check on the two clocks of a fact."""

from __future__ import annotations

import polars as pl

from hashdesk.checks.base import Check, Facts, found, sentence

MEASURED = {
    "adjusted_closes": "date",
    "blocks": "time",
    "btc_price_daily": "date",
    "equity_closes": "date",
    "etf_flows": "date",
    "network_daily": "date",
    "production": "month",
    "screener_market_caps": "date",
    "volumes": "month",
}
"""Tables of measurements, and the day of each; a share count or a contract may be announced before it holds."""


def clock_check(table: str, day: str) -> Check:
    """The check that nothing measured was known before its day."""

    def known_early(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
        rows = frame.filter(pl.col("known_at") < pl.col(day).cast(pl.Date))
        message = f"{table}: known on {{}}, before its own day {{}}"
        return found(rows, sentence(message, "known_at", pl.col(day).cast(pl.Date)))

    return Check("clock.early", table, "quarantine", "known_at >= day", "Nobody measures ahead of time.", known_early)
