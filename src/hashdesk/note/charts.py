"""The charts of the note, built from its tables and drawn as SVG.

Each builder returns one :class:`Chart`. Where its table is absent or empty the chart has no specification and says what
is missing, so that no renderer ever shows an empty plot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from hashdesk.errors import ModelError
from hashdesk.note import (
    chart_attribution,
    chart_company,
    chart_context,
    chart_decomposition,
    chart_hpc,
    chart_network,
    chart_outlook,
    chart_pivot,
    chart_profit,
    chart_valuation,
)
from hashdesk.note.chart_parts import Chart, static
from hashdesk.note.model import Note

__all__ = ["Chart", "build_charts", "render_svgs"]

_BUILDERS: tuple[Callable[[Note], Chart], ...] = (
    chart_valuation.market_cap_chart,
    chart_valuation.contribution_chart,
    chart_valuation.returns_chart,
    chart_valuation.breadth_chart,
    chart_profit.divergence_chart,
    chart_network.hashrate_monthly_chart,
    chart_network.hashrate_daily_chart,
    chart_profit.economics_chart,
    chart_profit.revenue_split_chart,
    chart_profit.breakeven_chart,
    chart_hpc.hpc_leases_chart,
    chart_hpc.hpc_cloud_chart,
    chart_hpc.events_chart,
    chart_context.volumes_chart,
    chart_context.etf_flows_chart,
    chart_context.ibit_assets_chart,
    chart_context.reconciliation_chart,
)

_THEME_BUILDERS: Mapping[str, tuple[Callable[[Note], Chart], ...]] = {
    "valuation-apart": chart_decomposition.CHARTS,
    "attribution": (chart_attribution.attribution_chart, chart_attribution.abnormal_returns_chart),
    "pivot": (chart_pivot.exchange_chart, chart_pivot.progress_chart),
    "outlook": (
        chart_outlook.hashrate_fan_chart,
        chart_outlook.hashprice_fan_chart,
        chart_outlook.gross_profit_fan_chart,
        chart_outlook.scenarios_chart,
    ),
}
"""Charts of a theme, by the id of its section."""


def build_charts(note: Note) -> list[Chart]:
    """All charts of a note, in reading order.

    Parameters
    ----------
    note : Note
        The note; its tables are what is drawn.

    Returns
    -------
    list of Chart
        One entry for each chart; ``spec`` is None and ``missing`` says why where there is nothing to draw.
    """
    computed = {section.id for section in note.sections if section.tables}
    themes = [build(note) for theme, builders in _THEME_BUILDERS.items() if theme in computed for build in builders]
    return [*(build(note) for build in _BUILDERS), *themes, *chart_company.company_charts(note)]


def render_svgs(charts: Iterable[Chart]) -> dict[str, str]:
    """Draw every chart that has a specification.

    The drawing is the light theme on a transparent ground, as the PDF prints it; the page maps its colours to the
    reader's theme. The first drawing starts the engine (about 0.4 s), the next ones take about 40 ms each.

    Parameters
    ----------
    charts : iterable of Chart
        Charts of a note.

    Returns
    -------
    dict of str to str
        SVG text by chart id.

    Raises
    ------
    ModelError
        Vega-Lite does not accept a specification.
    """
    import vl_convert

    svgs: dict[str, str] = {}
    for chart in charts:
        if chart.spec is None:
            continue
        try:
            svgs[chart.id] = vl_convert.vegalite_to_svg(json.dumps(static(chart.spec)))
        except ValueError as error:
            raise ModelError(f"chart {chart.id}: it cannot be drawn: {error}.") from None
    return svgs
