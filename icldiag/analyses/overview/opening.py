"""What is wrong with the prompt as a whole: what is answered, what that comes from, and what the scores know.

Labels and tokens are users' text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from icldiag.analyses.overview.compute import Overview
from icldiag.analyses.overview.origins import causes, leans_there, order_decides
from icldiag.analyses.overview.tried import unlike_names
from icldiag.analyses.overview.verdict import excess
from icldiag.counting import all_are, counted, is_or_are, joined
from icldiag.quoting import quoted

LISTED = 4  # labels, tokens or errors in a sentence
_CAUSES = 2


def headline(found: Overview) -> str:
    """What is wrong with the prompt: how many answers are right, then what they come from as soon as that is known."""
    verdict = found.verdict
    why = [said for said in (unlike_names(found), *causes(found)) if said][:_CAUSES] or [order_decides(found)]
    drawn = verdict.kind in ("no better", "errors") and verdict.label is not None
    told = any(why)  # beside it, that the scores tell the labels apart is no news, unless a lean hides it
    says_little = verdict.separated == "too few" and (drawn or told)
    says_little = says_little or (verdict.separated == "yes" and told and verdict.hidden_by is None)
    sentences = [
        _answers(found),
        _outscored(found),
        *why,
        leans_there(found).strip() if says_little else _apart(found),
        _elsewhere(found) if verdict.elsewhere and not found.outscored else "",
    ]
    if verdict.label is None:  # no label draws the answers, so that other words come before what draws to one
        sentences.insert(1, sentences.pop())
    sentences += [f"{said[0].upper()}{said[1:]}." for said in found.same_texts]
    return " ".join(sentence for sentence in sentences if sentence)


def _answers(found: Overview) -> str:
    verdict, measures, names = found.verdict, found.measures, found.labels
    n = len(found.predicted)
    label = None if verdict.label is None else names[verdict.label]
    if verdict.kind == "single":
        return _single(found)
    if measures is None:
        if verdict.kind == "one label":
            return f"{all_are(n, 'answer')} {_always(found, label)}; no query has a gold label."
        return f"{n} queries, none with a gold label: {listed(found.answered.tolist(), names)}."
    count = f"{measures.count} labelled" if measures.count < n else str(measures.count)
    of = f"{measures.right} of {count} {is_or_are(measures.right)} right"
    if verdict.kind == "one label":
        return f"{all_are(n, 'answer')} {_always(found, label)}: {of} ({measures.accuracy.value:.2f})."
    if verdict.kind == "right":
        least = f"at least {measures.accuracy.low:.2f} of such queries"
        only = f", each with the label {names[measures.commonest]}" if measures.baseline == 1 < measures.count else ""
        return f"{all_are(measures.count, 'labelled query')} answered right{only} (95 %: {least})."
    right = f"{of}: accuracy {measures.accuracy}"
    if verdict.kind == "too often":
        assert verdict.label is not None
        often = _too_often(found, verdict.label)
        errors = measures.count - measures.right  # where most of these are others, they come first
        said = f"{often} {right}." if 2 * excess(found, verdict.label).count >= errors else f"{right}. {often}"
        return said + _never(found)
    drawn = _drawn(found)
    if verdict.kind == "no better":
        value, baseline, by = measures.accuracy.value, measures.baseline, ""
        if measures.imbalanced:
            value, baseline = measures.balanced_accuracy, measures.balanced_baseline
            by = f"; balanced accuracy {measures.balanced_interval or format(value, '.2f')}"
        surely = "no" if value <= baseline else "not surely"
        return f"{right}{by}, {surely} better than always {names[measures.commonest]} ({baseline:.2f}).{drawn}"
    return f"{right}.{drawn}"


def _drawn(found: Overview) -> str:
    """Which label draws the errors to it, and the labels that are never answered."""
    label = found.verdict.label
    if label is None:
        return _never(found)
    drawn, errors = excess(found, label).taken, int(found.counts.sum() - np.diag(found.counts).sum())
    many = f"All {errors}" if drawn == errors else f"{drawn} of {errors}"
    return f" {many} errors are answered {found.labels[label]}.{_never(found)}"


def _never(found: Overview) -> str:
    """Labels that no query is answered, where a tenth of the labelled ones or more should be."""
    gold = found.counts.sum(axis=1)
    never = [label for label in range(len(found.labels)) if gold[label] and not found.answered[label]]
    missed = int(gold[never].sum())
    if missed < gold.sum() / 10 or len(never) > LISTED:
        return ""
    names = [found.labels[label] for label in never]
    gold_of = f"the gold {'label' if len(names) == 1 else 'labels'} of {missed}"
    return f" No query is answered {joined(names, 'or')}, {gold_of}."


def _always(found: Overview, label: str | None) -> str:
    return f"ties, which go to the label that the prompt lists first, {label}" if found.tied else str(label)


def _too_often(found: Overview, label: int) -> str:
    """By how much, and of how many errors that is at most the cause."""
    over, gold = excess(found, label), int(found.counts[label].sum())
    has = "has it" if gold == 1 else "have it"
    whose = f"{gold or 'none'} of the {over.queries} labelled {has} as gold label"
    low, high = over.interval
    much = f"{over.count} too many"
    if over.queries >= 100:
        much = f"{over.share:.1%} of the queries too many ({low:.1%} to {high:.1%})"
    wrong = counted(over.queries - int(np.diag(found.counts).sum()), "error")
    often = (
        f"{found.labels[label]} is answered too often: {int(found.answered[label])} of {len(found.predicted)} answers"
    )
    return f"{often}, and {whose}; {much}, of {wrong}."


def _single(found: Overview) -> str:
    answer, gold = int(found.predicted[0]), found.gold[0]
    scores = found.scores[0]
    chance = float(np.exp(scores[answer] - scores.max()) / np.exp(scores - scores.max()).sum())
    first = ", the first of the labels that have the same score," if found.tied else ","
    said = f"The query is answered {found.labels[answer]}{first} with {chance:.2f} of the label words' probability"
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
        f"{longer}{more} can never win without a calibration: scored whole, its tokens begin with those of {shorter}, "
        "which is always at least as probable; set 'scoring: terminated'."
    )


def _apart(found: Overview) -> str:
    """What the scores know, and whether a lean hides it."""
    separability, verdict = found.separability, found.verdict
    if verdict.kind in ("right", "single"):
        return ""
    if separability is None:
        return leans_there(found).strip()
    auc = f"AUC {separability.auc}"
    hidden = verdict.hidden_by
    if hidden is not None:
        undone = f"dividing out the {hidden.kind} prior fixes more answers than it breaks"
        return f"{auc}: the scores tell the labels apart, and the lean hides it: {undone}."
    if separability.auc.high < 0.5:
        return f"{auc}, below 0.5: the scores rank the labels the wrong way round.{leans_there(found)}"
    said = {
        "yes": f"{auc}: the scores tell the labels apart better than chance.",
        "no": f"{auc}: the scores hardly tell the labels apart.",
        "too few": f"{auc}: these are too few queries to say whether the scores tell the labels apart.",
        None: "",
    }[verdict.separated]
    return said + leans_there(found)


def _elsewhere(found: Overview) -> str:
    first = found.writing.instead[0]
    n, elsewhere, tokens = len(found.predicted), found.writing.elsewhere, len(found.writing.instead)
    various = "" if 2 * len(first.queries) > elsewhere else f" ({tokens} different tokens)"
    said = (
        f"In {elsewhere} of {n} queries the model would first write something else{various}, most often "
        f"{quoted(first.text)} ({len(first.queries)})"
    )
    if n == 1:
        said = f"The model would first write something else, {quoted(first.text)}"
    return f"{said}; the label words hold {found.writing.mean_mass:.2f} of the probability."


def listed(counts: Sequence[int], names: Sequence[str]) -> str:
    order = sorted(range(len(names)), key=lambda label: -counts[label])
    shown = [f"{names[label]} {counts[label]}" for label in order[:LISTED]]
    rest = sum(counts[label] for label in order[LISTED:])
    return ", ".join(shown) + (f", {rest} other" if rest else "")
