"""Tables that are worked out of daily closes or of contract texts, so that a store without those can still answer.

A store with the daily closes themselves does not need the first four: the desk computes them anew and prefers that.
"""

from __future__ import annotations

from hashdesk.catalog.schema import TRUST, col, date, table, ticker

DERIVED_SPECS = (
    table(
        "ai_basket_daily",
        "Equally weighted daily log return of listed suppliers of computing power for AI; no tracked miner is in it.",
        ("date",),
        "date",
        date("date", "Trading day."),
        col("return_log", "f64", "1", "Mean log return of the members since the session before.", low=-1, high=1),
        col("n_members", "i64", "", "Members with a return that day.", low=1),
        col("members", "str", "", "Their symbols, separated by semicolons."),
    ),
    table(
        "return_moments",
        "Moments of a share's daily log returns with bitcoin and the AI basket over the 126 sessions before a month.",
        ("ticker", "month"),
        "month",
        ticker(),
        date("month", "First day of the month that the moments are for; no session of it is in them."),
        date("window_from", "First session."),
        date("window_to", "Last session: the last before the month."),
        col("n_sessions", "i64", "", "Sessions with all four returns.", low=1),
        col("mean_return", "f64", "1", "Mean of the share."),
        col("mean_bitcoin", "f64", "1", "Mean of bitcoin on the same day."),
        col("mean_bitcoin_lag", "f64", "1", "Mean of bitcoin on the session before."),
        col("mean_ai", "f64", "1", "Mean of the AI basket."),
        col("var_return", "f64", "1", "Variance of the share.", low=0),
        col("cov_return_bitcoin", "f64", "1", "Covariance of share and bitcoin."),
        col("cov_return_bitcoin_lag", "f64", "1", "Covariance of share and bitcoin of the session before."),
        col("cov_return_ai", "f64", "1", "Covariance of share and basket."),
        col("var_bitcoin", "f64", "1", "Variance of bitcoin.", low=0),
        col("var_bitcoin_lag", "f64", "1", "Variance of bitcoin of the session before.", low=0),
        col("var_ai", "f64", "1", "Variance of the basket.", low=0),
        col("cov_bitcoin_and_lag", "f64", "1", "Covariance of bitcoin with itself a session before."),
        col("cov_bitcoin_ai", "f64", "1", "Covariance of bitcoin and basket."),
        col("cov_bitcoin_lag_ai", "f64", "1", "Covariance of bitcoin of the session before and basket."),
        col("hac_var_bitcoin", "f64", "1", "Robust variance of the bitcoin beta, both days together.", low=0),
        col("hac_var_ai", "f64", "1", "Robust variance of the beta to the basket beyond bitcoin.", low=0),
        col("hac_cov_bitcoin_ai", "f64", "1", "Robust covariance of the two betas."),
    ),
    table(
        "session_returns",
        "Log return of a share in a session around dated news, where the pack holds no daily closes.",
        ("ticker", "date"),
        "date",
        ticker(),
        date("date", "Trading day."),
        col("return_log", "f64", "1", "Log of close over the close of the session before.", low=-3, high=3),
    ),
    table(
        "placebo_quantiles",
        "How large abnormal moves were on ordinary dates of the twelve months before a month.",
        ("month", "tail_frac"),
        "month",
        date("month", "First day of the month that the sizes are for."),
        col("tail_frac", "f64", "fraction", "Share of ordinary dates with a larger move.", low=0, high=1),
        col("abs_score", "f64", "1", "Size of the move in standard errors of its prediction.", low=0),
        col("n_placebos", "i64", "", "Ordinary dates behind the month's sizes.", low=1),
    ),
    table(
        "hpc_deliveries",
        "When capacity under an AI/HPC contract is to be ready, by phase, and what was reported as delivered.",
        ("ticker", "counterparty", "announced_on", "phase"),
        "ready_from",
        ticker(),
        col("counterparty", "str", "", "As in hpc_contracts."),
        date("announced_on", "As in hpc_contracts."),
        col("phase", "i64", "", "Number of the phase, from 1; 0 for what was reported as delivered.", low=0),
        col("phase_mw", "f64?", "MW", "Load of the phase; null where the date holds for the whole contract.", low=0),
        date("ready_from", "First day of the span named; for a delivery the day it was reported for."),
        date("ready_to", "Last day of the span."),
        col("is_delivered", "bool", "", "True where a report says that it runs; false for a plan."),
        TRUST,
    ),
)
