"""The user's settings: a TOML file in the place that the system has for such files."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from icldiag.errors import InputError
from icldiag.inputs.files import as_text, read_bytes
from icldiag.inputs.toml_text import MOST, parse_toml
from icldiag.quoting import brief, did_you_mean


class ConfigError(InputError):
    """The settings file cannot be used as written."""


class Config(BaseModel):
    """What the file may hold; everything is optional."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    theme: str = "textual-dark"
    ascii: bool | None = None  # None: where the locale is not UTF-8
    keys: dict[str, str] = {}


def config_path() -> Path:
    """`$ICLDIAG_CONFIG`, or `icldiag/config.toml` among the user's settings."""
    import platformdirs

    given = os.environ.get("ICLDIAG_CONFIG")
    return Path(given) if given else platformdirs.user_config_path("icldiag") / "config.toml"


def read_config(path: Path | None = None) -> Config:
    """The settings, or the defaults where there is no file.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or has a field that is not known or not of its kind.
    """
    path = path or config_path()
    if str(path) == os.devnull:  # how people say that there are no settings
        return Config()
    try:
        text = as_text(read_bytes(path, MOST), path, ConfigError)
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror}); fix or remove it", path=path) from None
    values = parse_toml(text, path, ConfigError)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        known = ", ".join(Config.model_fields)
        close = did_you_mean(field, Config.model_fields)
        unknown = first["type"] == "extra_forbidden"
        reason = f"there is no such setting; {close}there are {known}" if unknown else brief(first["msg"])
        raise ConfigError(reason, path=path, field=field) from None
