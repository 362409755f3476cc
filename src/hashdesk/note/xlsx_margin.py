"""Lines of the calculation from revenue to cost, gross profit and breakevens, and to the four-year opportunity."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable

from hashdesk.note.xlsx_lines import Line, Number, Window, before
from hashdesk.units import BLOCKS_PER_HALVING, HOURS_PER_DAY, TARGET_BLOCKS_PER_DAY

DAYS_PER_MONTH = 365.25 / 12
OPPORTUNITY_DAYS = 4 * 365 + 1

_REVENUE = "block_reward_revenue_usd_per_ehs_day"
_COST = "power_cost_usd_per_ehs_day"
_PROFIT = "block_reward_gross_profit_usd_per_ehs_day"
_PER_EHS = "USD/EH/s/day"


def _corners(pattern: str) -> str:
    """All four combinations of the bounds of revenue (R) and cost (C), for MIN and MAX."""
    bounds = ("low", "high")
    return ",".join(
        pattern.replace("R", f"{{{_REVENUE}_{r}}}").replace("C", f"{{{_COST}_{c}}}") for r in bounds for c in bounds
    )


def _over_corners(pick: Callable[..., float], figure: Callable[[float, float], float]) -> Number:
    return lambda w: pick(
        figure(w[f"{_REVENUE}_{r}"], w[f"{_COST}_{c}"]) for r in ("low", "high") for c in ("low", "high")
    )


def _profit_z(w: Window) -> float:
    prior = before(w)
    noise = w[_REVENUE] ** 2 / w["n_blocks"] + prior[_REVENUE] ** 2 / prior["n_blocks"]
    return (w[_PROFIT] - prior[_PROFIT]) / math.sqrt(noise)


def middle(start: dt.date, end: dt.date) -> dt.date:
    """Day halfway through a period, on which the efficiency line is read."""
    return start + (end - start) / 2


def margin_lines() -> list[Line]:
    """The lines from efficiency and power price to cost, gross profit, margin and breakevens, with their bounds."""

    def given(name: str) -> Number:
        return lambda w: w[name]

    cost_unit = "=hours_per_day*{%s}*power_price_usd_per_mwh"
    return [
        Line(
            "efficiency_line_j_per_th",
            "Efficiency of the fleet, on the calibrated line",
            "J/TH",
            "=efficiency_j_per_th*IF(is_efficiency_flat=1,1,EXP(efficiency_log_change_per_month"
            "*({start}+INT({n_days}/2)-efficiency_pivot)/days_per_month))",
            given("efficiency"),
            "Read halfway through the period; flat where the reader gives one efficiency",
        ),
        Line(
            "efficiency_band_low",
            "   lower bound over value",
            "fraction",
            "",
            given("efficiency_band_low"),
            "Input: 95% band of the calibration",
        ),
        Line(
            "efficiency_band_high",
            "   upper bound over value",
            "fraction",
            "",
            given("efficiency_band_high"),
            "Input: 95% band of the calibration",
        ),
        Line(
            _COST,
            "Power cost",
            _PER_EHS,
            cost_unit % "efficiency_line_j_per_th",
            lambda w: HOURS_PER_DAY * w["efficiency_line_j_per_th"] * w["power_price"],
            "24 h x efficiency x power price; 1 EH/s at e J/TH draws e MW",
        ),
        Line(
            f"{_COST}_low",
            "   cost, lower bound",
            _PER_EHS,
            f"=MIN({{{_COST}}}*{{efficiency_band_low}},{{{_COST}}}*{{efficiency_band_high}})",
            lambda w: min(w[_COST] * w["efficiency_band_low"], w[_COST] * w["efficiency_band_high"]),
        ),
        Line(
            f"{_COST}_high",
            "   cost, upper bound",
            _PER_EHS,
            f"=MAX({{{_COST}}}*{{efficiency_band_low}},{{{_COST}}}*{{efficiency_band_high}})",
            lambda w: max(w[_COST] * w["efficiency_band_low"], w[_COST] * w["efficiency_band_high"]),
        ),
        Line(
            _PROFIT,
            "Block-reward gross profit",
            _PER_EHS,
            f"={{{_REVENUE}}}-{{{_COST}}}",
            lambda w: w[_REVENUE] - w[_COST],
            "Revenue less power cost",
        ),
        Line(
            f"{_PROFIT}_low",
            "   gross profit, lower bound",
            _PER_EHS,
            f"={{{_REVENUE}_low}}-{{{_COST}_high}}",
            lambda w: w[f"{_REVENUE}_low"] - w[f"{_COST}_high"],
            "Worst corner of the two intervals",
        ),
        Line(
            f"{_PROFIT}_high",
            "   gross profit, upper bound",
            _PER_EHS,
            f"={{{_REVENUE}_high}}-{{{_COST}_low}}",
            lambda w: w[f"{_REVENUE}_high"] - w[f"{_COST}_low"],
            "Best corner of the two intervals",
        ),
        Line(
            f"{_PROFIT}_z",
            "   change in standard errors, z",
            "z",
            f"=({{{_PROFIT}}}-{{{_PROFIT}_prior}})"
            f"/SQRT({{{_REVENUE}}}^2/{{n_blocks}}+{{{_REVENUE}_prior}}^2/{{n_blocks_prior}})",
            _profit_z,
            "Noise of the blocks in both revenues; the cost line is common to both",
            has_prior=False,
        ),
        Line(
            "gross_margin_frac",
            "Gross margin",
            "fraction",
            f"={{{_PROFIT}}}/{{{_REVENUE}}}",
            lambda w: 1 - w[_COST] / w[_REVENUE],
        ),
        Line(
            "gross_margin_frac_low",
            "   margin, lower bound",
            "fraction",
            f"=MIN({_corners('1-C/R')})",
            _over_corners(min, lambda r, c: 1 - c / r),
        ),
        Line(
            "gross_margin_frac_high",
            "   margin, upper bound",
            "fraction",
            f"=MAX({_corners('1-C/R')})",
            _over_corners(max, lambda r, c: 1 - c / r),
        ),
        *_breakevens(),
    ]


def _breakevens() -> list[Line]:
    lines = []
    for bound, label in (("", ""), ("_low", "lower bound"), ("_high", "upper bound")):
        lines.append(
            Line(
                f"breakeven_efficiency_j_per_th{bound}",
                f"   breakeven efficiency, {label}" if label else "Breakeven efficiency",
                "J/TH",
                f'=IF(power_price_usd_per_mwh>0,{{{_REVENUE}{bound}}}/(hours_per_day*power_price_usd_per_mwh),"n/a")',
                _breakeven_efficiency(bound),
                "" if label else "Revenue over 24 h x power price",
            )
        )
    opposite = {"": "", "_low": "_high", "_high": "_low"}
    for bound, label in (("", ""), ("_low", "lower bound"), ("_high", "upper bound")):
        band = {"": "", "_low": "*{efficiency_band_high}", "_high": "*{efficiency_band_low}"}[bound]
        lines.append(
            Line(
                f"breakeven_power_price_usd_per_mwh{bound}",
                f"   breakeven power price, {label}" if label else "Breakeven power price",
                "USD/MWh",
                f"={{{_REVENUE}{bound}}}/(hours_per_day*{{efficiency_line_j_per_th}}{band})",
                _breakeven_price(bound, opposite[bound]),
                "" if label else "Revenue over 24 h x efficiency",
            )
        )
    return lines


def _breakeven_efficiency(bound: str) -> Number:
    def value(w: Window) -> float:
        if w["power_price"] <= 0:
            raise ValueError("every machine earns its power at a price of zero or below")
        return w[f"{_REVENUE}{bound}"] / (HOURS_PER_DAY * w["power_price"])

    return value


def _breakeven_price(bound: str, opposite: str) -> Number:
    def value(w: Window) -> float:
        band = w[f"efficiency_band{opposite}"] if opposite else 1.0
        return w[f"{_REVENUE}{bound}"] / (HOURS_PER_DAY * w["efficiency_line_j_per_th"] * band)

    return value


def fleet_lines() -> list[Line]:
    """The lines from the fleet of models to the network's bottom-up efficiency and power."""
    return [
        Line(
            "network_efficiency_j_per_th",
            "Network efficiency, bottom-up",
            "J/TH",
            "=IF(COUNTIF(fleet_is_profitable,TRUE)>0,"
            "SUMPRODUCT(fleet_weight,fleet_efficiency_j_per_th,--fleet_is_profitable)"
            '/SUMPRODUCT(fleet_weight,--fleet_is_profitable),"n/a")',
            lambda w: w["fleet_efficiency"],
            "Weighted mean of the machines that earn their power",
            has_prior=False,
        ),
        Line(
            "network_power_gw",
            "Network power, bottom-up",
            "GW",
            "=IF(ISNUMBER({network_efficiency_j_per_th}),"
            '{network_efficiency_j_per_th}*{network_hashrate_ehs}*pue/1000,"n/a")',
            lambda w: w["network_efficiency_j_per_th"] * w["network_hashrate_ehs"] * w["pue"] / 1000,
            "Efficiency x hashrate x power usage effectiveness",
            has_prior=False,
        ),
    ]


