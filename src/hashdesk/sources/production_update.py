"""A monthly production update: whose it is, which month it is about, and the figures that it states."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from hashdesk.calendar import next_month, previous_month
from hashdesk.errors import PayloadError
from hashdesk.sources.production_document import Document, read_document
from hashdesk.sources.production_figures import Figure, decide, table_readings
from hashdesk.sources.production_labels import HASHRATE_KINDS, OLD_SYMBOLS, TICKERS, read_label, words_of
from hashdesk.sources.production_numbers import NUMBER, Number, clean, parse_number
from hashdesk.sources.production_periods import MONTH, month_number, months_named
from hashdesk.sources.production_sentences import sentence_readings
from hashdesk.sources.production_tables import Table, tables_of

MAX_LAG_DAYS = 75
"""A release about an earlier month than this is not a monthly update. [days]"""

MAX_CHARACTERS = 120_000
"""A longer text is no monthly update, which runs to some 30,000 with its small print. [characters]"""

_TITLE_WORDS = (
    r"(?:production|mining|operation(?:s|al)?|update|updates|report|results|monthly|investor|performance|figures)"
)
_FULL_YEAR = (
    r"(?:\s+and\s+(?:full[- ]year|fiscal year|year[- ]end|"
    r"(?:first|second|third|fourth) quarter|q[1-4]))?"
)
_TITLES = (
    re.compile(rf"\b({MONTH}){_FULL_YEAR}\s+(20\d\d)\b[^.]{{0,40}}?\b{_TITLE_WORDS}\b", re.I),
    re.compile(
        rf"\b{_TITLE_WORDS}\b[^.\n]{{0,60}}?\b(?:for|in|of)\s+(?:the month (?:of|ended|ending)\s+)?"
        rf"({MONTH})(?:\s+\d{{1,2}})?,?{_FULL_YEAR}\s+(20\d\d)\b",
        re.I,
    ),
    re.compile(rf"\bfor the month (?:of|ended|ending)\s+({MONTH})(?:\s+\d{{1,2}})?,?\s+(20\d\d)\b", re.I),
    re.compile(rf"\bmonth (?:of|ended|ending)\s+({MONTH})(?:\s+\d{{1,2}})?,?\s+(20\d\d)\b", re.I),
    re.compile(rf"\b{_TITLE_WORDS}\s?[,:|-]\s?({MONTH})\s+(20\d\d)\b", re.I),
)
_RESULTS = re.compile(
    r"(?i)\bquarter\b|\bq[1-4]\b|fiscal|three months|years? ended|financial results|annual|balance sheet"
)
_BARE_TITLE = re.compile(
    rf"\b(?:{_TITLE_WORDS}\b[^.\n]{{0,50}}?\b(?:for|in)\s+|announces\s+|provides\s+|reports\s+|releases\s+)?"
    rf"({MONTH})\s+(?:\w+\s+){{0,2}}?{_TITLE_WORDS}\b|"
    rf"\b{_TITLE_WORDS}\s+(?:for|in)\s+(?:the month of\s+)?({MONTH})(?!\s*\d)",
    re.I,
)
_DATELINE = re.compile(rf"\b({MONTH})\s+(\d{{1,2}}),?\s+(20\d\d)\b", re.I)
_EXCHANGE = re.compile(r"\b(?:Nasdaq|NYSE(?: American)?|OTC\w*|TSX-?V?|LSE)[^():]{0,30}:\s*([A-Z]{2,5})\b", re.I)


@dataclass(frozen=True, slots=True)
class ProductionUpdate:
    """What one release states of one company's month."""

    ticker: str
    month: dt.date
    """First day of the month."""
    url: str
    filed_on: dt.date | None
    figures: tuple[Figure, ...]
    """One per column that the release speaks of, refused ones included."""

    def figure(self, column: str) -> Figure | None:
        """The figure of a column; None where the release does not speak of it."""
        return next((figure for figure in self.figures if figure.column == column), None)

    def value(self, column: str) -> float | None:
        """Value of a column; None where it was refused or is not stated."""
        figure = self.figure(column)
        return figure.value if figure else None

    @property
    def month_end_hashrate(self) -> Figure | None:
        """The month-end hashrate that the table ``production`` takes, the first stated in the order of its kinds."""
        for column in HASHRATE_KINDS:
            figure = self.figure(column)
            if figure is not None and figure.value is not None:
                return figure
        return None

    @property
    def known_on(self) -> dt.date:
        """Day on which the figures were public: the filing's, or the first after the month where that is unknown."""
        return self.filed_on or next_month(self.month)


