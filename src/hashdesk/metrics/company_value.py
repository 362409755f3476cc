"""Facts of one company's month: what its shares were worth, from what was public on the last day."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from hashdesk.calendar import Period
from hashdesk.metrics.company_facts import Fact, age_months, fact_of
from hashdesk.metrics.company_operations import HASHRATE_KINDS, KIND_LABELS, Ground, finite, realized_fact
from hashdesk.metrics.decomposition import (
    LEASE_SCHEMA,
    CapParts,
    after_halving_frac,
    lease_values,
    mining_value_usd,
)
from hashdesk.metrics.enterprise_value import Bridge, enterprise_bridge
from hashdesk.metrics.equities import STALE_SHARES_DAYS
from hashdesk.metrics.valuation import cap_to_own_opportunity_x, ev_usd_per_ehs, ev_usd_per_mw, mnav_x
from hashdesk.units import BLOCKS_PER_HALVING, TARGET_BLOCKS_PER_DAY

LeaseRow: TypeAlias = Mapping[str, Any]
"""Leases of one company, schema ``LEASE_SCHEMA``."""

LEASE_FACTS = (
    ("hpc_value_usd", "AI/HPC leases, less capital to be spent"),
    ("hpc_noi_pv_usd", "of it: contracted operating income, present value"),
    ("hpc_residual_pv_usd", "of it: buildings after the leases, present value"),
    ("hpc_capex_left_usd", "of it: capital still to be spent, taken off"),
)

KIND_WORDS = {
    "realized_hashrate_ehs": "realised",
    "operating_hashrate_ehs": "operating",
    "energized_hashrate_ehs": "energised",
}

POWER_MAX_AGE_MONTHS = 12.0
"""Sites change slowly, and their power is stated once a year by some [months]."""

LEAST_NAV_FRAC = 0.01
"""A company whose coins are worth less of its market cap is not priced by them: it has no mNAV [fraction]."""


@dataclass(frozen=True, slots=True)
class Valued:
    """A company's value on the last day of a month, from what was public then."""

    facts: Mapping[str, Fact]
    bridge: Bridge
    parts: CapParts | None
    mining_low_usd: float | None


def hpc_by_company(ground: Ground, day: dt.date) -> Mapping[str, LeaseRow]:
    """Value of signed leases by company on a day."""
    frame = lease_values(ground.hpc_contracts, day, ground.assumptions, ground.hpc_deliveries)
    return {row["ticker"]: row for row in frame.iter_rows(named=True)}


