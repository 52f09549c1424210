"""TOML: plain values."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from icldiag.errors import InputError
from icldiag.inputs.values import DEPTH, TOO_DEEP, TOO_LONG
from icldiag.quoting import brief

MOST = 1 << 16  # bytes; settings are short, and tomllib takes long over dotted keys
_LINE = re.compile(r" ?\(at line (\d+), column \d+\)$")


def parse_toml(text: str, path: Path, raises: type[InputError]) -> dict[str, Any]:
    """Parse a TOML text. Raises an error of the kind `raises`, with the line."""
    for number, line in enumerate(text.split("\n"), start=1):
        if sum(map(line.count, ".[{")) > DEPTH:
            raise raises(TOO_DEEP, path=path, line=number)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        reason = f"not valid TOML: {brief(error)}; fix or remove it"
        raise raises(reason, path=path, line=int(found[1]) if found else None) from None
    except ValueError:  # Python's limit of digits
        raise raises(TOO_LONG, path=path) from None
    except RecursionError:
        raise raises(TOO_DEEP, path=path) from None
