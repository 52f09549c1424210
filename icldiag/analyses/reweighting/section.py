"""The section on anchor re-weighting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.effect import SIGNIFICANT, mcnemar
from icldiag.analyses.isolation.cuts import in_heads
from icldiag.analyses.loyalty import Answers
from icldiag.analyses.request import Workbench
from icldiag.analyses.reweighting.compute import Reweight, Reweighting, draw_examples
from icldiag.analyses.reweighting.training import TrainingSettings
from icldiag.counting import counted
from icldiag.model.readout import Progress
from icldiag.page.blocks import Block, Cell, Figure, Paragraph, Table, notes
from icldiag.page.figures import curves, heatmap
from icldiag.prompt.schema import Prompt


class TrainingFields(Fields):
    per_class: int
    epochs: int
    learning_rate: float
    batch_size: int
    patience: int | None
    seed: int
    heads: list[tuple[int, int]] = Field([], description="(layer, head) that are weighted alone; empty for all.")


class ReweightingFields(SectionFields):
    beta: list[list[list[float]]] = Field(description="(layer, head, demonstration)")
    settings: TrainingFields
    examples: int
    loss: list[float] = Field(description="Mean per epoch.")
    stopped_early: bool = False
    accuracy_before: float | None
    accuracy_after: float | None
    changed: list[int] = Field(description="Indices of the queries whose predicted label changed.")
    probabilities: list[list[float]] = Field(description="(query, class) with the trained beta.")
    missing: list[str] = Field([], description="What is undefined, and why.")


def values(result: Reweighting) -> dict[str, Any]:
    """The section's JSON values; beta is (layer, head, demonstration)."""
    return {
        "beta": result.beta,
        "settings": asdict(result.settings),
        "examples": result.examples,
        "loss": result.loss,
        "stopped_early": result.stopped_early,
        "accuracy_before": result.before.accuracy,
        "accuracy_after": result.after.accuracy,
        "changed": result.changed,
        "probabilities": result.after.probabilities,
        "missing": result.before.missing,
    }


def reading(result: Reweighting, context: Context | None = None) -> str:
    """What training did to the queries' answers."""
    heads = result.settings.heads
    alone = f" in {in_heads(heads)} alone" if heads and heads != "anchor" else ""
    trained = f"Anchor re-weighting{alone}, trained on {counted(result.examples, 'other example')},"
    return f"{trained} {effect_in_words(result.after)}."


def effect_in_words(answers: Answers) -> str:
    """What it did to the queries' answers, and whether that may be chance (McNemar's exact test)."""
    if answers.accuracy is None:
        count = counted(len(answers.predicted), "answer")
        return f"changes {len(answers.flipped)} of {count}; no gold label says if for better"
    labelled = sum(gold is not None for gold in answers.gold)
    before, after = answers.right
    move = f"takes the queries answered right from {before} to {after}" if before != after else f"leaves {before}"
    of = f"{move} of {labelled}" if before != after else f"{move} of {counted(labelled, 'query')} right"
    mended, broken = len(answers.mended), len(answers.broken)
    if not mended and not broken:
        return f"{of}: none fixed, none broken"
    p = mcnemar(mended, broken)
    chance = "unlikely to be chance" if p < SIGNIFICANT else "may be chance"
    return f"{of}: {mended} fixed, {broken} broken ({chance})"


def blocks(result: Reweighting, context: Context | None = None) -> list[Block]:
    """The loss, beta, and the queries that changed."""
    loss = "Mean loss on the training examples per epoch."
    beta = "Trained beta, mean over heads: above 0 the target listens more to this demonstration's label word."
    demonstrations = result.beta.shape[2]
    names = [f"demo {number}" for number in range(1, demonstrations + 1)]
    if context is not None:
        classes = [context.prompt.demonstrations[index].label or 0 for index in range(demonstrations)]
        names = [f"{number} {context.prompt.label_names[label]}" for number, label in enumerate(classes, start=1)]
    early = " (stopped early: no gain)" if result.stopped_early else ""
    mean = result.beta.mean(axis=1)  # (L, demonstrations)
    shown: list[Block] = [
        Paragraph(
            f"Trained on {counted(result.examples, 'example')} for {counted(len(result.loss), 'epoch')}{early}: "
            f"mean loss {result.loss[0]:.3f} in the first epoch, {result.loss[-1]:.3f} in the last."
        ),
        Figure("loss", loss, lambda: curves([("loss", result.loss)], "epoch", "loss", start=1, floor=None)),
        Figure("beta", beta, lambda: heatmap(mean, names, "demonstration", "layer", rows=None, dark="both")),
    ]
    if result.changed:
        shown.append(_changed(result, context))
    epochs = [(epoch, value) for epoch, value in enumerate(result.loss, start=1)]
    shown.append(Table("loss", loss, ("epoch", "loss"), tuple(epochs), place="aside", digits=".4f"))
    shown.append(_betas(result))
    return shown + notes(result.before.missing)


def _changed(result: Reweighting, context: Context | None) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for query in result.changed:
        effect = "fixed" if query in result.after.mended else "broken" if query in result.after.broken else ""
        classes = (result.after.gold[query], int(result.before.predicted[query]), int(result.after.predicted[query]))
        if context is None:
            rows.append((query + 1, *classes, effect))
        else:
            names = context.prompt.label_names
            gold, before, after = (None if label is None else names[label] for label in classes)
            rows.append((query + 1, context.prompt.queries[query].text, gold, before, after, effect))
    columns = ("number", *(() if context is None else ("query",)), "gold", "before", "after", "effect")
    return Table("changed", "Answers that changed.", columns, tuple(rows))


def _betas(result: Reweighting) -> Table:
    layers, heads, demonstrations = result.beta.shape
    rows = [
        (layer, head, index + 1, float(result.beta[layer, head, index]))
        for layer in range(layers)
        for head in range(heads)
        for index in range(demonstrations)
    ]
    columns = ("layer", "head", "demonstration", "beta")
    return Table("beta", "Every beta.", columns, tuple(rows), place="aside", digits=".4f", limit=50)


def numbers(bench: Workbench, settings: Mapping[str, Any], seed: int, progress: Progress) -> dict[str, Any]:
    found = bench.ask(Reweight(TrainingSettings(**settings, seed=seed)), progress)
    return {
        "before": found.before.accuracy,
        "after": found.after.accuracy,
        "examples": found.examples,
        "loss": found.loss,
    }


def needs(prompt: Prompt, settings: Mapping[str, Any], seed: int) -> None:
    """Raise AnalysisError where there are too few examples to train on."""
    draw_examples(prompt, settings["per_class"], seed)


SECTION = Section(
    title="Anchor re-weighting",
    question="What fixes it",
    fields=ReweightingFields,
    requests=lambda context: [Reweight(context.settings.training)],
    values=values,
    reading=reading,
    blocks=blocks,
    main="beta",
)

READS = ("per_class", "epochs", "learning_rate", "batch_size")
ANALYSIS = Analysis("reweighting", (Reweighting,), SECTION, numbers, READS, needs)
