"""Outlook: simulated paths of price, hashrate, difficulty and income, and how well such forecasts have done."""
