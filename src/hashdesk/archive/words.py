"""Words of the raw tables and what they mean in ours."""

from __future__ import annotations

import datetime as dt

DEBT_KINDS = {
    "Convertible Note": "convertible",
    "Exchangeable Note": "convertible",
    "Sr Secured Note": "secured notes",
    "Equipment Fin": "equipment financing",
    "Project Fin": "project financing",
    "Term Loan": "term loan",
    "Revolver": "revolver",
    "Assumed Debt": "assumed debt",
}
"""Kinds of debt."""

RANK_DAYS = {"2025-03/04": dt.date(2025, 3, 15), "2025-07": dt.date(2025, 7, 1), "2025-12": dt.date(2025, 12, 1)}
"""A day inside the span for quotes of ETF ranks whose page bears no day."""
