"""Numbers as releases print them: separators, units, footnotes stuck to digits, bounds, ranges, dashes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

_SPACES = dict.fromkeys(map(ord, "\u00a0\u202f\u2007\u2009\u200a\u2002\u2003"), " ")
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\uff0d"), "-")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\ufeff\u2060\u00ad"), None)
_QUOTES = {ord("\u2018"): "'", ord("\u2019"): "'", ord("\u201c"): '"', ord("\u201d"): '"'}
_SUPERSCRIPTS = dict.fromkeys(
    map(ord, "\u00b9\u00b2\u00b3\u2070\u2074\u2075\u2076\u2077\u2078\u2079\u207d\u207e\u2020\u2021"), None
)
_PLAIN = _INVISIBLE | _SUPERSCRIPTS | _SPACES | _DASHES | _QUOTES

_THIN_THOUSANDS = re.compile(r"(?<=\d)[\u00a0\u202f\u2009](?=\d{3}(?!\d))")
_ABSENT = re.compile(r"(?i)^(-+|n\s*/\s*[am]|n\.a\.|nil|none|not applicable|not available|tbd|\*+)?$")

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_CELL = re.compile(
    rf"(?P<hedge>(?:approximately|approx\.?|appx\.?|about|around|roughly|circa|c\.|~|\u2248|over|more than|above|"
    rf"at least|"
    rf"nearly|almost|up to|under|less than|below|in excess of|exceeding|>=?|<=?|\u2265|\u2264)\s*)?"
    rf"(?P<open>\()?\s*(?P<sign>[-+])?\s*(?P<usd>(?:US)?\$)?\s*(?P<open2>\()?\s*(?P<number>{NUMBER})(?P<glued>,?\d*)(?P<mid>\))?\s*"
    rf"(?P<scale>million|billion|thousand|mm|mn|m|bn|k)?\s*(?P<plus>\+)?\s*(?P<unit>%|"
    rf"[A-Za-z\u00a2\u20bf][A-Za-z/\u00a2 ]*)?"
    rf"(?P<note>\s*(?:\(\s*[\da-z](?:\s*,\s*\d)*\s*\)|\[\d+\]|\d{{1,2}}(?:,\s?\d)*|"
    rf"\*+))?\s*(?P<close>\))?(?P<note2>\s*(?:\(\d\)|\*+))?",
    re.IGNORECASE,
)
_BOUNDS = re.compile(r"(?i)over|more|above|least|nearly|almost|up to|under|less|below|excess|exceed|[<>\u2265\u2264]")

UNITS: tuple[tuple[str, str, float], ...] = (
    (r"eh/?s?(/s)?|eh/sec(ond)?|eh per second|exa ?hash(es)?( ?(per|/) ?(second|sec|s))?", "EH/s", 1.0),
    (r"ph/?s?(/s)?|peta ?hash(es)?( ?(per|/) ?(second|sec|s))?", "EH/s", 1e-3),
    (r"th/?s|tera ?hash(es)?( ?(per|/) ?(second|sec|s))?", "EH/s", 1e-6),
    (r"btc|bitcoins?|\u20bf", "BTC", 1.0),
    (r"sats?|satoshis?", "BTC", 1e-8),
    (r"[jw] ?/ ?th(/s)?|(joules?|watts?) ?(per|/) ?tera ?hash(es)?", "J/TH", 1.0),
    (r"(c|\u00a2|cents?) ?(/|per) ?kwh", "USD/MWh", 10.0),
    (r"(/|per) ?kwh", "USD/MWh", 1000.0),
    (r"(/|per) ?mwh", "USD/MWh", 1.0),
)


@dataclass(frozen=True, slots=True)
class Number:
    """A printed number: its value in the unit of the field, or the reason why it is none."""

    value: float | None
    unit: str = ""
    reason: str = ""
    is_approximate: bool = False
    digits: str = ""
    """The digits as printed, without footnotes: what precision can be read from."""

    @property
    def decimals(self) -> int:
        """Digits after the point."""
        return len(self.digits.partition(".")[2])

    @property
    def significant(self) -> int:
        """Digits up to the last one that is not zero."""
        return len(self.digits.replace(",", "").replace(".", "").strip("0"))

    def refuse(self, reason: str) -> Number:
        """The same number without its value."""
        return replace(self, value=None, reason=reason)


def clean(text: str) -> str:
    """Text with one kind of space, dash and quote, without invisible marks and superscript footnotes."""
    if not text.isascii():
        text = _THIN_THOUSANDS.sub(",", text).translate(_PLAIN)
    return " ".join(text.split())


def is_absent(text: str) -> bool:
    """True for an empty cell, a dash, N/A and the like: not known, which is not zero."""
    text = clean(text)
    bare = re.sub(r"[\s$]|BTC|EH/s", "", text)
    return (not text or bool(bare) or "$" in text) and _ABSENT.match(bare) is not None


def unit_of(text: str) -> tuple[str, float] | None:
    """Unit named by a whole text, as the field's unit and the factor to it."""
    text = text.strip().strip(".").strip().lower()
    for pattern, unit, factor in UNITS:
        if re.fullmatch(pattern, text):
            return unit, factor
    return None


