"""The shape of a sweep file. What may be written in two ways is written in one before it gets here; see `plan`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from icldiag.analyses import ANALYSES
from icldiag.analyses.compression.compute import DRAWS, Positions
from icldiag.analyses.loyalty import TOP
from icldiag.analyses.repairs import BUDGET
from icldiag.analyses.reweighting.compute import TrainingSettings
from icldiag.model.load import ModelSettings
from icldiag.prompt.fields import Anchor, Scoring


def _of_a_sweep(name: str) -> str:
    known = [name for name, analysis in ANALYSES.items() if analysis.numbers is not None]
    if name not in known:
        expected = " or ".join((", ".join(map(repr, known[:-1])), repr(known[-1])))
        raise PydanticCustomError("literal_error", "Input should be {expected}", {"expected": expected})
    return name


Analysis = Annotated[str, AfterValidator(_of_a_sweep)]

_STRICT = ConfigDict(extra="forbid", frozen=True)
_TRAINED = TrainingSettings()


class TaskFields(BaseModel):
    """Where prompts are drawn from: a prompt file, or data files and a template."""

    model_config = _STRICT
    prompt: str | None = None
    data: str | None = None
    split: str | None = None
    test: str | None = None
    test_split: str | None = None
    text: str = "text"
    label: str = "label"
    template: str | None = None
    separator: str = "\n"
    instruction: str | None = None
    labels: list[str] | dict[str, str] | None = None
    scoring: Scoring = "first"
    anchor: Anchor = "last"
    chat: bool = False
    shots: int = Field(default=1, ge=1)
    more_shots: int | None = Field(default=None, ge=1)
    queries: int = Field(default=1000, ge=1)
    examples: int = Field(default=40, ge=0)
    longest: int | None = Field(default=None, ge=1)


class SweepSettings(BaseModel):
    """What the analyses are computed with; every default that `icldiag report` has is the same here."""

    model_config = _STRICT
    layer: int | None = Field(default=None, ge=0)  # confusion: of the anchors' keys; None takes the default one
    saliency_queries: int | None = Field(default=None, ge=1)  # saliency: of so many of the queries; None of all
    isolated_layers: int = Field(default=5, ge=1)  # isolation: the first and the last so many, as in figure 4
    top: int = Field(default=TOP, ge=1)  # isolation, compression: the k of word loyalty
    per_class: int = Field(default=_TRAINED.per_class, ge=1)  # reweighting, and the next three
    epochs: int = Field(default=_TRAINED.epochs, ge=1)
    learning_rate: float = Field(default=_TRAINED.learning_rate, gt=0)
    batch_size: int = Field(default=_TRAINED.batch_size, ge=0)
    draws: int = Field(default=DRAWS, ge=1)  # compression, and the next two
    positions: Positions = "kept"
    timed: bool = True  # whether the speed-up is measured
    budget: int = Field(default=BUDGET, ge=1)  # repairs: candidates tried


class SweepFields(BaseModel):
    model_config = _STRICT
    name: str | None = None
    models: list[ModelSettings] = Field(min_length=1)
    seeds: list[int] = Field(min_length=1)
    prompts: dict[str, TaskFields] = Field(min_length=1)
    analyses: list[Analysis] = Field(min_length=1)
    settings: SweepSettings = SweepSettings()
