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
        sentences.append(
            f"In layer {result.layer} the anchors of {a} and {b} are closest (distance {closest.distance:.2f}; 1 is "
            "the farthest pair)"
        )
    elif closest.cosine is not None and len(result.pairs) == 1:
        a, b = result.labels[closest.a], result.labels[closest.b]
        sentences.append(
            f"In layer {result.layer} the keys of {a}'s and {b}'s anchors have cosine {closest.cosine:.2f}"
        )
    measured = [(pair.auc, pair) for pair in result.pairs if pair.auc is not None]
    if measured:
        auc, worst = min(measured, key=lambda entry: entry[0])
        facts = f"AUC {auc:.2f}; {errors(result, worst)}"
        both = f"{result.labels[worst.a]} and {result.labels[worst.b]}"
        if auc == 1:
            which = "every pair of labels" + ("" if len(measured) == len(result.pairs) else " that has queries")
            which = both if len(result.pairs) == 1 else which
            sentences.append(f"the scores tell {which} apart perfectly (AUC 1.00)")
        elif len(measured) == 1:
            sentences.append(f"the scores tell {both} apart with AUC {auc:.2f} ({errors(result, worst)})")
        elif worst is closest and sentences:
            sentences.append(f"the scores tell the same pair apart worst ({facts})")
        else:
            sentences.append(f"the scores tell {both} apart worst ({facts})")
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
            f"{test.classes} labels are too few to say whether those with close anchors are told apart worse: "
            f"{number}, and p cannot be under {test.least:.2f}."
        )
    number += f", p {test.p:.3f} with the labels permuted"
    if test.predicts:
        return f"Labels with close anchors are told apart worse here: {number}."
    return (
        "Do not read this matrix as a cause: that labels with close anchors are told apart worse is not shown here "
        f"({number})."
    )


def about_layer(result: Confusion) -> str:
    """Why this layer is shown, or which one would be by itself."""
    if result.layer == result.default.layer:
        return f"Layer {result.layer} is shown: {result.default.reason}."
    return (
        f"Layer {result.layer} was chosen by hand. If none is chosen it is layer {result.default.layer}: "
        f"{result.default.reason}."
    )


def about_keys(result: Confusion) -> str:
    """Whether the keys hold positions."""
    if result.keys == "as_attended":
        return "Keys are compared as the target attends to them."
    if result.placed:
        return "Keys are compared without the positions that rotary embeddings give them."
    return "Keys are compared as the target attends to them: this layer has no rotary embedding to be undone."


def in_short(result: Confusion, clustered: bool) -> str:
    """Which keys the matrices are of, and how their rows stand."""
    keys = "keys as attended to"
    if result.keys != "as_attended":
        keys = "keys without rotary positions" if result.placed else f"{keys} (no rotary positions)"
    rows = "clustered, like ones together" if clustered else "in the prompt's order"
    return f"{keys}; rows {rows}"


def errors(result: Confusion, pair: Pair) -> str:
    """How many queries of the one are answered with the other, each way."""
    if not pair.errors:
        return "no query of the one is answered with the other"
    ways = [(pair.mistaken[0], pair.a, pair.b), (pair.mistaken[1], pair.b, pair.a)]
    told = [
        f"{counted(count, f'{result.labels[of]} query')} answered {result.labels[by]}"
        for count, of, by in ways
        if count
    ]
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
    told = [_measured(confusion, pair)]
    if rank is not None and pair.distance is not None:
        how = "farthest apart" if rank == confusion.distances > 1 else place(rank, "closest")
        among = f"Of {counted(confusion.distances, 'pair')} of labels their anchors are "
        told.insert(0, f"{among}{how} (distance {pair.distance:.2f}).")
    elif pair.cosine is not None:
        told.insert(0, f"The keys of their anchors have cosine {pair.cosine:.2f}.")
    if wrong and pair.auc is not None:
        told.append(_verdict(confusion, pair, rank))
    return " ".join(told)


def _measured(confusion: Confusion, pair: Pair) -> str:
    """How well the label scores tell the queries of the two apart."""
    if pair.auc is None:
        return f"How well the scores tell them apart is unknown: {unasked(confusion, pair)}."
    if pair.auc == 1:
        return "The scores tell all their queries apart (AUC 1.00)."
    rank = confusion.auc_rank(pair)
    among = f"{place(rank, 'worst')} of {confusion.separations} pairs; " if rank and confusion.separations > 1 else ""
    return f"The scores tell their queries apart with AUC {pair.auc:.2f} ({among}0.5 is chance)."


def unasked(confusion: Confusion, pair: Pair) -> str:
    """Why a pair has no AUC."""
    lacking = [confusion.labels[of] for of, asked in zip((pair.a, pair.b), pair.queries, strict=True) if not asked]
    return f"no query has the gold label {' or '.join(lacking)}"


def _verdict(confusion: Confusion, pair: Pair, rank: int | None) -> str:
    """What follows for a wrong answer. Close anchors are blamed only where closeness predicts anything here."""
    assert pair.auc is not None
    if min(pair.queries) < ENOUGH:
        a, b = pair.queries
        return f"{a} and {b} queries are too few to say here whether close anchors are why."
    if pair.auc >= 0.9:
        return "So the labels are told apart, and the error comes from something else: Why says from what."
    if rank is None:
        return "They are not told apart well."
    if rank > max(1, round(confusion.distances / 3)):
        return "They are not told apart well, and their anchors are not among the closest."
    if confusion.mantel is not None and confusion.mantel.predicts:
        return "They are not told apart well, as close anchors are not here: these two labels are confused."
    return "They are not told apart well; that their close anchors are the reason is not shown here."
