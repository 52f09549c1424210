"""Every binding has an id, its place and what it does, by which a user's settings give it another key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from textual.binding import Binding, BindingType
from textual.keys import key_to_character

from icldiag.tui.key_meanings import MEANINGS

ARROWS = "arrows"  # how four keys are shown as one
_SIGNS = {"slash": "/", "plus": "+", "full_stop": "."}  # that Textual names otherwise than Unicode
Keymap = Mapping[str, str]  # id -> keys, with commas between


def with_ids(place: str, bindings: Iterable[BindingType]) -> list[BindingType]:
    """The bindings with ids such as `flow.layer-down`."""
    found: list[BindingType] = []
    for binding in bindings:
        assert isinstance(binding, Binding)
        name = f"{place}.{binding.description.replace(' / ', '-').replace(' ', '-')}"
        found.append(replace(binding, id=name, tooltip=MEANINGS.get(name, "")))
    return found


def choosing(what: str) -> list[BindingType]:
    """The keys that go up and down in a panel's list, by its action `mark`."""
    return [
        Binding(f"{arrow},{side}_square_bracket", f"mark({step})", f"{what} {arrow}", key_display=bracket)
        for arrow, side, bracket, step in (("up", "left", "[", -1), ("down", "right", "]", 1))
    ]


def meaning(binding: Binding) -> str:
    """What it does, in a sentence where a word does not say it."""
    return binding.tooltip or binding.description


def in_force(bindings: Iterable[BindingType], keymap: Keymap) -> list[Binding]:
    """The bindings under the user's keys."""
    found = []
    for binding in bindings:
        assert isinstance(binding, Binding)
        keys = keymap.get(binding.id or "")
        found.append(replace(binding, key=keys, key_display=None) if keys else binding)
    return found


def matches(binding: Binding, key: str) -> bool:
    """Whether a key, by Textual's name for it, is one of the binding's."""
    return any(one.key == key for one in Binding.make_bindings([binding]))


def key_text(binding: Binding) -> str:
    """The binding's keys as people write them."""
    return " ".join(map(_readable, binding.key.split(",")))


def _readable(key: str) -> str:
    """`[` for `left_square_bracket`; what is no visible character by its name."""
    sign = _SIGNS.get(key) or key_to_character(key)
    return sign if sign is not None and sign.isprintable() and sign.strip() else key


def key_list(bindings: Iterable[BindingType], keymap: Keymap) -> list[tuple[str, str]]:
    """Keys and meaning of every binding; the arrow keys of one thing together."""
    rows = []
    for one in in_force(bindings, keymap):
        name = meaning(one)
        if one.key_display == ARROWS:
            name = name.rpartition(" ")[0]
        rows.append((one.key_display if one.key_display == ARROWS else key_text(one), name))
    return list(dict.fromkeys(rows))


def hint_list(bindings: Iterable[BindingType], keymap: Keymap) -> list[tuple[str, str]]:
    """The same in short."""
    return [(one.key_display or key_text(one), one.description) for one in in_force(bindings, keymap)]
