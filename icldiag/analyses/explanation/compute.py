"""The entry function: gather the evidence about one query, and name the causes that an intervention confirms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.confusion.compute import Confuse, Confusion
from icldiag.analyses.explanation.aggregation import AggregationEvidence, aggregation_evidence
from icldiag.analyses.explanation.classes import ClassesEvidence, classes_evidence
from icldiag.analyses.explanation.contest import Contest, Counterfactual, contest_of
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect, demonstration_effects
from icldiag.analyses.explanation.depth import ABLATED, DepthEvidence, depth_evidence
from icldiag.analyses.explanation.order import OrderEvidence, order_evidence
from icldiag.analyses.explanation.prior import PriorEvidence, balanced_draws, prior_evidence
from icldiag.analyses.explanation.ranking import Cause, Evidence, rank_causes
from icldiag.analyses.explanation.suspect import OTHER_ORDERS, SuspectEvidence, suspect_evidence, suspect_of
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.analyses.orders import ORDERS
from icldiag.analyses.prediction.compute import Predict, Prediction
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.analyses.saliency.compute import Flow, QueryFlow
from icldiag.errors import AnalysisError, Cancelled
from icldiag.indices import query_index
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.readout import Progress, silent
from icldiag.prompt.encoded_prompt import EncodedPrompt


@dataclass(frozen=True, repr=False)
class Explanation(AnalysisResult):
    """Why one query got its answer. `causes` is empty where no intervention confirmed any."""

    labels: tuple[str, ...]
    contest: Contest
    causes: tuple[Cause, ...]
    classes: ClassesEvidence
    prior: PriorEvidence
    demonstrations: tuple[DemonstrationEffect, ...]
    suspect: SuspectEvidence | None  # the demonstration that may carry a wrong label
    order: OrderEvidence
    aggregation: AggregationEvidence
    depth: DepthEvidence
    runs: int  # changed prompts and edited passes that were run
    seed: int
    missing: tuple[str, ...]  # what is undefined, and why

    @property
    def tried(self) -> tuple[Counterfactual, ...]:
        """Every change that was run to see whether the rival is answered; heads are ablated to see who carries it."""
        runs: list[Counterfactual | None] = [self.classes.removed, self.aggregation.doubled]
        for effect in self.demonstrations:
            runs += [effect.removed, effect.relabelled, effect.hidden]
        runs += [*self.order.runs, *self.prior.balanced, *(source.divided for source in self.prior.sources)]
        runs += self.aggregation.isolated.values()
        return tuple(run for run in runs if run is not None)


@dataclass(frozen=True)
class Explain(Request[Explanation]):
    """Why one query got its answer: evidence of all kinds, and the causes that an intervention confirms."""

    query: int
    seed: int = 0
    job: ClassVar[str] = "explanation"

    def resolved(self, bench: Workbench) -> Explain:
        return replace(self, query=query_index(self.query, len(bench.prompt.queries)))

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Explanation:
        return explain(
            bench.model,
            bench.encoded,
            bench.prefix(progress),
            bench.ask(Predict(), progress),
            self.query,
            bench.ask(Confuse(), progress),
            lambda: bench.ask(Flow(self.query), progress),
            beta=bench.beta,
            seed=self.seed,
            progress=progress,
        )


def explain(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    prediction: Prediction,
    query: int,
    confusion: Confusion,
    flow: Callable[[], QueryFlow],
    *,
    beta: NDArray[np.float32] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Explanation:
    """Explain one query's answer.

    Args:
        beta: (L, H, demonstrations), an anchor re-weighting that is in force; see `lab`.
        confusion: of the prompt's classes.
        flow: gives the query's saliency, or raises AnalysisError where it is undefined.
        seed: draws the orders, the random words and the balanced demonstrations.
    """
    contest = contest_of(prediction, query)
    lab = Lab(model, encoded, prefix, beta)
    expected = _runs(encoded, contest)

    def step(*_: object) -> None:
        progress("explanation", lab.answered, max(expected, lab.answered + 1))

    missing = []
    saliency = None
    try:
        saliency = flow()
    except Cancelled:
        raise
    except AnalysisError as error:
        missing.append(f"no flow into the label words: {error}")
    (effects, suspect), prior, order, classes, aggregation, depth = lab.inquire(
        [
            _suspected(lab, contest, prediction, seed),
            prior_evidence(lab, contest, prediction.scores, seed),
            order_evidence(lab, contest, seed),
            classes_evidence(lab, contest, confusion),
            aggregation_evidence(lab, contest, saliency),
            depth_evidence(lab, contest, step),
        ],
        step,
    )
    evidence = Evidence(
        contest=contest,
        prior=prior,
        demonstrations=effects,
        suspect=suspect,
        order=order,
        classes=classes,
        aggregation=aggregation,
    )
    progress("explanation", lab.answered, lab.answered)
    return Explanation(
        labels=prediction.labels,
        contest=contest,
        causes=rank_causes(evidence, prediction.labels),
        classes=evidence.classes,
        prior=evidence.prior,
        demonstrations=effects,
        suspect=evidence.suspect,
        order=evidence.order,
        aggregation=evidence.aggregation,
        depth=depth,
        runs=lab.answered,
        seed=seed,
        missing=(*missing, *_missing(evidence, depth, len(encoded.prompt.demonstrations))),
    )


def _suspected(
    lab: Lab, contest: Contest, prediction: Prediction, seed: int
) -> Inquiry[tuple[tuple[DemonstrationEffect, ...], SuspectEvidence | None]]:
    """What each demonstration does, and what the one that may carry a wrong label does to other queries."""
    effects = yield from demonstration_effects(lab, contest)
    suspect = suspect_of(contest, effects)
    return effects, (yield from suspect_evidence(lab, contest, suspect, prediction, seed)) if suspect else None


def _runs(encoded: EncodedPrompt, contest: Contest) -> int:
    """As many runs as may be needed: for the progress only."""
    shown = encoded.prompt.demonstrations
    orders = min(ORDERS, math.factorial(min(len(shown), 6)) - 1)
    labels = [example.label for example in shown]
    own = labels.count(contest.answer)
    suspected = own + 2 + 2 * OTHER_ORDERS if own > 1 else 0  # each relabelled; the suspect for other queries
    return 2 * len(shown) + suspected + orders + len(set(labels)) + 3 + ABLATED + len(balanced_draws(shown, 0))


def _missing(evidence: Evidence, depth: DepthEvidence, demonstrations: int) -> list[str]:
    found = []
    contest = evidence.contest
    if contest.gold is None:
        found.append("the right label is unknown: the answer is compared with its runner-up")
    if evidence.classes.auc is None:
        found.append("no measured separation: the queries have no gold labels of both classes")
    if evidence.classes.distance is None:
        found.append("no distance of anchors: one of the two classes has no demonstration")
    elif evidence.classes.distances < 2:
        found.append("two classes have one distance, which is 1 by its scaling")
    if demonstrations < 2:
        found.append("there is one demonstration: it cannot be removed, and there are no other orders")
    if evidence.prior.source("batch") is None:
        found.append("no batch prior: there are fewer than 4 queries")
    if depth.missing:
        found.append(f"no layer of decision: {depth.missing}")
    return found