def opportunity_lines() -> list[Line]:
    """The lines from the height of the chain to the four-year opportunity and what the market pays for it."""
    market_cap, opportunity, share = "market_cap_usd", "block_reward_opportunity_4y_usd", "listed_network_share_frac"
    return [
        Line(
            "height_last",
            "Height of the period's last block",
            "blocks",
            "=INDEX(daily_height_last,MATCH({end}-1,daily_date,0))",
            lambda w: w.last("height_last"),
        ),
        Line(
            "opportunity_blocks",
            "Blocks of the next four years",
            "blocks",
            "=target_blocks_per_day*opportunity_days",
            lambda w: float(TARGET_BLOCKS_PER_DAY * OPPORTUNITY_DAYS),
        ),
        Line(
            "blocks_to_halving",
            "   of which before the next halving",
            "blocks",
            "=MIN(blocks_per_halving-MOD({height_last}+1,blocks_per_halving),{opportunity_blocks})",
            lambda w: min(BLOCKS_PER_HALVING - (w["height_last"] + 1) % BLOCKS_PER_HALVING, w["opportunity_blocks"]),
        ),
        Line(
            "four_year_subsidy_btc",
            "Subsidy of the next four years",
            "BTC",
            "=50/2^INT(({height_last}+1)/blocks_per_halving)*({blocks_to_halving}"
            "+MIN({opportunity_blocks}-{blocks_to_halving},blocks_per_halving)/2"
            "+MAX({opportunity_blocks}-{blocks_to_halving}-blocks_per_halving,0)/4)",
            _four_year_subsidy,
            "Halved at every 210,000 blocks, on the target pace",
        ),
        Line(
            opportunity,
            "Four-year block-reward opportunity",
            "USD",
            "={four_year_subsidy_btc}*{btc_price_end_usd}",
            lambda w: w["four_year_subsidy_btc"] * w["btc_price_end_usd"],
            "Coins x last close; no fees, no growth",
        ),
        *(
            Line(
                f"market_cap_to_opportunity_x{bound}",
                label,
                "x",
                f"={{{market_cap}{bound}}}/{{{opportunity}}}",
                lambda w, bound=bound: w[f"{market_cap}{bound}"] / w[opportunity],  # type: ignore[misc]
            )
            for bound, label in (
                ("", "Market cap over the opportunity"),
                ("_low", "   lower bound"),
                ("_high", "   upper bound"),
            )
        ),
        Line(
            share,
            "Tracked miners' share of the network, by disclosed hashrate",
            "fraction",
            "=SUMIFS(listed_value,listed_is_counted,TRUE)/{network_hashrate_ehs}",
            lambda w: w["listed_hashrate"] / w["network_hashrate_ehs"],
            "Companies that disclosed one lately",
            has_prior=False,
        ),
        *(
            Line(
                f"{share}_{bound}",
                f"   {word} bound",
                "fraction",
                f"={{{share}}}*{{network_hashrate_ehs}}/{{network_hashrate_ehs_{opposite}}}",
                lambda w, opposite=opposite: (  # type: ignore[misc]
                    w[share] * w["network_hashrate_ehs"] / w[f"network_hashrate_ehs_{opposite}"]
                ),
                has_prior=False,
            )
            for bound, word, opposite in (("low", "lower", "high"), ("high", "upper", "low"))
        ),
        Line(
            "market_cap_to_share_of_opportunity_x",
            "Market cap over the listed miners' share of the opportunity",
            "x",
            f"={{market_cap_to_opportunity_x}}/{{{share}}}",
            lambda w: w["market_cap_to_opportunity_x"] / w[share],
            has_prior=False,
        ),
    ]


def _four_year_subsidy(w: Window) -> float:
    total, now = w["opportunity_blocks"], w["blocks_to_halving"]
    then = min(total - now, BLOCKS_PER_HALVING)
    return 50 / 2 ** ((w["height_last"] + 1) // BLOCKS_PER_HALVING) * (now + then / 2 + (total - now - then) / 4)
