"""Cells: one analysis of one prompt on one model, with a key that says all that its numbers depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from icldiag.analyses import ANALYSES
from icldiag.errors import AnalysisError, ModelError
from icldiag.model.names import local_place
from icldiag.model.settings import BUNDLED, ModelSettings
from icldiag.prompt.schema import Prompt
from icldiag.store import files_of
from icldiag.sweeps.draw import draw_prompt
from icldiag.sweeps.fields import SweepSettings
from icldiag.sweeps.plan import Plan
from icldiag.version import __version__


@dataclass(frozen=True, eq=False)
class Cell:
    """Two cells with the same key have the same numbers. `shots` counts the demonstrations per class."""

    model: ModelSettings
    task: str
    shots: tuple[int, ...]
    seed: int
    analysis: str
    prompt: Prompt
    settings: SweepSettings

    @cached_property
    def read(self) -> dict[str, Any]:
        """The settings that this analysis reads."""
        return self.settings.model_dump(include=set(ANALYSES[self.analysis].reads))

    @cached_property
    def key(self) -> str:
        """SHA-256 over the model's content, the prompt, the analysis, its settings and its draws' seed."""
        content = [__version__, _identity(self.model), self.prompt.hash, self.analysis, self.read, self.seed]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def lack(self) -> str | None:
        """Why this cannot be computed, as far as the prompt tells; None where it does not."""
        needs = ANALYSES[self.analysis].needs
        try:
            if needs is not None:
                needs(self.prompt, self.read, self.seed)
        except AnalysisError as error:
            return str(error)
        return None

    @property
    def name(self) -> str:
        """As progress and complaints call it."""
        return f"{self.model.name}, {self.task}, {shots_of(self.shots)}, seed {self.seed}: {self.analysis}"


def shots_of(shots: tuple[int, ...]) -> str:
    """'1-shot', or '1-3-shot' where classes differ."""
    least, most = min(shots), max(shots)
    return f"{least}-shot" if least == most else f"{least}-{most}-shot"


def cells_of(plan: Plan) -> Iterator[Cell]:
    """All cells, those of one prompt on one model side by side. Prompts with more shots are asked for answers alone."""
    for model in plan.models:
        for task in plan.tasks:
            for seed in plan.seeds:
                for shots in task.variants:
                    analyses: tuple[str, ...] = plan.analyses if shots == task.shots else ("prediction",)
                    prompt = _drawn(task, seed, shots)
                    for analysis in analyses:
                        yield Cell(model, task.name, shots, seed, analysis, prompt, plan.settings)


_drawn = cache(draw_prompt)


@cache
def _identity(model: ModelSettings) -> list[object]:
    """What lies in a place of its own is known by the content of its files, a model of the hub by name and revision."""
    how = [model.dtype, model.quantize, model.compile]
    place = model.place() if model.name == BUNDLED else local_place(model.name)
    if place is None:
        return [model.name, model.revision, *how]
    try:
        return [files_of(place), *how]
    except OSError as error:
        raise ModelError(f"the model {model.name!r} cannot be read: {error.strerror}") from None
