"""A mempool.space host, or a compatible one: its blocks, daily hashrate, difficulty adjustments, and fees.

Traps: a day is stamped with the midnight that ends it; a hashrate of zero means that the host did not know; fees of
longer spans come in bins of unequal numbers of blocks, so that their mean is not the mean of the blocks.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hashdesk.sources import mempool_blocks
from hashdesk.sources.base import Batch, RawPayload, Request, SyncContext, unreadable
from hashdesk.sources.fields import DAY, decode, number, part, utc_time
from hashdesk.sources.mempool_blocks import SOURCE
from hashdesk.units import BLOCKS_PER_EPOCH, HASHES_PER_EH, SAT_PER_BTC

if TYPE_CHECKING:
    import polars as pl

__all__ = ["SOURCE", "sync"]

SPANS = {"1m": 28, "3m": 84, "6m": 168, "1y": 350, "3y": 1_050}
"""Names of spans and days that each surely covers; without a name the host gives everything. [days]"""

FEE_BIN_HOURS = {"1m": 0.5, "3m": 2.0, "6m": 3.0, "1y": 8.0, "3y": 12.0}
"""Width of the bins that fees of a span come in. [h]"""

_NEAR_DIFFICULTY = 5.0
"""A day's hashrate lies within this factor of what difficulty implies; beyond it the unit is another one."""

_DIFFICULTY_1_WORK = 2**32
_SECONDS_PER_BLOCK = 600.0


def request_hashrate(base_url: str, span: str = "") -> Request:
    """The question for daily hashrate and difficulty; all of the history without a span."""
    return _request(base_url, "mining/hashrate", span)


def request_adjustments(base_url: str, span: str = "") -> Request:
    """The question for difficulty adjustments."""
    return _request(base_url, "mining/difficulty-adjustments", span)


def request_fees(base_url: str, span: str) -> Request:
    """The question for fees per block in bins."""
    return _request(base_url, "mining/blocks/fees", span)


def _request(base_url: str, what: str, span: str) -> Request:
    url = f"{base_url.rstrip('/')}/api/v1/{what}"
    return Request(SOURCE, f"{url}/{span}" if span else url)


def parse_hashrate(body: bytes) -> tuple[pl.DataFrame, int]:
    """Hashrate of UTC days, and how many days the host did not know.

    Returns
    -------
    DataFrame, shape (n_days, 2)
        ``date``, ``network_hashrate_ehs`` [EH/s]. A point that is not stamped at a midnight is of a day that is not
        over and is left out; a zero is left out and counted.

    Raises
    ------
    PayloadError
        A field is missing or of another kind; a hashrate far from what the difficulty implies; a day twice.
    """
    import polars as pl

    answer = decode(body, dict, "hashrate", SOURCE)
    difficulty = number(
        part(answer, "currentDifficulty", (int, float), "hashrate", SOURCE), "currentDifficulty", SOURCE, low=1.0
    )
    points = part(answer, "hashrates", list, "hashrate", SOURCE)
    found: dict[dt.date, float] = {}
    unknown = 0
    for point in points:
        at = utc_time(part(point, "timestamp", (int, float), "hashrate", SOURCE), "hashrate", SOURCE)
        value = number(
            part(point, "avgHashrate", (int, float), "hashrate", SOURCE), f"avgHashrate of {at:%Y-%m-%d} in H/s", SOURCE
        )
        if at.time() != dt.time():
            continue
        if value == 0:
            unknown += 1
            continue
        day = at.date() - DAY
        if found.setdefault(day, value) != value:
            raise unreadable(f"hashrate: expected one value for {day}", point, SOURCE)
    if found:
        implied = difficulty * _DIFFICULTY_1_WORK / _SECONDS_PER_BLOCK
        latest = found[max(found)]
        if not 1 / _NEAR_DIFFICULTY < latest / implied < _NEAR_DIFFICULTY:
            raise unreadable(f"hashrate: expected about {implied:.3g} H/s, as difficulty implies", latest, SOURCE)
    return pl.DataFrame(
        {"date": list(found), "network_hashrate_ehs": [value / HASHES_PER_EH for value in found.values()]},
        schema={"date": pl.Date, "network_hashrate_ehs": pl.Float64},
    ).sort("date"), unknown


def parse_adjustments(body: bytes) -> pl.DataFrame:
    """Epochs out of rows ``[time, height, difficulty, ratio]``, newest first.

    Returns
    -------
    DataFrame, shape (n_epochs, 3)
        ``start_height``, ``start_at`` (header time of the first block), ``difficulty``.

    Raises
    ------
    PayloadError
        Another shape, a height that no epoch starts at, a ratio that is not the difficulty's, a height twice.
    """
    import polars as pl

    found: dict[int, tuple[dt.datetime, float]] = {}
    ratios: dict[int, float] = {}
    for row in decode(body, list, "difficulty-adjustments", SOURCE):
        if not isinstance(row, list) or len(row) < 4:
            raise unreadable("difficulty-adjustments: expected rows of four values", row, SOURCE)
        height = number(row[1], "difficulty-adjustments: height", SOURCE)
        if height % BLOCKS_PER_EPOCH:
            raise unreadable("difficulty-adjustments: expected the first height of an epoch", row, SOURCE)
        item = (utc_time(row[0], "difficulty-adjustments", SOURCE), number(row[2], "difficulty", SOURCE, low=1.0))
        if found.setdefault(int(height), item) != item:
            raise unreadable(f"difficulty-adjustments: expected one row for height {int(height)}", row, SOURCE)
        ratios[int(height)] = number(row[3], "difficulty-adjustments: ratio", SOURCE, low=0.2, high=4.1)
    for height, ratio in ratios.items():
        before = found.get(height - BLOCKS_PER_EPOCH)
        if before and abs(found[height][1] / before[1] / ratio - 1) > 1e-3:
            raise unreadable(f"difficulty-adjustments: expected {before[1]:.6g} x {ratio:g}", found[height][1], SOURCE)
    heights = sorted(found)
    return pl.DataFrame(
        {
            "start_height": heights,
            "start_at": [found[height][0] for height in heights],
            "difficulty": [found[height][1] for height in heights],
        },
        schema={"start_height": pl.Int64, "start_at": pl.Datetime("us", "UTC"), "difficulty": pl.Float64},
    )


