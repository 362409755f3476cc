"""From market cap to enterprise value, instrument by instrument, with what was public on the day.

A convertible in the money counts as the shares it turns into; any other debt counts at face. Cash comes from the last
balance sheet that was public. Debt issued after that balance sheet brought its face in cash, which is added, so that
a new loan alone moves nothing. Leases, warrants, options and preferred stock are not in the tables.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from hashdesk.metrics.company_facts import FactBook, Observation, age_months

NOT_IN_TABLES = "leases, warrants, options, preferred stock and minority interests are not in the tables"


@dataclass(frozen=True, slots=True)
class BridgeLine:
    """One step from market cap to enterprise value; cash lines are negative."""

    label: str
    value_usd: float
    face_usd: float | None = None
    kind: str = "debt"
    """debt, shares (a convertible in the money), other debt, cash or proceeds."""
    conversion_price_usd: float | None = None
    shares: float | None = None
    """Shares that the instrument turns into, in the money."""
    maturity: dt.date | None = None
    coupon_frac: float | None = None
    as_of: dt.date | None = None
    known_at: dt.date | None = None
    source: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bridge:
    """All steps, and what is not known."""

    lines: tuple[BridgeLine, ...]
    missing: tuple[str, ...]
    is_complete: bool
    """Cash and debt are both known from a balance sheet young enough: only then is there an enterprise value."""
    has_sheet_debt: bool = False
    """All debt is known from that balance sheet, not only what is listed one by one."""

    @property
    def net_debt_usd(self) -> float | None:
        """Debt and converted shares less cash; None where cash or debt is not known [USD]."""
        return sum(line.value_usd for line in self.lines) if self.is_complete else None

    @property
    def converted_value_usd(self) -> float:
        """Those shares at the close [USD]."""
        return sum(line.value_usd for line in self.lines if line.kind == "shares")

    @property
    def listed_debt_frac(self) -> float | None:
        """Face of the debts listed one by one over all debt; None where all debt is not known, or none [fraction]."""
        if not self.has_sheet_debt:
            return None
        listed = sum(line.face_usd or 0.0 for line in self.lines)
        other = sum(line.value_usd for line in self.lines if line.kind == "other debt")
        return listed / (listed + other) if listed + other > 0 else None

    @property
    def interest_usd_per_year(self) -> float | None:
        """Coupons of the debts listed one by one; None where none is listed [USD/year]."""
        coupons = [(line.coupon_frac or 0.0) * (line.face_usd or 0.0) for line in self.lines if line.face_usd]
        return sum(coupons) if coupons else None


def instrument_line(row: Mapping[str, Any], close_usd: float | None) -> BridgeLine:
    r"""One debt at face, or as the shares it turns into where the close lies above its conversion price.

    Notes
    -----
    .. math:: v = N \max(1, P / K)

    with face N, close P and conversion price K; without a stated K, or without a close, v is the face.
    """
    face, strike = float(row["principal_usd"]), row["conversion_price_usd"]
    is_in_money = bool(row["is_convertible"]) and strike is not None and close_usd is not None and close_usd > strike
    shares = face / strike if is_in_money and strike else None
    note = "part was repaid or bought back" if row["is_reduced"] else ""
    if row["is_convertible"] and strike is None:
        note = "; ".join(part for part in (note, "conversion price not stated: at face") if part)
    due = f" due {row['maturity']:%Y}" if row["maturity"] else ""
    return BridgeLine(
        label=f"{row['kind']} {100 * row['coupon_frac']:g}%{due}",
        value_usd=shares * close_usd if shares is not None and close_usd is not None else face,
        face_usd=face,
        kind="shares" if is_in_money else "debt",
        conversion_price_usd=strike,
        shares=shares,
        maturity=row["maturity"],
        coupon_frac=row["coupon_frac"],
        as_of=row["as_of"],
        known_at=row["known_at"],
        source=row["source"],
        note=note,
    )


class DebtBook:
    """Debts by company, in the order of the table."""

    def __init__(self, debt_instruments: pl.DataFrame) -> None:
        self._rows: dict[str, list[dict[str, Any]]] = {}
        for row in debt_instruments.sort("ticker", "as_of", "maturity").iter_rows(named=True):
            self._rows.setdefault(row["ticker"], []).append(row)

    def known(self, ticker: str, day: dt.date) -> Sequence[Mapping[str, Any]]:
        """Debts that were public on a day and not yet due."""
        return [
            row
            for row in self._rows.get(ticker, ())
            if row["known_at"] <= day
            and row["as_of"] <= day
            and row["principal_usd"] > 0
            and (row["maturity"] is None or row["maturity"] > day)
        ]


def enterprise_bridge(
    ticker: str, day: dt.date, close_usd: float | None, book: FactBook, debts: DebtBook, *, max_age_months: float
) -> Bridge:
    """Every step from a company's market cap to its enterprise value on a day.

    Parameters
    ----------
    ticker : str
        Company.
    day : date
        Only facts that were public by then are used.
    close_usd : float or None
        Close of the day. [USD/share]
    book : FactBook
        For ``cash_usd`` and ``debt_usd``.
    debts : DebtBook
        Debts one by one.
    max_age_months : float
        A balance sheet older than this does not count. [months]

    Returns
    -------
    Bridge
    """
    cash = book.latest(ticker, "cash_usd", day, day)
    sheet = book.latest(ticker, "debt_usd", day, day)
    missing = []
    if cash is None or age_months(cash.as_of, day) > max_age_months:
        missing.append(_stale("cash", cash))
        cash = None
    if sheet is not None and age_months(sheet.as_of, day) > max_age_months:
        missing.append(_stale("debt of the balance sheet", sheet))
        sheet = None
    rows = debts.known(ticker, day)
    lines = [instrument_line(row, close_usd) for row in rows]
    sheet_day = (sheet or cash).as_of if (sheet or cash) else None  # type: ignore[union-attr]
    if sheet is not None:
        # What was reduced since is a rest of something in the sheet; what is newer came after it.
        within = sum(float(r["principal_usd"]) for r in rows if r["as_of"] <= sheet.as_of or r["is_reduced"])
        rest = sheet.value - within
        if rest > 0:
            note = "in the balance sheet, not listed one by one"
            lines.append(_sheet_line("other debt", rest, "other debt", sheet, note))
    elif not lines:
        if not any("debt" in text for text in missing):
            missing.append("debt: no balance-sheet figure and no debt listed")
    else:
        missing.append("debt of the balance sheet: only the debts listed one by one are counted")
    if cash is not None:
        lines.append(_sheet_line("cash", -cash.value, "cash", cash, cash.note))
        newer = [r for r in rows if r["as_of"] > cash.as_of and not r["is_reduced"]]
        if newer:
            face = sum(float(r["principal_usd"]) for r in newer)
            note = f"face of {len(newer)} debt(s) issued after the balance sheet of {cash.as_of}, before fees"
            lines.append(BridgeLine("cash from later debt", -face, kind="proceeds", as_of=sheet_day, note=note))
    has_debt = sheet is not None or bool(rows)
    return Bridge(
        tuple(lines), tuple(missing), is_complete=cash is not None and has_debt, has_sheet_debt=sheet is not None
    )


def _sheet_line(label: str, value: float, kind: str, found: Observation, note: str) -> BridgeLine:
    return BridgeLine(
        label, value, kind=kind, as_of=found.as_of, known_at=found.known_at, source=found.source, note=note
    )


def _stale(what: str, found: Observation | None) -> str:
    return f"{what}: not disclosed in the tables" if found is None else f"{what}: last known of {found.as_of}, too old"
