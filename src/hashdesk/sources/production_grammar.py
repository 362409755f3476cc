"""The words of running text: what makes a clause a statement about the month, and what makes it something else."""

from __future__ import annotations

import re

from hashdesk.sources.production_numbers import NUMBER
from hashdesk.sources.production_periods import MONTH


def _any(*patterns: str) -> str:
    return rf"\b(?:{'|'.join(patterns)})\b"


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile(_any(*patterns), re.I)


ABBREVIATIONS = re.compile(
    r"\b(Inc|Corp|Ltd|No|vs|approx|appx|avg|Mr|Mrs|Ms|Dr|U\.S|Co|St|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.",
    re.I,
)
"""A full stop that ends no sentence."""

FORWARD = _words(
    *(r"expect\w*", r"anticipat\w*", r"target\w*", "goals?", "plan(?:s|ned|ning)?", "will", "on track", "guidance"),
    *("project(?:ed|s)", r"forecast\w*", "by year[- ]end", r"potential\w*", "would", "could", r"aim\w*", "(?-i:may)"),
    *(
        "by (?:the )?(?:end|mid|middle|early|late|q[1-4]|second half|first half)",
        "upon completion",
        "once",
        "when fully",
    ),
    *(r"toward\w*", "path to", "milestone of", r"intend\w*", "look(?:ing)? (?:to|forward)", "pipeline", "roadmap"),
    *("contracted", "secured", "scheduled", "capable", "to reach", r"remain\w* (?:to|on)", "outlook", "objective"),
    *("ambition", r"design\w*", "equates? to", "equivalents?", "nameplate of", "if"),
)
"""What is hoped for, or reckoned in something else."""

OTHER_SPAN = _words(
    *("year[- ]to[- ]date", "ytd", r"quarter\w*", "q[1-4]", "fiscal", r"fy ?\d*", "since", r"cumulative\w*", "a day"),
    *("per (?:day|hour|week|exahash|eh)", "daily", "/day", "first half", "second half", "six months", "nine months"),
    *(r"annual\w*", r"in 20\d\d", "calendar", "inception", "lifetime", "last year", "prior year", "year ago", "week"),
    *("prior month", "previous month", "last month's", "month before", "before the halving", "after the halving"),
    *("pre-halving", "post-halving", "day", "hours?", "to date", "twelve months", "all[- ]time total"),
)
"""Another span than the month."""

OTHERS = _words(
    *("customers?", "clients?", "hosted", "hosting", "hosts?", r"colocat\w+", r"co-locat\w+", r"third[- ]part\w+"),
    *("cloud", "managed", "under management", "joint ventures?", "network", "global hash", "each", "partners?"),
    *("per (?:bitcoin|btc)", "investors?", "tenants?", "peers?", "industry", "competitors?", "subsidiar(?:y|ies)"),
)
"""Somebody else's coins or machines."""

PARTS = _words(
    *("unrestricted", "restricted", "pledged?", r"collateral\w*", "encumbered", "receivable", "loan(?:s|ed)?", "lent"),
    *("of which", r"includ\w+", "excluding", r"purchas\w+", r"acquir\w+", "bought", "fair value", "additional"),
    *("another", "remaining", "earned by", r"approximately \d+ (?:of|were)"),
)
"""Part of the coins, or coins beside them."""

COMPARED = re.compile(
    _any(
        *("compared (?:to|with)", "versus", r"vs\.?", "up from", "down from", "against", "than", "as opposed to"),
        *("increased? from", "decreased? from", "rose from", "fell from", "grew from", "following", "after"),
        "(?:increase|decrease|decline|growth|improvement|drop|rise|gain|change) (?:over|of|from|on|versus|compared)",
        *(r"from (?:approximately )?\d+", "representing", "(?:which|that) (?:is|was|represents?|represented)"),
    )
    + r"|\ban? (?:\w+ )?\d+(?:\.\d+)?[ -]?(?:%|per[- ]cent)(?! (?:\S+ )?(?:increase|rise|growth|improvement) in\b)",
    re.I,
)
"""From here on a clause speaks of what the figure is compared with."""

SITE = re.compile(r"\b(?:[Aa]t|[Ii]n|[Ff]rom|across) (?:our |the |its )?(?!the month)([A-Z][\w.']+)")

CLAUSE_ENDS = re.compile(
    r";\s|,?\s(?:while|whereas|but|although)\s|\s--?\s|\s\((?!EH)|\)\s|"
    r",?\s(?=of which\b)|"
    r",\s(?=(?:and )?(?:our|its|the|a|an|up|down|compared|versus|which|with|as)\b)|"
    r",\s(?=(?:taking|bringing|ending|reaching|equating|averaging)\b)|"
    r"\sand (?=(?:its |our |an )?(?:installed|deployed|energized|operational|average)\b)"
)

APPENDED = _words("with", "or", "and", "averaging", "equating", "representing", "at an")
"""What follows such a word qualifies something else than the figure before it."""

