"""Settings: where and how we run. Flag > environment ``HASHDESK_*`` > file ``hashdesk.toml`` > default."""

from __future__ import annotations

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError
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

_TEST_PREFIX = "HASHDESK_TEST_"


class Settings(BaseSettings):
    """Where and how hashdesk runs; frozen, and a key that is not listed here is an error.

    Build it through :func:`load_settings`, which turns a wrong value into an :class:`InputError`.

    Attributes
    ----------
    store : Path or None, default None
        Folder of the reference pack; None is the pack inside the package.
    out_dir : Path, default ``notes``
        Folder that notes are written into.
    debug : bool, default False
        Show the traceback of an error that hashdesk did not foresee.
    """

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True, toml_file=SETTINGS_FILE)

    store: Path | None = None
    out_dir: Path = Path("notes")
    debug: bool = False

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
        raise InputError(
            f"settings: {key}: {first['msg']}, got {first['input']!r}.",
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
