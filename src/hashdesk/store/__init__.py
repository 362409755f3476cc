"""Stored facts and how they are read."""
