"""Market context and mining hardware: volumes, ETF flows and assets, machines."""

from __future__ import annotations

import datetime as dt
import re

import polars as pl

from hashdesk.archive.common import Checks, Sources, month_after, month_start, number
from hashdesk.archive.reading import RawFolder
from hashdesk.archive.words import RANK_DAYS

VOLUME_REPORT_DAY = 10
"""A month's volume counts as known on this day of the next month where no publication day is at hand."""
HISTORY_ARTICLE = dt.date(2025, 5, 10)
"""The months to April 2025 are quoted from one article of May 2025, so nothing earlier may use them."""

VOLUME_NOTES = {
    "2024-02": "only 'about 8' is quoted, so no number",
    "2024-03": "restated by the publisher: about 9.0 in June 2024, 11.7 implied in April 2024; no number",
    "2024-04": "as printed before the restatement",
    "2025-07": "August's volume over one plus its published change; no July report at hand",
    "2025-09": "with the published change, implies that August was restated to 9.84",
}


def volumes(folder: RawFolder, sources: Sources) -> pl.DataFrame:
    """Monthly volume of centralised exchanges with the change as printed."""
    rows = []
    for raw in folder.rows("market/volumes.csv"):
        month = month_start(raw["month"])
        change = re.fullmatch(r"([+-][\d.]+)% m/m", raw["published_change"])
        from_history = "bizandtech" in raw["source"]
        is_derived = raw["source"].startswith("derived")
        known_at = month_after(month).replace(day=VOLUME_REPORT_DAY)
        if is_derived:
            known_at = month_after(month_after(month)).replace(day=VOLUME_REPORT_DAY)
        rows.append(
            {
                "month": month,
                "combined_usd_tn": number(raw["combined_usd_tn"]),
                "spot_usd_tn": number(raw["spot_usd_tn"]),
                "derivatives_usd_tn": number(raw["derivatives_usd_tn"]),
                "published_change_frac": round(float(change[1]) / 100, 6) if change else None,
                "basis": "derived" if is_derived else "reported",
                "note": VOLUME_NOTES.get(raw["month"]),
                "source": "volumes-derived" if is_derived else sources.page(raw["source"], "Exchange volume reviews"),
                "known_at": max(known_at, HISTORY_ARTICLE) if from_history else known_at,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None).sort("month")


def etf_flows(folder: RawFolder, checks: Checks) -> pl.DataFrame:
    """Net flow of the US spot bitcoin ETFs by day and fund, and in total."""
    wide = folder.frame("market/btc_etf_flows.csv")
    funds = [name for name in wide.columns if name not in ("date", "total")]
    gaps = (wide.select(pl.sum_horizontal(funds)).to_series() - wide["total"]).abs().drop_nulls().to_list()
    checks.that(f"fund flows add up to the total (largest gap {max(gaps, default=0):.1f}m)", max(gaps, default=0) < 1.0)
    return (
        wide.unpivot(on=[*funds, "total"], index="date", variable_name="ticker", value_name="flow")
        .with_columns(net_flow_usd=(pl.col("flow").cast(pl.Float64) * 1e6).round(0))
        .select(
            "date",
            "ticker",
            "net_flow_usd",
            source=pl.lit("farside-flows"),
            known_at=pl.col("date").dt.offset_by("1d"),
        )
        .sort("date", "ticker")
    )


def etf_assets(folder: RawFolder, sources: Sources) -> pl.DataFrame:
    """Assets, coins and shares of ETFs: published quotes and month-end estimates of IBIT."""
    rows = []
    last_source = ""
    found = folder.rows("market/etf.csv")
    n_ranks = sum(raw["metric"] == "us_etf_rank" for raw in found)
    folder.leave_out("market/etf.csv", "ranks belong into etf_ranks.csv", n_ranks)
    for raw in found:
        text = last_source if raw["source"] == "same" else raw["source"]
        last_source = text
        date = dt.date.fromisoformat(raw["date"])
        is_estimate = raw["metric"] == "aum_usd_estimate"
        if raw["metric"] == "us_etf_rank":
            continue
        if is_estimate:
            source, basis, note = "ibit-assets-estimate", "estimated", None
        elif raw["metric"] == "cumulative_net_flow_usd":
            source, basis, note = "farside-flows", "derived", None
        elif "isaergun" in text:
            source, basis, note = "etf-assets-51-funds", "reported", "a list of about 50 funds, not the whole market"
        else:
            note = "day approximate" if "approx" in text else None
            basis, source = "reported", sources.page(text, f"Quote of {raw['ticker']} assets, {raw['date']}")
        rows.append(
            {
                "date": date,
                "ticker": raw["ticker"],
                "metric": raw["metric"],
                "value": float(raw["value"]),
                "basis": basis,
                "note": note,
                "source": source,
                "known_at": date + dt.timedelta(days=45 if raw["metric"] == "shares_outstanding" else 1),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None).sort("date", "ticker", "metric")


def etf_ranks(folder: RawFolder, sources: Sources) -> pl.DataFrame:
    """Scattered published ranks and assets of the largest ETFs."""
    rows = []
    for raw in folder.rows("market/etf_ranks.csv"):
        date = RANK_DAYS.get(raw["date"]) or dt.date.fromisoformat(raw["date"])
        notes = []
        if raw["date"] in RANK_DAYS or "approximate" in raw["note"]:
            notes.append("day approximate")
        if "worldwide" in raw["note"]:
            notes.append("rank among all ETFs of the world, not of the US")
        if raw["rank"].startswith(">"):
            notes.append(f"rank printed as worse than {raw['rank'][1:]}")
        if "inferred" in raw["note"]:
            notes.append("day inferred; assets printed as above this")
        if "contradicts" in raw["note"] or "stale" in raw["note"]:
            notes.append("blog; part of its table contradicts other sources")
        if "captured" in raw["note"]:
            notes.append("day of capture; places 11-30 are cut out of it")
        rows.append(
            {
                "date": date,
                "rank": int(raw["rank"]) if raw["rank"].isdigit() else None,
                "ticker": raw["ticker"],
                "aum_usd": float(raw["aum_usd"]),
                "note": "; ".join(notes) or None,
                "source": sources.page(raw["source_url"], f"Largest ETFs, {raw['date']}"),
                "known_at": date,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None).sort("date", "rank", "ticker", "source", nulls_last=True)


_MAKERS = {
    "": None,
    "Whatsminer": "MicroBT",
    "Bitmain": "Bitmain",
}
_LIST_DAY = {
    "CambridgeAltFin/ccaf_cbeci_api": dt.date(2020, 5, 31),
    "mattk8/mining-data": dt.date(2020, 3, 31),
    "SerpentXSF/most-efficient-bitcoin-miner": dt.date(2026, 8, 31),
    "marceloceccon/bitcoinmining": dt.date(2026, 8, 31),
}
_LIST_SOURCE = {
    "CambridgeAltFin/ccaf_cbeci_api": "asic-list-cbeci",
    "mattk8/mining-data": "asic-list-f2pool",
    "SerpentXSF/most-efficient-bitcoin-miner": "asic-list-serpent",
    "marceloceccon/bitcoinmining": "asic-list-unsourced",
}
_RANK = {"high": 0, "medium": 1, "low": 2}
_PRECISION = {"day": 0, "month": 1, "year": 2}


def _model_key(manufacturer: str, model: str) -> str:
    """A model's name without what lists write differently: maker, case, spacing, "miner", cooling words."""
    name = model.lower().replace("hydro", "hyd").replace("imm.", "imm").replace("immersion", "imm")
    name = re.sub(r"\(.*?\)", "", name)
    for word in (manufacturer.lower(), "antminer", "whatsminer", "avalonminer", "avalon", "sealminer", "miner"):
        name = name.replace(word, "")
    name = re.sub(r"\b\d+(\.\d+)?\s*th?\b(/s)?", "", name)
    return re.sub(r"[^a-z0-9+]", "", name)


def _release(text: str) -> tuple[dt.date | None, str | None]:
    """Release day and how sharply it is known."""
    parts = text.split("-") if text else []
    if len(parts) == 3 and parts[2] != "01":
        return dt.date.fromisoformat(text), "day"
    if len(parts) >= 2:
        return dt.date(int(parts[0]), int(parts[1]), 1), "month"
    return (dt.date(int(parts[0]), 1, 1), "year") if parts else (None, None)


def _public_by(released: dt.date | None, precision: str | None, listed: dt.date) -> dt.date:
    """First day on which a machine was surely on sale: the end of the span its release is known to."""
    if released is None:
        return listed
    if precision == "day":
        return released
    return month_after(released) if precision == "month" else dt.date(released.year + 1, 1, 1)


def _asic_rows(folder: RawFolder, sources: Sources) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    listed = folder.rows("network/asic_models.csv", optional=True)
    usable = [raw for raw in listed if "do not use" not in raw["note"] and raw["segment"] != "generic-era"]
    why = "not to be used by their own note, or an era instead of a machine"
    folder.leave_out("network/asic_models.csv", why, len(listed) - len(usable))
    for raw in usable:
        released, precision = _release(raw["release"])
        rows.append(
            {
                "manufacturer": _MAKERS.get(raw["manufacturer"], raw["manufacturer"]) or "unknown",
                "model": raw["model"].strip(),
                "hashrate_ths": number(raw["hashrate_ths"]),
                "power_w": number(raw["power_w"]),
                "efficiency_j_per_th": number(raw["efficiency_jth"]),
                "cooling": raw["cooling"] or None,
                "segment": raw["segment"] or None,
                "released_on": released,
                "release_precision": precision,
                "status": raw["status"] or None,
                "confidence": raw["confidence"],
                "source": _LIST_SOURCE[raw["source"]],
                "known_at": _public_by(released, precision, _LIST_DAY[raw["source"]]),
            }
        )
    for raw in folder.rows("company/asic_models.csv", optional=True):
        released, precision = _release(raw["released"] or raw["released_year"])
        rows.append(
            {
                "manufacturer": raw["manufacturer"],
                "model": raw["model"].strip(),
                "hashrate_ths": number(raw["hashrate_ths"]),
                "power_w": number(raw["power_w"]),
                "efficiency_j_per_th": number(raw["efficiency_j_th"]),
                "cooling": raw["cooling"].lower() or None,
                "segment": "home" if "home miner" in raw["note"] else "industrial",
                "released_on": released,
                "release_precision": precision,
                "status": "announced" if "shipping scheduled" in raw["note"] else None,
                "confidence": raw["confidence"],
                "source": sources.page(raw["source_url"], f"Specification of {raw['model']}"),
                "known_at": _public_by(released, precision, dt.date(2026, 8, 31)),
            }
        )
    return rows


def asic_models(folder: RawFolder, sources: Sources) -> pl.DataFrame:
    """One row per model: the best trusted specification, the sharpest release date, from lists that overlap."""
    groups: dict[tuple[str, str], list[dict[str, object]]] = {}
    for row in _asic_rows(folder, sources):
        maker, model = str(row["manufacturer"]), str(row["model"])
        groups.setdefault((maker.lower(), _model_key(maker, model)), []).append(row)
    merged = []
    for rows in groups.values():
        # Bins of one model differ in efficiency by design; only rows within 3% are one specification.
        rows.sort(key=lambda row: (float(row["efficiency_j_per_th"]), str(row["model"])))  # type: ignore[arg-type]
        cluster: list[dict[str, object]] = []
        for row in rows:
            if cluster and float(row["efficiency_j_per_th"]) > 1.03 * float(cluster[0]["efficiency_j_per_th"]):  # type: ignore[arg-type]
                merged.append(_merge(cluster))
                cluster = []
            cluster.append(row)
        merged.append(_merge(cluster))
    return pl.DataFrame(merged, infer_schema_length=None).sort("manufacturer", "efficiency_j_per_th", "model", "source")


def _merge(rows: list[dict[str, object]]) -> dict[str, object]:
    """One specification from several: the best trusted row, its gaps and its release filled from the others."""
    ordered = sorted(
        rows, key=lambda row: (_RANK[str(row["confidence"])], row["hashrate_ths"] is None, str(row["source"]))
    )
    best = dict(ordered[0])
    for row in ordered[1:]:
        for name in ("hashrate_ths", "power_w"):
            if best["hashrate_ths"] is None and row["hashrate_ths"] is not None:
                best["hashrate_ths"], best["power_w"] = row["hashrate_ths"], row["power_w"]
            best[name] = best[name] if best[name] is not None else row[name]
        for name in ("cooling", "segment", "status"):
            best[name] = best[name] or row[name]
    dated = [row for row in ordered if row["released_on"] is not None]
    if dated:
        sharpest = min(
            dated, key=lambda row: (_PRECISION[str(row["release_precision"])], _RANK[str(row["confidence"])])
        )
        best["released_on"], best["release_precision"] = sharpest["released_on"], sharpest["release_precision"]
        best["known_at"] = sharpest["known_at"]
    return best