def parse_production_update(
    document: bytes | str, *, url: str, ticker: str | None = None, filed_on: dt.date | None = None
) -> ProductionUpdate:
    """Read a monthly production update.

    Parameters
    ----------
    document : bytes or str
        HTML or plain text of the release.
    url : str
        Address of the document; kept with every figure.
    ticker : str, optional
        Whose release it is; found in the text when it is left out, and checked against it when it is given.
    filed_on : date, optional
        Day of the filing.

    Returns
    -------
    ProductionUpdate
        Figures in BTC, EH/s, J/TH, USD/MWh and USD, each with the words it was read from. A figure that the
        release states in a way open to doubt has no value and says why.

    Raises
    ------
    PayloadError
        The document is empty, names no company that is tracked or another one, or does not say which month it is about.
    """
    read = read_document(document)
    text = read.text
    if read.is_cut_off:
        raise _unclear(url, "a whole page", "one that breaks off before its end")
    if len(re.sub(r"\W", "", text)) < 40:
        raise _unclear(url, "a release", "an empty document")
    if len(text) > MAX_CHARACTERS:
        raise _unclear(url, f"a release of at most {MAX_CHARACTERS:,} characters", f"{len(text):,}")
    symbol = _company(text, ticker, url)
    tables = tables_of(read)
    month = _month(read, tables, filed_on, url)
    _check_day(month, filed_on, url)
    readings = list(table_readings(tables, month, trust_digits=read.has_superscripts, stated=text))
    readings += sentence_readings(read.lines, month, symbol)
    figures = decide(readings, month=month, per_day=_per_day(tables, month))
    if not figures:
        raise _unclear(url, f"figures of {month:%B %Y}", "no label or sentence that is understood")
    return ProductionUpdate(symbol, month, url, filed_on, figures)


def _unclear(url: str, expected: str, got: str) -> PayloadError:
    return PayloadError(
        f"production update {url}: expected {expected}, got {got}.",
        hint="Read the document; if it is a monthly update, its layout is new to the parser.",
        url=url,
    )


def _company(text: str, ticker: str | None, url: str) -> str:
    head = text[:6000]
    listed = [OLD_SYMBOLS.get(symbol.upper(), symbol.upper()) for symbol in _EXCHANGE.findall(head)]
    known: list[str] = [symbol for symbol in listed if symbol in TICKERS]
    at: dict[str, int] = {}
    for symbol, names in TICKERS.items():
        for name in names:
            found = re.search(rf"\b{re.escape(name)}\b", head, re.I if " " in name else 0)
            if found is not None:
                at[symbol] = min(at.get(symbol, len(head)), found.start())
    if ticker is not None:
        given = OLD_SYMBOLS.get(ticker.upper(), ticker.upper())
        if known and given not in known:
            raise _unclear(url, f"a release of {given}", f"one of {known[0]}")
        return given
    if known:
        return known[0]
    if at:
        return min(at, key=lambda symbol: at[symbol])
    for address in (url, *re.findall(r"https?://\S+", head[:600])):
        addressed = [
            symbol for symbol, names in TICKERS.items() if any(_in_address(name, address) for name in (symbol, *names))
        ]
        if len(addressed) == 1:
            return addressed[0]
    raise _unclear(url, "the name or symbol of a miner that is tracked", "none")


def _in_address(name: str, address: str) -> bool:
    """True where an address spells a name as words of its own, or a long name run together."""
    words = re.split(r"[^a-z0-9]+", address.lower())
    wanted = name.lower().split()
    joined = "".join(wanted)
    runs = any(words[i : i + len(wanted)] == wanted for i in range(len(words)))
    return runs or joined in words or (len(joined) > 7 and any(word.startswith(joined) for word in words))


