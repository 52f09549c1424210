"""The section on repairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.lab import Lab
from icldiag.analyses.prediction.compute import Predict
from icldiag.analyses.repairs import Effect, FindRepairs, Repairs, Trial, find_repairs, finding, sorted_by, verdict
from icldiag.analyses.request import Workbench
from icldiag.analyses.search.partition import make_parts
from icldiag.analyses.search.search import Search
from icldiag.errors import AnalysisError
from icldiag.model.readout import IntArray, Progress
from icldiag.page.blocks import Block, Cell, Figure, Items, Paragraph, Table, notes
from icldiag.page.figures import changes
from icldiag.prompt.schema import Prompt

LISTED = 10  # on a page; files have all


class EffectFields(Fields):
    count: int = Field(description="Labelled texts that it was measured on.")
    right_before: int
    right_after: int
    mended: list[int] = Field(description="Places among these texts.")
    broken: list[int]
    p_value: float = Field(description="McNemar's exact test, corrected for the looks.")
    interval: tuple[float, float] = Field(description="Of the share gained: 95 %, wider for the looks.")
    looks: int = Field(description="How often these texts were looked at for a choice, this time among them.")
    balanced_gain: float = Field(description="Mean over the classes of the share gained.")
    likelihood_gain: float


class RepairFields(Fields):
    name: str
    family: str
    selection: EffectFields
    queries: EffectFields
    verdict: str
    predicted: list[int] = Field(description="Class index of every query afterwards.")
    tokens: int = Field(description="That the demonstrations take afterwards.")
    needs: str
    logit_bias: dict[str, float] | None = Field(
        description="By token id: a server that adds these at temperature 0 answers as the repair does; null: none do, "
        "or the texts are left out."
    )
    calibration: dict[str, Any] | None
    demonstrations: list[dict[str, Any]]
    words: list[str]


class PartsFields(Fields):
    fitting: list[str]
    selection: list[str]
    confirmation: list[str]
    with_queries: bool


class RepairsFields(SectionFields):
    finding: str
    query: int | None
    budget: int
    seed: int
    winner: int | None = Field(description="Its place in `repairs`.")
    holds: bool | None = Field(description="Whether it gains on texts that were left out of fit and choice.")
    confirmed: EffectFields | None = Field(description="Of choosing and fitting, on the texts left out of both.")
    parts: PartsFields
    tokens_before: int
    repairs: list[RepairFields] = Field(description="The best on the selection part first.")
    left_out: list[str]


def values(result: Repairs) -> dict[str, Any]:
    """The section's JSON values, the best repair first."""
    return {
        "finding": finding(result),
        "query": result.query,
        "budget": result.budget,
        "seed": result.seed,
        "winner": result.winner,
        "holds": result.holds,
        "confirmed": None if result.confirmed is None else _effect(result.confirmed),
        "parts": {
            "fitting": [example.text for example in result.fitting],
            "selection": [example.text for example in result.selection],
            "confirmation": [example.text for example in result.confirmation],
            "with_queries": result.with_queries,
        },
        "tokens_before": result.tokens_before,
        "repairs": [_trial(result, trial) for trial in result.trials],
        "left_out": result.left_out,
    }


def _trial(result: Repairs, trial: Trial) -> dict[str, Any]:
    repair = trial.repair
    calibration = repair.calibration
    return {
        "name": repair.name,
        "family": repair.family,
        "selection": _effect(trial.selection),
        "queries": _effect(trial.queries),
        "verdict": verdict(result, trial, result.query),
        "predicted": trial.predicted,
        "tokens": trial.tokens,
        "needs": repair.needs,
        "logit_bias": trial.logit_bias if isinstance(trial.logit_bias, Mapping) and trial.logit_bias else None,
        "calibration": calibration and asdict(calibration),
        "demonstrations": [
            {
                "text": example.text,
                "label": example.label,
                **({"fields": dict(example.fields)} if example.fields else {}),
            }
            for example in repair.demonstrations
        ],
        "words": [label.word for label in repair.labels],
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "count": effect.count,
        "right_before": effect.right_before,
        "right_after": effect.right_after,
        "mended": effect.mended,
        "broken": effect.broken,
        "p_value": effect.p_value,
        "interval": effect.interval,
        "looks": effect.looks,
        "balanced_gain": effect.balanced_gain,
        "likelihood_gain": effect.likelihood_gain,
    }


def reading(result: Repairs, context: Context | None = None) -> str:
    """The winner with its confirmed effect, or why there is none."""
    if result.finished:
        return finding(result)
    return (
        f"The search has not ended: {len(result.trials)} of up to {result.budget} candidates so far. {finding(result)}"
    )