_HEDGE = (
    r"(?:(?:approximately|approx\.?|about|around|roughly|~|over|more than|above|at least|nearly|almost|up to|"
    r"an estimated|a total of|a record(?: of)?|exactly)\s+)*"
)
_BTC = r"(?:self[- ]mined\s+)?(?:bitcoins?|btc)"
_EXA = (
    r"EH/s(?:ec(?:ond)?)?|EHs?|EH per second|exahash(?:es)?(?: per second)?|"
    r"PH/?s|petahash(?:es)?(?: per second)?"
)


def _coins(n: int) -> str:
    return rf"(?P<number{n}>{_HEDGE}{NUMBER})(?P<unit{n}>\s+{_BTC})"


_OWN_BALANCE = r"(?:in (?:its |our |the )?treasury|on (?:its|our|the) balance sheet)"

_WHERE_AND_WHEN = rf"(?:,?\s+(?:in treasury|in total|at|as|of|on|the|month|month-end|end|period|{MONTH})(?=[\s,:]))*"
"""What may stand between a balance and its verb; years and days are taken out before."""

PRODUCED = re.compile(
    rf"\b(?:self[- ])?(?:produce[sd]|producing|mine[sd]|mining|earned|earning|generated)\s+{_coins(1)}\b|"
    rf"(?<![\w.,]){_coins(2)}\s+(?:were\s+|was\s+)?(?:self[- ])?(?:produced|mined|earned)\b"
    r"(?!\s+by\s+(?:our )?(?:customers|clients))|"
    rf"\b(?:bitcoin|btc) production\b[^.;]{{0,40}}?\b(?:of|to|was|totale?d|at)\s+{_coins(3)}\b|"
    rf"\b(?:production|output)\b[^.;\d]{{0,25}}\b(?:of|was|totale?d)\s+{_coins(4)}\b",
    re.I,
)
SOLD = re.compile(
    rf"\b(?:sold|sale of)\s+{_coins(1)}\b|"
    rf"(?<![\w.,]){_coins(2)}\s+(?:were|was)\s+sold\b|"
    rf"\bsold\s+(?P<number3>{_HEDGE}{NUMBER})(?P<unit3>)\s+of\s+(?:the|its|our)\s+{NUMBER}\s+{_BTC}\b",
    re.I,
)
NONE_SOLD = re.compile(
    rf"\b(?:did not|didn't|opted not to|chose not to|elected not to) sell any\b(?: of (?:its|the|our))?\s+{_BTC}\b|"
    r"\b(?:did not|opted not to|chose not to|elected not to) sell any(?: of (?:its|the|our))?\b(?! (?!bitcoin|btc)\w)|"
    rf"\bnone (?:was |were )?sold\b|\bno {_BTC} (?:were |was )?sold\b|\bsold no {_BTC}\b|"
    rf"\bopting against selling any\b|\b(?:did not|didn't) sell {_BTC}\b",
    re.I,
)
HELD = re.compile(
    r"\b(?:held|holds|holding|holdings|hodl position|treasury|balance|reserves?)\b(?!\s+management)"
    rf"(?:(?!\b(?:sold|mined|produced|earned)\b)[^.;$\d%]){{0,60}}?\s{_coins(1)}\b|"
    rf"(?<![\w.,]){_coins(2)}\s+(?:were\s+|was\s+)?(?:held|{_OWN_BALANCE})\b|"
    rf"\b(?:bitcoin|btc) (?:holdings?|held){_WHERE_AND_WHEN}\s*(?:\bto|\bof|\bwere|\bwas|\bstood at|\btotale?d|"
    rf"\breached|:)\s+(?P<number3>{_HEDGE}{NUMBER})(?P<unit3>)"
    r"(?!\s*(?:%|million|billion|eth|[A-Za-z]*eth\b)|[\d,]|\.\d)|"
    rf"\bholdings of btc and eth were\s+(?P<number4>{NUMBER})(?P<unit4>\s+and)\b",
    re.I,
)
NOT_AS_IT_WAS = _words(
    "excluding", "without", r"adjust\w*", r"normali[sz]ed", "pro forma", "restated", "previously reported"
)
"""A sentence that reckons with what was not, or corrects what was said."""

PASSED = _words("beyond", r"surpass\w*", r"exceed\w*", "threshold", "past", "milestone", "mark")
"""A level that was passed, not the level itself."""

PLAIN_CAPITALS = frozenset(
    {
        *("the", "our", "we", "in", "as", "of", "during", "at", "for", "while", "however", "company", "bitcoin", "btc"),
        *("total", "increased", "this", "by", "its", "it", "and", "on", "with", "following", "hodl", "month", "also"),
        *(
            "despite",
            "alongside",
            "notably",
            "overall",
            "additionally",
            "treasury",
            "holdings",
            "self-mined",
            "to",
            "a",
        ),
        *(
            "approximately",
            "unaudited",
            "digital",
            "inc",
            "ltd",
            "corp",
            "corporation",
            "plc",
            "highlights",
            "operations",
        ),
    }
)
"""Words that stand capitalised at the start of a line without naming anybody."""

