"""Lines of the calculation from blocks, difficulty, fees and prices to hashrate, revenue and hashprice."""

from __future__ import annotations

import datetime as dt
import math
import statistics

from scipy.special import gammaincinv

from hashdesk.note.xlsx_lines import (
    DAYS_INSIDE,
    FEES_KNOWN_MASK,
    HIGH_FACTOR,
    INSIDE_MASK,
    LEVEL,
    LOW_FACTOR,
    Line,
    Number,
    Window,
    before,
    poisson_factors,
)
from hashdesk.note.xlsx_network import WEEK_DAYS
from hashdesk.units import BLOCKS_PER_EPOCH, BTC_DAYS_PER_YEAR, SECONDS_PER_DAY, TARGET_BLOCKS_PER_DAY

_DIFFICULTY_COUNT = "MAX({n_days}*target_blocks_per_day,blocks_per_epoch-1)"
"""Blocks that a difficulty rests on: those of the period at the target pace, at least the epoch that set it."""


def _last(name: str) -> str:
    return f"=INDEX(daily_{name},MATCH({{end}}-1,daily_date,0))"


def _average(name: str) -> tuple[str, Number]:
    return f"=AVERAGEIFS(daily_{name},{DAYS_INSIDE})", lambda w: w.mean(name)


def _bounds(figure: str, label: str, unit: str, count: str, n: Number, *, inverse: bool = False) -> list[Line]:
    """Lower and upper bound of a figure that is proportional (or inverse) to a count of blocks."""
    low = f"{{{figure}}}*" + LOW_FACTOR.replace("{n}", count)
    high = f"{{{figure}}}*" + HIGH_FACTOR.replace("{n}", count)
    if inverse:
        low = f"{{{figure}}}/(" + HIGH_FACTOR.replace("{n}", count) + ")"
        high = f"{{{figure}}}/(" + LOW_FACTOR.replace("{n}", count) + ")"

    def lower(w: Window) -> float:
        factors = poisson_factors(n(w))
        return w[figure] / factors[1] if inverse else w[figure] * factors[0]

    def upper(w: Window) -> float:
        factors = poisson_factors(n(w))
        return w[figure] / factors[0] if inverse else w[figure] * factors[1]

    how = "Exact Poisson bound on the blocks counted" + ("; hashrate stands in the denominator" if inverse else "")
    return [
        Line(f"{figure}_low", f"{label}, lower bound", unit, f"={low}", lower, how),
        Line(f"{figure}_high", f"{label}, upper bound", unit, f"={high}", upper, how),
    ]


def _volatility(w: Window) -> float:
    returns = [row[0] for row in w.rows("btc_log_return", start=w.start + dt.timedelta(days=1))]
    return statistics.stdev(returns) * math.sqrt(BTC_DAYS_PER_YEAR)


def _fee_share(w: Window) -> float:
    rows = w.rows("fees_btc", "subsidy_btc", "btc_price_usd")
    fees = math.fsum(row[0] for row in rows)
    return fees / (fees + math.fsum(row[1] for row in rows))


def _volatility_bound(figure: str, function: str, pick: int) -> tuple[str, Number]:
    """Chi-square bound of a standard deviation over the period's daily returns."""
    formula = f"={{{figure}}}*SQRT(({{n_days}}-2)/_xlfn.{function}((1-confidence_level)/2,{{n_days}}-2))"

    def value(w: Window) -> float:
        degrees = w.n_days - 2
        tail = ((1 + LEVEL) / 2, (1 - LEVEL) / 2)[pick]
        return w[figure] * math.sqrt(degrees / (2 * float(gammaincinv(degrees / 2, tail))))

    return formula, value


def _product(*names: str) -> Number:
    return lambda w: math.fsum(math.prod(row) for row in w.rows(*names))


def _difficulty_count(w: Window) -> float:
    return max(w.n_days * TARGET_BLOCKS_PER_DAY, BLOCKS_PER_EPOCH - 1)


def _n_blocks(w: Window) -> float:
    return w["n_blocks"]