def parse_fees(body: bytes) -> pl.DataFrame:
    """Mean fees per block of UTC days, over the bins of the day, of which some hold more blocks than others.

    Returns
    -------
    DataFrame, shape (n_days, 2)
        ``date``, ``fees_btc_per_block`` [BTC/block]; days that the answer may not cover whole are left out.

    Raises
    ------
    PayloadError
        A field is missing or of another kind, or fees that no block has had: then the unit is another one.
    """
    import polars as pl

    rows = []
    for item in decode(body, list, "fees", SOURCE):
        at = utc_time(part(item, "timestamp", (int, float), "fees", SOURCE), "fees", SOURCE)
        satoshi = number(
            part(item, "avgFees", (int, float), "fees", SOURCE), "avgFees in satoshi", SOURCE, high=500 * SAT_PER_BTC
        )
        rows.append((at.date(), satoshi / SAT_PER_BTC))
    frame = pl.DataFrame(rows, schema={"date": pl.Date, "fees": pl.Float64}, orient="row")
    days = frame.group_by("date").agg(fees_btc_per_block=pl.col("fees").mean()).sort("date")
    if days.height and 0 < float(days["fees_btc_per_block"].mean()) < 1e-7:  # type: ignore[arg-type]
        raise unreadable("fees: expected satoshi per block", days["fees_btc_per_block"][0], SOURCE)
    return days[1:-1]


def sync(context: SyncContext) -> Iterator[Batch]:
    """Blocks after the store's last one, then epochs, daily hashrate and daily fees after this source's last ones.

    Yields
    ------
    Batch
        Rows of ``blocks``, ``epochs`` and ``network_daily``, then of ``network_readings``.

    Raises
    ------
    SourceError, PayloadError
        No answer, or one that cannot be read.
    """
    import polars as pl

    yield from mempool_blocks.sync(context)
    if context.chain != "main":
        return  # The statistics are about the main chain.
    base, today = context.settings.mempool_url, context.now.date()
    epochs = context.facts.read("epochs")
    latest = epochs["start_at"].max()
    context.progress.step("difficulty adjustments", 0, 3)
    payload = context.http.fetch(request_adjustments(base, _span(latest, today)))
    new = parse_adjustments(payload.body)
    if epochs.height:
        certain = epochs.filter(~pl.col("is_start_estimated"))["start_height"].max()
        new = new.filter(pl.col("start_height") > certain)
    if new.height:
        yield Batch(
            "epochs",
            new.select(
                pl.col("start_height").floordiv(BLOCKS_PER_EPOCH).alias("epoch"),
                "start_height",
                "start_at",
                "difficulty",
                is_start_estimated=pl.lit(False),
                source=pl.lit(SOURCE.id),
                known_at=pl.col("start_at").dt.date(),
            ),
            (payload,),
        )
    readings = context.facts.read("network_readings").filter(pl.col("source") == SOURCE.id)

    def known(metric: str) -> dt.date | None:
        last = readings.filter(pl.col("metric") == metric)["date"].max()
        return last if isinstance(last, dt.date) else None

    context.progress.step("daily hashrate", 1, 3)
    last = known("network_hashrate_ehs")
    payload = context.http.fetch(request_hashrate(base, _span(last, today)))
    days, unknown = parse_hashrate(payload.body)
    caveats = (f"{unknown} days of hashrate are not known to the host.",) if unknown else ()
    yield from _readings(days, "network_hashrate_ehs", "EH/s", 24.0, last, today, (payload,), caveats)

    context.progress.step("fees", 2, 3)
    last = known("fees_btc_per_block")
    span = _span(last, today) or "3y"
    payload = context.http.fetch(request_fees(base, span))
    hours = FEE_BIN_HOURS[span]
    note = f"Fees are means of bins of {hours:g} h with unequal numbers of blocks, not of blocks."
    yield from _readings(
        parse_fees(payload.body), "fees_btc_per_block", "BTC/block", hours, last, today, (payload,), (note,)
    )


def _span(last: dt.date | dt.datetime | object, today: dt.date) -> str:
    """The shortest span that reaches back to the last day known; everything where nothing is."""
    if not isinstance(last, dt.date):
        return ""
    day = last.date() if isinstance(last, dt.datetime) else last
    return next((name for name, days in SPANS.items() if (today - day).days < days), "")


def _readings(
    days: pl.DataFrame,
    metric: str,
    unit: str,
    window_hours: float,
    last: dt.date | None,
    today: dt.date,
    payloads: tuple[RawPayload, ...],
    caveats: tuple[str, ...],
) -> Iterator[Batch]:
    import polars as pl

    new = days.filter(pl.col("date") < today)
    if last is not None:
        new = new.filter(pl.col("date") > last)
    if new.height:
        frame = new.select(
            "date",
            metric=pl.lit(metric),
            value=metric,
            unit=pl.lit(unit),
            window_hours=pl.lit(window_hours),
            source=pl.lit(SOURCE.id),
            known_at=pl.col("date") + DAY,
        )
        yield Batch("network_readings", frame, payloads, caveats)
