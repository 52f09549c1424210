"""The report as plain values, ready for JSON: names are part of the schema, undefined numbers are None."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from icldiag import __version__
from icldiag.errors import AnalysisError
from icldiag.model.readout import Progress, silent
from icldiag.report import compression, confusion, extraction, isolation, prediction, reweighting, saliency
from icldiag.report.settings import ReportSettings
from icldiag.session import Session

SCHEMA = "icldiag-report/1"


@dataclass(frozen=True)
class Section:
    """One analysis in the report: how to compute it, and its two renderings."""

    compute: Callable[[Session, ReportSettings, Progress], Any]
    values: Callable[[Any], dict[str, Any]]
    markdown: Callable[[Any, Session], list[str]]


SECTIONS: dict[str, Section] = {
    "prediction": Section(
        lambda session, _, progress: session.prediction(progress), prediction.values, prediction.markdown
    ),
    "confusion": Section(
        lambda session, settings, progress: session.confusion(settings.layer, progress),
        confusion.values,
        confusion.markdown,
    ),
    "saliency": Section(
        lambda session, settings, progress: session.saliency(settings.loss_target, progress),
        saliency.values,
        saliency.markdown,
    ),
    "isolation": Section(isolation.compute, isolation.values, isolation.markdown),
    "extraction": Section(
        lambda session, _, progress: session.extraction(progress), extraction.values, extraction.markdown
    ),
    "reweighting": Section(
        lambda session, settings, progress: session.reweighting(settings.training, progress=progress),
        reweighting.values,
        reweighting.markdown,
    ),
    "compression": Section(
        lambda session, settings, progress: session.compression(
            positions=settings.positions,
            draws=settings.draws,
            seed=settings.draws_seed,
            top=settings.top,
            progress=progress,
        ),
        compression.values,
        compression.markdown,
    ),
}


def chosen_sections(only: Sequence[str] | None) -> list[str]:
    """The sections to compute, in the report's order. Raises AnalysisError for an unknown name."""
    if only is None:
        return list(SECTIONS)
    for name in only:
        if name not in SECTIONS:
            raise AnalysisError(f"there is no analysis {name!r}; choose from {', '.join(SECTIONS)}")
    return [name for name in SECTIONS if name in only]


@dataclass(frozen=True)
class Report:
    """Results of the chosen analyses of one session, by section name."""

    session: Session
    results: dict[str, Any]
    settings: ReportSettings = field(default_factory=ReportSettings)
    left_out: dict[str, str] = field(default_factory=dict)  # why an analysis is not there

    def values(self) -> dict[str, Any]:
        """Everything as JSON values."""
        document = {
            "schema": SCHEMA,
            "icldiag": __version__,
            "model": model_values(self.session),
            "prompt": prompt_values(self.session),
            "settings": {**asdict(self.settings), "beta": self.session.beta},
        }
        for name, result in self.results.items():
            document[name] = SECTIONS[name].values(result)
        if self.left_out:
            document["left_out"] = self.left_out
        return plain(document)  # type: ignore[no-any-return]


def make_report(
    session: Session,
    only: Sequence[str] | None = None,
    settings: ReportSettings | None = None,
    progress: Progress = silent,
) -> Report:
    """Compute the chosen analyses.

    Of all, which is the default, those that this prompt cannot have are left out and named with their reason; an
    analysis that was asked for by name and cannot be computed raises its AnalysisError.
    """
    settings = settings or ReportSettings()
    results: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for name in chosen_sections(only):
        try:
            results[name] = SECTIONS[name].compute(session, settings, progress)
        except AnalysisError as error:
            if only is not None:
                raise
            left_out[name] = str(error)
    return Report(session, results, settings, left_out)


def model_values(session: Session) -> dict[str, Any]:
    model = session.model
    return {
        "name": model.name,
        "revision": model.revision,
        "architecture": model.architecture,
        "layers": model.n_layers,
        "heads": model.n_heads,
        "parameters": model.parameters,
        "context_window": model.context_window,
        "device": str(model.device),
        "dtype": str(model.dtype).removeprefix("torch."),
        "seam": model.seam.name,
    }


def prompt_values(session: Session) -> dict[str, Any]:
    prompt, encoded = session.prompt, session.encoded
    names = prompt.label_names
    return {
        "name": prompt.name,
        "file": str(prompt.path) if prompt.path else None,
        "sha256": prompt.hash,
        "template": prompt.template,
        "separator": prompt.separator,
        "instruction": prompt.instruction,
        "scoring": prompt.scoring,
        "anchor": prompt.anchor,
        "labels": [
            {"name": label.name, "word": label.word, "tokens": list(tokens)}
            for label, tokens in zip(prompt.labels, encoded.label_tokens, strict=True)
        ],
        "demonstrations": [
            {
                "text": example.text,
                "label": names[place.label_class],
                "anchors": list(place.anchors),
                "span": list(place.span),
            }
            for example, place in zip(prompt.demonstrations, encoded.demonstrations, strict=True)
        ],
        "tokens": {"demonstrations": len(encoded.prefix), "longest_prompt": encoded.longest},
        "warnings": list(session.warnings),
    }


def plain(value: Any) -> Any:
    """NumPy and tuples to lists and numbers; NaN and infinities to None."""
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