def unit_in_label(text: str) -> tuple[str, float] | None:
    """Unit that a label states: ``Hash rate (EH/s)``, ``Operating EH/s``, ``Power price ($/kWh)``."""
    found = set()
    for part in re.findall(r"\(([^()]*)\)", text) + re.split(r"[\s(),:]+", text):
        part = part.replace("$", "").strip()
        named = unit_of(part)
        if named is not None and named[0] != "BTC":
            found.add(named)
    return found.pop() if len(found) == 1 else None


@lru_cache(maxsize=4096)
def parse_number(text: str, *, label_unit: tuple[str, float] | None = None) -> Number:
    """Read a whole cell; anything in it that is not understood is a reason to refuse.

    Parameters
    ----------
    text : str
        The cell, alone.
    label_unit : tuple of str and float, optional
        Unit that the row's label or the column's header states.

    Returns
    -------
    Number
        Value in BTC, EH/s, J/TH, USD/MWh or USD; or None with the reason.
    """
    text = clean(text)
    if is_absent(text):
        return Number(None, reason=f"the cell holds {text!r}: no figure" if text else "the cell is empty")
    match = _CELL.fullmatch(text)
    if match is None:
        return Number(None, reason=f"{text!r} is not one plain number")
    digits, glued = match["number"], match["glued"]
    if glued and (glued.startswith(",") or len(glued) > 2 or "," not in digits or "." in digits):
        return Number(None, reason=f"separators of {text!r} fit no number")
    value = float(digits.replace(",", ""))
    number = Number(value, digits=digits, is_approximate=bool(match["hedge"]))
    if (match["hedge"] and _BOUNDS.search(match["hedge"])) or match["plus"]:
        return number.refuse(f"{text!r} is a bound, not a figure")
    unit_text = (match["unit"] or "").strip()
    if unit_text == "%":
        return number.refuse(f"{text!r} is a percentage")
    scale = {"million": 1e6, "mm": 1e6, "mn": 1e6, "m": 1e6, "billion": 1e9, "bn": 1e9, "thousand": 1e3, "k": 1e3}
    factor = scale[match["scale"].lower()] if match["scale"] else 1.0
    if factor != 1.0 and not match["usd"]:
        return number.refuse(f"{text!r} is rounded to thousands or millions")
    is_negative = match["sign"] == "-" or bool(
        (match["open"] or match["open2"]) and (match["close"] or text.count(")"))
    )
    if bool(match["open"] or match["open2"]) and ")" not in text:
        return number.refuse(f"{text!r} has an open bracket")
    named = unit_of(unit_text) if unit_text else None
    if unit_text and named is None and not re.fullmatch(r"(?i)usd|million|us", unit_text):
        return number.refuse(f"{text!r}: the unit {unit_text!r} is not known")
    if named is None and match["usd"] and label_unit is not None and label_unit[0] == "USD/MWh":
        named = label_unit
    if named is None and match["usd"]:
        named = ("USD", 1.0)
    if named is None and label_unit is not None:
        named = label_unit
    if match["usd"] and named is not None and named[0] not in ("USD", "USD/MWh"):
        return number.refuse(f"{text!r} carries a dollar sign")
    if named is None:
        return replace(number, value=-value if is_negative else value)
    if label_unit is not None and label_unit[0] != named[0]:
        return number.refuse(f"{text!r} is in {named[0]}, its label says {label_unit[0]}")
    if unit_text and label_unit is not None and named[1] != label_unit[1]:
        return number.refuse(f"{text!r}: its unit is not the label's")
    signed = -value if is_negative else value
    return replace(number, value=round(signed * factor * named[1], 10), unit=named[0])
