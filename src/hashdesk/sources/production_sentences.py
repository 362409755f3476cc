"""Figures in running text: a clause is believed when it says what, how much, in which unit, and of which month."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from hashdesk.sources import production_grammar as grammar
from hashdesk.sources.production_labels import HASHRATE_KINDS, KIND_WORDS, TICKERS, is_hosted, read_label, words_of
from hashdesk.sources.production_numbers import Number, clean, parse_number
from hashdesk.sources.production_periods import (
    bare_months,
    days_named,
    days_without_year,
    month_end,
    months_named,
    without_dates,
)

MAX_SENTENCE = 1_500
"""A longer run of text without a full stop is no sentence. [characters]"""

_SUBJECT = re.compile(r"bitcoin|btc|hash|efficiency|power|\b[ep]h|\d[ep]h/?s|/th|kwh|\bsold\b|\bsell\b", re.I)
"""What a sentence must speak of to hold a figure; the rest of a long text is left unread."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One place of a release that states, or seems to state, a figure of the month."""

    column: str
    number: Number
    quote: str
    label: str
    place: str
    """``table``, ``line`` or ``sentence``."""
    is_own: bool = False


def sentences(line: str) -> list[str]:
    """Sentences of a line."""
    held = grammar.ABBREVIATIONS.sub(lambda match: match[0][:-1] + "\u0001", clean(line))
    parts = re.split(r"(?<=[.!?])[\"']?\s+(?=[\"'(]?[A-Z0-9])|\s[\u2022\u25cf]\s", held)
    return [part.replace("\u0001", ".").strip() for part in parts if part.strip()]


def sentence_readings(lines: list[str], month: dt.date, ticker: str) -> Iterator[Reading]:
    """Readings from the running text of a release.

    Parameters
    ----------
    lines : list of str
        Paragraphs, bullets and headings.
    month : date
        Month that the release is about.
    ticker : str
        Whose release it is: another name before a verb is somebody else's.

    Yields
    ------
    Reading
        Only what a clause states as having happened in the month, or as standing at its end.
    """
    under_longer_span = False
    for line in lines:
        if _heads_longer_span(line):
            under_longer_span = True
        elif month.month in bare_months(line):
            under_longer_span = False
        if under_longer_span or not _STATES.search(line) or not _SUBJECT.search(line):
            continue
        short = clean(line) if ":" in line and len(line) < MAX_LISTED else ""
        listed = grammar.LABEL_AND_VALUE.match(grammar.COMPARISON.sub("", short))
        if listed is not None and not grammar.FORWARD.search(listed["label"]) and not _peers(ticker).search(line):
            reading = _line_reading(listed["label"], listed["value"], short, month)
            if reading is not None:
                yield reading
            if reading is not None or parse_number(listed["value"]).digits:
                continue
        is_of_a_peer = False
        for sentence in sentences(line):
            # After a peer's name "the company" may be that one; a sentence that opens with the own name is not.
            names_peer = _peers(ticker).search(sentence) is not None
            is_of_a_peer = is_of_a_peer or names_peer
            is_own = not names_peer and sentence.startswith(TICKERS.get(ticker, (ticker,)))
            if (is_of_a_peer and not is_own) or len(sentence) > MAX_SENTENCE or not _SUBJECT.search(sentence):
                continue
            yield from _readings(sentence, month, ticker)


MAX_LISTED = 250
"""A longer line is no label with its value. [characters]"""

_STATES = re.compile(r"\d|\b(?:none|not|no|against)\b", re.I)


@cache
def _peers(ticker: str) -> re.Pattern[str]:
    names = (re.escape(name) for symbol, names in TICKERS.items() if symbol != ticker for name in names)
    return re.compile(rf"\b(?:{'|'.join(names)})\b")


def _heads_longer_span(line: str) -> bool:
    """True for a short heading of a quarter or a year: what is listed below it is not the month's."""
    text = clean(line)
    return (
        len(text.split()) <= 8
        and not text.endswith(".")
        and grammar.LONGER_SPAN.search(text) is not None
        and ": " not in text
    )


def _line_reading(text: str, value: str, quote: str, month: dt.date) -> Reading | None:
    value = grammar.VALUE_TAIL.sub("", value)
    dated = grammar.DATE_TAIL.search(value)
    if dated is not None:
        if not days_named(dated[0]) or _other_month(dated[0], month):
            return None
        value = value[: dated.start()]
    label = read_label(text)
    if label is None and re.search(r"(?i)\d\s*(?:btc|bitcoins?)$", value):
        label = read_label(f"{text} BTC")  # "June production: 450 BTC" names the coin with the figure.
    if label is None or _other_month(text, month) or re.search(r"(?i)\bc?y ?20\d\d|calendar|year", text):
        return None
    number = parse_number(value, label_unit=label.unit)
    return Reading(label.column, number, quote, label.text, "line", label.is_own) if number.digits else None


