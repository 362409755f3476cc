"""Headline and key takeaways: each sentence is assembled from figures and is there only where they bear it out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence

from hashdesk.calendar import Period
from hashdesk.metrics.changes import round_threshold_crossed
from hashdesk.note.format import format_interval, format_month, format_power_price, format_value
from hashdesk.note.model import AssumptionRef, Company, Event, Figure, Scalar, Table, Takeaway

_ORDINALS = ("", "", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_LARGE_SHARE_OF_CHANGE = 0.5
"""Companies are named as the movers until they add up to this share of the change."""

_NAMED_SHARE_OF_CHANGE = 0.005
"""Effects below this share of the change are left to the table."""

STALE_VOLUME_DAYS = 70
"""A volume whose month began longer before the period is not worth a sentence."""

LEAST_MONTHS_FOR_A_HIGH = 3


def build_takeaways(
    figures: Sequence[Figure],
    companies: Sequence[Company],
    events: Sequence[Event],
    tables: Mapping[str, Table],
    assumptions: Sequence[AssumptionRef],
    period: Period,
) -> tuple[str, tuple[Takeaway, ...]]:
    """The headline and the key takeaways of a period, in the order of the note."""
    by_id = {figure.id: figure for figure in figures}
    candidates = [
        _valuation(by_id, tables, period),
        _movers(by_id, companies),
        _breadth(by_id),
        _hashrate(by_id),
        _revenue(by_id, tables),
        _gross_profit(by_id, assumptions),
        _divergence(by_id),
        _opportunity(by_id),
        _pivot(events, companies, tables),
        _volumes(by_id, tables, period),
        _flows(by_id),
        _retarget(by_id),
    ]
    takeaways = tuple(item for item in candidates if item is not None)
    return _headline(by_id, period), takeaways


def verb(change: float) -> str:
    """``rose``, ``fell`` or ``held``."""
    return "rose" if change > 0 else "fell" if change < 0 else "held"


def ordinal(count: int) -> str:
    """2 as ``second``; beyond ten in digits.

    Examples
    --------
    >>> ordinal(2), ordinal(12), ordinal(21)
    ('second', '12th', '21st')
    """
    if 1 < count < len(_ORDINALS):
        return _ORDINALS[count]
    ending = "th" if count % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count}{ending}"


def join_words(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _percent(value: float) -> str:
    return format_value(abs(value), "fraction")


def _threshold(figure: Figure) -> float | None:
    """A round number that the figure passed for the first time in our history."""
    record = figure.record
    if not isinstance(figure.value, float) or record is None or record.kind != "high" or record.since is not None:
        return None
    return None if record.previous is None else round_threshold_crossed(figure.value, record.previous)


def _is_beyond(figure: Figure, threshold: float) -> bool:
    """The whole interval lies above the threshold, not the estimate alone."""
    return figure.interval is not None and figure.interval.low >= threshold


def _threshold_text(threshold: float, unit: str) -> str:
    """A round number without digits after the point: ``USD 50bn``."""
    return format_value(threshold, unit).replace(".0bn", "bn").replace(".00tn", "tn")


def _headline(figures: Mapping[str, Figure], period: Period) -> str:
    """The two figures that readers look for first, and the tension between them where there is one."""
    cap, revenue = figures["market_cap_usd"], figures["block_reward_revenue_usd_per_ehs_day"]
    parts = []
    if cap.value is not None and cap.change_frac is None:
        parts.append(f"Miners' combined market cap stood at {format_value(cap.value, 'USD')}")
    elif cap.value is not None and cap.change_frac is not None:
        record = cap.record
        high = record is not None and record.kind == "high" and record.since is None
        since = f", a record in data from {format_month(record.history_start)}," if record and high else ""
        parts.append(
            f"Miners' combined market cap {verb(cap.change_frac)} {_percent(cap.change_frac)} to "
            f"{format_value(cap.value, 'USD')}{since}"
        )
    if revenue.value is not None and revenue.change_frac is not None:
        what = "daily revenue per EH/s" if parts else "Daily block-reward revenue per EH/s"
        moved = f"{verb(revenue.change_frac)} {_percent(revenue.change_frac)} to"
        if revenue.is_significant is False:
            moved = "was little changed (within noise) at"
        parts.append(f"{what} {moved} {format_value(revenue.value, 'USD')}")
    if not parts:
        return f"Bitcoin mining in {period.title}: the figures behind the headline are missing"
    opposed = len(parts) == 2 and (cap.change_frac or 0) * (revenue.change_frac or 0) < 0
    opposed = opposed and revenue.is_significant is not False
    return (" while " if opposed else " and ").join(parts).removesuffix(",")


def _valuation(figures: Mapping[str, Figure], tables: Mapping[str, Table], period: Period) -> Takeaway | None:
    cap, count = figures["market_cap_usd"], figures["n_companies"]
    if cap.value is None or cap.change is None or cap.change_frac is None:
        return None
    text = (
        f"Combined market cap of the {count.value} tracked miners {verb(cap.change)} {_percent(cap.change_frac)} to "
        f"{format_value(cap.value, 'USD')}"
    )
    if cap.record:
        text += f", the {cap.record.text}"
    threshold = _threshold(cap)
    if threshold:
        text += f" and the first month-end in it above {_threshold_text(threshold, 'USD')}"
    effects = {row["period_start"]: row for row in tables["market_cap"].records()}.get(period.start)
    if effects and effects["price_effect_usd"] is not None:
        named = (
            ("prices", effects["price_effect_usd"]),
            ("new share counts", effects["share_effect_usd"]),
            ("changes of the list", effects["universe_effect_usd"]),
        )
        pieces = [
            f"{name} by {format_value(value, 'USD', signed=True)}"
            for name, value in named
            if isinstance(value, float) and abs(value) >= _NAMED_SHARE_OF_CHANGE * abs(cap.change)
        ]
        if pieces:
            first, *others = pieces
            text += f". {join_words([first[0].upper() + first[1:].replace(' by ', ' moved it by ', 1), *others])}"
    return Takeaway(f"{text}.", ("market_cap_usd", "n_companies"))


def _movers(figures: Mapping[str, Figure], companies: Sequence[Company]) -> Takeaway | None:
    change = figures["market_cap_usd"].change
    known = [c for c in companies if c.contribution_usd is not None]
    if not change or len(known) != len(companies):
        return None
    sign = 1 if change > 0 else -1
    ranked = sorted(known, key=lambda c: -sign * (c.contribution_usd or 0))
    named, total = [], 0.0
    for company in ranked:
        named.append(company)
        total += company.contribution_usd or 0
        if total / change >= _LARGE_SHARE_OF_CHANGE:
            break
    if len(named) > 4:
        return None
    words = [f"{c.ticker} ({format_value(c.contribution_usd, 'USD', signed=True)})" for c in named]
    return Takeaway(
        f"{join_words(words)} {'made' if len(named) > 1 else 'alone made'} up {_percent(total / change)} of the change "
        "in combined market cap.",
        ("market_cap_usd",),
    )


def _breadth(figures: Mapping[str, Figure]) -> Takeaway | None:
    beat, count, btc = figures["n_outperforming_btc"], figures["n_companies"], figures["btc_return_frac"]
    top, bottom = figures["top_performer"], figures["bottom_performer"]
    if beat.value is None or btc.value is None or top.return_frac is None or bottom.return_frac is None:
        return None
    number = "None" if beat.value == 0 else str(beat.value)
    return Takeaway(
        f"{number} of {count.value} beat bitcoin ({format_value(btc.value, 'fraction', signed=True)}): {top.value} led "
        f"with {format_value(top.return_frac, 'fraction', signed=True)}, {bottom.value} came last with "
        f"{format_value(bottom.return_frac, 'fraction', signed=True)}.",
        ("n_outperforming_btc", "n_companies", "btc_return_frac", "top_performer", "bottom_performer"),
    )


def _hashrate(figures: Mapping[str, Figure]) -> Takeaway | None:
    hashrate = figures["network_hashrate_ehs"]
    if hashrate.value is None or hashrate.change is None or hashrate.change_frac is None:
        return None
    text = (
        f"Network hashrate averaged {format_value(hashrate.value, 'EH/s')} (95%: {format_interval(hashrate)}), "
        f"{'up' if hashrate.change > 0 else 'down'} {format_value(abs(hashrate.change), 'EH/s')} or "
        f"{_percent(hashrate.change_frac)}"
    )
    if hashrate.is_significant is False:
        return Takeaway(
            f"{text}: within noise (z {hashrate.z:+.1f}), so the blocks found do not show that hashrate moved.",
            ("network_hashrate_ehs",),
            "noise",
        )
    if hashrate.is_significant:
        text += f", more than luck in finding blocks explains (z {hashrate.z:+.1f})"
    threshold = _threshold(hashrate)
    if threshold and _is_beyond(hashrate, threshold):
        text += f"; the first month above {format_value(threshold, 'EH/s')}"
    elif threshold:
        text += f"; the estimate passes {format_value(threshold, 'EH/s')} for the first time, its interval does not"
    elif hashrate.record:
        text += f"; {hashrate.record.text}"
    return Takeaway(f"{text}.", ("network_hashrate_ehs",))


def _revenue(figures: Mapping[str, Figure], tables: Mapping[str, Table]) -> Takeaway | None:
    revenue = figures["block_reward_revenue_usd_per_ehs_day"]
    if revenue.value is None or revenue.change is None or revenue.change_frac is None:
        return None
    text = (
        f"One EH/s earned {format_value(revenue.value, 'USD')} a day in block rewards, {_percent(revenue.change_frac)} "
        f"{'more' if revenue.change > 0 else 'less'} than the month before"
    )
    is_noise = revenue.is_significant is False
    if is_noise:
        text += ", within the noise of the block count"
    elif revenue.streak and revenue.streak > 1:
        text += f", the {ordinal(revenue.streak)} monthly {'rise' if revenue.change > 0 else 'fall'} in a row"
    split = tables["revenue_split"].records()
    if split and split[-1]["period_start"] == revenue.period_start and split[-1]["change_frac"] is not None:
        last = split[-1]
        parts = []
        for name, column in (("price", "price_frac"), ("hashrate", "hashrate_frac"), ("subsidy", "reward_frac")):
            value = last[column]
            if isinstance(value, float) and abs(value) >= 0.0005:
                parts.append(f"{name} {value * 100:+.1f} points")
        if parts:
            text += f": {join_words(parts)}"
    if revenue.record and not is_noise:
        text += f". It is the {revenue.record.text}"
    return Takeaway(f"{text}.", ("block_reward_revenue_usd_per_ehs_day",), "noise" if is_noise else "fact")


def _gross_profit(figures: Mapping[str, Figure], assumptions: Iterable[AssumptionRef]) -> Takeaway | None:
    profit, margin = figures["block_reward_gross_profit_usd_per_ehs_day"], figures["gross_margin_frac"]
    cost = figures["power_cost_usd_per_ehs_day"]
    if profit.value is None or profit.change is None or cost.value is None:
        return None
    by_id = {item.id: item for item in assumptions}
    price, efficiency = by_id.get("power_price_usd_per_mwh"), by_id.get("efficiency_j_per_th")
    at = ""
    if price and efficiency:
        at = f" at {format_power_price(price.value)} and {format_value(efficiency.value, 'J/TH')}"
    moved = (
        f"{_percent(profit.change_frac)} {'more' if profit.change > 0 else 'less'} than the month before"
        if profit.change_frac is not None
        else f"{format_value(profit.change, 'USD', signed=True)} against the month before"
    )
    if profit.is_significant is False:
        moved += ", within the noise of the block count"
    left = "was left" if isinstance(profit.value, float) and profit.value >= 0 else "was the result"
    return Takeaway(
        f"After power{at}, {format_value(profit.value, 'USD')} {left} (95%: {format_interval(profit)}), {moved}; gross "
        f"margin {format_value(margin.value, 'fraction')}.",
        ("block_reward_gross_profit_usd_per_ehs_day", "power_cost_usd_per_ehs_day", "gross_margin_frac"),
    )


def _divergence(figures: Mapping[str, Figure]) -> Takeaway | None:
    cap, profit = figures["market_cap_usd"], figures["block_reward_gross_profit_usd_per_ehs_day"]
    if cap.change_frac is None or profit.change_frac is None or cap.change_frac * profit.change_frac >= 0:
        return None
    if not profit.is_significant:
        return None
    return Takeaway(
        f"Valuation and mining profit parted: market cap {verb(cap.change_frac)} {_percent(cap.change_frac)} while "
        f"gross profit per EH/s {verb(profit.change_frac)} {_percent(profit.change_frac)}, beyond what luck in "
        "finding blocks explains.",
        ("market_cap_usd", "block_reward_gross_profit_usd_per_ehs_day"),
        "tension",
    )


def _opportunity(figures: Mapping[str, Figure]) -> Takeaway | None:
    ratio, value = figures["market_cap_to_opportunity_x"], figures["block_reward_opportunity_4y_usd"]
    if ratio.value is None or ratio.prior is None:
        return None
    return Takeaway(
        f"The tracked miners were worth {format_value(ratio.value, 'x')} the whole network's block subsidy of the next "
        f"four years ({format_value(value.value, 'USD')} at the last price), against "
        f"{format_value(ratio.prior, 'x')} a month before.",
        ("market_cap_to_opportunity_x", "block_reward_opportunity_4y_usd"),
    )


def _pivot(events: Sequence[Event], companies: Sequence[Company], tables: Mapping[str, Table]) -> Takeaway | None:
    """New contracts of the period; the figures behind them stand in the table of contracts."""
    tracked = {company.ticker for company in companies if company.market_cap_usd is not None}
    deals = [row for row in tables["hpc_contracts"].records() if row["is_in_period"]]
    leases = [_deal_words(row, tracked) for row in deals if not row["is_cloud"]]
    clouds = [_deal_words(row, tracked) for row in deals if row["is_cloud"]]
    named = {str(row["ticker"]) for row in deals if row["is_cloud"]}
    news = sorted({t for e in events if e.kind == "cloud_expansion" for t in e.tickers} - named)
    parts = []
    if leases:
        parts.append(f"AI/HPC leases announced in the period: {join_words(leases)}")
    if clouds:
        parts.append(f"GPU cloud contracts, hardware included: {join_words(clouds)}")
    if news:
        parts.append(f"GPU cloud news from {join_words(news)}")
    return Takeaway(f"{'; '.join(parts)}.", ()) if parts else None


def _deal_words(row: Mapping[str, Scalar], tracked: Collection[str]) -> str:
    rate, share = row["revenue_usd_m_per_mw_year"], row["jv_share_frac"]
    is_gross = row["mw_basis"] == "gross"
    load = row["gross_mw"] if is_gross else row["critical_it_mw"]
    details = []
    if load is not None:
        details.append(f"{format_value(load, 'MW')}{' gross' if is_gross else ''}")
    if row["contract_value_usd"] is not None:
        details.append(format_value(row["contract_value_usd"], "USD"))
    if isinstance(rate, float):
        details.append(f"{format_value(rate, 'USDm/MW-year')} per {'gross ' if is_gross else ''}MW and year")
    if isinstance(share, float):
        details.append(f"{format_value(share, 'fraction')} of the venture owned")
    if row["ticker"] not in tracked:
        details.append("not tracked")
    return f"{row['ticker']} with {row['counterparty']}" + (f" ({', '.join(details)})" if details else "")


def _volumes(figures: Mapping[str, Figure], tables: Mapping[str, Table], period: Period) -> Takeaway | None:
    """The latest month with a volume; one that is not the period's own is said to be so."""
    rows = [row for row in tables["volumes"].records() if isinstance(row["month"], dt.date)]
    if not rows:
        return None
    last = rows[-1]
    month = last["month"]
    assert isinstance(month, dt.date)
    if (period.start - month).days > STALE_VOLUME_DAYS:
        return None
    own = figures["crypto_trading_volume_usd"]
    missing = "" if own.value is not None else f"No trading volume of {period.title} is in the store; the latest: "
    text = (
        f"{missing}{'c' if missing else 'C'}rypto trading volume on centralised exchanges was "
        f"{format_value(last['crypto_trading_volume_usd'], 'USD')} in {format_month(month)}"
    )
    if last["change_frac"] is not None:
        how = " as published" if last["is_change_published"] else ""
        text += f" ({format_value(last['change_frac'], 'fraction', signed=True)} on the month{how})"
    year = [row for row in rows if isinstance(row["month"], dt.date) and row["month"].year == month.year]
    if len(year) >= LEAST_MONTHS_FOR_A_HIGH:
        high = max(year, key=lambda row: float(row["crypto_trading_volume_usd"] or 0))  # type: ignore[arg-type]
        known = f"of the {len(year)} months of {month.year} with a figure"
        if high["month"] == month:
            text += f", the highest {known}"
        else:
            value = format_value(high["crypto_trading_volume_usd"], "USD")
            text += f"; {format_month(high['month'])} with {value} is the highest {known}"  # type: ignore[arg-type]
    return Takeaway(f"{text}.", ("crypto_trading_volume_usd",) if own.value is not None else ())


