"""What a label means: the words of a row, a bullet or a heading, turned into one of our columns or into none.

A label is understood only when every word of it is known for that column. A word that is not known, such as a site's
name, makes the row something narrower than the company's figure, and the row is left alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hashdesk.sources.production_numbers import clean, unit_in_label
from hashdesk.sources.production_periods import MONTH_NAMES

UNITS = {
    "production_btc": "BTC",
    "holdings_btc": "BTC",
    "sold_btc": "BTC",
    "energized_hashrate_ehs": "EH/s",
    "deployed_hashrate_ehs": "EH/s",
    "installed_hashrate_ehs": "EH/s",
    "operating_hashrate_ehs": "EH/s",
    "month_end_hashrate_ehs": "EH/s",
    "capacity_hashrate_ehs": "EH/s",
    "peak_hashrate_ehs": "EH/s",
    "managed_hashrate_ehs": "EH/s",
    "hashrate_avg_operating_ehs": "EH/s",
    "efficiency_j_per_th": "J/TH",
    "power_price_usd_per_mwh": "USD/MWh",
    "power_credits_usd": "USD",
}
"""Columns that are read, with their units. Hashrates of different kinds are never merged."""

HASHRATE_KINDS = {
    "energized_hashrate_ehs": "energized",
    "deployed_hashrate_ehs": "deployed",
    "operating_hashrate_ehs": "operating",
    "month_end_hashrate_ehs": "month end, kind not stated",
    "installed_hashrate_ehs": "installed",
    "capacity_hashrate_ehs": "capacity",
}
"""Month-end hashrates, with the word for their kind."""

KIND_WORDS = {
    "energized": "energized_hashrate_ehs",
    "energised": "energized_hashrate_ehs",
    "deployed": "deployed_hashrate_ehs",
    "installed": "installed_hashrate_ehs",
    "operating": "operating_hashrate_ehs",
    "operational": "operating_hashrate_ehs",
    "active": "operating_hashrate_ehs",
    "online": "operating_hashrate_ehs",
}
"""A company's word for what its month-end hashrate counts. ``active`` is Bit Digital's, ``operational`` Bitfarms'."""

_WHEN = {
    *MONTH_NAMES, "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
    "as", "of", "at", "in", "during", "for", "the",
    "month", "end", "ended", "ending", "month-end", "eom", "eop", "period",
}  # fmt: skip
_FILLER = {
    "total",
    "number",
    "our",
    "company",
    "company's",
    "unaudited",
    "approximate",
    "approx",
    "corporate",
    "global",
    "own",
}
_SELF = {"self", "mining", "self-mining", "self-mined", "proprietary", "only", "mined"}
_BITCOIN = {"bitcoin", "btc"}
_PRODUCED = {"mined", "produced", "earned", "production", "generated", "self-mined", "output"}
_HELD = {"held", "holdings", "holding", "hodl", "treasury", "reserve", "reserves", "balance", "inventory"}
_HOSTED = re.compile(
    r"\b(host\w*|colocat\w*|co-locat\w*|customers?'?|clients?'?|third|cloud|managed?|management|gmaas|tenants?)\b"
)


@dataclass(frozen=True, slots=True)
class Label:
    """A label that is understood."""

    column: str
    text: str
    """The company's own words."""
    unit: tuple[str, float] | None = None
    """Unit that the label states."""
    is_own: bool = False
    """True where it says that only the company's own mining counts."""


def words_of(text: str) -> list[str]:
    """A label's words in one spelling, footnotes left aside.

    Examples
    --------
    >>> words_of("Avg. Operating Hash Rate - Total 4")
    ['avg', 'operating', 'hashrate', 'total']
    """
    text = clean(text).lower()
    text = re.sub(r"\((?:\s*(?:[\da-z]|note \d)\s*,?)+\)|\[\d+\]|[*\u2020\u2021]", " ", text)
    text = re.sub(r"hash[\s-]?rate|hashing (rate|power)|hash power", "hashrate", text)
    text = re.sub(r"exa ?hash(es)?( per second)?", "eh/s", text)
    text = re.sub(r"\bbitcoins\b", "bitcoin", text)
    text = re.sub(r"self[\s-]min(ed|ing)", r"self-min\1", text)
    text = re.sub(r"(?<=[a-z)])\d{1,2}(?:,\s?\d)*(?=$|[\s:(])", " ", text)
    text = re.sub(r"(?<=[a-z])\s+\d(?:\s?,\s?\d)*\s*$", " ", text)
    return [
        word.strip(".,;:'\"")
        for word in re.split(r"[\s()\u2022\u00b7]+|(?<=\s)-(?=\s)", text)
        if re.search(r"\w", word)
    ]


