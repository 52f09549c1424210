"""The user's settings: a TOML file in the place that the system has for such files."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from icldiag.errors import IcldiagError


class ConfigError(IcldiagError):
    """The settings file cannot be used as written."""

    exit_code = 2


class Config(BaseModel):
    """What the file may hold; everything is optional."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    theme: str = "textual-dark"
    ascii: bool = False
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
    try:
        return Config.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); mend or remove it") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        known = ", ".join(Config.model_fields)
        reason = f"there is no such setting; there are {known}" if first["type"] == "extra_forbidden" else first["msg"]
        raise ConfigError(f"{path}: {field}: {reason}") from None
