"""Events, milestones and AI/HPC contracts."""

from __future__ import annotations

import datetime as dt
import re

import polars as pl

from hashdesk.archive.common import Checks, Sources, day, judgements, month_start, number
from hashdesk.archive.pages import day_in_words, public_days, trusted
from hashdesk.archive.reading import RawFolder

PRICE_MOVES = {
    ("2025-09-16", "BITF"),
    ("2025-10-22", "SECTOR;BITF;CIFR;HUT;HIVE"),
    ("2025-11-19", "SECTOR;MARA;RIOT;CLSK"),
    ("2025-12-19", "IREN"),
    ("2025-12-26", "BTDR;WULF"),
    ("2026-02-04", "SECTOR;WULF;MARA;RIOT;CLSK"),
}
"""Rows that report a move of prices and no news that set it off."""


def _page_days(folder: RawFolder) -> dict[str, dt.date]:
    """First day on which each page behind an event or a contract could have been public."""
    quotes = []
    for raw in folder.rows("company/events.csv", optional=True):
        # News after the close belongs to the next session; its page may be a day older.
        lag = dt.timedelta(days="prior session" in raw["time_hint"])
        quotes.append((raw["source_url"], day(raw["date"]) - lag))
    for raw in folder.rows("company/hpc_contracts.csv", optional=True):
        if len(raw["announced_on"]) == 10:
            quotes.append((raw["source_url"], day(raw["announced_on"])))
    return public_days(quotes)


def _pages_elsewhere(folder: RawFolder) -> dict[tuple[str, str], list[str]]:
    """Pages of contracts and cloud orders, by ticker and day: they back an event of that day."""
    pages: dict[tuple[str, str], list[str]] = {}
    for raw in folder.rows("company/hpc_contracts.csv", optional=True):
        pages.setdefault((raw["ticker"], raw["announced_on"]), []).append(raw["source_url"])
    for raw in folder.rows("company/iren_cloud.csv", optional=True):
        pages.setdefault(("IREN", raw["announced"]), []).append(raw["source_url"])
    return pages


