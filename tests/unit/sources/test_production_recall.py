"""Ways of laying out an update that are read, and their neighbours that must not be: invented figures throughout."""

import contextlib
import time

import pytest

from hashdesk.errors import PayloadError
from hashdesk.sources.production_update import MAX_CHARACTERS, ProductionUpdate, parse_production_update

HEAD = "Riot Platforms, Inc. (NASDAQ: RIOT) gives its production update for June 2025.\n"


def read(body: str, head: str = HEAD) -> ProductionUpdate:
    return parse_production_update(head + body, url="https://example.org/ex99")


def values(update: ProductionUpdate) -> dict[str, float]:
    return {figure.column: figure.value for figure in update.figures if figure.value is not None}


PAIRS = "Bitcoin produced\n450\nBitcoin held\n19,273\nDeployed hash rate\n35.4 EH/s"
FLAT = (
    "Key metrics June 2025 1 May 2025 1 Month/Month Bitcoin Produced 450 470 -4 % Bitcoin Held 2 19,273 19,223 0 % "
    "Deployed Hash Rate - Rockdale 14.7 EH/s 14.7 EH/s 0 % Deployed Hash Rate - Total 35.4 EH/s 35.0 EH/s 1 %"
)


@pytest.mark.parametrize("body", [PAIRS, FLAT], ids=["label above value", "run together into one line"])
def test_tables_without_lines_of_their_own_are_read(body: str) -> None:
    found = values(read(body))
    assert {k: found[k] for k in ("production_btc", "holdings_btc", "deployed_hashrate_ehs")} == {
        "production_btc": 450.0,
        "holdings_btc": 19_273.0,
        "deployed_hashrate_ehs": 35.4,
    }


NOT_READ = {
    "values above their labels": "Highlights\n450\nBitcoin produced\n19,273\nBitcoin held",
    "two values to a label, no header": "Bitcoin produced\n450\n470\nBitcoin held\n19,273\n19,223",
    "pairs under a quarter": "Second quarter\nBitcoin produced\n1,426\nBitcoin held\n19,273",
    "pairs of another month": "May 2025\nBitcoin produced\n470\nBitcoin held\n19,223",
    "pairs of the month before": "Prior month\nBitcoin produced\n470\nBitcoin held\n19,223",
    "pairs of the year so far": "Year to date\nBitcoin produced\n1,900\nBitcoin held\n19,223",
    "pairs of a target": "Targets for 2026\nBitcoin produced\n600\nDeployed hash rate\n45 EH/s",
    "somebody's coins": "The trust's bitcoin holdings were 9,000.",
    "it, after a peer and the own name": "Bitfarms did well. Riot said so. It mined 233 bitcoin in June 2025.",
    "a run-together row with a value missing": "Key metrics June 2025 May 2025 Bitcoin Produced 450 Bitcoin Sold 397",
    "a footnote in place of a missing value": (
        "Key metrics June 2025 May 2025 Bitcoin Held 2 19,273 Bitcoin Produced 2 450 Bitcoin Sold 2 500"
    ),
    "segments without the company's own": "Segment | Bitcoin produced\nHosting | 153\nTotal | 226",
    "a total of own and hosted": "The total energized hash rate was 20.1 EH/s, of which hosting was 2.0 EH/s.",
    "what a site contributes": "Corsicana accounts for 15.7 EH/s of the deployed hash rate.",
    "a day in brackets after the figure": "16 EH/s installed (as of July 4)",
    "coins at a day that is not the last": "Total BTC holdings: 12,502 at July 3, 2025",
    "production without a coin": "June production: 450",
    "production of the year": "Year-to-date production: 2,900 BTC",
    "a peer's sentence and the one after it": "Bitfarms mined 233 bitcoin. The company also mined 12 bitcoin in May.",
}


@pytest.mark.parametrize("case", NOT_READ)
def test_what_could_be_read_in_two_ways_is_not_read(case: str) -> None:
    try:
        update = read(NOT_READ[case])
    except PayloadError:
        return
    assert values(update) == {}


