"""EDGAR's JSON read, and both syncs against a local stand-in for the SEC's hosts."""

import datetime as dt
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from hashdesk.config import load_settings
from hashdesk.errors import InputError, PayloadError
from hashdesk.sources import edgar, production
from hashdesk.sources.base import SyncContext
from hashdesk.sources.edgar_facts import capital_rows, coin_rows, frame_of, parse_companyfacts, share_count_rows
from hashdesk.sources.edgar_filings import Filing, may_be_update, parse_filing_index, parse_submissions
from hashdesk.sources.http import HttpClient

CONTRACT = Path(__file__).resolve().parents[2] / "contract"
FACTS = (CONTRACT / "edgar" / "companyfacts.json").read_bytes()
SUBMISSIONS = (CONTRACT / "edgar" / "submissions.json").read_bytes()


def changed(edit: object) -> bytes:
    data = json.loads(FACTS)
    edit(data["facts"])  # type: ignore[operator]
    return json.dumps(data).encode()


def facts_of(body: bytes = FACTS):
    return parse_companyfacts(body, edgar.SOURCE)


def test_cover_and_balance_sheet_counts_stay_apart_and_a_zero_is_no_count() -> None:
    rows, caveats = share_count_rows(facts_of(), "MARA")
    assert [(row["as_of"], row["shares_outstanding"], row["form"], row["known_at"]) for row in rows] == [
        (dt.date(2025, 5, 5), 350e6, "10-Q cover page", dt.date(2025, 5, 8)),
        (dt.date(2025, 7, 25), 370e6, "10-Q cover page", dt.date(2025, 7, 29)),
        (dt.date(2025, 3, 31), 348e6, "10-Q balance sheet", dt.date(2025, 5, 8)),
    ]
    assert {row["status"] for row in rows} == {"use"}
    assert any("0 shares" in caveat for caveat in caveats)


def test_a_count_of_a_filer_with_two_classes_serves_nothing_until_checked() -> None:
    rows, _ = share_count_rows(facts_of(), "GREE")
    assert {(row["status"], row["use_for"]) for row in rows} == {("check", "none")}
    assert all("Class A and Class B" in str(row["note"]) for row in rows)


def test_two_counts_of_one_filing_and_day_are_not_chosen_between() -> None:
    def edit(facts: dict) -> None:  # type: ignore[type-arg]
        counts = facts["dei"]["EntityCommonStockSharesOutstanding"]["units"]["shares"]
        counts.append({**counts[0], "val": 2_700_000})

    rows, _ = share_count_rows(facts_of(changed(edit)), "MARA")
    assert [row["status"] for row in rows if row["as_of"] == dt.date(2025, 5, 5)] == ["check", "check"]


def test_a_restatement_is_a_row_of_its_own_and_a_repetition_is_none() -> None:
    rows, _ = capital_rows(facts_of(), "MARA")
    march = [(row["cash_usd"], row["known_at"]) for row in rows if row["as_of"] == dt.date(2025, 3, 31)]
    assert march == [(196e6, dt.date(2025, 5, 8)), (190e6, dt.date(2025, 9, 2))]


def test_debt_is_the_two_halves_of_one_tag_and_unknown_where_no_tag_is_filed() -> None:
    rows, _ = capital_rows(facts_of(), "MARA")
    by_day = {(row["as_of"], row["known_at"]): (row["debt_usd"], row["note"]) for row in rows}
    assert by_day[(dt.date(2025, 6, 30), dt.date(2025, 7, 29))] == (
        2.3e9,
        "debt: LongTermDebtNoncurrent + LongTermDebtCurrent",
    )
    assert by_day[(dt.date(2025, 3, 31), dt.date(2025, 5, 8))][0] is None


def test_convertibles_beside_the_debt_chosen_leave_it_unknown() -> None:
    def edit(facts: dict) -> None:  # type: ignore[type-arg]
        debt = facts["us-gaap"]["LongTermDebtNoncurrent"]["units"]["USD"]
        facts["us-gaap"]["ConvertibleNotesPayableNoncurrent"] = {"units": {"USD": [{**debt[0], "val": 5_000_000_000}]}}

    rows, _ = capital_rows(facts_of(changed(edit)), "MARA")
    assert [row["debt_usd"] for row in rows if row["as_of"] == dt.date(2025, 6, 30)] == [None]


