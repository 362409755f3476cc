"""What the feeds make of their answers, trap by trap."""

import datetime as dt
import json

import polars as pl
import pytest

from hashdesk.config import Settings
from hashdesk.errors import PayloadError
from hashdesk.sources import coinmetrics, exchanges, mempool
from hashdesk.sources.base import MemoryArchive, RawPayload, SyncContext
from hashdesk.sources.http import HttpClient
from tests.faults import feed_payloads as payloads
from tests.faults.hostile_server import Question
from tests.faults.memory_store import MemoryStore

ASKED = Question("GET", "/", "", {}, b"")


def test_a_day_of_mempool_is_the_one_that_ends_at_its_stamp() -> None:
    days, unknown = mempool.parse_hashrate(payloads.mempool(ASKED))  # type: ignore[arg-type]
    stamps = [day for day in payloads.DAYS if day != payloads.DAYS[3]]
    assert days["date"].to_list() == [day - dt.timedelta(days=1) for day in stamps]
    assert days["network_hashrate_ehs"][0] == pytest.approx(payloads.HASHRATE / 1e18)
    assert unknown == 1


def test_a_hashrate_in_another_unit_is_seen_by_its_difficulty() -> None:
    body = json.loads(payloads.mempool(ASKED))  # type: ignore[arg-type]
    for point in body["hashrates"]:
        point["avgHashrate"] /= 1e12
    with pytest.raises(PayloadError, match=r"expected about 9\.74e\+20 H/s"):
        mempool.parse_hashrate(json.dumps(body).encode())


def test_an_adjustment_whose_ratio_is_not_its_difficulty_is_refused() -> None:
    rows = [[1_757_000_000, 4032, 2e12, 1.5], [1_756_000_000, 2016, 1e12, 1.0]]
    with pytest.raises(PayloadError, match=r"expected 1e\+12 x 1\.5"):
        mempool.parse_adjustments(json.dumps(rows).encode())
    with pytest.raises(PayloadError, match="first height of an epoch"):
        mempool.parse_adjustments(json.dumps([[1_757_000_000, 4033, 2e12, 1.0]]).encode())


def test_fees_of_days_that_may_be_cut_are_left_out() -> None:
    asked = Question("GET", "/api/v1/mining/blocks/fees/1m", "", {}, b"")
    days = mempool.parse_fees(payloads.mempool(asked))  # type: ignore[arg-type]
    assert days["date"].to_list() == payloads.DAYS[1:-1]
    assert days["fees_btc_per_block"][0] == pytest.approx((2_000_000 + 9) / 1e8)


def test_the_shortest_span_that_reaches_back_is_asked_for() -> None:
    today = dt.date(2025, 9, 8)
    spans = [mempool._span(today - dt.timedelta(days=n), today) for n in (1, 27, 28, 200, 2_000)]
    assert spans == ["1m", "1m", "3m", "1y", ""]


CSV = "asset,time,HashRate,PriceUSD\nbtc,2025-09-02,974000000.5,\nbtc,2025-09-01,,108000.25\n"


def test_the_csv_of_coin_metrics_reads_like_its_json() -> None:
    days = coinmetrics.parse_csv(CSV.encode())
    assert days.rows() == [(dt.date(2025, 9, 1), 108000.25, None), (dt.date(2025, 9, 2), None, 974.0000005)]
    with pytest.raises(PayloadError, match="expected the columns PriceUSD"):
        coinmetrics.parse_csv(b"asset,time,HashRate\nbtc,2025-09-01,1\n")
    with pytest.raises(PayloadError, match="expected rows of btc"):
        coinmetrics.parse_csv(CSV.replace("btc,2025-09-02", "eth,2025-09-02").encode())


def test_an_empty_store_takes_the_whole_history_in_one_answer() -> None:
    asked: list[str] = []

    class Http:
        def fetch(self, request: object) -> RawPayload:
            asked.append(request.wire_url)  # type: ignore[attr-defined]
            return RawPayload(CSV.encode(), "u", "coinmetrics-community", payloads.NOW)

    facts = MemoryStore()
    facts.tables["btc_price_daily"] = payloads.store().tables["btc_price_daily"].clear()
    context = SyncContext(Http(), Settings(), facts, payloads.NOW)  # type: ignore[arg-type]
    batches = facts.commit_all(coinmetrics.sync(context))
    assert len(asked) == 1 and "format=csv" in asked[0] and "start_time=2010-07-18" in asked[0]
    assert [batch.table for batch in batches] == ["btc_price_daily", "network_readings"]


def answers(**bodies: bytes) -> SyncContext:
    """A context whose hosts answer with these bodies; a host without one is down."""
    settings = Settings(
        http_attempts=1, coinbase_url="http://c.test", bitstamp_url="http://b.test", binance_url="http://n.test"
    )
    archive = MemoryArchive()
    http = HttpClient(settings, archive, is_offline=True)
    first, last = payloads.FIRST + dt.timedelta(days=1), payloads.NOW.date() - dt.timedelta(days=1)
    for name, body in bodies.items():
        request = getattr(exchanges, f"request_{name}")(settings, first, last)
        archive.put(RawPayload(body, request.key, name, payloads.NOW))
    return SyncContext(http, settings, payloads.store(), payloads.NOW)


COINBASE, BITSTAMP, BINANCE = (getattr(payloads, name)(ASKED) for name in ("coinbase", "bitstamp", "binance"))


def test_a_close_stands_beside_that_of_a_second_venue() -> None:
    (batch,) = exchanges.sync(answers(coinbase=COINBASE, bitstamp=BITSTAMP, binance=BINANCE))
    row = batch.frame.filter(pl.col("date") == dt.date(2025, 9, 2)).row(0, named=True)
    assert (row["close_usd"], row["close_usd_bitstamp"], row["source"]) == (100_500.0, 100_520.0, "coinbase")
    assert batch.frame["date"].max() == dt.date(2025, 9, 7), "today's candle is not over"
    assert batch.caveats == ()


def test_a_third_venue_stands_in_and_says_so() -> None:
    (batch,) = exchanges.sync(answers(bitstamp=BITSTAMP, binance=BINANCE))
    assert set(batch.frame["source"]) == {"bitstamp"}
    assert batch.frame["close_usd_bitstamp"][0] == 100_540.0
    assert "The second close from 2025-09-02 to 2025-09-07 is Binance's." in batch.caveats


def test_one_venue_alone_is_named_as_unchecked() -> None:
    (batch,) = exchanges.sync(answers(binance=BINANCE))
    assert batch.frame["close_usd_bitstamp"].null_count() == batch.frame.height
    assert batch.caveats[-1] == "Binance alone: no second venue checks the closes from 2025-09-02 to 2025-09-07."


def test_a_close_outside_the_range_of_its_day_is_refused() -> None:
    with pytest.raises(PayloadError, match="low <= close <= high"):
        exchanges.parse_coinbase(b"[[1756684800, 100, 110, 105, 120, 1]]")
    with pytest.raises(PayloadError, match="time in milliseconds"):
        exchanges.parse_binance(b'[[1756684800, "1", "2", "1", "1.5", "9"]]')
    with pytest.raises(PayloadError, match="pair BTC/USD"):
        exchanges.parse_bitstamp(b'{"data": {"pair": "BTC/EUR", "ohlc": []}}')
