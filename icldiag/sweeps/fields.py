"""The shape of a sweep file. What may be written in two ways is written in one before it gets here; see `plan`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from icldiag.analyses import ANALYSES
from icldiag.analyses.compression.compute import DRAWS, Positions
from icldiag.analyses.loyalty import TOP
from icldiag.analyses.repairs import BUDGET
from icldiag.analyses.reweighting.training import TrainingSettings
from icldiag.arguments import Count, Natural, Seed
from icldiag.model.anchors import KEYS, Keys
from icldiag.model.settings import ModelSettings
from icldiag.prompt.fields import Anchor, Scoring


def _of_a_sweep(name: str) -> str:
    known = [name for name, analysis in ANALYSES.items() if analysis.numbers is not None]
    if name not in known:
        expected = " or ".join((", ".join(map(repr, known[:-1])), repr(known[-1])))
        raise PydanticCustomError("literal_error", "Input should be {expected}", {"expected": expected})
    return name


Analysis = Annotated[str, AfterValidator(_of_a_sweep)]

MOST_SEEDS = 10_000  # draws of each prompt; each is kept in memory

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
    fields: dict[str, str] = {}  # the columns of the template's other fields, where they have other names
    template: str | None = None
    separator: str = "\n"
    instruction: str | None = None
    labels: list[str] | dict[str, str] | None = None
    scoring: Scoring = "first"
    anchor: Anchor = "last"
    chat: bool = False
    shots: Count = 1
    more_shots: Count | None = None
    queries: Count = 1000
    examples: Natural = 40
    longest: Count | None = None


class SweepSettings(BaseModel):
    """What the analyses are computed with; every default that `icldiag report` has is the same here."""

    model_config = _STRICT
    layer: Natural | None = None  # confusion: of the anchors' keys; None takes the default one
    keys: Keys = KEYS  # confusion: with the positions that rotary embeddings give them, or without
    saliency_queries: Count | None = None  # saliency: of so many of the queries; None of all
    isolated_layers: Count = 5  # isolation: the first and the last so many, as in figure 4
    top: Count = TOP  # isolation, compression: the k of word loyalty
    per_class: Count = _TRAINED.per_class  # reweighting, and the next three
    epochs: Count = _TRAINED.epochs
    learning_rate: float = Field(default=_TRAINED.learning_rate, gt=0, allow_inf_nan=False)
    batch_size: Natural = _TRAINED.batch_size
    draws: Count = DRAWS  # compression, and the next two
    positions: Positions = "kept"
    timed: bool = True  # whether the speed-up is measured
    budget: Count = BUDGET  # repairs: candidates tried


class SweepFields(BaseModel):
    model_config = _STRICT
    name: str | None = None
    models: list[ModelSettings] = Field(min_length=1)
    seeds: list[Seed] = Field(min_length=1, max_length=MOST_SEEDS)
    prompts: dict[str, TaskFields] = Field(min_length=1)
    analyses: list[Analysis] = Field(min_length=1)
    settings: SweepSettings = SweepSettings()