def test_another_currency_is_not_converted() -> None:
    def edit(facts: dict) -> None:  # type: ignore[type-arg]
        for tag in ("CashAndCashEquivalentsAtCarryingValue", "LongTermDebtNoncurrent", "LongTermDebtCurrent"):
            facts["us-gaap"][tag]["units"] = {"CNY": facts["us-gaap"][tag]["units"]["USD"]}

    rows, caveats = capital_rows(facts_of(changed(edit)), "CANG")
    assert rows == []
    assert any("CNY" in caveat for caveat in caveats)


def test_coins_count_only_where_the_unit_names_bitcoin() -> None:
    rows, caveats = coin_rows(facts_of(), "MARA")
    assert [(row["as_of"], row["holdings_btc"]) for row in rows] == [(dt.date(2025, 6, 30), 49_951.0)]
    assert any("pure" in caveat for caveat in caveats)


def test_missing_tags_are_said_to_be_missing() -> None:
    empty = json.dumps({"cik": 1, "entityName": "x", "facts": {}}).encode()
    for build in (share_count_rows, capital_rows, coin_rows):
        rows, caveats = build(facts_of(empty), "HIVE")
        assert rows == []
        assert len(caveats) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>blocked</html>",
        FACTS[:300],
        b"[]",
        b'{"facts": {"dei": []}}',
        b'{"cik": 1, "facts": {"dei": {"X": {"units": {"shares": [{"val": 1}]}}}}}',
    ],
)
def test_companyfacts_of_another_shape_are_refused(body: bytes) -> None:
    with pytest.raises(PayloadError, match="companyfacts"):
        facts_of(body)


def test_submissions_give_filings_items_and_older_files() -> None:
    listed = parse_submissions(SUBMISSIONS, edgar.SOURCE)
    assert (listed.cik, listed.tickers, listed.is_foreign) == (1507605, ("MARA",), False)
    assert listed.older_files == ("CIK0001507605-submissions-001.json",)
    assert [filing.accession[-3:] for filing in listed.filings if may_be_update(filing)] == ["031"]
    older = parse_submissions((CONTRACT / "edgar" / "submissions-001.json").read_bytes(), edgar.SOURCE)
    assert older.filings[0].items == ("8.01",)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!DOCTYPE html>",
        SUBMISSIONS[:200],
        b"{}",
        b'{"accessionNumber": ["a"], "form": [], "filingDate": [], "primaryDocument": []}',
    ],
)
def test_submissions_of_another_shape_are_refused(body: bytes) -> None:
    with pytest.raises(PayloadError, match="submissions"):
        parse_submissions(body, edgar.SOURCE)


def test_every_6k_may_be_an_update_and_its_cover_is_looked_at_last() -> None:
    filing = Filing("0001-25-1", "6-K", dt.date(2025, 7, 3), (), "cover6k.htm")
    body = json.dumps(
        {"directory": {"item": [{"name": name} for name in ("cover6k.htm", "letter.htm", "ex99-1.htm", "R2.htm")]}}
    ).encode()
    assert may_be_update(filing)
    assert parse_filing_index(body, filing, edgar.SOURCE) == ["ex99-1.htm", "letter.htm", "cover6k.htm"]


class StubFacts:
    """A store with one filer and no quotes."""

    def __init__(self, quotes: list[dict[str, object]] | None = None) -> None:
        self.quotes = quotes or []

    def read(self, table: str, as_of: dt.date | None = None) -> pl.DataFrame:
        if table == "universe":
            return pl.DataFrame({"ticker": ["MARA"], "cik": [1507605]})
        return frame_of("production_quotes", self.quotes, "production")


