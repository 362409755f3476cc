"""Compile the engine once, at set-up, so that the first outlook need not wait: ``python -m hashdesk.outlook.warm``."""

from __future__ import annotations

import datetime as dt

from hashdesk.outlook.engine import simulate
from hashdesk.outlook.model import FeeModel, Fleet, GbmPrice, Model, Response, Start, Windows


def warm() -> None:
    """Run the kernel on two paths of a day; its compiled code stays in Numba's cache."""
    start = Start(dt.date(2025, 10, 1), 917_000, 1.5e14, 1, 0.0, 1000.0, 0.0, 100_000.0)
    model = Model(GbmPrice(), FeeModel.constant(0.02), Response.none(), Fleet.single(20.0))
    simulate(start, model, Windows((1,)), n_paths=2)


if __name__ == "__main__":
    warm()