def value_facts(ground: Ground, ticker: str, period: Period, hpc: Mapping[str, LeaseRow]) -> Valued:
    """What the shares were worth at the month's end, and what that is made of.

    Parameters
    ----------
    ground : Ground
        Tables, network and market.
    ticker : str
        Company.
    period : Period
        Whole month; every fact was public by its last day.
    hpc : mapping
        From :func:`hpc_by_company`.

    Returns
    -------
    Valued
    """
    market, day, age = ground.market, period.last_day, ground.max_age_months
    close, shares = market.close(ticker, day), market.shares(ticker, day)
    row = ground.monthly.get(period.start, {})
    btc_price = row.get("btc_price_end_usd")
    facts: dict[str, Fact] = {}
    facts["close_usd"] = (
        Fact("close_usd", "Close", None, "USD", missing="no close on the month's last trading day in the tables")
        if close is None
        else Fact(
            "close_usd",
            "Close",
            close.close_usd,
            "USD",
            close.date,
            close.date,
            (day - close.date).days,
            (close.source,),
            "reported",
        )
    )
    facts["shares_outstanding"] = (
        Fact("shares_outstanding", "Shares outstanding", None, "shares", missing="no count was public on the day")
        if shares is None
        else Fact(
            "shares_outstanding",
            "Shares outstanding",
            shares.shares_outstanding,
            "shares",
            shares.as_of,
            shares.known_at,
            (day - shares.as_of).days,
            (shares.source,),
            "reported",
            note=f"{shares.form}, confidence {shares.confidence}"
            + ("; older than a quarter and its filing" if (day - shares.as_of).days > STALE_SHARES_DAYS else ""),
        )
    )
    cap = close.close_usd * shares.shares_outstanding if close and shares else None
    bridge = enterprise_bridge(
        ticker, day, close.close_usd if close else None, ground.book, ground.debts, max_age_months=age
    )
    net_debt = bridge.net_debt_usd
    enterprise = cap + net_debt if cap is not None and net_debt is not None else None
    held = ground.book.latest(ticker, "holdings_btc", day, day)
    holdings = held.value if held is not None and age_months(held.as_of, day) <= age else None
    hashrates = _known_hashrates(ground, ticker, day)
    used = next((hashrates[kind] for kind in HASHRATE_KINDS if _counts(hashrates[kind])), None)
    opportunity, network = row.get("block_reward_opportunity_4y_usd"), row.get("network_hashrate_ehs")
    share = used.value / network if used is not None and used.value is not None and network else None
    margin, coins_4y = row.get("gross_margin_frac"), row.get("four_year_subsidy_btc")
    mining = mining_low = None
    if share is not None and opportunity is not None and margin is not None and coins_4y is not None:
        pace = TARGET_BLOCKS_PER_DAY * 50.0 * 0.5 ** (int(row["height_last"] or 0) // BLOCKS_PER_HALVING)
        worth = mining_value_usd(share, opportunity, margin, after_halving_frac(coins_4y, pace))
        mining, mining_low = float(worth.value_usd), float(worth.low_usd)
    bitcoin = holdings * btc_price if holdings is not None and btc_price is not None else None
    lease: LeaseRow = hpc.get(ticker, dict.fromkeys(LEASE_SCHEMA))
    parts = None if cap is None else CapParts(cap, mining, bitcoin, lease["hpc_value_usd"], net_debt)

    def put(fact_id: str, label: str, value: float | None, unit: str, missing: str, note: str, *of: Fact) -> None:
        inputs = [fact for fact in of if fact.as_of is not None]
        if value is None or not math.isfinite(value):
            facts[fact_id] = Fact(fact_id, label, None, unit, missing=missing)
            return
        oldest = min((fact.as_of for fact in inputs if fact.as_of), default=day)
        sources = tuple(dict.fromkeys(source for fact in inputs for source in fact.sources))
        facts[fact_id] = Fact(
            fact_id, label, value, unit, as_of=oldest, age_days=(day - oldest).days, sources=sources, note=note
        )

    sheet = _sheet_fact(bridge, day)
    shown = (facts["close_usd"], facts["shares_outstanding"])
    leases = _lease_fact(lease)
    coins = fact_of("holdings_btc", "", "BTC", held, day, missing="", max_age_months=age)
    no_cap, no_ev = "needs a close and a count of shares", "; ".join(bridge.missing) or "needs a market cap"
    put("market_cap_usd", "Market cap", cap, "USD", no_cap, "", *shown)
    put("net_debt_usd", "Net debt", net_debt, "USD", no_ev, "; ".join(bridge.missing), sheet)
    put(
        "enterprise_value_usd",
        "Enterprise value",
        enterprise,
        "USD",
        "needs net debt" if cap is not None else no_cap,
        "",
        sheet,
        *shown,
    )
    for kind in HASHRATE_KINDS[::-1]:
        fact = hashrates[kind]
        value = finite(ev_usd_per_ehs(enterprise, fact.value)) if enterprise is not None and _counts(fact) else None  # type: ignore[arg-type]
        name = f"ev_usd_per_{kind.removesuffix('_hashrate_ehs')}_ehs"
        put(
            name,
            f"EV per EH/s, {KIND_WORDS[kind]}",
            value,
            "USD/EH/s",
            "needs EV and this hashrate",
            "",
            fact,
            sheet,
            *shown,
        )
    power = ground.book.latest(ticker, "power_energized_mw", day, day)
    power_fact = fact_of("power_energized_mw", "", "MW", power, day, missing="", max_age_months=POWER_MAX_AGE_MONTHS)
    has_power = enterprise is not None and _counts(power_fact)
    put(
        "ev_usd_per_mw",
        "EV per MW in use",
        finite(ev_usd_per_mw(enterprise, power_fact.value)) if has_power else None,  # type: ignore[arg-type]
        "USD/MW",
        "needs EV and power in use",
        "",
        power_fact,
        sheet,
        *shown,
    )
    basic = diluted = None
    if cap is not None and holdings is not None and btc_price is not None:
        basic = finite(mnav_x(cap, holdings, btc_price))
        diluted = finite(mnav_x(cap, holdings, btc_price, bridge.converted_value_usd))
        if holdings * btc_price < LEAST_NAV_FRAC * cap:
            basic = diluted = None
    no_coins = "needs market cap and coins held"
    if holdings == 0:
        no_coins = "holds no bitcoin"
    elif cap is not None and holdings is not None and btc_price is not None:
        no_coins = f"coins are worth less than {LEAST_NAV_FRAC:.0%} of the market cap"
    put(
        "mnav_x",
        "mNAV, basic",
        basic,
        "x",
        no_coins,
        "",
        coins,
        *shown,
    )
    put(
        "mnav_diluted_x",
        "mNAV, diluted by convertibles",
        diluted,
        "x",
        no_coins,
        "",
        coins,
        *shown,
    )
    of_used = [used] if used is not None else []
    put(
        "cap_to_own_opportunity_x",
        "Market cap over own 4-year opportunity",
        finite(cap_to_own_opportunity_x(cap, share, opportunity)) if cap and share and opportunity else None,
        "x",
        "needs market cap and hashrate",
        used.label.lower() if used else "",
        *of_used,
        *shown,
    )
    put(
        "mining_value_usd",
        "Mining, four-year gross profit",
        mining,
        "USD",
        "needs a recent hashrate",
        used.label.lower() if used else "",
        *of_used,
    )
    if mining is not None and mining_low is not None:
        facts["mining_value_usd"] = replace(facts["mining_value_usd"], low=mining_low, high=mining, basis="estimated")
    put("bitcoin_value_usd", "Bitcoin held", bitcoin, "USD", "needs coins held", "", coins)
    n_unvalued = int(lease["n_contracts"] or 0) - int(lease["n_valued"] or 0)
    why_hpc = f"{n_unvalued} GPU cloud, or without value" if n_unvalued else "no lease signed by then"
    note_hpc = f"leaves out: {why_hpc}" if n_unvalued else ""
    for fact_id, label in LEASE_FACTS:
        put(fact_id, label, lease[fact_id], "USD", why_hpc, note_hpc if fact_id == "hpc_value_usd" else "", leases)
    put(
        "expectations_usd",
        "Expectations: what remains",
        parts.expectations_usd if parts else None,
        "USD",
        no_cap,
        _unknown_note(parts),
        *of_used,
        coins,
        leases,
        sheet,
        *shown,
    )
    put(
        "expectations_frac",
        "Expectations over market cap",
        parts.expectations_usd / cap if parts and cap and mining is not None else None,
        "fraction",
        "needs market cap and mining",
        _unknown_note(parts),
        *of_used,
        coins,
        leases,
        sheet,
        *shown,
    )
    return Valued(facts, bridge, parts, mining_low)


def _known_hashrates(ground: Ground, ticker: str, day: dt.date) -> dict[str, Fact]:
    """Each kind of hashrate as it was public on the day."""
    facts = {"realized_hashrate_ehs": realized_fact(ground, ticker, day, day)}
    for kind in HASHRATE_KINDS[1:]:
        found = ground.book.latest(ticker, kind, day, day)
        facts[kind] = fact_of(
            kind, KIND_LABELS[kind], "EH/s", found, day, missing="not known", max_age_months=ground.max_age_months
        )
    return facts


def _counts(fact: Fact) -> bool:
    return fact.value is not None and not fact.missing and fact.value > 0


def _sheet_fact(bridge: Bridge, day: dt.date) -> Fact:
    """The balance sheet behind a bridge, for its age and source."""
    lines = [line for line in bridge.lines if line.as_of is not None]
    oldest = min((line.as_of for line in lines if line.kind in ("cash", "other debt") and line.as_of), default=day)
    sources = tuple(dict.fromkeys(line.source for line in lines if line.source))
    return Fact("balance_sheet", "Balance sheet", None, "USD", as_of=oldest, sources=sources)


def _lease_fact(lease: LeaseRow) -> Fact:
    """The latest lease behind a value, for its age and sources."""
    sources = tuple(str(lease["sources"] or "").split("; ")) if lease["sources"] else ()
    as_of = lease["last_announced_on"]
    return Fact("leases", "Leases", None, "USD", as_of=as_of if isinstance(as_of, dt.date) else None, sources=sources)


def _unknown_note(parts: CapParts | None) -> str:
    if parts is None or not parts.unknown:
        return ""
    words = {"mining_value_usd": "mining", "bitcoin_value_usd": "bitcoin held", "net_debt_usd": "net debt"}
    return f"holds what is not known: {', '.join(words[name] for name in parts.unknown)}"
