"""The section on contrast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.contrast.compute import MEASURES, Contrast, ReadContrast
from icldiag.analyses.contrast.deletion import DeleteWords, Deletion
from icldiag.analyses.contrast.reading import reading, reading_of_deletion, reading_of_itself
from icldiag.analyses.request import Request
from icldiag.page.blocks import Block, Cell, Paragraph, Table, Tokens


class DeletionFields(Fields):
    sizes: list[int] = Field(description="Words taken out of the texts.")
    leads: dict[str, list[float]] = Field(description="By measure, without the words that push most, in nats.")
    random: list[list[float]] = Field(description="(draw, size)")
    more: dict[str, tuple[float, float, float] | None] = Field(
        {}, description="By measure, nats that its words take more than random ones, mean over the sizes; 95 %."
    )
    seed: int


class ContrastFields(SectionFields):
    query: int = Field(description="Counts from 0.")
    answer: int
    rival: int
    lead: float
    groups: list[str] = Field(description="The first token, what stands before the demonstrations, these, the query.")
    by_group: dict[str, list[float]] = Field(description="By measure; above 0 is towards the answer.")
    by_field: dict[str, dict[str, float]]
    gradient: list[float] = Field(description="Of each token of the prompt.")
    flow: list[list[float]] = Field(description="(layer, token), into the target; of itself 0.")
    of_itself: list[float] = Field(description="By layer, what the target reads of itself.")
    deletion: DeletionFields | None = None


@dataclass(frozen=True)
class Contrasts:
    """A query's contrast, and what taking words out does, where that was asked."""

    contrast: Contrast
    deletion: Deletion | None


def requests(context: Context) -> list[Request[Any]]:
    return [ReadContrast(context.example_query), DeleteWords(context.example_query)]


def gather(answers: Sequence[Any], context: Context | None) -> Contrasts:
    deletion = next((answer for answer in answers if isinstance(answer, Deletion)), None)
    contrast = next((answer for answer in answers if isinstance(answer, Contrast)), None)
    if contrast is None:
        assert deletion is not None
        contrast = deletion.contrast
    return Contrasts(contrast, deletion)


def values(found: Contrasts) -> dict[str, Any]:
    contrast, deletion = found.contrast, found.deletion
    return {
        "query": contrast.query,
        "answer": contrast.answer,
        "rival": contrast.rival,
        "lead": contrast.lead,
        "groups": [group.name for group in contrast.groups],
        "by_group": {measure: contrast.of_groups(measure) for measure in MEASURES},
        "by_field": {measure: contrast.of_fields(measure) for measure in MEASURES},
        "gradient": contrast.gradient,
        "flow": contrast.flow,
        "of_itself": contrast.of_itself,
        "deletion": None
        if deletion is None
        else {
            "sizes": deletion.sizes,
            "leads": dict(deletion.leads),
            "random": deletion.random,
            "more": {
                measure: None if (more := deletion.more(measure)) is None else (more.value, more.low, more.high)
                for measure in MEASURES
            },
            "seed": deletion.seed,
        },
    }


def section_reading(found: Contrasts, context: Context | None = None) -> str:
    if found.deletion is None:
        return reading(found.contrast)
    deletion = reading_of_deletion(found.deletion)
    if context is None:  # alone it says what it adds
        return deletion
    return f"{reading(found.contrast, deletion=found.deletion)} {deletion}"


def blocks(found: Contrasts, context: Context | None = None) -> list[Block]:
    """By demonstration, by field, word by word, and the deletion curve."""
    contrast = found.contrast
    answer, rival = contrast.labels[contrast.answer], contrast.labels[contrast.rival]
    what = f"in nats to first order; above 0 towards {answer}, below 0 towards {rival}"
    groups: tuple[tuple[Cell, ...], ...] = tuple(
        (group.name, *(float(contrast.of_groups(measure)[place]) for measure in MEASURES))
        for place, group in enumerate(contrast.groups)
    )
    fields = [contrast.of_fields(measure) for measure in MEASURES]
    by_field: tuple[tuple[Cell, ...], ...] = tuple((name, *(of[name] for of in fields)) for name in fields[0])
    weights = [contrast.of_words(measure) for measure in MEASURES]
    owner = {word: group.name for group in contrast.groups for word in group.words}
    order: list[int] = [at for at in np.argsort(-np.abs(weights[0]), kind="stable").tolist() if at in owner]
    words: tuple[tuple[Cell, ...], ...] = tuple(
        (contrast.words[at].text.strip(), owner[at], contrast.words[at].role, *(float(of[at]) for of in weights))
        for at in order
    )
    shown: list[Block] = [
        Paragraph(
            f"Query {contrast.query + 1}: {answer} against {rival}, a lead of {contrast.lead:.2f} nats. "
            f"{reading_of_itself(contrast)}"
        ),
        Table("groups", f"What each part of the prompt pushes, {what}.", ("part", *MEASURES), groups, digits="+.2f"),
        Table(
            "fields",
            f"The same by field and role, {what}.",
            ("field", *MEASURES),
            by_field,
            digits="+.2f",
        ),
        Table("words", f"Word by word, {what}.", ("word", "part", "role", *MEASURES), words, digits="+.2f", limit=20),
    ]
    if context is not None:
        caption = f"Each token's push towards {answer} by {MEASURES[0]}; what pushes towards {rival} is not shaded."
        pieces, weights_of_tokens = context.pieces(contrast.query), contrast.tokens(MEASURES[0])
        if len(pieces) == len(weights_of_tokens):
            shown.append(Tokens(caption, pieces, tuple(map(float, np.maximum(weights_of_tokens, 0.0)))))
    return shown + ([] if found.deletion is None else _deleted(found.deletion))


def _deleted(found: Deletion) -> list[Block]:
    if not found.sizes:
        return [Paragraph(reading_of_deletion(found))]
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            size,
            *(float(found.leads[measure][place]) for measure in MEASURES),
            float(found.random[:, place].mean()),
            float(found.random[:, place].min()),
            float(found.random[:, place].max()),
        )
        for place, size in enumerate(found.sizes)
    )
    means = found.random.mean(axis=1)
    rows += (
        (
            "mean",
            *(float(found.leads[one].mean()) for one in MEASURES),
            *map(float, (means.mean(), means.min(), means.max())),
        ),
    )
    caption = (
        f"The lead, {found.contrast.lead:.2f} nats with all words, without the k words of the texts that push most, "
        f"and without as many random ones ({found.draws} draws); at the end the mean of these rows."
    )
    columns = ("k", *MEASURES, "random, mean", "random, lowest", "random, highest")
    return [Table("deletion", caption, columns, rows)]


SECTION = Section(
    title="Contrast: what pushes towards the answer",
    question="Why",
    fields=ContrastFields,
    requests=requests,
    gather=gather,
    values=values,
    reading=section_reading,
    blocks=blocks,
    main="words",
    partial=True,
)

ANALYSIS = Analysis("contrast", (Contrast, Deletion), SECTION)
"""No numbers for a sweep: they are of one query."""
