"""Every binding has an id, its place and what it does, by which a user's settings give it another key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from textual.binding import Binding, BindingType

Keymap = Mapping[str, str]  # id -> keys, with commas between


def with_ids(place: str, bindings: Iterable[BindingType]) -> list[BindingType]:
    """The bindings with ids such as `flow.layer-down`."""
    found: list[BindingType] = []
    for binding in bindings:
        assert isinstance(binding, Binding)
        found.append(replace(binding, id=f"{place}.{binding.description.replace(' / ', '-').replace(' ', '-')}"))
    return found


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
    return binding.key_display or " ".join(binding.key.split(","))


def key_list(bindings: Iterable[BindingType], keymap: Keymap) -> list[tuple[str, str]]:
    """Key and description of every binding."""
    return [(key_text(binding), binding.description) for binding in in_force(bindings, keymap)]
