"""Whether this terminal can show more than ASCII, as far as its locale says."""

from __future__ import annotations

import locale
import os
from collections.abc import Mapping


def draws_in_ascii(environment: Mapping[str, str] = os.environ, encoding: str | None = None) -> bool:
    """Whether the locale is set to another encoding than UTF-8, such as by LC_ALL=C.

    A browser (`TEXTUAL_DRIVER`) shows everything. A UTF-8 locale that is named and not installed is taken at its word.

    Args:
        encoding: of the locale; Python's own, in its UTF-8 mode, is not meant.
    """
    if os.name != "posix" or "TEXTUAL_DRIVER" in environment:
        return False
    named = next((value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := environment.get(name))), "")
    return not any(_is_utf8(value) for value in (encoding or locale.getencoding(), named))


def _is_utf8(name: str) -> bool:
    return "utf8" in name.lower().replace("-", "")
