"""The section on extraction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.extraction.compute import Extract, Extraction
from icldiag.analyses.request import Workbench
from icldiag.analyses.roc import ENOUGH
from icldiag.counting import counted
from icldiag.model.readout import FloatArray, Progress
from icldiag.page.blocks import Block, Figure, Paragraph, Table, notes
from icldiag.page.figures import curves, heatmap
from icldiag.page.text import percent
from icldiag.prompt.destinations import DESTINATIONS, LABEL_WORDS


class AttentionFields(Fields):
    attention: list[list[float]] = Field(description="(layer, class), summed over heads and shots.")
    destinations: list[list[float]] = Field([], description="(layer, destination), shares of all attention.")


class ExtractionFields(SectionFields):
    against: Literal["predicted", "gold"] = Field("predicted", description="The labels that AUCROC is taken against.")
    aucroc: list[float | None] = Field(description="Per layer.")
    cumulative: list[float | None] = Field(description="R_l")
    denominator: float | None = Field(description="Sum of AUCROC - 0.5; R_l means little where it is near 0.")
    agreement: list[float | None] = Field(
        [], description="Per layer, share of the queries whose most attended label is the one predicted."
    )
    destinations: list[str] = Field([], description="The parts of a prompt that attention is shared among.")
    queries: list[AttentionFields]
    missing: list[str]


def values(result: Extraction) -> dict[str, Any]:
    """The section's JSON values; attention is (layer, class) for each query."""
    return {
        "against": result.against,
        "aucroc": result.aucroc,
        "cumulative": result.cumulative,
        "denominator": result.denominator,
        "agreement": result.agreement,
        "destinations": DESTINATIONS,
        "queries": [
            {"attention": attention, "destinations": shares}
            for attention, shares in zip(result.attention, result.destinations, strict=True)
        ],
        "missing": result.missing,
    }


def reading(found: Extraction, context: Context | None = None) -> str:
    """How much attention label words get, and whether what they get tells the answer."""
    layer, what = found.layer, "answer" if found.against == "predicted" else "gold label"
    share, count = percent(float(found.destinations[:, layer, LABEL_WORDS].mean())), len(found.targets)
    over = f", the mean of {count} queries" if count > 1 else ""  # the app has one query's own beside it
    best = found.aucroc[layer]
    if best is None:
        return (
            f"Label words get at most {share} of the target's attention{over}, in layer {layer}. "
            f"{_sentence('; '.join(found.missing))}"
        )
    few = "" if found.enough else f"; fewer than two {what}s come {ENOUGH} times, so this may be chance"
    return (
        f"Attention to the label words tells the {what}s apart best in layer {layer} (AUCROC {best:.2f}{few}), where "
        f"they get {share} of the target's attention{over}. {agreement_in_words(found, layer)}"
    )


def agreement_in_words(found: Extraction, layer: int) -> str:
    """In how many queries the most attended label is the answer, beside two ways to guess."""
    hits, count = found.agreeing(layer)
    what = "answer" if found.against == "predicted" else "gold label"
    if found.commonest is None or not count:
        return f"No query has both a {what} and attention to label words in layer {layer}."
    label, most = found.commonest
    known = sum(target is not None for target in found.targets)
    return (
        f"The label attended to most is the {what} in {hits} of {counted(count, 'query')} ({hits / count:.0%}; a label "
        f"at random {1 / len(found.labels):.0%}, always {found.labels[label]} {most / known:.0%})."
    )


def reading_of_query(found: Extraction, query: int, layer: int | None = None) -> str:
    """Where the target looks in a layer, and which label's words it looks at most."""
    layer = found.layer if layer is None else layer
    shares, attention = found.destinations[query, layer], found.attention[query, layer]
    parts = [int(part) for part in np.argsort(-shares, kind="stable")]
    listed = [*parts[:2], *([LABEL_WORDS] if LABEL_WORDS not in parts[:2] else [])]
    goes = ", ".join(f"{percent(float(shares[part]))} to {_PLACES[part]}" for part in listed)
    opening = f"In layer {layer} the target's attention goes {goes}"
    total = float(attention.sum())
    if total <= 0:
        return f"{opening}."
    first, second = (int(label) for label in np.argsort(-attention, kind="stable")[:2])
    target, names = found.targets[query], found.labels
    what = "the answer" if found.against == "predicted" else "the gold label"
    role = f", {what}," if first == target else ""
    other = second if target is None or target == first else target
    beside = f", {what}," if other == target else ""
    return (
        f"{opening}; of what label words get, {names[first]}{role} has most ({attention[first] / total:.0%}), "
        f"{names[other]}{beside} {attention[other] / total:.0%}."
    )


_PLACES = ("the first token", "the query's text", "the demonstrations' texts", "the template", "label words")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def blocks(result: Extraction, context: Context | None = None) -> list[Block]:
    """AUCROC and R per layer, and the mean attention to each class."""
    what = "answer" if result.against == "predicted" else "gold label"
    caption = (
        f"AUCROC of the target's attention to the label words (0.5 is chance), the share R of it reached so far, and "
        f"how often the label attended to most is the {what}."
    )
    per_layer = (result.aucroc, result.cumulative, result.agreement)
    names = ("AUCROC", "R", "agreement")
    shares = result.destinations.mean(axis=0)  # (L, destinations)
    goes = "Where the target's attention goes: shares, mean over heads and queries."
    mean = result.attention.mean(axis=0)  # (L, C)
    attention = "Attention from the target to each class's label words, summed over heads and shots, mean over queries."
    shown: list[Block] = [
        Paragraph(f"How well the target's attention to the label words predicts the {result.against} label."),
        Figure("destinations", goes, lambda: heatmap(shares, DESTINATIONS, "", "layer", rows=None)),
    ]
    if any(value is not None for value in result.aucroc):
        series = list(zip(names, per_layer, strict=True))
        shown.append(Figure("aucroc", caption, lambda: curves(series, "layer", "", reference=0.5)))
    rows = [(layer, *row) for layer, row in enumerate(zip(*per_layer, strict=True))]
    shown += [
        Figure("attention", attention, lambda: heatmap(mean, result.labels, "", "layer", rows=None)),
        Table("aucroc", caption, ("layer", *names), tuple(rows), place="folded"),
        _per_layer("destinations", goes, DESTINATIONS, shares),
        _per_layer("attention", attention, result.labels, mean),
    ]
    return shown + notes(result.missing)


def _per_layer(name: str, caption: str, columns: Sequence[str], values: FloatArray) -> Table:
    rows = tuple((layer, *map(float, row)) for layer, row in enumerate(values))
    return Table(name, caption, ("layer", *columns), rows, place="aside", digits=".3f")


def numbers(bench: Workbench, settings: Mapping[str, Any], seed: int, progress: Progress) -> dict[str, Any]:
    found = bench.ask(Extract(), progress)
    return {
        "aucroc": found.aucroc,
        "cumulative": found.cumulative,
        "denominator": found.denominator,
        "agreement": found.agreement,
        "label_words": found.destinations[..., LABEL_WORDS].mean(axis=0),
        "missing": found.missing,
    }


SECTION = Section(
    title="Extraction: attention and prediction",
    question="How the model reads the prompt",
    fields=ExtractionFields,
    requests=lambda context: [Extract(context.settings.against)],
    values=values,
    reading=reading,
    blocks=blocks,
    main="aucroc",
)

ANALYSIS = Analysis("extraction", (Extraction,), SECTION, numbers)
