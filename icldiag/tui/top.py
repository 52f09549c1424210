"""The line at the top: which prompt, how many right, what intervenes, what is being computed, on which model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.text import Text

from icldiag.tui.interventions import in_force
from icldiag.tui.state import State
from icldiag.visible import visible


def top_line(state: State) -> Text:
    """What the narrowest terminal must show comes first: interventions and work under way before the model."""
    top = Text(f"icldiag   {visible(state.path.name)}", no_wrap=True, overflow="ellipsis")
    if state.prediction is not None and state.prediction.labelled:
        top.append(f"   {state.prediction.correct} of {len(state.prediction.labelled)} right")
    for intervention in interventions(state):
        top.append("   ")
        top.append(intervention, "bold reverse")
    if any(in_force(state)):
        top.append(" (key 0: off)")
    doing = next(iter(state.doing.values()), None)
    ready = "wrong prompt file" if state.prompt_error else "model failed" if state.model_error else "ready"
    top.append(f"   {visible(doing) if doing else ready}", "bold" if doing else "dim")
    if state.session is not None:
        model = state.session.facts
        top.append(f"   {visible(Path(model.name).name)} ({model.n_layers} layers x {model.n_heads} heads)")
        top.append(f"   {model.device} {model.dtype.removeprefix('torch.')}")
        if model.quantisation is not None:
            top.append(f" from {model.quantisation}")
    return top


def interventions(state: State) -> Iterator[str]:
    """What makes the answers other than those of the model to the plain prompt file."""
    if edits := state.edits:
        times = "" if edits == 1 else f" {edits}x"
        yield f"EDITED{times}"
    yield from in_force(state)