PAGES = {
    "/api/xbrl/companyfacts/CIK0001507605.json": FACTS,
    "/submissions/CIK0001507605.json": SUBMISSIONS,
    "/submissions/CIK0001507605-submissions-001.json": (CONTRACT / "edgar" / "submissions-001.json").read_bytes(),
    "/Archives/edgar/data/1507605/000150760525000031/index.json": (CONTRACT / "edgar" / "index.json").read_bytes(),
    "/Archives/edgar/data/1507605/000150760525000031/ex991june2025.htm": (
        CONTRACT / "production" / "ex991june2025.htm"
    ).read_bytes(),
    "/Archives/edgar/data/1507605/000150760524000090/index.json": b'{"directory": {"item": [{"name": "ex99-1.htm"}]}}',
    "/Archives/edgar/data/1507605/000150760524000090/ex99-1.htm": (
        b"<html><p>Production update without a month or a figure that could be read at all.</p></html>"
    ),
}


@pytest.fixture
def sec() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["User-Agent"]))
            body = PAGES.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def context_of(address: str, facts: StubFacts, contact: str | None = "Jane Doe jane@example.org") -> SyncContext:
    settings = load_settings(sec_url=address, sec_archives_url=address, contact=contact)
    return SyncContext(HttpClient(settings), settings, facts, dt.datetime(2025, 7, 4, tzinfo=dt.UTC))


@pytest.mark.enable_socket
@pytest.mark.allow_hosts(["127.0.0.1"])
class TestSync:
    def test_edgar_gives_rows_with_filing_days_and_says_who_we_are(
        self, sec: tuple[str, list[tuple[str, str]]]
    ) -> None:
        context = context_of(sec[0], StubFacts())
        with context.http:
            batches = list(edgar.sync(context))
        assert [(batch.table, batch.frame.height) for batch in batches] == [
            ("share_counts", 3),
            ("capital", 3),
            ("holdings", 1),
        ]
        assert all(batch.frame["known_at"].null_count() == 0 for batch in batches)
        assert "jane@example.org" in sec[1][0][1]

    def test_production_finds_the_exhibit_and_hands_its_quotes_over_last(
        self, sec: tuple[str, list[tuple[str, str]]]
    ) -> None:
        context = context_of(sec[0], StubFacts())
        with context.http:
            batches = list(production.sync(context))
        assert [batch.table for batch in batches] == [
            "production_quotes",
            "production",
            "holdings",
            "production_quotes",
        ]
        assert batches[0].frame.is_empty()
        assert "production update" in batches[0].caveats[0]
        row = batches[1].frame.row(0, named=True)
        assert (row["ticker"], row["month"], row["production_btc"], row["sold_btc"]) == (
            "MARA",
            dt.date(2025, 6, 1),
            713.0,
            0.0,
        )
        assert (row["hashrate_month_end_ehs"], row["hashrate_basis"]) == (57.4, "energized")
        assert batches[2].frame["holdings_btc"].to_list() == [49_940.0]
        quotes = dict(zip(batches[3].frame["column"], batches[3].frame["quote"], strict=True))
        assert quotes["production_btc"] == "BTC produced | 6/30/2025 | 713"
        assert quotes["holdings_btc"] == "On June 30, 2025, MARA held 49,940 BTC."

    def test_a_filing_whose_quotes_are_stored_is_not_asked_for_again(
        self, sec: tuple[str, list[tuple[str, str]]]
    ) -> None:
        first = context_of(sec[0], StubFacts())
        with first.http:
            rows = list(production.sync(first))[3].frame.drop("source").to_dicts()
        sec[1].clear()
        second = context_of(sec[0], StubFacts(rows))
        with second.http:
            assert list(production.sync(second)) == []
        assert not [path for path, _ in sec[1] if path.endswith("ex991june2025.htm")]

    def test_without_a_contact_nothing_is_asked(self, sec: tuple[str, list[tuple[str, str]]]) -> None:
        context = context_of(sec[0], StubFacts(), contact=None)
        with context.http, pytest.raises(InputError, match="mail address"):
            next(edgar.sync(context))
        assert sec[1] == []
