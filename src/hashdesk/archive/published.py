"""Published research figures: as printed, with our figure beside each."""

from __future__ import annotations

import datetime as dt
import math

import polars as pl

from hashdesk.archive.common import Checks, Sources, day, number
from hashdesk.archive.pages import host
from hashdesk.archive.reading import RawFolder

FIGURE_OF = {
    "hashrate_avg_ehs": "network_hashrate_ehs",
    "hashrate_change_ehs": "network_hashrate_ehs",
    "hashrate_change_pct": "network_hashrate_ehs",
    "hashrate_yoy_pct": "network_hashrate_ehs",
    "difficulty_change_pct": "difficulty",
    "revenue_per_ehs_day_usd": "block_reward_revenue_usd_per_ehs_day",
    "revenue_per_ehs_change_pct": "block_reward_revenue_usd_per_ehs_day",
    "gross_profit_per_ehs_day_usd": "block_reward_gross_profit_usd_per_ehs_day",
    "gross_profit_change_pct": "block_reward_gross_profit_usd_per_ehs_day",
    "gross_margin_pct": "gross_margin_frac",
    "market_cap_usd_bn": "market_cap_usd",
    "market_cap_change_pct": "market_cap_usd",
    "n_companies": "n_companies",
    "n_outperform_btc": "n_outperforming_btc",
    "btc_return_pct": "btc_return_frac",
    "top_ticker": "top_performer",
    "top_return_pct": "top_performer",
    "bottom_ticker": "bottom_performer",
    "bottom_return_pct": "bottom_performer",
    "listed_miners_network_share_pct": "listed_network_share_frac",
    "listed_miners_hashrate_ehs": None,
    "market_cap_15_miners_usd_bn": None,
    "ibit_etf_rank_at_most": None,
    "four_year_block_reward_opportunity_usd_bn": "block_reward_opportunity_4y_usd",
}
"""Our figure for each published metric; None where we have no counterpart."""

NOTES = {
    ("2024-03-01", "hashrate_avg_ehs"): "peak at the time",
    ("2024-03-01", "revenue_per_ehs_day_usd"): "estimate of the bank; highest since August 2022",
    ("2024-04-01", "n_outperform_btc"): "every name fell by a fifth or more",
    ("2024-04-01", "market_cap_change_pct"): "from 31 March to 15 April",
    ("2024-05-01", "hashrate_avg_ehs"): "first monthly fall since December 2022",
    ("2024-05-01", "revenue_per_ehs_day_usd"): "lowest on the bank's record",
    ("2024-05-01", "top_return_pct"): "printed as nearly 80",
    ("2024-06-01", "n_outperform_btc"): "derived: one name fell; ambiguous, as bitcoin fell too",
    ("2024-06-01", "listed_miners_network_share_pct"): "approximate",
    ("2024-07-01", "listed_miners_network_share_pct"): "contradicts the record of 26% printed a month later",
    ("2024-09-01", "revenue_per_ehs_change_pct"): "43,600 printed for August would make it -3.4%",
    ("2024-09-01", "market_cap_usd_bn"): "mid-month value printed as just under 20",
    ("2024-10-01", "listed_miners_network_share_pct"): "approximate; 28% printed a month later",
    ("2024-11-01", "listed_miners_network_share_pct"): "approximate",
    ("2024-12-01", "listed_miners_network_share_pct"): "approximate",
    ("2025-09-01", "hashrate_change_ehs"): "printed as about",
}