def _month(document: Document, tables: list[Table], filed_on: dt.date | None, url: str) -> dt.date:
    """The month that the release is about: its title's, borne out by its tables."""
    lines = document.text.splitlines()
    head = [clean(line) for line in lines[:60]]
    titled = _titled(head, filed_on)
    headed = sorted({month for table in tables for month in table.months})
    newest = _newest_headed(tables)
    if titled is None and newest is None:
        raise _unclear(url, "the month that the release is about", "no title or column that names one")
    if titled is None and any(_RESULTS.search(line) for line in head[:20]):
        raise _unclear(url, "a monthly update", "what looks like the results of a longer period")
    if titled is None:
        return newest  # type: ignore[return-value]
    if headed and titled not in headed:
        raise _unclear(
            url,
            f"a column for {titled:%B %Y}, the month of its title",
            f"columns for {', '.join(f'{m:%B %Y}' for m in headed)}",
        )
    if newest is not None and newest > titled:
        raise _unclear(url, f"{titled:%B %Y}, the month of its title, as the newest column", f"{newest:%B %Y}")
    return titled


def _newest_headed(tables: list[Table]) -> dt.date | None:
    """Newest month among the columns of tables with a row that is understood."""
    months = [
        month
        for table in tables
        if any(read_label(row.label, row.section) for row in table.rows)
        for month in table.months
    ]
    return max(months, default=None)


def _titled(lines: list[str], filed_on: dt.date | None) -> dt.date | None:
    for n in range(len(lines)):
        # A title may run over two lines.
        for line in (lines[n], " ".join(lines[n : n + 2])):
            matches = [match for pattern in _TITLES if (match := pattern.search(line)) is not None]
            matches = [
                m
                for m in matches
                if m.re is _TITLES[0] or not _RESULTS.search(line[max(0, m.start() - 60) : m.end() + 20])
            ]
            if matches:
                first = min(matches, key=lambda match: match.start(1))
                return dt.date(int(first[2]), month_number(first[1]), 1)
    day = filed_on or _dateline(lines)
    if day is None:
        return None
    for line in lines[:25]:
        match = _BARE_TITLE.search(line)
        name = (match[1] or match[2]) if match is not None else ""
        if name[:1].isupper() and not months_named(line):
            number = month_number(name)
            month = previous_month(day.replace(day=1))
            for _ in range(3):
                if month.month == number:
                    return month
                month = previous_month(month)
    return None


def _dateline(lines: list[str]) -> dt.date | None:
    for line in lines[:25]:
        match = _DATELINE.search(line)
        if match is not None:
            return dt.date(int(match[3]), month_number(match[1]), min(int(match[2]), 28))
    return None


def _check_day(month: dt.date, filed_on: dt.date | None, url: str) -> None:
    if filed_on is None:
        return
    lag = (filed_on - next_month(month)).days
    if not 0 <= lag + 1 <= MAX_LAG_DAYS:
        raise _unclear(
            url, f"a release filed within {MAX_LAG_DAYS} days after {month:%B %Y}", f"one filed on {filed_on}"
        )


def _per_day(tables: list[Table], month: dt.date) -> list[Number]:
    """Stated averages of coins mined per day."""
    found = []
    for table in tables:
        at = [i for i, column in enumerate(table.columns) if column.header.month == month or table.is_implied]
        for row in table.rows:
            words = set(" ".join(words_of(row.label)).replace("/", " ").split())
            is_own = not words & {"hosting", "hosted", "customers", "colocation", "peak", "high", "maximum"}
            if (
                len(at) == 1
                and is_own
                and words & {"day", "daily"}
                and words & {"average", "avg", "per"}
                and words & {"bitcoin", "btc", "self-mined"}
            ):
                number = parse_number(row.cells[at[0]] or "")
                if number.value is not None and re.fullmatch(NUMBER, number.digits):
                    found.append(number)
    return found
