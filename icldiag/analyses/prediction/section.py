"""The section on predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.prediction.compute import Predict, Prediction
from icldiag.analyses.request import Workbench
from icldiag.counting import all_are, counted
from icldiag.model.readout import Progress
from icldiag.page.blocks import Block, Cell, Figure, Heading, Table
from icldiag.page.figures import heatmap
from icldiag.page.text import percent
from icldiag.prompt.encoded_prompt import EncodedPrompt


class TopTokenFields(Fields):
    text: str
    probability: float


class QueryFields(Fields):
    id: str | None = Field(None, description="What it is called where it comes from; null where nothing.")
    text: str = Field(description="Of several fields: their texts joined.")
    fields: dict[str, str] | None = Field(None, description="The text of each field, where there are others than text.")
    gold: str | None = Field(description="Class name; null where it is unknown.")
    predicted: str
    probabilities: list[float] = Field(description="Softmax over the labels only, in the order of `labels`.")
    label_mass: float = Field(description="Share of the vocabulary's probability on the labels' first tokens.")
    top_tokens: list[TopTokenFields]


class PredictionFields(SectionFields):
    labels: list[str]
    accuracy: float | None = Field(description="Over the queries with a gold label; null where there is none.")
    queries: list[QueryFields]
    counts: list[list[int]] = Field(description="Queries by gold (row) and predicted label (column).")


def values(result: Prediction) -> dict[str, Any]:
    """The section's JSON values."""
    return {
        "labels": result.labels,
        "accuracy": result.accuracy,
        "queries": [
            {
                "id": result.id_of(query),
                "text": result.texts[query],
                **({"fields": dict(result.fields[query])} if result.fields and result.fields[query] else {}),
                "gold": _gold(result, query),
                "predicted": result.labels[result.predicted[query]],
                "probabilities": result.probabilities[query],
                "label_mass": result.label_mass[query],
                "top_tokens": [
                    {"text": token.text, "probability": token.probability} for token in result.top_tokens[query]
                ],
            }
            for query in range(len(result))
        ],
        "counts": result.counts,
    }


def reading(result: Prediction, context: Context | None = None) -> str:
    """How many are wrong, which error is the commonest, and what to know before that is read."""
    return " ".join([_errors(result), *_cautions(result)])


def _errors(result: Prediction) -> str:
    if result.accuracy is None:
        return f"{counted(len(result), 'answer')} without gold labels, so there is no accuracy."
    wrong, labelled = len(result.wrong), len(result.labelled)
    if not wrong:
        all_right = "the labelled query is" if labelled == 1 else f"all {labelled} labelled queries are"
        return f"Nothing: {all_right} answered right."
    counts = result.counts.copy()
    np.fill_diagonal(counts, 0)
    most = int(counts.max())
    first, *others = (
        f"{result.labels[predicted]} for {result.labels[gold]}" for gold, predicted in np.argwhere(counts == most)
    )
    if wrong == 1:
        kind = f"it is {first}"
    elif most == 1:
        kind = "no two are the same error"
    elif others:
        kind = f"{len(others) + 1} errors are the commonest, {most} times each, such as {first}"
    else:
        kind = f"the commonest error is {first}, {most} times"
    are = "query is" if labelled == 1 else "queries are" if wrong != 1 else "queries is"
    return f"{wrong} of {labelled} labelled {are} answered wrong (accuracy {result.accuracy:.2f}); {kind}."


def _cautions(result: Prediction) -> Iterator[str]:
    """What makes the answers say less than they seem to."""
    answers = {int(label) for label in result.predicted}
    if len(result) > 1 and len(answers) == 1 and len(result.level) < len(result):
        yield f"{all_are(len(result), 'answer')} {result.labels[answers.pop()]}."
    if result.level:
        what = "answer is" if len(result.level) == 1 else "answers are"
        yield f"{len(result.level)} {what} a tie, which goes to the label that the prompt lists first."
    mass = float(result.label_mass.mean())
    if mass < 0.5:  # each may still be the likeliest token: panel Overview counts that
        yield f"The label words hold {percent(mass)} of the probability, less than all other tokens together."


def blocks(result: Prediction, context: Context | None = None) -> list[Block]:
    """Who is taken for whom, the wrong queries, and all of them."""
    shown: list[Block] = []
    if result.accuracy is not None:
        caption = "Queries by gold label (row) and predicted label (column)."
        shown.append(
            Figure("counts", caption, lambda: heatmap(result.counts, result.labels, "predicted", "gold", numbers="d"))
        )
        rows = [(name, *row) for name, row in zip(result.labels, result.counts.tolist(), strict=True)]
        shown.append(Table("counts", caption, ("gold", *result.labels), tuple(rows), place="folded"))
    if result.wrong:
        shown += [Heading("Wrong answers, the most confident first"), _wrong(result)]
    shown.append(_queries(result))
    return shown


def _wrong(result: Prediction) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for query in result.wrong:
        gold, predicted, chances = result.gold[query] or 0, int(result.predicted[query]), result.probabilities[query]
        names = result.labels
        answers = (names[gold], float(chances[gold]), names[predicted], float(chances[predicted]))
        rows.append((query + 1, *_id(result, query), result.texts[query], *answers))
    columns = ("number", *_id_column(result), "query", "gold", "p of gold", "predicted", "p of predicted")
    return Table("wrong", "p is over the labels only.", columns, tuple(rows), limit=100)


def _queries(result: Prediction) -> Table:
    rows = [
        (
            query + 1,
            *_id(result, query),
            result.texts[query],
            _gold(result, query),
            result.labels[result.predicted[query]],
            *map(float, result.probabilities[query]),
            float(result.label_mass[query]),
        )
        for query in range(len(result))
    ]
    chances = (f"p({name})" for name in result.labels)
    columns = ("number", *_id_column(result), "query", "gold", "predicted", *chances, "label mass")
    caption = "All queries; label mass is the share of the vocabulary's probability on the labels' first tokens."
    return Table("queries", caption, columns, tuple(rows), place="aside", limit=200)


def _id_column(result: Prediction) -> tuple[str, ...]:
    """The column of ids, in tables of queries that have any."""
    return ("id",) if any(name is not None for name in result.ids) else ()


def _id(result: Prediction, query: int) -> tuple[str, ...]:
    return (result.id_of(query) or "",) if _id_column(result) else ()


def _gold(result: Prediction, query: int) -> str | None:
    label = result.gold[query]
    return None if label is None else result.labels[label]


def numbers(bench: Workbench, settings: Mapping[str, Any], seed: int, progress: Progress) -> dict[str, Any]:
    found = bench.ask(Predict(), progress)
    return {
        "accuracy": found.accuracy,
        "predicted": found.predicted,
        "gold": found.gold,
        **lengths(bench.encoded),
    }


def lengths(encoded: EncodedPrompt) -> dict[str, Any]:
    """Tokens of the demonstrations, and of a query on average: L_demo and L_x of the paper's speed-ups."""
    return {
        "demonstration_tokens": len(encoded.prefix),
        "mean_query_tokens": sum(len(query.ids) for query in encoded.queries) / len(encoded.queries),
    }


SECTION = Section(
    title="Predictions",
    question="What failed",
    fields=PredictionFields,
    requests=lambda context: [Predict()],
    values=values,
    reading=reading,
    blocks=blocks,
    main="queries",
)

ANALYSIS = Analysis("prediction", (Prediction,), SECTION, numbers)
