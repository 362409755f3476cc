"""What a production update must not be read as: each trap alone, in a release of invented figures."""

import datetime as dt

import pytest

from hashdesk.errors import PayloadError
from hashdesk.sources.production_update import ProductionUpdate, parse_production_update

HEAD = "Riot Platforms, Inc. (NASDAQ: RIOT) gives its production update for June 2025.\n"


def read(body: str, **options: object) -> ProductionUpdate:
    return parse_production_update(HEAD + body, url="https://example.org/ex99", **options)  # type: ignore[arg-type]


def table(*rows: str, head: str = "Metric | June 2025 | May 2025") -> str:
    return "\n".join([head, *rows])


SURE = "Bitcoin produced | 450 | 470"

REFUSED = {
    "a dash is not zero": ("sold_btc", table(SURE, "Bitcoin sold | - | 500")),
    "N/A is not zero": ("sold_btc", table(SURE, "Bitcoin sold | N/A | 500")),
    "an en dash is not zero": ("sold_btc", table(SURE, "Bitcoin sold | \u2013 | 500")),
    "an empty cell is not zero": ("sold_btc", table(SURE, "Bitcoin sold |  | 500")),
    "a bound is no figure": ("deployed_hashrate_ehs", table(SURE, "Deployed hash rate | over 50 EH/s | 48 EH/s")),
    "a plus sign makes a bound": ("deployed_hashrate_ehs", table(SURE, "Deployed hash rate | 50+ EH/s | 48 EH/s")),
    "a range is no figure": ("deployed_hashrate_ehs", table(SURE, "Deployed hash rate | 45-50 EH/s | 44 EH/s")),
    "a hashrate without a unit is not guessed": (
        "deployed_hashrate_ehs",
        table(SURE, "Deployed hash rate | 33.7 | 33.1"),
    ),
    "dollars are not coins": ("holdings_btc", table(SURE, "Bitcoin held | $19,273 | $19,100")),
    "a percentage is no count": ("production_btc", table("Bitcoin produced | 12% | 470")),
    "millions are not coins": ("production_btc", table("Bitcoin produced | 45 million | 470")),
    "a digit stuck to a number without separator is not trusted": (
        "holdings_btc",
        table(SURE, "Bitcoin held | 19273 | 19,100"),
    ),
    "an extra decimal may be a footnote": (
        "hashrate_avg_operating_ehs",
        table(SURE, "Average operating hash rate (EH/s) | 29.34 | 30.3"),
    ),
    "a daily average that does not fit refuses the month": (
        "production_btc",
        table("Bitcoin produced | 450 | 470", "Average bitcoin produced per day | 20.0 | 15.2"),
    ),
    "two numbers for one thing": ("production_btc", table(SURE) + "\nRiot produced 540 bitcoin in June 2025."),
    "holdings with coins that are owed": ("holdings_btc", table(SURE) + "\nBitcoin held including receivable: 1,900"),
    "an impossible hashrate": ("deployed_hashrate_ehs", table(SURE, "Deployed hash rate | 337 EH/s | 331 EH/s")),
    "a negative count": ("sold_btc", table(SURE, "Bitcoin sold | (397) | 500")),
    "European separators": ("holdings_btc", table(SURE, "Bitcoin held | 19.273,5 | 19.100,2")),
    "watts per terahash of something else": (
        "efficiency_j_per_th",
        table(SURE, "Efficiency of new miners (W/TH) | 13.5 | 13.5"),
    ),
    "another unit than the label's": (
        "deployed_hashrate_ehs",
        table(SURE, "Deployed hash rate (EH/s) | 33.7 J/TH | 33.1"),
    ),
    "a site is not the company": (
        "deployed_hashrate_ehs",
        table(SURE, "Deployed hash rate - Rockdale | 14.7 EH/s | 14.7 EH/s"),
    ),
    "customers' coins": ("production_btc", "Bitcoin earned by hosted customers: 66"),
    "a total that counts customers": (
        "production_btc",
        table("Total bitcoin produced | 520 | 500", "Hosted bitcoin produced | 70 | 60"),
    ),
    "coins a day": ("production_btc", "Riot mined 15.0 bitcoin per day in June 2025."),
    "coins since the start of the year": ("production_btc", "Bitcoin produced year-to-date: 2,900"),
    "coins of a quarter": ("production_btc", "Riot produced 1,426 bitcoin in the second quarter."),
    "coins of the year before": ("production_btc", "In June 2024, Riot produced 255 bitcoin."),
    "coins of the month before": ("production_btc", "Riot produced 514 bitcoin in May."),
    "a target": ("deployed_hashrate_ehs", "Riot expects to reach a deployed hash rate of 45 EH/s by year end."),
    "a forecast": ("energized_hashrate_ehs", "The energized hash rate will be 50 EH/s by the end of 2025."),
    "an increase": ("deployed_hashrate_ehs", "Riot increased its deployed hash rate by 1.7 EH/s."),
    "the value before": ("deployed_hashrate_ehs", "The rise came on top of a deployed hash rate up from 33.7 EH/s."),
    "the network's hashrate": ("operating_hashrate_ehs", "The network operating hash rate was 880 EH/s."),
    "part of the coins": (
        "holdings_btc",
        "Riot held 3,300 restricted bitcoin; it held 1,100 BTC pledged as collateral.",
    ),
    "coins on another day": ("holdings_btc", "As of July 3, 2025, Riot held 19,300 bitcoin."),
    "dollars of coins": ("holdings_btc", "Riot holds bitcoin of $2.1 billion."),
    "coins bought": ("holdings_btc", "Riot holdings rose as it purchased 5,784 BTC."),
    "a share of what was mined": ("sold_btc", "Riot sold 71% of the bitcoin that it produced in June."),
    "an average of another kind": (
        "hashrate_avg_operating_ehs",
        table(SURE, "Average installed hash rate | 33.0 EH/s | 32.0 EH/s"),
    ),
    "a capacity that is under contract": (
        "deployed_hashrate_ehs",
        "Riot has contracted a deployed hash rate of 60 EH/s.",
    ),
    "two kinds in one breath": ("installed_hashrate_ehs", "8.0 EH/s of installed and operational self-mining capacity"),
    "equivalents": ("production_btc", "This equates to 180 bitcoin-equivalents produced in June 2025."),
    "a joint venture's part": ("production_btc", "The joint venture mined 24 bitcoin in June 2025."),
    "no change is not nothing sold": ("sold_btc", table(SURE) + "\nThere was no change in the number of bitcoin sold."),
    "miners not sold are not coins": (
        "sold_btc",
        table(SURE) + "\nRiot did not sell any miners in June; bitcoin rose.",
    ),
    "a site's hashrate": ("operating_hashrate_ehs", "Rockdale's operating hash rate of 8.2 EH/s rose."),
    "a hashrate at a site": ("deployed_hashrate_ehs", "The deployed hash rate at Corsicana was 16.0 EH/s in June."),
    "a subsidiary's coins": ("production_btc", "Riot subsidiary Block Mining produced 33 bitcoin in June 2025."),
    "coins of a facility": ("production_btc", "Our Corsicana facility produced 150 bitcoin in June 2025."),
    "coins of two sites": ("production_btc", "Rockdale produced 300 bitcoin and Corsicana 150 bitcoin in June 2025."),
    "coins of a week": ("production_btc", "In the week to June 30, Riot produced 110 bitcoin."),
    "coins that were not mined": ("production_btc", "Excluding curtailment, Riot produced 480 bitcoin in June 2025."),
    "coins of both kinds": ("production_btc", "Riot produced 34 bitcoin in June 2025, of which 11 came from hosting."),
    "a peer in the same paragraph": (
        "production_btc",
        "Bitfarms had a weaker month. The company mined 233 bitcoin in June 2025.",
    ),
    "a hashrate of one country": ("operating_hashrate_ehs", "Its U.S. operational hash rate was 19.1 EH/s."),
    "a level that was passed": ("holdings_btc", "Riot's treasury went beyond the 19,000 bitcoin threshold."),
    "coins at one custodian": ("holdings_btc", "Riot holds 300 bitcoin at a custodian in Texas."),
    "another company's coins": ("holdings_btc", "Strategy holds 580,000 bitcoin, the most of any company."),
    "coins without the pledged ones": ("holdings_btc", "Riot held 17,000 bitcoin, excluding 2,273 pledged bitcoin."),
    "the price of a hashrate": ("hashrate_avg_operating_ehs", "The average hash rate price was 55 EH/s."),
    "the efficiency of new machines": ("efficiency_j_per_th", "The new fleet efficiency of S21 miners is 13.5 J/TH."),
    "the power price of one site": ("power_price_usd_per_mwh", "Power cost at Rockdale was $0.034/kWh."),
    "a column of targets": ("production_btc", table("Bitcoin produced | 500", head="Metric | June 2025 Target")),
    "six months that end in the month": (
        "production_btc",
        table("Bitcoin produced | 2,956 | 470", head="Metric | Six months ended June 30, 2025 | May 2025"),
    ),
    "a correction": ("production_btc", "Restated: Riot produced 470 bitcoin in June 2025."),
    "coins before an event in the month": ("production_btc", "Riot mined 236 bitcoin before the halving in June."),
}


