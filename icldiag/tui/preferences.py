"""The user's settings against what the app has: themes, ids of bindings, keys."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

from textual.binding import Binding
from textual.keys import KEY_DISPLAY_ALIASES, KEY_NAME_REPLACEMENTS, Keys
from textual.theme import BUILTIN_THEMES

from icldiag.config import Config, ConfigError
from icldiag.quoting import did_you_mean, quoted
from icldiag.tui.keys import in_force
from icldiag.tui.settings_text import bindings_beside

_MODIFIERS = ("ctrl", "shift", "alt", "super")
_NAMES = {key.value for key in Keys} | set(KEY_DISPLAY_ALIASES) | set(KEY_NAME_REPLACEMENTS.values())


def check_settings(config: Config, path: Path) -> None:
    """Raises ConfigError for a theme, a binding or a key that does not exist, and for two actions on one key."""
    if config.theme not in BUILTIN_THEMES:
        close = did_you_mean(config.theme, BUILTIN_THEMES)
        reason = f"there is no {quoted(config.theme)}; {close}choose one of {', '.join(BUILTIN_THEMES)}"
        raise ConfigError(f"{path}: theme: {reason}")
    known = {str(binding.id): binding for binding in all_bindings()}
    for name, keys in config.keys.items():
        if name not in known:
            cure = did_you_mean(name, known).rstrip() or "icldiag --print-config lists them"
            raise ConfigError(f"{path}: keys: there is no action {quoted(name)}; {cure}")
        for key in keys.split(","):
            if not _is_key(key):
                raise ConfigError(
                    f"{path}: keys: {name}: there is no key {quoted(key)}; write one as in 'n', 'ctrl+n', 'f2'"
                )
    _refuse_clashes(config, path)


def _is_key(key: str) -> bool:
    *modifiers, last = key.split("+") if len(key) > 1 else (key,)
    named = len(last) == 1 or last in _NAMES or key in _NAMES or _is_character(last)
    return bool(last) and named and all(modifier in _MODIFIERS for modifier in modifiers)


def _is_character(name: str) -> bool:
    """Whether it names a character as Textual does: `question_mark`."""
    try:
        unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return False
    return True


def _refuse_clashes(config: Config, path: Path) -> None:
    """Two actions on one key that by default have keys of their own."""
    allowed = set(_clashes({}))
    for first, second, key in _clashes(config.keys):
        if (first, second, key) not in allowed:
            raise ConfigError(f"{path}: keys: {first} and {second} both are on {key!r}; change one")


def _clashes(keys: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """A panel's keys and the app's are in force together; those of two panels never are."""
    taken: dict[tuple[str, str], str] = {}
    for binding in in_force(all_bindings(), keys):
        place = str(binding.id).partition(".")[0]
        for one in Binding.make_bindings([binding]):
            other = taken.get((place, one.key)) or taken.get(("app", one.key))
            if other and other != binding.id:
                yield str(binding.id), other, one.key
            taken[place, one.key] = str(binding.id)


def all_bindings() -> list[Binding]:
    """Those of the app, then of the lists, then of the panels."""
    from icldiag.tui.app import DiagnosisApp

    return bindings_beside(DiagnosisApp.BINDINGS)
