"""What every store of facts can do, and which one an address names."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hashdesk.errors import InputError

if TYPE_CHECKING:
    import polars as pl

NO_STORE = "This needs a live store: set HASHDESK_STORE or --store to a folder or an address such as s3://bucket/desk."


class Facts(Protocol):
    """Tables of facts, read as they stand or as they were known on a day."""

    def read(self, table: str, as_of: dt.date | None = None, *, where: str | None = None) -> pl.DataFrame:
        """A table, whole or as it was known on a day; columns as declared in the catalog."""

    def coverage(self) -> dict[str, tuple[dt.date, dt.date]]:
        """First and last day that each dated table has facts for."""

    def versions(self) -> dict[str, str]:
        """What pins the content of each table."""


def is_url(address: str) -> bool:
    """True for an address with a scheme, such as ``s3://bucket/desk``."""
    return "://" in address


def open_facts(address: str | None) -> Facts:
    """The store that an address names.

    Parameters
    ----------
    address : str or None
        None is the pack inside the package; a folder with ``pack.json`` is a pack; anything else is a live store.

    Raises
    ------
    InputError, DataError
        As from :class:`~hashdesk.store.delta.DeltaStore`.
    """
    from hashdesk.store.pack import ReferencePack

    if address is None or is_pack(address):
        return ReferencePack(address)
    from hashdesk.store.delta import DeltaStore

    store = DeltaStore(address)
    store.require_facts()
    return store


def is_pack(address: str) -> bool:
    """True for a folder with a pack's list in it."""
    return not is_url(address) and (Path(address) / "pack.json").is_file()


def store_kind(address: str | None) -> str:
    """What an address names, in words."""
    if address is None:
        return "reference pack"
    return "pack folder" if is_pack(address) else "live store"


def live_address(address: str | None, what: str) -> str:
    """The address, where it can name a live store.

    Raises
    ------
    InputError
        No address, or that of a pack, which is never written.
    """
    if address is None:
        raise InputError(f"{what}: no store is set.", hint=NO_STORE)
    if is_pack(address):
        raise InputError(f"{what}: {address} is a reference pack, which is read only.", hint=NO_STORE)
    return address