def is_hosted(text: str) -> bool:
    """True where a label or section speaks of somebody else's machines."""
    return _HOSTED.search(clean(text).lower()) is not None


def read_label(text: str, section: str = "") -> Label | None:
    """The column that a label means; None where any word of it is not understood.

    Parameters
    ----------
    text : str
        The label as printed.
    section : str, optional
        Heading that the row stands under.

    Examples
    --------
    >>> read_label("Bitcoin Produced").column, read_label("Bitcoin Produced per Day")
    ('production_btc', None)
    """
    if len(text) > 110:
        return None
    words = words_of(text)
    own = bool({"self-mining", "self-mined", "proprietary", "own"} & set(words)) and not is_hosted(text)
    column = _column(words, text)
    is_part = "hashrate" in words_of(section) and "under management" in clean(section).lower()
    if column is None and is_part and words in (["self-mining"], ["self-mined"]):
        # Bitdeer lists its parts under "Total hash rate under management": the self-mining part is its own figure.
        whole = f"{clean(section)}: {clean(text)}"
        return Label("month_end_hashrate_ehs", whole, unit_in_label(clean(section)), is_own=True)
    if column is None:
        return None
    if (section and is_hosted(section) and not own and column != "managed_hashrate_ehs") or (
        is_hosted(section) and column == "managed_hashrate_ehs" and "total" not in words
    ):
        return None
    return Label(column, clean(text), unit_in_label(clean(text)), own)


def _column(words: list[str], text: str) -> str | None:
    found = set(words)
    for match in (_production, _sold, _holdings, _hashrate, _efficiency, _power):
        column = match(found, text)
        if column is not None:
            return column
    return None


def _dated(words: set[str]) -> set[str]:
    """Words that are left when dates are taken away."""
    return {word for word in words if word not in _WHEN and not re.fullmatch(r"'?\d{1,2}(st|nd|rd|th)?|20\d\d", word)}


def _production(words: set[str], text: str) -> str | None:
    rest = _dated(words)
    if not rest & _PRODUCED or not rest & _BITCOIN or rest & {"mining"} == rest:
        return None
    return "production_btc" if rest <= _BITCOIN | _PRODUCED | _FILLER | _SELF | {"monthly", "by"} else None


def _sold(words: set[str], text: str) -> str | None:
    rest = _dated(words)
    return "sold_btc" if rest & _BITCOIN and "sold" in rest and rest <= _BITCOIN | {"sold"} | _FILLER else None


def _holdings(words: set[str], text: str) -> str | None:
    rest = _dated(words)
    if not rest & _HELD or not rest & _BITCOIN:
        return None
    allowed = _BITCOIN | _HELD | _FILLER | {"on", "sheet", "strategic", "ending", "by", "position", "month-end"}
    return "holdings_btc" if rest <= allowed else None


