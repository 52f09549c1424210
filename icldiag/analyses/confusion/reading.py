"""Confusable labels in words."""

from __future__ import annotations

from icldiag.analyses.confusion.compute import Confusion, Pair
from icldiag.analyses.confusion.mantel import Mantel
from icldiag.analyses.prediction.compute import Prediction
from icldiag.analyses.roc import ENOUGH
from icldiag.counting import counted
from icldiag.page.text import place


def reading(result: Confusion, context: object = None) -> str:
    """The closest pair, the worst separated one, and whether the one is a sign of the other."""
    sentences = []
    closest = result.pairs[0]
    if closest.distance is not None:
        a, b = result.labels[closest.a], result.labels[closest.b]
        sentences.append(f"In layer {result.layer} the anchors of {a} and {b} are closest ({closest.distance:.2f})")
    elif closest.cosine is not None and len(result.pairs) == 1:
        a, b = result.labels[closest.a], result.labels[closest.b]
        sentences.append(f"In layer {result.layer} the anchors' keys of {a} and {b} have cosine {closest.cosine:.2f}")
    measured = [(pair.auc, pair) for pair in result.pairs if pair.auc is not None]
    if measured:
        auc, worst = min(measured, key=lambda entry: entry[0])
        facts = f"AUC {auc:.2f}, {errors(result, worst)}"
        if auc == 1:
            which = "every pair of labels" + ("" if len(measured) == len(result.pairs) else " that has queries")
            which = "the two" if len(result.pairs) == 1 else which
            sentences.append(f"the scores separate {which} perfectly (AUC 1.00)")
        elif len(result.pairs) == 1:
            sentences.append(f"the scores separate the two with {facts}")
        elif worst is closest and sentences:
            sentences.append(f"the same pair is separated worst ({facts})")
        else:
            sentences.append(f"{result.labels[worst.a]} and {result.labels[worst.b]} are separated worst ({facts})")
    if not sentences:
        return "; ".join(result.missing)
    said = "; ".join(sentences)
    test = about_test(result.mantel)
    return f"{said[0].upper()}{said[1:]}.{f' {test}' if test else ''}"


def about_test(test: Mantel | None) -> str:
    """Whether a small distance predicts mixed-up answers; nothing where it cannot be asked."""
    if test is None:
        return ""
    number = f"Spearman {test.spearman:.2f} over {counted(test.classes * (test.classes - 1) // 2, 'pair')}"
    if not test.can_tell:
        return (
            f"{test.classes} labels are too few to tell whether close anchors are mixed up: {number}, and p cannot be "
            f"under {test.least:.2f}."
        )
    number += f", p {test.p:.3f} with the labels permuted"
    if test.predicts:
        return f"Close anchors are the ones that are mixed up here: {number}."
    return f"Do not read this matrix as a cause: here close anchors are not surely the ones mixed up ({number})."


def about_layer(result: Confusion) -> str:
    """Why this layer is shown, or which one would be by itself."""
    if result.layer == result.default.layer:
        return f"Layer {result.layer}: {result.default.reason}."
    return f"Layer {result.layer}, chosen by hand; by itself it is {result.default.layer}: {result.default.reason}."


def about_keys(result: Confusion) -> str:
    """Whether the keys hold positions."""
    if result.keys == "as_attended":
        return "Keys are as the target attends to them, with their positions."
    if result.placed:
        return "Keys are without their positions: rotary embeddings are undone."
    return "Keys of this layer hold no positions: leaving them out changes nothing."


def errors(result: Confusion, pair: Pair) -> str:
    """How many queries of the one are answered with the other, each way."""
    if not pair.errors:
        return "none answered with the other"
    ways = [(pair.mistaken[0], pair.a, pair.b), (pair.mistaken[1], pair.b, pair.a)]
    told = [f"{count} {result.labels[of]} answered {result.labels[by]}" for count, of, by in ways if count]
    return " and ".join(told) + (", none the other way" if len(told) == 1 else "")


def reading_of_query(confusion: Confusion, prediction: Prediction, query: int) -> str:
    """One sentence or two: what the anchors say about this query's answer."""
    probabilities = prediction.probabilities[query]
    winner = int(prediction.predicted[query])
    gold = prediction.gold[query]
    rival = prediction.rival(query)
    first, second = prediction.labels[winner], prediction.labels[rival]
    chances = f"{probabilities[winner]:.2f} against {probabilities[rival]:.2f}"
    if prediction.is_wrong(query):
        opening = f"{first} beat {second} ({chances})."
    elif gold is None:
        opening = f"Predicted {first}, then {second} ({chances}); the gold label is unknown."
    else:
        opening = f"Right: {first}, then {second} ({chances})."
    return f"{opening} {_about_pair(confusion, confusion.pair(winner, rival), prediction.is_wrong(query))}"


def _about_pair(confusion: Confusion, pair: Pair, wrong: bool) -> str:
    rank = confusion.distance_rank(pair)
    anchors = None if pair.cosine is None else f"Their keys have cosine {pair.cosine:.2f}"
    if rank is not None and pair.distance is not None:
        anchors = (
            f"Their anchors are the {place(rank, 'closest')} of {counted(confusion.distances, 'pair')} "
            f"({pair.distance:.2f})"
        )
    if pair.auc is None:
        measured = "how well the queries separate the two is unknown"
    else:
        worst = confusion.auc_rank(pair)
        several = worst is not None and confusion.separations > 1
        among = f"the {place(worst or 1, 'worst separated')} of {confusion.separations}, " if several else ""
        measured = f"the scores separate the two with AUC {pair.auc:.2f} ({among}0.5 is chance)"
    facts = f"{anchors}, and {measured}" if anchors else measured[0].upper() + measured[1:]
    return f"{facts}{_verdict(confusion, pair, rank) if wrong else ''}."


def _verdict(confusion: Confusion, pair: Pair, rank: int | None) -> str:
    """What follows for a wrong answer. Close anchors are blamed only where closeness predicts anything here."""
    if pair.auc is None:
        return ""
    if min(pair.queries) < ENOUGH:
        a, b = pair.queries
        return f": of {a} against {b} queries, too few to blame either the anchors or the lean"
    if pair.auc >= 0.9:
        return ": the scores tell the labels apart, so look for a label prior or at this text instead of the anchors"
    close = rank is not None and rank <= max(1, round(confusion.distances / 3))
    if not close:
        return ": the two are not separated well although their anchors are not close" if rank else ""
    if confusion.mantel is not None and confusion.mantel.predicts:
        return ": these two labels are confused"
    return ": the two are not separated well; that close anchors are the reason is not shown here"
