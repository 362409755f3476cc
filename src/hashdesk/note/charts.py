"""The charts of the note, built from its tables and drawn as SVG.

Each builder returns one :class:`Chart`. Where its table is absent or empty the chart has no specification and says what
is missing, so that no renderer ever shows an empty plot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from hashdesk.errors import ModelError
from hashdesk.note import chart_context, chart_hpc, chart_network, chart_profit, chart_valuation
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
    return [build(note) for build in _BUILDERS]


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
