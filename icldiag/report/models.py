"""One prompt on two models: a report of each, and the two compared.

The models are loaded one after the other, and the first is given up before the second: only its report is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from pydantic import SkipValidation

from icldiag.arguments import checked
from icldiag.errors import AnalysisError, WrongRequest
from icldiag.model.forward import InstrumentedModel
from icldiag.model.memory import release
from icldiag.model.readout import Progress, silent
from icldiag.model.room import encoded_for, require_room
from icldiag.model.settings import ModelSettings, Stage
from icldiag.page.blocks import Page, Part
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Prompt
from icldiag.quoting import quoted
from icldiag.report.difference import difference_page
from icldiag.report.document import chosen_sections, make_report
from icldiag.report.read import as_read
from icldiag.report.settings import ReportSettings
from icldiag.report.write import as_json
from icldiag.session import Session
from icldiag.store import open_store

COMPARED = ("prediction", "overview", "depth")  # sections that are computed where none are named
Model = InstrumentedModel | ModelSettings | Path | str


@dataclass(frozen=True, repr=False)
class ModelComparison:
    """Two reports as `read_report` gives them, of the same prompt."""

    a: dict[str, Any]
    b: dict[str, Any]

    @property
    def reading(self) -> str:
        """Who is right where the other is wrong, and which label each leans to."""
        return self.answers.reading

    @property
    def answers(self) -> Part:
        return next(part for part in self.page.parts if part.name == "answers")

    @cached_property
    def page(self) -> Page:
        models = [report["model"] for report in (self.a, self.b)]
        page = difference_page(self.a, self.b, (models[0]["name"], models[1]["name"]))
        facts = [
            f"{letter}: {model['name']}, {model['architecture']}, {model['layers']} layers x {model['heads']} heads, "
            f"{model['dtype']} on {model['device']}"
            for letter, model in zip("ab", models, strict=True)
        ]
        facts += [
            f"prompt: {self.a['prompt']['file'] or self.a['prompt']['name']}, "
            f"hash of the prompt as read: {self.a['prompt']['sha256']:.12}"
        ]
        for letter, report in zip("ab", (self.a, self.b), strict=True):
            facts += [f"note on {letter}: {warning}" for warning in report["prompt"]["warnings"]]
        return replace(page, title="icldiag: one prompt on two models", facts=tuple(facts))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.reading}>"

    def __rich__(self) -> Any:
        from icldiag.page.terminal import page_renderable

        return page_renderable(self.page)


@checked
def compare_models(
    prompt: Prompt | Path | str,
    a: SkipValidation[Model],
    b: SkipValidation[Model],
    only: Sequence[str] | None = None,
    settings: ReportSettings | None = None,
    progress: Progress = silent,
    stage: Stage = lambda text: None,
    redact: bool = False,
) -> ModelComparison:
    """Ask two models the same prompt.

    Args:
        a: a loaded model, settings, or a Hugging Face name or folder; `b` likewise. Answers of models that are named
            are kept on disk, and taken from there.
        only: sections of the reports; `COMPARED` by default. What both have is compared.
        progress: is told what both take of the memory first, then what is computed; `stage` what loads.
        redact: leave out all texts but label names and ids.

    Raises:
        PromptError: a model's tokenizer cannot take the prompt, or cannot tell two of its label words apart.
        ModelError: a model cannot be loaded, or does not fit into the memory.
        AnalysisError: both are the same, or the prompt has a beta, which was trained on one model.
    """
    written = prompt if isinstance(prompt, Prompt) else read_prompt(prompt)
    models = [ModelSettings(str(model)) if isinstance(model, str | Path) else model for model in (a, b)]
    if models[0] == models[1]:
        raise WrongRequest("both models are the same; name another to compare with")
    if written.beta is not None:
        raise AnalysisError(
            f"the prompt's re-weighting {quoted(str(written.beta.path))} was trained on one model; remove 'beta' to "
            "compare two"
        )
    for model in models:
        if isinstance(model, InstrumentedModel):
            encoded_for(written, model.reader, model.name)
    for sentence in require_room([model for model in models if isinstance(model, ModelSettings)], written):
        progress(sentence, 0, 0)
    # Also with 'only' the answers, which all else is read beside.
    names = chosen_sections(["prediction", *(COMPARED if only is None else only)])
    reports = [
        _report(written, model, names, settings, _of(letter, progress), partial(_loads, stage, letter), redact)
        for letter, model in zip("ab", models, strict=True)
    ]
    return ModelComparison(*reports)


def _report(
    prompt: Prompt,
    model: InstrumentedModel | ModelSettings,
    names: Sequence[str],
    settings: ReportSettings | None,
    progress: Progress,
    stage: Stage,
    redact: bool,
) -> dict[str, Any]:
    """What a report of one model says. When it is made, nothing of the model is left but what the caller holds."""
    store = open_store(prompt, model) if isinstance(model, ModelSettings) else None
    session = Session(prompt, model, store=store)
    session.load(stage)
    report = make_report(session, names, settings, progress)
    values = as_read(as_json(report.redacted() if redact else report))
    del session, report
    release()
    return values


def _loads(stage: Stage, letter: str, text: str) -> None:
    stage(f"model {letter}: {text}")


def _of(letter: str, progress: Progress) -> Progress:
    return lambda what, done, total: progress(f"model {letter}: {what}", done, total)
