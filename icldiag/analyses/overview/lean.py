"""The lean: which labels the prompt answers whatever the query says, and what each calibration would give.

The label prior q is measured in three ways (see `analyses.calibration`); of each label in nats over the others,

    log q_c - mean of log q over the other labels

which with two labels is the logarithm of their ratio. A calibration divides q out. How right it makes the answers is
never measured on queries that q was fitted on: of the batch and of the random texts, which are made of the queries'
words, the q of one half of the queries is divided out of the other half's answers.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from icldiag.analyses.calibration import (
    FEWEST_QUERIES,
    calibrated,
    calibration,
    prior_of,
    random_queries,
)
from icldiag.analyses.effect import Effect, effect
from icldiag.analyses.lab import Lab
from icldiag.analyses.prediction.compute import Prediction
from icldiag.model.readout import FloatArray, IntArray, Progress, silent
from icldiag.prompt.adjustments import PRIORS, Calibration, CalibrationKind, PriorKind

LEAST_SHOWN = 0.05  # nats; what is less is shown as 0.0, and no sentence builds on it
_ALIKE = 1e-9  # nats; as much comes of adding probabilities in another order


@dataclass(frozen=True)
class Prior:
    """The label prior of the prompt as it is, with the calibration in force, over C labels."""

    kind: PriorKind
    texts: int  # that it is the mean of
    probabilities: FloatArray  # (C,)

    @property
    def nats(self) -> FloatArray:
        """(C,) of each label over the mean of the others."""
        logs = np.log(np.maximum(self.probabilities, 1e-12))
        others = len(logs) - 1
        return np.asarray(logs - (logs.sum() - logs) / others)

    @property
    def towards(self) -> int | None:
        """The label that it favours; None where all are as probable."""
        return int(self.probabilities.argmax()) if self.strength > 0 else None

    def favours(self, labels: Sequence[str]) -> str:
        """The label's name."""
        return "none" if self.towards is None else labels[self.towards]

    @property
    def strength(self) -> float:
        """Nats by which that label is favoured."""
        strength = float(self.nats.max())
        return strength if strength > _ALIKE else 0.0


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A calibration instead of the one in force, if any."""

    calibration: Calibration  # fitted on all, to be put in force
    scores: FloatArray  # (n, C) of the queries, none of which it was then fitted on
    effect: Effect  # of these scores on the labelled queries

    @property
    def kind(self) -> CalibrationKind:
        return self.calibration.kind

    @property
    def predicted(self) -> IntArray:
        """(n,)"""
        return np.asarray(self.scores.argmax(1))


@dataclass(frozen=True)
class Lean:
    """`batch` is missing where there are too few queries: 4 for its prior, 8 for its calibration."""

    priors: tuple[Prior, ...]
    calibrated: tuple[Calibrated, ...]
    seed: int

    def prior(self, kind: CalibrationKind) -> Prior | None:
        return next((one for one in self.priors if one.kind == kind), None)

    @property
    def towards(self) -> int | None:
        """The label that all measurements favour; None where they do not agree, or favour none."""
        favoured = {one.towards for one in self.priors}
        return favoured.pop() if len(favoured) == 1 else None


def halves(count: int, seed: int) -> tuple[IntArray, IntArray]:
    """Places 0 to `count` - 1 in two halves, at random. What is fitted or chosen on one is measured on the other."""
    order = random.Random(seed).sample(range(count), count)
    return np.array(sorted(order[::2]), dtype=np.int64), np.array(sorted(order[1::2]), dtype=np.int64)


def priors(lab: Lab, prediction: Prediction, seed: int = 0, progress: Progress = silent) -> tuple[Prior, ...]:
    """The prior alone, in the same ways; what calibrations would give is not asked."""
    prompt = lab.prompt
    free = lab.content_free
    random_texts = lab.fitting(random_queries(prompt, [*prompt.demonstrations, *prompt.queries], seed))
    (answers,) = lab.ask([lab.question([*free, *random_texts])], progress)
    scores = {"contextual": answers[: len(free)], "domain-context": answers[len(free) :], "batch": prediction.scores}
    return _priors(scores, len(prediction))


def _priors(scores: Mapping[str, FloatArray], queries: int) -> tuple[Prior, ...]:
    """Of label scores with what is in force, by the kind of prior."""
    return tuple(Prior(kind, len(scores[kind]), prior_of(scores[kind])) for kind in _kinds(queries))


def _kinds(queries: int) -> list[PriorKind]:
    return [kind for kind in PRIORS if kind != "batch" or queries >= FEWEST_QUERIES]


def lean(lab: Lab, prediction: Prediction, seed: int = 0, progress: Progress = silent) -> Lean:
    """Measure the prior in three ways and divide each out; all texts are asked as one list.

    Args:
        prediction: of the lab's prompt, with whatever is in force.
        seed: draws the random texts and the halves.
    """
    prompt = lab.prompt
    parts = halves(len(prompt.queries), seed)
    shown = prompt.demonstrations
    texts = {
        "contextual": lab.content_free,
        "domain-context": random_queries(prompt, [*shown, *prompt.queries], seed),
    }
    for own, other in enumerate(reversed(parts)):  # the words of the other half
        texts[f"half {own}"] = random_queries(prompt, [*shown, *(prompt.queries[place] for place in other)], seed)
    texts = {name: lab.fitting(of) for name, of in texts.items()}
    asked = lab.question([text for of in texts.values() for text in of])
    questions, scores = [asked], prediction.scores
    if prompt.calibration is not None:  # calibrations are fitted on what it is not applied to
        queries = (*asked.prompt.queries, *prompt.queries)
        questions.append(replace(asked, prompt=replace(asked.prompt, queries=queries, calibration=None)))
    answers = lab.ask(questions, progress)
    ends = np.cumsum([len(of) for of in texts.values()])
    names: list[str] = [*texts, "batch"]
    in_force: dict[str, FloatArray] = dict(zip(names, [*np.split(answers[0], ends[:-1]), scores], strict=True))
    plain = in_force if len(answers) == 1 else dict(zip(names, np.split(answers[1], ends), strict=True))

    def fitted_on(kind: PriorKind, half: int) -> FloatArray:
        if kind == "domain-context":
            return plain[f"half {half}"]
        return plain[kind][parts[1 - half]] if kind == "batch" else plain[kind]

    found = []
    for kind in _kinds(len(prediction)):
        if kind == "batch" and len(prediction) < 2 * FEWEST_QUERIES:
            continue
        after = np.empty_like(scores)
        for half, places in enumerate(parts):
            if len(places):
                after[places] = calibrated(plain["batch"][places], calibration(kind, fitted_on(kind, half)))
        found.append(Calibrated(calibration(kind, plain[kind]), after, effect(scores, after, prediction.gold)))
    return Lean(_priors(in_force, len(prediction)), tuple(found), seed)
