"""The entry function: gather the evidence about one query, divide its lead, and name the causes that explain it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.balance import DRAWS
from icldiag.analyses.confusion.compute import Confuse, Confusion
from icldiag.analyses.contest import Counterfactual
from icldiag.analyses.explanation.aggregation import AggregationEvidence, aggregation_evidence
from icldiag.analyses.explanation.candidates import candidates
from icldiag.analyses.explanation.classes import ClassesEvidence, classes_evidence
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect, demonstration_effects
from icldiag.analyses.explanation.depth import ABLATED, DepthEvidence, depth_evidence
from icldiag.analyses.explanation.evidence import Evidence
from icldiag.analyses.explanation.favourite import favourite_of
from icldiag.analyses.explanation.order import ORDERS, OrderEvidence, order_evidence
from icldiag.analyses.explanation.others import Check, checks, others_of
from icldiag.analyses.explanation.partial import PartialExplanation, without_evidence
from icldiag.analyses.explanation.prior import PriorEvidence, prior_evidence
from icldiag.analyses.explanation.ranking import Cause, rank_causes
from icldiag.analyses.explanation.relabelled import Relabelling, relabellings, with_odds
from icldiag.analyses.explanation.shares import MOST_FACTORS, Shares, shares
from icldiag.analyses.explanation.wording import name_lead, overlap, scoring_lead
from icldiag.analyses.lab import Lab
from icldiag.analyses.memory import Memory
from icldiag.analyses.overview.compute import Judge, Overview
from icldiag.analyses.prediction.compute import Predict, Prediction
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.analyses.saliency.compute import Flow, QueryFlow
from icldiag.arguments import Index, Seed
from icldiag.counting import counted
from icldiag.errors import AnalysisError, Cancelled
from icldiag.indices import query_index
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.readout import Progress, silent
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.schema import Prompt

_PARTS = ("demonstrations", "prior", "order", "classes", "aggregation", "scoring", "named", "depth")  # first round


@dataclass(frozen=True, repr=False)
class Explanation(AnalysisResult, PartialExplanation):
    """Why one query got its answer. `causes` is empty where nothing explains most of the lead or turns the answer."""

    demonstrations: tuple[DemonstrationEffect, ...]
    classes: ClassesEvidence
    order: OrderEvidence
    prior: PriorEvidence
    aggregation: AggregationEvidence
    depth: DepthEvidence
    causes: tuple[Cause, ...]
    shares: Shares
    checks: tuple[Check | None, ...]  # of the shares' factors
    relabelled: tuple[Relabelling, ...]  # the answer's demonstrations whose labels may be wrong
    overlap: bool  # the answer's label word begins the rival's, and whole words are scored
    runs: int  # changed prompts and edited passes that were run
    seed: int
    missing: tuple[str, ...]  # what is undefined, and why

    @property
    def tried(self) -> tuple[Counterfactual, ...]:
        """Every change that was run to see whether the rival is answered; heads are ablated to see who carries it."""
        runs: list[Counterfactual | None] = [self.classes.removed, self.aggregation.doubled]
        runs += [
            *(effect.hidden for effect in self.demonstrations),
            *self.order.runs,
            *self.prior.balanced,
            *(source.divided for source in self.prior.sources),
        ]
        runs += [run for neutral, run in self.shares.runs.items() if neutral]
        return tuple({run.change: run for run in runs if run is not None}.values())


@dataclass(frozen=True)
class Explain(Request[Explanation]):
    """Why one query got its answer: evidence of all kinds, its lead divided, and the causes that explain it.

    `each` is told a `PartialExplanation`, at once and whenever further evidence is there.
    """

    query: Index
    seed: Seed = 0
    job: ClassVar[str] = "explanation"
    of_demonstrations: ClassVar[bool] = True

    def require(self, prompt: Prompt) -> None:
        """A prompt without any demonstration has other causes; one that shows each query its own cannot be changed."""
        if prompt.per_query:
            super().require(prompt)

    def resolved(self, bench: Workbench) -> Explain:
        return replace(self, query=query_index(self.query, len(bench.prompt.queries)))

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Explanation:
        prediction = bench.ask(Predict(), progress)
        part = without_evidence(prediction, self.query)

        def judged(overview: Overview) -> None:
            if each is not None:
                each(replace(part, favourite=favourite_of(overview, self.query)))

        if each is not None:
            each(part)
        return explain(
            bench.model,
            bench.encoded,
            bench.prefix(progress),
            prediction,
            self.query,
            bench.ask(Judge(self.seed), progress, judged),
            bench.ask(Confuse(), progress) if bench.prompt.demonstrations else None,
            lambda: bench.ask(Flow(self.query), progress),
            beta=bench.beta,
            memory=bench.asked,
            seed=self.seed,
            progress=progress,
            each=each,
        )


def explain(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    prediction: Prediction,
    query: int,
    overview: Overview,
    confusion: Confusion | None,
    flow: Callable[[], QueryFlow],
    *,
    beta: NDArray[np.float32] | None = None,
    memory: Memory | None = None,
    seed: int = 0,
    progress: Progress = silent,
    each: Callable[[PartialExplanation], object] | None = None,
) -> Explanation:
    """Explain one query's answer.

    Args:
        beta: (L, H, demonstrations), an anchor re-weighting that is in force; see `lab`.
        memory: what other labs of the model have asked.
        overview: of the prompt, its lean measured.
        confusion: of the prompt's classes; None without demonstrations.
        flow: gives the query's saliency, or raises AnalysisError where it is undefined.
        seed: draws the orders, the random words, the balanced demonstrations and the other queries.
        each: is told the explanation as far as it has come, in the thread that computes it.
    """
    assert overview.lean is not None
    part = replace(without_evidence(prediction, query), favourite=favourite_of(overview, query))
    contest = part.contest
    lab = Lab(model, encoded, prefix, beta, memory)
    expected = _runs(encoded)

    def step(*_: object) -> None:
        progress("explanation", lab.answered, max(expected, lab.answered + 1))

    def tell(place: int | None = None, evidence: Any = None) -> None:
        nonlocal part
        if place is not None:
            if not hasattr(part, _PARTS[place]):  # no row of evidence
                return
            part = replace(part, **{_PARTS[place]: evidence})
        if each is not None:
            each(part)

    tell()
    missing = []
    saliency = None
    if encoded.prompt.demonstrations:
        try:
            saliency = flow()
        except Cancelled:
            raise
        except AnalysisError as error:
            missing.append(f"no flow into the label words: {error}")
    shown = encoded.prompt.demonstrations
    cut = sum(own.text != read.text for own, read in zip(shown, lab.fitting(shown), strict=True))
    if cut:
        texts = f"the texts of {counted(cut, 'demonstration')}"
        missing.append(f"the context window is full: {texts} were read as queries without their ends")
    others = others_of(contest, prediction, seed)
    effects, prior, order, classes, aggregation, scoring, named, depth = lab.inquire(
        [
            demonstration_effects(lab, contest, others),
            prior_evidence(lab, contest, overview.lean, prediction.scores, seed),
            order_evidence(lab, contest, seed),
            classes_evidence(lab, contest, confusion, prediction),
            aggregation_evidence(lab, contest, saliency),
            scoring_lead(lab, contest, prediction.scores[query]),
            name_lead(lab, contest),
            depth_evidence(lab, contest, step),
        ],
        step,
        tell,
    )
    (relabelled,) = lab.inquire([relabellings(lab, contest, effects, others)], step)
    effects = with_odds(contest, effects, relabelled, prior.counts)
    factors = candidates(lab, contest, effects, relabelled, order, prior, classes, aggregation, scoring, named, others)
    divided, checked = lab.inquire(
        [shares(lab, contest, factors), checks(lab, contest, factors, others, prediction)],
        step,
    )
    evidence = Evidence(
        contest=contest,
        favourite=part.favourite,
        shares=divided,
        checks=checked,
        prior=prior,
        demonstrations=effects,
        order=order,
        classes=classes,
        aggregation=aggregation,
        overlap=overlap(lab, contest),
    )
    progress("explanation", lab.answered, lab.answered)
    return Explanation(
        labels=prediction.labels,
        contest=contest,
        favourite=evidence.favourite,
        causes=rank_causes(evidence, prediction.labels),
        shares=divided,
        checks=checked,
        classes=classes,
        prior=prior,
        demonstrations=effects,
        relabelled=relabelled,
        order=order,
        aggregation=aggregation,
        depth=depth,
        label_mass=part.label_mass,
        likeliest=part.likeliest,
        overlap=evidence.overlap,
        runs=lab.answered,
        seed=seed,
        missing=(*missing, *_missing(evidence, depth, len(encoded.prompt.demonstrations))),
    )


def _runs(encoded: EncodedPrompt) -> int:
    """As many runs as may be needed: for the progress only."""
    shown = len(encoded.prompt.demonstrations)
    orders = min(ORDERS, math.factorial(min(shown, 6)) - 1)
    return 2 * shown + orders + 4 + ABLATED + DRAWS + (1 << MOST_FACTORS)


def _missing(evidence: Evidence, depth: DepthEvidence, demonstrations: int) -> list[str]:
    found = []
    contest = evidence.contest
    if contest.gold is None:
        found.append("the right label is unknown: the answer is compared with its runner-up")
    if evidence.classes.auc is None:
        found.append("no measured separation: the queries have no gold labels of both classes")
    shown = [evidence.prior.counts[label] for label in (contest.answer, contest.rival)]
    if not demonstrations:
        found.append("no anchors, no other orders, nothing to take out: there are no demonstrations")
    elif not all(shown):
        found.append("no distance of anchors: one of the two classes has no demonstration")
    elif evidence.classes.distance is None or evidence.classes.distances < 2:
        found.append("no distance of anchors: two classes have one, which is 1 by its scaling")
    if demonstrations == 1:
        found.append("there is one demonstration: it cannot be removed, and there are no other orders")
    if evidence.prior.source("batch") is None:
        found.append("no batch prior: there are fewer than 4 queries")
    if depth.missing:
        found.append(f"no layer of decision: {depth.missing}")
    return found
