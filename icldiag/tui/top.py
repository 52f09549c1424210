"""The line at the top: which prompt, how many right, what intervenes, what is being computed, on which model."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from pathlib import Path

from rich.text import Text

from icldiag.model.turns import WAITS
from icldiag.prompt.adjustments import FITTED
from icldiag.render.fit import cut_middle
from icldiag.tui.interventions import in_force
from icldiag.tui.state import State
from icldiag.visible import visible

#: What goes, the first first, where the line is too long: what never changes before what is under way. What is in force
#: and the device stay.
_NAMES = ("shape", "app", "weights", "file", "model")
_WORDS = (
    "left",
    "dtype",
    "note",
    "gap",
    "off",
    "layers",
    "doing",
    "short",
    "less",
    "ready",
    "right",
    "no-model",
    "no-file",
)
_LOSSES = (*_NAMES, *_WORDS)
_FEW, _FEWEST = 14, 10  # cells that a name is cut to, and last


def top_line(state: State, width: int) -> Text:
    """As much as fits: what was given up without need, since a later loss made more room, comes back."""
    lost: tuple[str, ...] = ()
    while (line := _line(state, lost)).cell_len > width and len(lost) < len(_LOSSES):
        lost = _LOSSES[: len(lost) + 1]
    for loss in reversed(lost):
        fewer = tuple(one for one in lost if one != loss)
        if (more := _line(state, fewer)).cell_len <= width:
            lost, line = fewer, more
    return line


def _line(state: State, lost: Container[str]) -> Text:
    parts = [part for part in _parts(state, lost) if part.plain]
    line = Text(" " if "gap" in lost else "   ").join(parts)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _parts(state: State, lost: Container[str]) -> Iterator[Text]:
    dots, few = state.look.dots, _FEWEST if "short" in lost else _FEW
    file = visible(state.path.stem if "short" in lost else state.path.name, state.look.ascii_only)
    yield Text("" if "app" in lost else "icldiag")
    if "no-file" not in lost:
        yield Text(cut_middle(file, few, dots) if "file" in lost else file)
    if state.prediction is not None and state.prediction.labelled and "right" not in lost:
        yield Text(
            f"{state.prediction.correct} of {len(state.prediction.labelled)} right{_fitted(state, 'note' in lost)}"
        )
    names = list(interventions(state, brief="layers" in lost))
    for name in names:
        off = " (0: off/on)" if name == names[-1] and any(in_force(state)) and "off" not in lost else ""
        yield Text.assemble((name, "bold reverse"), off)
    at_work = sorted(state.doing.values(), key=WAITS.__eq__)  # what waits says nothing of how far it is
    doing = visible(next(iter(at_work), ""), state.look.ascii_only)
    if doing:
        if state.stored:
            doing = f"{'' if 'doing' in lost else 'earlier results; '}{doing.removeprefix('loading: ')}"
        yield Text(_briefly(doing, lost), "bold")
    elif state.prompt_error or state.model_error:
        yield Text("wrong prompt file" if state.prompt_error else "model failed", "dim")
    elif "ready" not in lost:
        yield Text("ready", "dim")
    if state.session is not None:
        model = state.session.facts
        if "no-model" not in lost:
            name = visible(Path(model.name).name, state.look.ascii_only)
            name = cut_middle(name, few, dots) if "model" in lost else name
            yield Text(name if "shape" in lost else f"{name} ({model.n_layers} layers x {model.n_heads} heads)")
        weights = "" if model.quantisation is None or "weights" in lost else f" from {model.quantisation}"
        dtype = "" if "dtype" in lost else f" {model.dtype.removeprefix('torch.')}"
        yield Text(f"{model.device}{dtype}{weights}")


def _briefly(doing: str, lost: Container[str]) -> str:
    """In whole words: without the time that is left, then no further than it is counted, then the job alone."""
    if "less" in lost:
        return re.split(r"[:,;]| \d", doing)[0]
    counted = re.match(r".*?\d+ of \d+", doing) if "doing" in lost else None
    return counted[0] if counted else doing.partition(", ")[0] if "left" in lost else doing


def _fitted(state: State, brief: bool) -> str:
    """That the answers say little of new texts, where the calibration was made from these: of one in a file, it may."""
    calibration = None if state.prompt is None else state.prompt.calibration
    if state.prompt is None or calibration is None or calibration.kind not in FITTED:
        return ""
    from icldiag.analyses.search.partition import fits_on_queries

    if not fits_on_queries(state.prompt):
        return ""
    here = any(one.prompt.calibration == calibration for one in state.repairs)
    said = "fitted" if here else "perhaps fitted"
    return f" ({said})" if brief else f" ({said} on these)"


def interventions(state: State, brief: bool = False) -> Iterator[str]:
    """What makes the answers other than those of the model to the plain prompt file."""
    if edits := state.edited:
        times = "" if edits == 1 else f" {edits}x"
        yield f"EDITED{times}"
    if (narrowed := state.narrowed) is not None:
        yield f"{len(narrowed.prompt.queries)} OF {len(narrowed.before.queries)} QUERIES"
    yield from in_force(state, brief)