def events(folder: RawFolder, sources: Sources, checks: Checks) -> pl.DataFrame:
    """Dated events; the date is the first session that could trade on it, the headline is ours."""
    headlines = {
        (row["date"], row["tickers"], row["kind"]): row["headline"] for row in judgements("event_headlines.csv")
    }
    raw_rows = folder.rows("company/events.csv")
    keys = {(raw["date"], raw["tickers"], raw["kind"]) for raw in raw_rows}
    checks.ours("every event has a headline of ours", keys == headlines.keys() and len(keys) == len(raw_rows))
    checks.ours("every price move is an event", {(raw["date"], raw["tickers"]) for raw in raw_rows} >= PRICE_MOVES)
    public, elsewhere = _page_days(folder), _pages_elsewhere(folder)
    rows = []
    for raw in raw_rows:
        date, url = day(raw["date"]), raw["source_url"]
        tickers = [ticker for ticker in raw["tickers"].split(";") if ticker != "SECTOR"]
        rows.append(
            {
                "date": date,
                "tickers": ";".join(tickers),
                "is_sector": "SECTOR" in raw["tickers"],
                "kind": "price_move" if (raw["date"], raw["tickers"]) in PRICE_MOVES else raw["kind"],
                "timing": raw["time_hint"] or None,
                "headline": headlines.get((raw["date"], raw["tickers"], raw["kind"]), raw["headline_fact"]),
                "confidence": trusted(raw["confidence"], url, elsewhere.get((raw["tickers"], raw["date"]), [])),
                "source": sources.page(url, f"News of {day_in_words(date)}: {', '.join(tickers) or 'the sector'}"),
                "known_at": max(date, public[url]),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None).sort("date", "tickers", "headline")


def _low_high(text: str) -> tuple[float | None, float | None]:
    """Both ends of a range such as 80-85."""
    found = [float(part) for part in re.findall(r"\d+(?:\.\d+)?", text)]
    return (found[0], found[-1]) if found else (None, None)


CONTRACT_FACTS: dict[tuple[str, str, str], dict[str, object]] = {
    # (ticker, announced, counterparty's first word): what the raw row says in words.
    ("CIFR", "2025-09-25", "Fluidstack"): {
        "backstop_usd": 1.4e9,
        "backstop_by": "Google",
        "warrants": "Google may buy about 24m CIFR shares (5.4%)",
    },
    ("CIFR", "2025-11-20", "Fluidstack"): {"backstop_usd": 0.333e9, "backstop_by": "Google"},
    ("CIFR", "2026-05-05", "Amazon"): {
        "backstop_by": "Amazon",
        "known_at": dt.date(2026, 6, 30),
        "note": "tenant named in June 2026 only, so the row counts as known from the end of that month",
    },
    ("CIFR", "2026-09-25", "Fluidstack"): {
        "backstop_by": "Google",
        "replaces": "CIFR 2025-09-25; CIFR 2025-11-20",
        "note": "restates both Barber Lake leases: longer term, larger value",
    },
    ("CORZ", "2024-06-03", "CoreWeave"): {"note": "tenant pays for the building work"},
    ("CORZ", "2024-10-22", "CoreWeave"): {"note": "tenant pays for the building work; value not split out"},
    ("CORZ", "2025-02-26", "CoreWeave"): {"note": "value not split out of the cumulative 10.2bn"},
    ("CORZ", "2026-07-28", "AMD"): {"warrants": "AMD may buy shares at market price"},
    ("HUT", "2025-12-17", "Fluidstack"): {"backstop_by": "Google", "note": "amount of the backstop not printed"},
    ("IREN", "2025-11-03", "Microsoft"): {"is_cloud": True, "note": "owned GPUs; a fifth is paid in advance"},
    ("IREN", "2025-11-06", "Together"): {"is_cloud": True, "note": "run-rate target, not a contract value"},
    ("IREN", "2026-05-07", "NVIDIA"): {
        "is_cloud": True,
        "warrants": "NVIDIA may buy up to 30m IREN shares at 70 USD",
    },
    ("WULF", "2025-08", "Fluidstack"): {
        "backstop_usd": 1.4e9,
        "backstop_by": "Google",
        "warrants": "Google's pro-forma stake rises to about 14%",
        "announced_on": dt.date(2025, 8, 18),
        "source_url": "https://www.ainvest.com/news/"
        "wulf-stock-jumps-google-increases-stake-14-3-2-billion-backstop-400-million-offering-2508",
        "note": "option on a further hall, taken up; the guarantee comes on top of the first 1.8bn USD",
    },
    ("WULF", "2025-08-14", "Fluidstack"): {
        "backstop_usd": 1.8e9,
        "backstop_by": "Google",
        "warrants": "Google may buy about 41m WULF shares (8%)",
    },
    ("WULF", "2025-10-28", "Fluidstack"): {
        "backstop_usd": 1.3e9,
        "backstop_by": "Google",
        "jv_share_frac": 0.51,
        "note": "value is the whole venture's; TeraWulf owns 51%; tenant may shorten the term",
    },
    ("WULF", "2025-11-10", "Fluidstack"): {
        "backstop_by": "Google",
        "replaces": "WULF 2025-08-14; WULF 2025-08-18",
        "note": "status of all Lake Mariner leases: do not add to the August rows",
    },
    ("WULF", "", "Core42"): {
        "announced_on": dt.date(2024, 12, 23),
        "note": "day of announcement assumed; counts as known from the report that states the size",
    },
    ("APLD", "2025-06", "CoreWeave"): {
        "announced_on": dt.date(2025, 6, 2),
        "note": "two leases signed in May; day within June assumed; known from the release that sums them up",
    },
    ("BITF", "2025-11-13", "none"): {"is_contract": False, "note": "own conversion without a tenant"},
    ("CLSK", "2025-10-29", "none"): {"is_contract": False, "note": "site and power, no tenant"},
    ("CLSK", "2026-01-14", "none"): {"is_contract": False, "note": "site and power, no tenant"},
    ("HIVE", "2026-05-18", "none"): {"is_contract": False, "note": "land for a planned site, no tenant"},
    ("WYFI", "2025-12-22", "Nscale"): {"note": "70.6m USD paid in advance; announcement day is the article's"},
}


def hpc_contracts(folder: RawFolder, sources: Sources, checks: Checks) -> pl.DataFrame:
    """AI/HPC contracts with numbers in columns; a row that restates earlier ones names them."""
    rows = []
    used = set()
    public = _page_days(folder)
    for raw in folder.rows("company/hpc_contracts.csv"):
        key = (raw["ticker"], raw["announced_on"], raw["counterparty"].split()[0])
        used.add(key)
        facts = CONTRACT_FACTS.get(key, {})
        if not facts and len(raw["announced_on"]) != 10:
            folder.set_aside(
                "company/hpc_contracts.csv", raw, "column announced_on: expected a day as YYYY-MM-DD, got no whole day"
            )
            continue
        announced = facts.get("announced_on") or day(raw["announced_on"])
        url = str(facts.get("source_url", raw["source_url"]))
        company = re.sub(r" \(.*?\)", "", raw["company"])
        counterparty = re.sub(r" \(.*?\)| at this date", "", raw["counterparty"])
        subject = "site without a tenant" if counterparty.startswith("none") else f"contract with {counterparty}"
        guaranteed = re.search(r"\bGoogle\b|guarantee", raw["backstop_guarantee"])
        checks.ours(f"{key}: a guarantor has a name", bool(guaranteed) == bool(facts.get("backstop_by")))
        margin_low, margin_high = _low_high(raw["noi_margin_pct"])
        capex_low, capex_high = _low_high(raw["capex_usd_per_mw"].partition("(")[0])
        value, term = number(raw["contract_revenue_usd_bn"]), number(raw["term_years"])
        annual, noi = number(raw["annual_revenue_usd_mn"]), number(raw["annual_noi_usd_mn"])
        rows.append(
            {
                "ticker": raw["ticker"],
                "company": company,
                "counterparty": counterparty,
                "announced_on": announced,
                "critical_it_mw": number(raw["critical_it_mw"]),
                "gross_mw": number(raw["gross_mw"]),
                "term_years": term,
                "contract_value_usd": None if value is None else round(value * 1e9),
                "annual_revenue_usd": None if annual is None else annual * 1e6,
                "annual_noi_usd": None if noi is None else noi * 1e6,
                "noi_margin_low_frac": None if margin_low is None else margin_low / 100,
                "noi_margin_high_frac": None if margin_high is None else margin_high / 100,
                "capex_low_usd_per_mw": None if capex_low is None else capex_low * 1e6,
                "capex_high_usd_per_mw": None if capex_high is None else capex_high * 1e6,
                "backstop_usd": facts.get("backstop_usd"),
                "backstop_by": facts.get("backstop_by"),
                "warrants": facts.get("warrants"),
                "jv_share_frac": facts.get("jv_share_frac"),
                "is_cloud": facts.get("is_cloud", False),
                "is_contract": facts.get("is_contract", True),
                "replaces": facts.get("replaces"),
                "site": raw["site"].split(",")[0].partition(" incl.")[0] or None,
                "confidence": raw["confidence"],
                "note": facts.get("note"),
                "source": sources.page(url, f"{company}: {subject}"),
                "known_at": facts.get("known_at", public.get(url, announced)),
            }
        )
    checks.ours("every hand-read contract fact has its row", not CONTRACT_FACTS.keys() - used)
    frame = pl.DataFrame(rows, infer_schema_length=None)
    money = ("contract_value_usd", "annual_revenue_usd", "annual_noi_usd", "backstop_usd")
    return frame.with_columns(pl.col(*money).cast(pl.Float64)).sort("announced_on", "ticker", "counterparty")


def milestones(folder: RawFolder, sources: Sources) -> pl.DataFrame:
    """Dated landmarks of the sector, in our words where we have some. Landmarks without a day or month stay out."""
    words = {(row["date"], row["kind"]): row for row in judgements("milestones.csv")}
    rows = []
    for raw in folder.rows_that("company/milestones.csv", lambda row: len(row["date"]) > 4, "no day or month"):
        ours = words.get((raw["date"], raw["kind"]), raw)
        whole = len(raw["date"]) == 10
        date = day(raw["date"]) if whole else month_start(raw["date"])
        rows.append(
            {
                "date": date,
                "precision": "day" if whole else "month",
                "kind": raw["kind"],
                "event": ours["event"],
                "value": ours["value"] or None,
                "confidence": raw["confidence"],
                "source": sources.page(raw["source_url"], f"Milestone of {raw['date']}"),
                "known_at": date if whole else dt.date(date.year + date.month // 12, date.month % 12 + 1, 1),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None).sort("date", "event")