def blocks(result: Repairs, context: Context | None = None) -> list[Block]:
    """The best repairs, and what the winner does to the queries."""
    best = result.trials[:LISTED]
    caption = f"Labelled texts of the selection part ({len(result.selection)}) fixed and broken by the best repairs."
    bars = [(trial.repair.name, len(trial.selection.mended), len(trial.selection.broken)) for trial in best]
    shown: list[Block] = [Figure("repairs", caption, lambda: changes(bars))] if bars else []
    shown.append(_ranking(result))
    winner = result.best
    if winner is not None and context is not None:
        texts, effect = context.prompt.queries, winner.queries
        told = [f"The best fixes: {texts[place].text}" for place in effect.mended]
        told += [f"The best breaks: {texts[place].text}" for place in effect.broken]
        shown += [Items(tuple(told))] if told else []
        shown += _elsewhere(result, winner)
    return shown + notes(result.left_out)


def _ranking(result: Repairs) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for trial in result.trials:
        effect, queries = trial.selection, trial.queries
        counts = (effect.net, len(effect.mended), len(effect.broken), effect.p_value)
        of_queries = (len(queries.mended), len(queries.broken))
        ranked_by = (100 * effect.balanced_gain,) if result.uneven else ()
        tokens = trial.tokens - result.tokens_before
        rows.append((trial.repair.name, *ranked_by, *counts, *of_queries, tokens, trial.repair.needs))
    columns = (
        "repair",
        *(["alike"] if result.uneven else []),
        "net gain",
        "fixed",
        "broken",
        "McNemar p",
        "queries fixed",
        "queries broken",
        "tokens",
        "needs",
    )
    return Table("repairs", sorted_by(result), columns, tuple(rows), limit=LISTED, digits=".2g")


def _elsewhere(result: Repairs, winner: Trial) -> list[Block]:
    """The best repair in other programs, or the best of those that these can be told of."""
    able = next((trial for trial in (winner, *result.trials) if isinstance(trial.logit_bias, Mapping)), None)
    why = f"{winner.logit_bias}." if isinstance(winner.logit_bias, str) else ""
    said: list[Block] = [Paragraph(f"In other programs: {why}")] if why else []
    if able is None or not isinstance(able.logit_bias, Mapping):
        return said
    caption = (
        f"{able.repair.name}: a server that adds these to its logits (logit_bias; sequence_bias of transformers), with "
        "one token at temperature 0, answers as icldiag does. icldiag repair --as logit-bias writes whole requests and "
        "tries them first."
    )
    rows = tuple(
        (label.name, label.word, token, bias)
        for label, (token, bias) in zip(able.repair.labels, able.logit_bias.items(), strict=True)
    )
    return [*said, Table("logit-bias", caption, ("class", "label word", "token", "bias"), rows, limit=LISTED)]


def numbers(bench: Workbench, settings: Mapping[str, Any], seed: int, progress: Progress) -> dict[str, Any]:
    """The queries are kept to measure on: the search is not told their labels."""
    needs(bench.prompt, settings, seed)
    prediction = bench.ask(Predict(), progress)
    unlabelled = _unlabelled(bench.prompt)
    encoded = replace(bench.encoded, prompt=unlabelled)
    search = Search(Lab(bench.model, encoded, bench.prefix(progress), bench.beta), seed=seed)
    if unlabelled.calibration is None:
        asked = [query.texts for query in unlabelled.queries]
        search.know(dict(zip(asked, prediction.scores, strict=True)))
    found = find_repairs(search, settings["budget"], progress=progress)
    accuracy, balanced = _right(prediction.predicted, prediction.gold)
    trials = []
    for trial in found.trials:
        after = _right(trial.predicted, prediction.gold)
        trials.append(
            {
                "name": trial.repair.name,
                "family": trial.repair.family,
                "selection": trial.selection.net / trial.selection.count,
                "gain": after[0] - accuracy,
                "balanced_gain": after[1] - balanced,
            }
        )
    return {
        "accuracy": accuracy,
        "balanced_accuracy": balanced,
        "winner": found.winner,
        "confirmed": bool(found.holds),
        "sure": found.sure,
        "trials": trials,
    }


def needs(prompt: Prompt, settings: Mapping[str, Any], seed: int) -> None:
    """Raise AnalysisError where there are too few labelled examples to search with, or no query to measure on."""
    make_parts(_unlabelled(prompt), seed=seed)
    if all(query.label is None for query in prompt.queries):
        raise AnalysisError("no query has a gold label, so what repairs gain cannot be measured")


def _unlabelled(prompt: Prompt) -> Prompt:
    return replace(prompt, queries=tuple(replace(query, label=None) for query in prompt.queries))


def _right(predicted: IntArray, gold: Sequence[int | None]) -> tuple[float, float]:
    """The share of right answers to labelled queries, and its mean over their classes."""
    labelled = [place for place, label in enumerate(gold) if label is not None]
    wanted = np.array([gold[place] for place in labelled])
    right = predicted[labelled] == wanted
    return float(right.mean()), float(np.mean([right[wanted == label].mean() for label in np.unique(wanted)]))


SECTION = Section(
    title="Repairs",
    question="What fixes it",
    fields=RepairsFields,
    requests=lambda context: [FindRepairs(budget=context.settings.budget)],
    values=values,
    reading=reading,
    blocks=blocks,
    main="repairs",
)

ANALYSIS = Analysis("repairs", (Repairs,), SECTION, numbers, ("budget",), needs)
