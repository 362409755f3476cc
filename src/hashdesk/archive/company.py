"""What companies reported: production, holdings, power, capital, events. Facts become columns, not sentences."""

from __future__ import annotations

import datetime as dt
import re

import polars as pl

from hashdesk.archive.common import Sources, day, month_after, month_start, number
from hashdesk.archive.reading import RawFolder
from hashdesk.archive.words import DEBT_KINDS

UPDATE_DAYS = 10
"""A monthly update counts as known this many days after the month's end; most print no day of release."""
FILING_DAYS = 45
"""A quarter's figure counts as known this many days after its end, the deadline of a quarterly report."""

_HASHRATE_WORDS = (
    ("peak", "peak of the month"),
    ("installed", "installed"),
    ("deployed", "deployed"),
    ("energized", "energised"),
    ("active hashrate", "active"),
    ("operational", "operational"),
    ("operating", "operating"),
)


def _hashrate_basis(note: str) -> str | None:
    return next((basis for word, basis in _HASHRATE_WORDS if word in note.lower()), None)


def _quarter_end(month: dt.date) -> dt.date:
    quarter_last = dt.date(month.year, 3 * ((month.month - 1) // 3) + 3, 1)
    return month_after(quarter_last)


def production(folder: RawFolder, sources: Sources) -> pl.DataFrame:
    """Monthly production updates."""
    rows = []
    for raw in folder.rows("company/production.csv"):
        month = month_start(raw["month"])
        derived = raw["source_type"] == "derived"
        known_at = month_after(month) + dt.timedelta(days=UPDATE_DAYS)
        notes = []
        if derived:
            notes.append("output from a total or a stated change")
            known_at = _quarter_end(month) + dt.timedelta(days=FILING_DAYS)
        if "restricted" in raw["note"]:
            notes.append("part of the coins is pledged")
        if "JV" in raw["note"]:
            notes.append("includes the company's share of ventures")
        if "own self-mining" in raw["note"]:
            notes.append("own machines only, customers' output left out")
        if "last monthly update" in raw["note"]:
            notes.append("last monthly update")
        rows.append(
            {
                "ticker": raw["ticker"],
                "month": month,
                "production_btc": number(raw["btc_produced"]),
                "hashrate_month_end_ehs": number(raw["hashrate_eod_ehs"]),
                "hashrate_avg_operating_ehs": number(raw["hashrate_avg_operating_ehs"]),
                "hashrate_basis": _hashrate_basis(raw["note"]) if raw["hashrate_eod_ehs"] else None,
                "efficiency_j_per_th": number(raw["fleet_efficiency_j_th"]),
                "holdings_btc": number(raw["btc_held"]),
                "sold_btc": number(raw["btc_sold"]),
                "confidence": raw["confidence"],
                "basis": "derived" if derived else "reported",
                "note": "; ".join(notes) or None,
                "source": sources.page(raw["source_url"], f"{raw['ticker']} update for {raw['month']}"),
                "known_at": known_at,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None).sort("ticker", "month")


_MONTH = r"\d{4}-(?:0[1-9]|1[0-2])"
_QUARTER = {"1": (1, 4), "2": (4, 7), "3": (7, 10), "4": (10, 13)}


def _span(period: str) -> tuple[dt.date, dt.date] | None:
    """Calendar span of a period as the raw tables write it; None where it names a contract or a level."""
    year_quarter = re.match(r"(\d{4})-Q([1-4])", period)
    if year_quarter:
        year = int(year_quarter[1])
        first, after = _QUARTER[year_quarter[2]]
        return dt.date(year, first, 1), dt.date(year + after // 13, (after - 1) % 12 + 1, 1)
    half = re.match(r"(\d{4})-H(\d)", period)
    if half:
        year = int(half[1])
        return (
            (dt.date(year, 1, 1), dt.date(year, 7, 1))
            if half[2] == "1"
            else (dt.date(year, 7, 1), dt.date(year + 1, 1, 1))
        )
    months = re.match(rf"({_MONTH}) to ({_MONTH})", period)
    if months:
        return month_start(months[1]), month_after(month_start(months[2]))
    if re.match(_MONTH, period):
        return month_start(period), month_after(month_start(period))
    fiscal = re.match(r"FY(\d{4}) \(to (\w{3})\)", period)
    if fiscal:
        last = dt.datetime.strptime(fiscal[2], "%b").month
        end = month_after(dt.date(int(fiscal[1]), last, 1))
        return end.replace(year=end.year - 1), end
    year_only = re.match(r"(\d{4})(-FY)?( \(|$)", period)
    if year_only:
        return dt.date(int(year_only[1]), 1, 1), dt.date(int(year_only[1]) + 1, 1, 1)
    return None


def production_quarterly(folder: RawFolder, sources: Sources) -> pl.DataFrame:
    """Quarter, half and year totals where monthly updates stopped."""
    rows = []
    for raw in folder.rows("company/production_quarterly.csv"):
        span = _span(raw["period"])
        assert span is not None, raw["period"]
        rows.append(
            {
                "ticker": raw["ticker"],
                "period_start": span[0],
                "period_end": span[1],
                "production_btc": number(raw["btc_produced"]),
                "hashrate_period_end_ehs": number(raw["hashrate_period_end_ehs"]),
                "hashrate_basis": _hashrate_basis(raw["note"]) if raw["hashrate_period_end_ehs"] else None,
                "efficiency_j_per_th": number(raw["fleet_efficiency_j_th"]),
                "holdings_btc": number(raw["btc_held"]),
                "confidence": raw["confidence"],
                "basis": "derived" if raw["note"].startswith("derived") else "reported",
                "source": sources.page(
                    raw["source_url"], f"{raw['ticker']} report for {raw['period'].partition(' ')[0]}"
                ),
                "known_at": span[1] + dt.timedelta(days=FILING_DAYS),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None).sort("ticker", "period_start", "period_end", "source")


def holdings(folder: RawFolder, sources: Sources) -> pl.DataFrame:
    """Bitcoin held, by company and day."""
    rows = []
    for raw in folder.rows_that("company/treasury.csv", lambda row: row["btc_held"], "no count of coins"):
        as_of = day(raw["as_of"])
        filing = any(word in raw["note"] for word in ("10-K", "10-Q")) or "sec.gov" in raw["source_url"]
        notes = []
        if "restricted" in raw["note"] or "pledged" in raw["note"] or "collateral" in raw["note"]:
            notes.append("part of the coins is pledged or posted as collateral")
        if "loaned" in raw["note"]:
            notes.append("part of the coins is on loan")
        if "stated as" in raw["note"]:
            notes.append("printed as a round or lower bound")
        if "consolidated" in raw["note"]:
            notes.append("includes a subsidiary")
        rows.append(
            {
                "ticker": raw["ticker"],
                "as_of": as_of,
                "holdings_btc": float(raw["btc_held"]),
                "confidence": raw["confidence"],
                "note": "; ".join(notes) or None,
                "source": sources.page(raw["source_url"], f"{raw['ticker']} bitcoin held, {raw['as_of']}"),
                "known_at": as_of + dt.timedelta(days=FILING_DAYS if filing else UPDATE_DAYS),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None).sort("ticker", "as_of", "source")


def power_capacity(folder: RawFolder, sources: Sources) -> pl.DataFrame:
    """Power in use, contracted or planned, and contracted HPC load."""
    rows = [
        {
            "ticker": raw["ticker"],
            "as_of": day(raw["as_of"]),
            "power_energized_mw": number(raw["power_energized_mw"]),
            "power_contracted_or_pipeline_mw": number(raw["power_contracted_or_pipeline_mw"]),
            "hpc_it_contracted_mw": number(raw["hpc_it_mw_contracted"]),
            "confidence": raw["confidence"],
            "source": sources.page(raw["source_url"], f"{raw['ticker']} power, {raw['as_of']}"),
            "known_at": day(raw["as_of"]) + dt.timedelta(days=UPDATE_DAYS),
        }
        for raw in folder.rows("company/power_capacity.csv")
    ]
    return pl.DataFrame(rows, infer_schema_length=None).sort("ticker", "as_of", "source")


_COST_BASES = (
    # First word that fits decides; a row may carry a price of energy, a cost of a coin, or both.
    ("derived", "derived"),
    ("cash sg&a", "power and cash overheads"),
    ("all-in", "all-in"),
    ("net of power credits", "net of credits"),
    ("net electricity", "net of credits"),
    ("net power", "net of credits"),
    ("contract", "contract price"),
    ("hashcost", "hashcost"),
    ("average cash cost", "cash cost"),
    ("cash cost", "cash cost"),
    ("production cost", "production cost"),
    ("direct", "direct cost"),
    ("company cost", "company cost"),
    ("depreciation", "before depreciation"),
    ("assumed", "assumed"),
    ("hosting", "hosting price"),
    ("guid", "guidance"),
)


def power_costs(folder: RawFolder, sources: Sources) -> pl.DataFrame:
    """Power prices and costs of a coin, each with what it includes."""
    rows = []
    for raw in folder.rows("company/power_costs.csv"):
        span = _span(raw["period"])
        basis = next((name for word, name in _COST_BASES if word in raw["basis"].lower()), "power")
        price = number(raw["power_cost_usd_per_kwh"])
        end = span[1] if span else None
        quarter = "Q" in raw["period"] or "H" in raw["period"] or span is None
        rows.append(
            {
                "ticker": raw["ticker"],
                "period_start": span[0] if span else None,
                "period_end": end,
                "period": raw["period"].partition(" (")[0],
                "power_price_usd_per_mwh": None if price is None else round(price * 1000, 6),
                "cost_usd_per_btc": number(raw["cost_per_btc_usd"]),
                "basis": basis,
                "confidence": raw["confidence"],
                "source": sources.page(
                    raw["source_url"],
                    f"{'Sector' if raw['ticker'] == 'SECTOR' else raw['ticker']} power cost, "
                    f"{raw['period'].partition(' (')[0]}",
                ),
                "known_at": (end or dt.date(2025, 12, 31)) + dt.timedelta(days=FILING_DAYS if quarter else UPDATE_DAYS),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None).sort(
        "ticker", "period_start", "period_end", "basis", "source", "cost_usd_per_btc", nulls_last=True
    )


def iren_cloud(folder: RawFolder, sources: Sources) -> pl.DataFrame:
    """GPU counts and run-rate guidance of IREN."""
    rows = []
    for raw in folder.rows("company/iren_cloud.csv"):
        guidance = [float(part) for part in re.findall(r"\d+", raw["arr_guidance_usd_mn"])]
        rows.append(
            {
                "ticker": "IREN",
                "announced_on": day(raw["announced"]),
                "gpus": number(raw["gpus_total_or_target"]),
                "run_rate_low_usd": guidance[0] * 1e6 if guidance else None,
                "run_rate_high_usd": guidance[-1] * 1e6
                if guidance and "above" not in raw["arr_guidance_usd_mn"]
                else None,
                "run_rate_by": raw["arr_by"] or None,
                "is_deployed": "deployed" in raw["detail"] or "in service" in raw["detail"],
                "confidence": raw["confidence"],
                "source": sources.page(raw["source_url"], f"IREN cloud, {raw['announced']}"),
                "known_at": day(raw["announced"]),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None).sort("announced_on", "source")


def capital(folder: RawFolder, sources: Sources) -> pl.DataFrame:
    """Cash and debt at a day. Share counts of this raw table mix bases and stay out."""
    rows = []
    known = folder.rows_that(
        "company/capital.csv", lambda row: row["cash_usd_mn"] or row["debt_usd_mn"], "neither cash nor debt"
    )
    for raw in known:
        cash, debt = number(raw["cash_usd_mn"]), number(raw["debt_usd_mn"])
        as_of = day(raw["as_of"])
        filed = re.search(r"filed (\d{4}-\d{2}-\d{2})", raw["note"])
        notes = []
        if "may omit current" in raw["note"]:
            notes.append("debt may leave out the part due within a year")
        if "cash is cash plus BTC" in raw["note"] or "is cash plus BTC" in raw["note"]:
            notes.append("cash includes bitcoin")
        if "rounded" in raw["note"]:
            notes.append("rounded")
        rows.append(
            {
                "ticker": raw["ticker"],
                "as_of": as_of,
                "cash_usd": None if cash is None else round(cash * 1e6),
                "debt_usd": None if debt is None else round(debt * 1e6),
                "confidence": raw["confidence"],
                "note": "; ".join(notes) or None,
                "source": sources.page(raw["source_url"], f"{raw['ticker']} balance sheet, {raw['as_of']}"),
                "known_at": day(filed[1]) if filed else as_of + dt.timedelta(days=FILING_DAYS),
            }
        )
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return frame.with_columns(pl.col("cash_usd", "debt_usd").cast(pl.Float64)).sort("ticker", "as_of", "source")


def debt_instruments(folder: RawFolder, sources: Sources) -> pl.DataFrame:
    """Debt by instrument, as a later reading of filings lists it."""
    rows = [
        {
            "ticker": raw["ticker"],
            "kind": DEBT_KINDS[raw["type"]],
            "principal_usd": round(float(raw["principal_usd_mn"]) * 1e6),
            "maturity": day(raw["maturity"]) if raw["maturity"] else None,
            "coupon_frac": float(raw["coupon"]),
            "is_secured": raw["secured"] == "TRUE",
            "is_convertible": raw["convertible"] == "TRUE",
            "conversion_price_usd": number(raw["conversion_price_usd"]),
            "is_reduced": "Partial" in raw["status"],
            "as_of": day(raw["source_date"]),
            "confidence": raw["confidence"],
            "source": sources.page(raw["source_url"], f"{raw['ticker']} debt, {raw['source_date']}"),
            # The raw table dates a row by the month of issue; the day within it is not known.
            "known_at": month_after(day(raw["source_date"])),
        }
        for raw in folder.rows("company/debt_instruments.csv")
    ]
    frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.col("principal_usd").cast(pl.Float64))
    return frame.sort("ticker", "maturity", "principal_usd", "coupon_frac", nulls_last=True)