def network_lines() -> list[Line]:
    """The lines from blocks, difficulty, fees and prices to hashrate, revenue and hashprice."""
    price_mean, price_7d = _average("btc_price_usd"), _average("btc_price_7d_usd")
    implied, days_mean = _average("network_hashrate_implied_ehs"), _average("network_hashrate_ehs")
    revenue, hashprice = _average("block_reward_revenue_usd_per_ehs_day"), _average("hashprice_usd_per_phs_day")
    per_ehs = "USD/EH/s/day"
    revenue_id, hashrate_id = "block_reward_revenue_usd_per_ehs_day", "network_hashrate_ehs"
    scheduled = _product("subsidy_per_block_btc", "btc_price_usd")
    issued, fees_usd = _product("subsidy_btc", "btc_price_usd"), _product("fees_btc", "btc_price_usd")
    volatility = "btc_volatility_annualised_frac"
    z_formula = "=LN({%s}/{%s_prior})/SQRT(1/{n_blocks}+1/{n_blocks_prior})"

    def z_of(figure: str) -> Line:
        def z(w: Window) -> float:
            noise = math.sqrt(1 / w["n_blocks"] + 1 / before(w)["n_blocks"])
            return math.log(w[figure] / before(w)[figure]) / noise

        return Line(
            f"{figure}_z",
            "   change in standard errors, z",
            "z",
            z_formula % (figure, figure),
            z,
            "Log change over its sampling noise; beyond z_threshold it stands out",
            has_prior=False,
        )

    return [
        Line("n_blocks", "Blocks found", "blocks", f"=SUMIFS(daily_blocks,{DAYS_INSIDE})", lambda w: w.total("blocks")),
        Line(
            "work_eh",
            "Expected hashes of these blocks",
            "EH",
            f"=SUMIFS(daily_work_eh,{DAYS_INSIDE})",
            lambda w: w.total("work_eh"),
            "Sum of difficulty x 2^48/65535",
        ),
        Line(
            hashrate_id,
            "Network hashrate, month average",
            "EH/s",
            "={work_eh}/({n_days}*seconds_per_day)",
            lambda w: w["work_eh"] / (w.n_days * SECONDS_PER_DAY),
            "Work over time",
        ),
        *_bounds(hashrate_id, "   hashrate", "EH/s", "{n_blocks}", _n_blocks),
        z_of(hashrate_id),
        Line("network_hashrate_mean_of_days_ehs", "Network hashrate, mean of days", "EH/s", *days_mean),
        Line("network_hashrate_implied_ehs", "Network hashrate implied by difficulty", "EH/s", *implied),
        *_bounds(
            "network_hashrate_implied_ehs",
            "   implied hashrate",
            "EH/s",
            _DIFFICULTY_COUNT,
            _difficulty_count,
        ),
        Line(
            "blocks_7d",
            "Blocks found in the last seven days",
            "blocks",
            f'=SUMIFS(daily_blocks,daily_date,">="&{{end}}-{WEEK_DAYS},daily_date,"<"&{{end}})',
            lambda w: w.total("blocks", w.end - dt.timedelta(days=WEEK_DAYS)),
        ),
        Line(
            "network_hashrate_7d_ehs",
            "Network hashrate, last seven days",
            "EH/s",
            f'=SUMIFS(daily_work_eh,daily_date,">="&{{end}}-{WEEK_DAYS},daily_date,"<"&{{end}})'
            f"/({WEEK_DAYS}*seconds_per_day)",
            lambda w: w.total("work_eh", w.end - dt.timedelta(days=WEEK_DAYS)) / (WEEK_DAYS * SECONDS_PER_DAY),
        ),
        *_bounds("network_hashrate_7d_ehs", "   seven-day hashrate", "EH/s", "{blocks_7d}", lambda w: w["blocks_7d"]),
        Line(
            "difficulty",
            "Difficulty at the end of the period",
            "difficulty",
            _last("difficulty_eod"),
            lambda w: w.last("difficulty_eod"),
        ),
        Line("btc_price_usd", "Bitcoin, mean of daily closes", "USD/BTC", *price_mean),
        Line("btc_price_7d_usd", "Bitcoin, mean of trailing seven-day means", "USD/BTC", *price_7d),
        Line(
            "btc_price_end_usd",
            "Bitcoin, close of the last day",
            "USD/BTC",
            _last("btc_price_usd"),
            lambda w: w.last("btc_price_usd"),
        ),
        Line(
            "btc_calendar_return_frac",
            "Bitcoin, return over the calendar period",
            "fraction",
            "={btc_price_end_usd}/{btc_price_end_usd_prior}-1",
            lambda w: w["btc_price_end_usd"] / before(w)["btc_price_end_usd"] - 1,
            has_prior=False,
        ),
        Line(
            volatility,
            "Bitcoin, volatility of daily log returns, annualised",
            "fraction",
            "=STDEV(INDEX(daily_btc_log_return,MATCH({start}+1,daily_date,0))"
            ":INDEX(daily_btc_log_return,MATCH({end}-1,daily_date,0)))*SQRT(btc_days_per_year)",
            _volatility,
        ),
        Line(
            f"{volatility}_low",
            "   volatility, lower bound",
            "fraction",
            *_volatility_bound(volatility, "CHISQ.INV.RT", 0),
            "Chi-square bound for normal returns",
        ),
        Line(
            f"{volatility}_high",
            "   volatility, upper bound",
            "fraction",
            *_volatility_bound(volatility, "CHISQ.INV", 1),
            "Chi-square bound for normal returns",
        ),
        Line(
            revenue_id,
            "Block-reward revenue, mean of days",
            per_ehs,
            *revenue,
            "144 x subsidy x seven-day mean price / hashrate of each day",
        ),
        *_bounds(revenue_id, "   revenue", per_ehs, "{n_blocks}", _n_blocks, inverse=True),
        z_of(revenue_id),
        Line(
            "revenue_month_mean_usd_per_ehs_day",
            "   variant: mean price over month hashrate",
            per_ehs,
            f"=target_blocks_per_day*SUMPRODUCT({INSIDE_MASK}*daily_subsidy_per_block_btc*daily_btc_price_usd)"
            "/{n_days}/{network_hashrate_ehs}",
            lambda w: TARGET_BLOCKS_PER_DAY * scheduled(w) / w.n_days / w[hashrate_id],
        ),
        Line(
            "fees_usd_per_day",
            "Fees, mean of the days on which they are known",
            "USD",
            f"=SUMPRODUCT({FEES_KNOWN_MASK}*daily_fees_btc*daily_btc_price_usd)/SUMPRODUCT({INSIDE_MASK}*ISNUMBER(daily_fees_btc))",
            lambda w: fees_usd(w) / len(w.rows("fees_btc")),
        ),
        Line(
            "revenue_with_fees_usd_per_ehs_day",
            "   variant: with fees",
            per_ehs,
            "={revenue_month_mean_usd_per_ehs_day}+{fees_usd_per_day}/{network_hashrate_ehs}",
            lambda w: w["revenue_month_mean_usd_per_ehs_day"] + w["fees_usd_per_day"] / w[hashrate_id],
        ),
        Line(
            "revenue_issued_usd_per_ehs_day",
            "   variant: coins in fact issued, with fees",
            per_ehs,
            f"=(SUMPRODUCT({INSIDE_MASK}*daily_subsidy_btc*daily_btc_price_usd)/{{n_days}}"
            "+{fees_usd_per_day})/{network_hashrate_ehs}",
            lambda w: (issued(w) / w.n_days + w["fees_usd_per_day"]) / w[hashrate_id],
        ),
        Line(
            "hashprice_usd_per_phs_day",
            "Hashprice from difficulty, mean of days",
            "USD/PH/s/day",
            *hashprice,
            "Subsidy and fees of the day at the difficulty in force",
        ),
        *_bounds(
            "hashprice_usd_per_phs_day",
            "   hashprice",
            "USD/PH/s/day",
            _DIFFICULTY_COUNT,
            _difficulty_count,
            inverse=True,
        ),
        Line(
            "revenue_expected_usd_per_ehs_day",
            "   variant: hashprice x 1,000",
            per_ehs,
            "={hashprice_usd_per_phs_day}*1000",
            lambda w: w["hashprice_usd_per_phs_day"] * 1000,
        ),
        Line(
            "reward_btc_per_day",
            "Block reward at the target pace, weighted by price",
            "BTC/day",
            f"=target_blocks_per_day*SUMPRODUCT({INSIDE_MASK}*daily_subsidy_per_block_btc*daily_btc_price_7d_usd)"
            f"/SUMIFS(daily_btc_price_7d_usd,{DAYS_INSIDE})",
            lambda w: (
                TARGET_BLOCKS_PER_DAY
                * math.fsum(math.prod(row) for row in w.rows("subsidy_per_block_btc", "btc_price_7d_usd"))
                / w.total("btc_price_7d_usd")
            ),
        ),
        Line(
            "fee_share_frac",
            "Fees as a share of the block reward",
            "fraction",
            f"=SUMPRODUCT({FEES_KNOWN_MASK}*daily_fees_btc)/SUMPRODUCT({FEES_KNOWN_MASK}*(daily_fees_btc+daily_subsidy_btc))",
            _fee_share,
        ),
    ]