@pytest.mark.parametrize("trap", REFUSED)
def test_a_trap_gives_no_number(trap: str) -> None:
    column, body = REFUSED[trap]
    try:
        update = read(body)
    except PayloadError:
        return
    assert update.value(column) is None


READ = {
    "a footnote stuck after a thousands group": (
        "holdings_btc",
        19_273.0,
        table(SURE, "Bitcoin held 2 | 19,2733 | 19,223"),
    ),
    "a footnote in brackets": ("holdings_btc", 1_234.0, table(SURE, "Bitcoin held(2) | 1,234(1) | 1,200")),
    "a footnote after a unit": (
        "deployed_hashrate_ehs",
        35.4,
        table(SURE, "Deployed hash rate | 35.4 EH/s3 | 35.4 EH/s"),
    ),
    "petahashes": (
        "hashrate_avg_operating_ehs",
        8.238,
        table(SURE, "Average operating hashrate (PH/s) | 8,238 | 7,107"),
    ),
    "a non-breaking space between thousands": (
        "holdings_btc",
        19_273.0,
        table(SURE, "Bitcoin held | 19\u202f273 | 19\u202f100"),
    ),
    "cents per kilowatt-hour": (
        "power_price_usd_per_mwh",
        34.0,
        table(SURE, "All-in power cost - total | 3.4c/kWh | 3.8c/kWh"),
    ),
    "a power price below zero": (
        "power_price_usd_per_mwh",
        -158.0,
        table(SURE, "All-in power cost - total | (15.8)c/kWh | 3.8c/kWh"),
    ),
    "the older month first": (
        "production_btc",
        450.0,
        table("Bitcoin produced | 470 | 450", head="Metric | May 2025 | June 2025"),
    ),
    "a quarter between the months": (
        "production_btc",
        450.0,
        table("Bitcoin produced | 1,400 | 450 | 470", head="Metric | Q2 2025 | June 2025 | May 2025"),
    ),
    "the year before beside the month": (
        "production_btc",
        450.0,
        table("Bitcoin produced | 450 | 255", head="Metric | June 2025 | June 2024"),
    ),
    "month ends as headers": ("production_btc", 450.0, table(SURE, head="Metric | 6/30/2025 | 5/31/2025 | % \u0394")),
    "short months as headers": ("production_btc", 450.0, table(SURE, head="Metric | Jun-25 | May-25")),
    "months as rows": (
        "production_btc",
        450.0,
        "Month | Bitcoin produced | Deployed hash rate\nMay 2025 | 470 | 35.0 EH/s\nJune 2025 | 450 | 35.4 EH/s",
    ),
    "months as rows, years as columns": (
        "production_btc",
        450.0,
        "Month | BTC earned 2025 | BTC earned 2024\nMay | 470 | 156\nJune | 450 | 189\nYTD totals | 2,900 | 1,557",
    ),
    "the part that is its own beside a total": (
        "production_btc",
        450.0,
        table(
            "Total bitcoin produced | 520 | 500",
            "Self-mined bitcoin produced | 450 | 440",
            "Hosted bitcoin produced | 70 | 60",
        ),
    ),
    "nothing sold, said in words": ("sold_btc", 0.0, table(SURE) + "\nRiot did not sell any bitcoin in June."),
    "a zero that is written": ("sold_btc", 0.0, table(SURE, "Bitcoin sold | 0 | 500")),
    "the month-end day in a sentence": ("holdings_btc", 19_273.0, "As of June 30, 2025, Riot held 19,273 bitcoin."),
    "a rise with the value before it cut off": (
        "production_btc",
        450.0,
        "Riot produced 450 bitcoin in June, down from 470 in May.",
    ),
    "a column of units": (
        "production_btc",
        450.0,
        table("Bitcoin produced | BTC | 450 | 470", head="Metric | Unit | June 2025 | May 2025"),
    ),
    "columns parted by spaces": (
        "production_btc",
        450.0,
        "Key metrics    June 2025    May 2025\nBitcoin produced    450    470",
    ),
    "what it is compared with in brackets": ("holdings_btc", 19_273.0, "Bitcoin held: 19,273 (vs 19,223)"),
    "satoshis": ("production_btc", 450.0, table("Bitcoin produced | 45,000,000,000 sats | 470")),
    "a rise told with its target value": (
        "energized_hashrate_ehs",
        57.4,
        "Energized hash rate increased 2% to 57.4 EH/s.",
    ),
    "the company's own of two kinds": (
        "production_btc",
        450.0,
        "Riot earned 450 self-mined bitcoin and customers earned 66 bitcoin in June 2025.",
    ),
    "coins held at a day written the other way round": (
        "holdings_btc",
        19_273.0,
        "Total holdings 19,273 BTC at 30 June 2025; none sold.",
    ),
    "a label with a date": ("holdings_btc", 19_273.0, "Total BTC holdings as of June 30: 19,273"),
}