def _readings(sentence: str, month: dt.date, ticker: str) -> Iterator[Reading]:
    # Argo counts the small coins that it mined with its bitcoin.
    sentence = re.sub(r"(?i)\s+or '?bitcoin equivalents?\b'?", "", sentence)
    if grammar.NOT_AS_IT_WAS.search(sentence):
        return
    is_elsewhere = False
    clauses = _clauses(sentence)
    for clause, after in pairwise([*clauses, ""]):
        if _other_month(clause, month):
            is_elsewhere = True
            continue
        if re.match(r"(?i)as (?:of|at)\b", after) and _other_month(after, month):
            continue  # A bracket that dates the clause before it.
        is_elsewhere = is_elsewhere and month.month not in bare_months(clause)
        if is_elsewhere or grammar.FORWARD.search(clause):
            continue
        is_whole_year = re.search(r"\bin 20\d\d\b", clause) is not None and not bare_months(clause)
        if is_whole_year:
            continue
        clause = without_dates(clause)
        yield from _coins(clause, sentence, ticker)
        yield from _hashrates(clause, sentence, month)
        if _at_a_site(clause):
            continue
        for match in grammar.EFFICIENCY.finditer(clause):
            if not grammar.NOT_THE_FLEET.search(clause):
                yield Reading("efficiency_j_per_th", _number(match, ""), sentence, match[0], "sentence")
        for match in grammar.POWER_PRICE.finditer(clause):
            number = parse_number(match["number"], label_unit=("USD/MWh", 1000.0))
            yield Reading("power_price_usd_per_mwh", number, sentence, match[0], "sentence")


def _at_a_site(clause: str) -> bool:
    """True where a clause places what it says somewhere; a month is no place."""
    found = (match[1].rstrip(".") for match in grammar.SITE.finditer(clause))
    return any(not bare_months(name) and name not in grammar.NO_PLACES for name in found)


def _is_of_others(before: str, ticker: str) -> bool:
    """True where the words before a verb or a balance name somebody or something else than the company."""
    if grammar.PLACES.search(" ".join(before.split()[-4:])):
        return True
    own = {word.lower() for name in (ticker, *TICKERS.get(ticker, ())) for word in name.split()}
    for word in re.findall(r"[\w'-]+", before)[-4:]:
        bare = word.lower().removesuffix("'s").strip("'-")
        if (
            word.endswith("'s")
            and bare not in own
            and bare not in ("company", "month", "period")
            and not bare_months(word)
        ):
            return True
        if word[0].isupper() and bare not in own and bare not in grammar.PLAIN_CAPITALS and not bare_months(word):
            return True
    return False


def _clauses(sentence: str) -> list[str]:
    """Clauses without the tail that compares them to something else."""
    parts = grammar.CLAUSE_ENDS.split(sentence)
    clauses = []
    for part in parts:
        match = grammar.COMPARED.search(part)
        clauses.append(part[: match.start()] if match and match.start() > 0 else ("" if match else part))
    return [clause for clause in clauses if re.search(r"(?i)\d|\b(none|no|not|any)\b", clause)]


def _other_month(text: str, month: dt.date) -> bool:
    """True where a text names a month other than the release's, or a day that is not its last."""
    if any(named != month for named in months_named(text)):
        return True
    end = month_end(month)
    if any(day != end for day in days_named(text)):
        return True
    if any((number, day) != (end.month, end.day) for number, day in days_without_year(text)):
        return True
    return any(number != month.month for number in bare_months(text))


def _number(match: re.Match[str], unit: str) -> Number:
    groups = {key: value for key, value in match.groupdict().items() if value is not None and key.startswith("number")}
    text = next(iter(groups.values()))
    named = unit or next(
        (value for key, value in match.groupdict().items() if value is not None and key.startswith("unit")), ""
    )
    text = re.sub(r"(?i)\b(a total of|a record of|a record|an estimated|exactly)\s+", "", text)
    return parse_number(f"{text} {named.strip()}")


