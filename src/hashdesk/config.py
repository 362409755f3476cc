"""Settings: where and how we run. Flag > environment ``HASHDESK_*`` > file ``hashdesk.toml`` > default."""

from __future__ import annotations

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from hashdesk.errors import InputError

ENV_PREFIX = "HASHDESK_"
SETTINGS_FILE = Path("hashdesk.toml")
"""Looked for in the working folder."""

Chain = Literal["main", "test", "testnet4", "signet", "regtest"]
"""The chains, named as Bitcoin Core names them."""

_TEST_PREFIX = "HASHDESK_TEST_"


class Settings(BaseSettings):
    """Where and how hashdesk runs; frozen, and a key that is not listed here is an error.

    Build it through :func:`load_settings`, which turns a wrong value into an :class:`InputError`.

    Attributes
    ----------
    store : str or None, default None
        Where the facts are: the folder of a pack, the folder of a live store, or the address of one
        (``s3://bucket/desk``); None is the pack inside the package.
    out_dir : Path, default ``notes``
        Folder that notes are written into.
    debug : bool, default False
        Show the traceback of an error that hashdesk did not foresee.
    contact : str or None, default None
        Name or mail address that sources are told with each request; the SEC answers only those who give one.
    node_url : str, default ``http://127.0.0.1:8332``
        Address of the Bitcoin node's JSON-RPC.
    node_user, node_password : str and SecretStr, or None
        Log-in at the node.
    node_cookie_file : Path or None
        File in which the node leaves its log-in; used in place of user and password.
    chain : str, default ``main``
        Chain that the store is about: main, test, testnet4, signet or regtest.
    mempool_url, coinmetrics_url, coinbase_url, bitstamp_url, binance_url, sec_url, sec_archives_url, yahoo_url : str
        Base addresses of the sources; change one to ask a compatible host.
    http_timeout_seconds : float, default 30
        Longest wait for a connection, and for the next bytes of an answer. [s]
    http_attempts : int, default 5
        How often a question is asked before giving up.
    """

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True, toml_file=SETTINGS_FILE)

    store: str | None = None
    out_dir: Path = Path("notes")
    debug: bool = False
    contact: str | None = None
    node_url: str = "http://127.0.0.1:8332"
    node_user: str | None = None
    node_password: SecretStr | None = None
    node_cookie_file: Path | None = None
    chain: Chain = "main"
    mempool_url: str = "https://mempool.space"
    coinmetrics_url: str = "https://community-api.coinmetrics.io"
    coinbase_url: str = "https://api.exchange.coinbase.com"
    bitstamp_url: str = "https://www.bitstamp.net"
    binance_url: str = "https://data-api.binance.vision"
    sec_url: str = "https://data.sec.gov"
    sec_archives_url: str = "https://www.sec.gov"
    yahoo_url: str = "https://query1.finance.yahoo.com"
    http_timeout_seconds: float = Field(default=30.0, gt=0)
    http_attempts: int = Field(default=5, ge=1, le=20)

    @field_validator("store", mode="before")
    @classmethod
    def _path_as_text(cls, value: object) -> object:
        return str(value) if isinstance(value, Path) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order of precedence: arguments, environment, file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**flags: object) -> Settings:
    """Read the settings from the given flags, the environment and ``hashdesk.toml``.

    Parameters
    ----------
    **flags
        Fields of :class:`Settings`; None means that the flag was not given.

    Returns
    -------
    Settings

    Raises
    ------
    InputError
        A key that does not exist, a value of the wrong kind, or a file that is not TOML.

    Examples
    --------
    >>> load_settings(out_dir="reports").out_dir.name
    'reports'
    """
    _reject_unknown_environment()
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise _unknown_key(key) from None
        got = "a value that is kept secret" if "password" in key else repr(first["input"])
        raise InputError(
            f"settings: {key}: {first['msg']}, got {got}.",
            hint=f"Look at the flag, {ENV_PREFIX}{key.upper()} and {SETTINGS_FILE}.",
            key=key,
        ) from None
    except (SettingsError, tomllib.TOMLDecodeError, OSError) as error:
        raise InputError(f"settings: {SETTINGS_FILE} cannot be read: {error}.", hint="Mend or remove it.") from None


def _reject_unknown_environment() -> None:
    """Pydantic ignores a misspelled variable, and then the user wonders why nothing changed."""
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    for name in os.environ:
        if name.startswith(ENV_PREFIX) and not name.startswith(_TEST_PREFIX) and name.upper() not in known:
            raise _unknown_key(name)


def _unknown_key(key: str) -> InputError:
    is_variable = key.startswith(ENV_PREFIX)
    names = [ENV_PREFIX + name.upper() if is_variable else name for name in Settings.model_fields]
    near = get_close_matches(key, names, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(names)}."
    kind = "environment variable" if is_variable else "key"
    return InputError(f"settings: unknown {kind} {key}.", hint=hint, key=key)
