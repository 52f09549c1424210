"""What two reports of different models say of the same queries: who is right, and which label each leans to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from icldiag.analyses.effect import mcnemar
from icldiag.analyses.estimates import Estimate
from icldiag.analyses.overview.lean import LEAST_SHOWN, Lean, Prior
from icldiag.counting import counted
from icldiag.page.blocks import Block, Cell, Heading, Items, Part, Table, notes

Values = dict[str, Any]
Matched = Sequence[tuple[Values, Values]]  # a query as it is in a and as it is in b

_EVIDENCE = ("separability", "format", "lean")  # lines of the overview; the others' numbers stand in the table
_BY = f" (by {LEAST_SHOWN} nats or more)"


def are_two_models(a: Values, b: Values) -> bool:
    return any(a["model"][key] != b["model"][key] for key in ("name", "revision"))


def same_prompt(a: Values, b: Values) -> bool:
    return bool(a["prompt"]["sha256"] == b["prompt"]["sha256"])


# ---- who is right ---------------------------------------------------------------------------------------------------


def who_is_right(both: Matched) -> str:
    """How often one model is right where the other is wrong, with McNemar's exact test."""
    differ = sum(old["predicted"] != new["predicted"] for old, new in both)
    if len(both) == 1:
        return _one(*both[0])
    answers = f"{differ} of {len(both)} answers differ" if differ else "all answers are the same"
    labelled = [(old, new) for old, new in both if new["gold"] is not None and old["gold"] == new["gold"]]
    if not labelled:
        said = f"{answers[0].upper()}{answers[1:]}"
        return f"{said}; no query has the same gold label in both."
    right = np.array([[side["predicted"] == side["gold"] for side in pair] for pair in labelled])
    only_a, only_b = (int((right[:, own] & ~right[:, 1 - own]).sum()) for own in (0, 1))
    count = counted(len(labelled), "labelled query")
    if only_a + only_b == 0:
        return f"{_alike(int(right[:, 0].sum()), len(labelled))}; {answers}."
    first, second, more, fewer = ("b", "a", only_b, only_a) if only_b >= only_a else ("a", "b", only_a, only_b)
    p_value = mcnemar(more, fewer)
    accuracy = right.mean(0)
    return (
        f"Model {first} answers {counted(more, 'query')} right that model {second} answers wrong, and "
        f"{fewer or 'none'} the other way (McNemar's exact test, p = {p_value:.2g}): accuracy {accuracy[0]:.2f} in a, "
        f"{accuracy[1]:.2f} in b, of {count}; {answers}."
    )


def _one(old: Values, new: Values) -> str:
    gold = new["gold"] if new["gold"] == old["gold"] else None
    unknown = "no gold label is known" if old["gold"] == new["gold"] else "its gold label is not the same in both"
    if old["predicted"] == new["predicted"]:
        said = f"Both models answer {new['predicted']}"
        right = "that is right" if gold == new["predicted"] else f"the gold label is {gold}"
    else:
        said = f"Model a answers {old['predicted']}, model b {new['predicted']}"
        winner = {old["predicted"]: "a is right", new["predicted"]: "b is right"}
        right = winner.get(gold, f"the gold label is {gold}")
    return f"{said}; {unknown if gold is None else right}."


def _alike(right: int, count: int) -> str:
    if right == count:
        return f"Both models answer {'the labelled query' if count == 1 else f'all {count} labelled queries'} right"
    if right == 0:
        return f"Neither model answers {'the' if count == 1 else f'any of {count}'} labelled " + (
            "query right" if count == 1 else "queries right"
        )
    return f"Both models answer the same {right} of {count} labelled queries right"


def label_probabilities(
    matched: Sequence[tuple[tuple[int, Values], tuple[int, Values]]], a: Values, b: Values
) -> Table:
    """A row for each query and label that both reports have; queries whose answer differs stand first."""
    names = [report["prediction"]["labels"] for report in (a, b)]
    common = [label for label in names[0] if label in names[1]]
    same = all(number == other for (number, _), (other, _) in matched)
    rows: list[tuple[Cell, ...]] = []
    for (number, old), (other, new) in sorted(
        matched, key=lambda pair: pair[0][1]["predicted"] == pair[1][1]["predicted"]
    ):
        place: tuple[Cell, ...] = (number,) if same else (number, other)
        for label in common:
            chances = (
                float(query["probabilities"][own.index(label)]) for own, query in zip(names, (old, new), strict=True)
            )
            marks = ", ".join(
                what
                for what, of in (("gold", new["gold"]), ("a", old["predicted"]), ("b", new["predicted"]))
                if of == label
            )
            rows.append((*place, label, *chances, marks))
    caption = (
        "Probability of each label among the labels, by query; the last column says whose answer it is, and whether it "
        "is the gold label. Queries whose answer differs stand first."
    )
    columns = (*(("number",) if same else ("number a", "number b")), "label", "a", "b", "gold or answer")
    return Table("probabilities", caption, columns, tuple(rows), place="folded", limit=60)


