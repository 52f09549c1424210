"""Every action that is hinted at by a word is also told in a sentence."""

from __future__ import annotations

from icldiag.tui.key_meanings import MEANINGS
from icldiag.tui.key_table import places

#: What their words say already.
PLAIN = ("layer", "move", "choose", "cell", "query", "panel", "first", "last", "cause")


def test_meanings_are_of_actions_that_there_are() -> None:
    ids = {binding.id for bindings in places().values() for binding in bindings}
    assert set(MEANINGS) <= ids


def test_an_action_whose_word_does_not_say_it_has_a_meaning() -> None:
    for place, bindings in places().items():
        for binding in bindings:
            said = binding.id is None or "panel(" in binding.action or binding.description.split()[0] in PLAIN
            plain = binding.description.startswith(("next", "previous")) and binding.description.split()[-1] in PLAIN
            assert said or plain or binding.tooltip, (place, binding.description)
