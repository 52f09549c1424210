"""What is wrong with the prompt as a whole, in at most three sentences. Labels and tokens are users' text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from icldiag.analyses.overview.compute import Overview
from icldiag.counting import counted
from icldiag.quoting import quoted

LISTED = 4  # labels, tokens or errors in a sentence


def headline(found: Overview) -> str:
    """What is wrong with the prompt, in at most three sentences; the first says how many are right."""
    sentences = [_answers(found), _outscored(found), _apart(found)]
    if found.verdict.elsewhere and not found.outscored:
        sentences.append(_elsewhere(found))
    return " ".join(sentence for sentence in sentences if sentence)


def _answers(found: Overview) -> str:
    verdict, measures, names = found.verdict, found.measures, found.labels
    n = len(found.predicted)
    label = None if verdict.label is None else names[verdict.label]
    if verdict.kind == "single":
        return _single(found)
    if measures is None:
        if verdict.kind == "one label":
            return f"All {n} answers are {label}; no query has a gold label."
        return f"{n} queries, none with a gold label: {_listed(found.answered.tolist(), names)}."
    of = f"{measures.right} of {measures.count}" + (" labelled" if measures.count < n else "")
    if verdict.kind == "one label":
        return f"All {n} answers are {label}: {of} are right ({measures.accuracy.value:.2f})."
    if verdict.kind == "right":
        least = f"at least {measures.accuracy.low:.2f} of such queries"
        only = f"; all of them are {names[measures.commonest]}" if measures.baseline == 1 else ""
        return f"All {counted(measures.count, 'labelled query')} are answered right{only} (95 %: {least})."
    right = f"{of} are right: accuracy {measures.accuracy}"
    if verdict.kind == "too often":
        assert verdict.label is not None
        answers, gold = int(found.answered[verdict.label]), int(found.counts[verdict.label].sum())
        has = "has it" if gold == 1 else "have it"
        whose = f"{gold or 'none'} of the {measures.count} labelled {has} as gold label"
        return f"{label} is answered too often: {answers} of {n} answers, and {whose}. {right}."
    if verdict.kind == "no better":
        value, baseline, by = measures.accuracy.value, measures.baseline, ""
        if measures.imbalanced:
            value, baseline = measures.balanced_accuracy, measures.balanced_baseline
            by = f"; balanced accuracy {measures.balanced_interval or format(value, '.2f')}"
        surely = "no" if value <= baseline else "not surely"
        return f"{right}{by}, {surely} better than always {label} ({baseline:.2f})."
    return f"{right}."


def _single(found: Overview) -> str:
    answer, gold = int(found.predicted[0]), found.gold[0]
    scores = found.scores[0]
    chance = float(np.exp(scores[answer] - scores.max()) / np.exp(scores - scores.max()).sum())
    said = f"The query is answered {found.labels[answer]}, with {chance:.2f} of the label words' probability"
    if gold is None:
        return f"{said}; its gold label is unknown."
    return f"{said}; that is right." if gold == answer else f"{said}; the gold label is {found.labels[gold]}."


def _outscored(found: Overview) -> str:
    """That a label word can never win, by how it is scored: no evidence is needed for it."""
    if not found.outscored:
        return ""
    longer, shorter = (quoted(found.labels[label]) for label in found.outscored[0])
    several = len({longer for longer, _ in found.outscored}) - 1
    more = f" (and {counted(several, 'other label')})" if several else ""
    return (
        f"{longer}{more} can never win: scored whole, its word begins with that of {shorter}, which is always at least "
        "as probable; set 'scoring: terminated'."
    )


def _apart(found: Overview) -> str:
    """What the scores know, and whether a lean hides it."""
    separability, verdict = found.separability, found.verdict
    if verdict.kind in ("right", "single"):
        return ""
    if separability is None:
        return _leans_there(found).strip()
    auc = f"AUC {separability.auc}"
    hidden = verdict.hidden_by
    if hidden is not None:
        undone = f"dividing out the {hidden.kind} prior fixes more answers than it breaks"
        return f"{auc}: the scores tell the labels apart, and the lean hides it: {undone}."
    if separability.auc.high < 0.5:
        return f"{auc}, below 0.5: the scores rank the labels the wrong way round.{_leans_there(found)}"
    said = {
        "yes": f"{auc}: the scores tell the labels apart better than chance.",
        "no": f"{auc}: the scores hardly tell the labels apart.",
        "too few": f"{auc}: these are too few queries to say whether the scores tell the labels apart.",
        None: "",
    }[verdict.separated]
    return said + _leans_there(found)


def _leans_there(found: Overview) -> str:
    """That the prompt favours the label that is answered too often also where the query says nothing."""
    lean, label = found.lean, found.verdict.label
    if lean is None or label is None or found.verdict.kind not in ("one label", "too often") or lean.towards != label:
        return ""
    measured = f"{lean.priors[0].kind} {lean.priors[0].strength:.1f} nats"
    return f" The prompt leans to {found.labels[label]} also where the query says nothing ({measured})."


def _elsewhere(found: Overview) -> str:
    first = found.writing.instead[0]
    n, elsewhere = len(found.predicted), found.writing.elsewhere
    said = (
        f"In {elsewhere} of {n} queries the model would first write something else, most often {quoted(first.text)} "
        f"({len(first.queries)})"
    )
    if n == 1:
        said = f"The model would first write something else, {quoted(first.text)}"
    return f"{said}; the label words hold {found.writing.mean_mass:.2f} of the probability."


def _listed(counts: Sequence[int], names: Sequence[str]) -> str:
    order = sorted(range(len(names)), key=lambda label: -counts[label])
    shown = [f"{names[label]} {counts[label]}" for label in order[:LISTED]]
    rest = sum(counts[label] for label in order[LISTED:])
    return ", ".join(shown) + (f", {rest} other" if rest else "")