# ---- the prompt as a whole ------------------------------------------------------------------------------------------


def _lean(report: Values) -> Lean:
    return Lean(
        tuple(
            Prior(one["kind"], one["texts"], np.array(one["probabilities"], np.float64))
            for one in report["overview"]["lean"]["priors"]
        ),
        (),
        0,
    )


def leaning(report: Values) -> str | None:
    """The label that every measurement of the prior favours by what is more than rounding; None where there is none."""
    lean = _lean(report)
    if lean.towards is None or min(one.strength for one in lean.priors) < LEAST_SHOWN:
        return None
    return str(report["prediction"]["labels"][lean.towards])


def leans(a: Values, b: Values) -> str:
    """Which label each model favours whatever the query says; empty without both overviews."""
    if not (a["overview"] and b["overview"] and a["prediction"] and b["prediction"]):
        return ""
    old, new = leaning(a), leaning(b)
    if old is None and new is None:
        return f"In neither model is one label favoured by every measurement{_BY}."
    if old == new:
        return f"Both models lean to {old}."
    if old is None or new is None:
        own, other = ("b", "a") if old is None else ("a", "b")
        return f"Model {own} leans to {new or old}; in model {other} no label is favoured by every measurement{_BY}."
    return f"Model a leans to {old}, model b to {new}."


def overview_part(a: Values, b: Values) -> Part | None:
    """The overview's measures side by side, then each model's verdict in its own words."""
    if not (a["overview"] and b["overview"] and a["prediction"] and b["prediction"]):
        return None
    columns = [_measures(report) for report in (a, b)]
    rows = tuple((name, columns[0][name], columns[1][name]) for name in columns[0])
    missing = {
        "accuracy": "accuracy is undefined without gold labels",
        "AUC": "AUC is undefined without queries of two gold labels",
    }
    blocks: list[Block] = [
        Table("measures", "All queries of each report; intervals are of 95 %.", ("measure", "a", "b"), rows),
        *notes([why for name, why in missing.items() if columns[0][name] is None or columns[1][name] is None]),
    ]
    for letter, report in zip("ab", (a, b), strict=True):
        evidence = report["overview"]["lines"]
        told = [f"{name}: {evidence[name]}" for name in _EVIDENCE if name in evidence]
        blocks += [Heading(f"Model {letter}"), Items((report["overview"]["reading"], *told))]
    auc, mass = (f"{side['AUC'] or 'undefined'}" for side in columns), (side["label mass"] for side in columns)
    reading = (
        "The scores tell the labels apart with AUC {} in a, {} in b; label words hold {} of the probability in a, "
    )
    return Part("overview", "The prompt as a whole", f"{reading}{{}} in b.".format(*auc, *mass), tuple(blocks))


def _measures(report: Values) -> dict[str, str | None]:
    found, queries = report["overview"], len(report["prediction"]["queries"])
    measures, separability = found["measures"], found["separability"]
    most = max(found["labels"], key=lambda label: int(label["answered"]))
    lean = leaning(report)
    nats = [one.strength for one in _lean(report).priors]
    return {
        "accuracy": measures and _interval(measures["accuracy"]),
        "balanced accuracy": measures and f"{measures['balanced_accuracy']:.2f}",
        "macro-F1": measures and f"{measures['macro_f1']:.2f}",
        "AUC": separability and _interval(separability["auc"]),
        "answered most": f"{most['label']}, {most['answered']} of {queries}",
        "lean": "no label by every measurement" if lean is None else f"{lean}, {min(nats):.1f} to {max(nats):.1f} nats",
        "label mass": f"{found['writing']['mean_mass']:.2f}",
        "first choice is no label word": f"{found['writing']['elsewhere']} of {queries}",
    }


def _interval(estimate: Values) -> str:
    return str(Estimate(estimate["value"], estimate["low"], estimate["high"]))
