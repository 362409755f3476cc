"""SEC ``companyfacts``: share counts, cash, debt and coins as filed, each with its form, period end and filing day.

The interface carries only facts without a dimension and only standard taxonomies. A count given per class of shares,
coins given per kind of coin and a company's own tags are therefore missing from it, and are said to be missing.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hashdesk.sources.base import Source, unreadable

if TYPE_CHECKING:
    import polars as pl

SEVERAL_CLASSES = {
    "ABTC": "Class A and Class B",
    "BTDR": "Class A and Class V",
    "CANG": "Class A and Class B",
    "GREE": "Class A and Class B",
    "SDIG": "Class A and Class V",
}
"""Filers with more than one class of common stock: one count without a class is at best one of them."""

CASH_TAGS = (("us-gaap", "CashAndCashEquivalentsAtCarryingValue"), ("ifrs-full", "CashAndCashEquivalents"))
DEBT_WHOLE = (
    ("us-gaap", "LongTermDebt"),
    ("us-gaap", "DebtLongtermAndShorttermCombinedAmount"),
    ("ifrs-full", "Borrowings"),
)
"""Tags that hold all long-term debt, best first."""
DEBT_PARTS = (
    (("us-gaap", "LongTermDebtNoncurrent"), ("us-gaap", "LongTermDebtCurrent")),
    (("us-gaap", "ConvertibleNotesPayableNoncurrent"), ("us-gaap", "ConvertibleNotesPayableCurrent")),
    (("us-gaap", "ConvertibleDebtNoncurrent"), ("us-gaap", "ConvertibleDebtCurrent")),
)
"""Non-current and current half of the same debt, best first."""
CONVERTIBLE = (
    ("us-gaap", "ConvertibleNotesPayable"),
    ("us-gaap", "ConvertibleNotesPayableNoncurrent"),
    ("us-gaap", "ConvertibleDebtNoncurrent"),
)
COIN_TAGS = (("us-gaap", "CryptoAssetNumberOfUnits"),)
_BITCOIN_UNIT = re.compile(r"(?i)^(x?btc|bitcoins?)$")


@dataclass(frozen=True, slots=True)
class Fact:
    """One number of one filing."""

    taxonomy: str
    tag: str
    unit: str
    end: dt.date
    """Day that it holds on, or last day of its period."""
    value: float
    form: str
    filed_on: dt.date
    accession: str
    start: dt.date | None = None


@dataclass(frozen=True, slots=True)
class CompanyFacts:
    """All facts of one filer."""

    cik: int
    name: str
    facts: tuple[Fact, ...]

    @property
    def taxonomies(self) -> set[str]:
        """Accounting taxonomies in use: ``us-gaap``, ``ifrs-full`` or none of them."""
        return {fact.taxonomy for fact in self.facts} & {"us-gaap", "ifrs-full"}

    def of(self, taxonomy: str, tag: str, unit: str | None = None) -> list[Fact]:
        """Facts of a tag, oldest filing first."""
        found = [f for f in self.facts if f.taxonomy == taxonomy and f.tag == tag and (unit is None or f.unit == unit)]
        return sorted(found, key=lambda f: (f.end, f.filed_on, f.accession))


def parse_companyfacts(body: bytes, source: Source) -> CompanyFacts:
    """Read a ``companyfacts`` answer.

    Parameters
    ----------
    body : bytes
        The answer.
    source : Source
        Named in errors.

    Returns
    -------
    CompanyFacts
        Facts as filed; nothing is converted.

    Raises
    ------
    PayloadError
        Not JSON, or not of the documented shape.

    References
    ----------
    SEC, "EDGAR Application Programming Interfaces", ``/api/xbrl/companyfacts/``.
    """
    data = read_json(body, "companyfacts", source)
    try:
        facts = tuple(
            Fact(
                taxonomy,
                tag,
                unit,
                dt.date.fromisoformat(row["end"]),
                float(row["val"]),
                str(row["form"]),
                dt.date.fromisoformat(row["filed"]),
                str(row["accn"]),
                dt.date.fromisoformat(row["start"]) if row.get("start") else None,
            )
            for taxonomy, tags in data["facts"].items()
            for tag, entry in tags.items()
            for unit, rows in entry["units"].items()
            for row in rows
            if row["val"] is not None
        )
        return CompanyFacts(int(data["cik"]), str(data.get("entityName", "")), facts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise unreadable(
            "companyfacts: expected facts by taxonomy, tag and unit", f"{type(error).__name__}: {error}", source
        ) from None


def read_json(body: bytes, what: str, source: Source) -> dict[str, Any]:
    """A JSON object, or the error for something else."""
    try:
        data = json.loads(body)
    except (ValueError, UnicodeDecodeError):
        raise unreadable(f"{what}: expected JSON", body[:80].decode("utf-8", "replace"), source) from None
    if not isinstance(data, dict):
        raise unreadable(f"{what}: expected a JSON object", type(data).__name__, source)
    return data


FEWEST_SHARES = 1_000_000
"""Below this a count of a listed miner is more likely in thousands than right. [shares]"""


def first_filed(facts: Iterable[Fact]) -> list[Fact]:
    """Each value of each period end once, at its first filing; a later filing with another value is a restatement.

    Parameters
    ----------
    facts : iterable of Fact
        Facts of one tag.

    Returns
    -------
    list of Fact
        By period end and filing day.
    """
    kept: list[Fact] = []
    last: dict[tuple[dt.date, str], float] = {}
    for fact in sorted(facts, key=lambda f: (f.end, f.filed_on, f.accession)):
        if last.get((fact.end, fact.unit)) != fact.value:
            kept.append(fact)
        last[(fact.end, fact.unit)] = fact.value
    return kept


def share_count_rows(facts: CompanyFacts, ticker: str) -> tuple[list[dict[str, object]], list[str]]:
    """Rows of ``share_counts``: the cover page and the balance sheet, kept apart.

    Parameters
    ----------
    facts : CompanyFacts
        Facts of the filer.
    ticker : str
        Its symbol.

    Returns
    -------
    rows : list of dict
        A count that may leave out a class has the status ``check`` and serves nothing until somebody looks. [shares]
    caveats : list of str
        What is missing, and why.
    """
    rows: list[dict[str, object]] = []
    caveats: list[str] = []
    for taxonomy, tag, place in (
        ("dei", "EntityCommonStockSharesOutstanding", "cover page"),
        ("us-gaap", "CommonStockSharesOutstanding", "balance sheet"),
    ):
        found = facts.of(taxonomy, tag, "shares")
        zeros = [fact for fact in found if fact.value <= 0]
        if zeros:
            caveats.append(
                f"{ticker}: {len(zeros)} counts of 0 shares on the {place} are no counts "
                "(a class that is not outstanding) and are left out."
            )
        counted = [fact for fact in found if fact.value > 0]
        per_filing: dict[tuple[str, dt.date], set[float]] = {}
        for fact in counted:
            per_filing.setdefault((fact.accession, fact.end), set()).add(fact.value)
        for fact in first_filed(counted):
            several = len(per_filing[(fact.accession, fact.end)]) > 1
            doubt = ""
            if several:
                doubt = "the filing gives several counts for this day, one per class without naming it"
            elif ticker in SEVERAL_CLASSES:
                doubt = f"the filer has {SEVERAL_CLASSES[ticker]}, and the interface gives one count without a class"
            elif fact.unit == "shares" and fact.form.startswith(("20-F", "40-F")):
                doubt = "ordinary shares of a foreign filer: compare with the traded unit"
            elif fact.value < FEWEST_SHARES:
                doubt = f"fewer than {FEWEST_SHARES:,} shares: the count may be filed in thousands"
            rows.append(
                {
                    "ticker": ticker,
                    "as_of": fact.end,
                    "shares_outstanding": fact.value,
                    "unit": "share",
                    "classes": "not stated" if doubt else "all",
                    "form": f"{fact.form} {place}",
                    "confidence": "low" if doubt else "high",
                    "path": "linear",
                    "use_for": "none" if doubt else "both",
                    "status": "check" if doubt else "use",
                    "note": "; ".join(part for part in (doubt, f"accession {fact.accession}") if part),
                    "known_at": fact.filed_on,
                }
            )
    if not rows:
        caveats.append(
            f"{ticker}: companyfacts holds no share count; it is given per class, or in a filing without XBRL."
        )
    return rows, caveats


def capital_rows(facts: CompanyFacts, ticker: str) -> tuple[list[dict[str, object]], list[str]]:
    """Rows of ``capital``: cash and debt by balance-sheet day and filing.

    Returns
    -------
    rows : list of dict
        Only in US dollars; another currency is not converted. Debt is one tag or the two halves of one, never a sum
        of tags that may overlap. [USD]
    caveats : list of str
        What is missing, and why.
    """
    caveats = []
    cash = _first(facts, CASH_TAGS)
    debt, tags = _debt(facts)
    foreign = {f.unit for taxonomy, tag in CASH_TAGS for f in facts.of(taxonomy, tag)} - {"USD"}
    if foreign and not cash:
        caveats.append(f"{ticker}: cash is filed in {', '.join(sorted(foreign))} only; it is not converted.")
    rows = []
    days = {(f.end, f.filed_on) for f in cash} | set(debt)
    for end, filed_on in sorted(days):
        money = next((f.value for f in reversed(cash) if f.end == end and f.filed_on <= filed_on), None)
        known = [day for day in debt if day[0] == end and day[1] <= filed_on]
        owed = debt[max(known, key=lambda day: day[1])] if known else None
        note = (
            f"debt: {tags[max(known, key=lambda day: day[1])]}"
            if known
            else "no debt tag in the filing: not known, which is not zero"
        )
        rows.append(
            {
                "ticker": ticker,
                "as_of": end,
                "cash_usd": money,
                "debt_usd": owed,
                "confidence": "medium",
                "note": note,
                "known_at": filed_on,
            }
        )
    if not rows and not caveats:
        caveats.append(f"{ticker}: companyfacts holds no cash and no debt in USD.")
    return rows, caveats


def _first(facts: CompanyFacts, tags: Iterable[tuple[str, str]]) -> list[Fact]:
    for taxonomy, tag in tags:
        found = first_filed(fact for fact in facts.of(taxonomy, tag, "USD") if fact.start is None)
        if found:
            return found
    return []


def _debt(facts: CompanyFacts) -> tuple[dict[tuple[dt.date, dt.date], float], dict[tuple[dt.date, dt.date], str]]:
    """Debt and its tags by balance-sheet day and filing day; the best tag that the filing has for the day wins."""
    amounts: dict[tuple[dt.date, dt.date], float] = {}
    tags: dict[tuple[dt.date, dt.date], str] = {}
    by_filing: dict[tuple[dt.date, dt.date, str], dict[tuple[str, str], float]] = {}
    wanted = {*DEBT_WHOLE, *(tag for pair in DEBT_PARTS for tag in pair), *CONVERTIBLE}
    for fact in facts.facts:
        if (fact.taxonomy, fact.tag) in wanted and fact.unit == "USD" and fact.start is None:
            by_filing.setdefault((fact.end, fact.filed_on, fact.accession), {})[(fact.taxonomy, fact.tag)] = fact.value
    for (end, filed_on, _), given in sorted(by_filing.items()):
        choice = _choose(given)
        if choice is None:
            continue
        earlier = [amounts[day] for day in sorted(amounts) if day[0] == end]
        if not earlier or earlier[-1] != choice[0]:
            amounts[(end, filed_on)], tags[(end, filed_on)] = choice
    return amounts, tags


def _choose(given: dict[tuple[str, str], float]) -> tuple[float, str] | None:
    convertible = max((given[tag] for tag in CONVERTIBLE if tag in given), default=0.0)
    options = [(given[tag], tag[1]) for tag in DEBT_WHOLE if tag in given]
    for long, short in DEBT_PARTS:
        if long in given:
            names = f"{long[1]} + {short[1]}" if short in given else f"{long[1]} (no current part filed)"
            options.append((given[long] + given.get(short, 0.0), names))
    if ("us-gaap", "ConvertibleNotesPayable") in given:
        options.append((convertible, "ConvertibleNotesPayable"))
    if not options:
        return None
    amount, name = options[0]
    # A convertible larger than the debt chosen stands beside it, not inside it: which, the tags do not say.
    return None if convertible > amount else (amount, name)


def coin_rows(facts: CompanyFacts, ticker: str) -> tuple[list[dict[str, object]], list[str]]:
    """Rows of ``holdings``: the count of coins, where a filer gives it in bitcoin and without a dimension."""
    found = [fact for taxonomy, tag in COIN_TAGS for fact in facts.of(taxonomy, tag)]
    coins = first_filed(fact for fact in found if _BITCOIN_UNIT.match(fact.unit) and fact.value > 0)
    caveats = []
    other = sorted({fact.unit for fact in found if not _BITCOIN_UNIT.match(fact.unit)})
    if other:
        caveats.append(
            f"{ticker}: counts of crypto-assets in the unit {', '.join(other)} do not say which coin; left out."
        )
    if not coins:
        caveats.append(
            f"{ticker}: companyfacts holds no count of bitcoin (given per coin, or under the company's own tag)."
        )
    rows = [
        {
            "ticker": ticker,
            "as_of": fact.end,
            "holdings_btc": fact.value,
            "confidence": "high",
            "note": f"{fact.form}, accession {fact.accession}",
            "known_at": fact.filed_on,
        }
        for fact in coins
    ]
    return rows, caveats


def frame_of(table: str, rows: list[dict[str, object]], source: str) -> pl.DataFrame:
    """Rows as a frame with the columns that the catalog declares for the table."""
    import polars as pl

    from hashdesk.catalog.live_tables import store_spec

    spec = store_spec(table)
    kinds = {"date": pl.Date, "f64": pl.Float64, "i64": pl.Int64, "str": pl.String, "bool": pl.Boolean}
    schema = {column.name: kinds[column.dtype] for column in spec.columns}
    return pl.DataFrame([{**dict.fromkeys(schema), **row, "source": source} for row in rows], schema=schema)