def _hashrate(words: set[str], text: str) -> str | None:
    rest = _dated(words)
    if rest & {"proprietary"}:
        return None  # Bitdeer's also counts rigs that are sold as cloud contracts or not yet hashing.
    if not rest & {"hashrate", "eh/s", "eh/s,"} and not ("mining" in rest and "capacity" in rest):
        return None
    rest -= {"hashrate", "eh/s", "ph/s", "th/s", "eh", "ph"}
    if rest & {"under", "management"} and rest <= {"total", "under", "management", "company"}:
        return "managed_hashrate_ehs"
    average = rest & {"average", "avg", "mean", "averaged"}
    rest -= average
    peak = rest & {"peak", "maximum", "max"}
    rest -= peak
    kinds = {KIND_WORDS[word] for word in rest if word in KIND_WORDS}
    rest -= set(KIND_WORDS)
    plain = rest <= _FILLER | (_SELF - {"mined"}) | {
        "mining",
        "bitcoin",
        "btc",
        "current",
        "capacity",
        "fleet",
        "monthly",
        "daily",
    }
    if not plain or len(kinds) > 1:
        return None
    if "daily" in rest and not average:
        return None
    if average:
        return (
            "hashrate_avg_operating_ehs"
            if kinds <= {"operating_hashrate_ehs"} and not peak and "capacity" not in rest
            else None
        )
    if peak:
        return "peak_hashrate_ehs" if kinds <= {"operating_hashrate_ehs"} and "capacity" not in rest else None
    if kinds:
        return kinds.pop()
    if "capacity" in rest:
        return "capacity_hashrate_ehs"
    at_end = words & {"month-end", "current", "end", "ending", "eom", "eop"}
    return "month_end_hashrate_ehs" if at_end or "self-mining" in rest or "proprietary" in rest else None


def _efficiency(words: set[str], text: str) -> str | None:
    rest = _dated(words)
    units = {
        word
        for word in rest
        if re.fullmatch(r"[jw]/th(/s)?|watts?/terahash|joules?/terahash|joules|terahash|per", word)
    }
    if "efficiency" not in rest:
        return None
    allowed = units | _FILLER | {
        "efficiency", "fleet", "fleet-wide", "fleetwide", "energy",
        "power", "average", "avg", "weighted", "miner", "mining",
        "self-mining", "operating", "operational", "nameplate", "current",
        "machine", "asic", "deployed", "installed", "energized",
    }  # fmt: skip
    return "efficiency_j_per_th" if rest <= allowed else None


def _power(words: set[str], text: str) -> str | None:
    rest = _dated(words)
    unit = unit_in_label(clean(text))
    if "credits" in rest and rest <= {"total", "power", "credits", "estimated", "curtailment"} and "power" in rest:
        return "power_credits_usd" if "total" in rest or rest == {"power", "credits"} else None
    if rest & {"cost", "costs", "price", "rate"} and rest & {"power", "electricity", "energy"}:
        allowed = {
            "power", "electricity", "energy", "cost", "costs", "price",
            "rate", "all-in", "net", "total", "average", "avg",
            "per", "kwh", "c/kwh", "$/kwh", "usd/kwh", "cents/kwh",
            "\u00a2/kwh", "mwh", "$/mwh", "us$/kwh", "company", "fleet",
        }  # fmt: skip
        named = unit is not None and unit[0] == "USD/MWh"
        return "power_price_usd_per_mwh" if rest <= allowed and (named or "total" in rest or "all-in" in rest) else None
    return None


TICKERS: dict[str, tuple[str, ...]] = {
    "ABTC": ("American Bitcoin Corp", "Gryphon Digital Mining", "American Bitcoin"),
    "ARBK": ("Argo Blockchain",),
    "BITF": ("Bitfarms", "Keel Infrastructure"),
    "BTBT": ("Bit Digital",),
    "BTDR": ("Bitdeer",),
    "CAN": ("Canaan",),
    "CANG": ("Cango",),
    "CIFR": ("Cipher Mining", "Cipher Digital"),
    "CLSK": ("CleanSpark",),
    "CORZ": ("Core Scientific",),
    "FUFU": ("BitFuFu",),
    "GREE": ("Greenidge",),
    "HIVE": ("HIVE Digital", "HIVE Blockchain"),
    "HUT": ("Hut 8",),
    "IREN": ("Iris Energy", "IREN"),
    "MARA": ("MARA Holdings", "Marathon Digital", "MARA"),
    "RIOT": ("Riot Platforms", "Riot Blockchain", "Riot"),
    "SDIG": ("Stronghold Digital", "Stronghold"),
    "WULF": ("TeraWulf",),
}
"""Symbols, with the names under which their releases speak."""

OLD_SYMBOLS = {"GRYP": "ABTC", "CORZQ": "CORZ", "KEEL": "BITF", "VIP": "GREE", "ARB": "ARBK", "RIOT": "RIOT"}
"""Other symbols of the same companies."""