@pytest.mark.parametrize("case", READ)
def test_a_figure_stated_plainly_is_read(case: str) -> None:
    column, value, body = READ[case]
    assert read(body).value(column) == pytest.approx(value, rel=1e-12)


def test_kinds_of_hashrate_are_never_merged() -> None:
    update = read(
        table(
            "Deployed hash rate | 35.4 EH/s | 35.4 EH/s",
            "Installed hash rate | 36.0 EH/s | 36.0 EH/s",
            "Peak hash rate | 34.9 EH/s | 34.0 EH/s",
            "Average operating hash rate | 31.3 EH/s | 30.3 EH/s",
        )
    )
    assert {figure.column: figure.value for figure in update.figures} == {
        "deployed_hashrate_ehs": 35.4,
        "installed_hashrate_ehs": 36.0,
        "peak_hashrate_ehs": 34.9,
        "hashrate_avg_operating_ehs": 31.3,
    }
    assert update.month_end_hashrate is not None
    assert update.month_end_hashrate.column == "deployed_hashrate_ehs"


def test_every_figure_carries_the_words_that_it_was_read_from() -> None:
    update = read(table(SURE) + "\nAs of June 30, 2025, Riot held 19,273 bitcoin.")
    quotes = {figure.column: figure.quote for figure in update.figures}
    assert quotes == {
        "production_btc": "Bitcoin produced | June 2025 | 450",
        "holdings_btc": "As of June 30, 2025, Riot held 19,273 bitcoin.",
    }