_J = "JPMorgan"
_MIRROR = "https://cryptonewz.pages.dev/crypto-news-coindesk.com"
_J1 = _MIRROR + "/markets/2025/10/01/bitcoin-miners-market-cap-hit-a-record-in-september-jpmorgan"
_J2 = (
    "https://wordupnews.com/cryptocurrency/"
    "bitcoin-miners-continue-to-face-dwindling-profits-despite-lower-competition-jpmorgan-says"
)
_J3 = "https://tridex.co.uk/category/jpmorgan/page/2/"
_J4 = "https://btcshore.com/2025/02/u-s-listed-bitcoin-miners-accounted-for-29-of-global-hashrate-in-february-jpmorgan"
_J9 = "https://trendingcoinz.com/bitcoin-network-hashrate-took-a-breather-in-the-first-two-weeks-of-october-jp-morgan"
_J12 = "https://www.utoday.net/may-saw-an-improvement-in-bitcoin-mining-profitability-jpmorgan-finds"
_J13 = (
    _MIRROR + "/ja/markets/2025/12/01/"
    "bitcoin-mining-profitability-fell-for-fourth-consecutive-month-in-november-jpmorgan"
)
_JE1 = (
    "https://www.utoday.net/"
    "june-mining-profits-up-5-thanks-to-lower-hashrate-and-higher-btc-prices-according-to-jefferies"
)
_MINERMAG = "https://decrypto.news/news/8081"
_JE3 = (
    "https://fastly.tipranks.com/news/jefferies-financial-group-jef-says-bitcoin-mining-profitability-fell-5-in-august"
)

_M, _OTHER = "TheMinerMag", "15 companies, another list than the bank's"
_GP = "to the hundred"
_OCT3 = "2025-10-03"

EXTRA: tuple[tuple[str, str, str, float, str, str, str, str | None, str | None], ...] = (
    # period start, period end (exclusive), metric, value, unit, publisher, address, published on, note
    ("2025-02-01", "2025-03-01", "revenue_per_ehs_day_usd", 54300, "USD/EH/s/day", _J, _J3, None, None),
    ("2025-02-01", "2025-03-01", "hashrate_avg_ehs", 810, "EH/s", _J, _J3, None, None),
    ("2025-02-01", "2025-03-01", "gross_profit_per_ehs_day_usd", 29500, "USD/EH/s/day", _J, _J3, None, _GP),
    ("2025-02-01", "2025-03-01", "listed_miners_network_share_pct", 29, "%", _J, _J4, None, None),
    ("2025-05-01", "2025-06-01", "revenue_per_ehs_day_usd", 51600, "USD/EH/s/day", _J, _J12, None, None),
    ("2025-05-01", "2025-06-01", "hashrate_avg_ehs", 897, "EH/s", _J, _J12, None, None),
    ("2025-05-01", "2025-06-01", "gross_profit_per_ehs_day_usd", 27900, "USD/EH/s/day", _J, _J12, None, _GP),
    ("2025-06-01", "2025-07-01", "revenue_per_ehs_day_usd", 57000, "USD/EH/s/day", "Jefferies", _JE1, None, "about"),
    ("2025-07-01", "2025-08-01", "revenue_per_ehs_day_usd", 58000, "USD/EH/s/day", "Jefferies", _JE3, None, "about"),
    ("2025-08-01", "2025-09-01", "revenue_per_ehs_day_usd", 55000, "USD/EH/s/day", "Jefferies", _JE3, None, "about"),
    ("2025-03-01", "2025-04-01", "market_cap_15_miners_usd_bn", 19.9, "USD bn", _M, _MINERMAG, _OCT3, _OTHER),
    ("2025-08-01", "2025-09-01", "market_cap_15_miners_usd_bn", 41.6, "USD bn", _M, _MINERMAG, _OCT3, _OTHER),
    ("2025-09-01", "2025-10-01", "market_cap_15_miners_usd_bn", 58.1, "USD bn", _M, _MINERMAG, _OCT3, _OTHER),
    ("2025-09-01", "2025-10-01", "ibit_etf_rank_at_most", 20, "rank", _J, _J1, "2025-10-01", "among ETFs by assets"),
    ("2025-10-01", "2025-10-16", "market_cap_usd_bn", 79, "USD bn", _J, _J9, None, "first half of the month"),
    ("2025-10-01", "2025-10-16", "listed_miners_network_share_pct", 38, "%", _J, _J9, None, "first half of the month"),
    ("2025-11-01", "2025-12-01", "revenue_per_ehs_day_usd", 41400, "USD/EH/s/day", _J, _J13, "2025-12-01", None),
    ("2025-11-01", "2025-12-01", "hashrate_avg_ehs", 1074, "EH/s", _J, _J13, "2025-12-01", None),
    ("2025-12-01", "2026-01-01", "revenue_per_ehs_day_usd", 38700, "USD/EH/s/day", _J, _J2, None, None),
    ("2025-12-01", "2026-01-01", "hashrate_avg_ehs", 1045, "EH/s", _J, _J2, None, None),
    ("2025-12-01", "2026-01-01", "hashrate_change_pct", -3, "%", _J, _J2, None, None),
    ("2025-12-01", "2026-01-01", "gross_profit_per_ehs_day_usd", 17100, "USD/EH/s/day", _J, _J2, None, None),
    ("2025-12-01", "2026-01-01", "gross_profit_change_pct", -9, "%", _J, _J2, None, None),
)
"""Figures reported in public after the raw table was made; publication days that no page states stay empty."""

