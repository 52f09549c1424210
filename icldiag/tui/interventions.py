"""Key 0: what is in force beside the prompt's text is taken off, and the same key puts it back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from icldiag.analyses.isolation.cuts import in_heads
from icldiag.counting import counted
from icldiag.page.text import ranges
from icldiag.tui.changes import Interventions
from icldiag.tui.state import State

if TYPE_CHECKING:
    from icldiag.tui.edits import Edits


def in_force(state: State, brief: bool = False) -> Iterator[str]:
    """What key 0 takes off, in capitals for the top line; `brief` counts the layers where that is shorter."""
    if state.cut_layers:
        count = len(state.cut_layers)
        heads = f" ({counted(len(state.cut_heads), 'head')})" if state.cut_heads else ""
        which, many = ranges(state.cut_layers), f"{count} LAYERS"
        named = f"LAYER{'' if count == 1 else 'S'} {which}"
        yield f"CUT IN {many if brief and len(many) < len(which) else named}{heads}"
    if state.beta_on:
        yield "RE-WEIGHTED"
    if state.prompt is not None and state.prompt.calibration is not None:
        yield f"CALIBRATED {state.prompt.calibration.kind}"


def toggle(edits: Edits) -> str:
    """Take off what is in force, or put back what was taken off; a sentence says which."""
    state = edits.state
    names = ", ".join(in_force(state))
    if not names and state.cut_heads:
        names = f"the limit of cuts to {in_heads(state.cut_heads)}"
    if names:
        return f"Off: {names}. The same key puts it back." if _take_off(edits) else "The model is not loaded yet."
    taken = state.suspended
    if taken is None or state.prompt is not taken.after:
        return "No intervention is on: no cut, no re-weighting, no calibration."
    if not _put_back(edits, taken):
        return "The model is not loaded yet."
    return "The interventions are on again."


def _take_off(edits: Edits) -> bool:
    state, before = edits.state, edits.state.prompt
    if before is None:
        return False
    adjusted = before.calibration is not None or before.beta is not None
    after = replace(before, calibration=None, beta=None) if adjusted else before
    trained = state.beta
    if (adjusted or state.beta_on) and not edits.put_in_force(after, None):
        return False
    now = state.prompt or after  # one that is equal to it, if that was answered before
    state.suspended = Interventions(before, now, trained, state.cut_layers, state.cut_heads)
    state.cut_layers, state.cut_heads = frozenset(), ()
    return True


def _put_back(edits: Edits, taken: Interventions) -> bool:
    state = edits.state
    adjusted = taken.before != taken.after
    if (adjusted or taken.beta is not None) and not edits.put_in_force(taken.before, taken.beta):
        return False
    if adjusted:
        del state.undo[-2:]  # taking it off and putting it back are no changes
    state.suspended, state.cut_layers, state.cut_heads = None, taken.cut_layers, taken.cut_heads
    return True
