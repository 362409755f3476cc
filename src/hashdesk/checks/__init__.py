"""Checks on facts before they count: frames in, rows that break a promise out, each with the reason."""