SENTENCES = {
    "two columns of the month that agree": (
        "production_btc",
        450.0,
        "Metric | 6/30/2025 | 6/30/2024 | % | 6/30/2025 | 5/31/2025\nBTC produced | 450 | 255 | 76% | 450 | 470",
    ),
    "a value with its day": ("holdings_btc", 12_502.0, "Total BTC holdings: 12,502 at June 30, 2025"),
    "the coin beside the value": ("production_btc", 450.0, "June production: 450 BTC"),
    "what they were sold for": ("sold_btc", 293.5, "BTC sold in month: 293.5 at an average of $102,254 per BTC"),
    "a part named after the whole": ("holdings_btc", 19_273.0, "Riot held 19,273 bitcoin, of which 3,300 are pledged."),
    "coins held as subject": ("holdings_btc", 18_692.0, "Bitcoin held at month end was 18,692."),
    "coins sold as subject": ("sold_btc", 12.65, "In June 12.65 bitcoin were sold at about $101,246."),
    "some of those mined": ("sold_btc", 173.0, "Riot sold 173 of the 217 BTC earned."),
    "own fleet beside customers": (
        "production_btc",
        256.0,
        "Riot earned 256 bitcoin from its own fleet in June, and hosting customers earned 49 bitcoin.",
    ),
    "before a peer is named": (
        "production_btc",
        450.0,
        "Riot produced 450 bitcoin in June 2025. Bitfarms mined 233 bitcoin.",
    ),
    "no capital decides": ("sold_btc", 0.0, "No bitcoin was sold in June."),
    "own segment among rows": (
        "production_btc",
        73.0,
        "Segment | Bitcoin produced\nHosting | 153\nSelf-mining | 73\nTotal | 226",
    ),
    "a heading between piped rows": (
        "production_btc",
        78.0,
        "Metric | June 2025 | May 2025\nTotal hashrate under management | 21.0 EH/s | 20.6 EH/s\nBitcoin mining\n"
        "Bitcoin produced | 78 BTC | 65 BTC",
    ),
    "none sold, none received": (
        "sold_btc",
        0.0,
        "Metric | June 2025 | May 2025\nBitcoin sold | - | 400\nBitcoin sales - net proceeds | - | $12.1 million",
    ),
    "two decimals throughout": (
        "production_btc",
        496.35,
        "Metric | June 2025 | May 2025\nNumber of bitcoin produced | 496.35 | 569.0\n"
        "Average bitcoin produced per day | 16.55 | 18.35\nBitcoin sold | 550.03 | 0\nPrice change | 12.25 | 3.1",
    ),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_a_plain_statement_in_other_words_is_read(case: str) -> None:
    column, value, body = SENTENCES[case]
    assert read(body).value(column) == value


@pytest.mark.parametrize("title", ["Riot production update, June 2025", "Riot mining operations: June 2025"])
def test_a_title_with_the_month_after_a_mark_is_a_title(title: str) -> None:
    assert values(read("Bitcoin produced: 450", title + "\n")) == {"production_btc": 450.0}


PROSE = (
    "The fleet is large and Riot produced 450 bitcoin in June 2025, up from 440, at a deployed hash rate of 35 EH/s. "
)
HOSTILE = {
    "prose": lambda n: HEAD + (PROSE * 3 + "\n") * (n // 340),
    "lone pipes": lambda n: HEAD + "|\n" * (n // 2),
    "pipes in a line": lambda n: HEAD + "1|" * (n // 2),
    "digits": lambda n: HEAD + "1," * (n // 2),
    "one word": lambda n: HEAD + "hash rate " * (n // 10),
    "months": lambda n: HEAD + "June 2025\n" * (n // 10) + "Bitcoin held\n1\n" * (n // 15),
    "rows": lambda n: f"<html>{HEAD}<table>{'<tr><td>Hash rate</td><td>5.25</td></tr>' * (n // 38)}</table>",
    "wide row": lambda n: f"<html>{HEAD}<table><tr>{'<td>June 2025</td>' * (n // 18)}</tr></table>",
    "hidden": lambda n: f"<html>{HEAD}<sup>{'<b>' * (n // 8)}{'</i>' * (n // 8)}",
    "tables": lambda n: f"<html>{HEAD}" + "<table><tr><td>" * (n // 15),
}


def seconds(document: str) -> float:
    start = time.process_time()
    with contextlib.suppress(PayloadError):
        parse_production_update(document + "</html>" * document.startswith("<html>"), url="x")
    return time.process_time() - start


@pytest.mark.parametrize("kind", HOSTILE)
def test_time_grows_with_the_length_and_not_with_its_square(kind: str) -> None:
    make = HOSTILE[kind]
    seconds(make(2_000))
    short = min(seconds(make(15_000)) for _ in range(3))
    long = min(seconds(make(60_000)) for _ in range(2))
    assert long < 10 * short + 0.05


def test_a_text_too_long_for_an_update_is_refused_at_once() -> None:
    with pytest.raises(PayloadError, match="characters"):
        read("a" * MAX_CHARACTERS)


def test_a_long_text_costs_less_than_a_second() -> None:
    assert seconds(HOSTILE["prose"](340_000)) < 1.0
    assert seconds(HOSTILE["lone pipes"](200_000)) < 1.0