DAYS_TO_PUBLISH = 3
"""Where no publication day is known, a figure counts as known this many days after its period."""


def _page_name(outlet: str, url: str) -> str:
    """The page that quotes the research: the outlet, and the site of the copy where it is another's."""
    name, _, remark = outlet.partition(" (")
    name, site = name.partition(" via ")[0], host(url)
    if site == name or name.lower().replace(" ", "") in site:
        return name
    return f"{name} ({'rewritten' if remark.startswith('rewritten') else 'copy'} at {site})"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def published(folder: RawFolder, sources: Sources, checks: Checks) -> pl.DataFrame:
    """Published figures, exact repeats dropped, disagreements kept."""
    rows: list[dict[str, object]] = []
    unique = ["period_start", "period_end", "metric", "value", "text", "publisher"]
    for raw in folder.rows("published/published_figures.csv"):
        start, last = day(raw["period_start"]), day(raw["period_end"])
        is_text = raw["unit"] == "ticker"
        if not is_text and not _is_number(raw["value"]):
            why = f"column value: expected a number [{raw['unit']}], got {raw['value']!r}"
            folder.set_aside("published/published_figures.csv", raw, why)
            continue
        page = _page_name(raw["reported_by"], raw["url"])
        rows.append(
            {
                "period_start": start,
                "period_end": last + dt.timedelta(days=1),
                "metric": raw["metric"],
                "value": None if is_text else number(raw["value"]),
                "text": raw["value"] if is_text else None,
                "unit": raw["unit"],
                "publisher": raw["publisher_of_research"],
                "reported_by": page,
                "published_on": day(raw["published_on"]),
                "note": NOTES.get((raw["period_start"], raw["metric"])),
                "source": sources.page(raw["url"], f"{raw['publisher_of_research']}, as quoted by {page}"),
            }
        )
    for start_, end_, metric, value, unit, publisher, url, published_on, note in EXTRA:
        page = _page_name("CoinDesk" if url.startswith(_MIRROR) else host(url), url)
        rows.append(
            {
                "period_start": day(start_),
                "period_end": day(end_),
                "metric": metric,
                "value": float(value),
                "text": None,
                "unit": unit,
                "publisher": publisher,
                "reported_by": page,
                "published_on": day(published_on) if published_on else None,
                "note": note,
                "source": sources.page(url, f"{publisher}, as quoted by {page}"),
            }
        )
    frame = pl.DataFrame(rows, infer_schema_length=None)
    unknown = set(frame["metric"]) - FIGURE_OF.keys()
    checks.ours(f"every published metric is mapped {sorted(unknown) or ''}".strip(), not unknown)
    return (
        frame.with_columns(
            figure_id=pl.col("metric").replace_strict(FIGURE_OF, default=None, return_dtype=pl.String),
            # A page without a day is no older than the last period that it reports on.
            known_at=pl.coalesce(
                "published_on", pl.col("period_end").max().over("source").dt.offset_by(f"{DAYS_TO_PUBLISH}d")
            ),
        )
        .unique(unique, keep="first", maintain_order=True)
        .sort("period_start", "period_end", "metric", "published_on", "source", nulls_last=True)
    )