def _flows(figures: Mapping[str, Figure]) -> Takeaway | None:
    flow, assets = figures["btc_etf_net_flow_usd"], figures["ibit_aum_usd"]
    if not isinstance(flow.value, float):
        return None
    text = (
        f"US spot bitcoin ETFs took in {format_value(flow.value, 'USD')} net"
        if flow.value >= 0
        else f"US spot bitcoin ETFs lost {format_value(-flow.value, 'USD')} net"
    )
    ids = ["btc_etf_net_flow_usd"]
    if assets.value is not None:
        text += f"; IBIT held about {format_value(assets.value, 'USD')} at the end"
        ids.append("ibit_aum_usd")
    return Takeaway(f"{text}.", tuple(ids))


def _retarget(figures: Mapping[str, Figure]) -> Takeaway | None:
    retarget, difficulty = figures["next_difficulty_change_frac"], figures["difficulty"]
    if retarget.value is None or retarget.interval is None:
        return None
    return Takeaway(
        f"Difficulty ended at {format_value(difficulty.value, 'difficulty')}; at the epoch's pace so far the next "
        f"adjustment would be {format_value(retarget.value, 'fraction', signed=True)} "
        f"(95%: {format_interval(retarget)}).",
        ("next_difficulty_change_frac", "difficulty"),
    )
