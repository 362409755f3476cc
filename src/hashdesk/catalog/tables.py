"""The tables of the reference pack, declared once: columns, types, units, meaning, key and limits.

Checks, the data dictionary and axis labels come from here. A column that may be empty says so: null is "not known".
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from hashdesk.catalog.company_tables import COMPANY_SPECS
from hashdesk.catalog.derived_tables import DERIVED_SPECS
from hashdesk.catalog.schema import NOTE, TRUST, Column, TableSpec, col, date, table, ticker
from hashdesk.errors import InputError

__all__ = ["TABLES", "Column", "TableSpec", "table_spec"]

_SPECS = (
    table(
        "network_daily",
        "One UTC day of the Bitcoin chain.",
        ("date",),
        "date",
        date("date", "UTC day."),
        col("blocks", "i64", "blocks", "Blocks of the day.", low=0, high=1_000),
        col("subsidy_btc", "f64", "BTC", "New coins of those blocks.", low=0, high=50_000),
        col("fees_btc", "f64?", "BTC", "Transaction fees of those blocks; null is unknown.", low=0, high=2_000),
        col("difficulty_mean", "f64", "", "Mean difficulty of the day's blocks; in force where no block came.", low=1),
        col("difficulty_eod", "f64", "", "Difficulty in force at 24:00 UTC.", low=1),
        col("work_eh", "f64", "EH", "Expected hashes of the blocks: sum of 2^256/(target + 1), over 10^18.", low=0),
        col("height_last", "i64", "height", "Height of the day's last block.", low=0),
        col(
            "day_basis",
            "str",
            "",
            "Which clock puts a block into a day.",
            allowed=("header_time", "median_time_past"),
        ),
        col(
            "basis",
            "str",
            "",
            "counted: from every block of the day; counted_fees_mtp: so, but fees by median time; published: day "
            "totals of a data provider.",
            allowed=("counted", "counted_fees_mtp", "published"),
        ),
    ),
    table(
        "btc_price_daily",
        "Bitcoin's price at the end of a UTC day.",
        ("date",),
        "date",
        date("date", "UTC day."),
        col("close_usd", "f64", "USD/BTC", "Price at 24:00 UTC of the day.", low=0),
        col("close_usd_bitstamp", "f64?", "USD/BTC", "Last Bitstamp price before 24:00 UTC; a check.", low=0),
    ),
    table(
        "epochs",
        "One difficulty epoch of 2,016 blocks.",
        ("epoch",),
        "start_at",
        col("epoch", "i64", "", "Number of the epoch, from 0.", low=0),
        col("start_height", "i64", "height", "Height of the first block.", low=0),
        col("start_at", "datetime", "UTC", "Header time of the first block."),
        col("difficulty", "f64", "", "Difficulty of the epoch.", low=1),
        col("is_start_estimated", "bool", "", "True where the time is inferred from the next retarget."),
    ),
    table(
        "trading_days",
        "Days on which New York's exchanges traded.",
        ("date",),
        "date",
        date("date", "Trading day."),
    ),
    table(
        "equity_closes",
        "Closing price of a share: month ends, and every day inside the window that the demonstration needs.",
        ("ticker", "date"),
        "date",
        date("date", "Trading day."),
        ticker(),
        col("close_usd", "f64", "USD/share", "Price of one traded unit as it traded that day.", low=0),
        col(
            "adjustment_factor",
            "f64?",
            "",
            "close_usd x factor is comparable over splits and unit changes; null is unknown.",
            low=0,
        ),
        col(
            "basis",
            "str",
            "",
            "unadjusted: as traded; derived: adjusted close over the factor, where the day's snapshot is missing; "
            "adjusted: only an adjusted close is known (funds), so never times a share count.",
            allowed=("unadjusted", "derived", "adjusted"),
        ),
    ),
    table(
        "share_counts",
        "Shares outstanding, as each source gave them, with our judgement.",
        ("ticker", "as_of", "known_at", "shares_outstanding", "form", "source"),
        "as_of",
        ticker(),
        date("as_of", "Day on which the count was true."),
        col("shares_outstanding", "f64", "shares", "Count in the traded unit (ADS where an ADS trades).", low=0),
        col("unit", "str", "", "The traded unit: share, or ADS with its ratio."),
        col("classes", "str", "", "Classes of shares in the count."),
        col("form", "str", "", "Kind of document or method."),
        TRUST,
        col(
            "path",
            "str",
            "",
            "How the count got here from the one before.",
            allowed=("linear", "step", "unit-change"),
        ),
        col(
            "use_for",
            "str",
            "",
            "Whether the row serves the count as known then, as known later, or both.",
            allowed=("both", "known-then", "known-later", "none"),
        ),
        col(
            "status",
            "str",
            "",
            "use, or why not.",
            allowed=("use", "check", "wrong", "wrong-unit", "duplicate"),
        ),
        NOTE,
    ),
    table(
        "universe",
        "The listed miners that the sector figures cover, and from when to when.",
        ("ticker", "tracked_from"),
        "tracked_from",
        ticker(),
        col("name", "str", "", "Company."),
        col("cik", "i64?", "", "Number of the filer at the SEC.", low=1),
        date("tracked_from", "First day inside the universe."),
        date("tracked_to", "First day outside it again; null is still inside.", "date?"),
        date("tracked_to_known_at", "First day on which that end was a fact; an earlier reading has none.", "date?"),
        date("last_trade", "Last day on which the share traded under this symbol.", "date?"),
        col("renamed_to", "str?", "", "Later symbol."),
        col("evidence", "str", "", "Why the window is what it is."),
        TRUST,
    ),
    table(
        "corporate_actions",
        "Splits, changes of the traded unit, renames, listings and delistings.",
        ("ticker", "date", "kind"),
        "date",
        ticker(),
        date("date", "First day on which it held."),
        col("kind", "str", "", "Kind of action."),
        col("ratio", "f64?", "", "New units per old unit.", low=0),
        col("detail", "str", "", "What happened."),
        TRUST,
    ),
    table(
        "asic_models",
        "A mining machine, merged from overlapping lists.",
        ("manufacturer", "model", "efficiency_j_per_th", "source"),
        "released_on",
        col("manufacturer", "str", "", "Maker."),
        col("model", "str", "", "Model."),
        col("hashrate_ths", "f64?", "TH/s", "Rated hashrate.", low=0),
        col("power_w", "f64?", "W", "Rated power at the wall.", low=0),
        col("efficiency_j_per_th", "f64", "J/TH", "Rated efficiency.", low=5),
        col("cooling", "str?", "", "air, hydro or immersion."),
        col("segment", "str?", "", "industrial or home."),
        date("released_on", "Release; the first day of the month or year where only that is known.", "date?"),
        col("release_precision", "str?", "", "How sharply the release is known.", allowed=("day", "month", "year")),
        col("status", "str?", "", "announced or shipping, where a list says so."),
        TRUST,
    ),
    table(
        "volumes",
        "Trading volume of centralised crypto exchanges in a month.",
        ("month",),
        "month",
        date("month", "First day of the month."),
        col("combined_usd_tn", "f64?", "USD tn", "Spot and derivatives.", low=0, high=50),
        col("spot_usd_tn", "f64?", "USD tn", "Spot.", low=0, high=50),
        col("derivatives_usd_tn", "f64?", "USD tn", "Derivatives.", low=0, high=50),
        col(
            "published_change_frac",
            "f64?",
            "fraction",
            "Change on the month as printed; the publisher restates.",
            low=-1,
        ),
        col("basis", "str", "", "reported or derived.", allowed=("reported", "derived")),
        NOTE,
    ),
    table(
        "etf_flows",
        "Net flow of a US spot bitcoin ETF on a day; `total` is all funds.",
        ("date", "ticker"),
        "date",
        date("date", "Trading day."),
        ticker("Fund, or total."),
        col("net_flow_usd", "f64?", "USD", "Creations less redemptions."),
    ),
    table(
        "etf_assets",
        "Assets, coins or shares of an ETF.",
        ("date", "ticker", "metric", "source"),
        "date",
        date("date", "Day."),
        ticker("Fund."),
        col("metric", "str", "", "aum_usd, aum_usd_estimate, btc_held, cumulative_net_flow_usd or shares_outstanding."),
        col("value", "f64", "by metric", "Value."),
        col("basis", "str", "", "reported, derived or estimated.", allowed=("reported", "derived", "estimated")),
        NOTE,
    ),
    table(
        "etf_ranks",
        "Published ranks and assets of the largest ETFs; no full table for autumn 2025 is at hand.",
        ("date", "ticker", "source"),
        "date",
        date("date", "Day of the quote."),
        col("rank", "i64?", "", "Rank by assets.", low=1),
        ticker("Fund."),
        col("aum_usd", "f64", "USD", "Assets.", low=0),
        NOTE,
    ),
    table(
        "published",
        "A figure that research published, as printed. Disagreements stay; exact repeats do not.",
        ("period_start", "period_end", "metric", "publisher", "value", "text"),
        "period_start",
        date("period_start", "First day."),
        date("period_end", "Day after the last."),
        col("metric", "str", "", "What the publisher measured."),
        col("figure_id", "str?", "", "Our figure; null where we have none."),
        col("value", "f64?", "by unit", "Number as printed."),
        col("text", "str?", "", "Ticker, where the figure is a name."),
        col("unit", "str", "", "Unit as printed."),
        col("publisher", "str", "", "Whose research."),
        col("reported_by", "str", "", "The page that reported it, and the site of the copy at hand."),
        date("published_on", "Day of the report; null where no page states it.", "date?"),
        NOTE,
    ),
    table(
        "sources",
        "Where the facts come from.",
        ("id",),
        None,
        col("id", "str", "", "Id used by the other tables."),
        col("title", "str", "", "What it is."),
        col("publisher", "str", "", "Who publishes it."),
        col("url", "str", "", "Address; empty where none was kept."),
        col("licence", "str", "", "Terms."),
        date("retrieved_at", "Day of retrieval; null is not recorded.", "date?"),
        NOTE,
        tail=False,
    ),
)

TABLES: dict[str, TableSpec] = {spec.name: spec for spec in (*_SPECS, *COMPANY_SPECS, *DERIVED_SPECS)}
"""Every table of the reference pack, by name."""


def table_spec(name: str) -> TableSpec:
    """The declaration of a table.

    Raises
    ------
    InputError
        No such table; the hint names the nearest one.

    Examples
    --------
    >>> table_spec("epochs").key
    ('epoch',)
    """
    return named_spec(name, TABLES)


def named_spec(name: str, specs: Mapping[str, TableSpec]) -> TableSpec:
    """The declaration of a table among some.

    Raises
    ------
    InputError
        No such table; the hint names the nearest one.
    """
    if name not in specs:
        near = difflib.get_close_matches(name, specs, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Tables: {', '.join(sorted(specs))}."
        raise InputError(f"table: no table is called {name!r}.", hint=hint, value=name)
    return specs[name]
