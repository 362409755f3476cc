"""Lines of the calculation from the companies to market cap, its change taken apart, breadth and the extremes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from hashdesk.note.xlsx_book import FIRST_DATA_ROW
from hashdesk.note.xlsx_companies import COMPANY_COLUMNS, Holding, column_letter, company_row
from hashdesk.note.xlsx_lines import Line, Number, Window, before


def equity_lines(found: Sequence[Holding]) -> list[Line]:
    """The lines from the companies to market cap, its effects, breadth and the extremes.

    A company that left the list stands below the others and is in no line but the month before and the effects.
    """
    first, last = FIRST_DATA_ROW + 1, FIRST_DATA_ROW + sum(holding.is_tracked for holding in found)

    def span(name: str) -> str:
        return f"Companies!${column_letter(name)}${first}:${column_letter(name)}${last}"

    def extreme(function: str) -> str:
        return f"=INDEX({span('ticker')},MATCH({function}({span('return_frac')}),{span('return_frac')},0))"

    tracked = [holding.company for holding in found if holding.is_tracked]

    def returns(_: Window) -> list[tuple[float, str]]:
        known = [(company.return_frac, company.ticker) for company in tracked if company.return_frac is not None]
        if len(known) < len(tracked):
            raise ValueError("a return is not known")
        return sorted(known)

    def caps(w: Window) -> float:
        is_now = w.before is not None
        parts = [
            holding.company.market_cap_usd if is_now else holding.company.prior_market_cap_usd
            for holding in found
            if (holding.is_tracked if is_now else holding.was_tracked)
        ]
        return math.fsum(part for part in parts)  # type: ignore[misc]

    def effect(name: str) -> Number:
        return lambda w: math.fsum(float(row[name]) for row in records)  # type: ignore[arg-type]

    names = [column.name for column in COMPANY_COLUMNS]
    records = [dict(zip(names, company_row(holding, None), strict=True)) for holding in found]
    effects = [
        Line(
            f"{part}_effect_usd",
            label,
            "USD",
            f"=SUM(company_{part}_effect_usd)",
            effect(f"{part}_effect_usd"),
            has_prior=False,
        )
        for part, label in (
            ("price", "   change from prices"),
            ("share", "   change from share counts"),
            ("universe", "   change from companies that join or leave"),
        )
    ]
    return [
        Line(
            "btc_trading_close_usd",
            "Bitcoin, close of the last trading day of the shares",
            "USD/BTC",
            "=INDEX(daily_btc_price_usd,MATCH(last_trading_day,daily_date,0))",
            lambda w: w["last_trading_close"],
            prior_formula="=INDEX(daily_btc_price_usd,MATCH(prior_trading_day,daily_date,0))",
        ),
        Line(
            "btc_return_frac",
            "Bitcoin, return between the two",
            "fraction",
            "={btc_trading_close_usd}/{btc_trading_close_usd_prior}-1",
            lambda w: w["btc_trading_close_usd"] / before(w)["btc_trading_close_usd"] - 1,
            has_prior=False,
        ),
        Line(
            "market_cap_usd",
            "Combined market cap",
            "USD",
            "=SUMPRODUCT(company_is_tracked,company_close_usd,company_shares_outstanding)",
            caps,
            "Close x shares public that day, over the companies on the list",
            prior_formula="=SUMPRODUCT(company_was_tracked,company_prior_close_usd,company_prior_shares_outstanding)",
        ),
        *(
            Line(
                f"market_cap_revision_{bound}",
                f"   {word} of later revisions of share counts, over value",
                "x",
                "",
                lambda w, name=f"market_cap_revision_{bound}": w[name],  # type: ignore[misc]
                "Input: 95% range of past revisions",
            )
            for bound, word in (("low", "lower end"), ("high", "upper end"))
        ),
        *(
            Line(
                f"market_cap_usd_{bound}",
                f"   market cap, {word} bound",
                "USD",
                f"={{market_cap_usd}}*{{market_cap_revision_{bound}}}",
                lambda w, name=f"market_cap_revision_{bound}": w["market_cap_usd"] * w[name],  # type: ignore[misc]
            )
            for bound, word in (("low", "lower"), ("high", "upper"))
        ),
        *effects,
        Line(
            "n_companies",
            "Companies tracked",
            "count",
            "=SUM(company_is_tracked)",
            lambda w: float(sum(h.is_tracked if w.before else h.was_tracked for h in found)),
            prior_formula="=SUM(company_was_tracked)",
        ),
        Line(
            "n_outperforming_btc",
            "Companies that beat bitcoin",
            "count",
            f'=COUNTIF({span("excess_return_frac")},">0")',
            lambda w: float(sum(value > w["btc_return_frac"] for value, _ in returns(w))),
            has_prior=False,
        ),
        Line(
            "median_return_frac",
            "Median return",
            "fraction",
            f"=MEDIAN({span('return_frac')})",
            lambda w: statistics.median(value for value, _ in returns(w)),
            has_prior=False,
        ),
        Line("top_performer", "Best performer", "ticker", extreme("MAX"), lambda w: returns(w)[-1][1], has_prior=False),
        Line(
            "top_return_frac",
            "   its return",
            "fraction",
            f"=MAX({span('return_frac')})",
            lambda w: returns(w)[-1][0],
            has_prior=False,
        ),
        Line(
            "bottom_performer", "Worst performer", "ticker", extreme("MIN"), lambda w: returns(w)[0][1], has_prior=False
        ),
        Line(
            "bottom_return_frac",
            "   its return",
            "fraction",
            f"=MIN({span('return_frac')})",
            lambda w: returns(w)[0][0],
            has_prior=False,
        ),
    ]
