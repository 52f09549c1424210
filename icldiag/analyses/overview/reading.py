"""The verdict in words, the same in the app, the report and the command. Labels and tokens are users' text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from icldiag.analyses.estimates import Estimate, times
from icldiag.analyses.measures import Measures
from icldiag.analyses.overview.causes import most_shown, share
from icldiag.analyses.overview.compute import Overview
from icldiag.analyses.overview.lean import Lean
from icldiag.analyses.overview.opening import LISTED, listed
from icldiag.analyses.overview.origins import named
from icldiag.analyses.overview.separability import Pair
from icldiag.analyses.overview.stability import Stability
from icldiag.analyses.overview.tried import calibration_line, names_line
from icldiag.analyses.overview.writing import Instead
from icldiag.counting import counted
from icldiag.model.readout import FloatArray
from icldiag.quoting import quoted


@dataclass(frozen=True)
class Line:
    """One finding on the prompt as a whole."""

    name: str
    sentence: str


def lines(found: Overview) -> tuple[Line, ...]:
    """The evidence, as far as it is computed."""
    return tuple(Line(name, sentence) for name, sentence in _lines(found) if sentence)


def _lines(found: Overview) -> Iterator[tuple[str, str]]:
    yield "accuracy", _accuracy(found)
    yield "errors", _errors(found)
    yield "separability", _separability(found)
    yield "format", _format(found)
    if found.lean is not None:
        yield "lean", _lean(found, found.lean)
    if found.repairs is not None:
        yield "label words", names_line(found.repairs)
        yield "calibration", calibration_line(found.repairs)
    if found.stability is not None:
        yield "orders", _orders(found, found.stability)
        yield "classes", _classes(found, found.stability)
        yield "demonstrations", _demonstrations(found, found.stability)
        yield "doubted labels", _doubts(found)
    if not found.shown:
        yield "demonstrations", "There are none that all queries share."


# ---- the lines ------------------------------------------------------------------------------------------------------


def _accuracy(found: Overview) -> str:
    measures = found.measures
    if measures is None:
        return "undefined: no query has a gold label."
    said = (
        f"{measures.accuracy}, of {counted(measures.count, 'labelled query')}; always "
        f"{found.labels[measures.commonest]} {measures.baseline:.2f}, chance {measures.chance:.2f}; balanced accuracy "
        f"{_with(measures.balanced_accuracy, measures.balanced_interval)}, macro-F1 "
        f"{_with(measures.macro_f1, measures.macro_interval)}."
    )
    return said + (_imbalance(measures) if measures.imbalanced else "")


def _imbalance(measures: Measures) -> str:
    return " The gold labels are not equally frequent, so balanced accuracy decides."


def _errors(found: Overview) -> str:
    """The commonest confusions."""
    counts = found.counts.copy()
    np.fill_diagonal(counts, 0)
    cells = [(int(counts[a, b]), a, b) for a, b in zip(*np.nonzero(counts), strict=True)]
    if not cells:
        return ""
    cells.sort(key=lambda cell: -cell[0])
    said = [f"{found.labels[a]} answered {found.labels[b]} {count}" for count, a, b in cells[:LISTED]]
    rest = sum(count for count, *_ in cells[LISTED:])
    return "; ".join(said) + (f"; {counted(rest, 'other')}" if rest else "") + "."


def _separability(found: Overview) -> str:
    separability, names = found.separability, found.labels
    if separability is None:
        return "undefined: the queries do not have gold labels of two classes."
    if separability.worst is None:
        return f"AUC {separability.auc} of the two labels, wherever the border lies."
    worst = separability.worst
    if round(worst.auc.value, 2) == 1:
        return f"AUC {separability.auc} on average over {separability.pairs} pairs of labels, wherever the border lies."
    return (
        f"AUC {separability.auc} on average over {separability.pairs} pairs of labels, wherever the border lies; "
        f"surest to be low: {names[worst.a]} and {names[worst.b]} {worst.auc}"
        f"{_as_low(found, separability.pairwise, worst)}."
    )


def _as_low(found: Overview, auc: FloatArray, worst: Pair) -> str:
    """Other pairs that the scores tell apart no better: fewer queries make them less sure."""
    pairs = zip(*np.triu_indices(len(auc), 1), strict=True)
    known = [(int(a), int(b)) for a, b in pairs if round(auc[a, b], 2) <= round(worst.auc.value, 2)]
    others = [pair for pair in known if pair != (worst.a, worst.b)]
    if not others:
        return ""
    said = ", ".join(f"{found.labels[a]} and {found.labels[b]} {auc[a, b]:.2f}" for a, b in others[:LISTED])
    more = f" and {counted(len(others) - LISTED, 'more pair')}" if len(others) > LISTED else ""
    return f"; no higher: {said}{more}"


def _format(found: Overview) -> str:
    writing, n = found.writing, len(found.predicted)
    words = "the label words, as they are written," if writing.respelled else "the label words"
    said = f"{words} hold {writing.mean_mass:.2f} of the probability"
    said += f" on average, {float(writing.mass.min()):.2f} at the least" if n > 1 else ""
    if not (writing.elsewhere or writing.respelled):
        return f"{said}; the first choice is a label word in {'every query' if n > 1 else 'this query'}."
    kinds = (("something else", writing.instead), ("a label word in another case or spacing", writing.respelled))
    would = [
        f"in {sum(len(one.queries) for one in tokens)} of {n} the model would first write {what}: {_tokens(tokens)}"
        for what, tokens in kinds
        if tokens
    ]
    return f"{'; '.join([said, *would])}."


def _tokens(found: Sequence[Instead]) -> str:
    """Each with its queries, the commonest first."""
    more = len(found) - LISTED
    said = ", ".join(f"{quoted(one.text)} {len(one.queries)}" for one in found[:LISTED])
    return said + (f" and {counted(more, 'other token')}" if more > 0 else "")


def _lean(found: Overview, lean: Lean) -> str:
    towards = lean.towards
    if towards is not None:
        by = ", ".join(f"{one.kind} {one.strength:.1f}" for one in lean.priors)
        said = f"towards {found.labels[towards]}, in nats over the other labels: {by}."
    elif not any(one.strength for one in lean.priors):
        said = "no measurement favours any label."
    else:
        by = ", ".join(f"{one.kind} {one.favours(found.labels)} {one.strength:.1f}" for one in lean.priors)
        said = f"the measurements favour different labels, in nats over the others: {by}."
    if found.measures is not None and found.measures.imbalanced and lean.prior("batch") is not None:
        said += " The batch prior takes the labels to be equally frequent, which they are not."
    return said


def _orders(found: Overview, stability: Stability) -> str:
    if not stability.orders:
        return "undefined: there is no other order of the demonstrations."
    flips, m = stability.flips, len(stability.queries)
    turned = int((flips > 0).sum())
    tried = counted(len(stability.orders), "other order")
    gets = "gets" if 1 in (turned, m) else "get"
    said = f"in {tried} {turned} of {counted(m, 'query')} {gets} another answer at least once"
    said += f", {float(flips.mean()):.2f} of all answers" if turned else ""
    right = [stability.accuracy(order.predicted) for order in stability.orders]
    defined = [value for value in right if value is not None]
    if defined:
        own = stability.accuracy(stability.predicted)
        span = " to ".join(dict.fromkeys(f"{value:.2f}" for value in (min(defined), max(defined))))
        said += f"; accuracy {span} there, {own:.2f} as it is"
    recency = found.recency
    if recency is not None:
        kind = "the class shown last is answered more" if recency.p_value < 0.05 else "no sure effect of the last class"
        said += (
            f"; {kind}: {recency.last:.2f} of the answers where it is last, {recency.otherwise:.2f} where not "
            f"(p {recency.p_value:.2g})"
        )
    return f"{said}. {sample(stability)}"


def sample(stability: Stability) -> str:
    """Which queries were asked after changed demonstrations."""
    m = len(stability.queries)
    if m == stability.of:
        return f"On all {m}." if m > 1 else "On the one query."
    return f"On {m} of {stability.of} queries, the classes alike (seed {stability.seed})."


def _classes(found: Overview, stability: Stability) -> str:
    """How many demonstrations each class has, where these differ, and what as many of each do."""
    counts = [found.shown.count(label) for label in range(len(found.labels))]
    if not stability.balanced:
        return ""
    said = f"{listed(counts, found.labels)} demonstrations"
    most = most_shown(found.shown)
    if most is not None:
        balanced = share([run.predicted for run in stability.balanced], most)
        own, sure = share([stability.predicted], most), any(cause.kind == "majority" for cause in found.causes)
        said += f"; with as many of each {balanced:.0%} of the answers are {found.labels[most]}, {own:.0%} as it is"
        said += "" if sure else " (no sure difference)"
    right = [stability.accuracy(run.predicted) for run in stability.balanced]
    own_right = stability.accuracy(stability.predicted)
    if own_right is not None:
        said += f"; accuracy {np.mean([value or 0.0 for value in right]):.2f} then, {own_right:.2f} as it is"
    return f"{said} (mean of {counted(len(stability.balanced), 'draw')}). {sample(stability)}"


def _demonstrations(found: Overview, stability: Stability) -> str:
    rows = stability.left_out
    if not rows:
        return "undefined: the only demonstration cannot be left out."
    matrix = stability.matrix
    row = stability.harmful
    queries = matrix.shape[1]
    what = "gold label" if stability.judged else "answer"
    spared = _spared(found, stability)
    place = max(spared, key=lambda one: matrix[one].mean()) if row is None else row
    change = float(matrix[place].mean())
    verb = "gain" if change > 0 else "lose"
    subject, average = (f"the {what}s {verb}", " on average") if queries > 1 else (f"the {what} {verb}s", "")
    gained = f"{subject} {abs(change):.1f} nats{average}"
    if row is None:
        rank = "most" if change > 0 else "least"
        left_out = _without(found, stability, place)
        of = f"{len(rows)} left out" if len(spared) == len(rows) else f"{len(spared)} whose class has another"
        return f"none stands out; without {left_out} {gained}, the {rank} of {of}."
    harmed = int((matrix[row] > 0).sum())
    return (
        f"{_without(found, stability, row)} stands out: without it {gained}, "
        f"in {harmed} of {counted(queries, 'query')}."
    )


def _doubts(found: Overview) -> str:
    """Demonstrations whose texts read like another class's."""
    said = [
        f"{named(found, [one.demonstration])} scores like the queries of {found.labels[one.reads]}, "
        f"{times(one.nats)} times likelier"
        for one in found.doubts
    ]
    more = f" and {len(said) - LISTED} more" if len(said) > LISTED else ""
    return f"{'; '.join(said[:LISTED])}{more}, each left out and its text asked." if said else ""


def _spared(found: Overview, stability: Stability) -> list[int]:
    """The rows that leave each class a demonstration, where any do: without its only one a class is not shown."""
    counts = Counter(found.shown)
    every = range(len(stability.left_out))
    return [row for row in every if all(counts[found.shown[one]] > 1 for one in stability.left_out[row].without)] or [
        *every
    ]


def _without(found: Overview, stability: Stability, row: int) -> str:
    return named(found, stability.left_out[row].without)


# ---- numbers --------------------------------------------------------------------------------------------------------


def _with(value: float, interval: Estimate | None) -> str:
    return str(interval) if interval is not None else f"{value:.2f}"
