"""What a sweep keeps of each analysis: the numbers that tables and figures are made of, as plain JSON values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from icldiag.analyses.isolation import Cut, CutKind
from icldiag.analyses.loyalty import Answers
from icldiag.analyses.reweighting import TrainingSettings
from icldiag.analyses.saliency import Saliency
from icldiag.model.readout import Progress, step_of
from icldiag.session import Session
from icldiag.sweeps.cells import Cell
from icldiag.sweeps.fields import Analysis

Values = dict[str, Any]
Measure = Callable[[Session, Cell, Progress], Values]

#: Isolation's two sides and what is isolated, as in the paper's figure 4.
SIDES = ("first", "last")
ISOLATED: dict[str, CutKind] = {"label words": "text_to_label", "random words": "random_words"}


def _prediction(session: Session, cell: Cell, progress: Progress) -> Values:
    found = session.prediction(progress)
    return {
        "accuracy": found.accuracy,
        "predicted": found.predicted,
        "gold": found.gold,
        **_lengths(session),
    }


def _lengths(session: Session) -> Values:
    """Tokens of the demonstrations, and of a query on average: L_demo and L_x of the paper's speed-ups."""
    encoded = session.encoded
    return {
        "demonstration_tokens": len(encoded.prefix),
        "mean_query_tokens": sum(len(query.ids) for query in encoded.queries) / len(encoded.queries),
    }


def _confusion(session: Session, cell: Cell, progress: Progress) -> Values:
    found = session.confusion(cell.settings.layer, progress)
    return {
        "labels": found.labels,
        "layer": found.layer,
        "distance": found.distance,
        "auc": found.auc,
        "spearman": found.spearman,
        "missing": found.missing,
    }


def _saliency(session: Session, cell: Cell, progress: Progress) -> Values:
    count = min(cell.settings.saliency_queries or len(session.prompt.queries), len(session.prompt.queries))
    steps = [step_of(progress, "saliency", query, count) for query in range(count)]
    found = Saliency(tuple(session.flow(query, progress=step) for query, step in enumerate(steps)))
    return {"queries": count, "loss_target": found.loss_target, "shares": found.shares, "missing": found.missing[:1]}


def _isolation(session: Session, cell: Cell, progress: Progress) -> Values:
    layers = session.model.n_layers
    count = min(cell.settings.isolated_layers, layers)
    sides = {"first": range(count), "last": range(layers - count, layers)}
    return {
        "isolated_layers": count,
        "layers": layers,
        "settings": {
            side: {
                what: _answers(
                    session.isolate(
                        Cut.of(kind, sides[side], cell.seed), top=cell.settings.top, progress=progress
                    ).answers
                )
                for what, kind in ISOLATED.items()
            }
            for side in SIDES
        },
    }


def _answers(answers: Answers) -> Values:
    return {
        "label_loyalty": answers.label_loyalty,
        "word_loyalty": answers.word_loyalty,
        "accuracy": answers.accuracy,
    }


def _extraction(session: Session, cell: Cell, progress: Progress) -> Values:
    found = session.extraction(progress)
    return {
        "aucroc": found.aucroc,
        "cumulative": found.cumulative,
        "denominator": found.denominator,
        "missing": found.missing,
    }


def _reweighting(session: Session, cell: Cell, progress: Progress) -> Values:
    settings = TrainingSettings(**cell.read, seed=cell.seed)
    found = session.reweighting(settings, progress=progress)
    return {
        "before": found.before.accuracy,
        "after": found.after.accuracy,
        "examples": found.examples,
        "loss": found.loss,
    }


def _compression(session: Session, cell: Cell, progress: Progress) -> Values:
    settings = cell.settings
    found = session.compression(
        positions=settings.positions,
        draws=settings.draws,
        seed=cell.seed,
        top=settings.top,
        timed=settings.timed,
        progress=progress,
    )
    spread, speed = found.hidden_random, found.speed_up
    return {
        "full": _answers(found.full),
        "text_anchor": _answers(found.text_anchor.answers),
        "hidden_random": {
            "label_loyalty": spread.label_loyalty[0],
            "word_loyalty": spread.word_loyalty[0],
            "accuracy": spread.accuracy[0] if spread.accuracy else None,
        },
        "hidden_random_top": _answers(found.hidden_random_top.answers),
        "hidden_anchor": _answers(found.hidden_anchor.answers),
        "speed_up": speed.against_full_prompt if speed else None,
        "speed_up_on_cache": speed.against_full_cache if speed else None,
        **_lengths(session),
    }


def _repairs(session: Session, cell: Cell, progress: Progress) -> Values:
    """The queries are kept to measure on: what is confirmed counts the examples alone."""
    found = session.repairs(budget=cell.settings.budget, seed=cell.seed, progress=progress)
    asked = {query.text for query in session.prompt.queries}
    confirmed = False
    if found.confirmed is not None:
        counted = [example.text not in asked for example in found.confirmation]
        mended, broken = (
            sum(counted[place] for place in places) for places in (found.confirmed.mended, found.confirmed.broken)
        )
        confirmed = mended > broken
    return {
        "accuracy": session.prediction(progress).accuracy,
        "confirmed": confirmed,
        "trials": [
            {
                "name": trial.repair.name,
                "family": trial.repair.family,
                "selection": trial.selection.net / trial.selection.count,
                "gain": trial.queries.net / trial.queries.count,
            }
            for trial in found.trials
        ],
    }


MEASURES: dict[Analysis, Measure] = {
    "prediction": _prediction,
    "confusion": _confusion,
    "saliency": _saliency,
    "isolation": _isolation,
    "extraction": _extraction,
    "reweighting": _reweighting,
    "compression": _compression,
    "repairs": _repairs,
}