def _coins(clause: str, sentence: str, ticker: str) -> Iterator[Reading]:
    counts_hosted = is_hosted(sentence)
    for match in grammar.PRODUCED.finditer(clause):
        tail = clause[match.end() : match.end() + 60]
        is_own = (
            "self" in clause[max(0, match.start() - 5) : match.end()].lower()
            or grammar.OF_ITS_OWN.match(tail) is not None
        )
        if counts_hosted and not is_own:
            continue  # "34 bitcoin, of which 11 from hosting": which of them are its own, the clause does not say.
        after = grammar.APPENDED.split(tail)[0]
        near = clause[max(0, match.start() - 70) : match.end()] + after
        if re.match(r"(?i)\s*(per\b|a day|/|daily|each|every)", tail) or _is_year(match):
            continue
        if (
            grammar.OTHER_SPAN.search(near)
            or grammar.OTHERS.search(near)
            or re.search(r"\baverage|\bdecreas\w+ (of|by)|\bincreas\w+ (of|by)", near, re.I)
        ):
            continue
        if _at_a_site(after) or _is_of_others(clause[: match.start()], ticker):
            continue
        yield Reading("production_btc", _number(match, "BTC"), sentence, match[0], "sentence", is_own)
    for match in grammar.SOLD.finditer(clause):
        is_foreign = grammar.OTHERS.search(clause) or _is_of_others(clause[: match.start()], ticker)
        if not grammar.OTHER_SPAN.search(clause) and not is_foreign:
            yield Reading("sold_btc", _number(match, "BTC"), sentence, match[0], "sentence")
    if re.search(r"(?i)\b(bitcoin|btc|sold)\b", clause) and re.search(r"(?i)\b(sell|sold)\b", clause):
        match_none = grammar.NONE_SOLD.search(clause)
        if match_none is not None and not grammar.OTHER_SPAN.search(clause) and not re.search(r"\d", match_none[0]):
            yield Reading("sold_btc", Number(0.0, "BTC", digits="0"), sentence, match_none[0], "sentence")
    for match in grammar.HELD.finditer(clause):
        near = clause[max(0, match.start() - 60) : match.end() + 60]
        if (
            re.search(r"(?i)receivable", sentence)
            or grammar.PARTS.search(near)
            or grammar.OTHER_SPAN.search(near)
            or grammar.OTHERS.search(near)
            or grammar.PASSED.search(near)
            or grammar.ELSEWHERE.match(clause[match.end() :])
            or _is_of_others(clause[: match.start()], ticker)
        ):
            continue
        yield Reading("holdings_btc", _number(match, "BTC"), sentence, match[0], "sentence")


def _is_year(match: re.Match[str]) -> bool:
    number = next(value for key, value in match.groupdict().items() if value is not None and key.startswith("number"))
    return re.fullmatch(r"20\d\d", number) is not None


def _hashrates(clause: str, sentence: str, month: dt.date) -> Iterator[Reading]:
    matches = list(grammar.HASHRATE.finditer(clause))
    if len(matches) != 1:
        return
    match = matches[0]
    before, after = clause[: match.start()], clause[match.end() :]
    if _at_a_site(clause):
        return
    if grammar.OTHERS.search(clause) or re.search(
        r"\b(by|additional|adding|another|increase of|further|first|of the|extra)\s*$", before, re.I
    ):
        return
    if grammar.OTHER_SPAN.search(clause) and not re.search(r"(?i)average|averaged", clause):
        return
    phrase = _phrase(before, after)
    if phrase is None or grammar.CONTRIBUTES.search(before):
        return
    if is_hosted(sentence) and "self" not in phrase:
        return  # A total may count customers' machines.
    label = read_label(phrase)
    if label is None or (
        label.column not in HASHRATE_KINDS
        and label.column != "hashrate_avg_operating_ehs"
        and label.column != "peak_hashrate_ehs"
    ):
        return
    number = _number(match, "")
    if re.search(r"(?i)hash ?rate (?:is |was )?$", before) and match["number"].lower().startswith("up to"):
        # "Hash rate up to 36.9 EH/s" tells of a rise; "a capacity of up to" sets a bound.
        number = parse_number(f"approximately {match['number'][5:].strip()} {match['unit']}")
    yield Reading(label.column, number, sentence, phrase, "sentence", label.is_own)


_COMPANY_WORDS = {word.lower() for names in TICKERS.values() for name in names for word in name.split()} | {
    "company's", "the", "our", "its", "increased", "grew",
    "total", "current", "average", "avg", "peak", "month-end", "monthly",
    "self-mining", "in", "a", "and", "as", "with",
    "maintained", "achieved", "reached", "had", "grow", "bitcoin", "mining",
}  # fmt: skip


def _is_plain(word: str) -> bool:
    """True for a capitalised word that names no place: a company, a month, a kind of hashrate, the start of a line."""
    bare = word.lower().removesuffix("'s")
    return bare in _COMPANY_WORDS or bare in KIND_WORDS or bool(bare_months(word)) or word.lower() in _COMPANY_WORDS


def _phrase(before: str, after: str) -> str | None:
    """The words that say which hashrate a figure is, where the clause ties them to it."""
    nouns = list(grammar.HASHRATE_NOUN.finditer(before))
    if len(nouns) == 1:
        noun = nouns[0]
        if before[noun.end() :].strip() and not grammar.HASHRATE_VERB.match(before[noun.end() :]):
            return None
        if any(word[0].isupper() and not _is_plain(word) for word in noun[1].split()):
            return None  # A name before the noun is a site's.
        words = [
            word
            for word in words_of(noun[1])
            if word in KIND_WORDS
            or word in ("average", "avg", "peak", "month-end", "self-mining", "total", "current", "monthly")
        ]
        if "under management" in before:
            return None
        return " ".join([*words, "hashrate", *(["capacity"] if noun[2] else [])])
    if nouns:
        return None
    stated = grammar.HASHRATE_KIND_AFTER.match(after)
    if stated is not None:
        return f"{stated[1]} hashrate"
    follow = grammar.HASHRATE_AFTER.match(after)
    if follow is not None and not re.search(r"(?i)\b(?:the|its|our|their)\b", follow[1]):
        return f"{follow[1]} hashrate{' capacity' if 'capacity' in follow[0].lower() else ''}"
    return None
