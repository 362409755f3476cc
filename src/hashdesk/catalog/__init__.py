"""The data dictionary as code: what every table, column and figure means."""