PLACES = _words(
    "facility", "facilities", "sites?", "cent(?:er|re)s?", "campus", "plants?", "venture", "building", "phase"
)
"""What mines part of the company's coins."""

HASHRATE = re.compile(rf"(?P<number>{_HEDGE}{NUMBER})\s*(?P<unit>{_EXA})(?!\w)", re.I)
NOT_THE_FLEET = _words("new", r"s\d\d\w*", "model", "miners?", "next[- ]generation", r"order\w*", r"upgrade\w*")
EFFICIENCY = re.compile(
    r"\bfleet(?:-?wide|'s)?(?: (?:energy|power|mining|average))? efficiency\b[^.;\d%]{0,50}?\b(?:of|is|was|to|at|"
    r"stood at|now)\s+"
    rf"(?P<number>{_HEDGE}{NUMBER})\s*(?P<unit>[JW]/TH|(?:joules|watts) per terahash)(?!\w)",
    re.I,
)
ELSEWHERE = re.compile(
    rf"^\s+(?:at|with|through)\s+(?!month|the end|the month|year|period|quarter|its end|{MONTH})", re.I
)
"""After coins that are held: held at one place, with one custodian."""
POWER_PRICE = re.compile(
    r"\bpower (?:costs?|prices?)\b[^.;]{0,80}?(?P<number>(?:approximately\s+)?\$\s?0?\.\d+)\s*(?P<unit>(?:/|"
    r"per )\s?kWh)",
    re.I,
)
NO_PLACES = frozenset({"ASIC", "ASICs", "GPU", "GPUs", "Bitcoin", "BTC", "EH"})
"""Capitalised words after "at", "in" and "from" that are no site."""

OF_ITS_OWN = re.compile(r"(?i)\s+(?:from|with|by|through|on) (?:its|our) own\b")
CONTRIBUTES = _words(r"accounts? for", r"accounted for", r"contribut\w+", "makes? up", "adds?", "added")
"""Before a hashrate that is part of the company's."""

VALUE_TAIL = re.compile(
    r"(?i),?\s+(?:at an? (?:\w+ )?(?:average|price)\b|for (?:net |gross |total )?proceeds|for \$|generating\b).*$"
)
"""What the coins of a line were sold for."""
DATE_TAIL = re.compile(rf"(?i),?\s*\(?\b(?:at|on|as of|as at)\s+(?:{MONTH}|\d|the|month).*$")
"""The day that a line gives for its value."""

HASHRATE_KIND_AFTER = re.compile(
    r"\s+(installed|deployed|energized|energised|operational)(?=$|[\s,.;](?!capacity))", re.I
)
HASHRATE_NOUN = re.compile(r"((?:[\w.'-]+\s+){0,4})hash ?rate( capacity)?\b", re.I)
_BETWEEN = (
    r"(?:(?:has|had|have|also|now|again|further|slightly|another|then|increase[sd]?|grew|grown|grows?|rose|risen|fell|"
    r"decrease[sd]?|improve[sd]|remained|remains|steady|stable|unchanged|flat|climbed|expanded|by|for|in|during|"
    r"the|month|of|"
    r"january|february|march|april|may|june|july|august|september|october|november|december|and|approximately|up|"
    r"\d[\d.]*\s?%|m/m|mom|month[- ]over[- ]month|quarter-end|end|at)\s+)*"
)
HASHRATE_VERB = re.compile(
    rf"^(?:\s*\((?:EH/s|\d)\))?,?\s*{_BETWEEN}"
    r"(?:of|to|was|is|at|reach|reached|reaching|reaches|totale?d|stood at|stands at|averaged|:|hit|were|to reach|"
    r"continue[sd]? to be)\s*"
    r"(?:an all-time high of |a record )?(?:[\d.]+%\s*(?:m/m|month[- ]over[- ]month)?\s*to\s*)?$",
    re.I,
)
HASHRATE_AFTER = re.compile(r"\s+of\s+((?:[\w-]+\s+){0,3})(?:hash ?rate|mining capacity|capacity)\b", re.I)
LONGER_SPAN = _words("quarter", "q[1-4]", "year[- ]to[- ]date", "full[- ]year", "fiscal", "half[- ]year", "annual")
COMPARISON = re.compile(
    r"\s*\((?:vs\.?|from|up|down|compared|prior|target|goal|[-+]?\d+(?:\.\d+)?\s?%|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*)\b[^()]*\)$",
    re.I,
)
"""Brackets at the end of a line that hold what the figure is compared with."""
LABEL_AND_VALUE = re.compile(r"^(?P<label>[^:|]{4,90}?)\s*:\s*(?P<value>[^:|]{1,40})$")