def test_a_refusal_names_both_numbers() -> None:
    figure = read(table(SURE) + "\nRiot produced 540 bitcoin in June 2025.").figure("production_btc")
    assert figure is not None
    assert "450" in figure.reason
    assert "540" in figure.reason


@pytest.mark.parametrize(
    "document",
    [
        "",
        "<html><body></body></html>",
        "Somebody (NASDAQ: XYZ) published a production update for June 2025. Bitcoin produced: 12",
        "Riot Platforms (NASDAQ: RIOT) announces something without a month. Bitcoin produced: 450",
        "Riot Platforms (NASDAQ: RIOT) reports second quarter 2025 financial results. Riot produced 1,426 bitcoin.",
        HEAD + table("Bitcoin produced | 450 | 470", head="Metric | August 2025 | July 2025"),
        HEAD + "Nothing is stated here that anybody could count, and no figure follows.",
    ],
)
def test_a_document_that_is_no_clear_update_is_refused(document: str) -> None:
    with pytest.raises(PayloadError, match=r"example\.org"):
        parse_production_update(document, url="https://example.org/ex99")


def test_a_release_of_another_company_is_refused() -> None:
    with pytest.raises(PayloadError, match="MARA"):
        read(table(SURE), ticker="MARA")


@pytest.mark.parametrize("filed_on", [dt.date(2025, 6, 12), dt.date(2025, 11, 3)])
def test_a_filing_too_early_or_too_late_for_the_month_is_refused(filed_on: dt.date) -> None:
    with pytest.raises(PayloadError, match="filed"):
        read(table(SURE), filed_on=filed_on)


def test_a_title_without_a_year_takes_it_from_the_filing() -> None:
    text = "Hut 8 Operations Update for June\nBitcoin produced: 90 BTC\nHut 8 Corp. (NASDAQ: HUT)"
    assert parse_production_update(text, url="x", filed_on=dt.date(2024, 7, 5)).month == dt.date(2024, 6, 1)
