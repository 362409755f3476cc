"""Commands of the store: init, import, sync, status, sql, export, vintages."""
