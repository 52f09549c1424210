"""The section on isolation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.isolation.compute import Isolate, Isolation, Setting, SweepLayers
from icldiag.analyses.isolation.cuts import CUT_NAMES, CUTS, Cut, CutKind, where
from icldiag.analyses.request import Request, Workbench
from icldiag.counting import counted
from icldiag.model.readout import Progress
from icldiag.page.blocks import Block, Figure, Paragraph, Table, notes
from icldiag.page.figures import curves
from icldiag.page.text import ranges


class SettingFields(Fields):
    cut: CutKind
    heads: list[tuple[int, int]] = Field([], description="(layer, head) that it is limited to; empty: all.")
    layers: list[int]
    seed: int | None = Field(description="Of the random words; null for the other cuts.")
    label_loyalty: float = Field(description="Share of queries whose predicted label equals the unmodified model's.")
    word_loyalty: float = Field(description="Mean Jaccard similarity of the top tokens against the unmodified model's.")
    accuracy: float | None
    flipped: list[int] = Field(description="Indices of the queries whose predicted label changed.")
    probabilities: list[list[float]] = Field(description="(query, class)")


class IsolationFields(SectionFields):
    top: int = Field(description="k of the word loyalty")
    renormalised: bool = Field(True, description="False: attention is set to 0 after the softmax.")
    before: list[list[float]] = Field(description="Probabilities without a cut, (query, class).")
    settings: list[SettingFields]
    missing: list[str] = Field([], description="What is undefined, and why.")


@dataclass(frozen=True)
class Isolations:
    """A sweep for each kind of cut, and the sets of layers that were asked for besides."""

    sweeps: tuple[Isolation, ...]
    chosen: tuple[Setting, ...] = ()


def requests(context: Context) -> list[Request[Any]]:
    """All kinds of cuts, in the first n, the last n and the chosen sets of layers."""
    settings = context.settings
    seed, top, renormalise = settings.random_words_seed, settings.top, settings.renormalise
    cuts = [Cut.of(kind, layers, seed, renormalise) for layers in settings.isolate for kind in CUTS]
    return [*(SweepLayers(kind, seed, renormalise, top) for kind in CUTS), *(Isolate(cut, top) for cut in cuts)]


def gather(answers: Sequence[Any], context: Context | None) -> Isolations:
    """The sweeps, and the settings."""
    return Isolations(
        tuple(answer for answer in answers if isinstance(answer, Isolation)),
        tuple(answer for answer in answers if isinstance(answer, Setting)),
    )


def values(result: Isolations) -> dict[str, Any]:
    """The section's JSON values: every setting of every sweep, then the chosen ones."""
    return {
        "top": result.sweeps[0].top,
        "renormalised": result.sweeps[0].settings[0].cut.renormalise,
        "before": result.sweeps[0].before.probabilities,
        "settings": [_setting(setting) for setting in _all(result)],
        "missing": result.sweeps[0].before.missing,
    }


def _all(result: Isolations) -> list[Setting]:
    return [*(setting for sweep in result.sweeps for setting in sweep.settings), *result.chosen]


def _setting(setting: Setting) -> dict[str, Any]:
    return {
        "cut": setting.cut.kind,
        "layers": setting.cut.layers,
        "heads": setting.cut.heads,
        "seed": setting.cut.seed if setting.cut.kind == "random_words" else None,
        "label_loyalty": setting.answers.label_loyalty,
        "word_loyalty": setting.answers.word_loyalty,
        "accuracy": setting.answers.accuracy,
        "flipped": setting.answers.flipped,
        "probabilities": setting.answers.probabilities,
    }


def reading(result: Isolations, context: Context | None = None) -> str:
    """A shallow cut against an equally wide deep one: a quarter of the layers, at most the paper's five."""
    if not result.sweeps:
        return "; ".join(map(reading_of_setting, result.chosen))
    first = result.sweeps[0]
    n, count = min(5, max(1, first.layers // 4)), len(first.before.predicted)
    shallow = f"the first {n} of {first.layers} layers" if n > 1 else "the first layer"
    deep = f"the last {n}" if n > 1 else "the last"
    found = [
        f"{CUT_NAMES[sweep.kind]} leaves {stay(sweep.first[n - 1])} and {stay(sweep.last[n - 1])}"
        for sweep in result.sweeps
    ]
    return f"Of {counted(count, 'answer')}, cut in {shallow} and in {deep}, {'; '.join(found)}."


def stay(setting: Setting) -> int:
    """How many answers stay as they were."""
    return len(setting.answers.predicted) - len(setting.answers.flipped)


def reading_of_setting(setting: Setting) -> str:
    """What one cut leaves."""
    cut, answers = setting.cut, setting.answers
    return (
        f"With {CUT_NAMES[cut.kind]} cut in {where(cut)}, {stay(setting)} of "
        f"{counted(len(answers.predicted), 'answer')} stay (word loyalty {answers.word_loyalty:.2f})."
    )


def blocks(result: Isolations, context: Context | None = None) -> list[Block]:
    """Loyalties of first-n and last-n cuts, a table per kind of cut, and the chosen sets of layers."""
    if not result.sweeps:
        return [settings_table("settings", "One setting.", result.chosen)]
    shown: list[Block] = [Paragraph("Attention is cut in the first n or in the last n layers; loyalty 1 is no effect.")]
    for measure in ("label_loyalty", "word_loyalty"):
        shown.append(Figure(measure, _caption(measure, result.sweeps[0].top), _drawing(result.sweeps, measure)))
    side = ("label loyalty", "word loyalty", "accuracy")
    columns = ("n", *(f"first n: {name}" for name in side), *(f"last n: {name}" for name in side))
    for sweep in result.sweeps:
        rows = [
            (n, *_numbers(first), *_numbers(last))
            for n, (first, last) in enumerate(zip(sweep.first, sweep.last, strict=True), start=1)
        ]
        caption = (
            f"Cut {CUT_NAMES[sweep.kind]} in the first n or the last n layers (word loyalty over top {sweep.top})."
        )
        shown.append(Table(sweep.kind, caption, columns, tuple(rows), place="folded"))
    if result.chosen:
        shown.append(settings_table("chosen", "Cut in the chosen layers.", result.chosen))
    shown.append(settings_table("settings", "Every setting.", _all(result), aside=True))
    return shown + notes(result.sweeps[0].before.missing)


def _caption(measure: str, top: int) -> str:
    if measure == "label_loyalty":
        return "Label loyalty: share of the answers that stay the same."
    return f"Word loyalty: mean Jaccard similarity of the top {top} tokens."


def _drawing(sweeps: Sequence[Isolation], measure: str) -> Any:
    def draw() -> Any:
        series = [
            (f"{where} n, {CUT_NAMES[sweep.kind]}", [getattr(setting.answers, measure) for setting in settings])
            for sweep in sweeps
            for where, settings in (("first", sweep.first), ("last", sweep.last))
        ]
        return curves(series, "n layers cut", measure.replace("_", " "), start=1, paired=True)

    return draw


def _numbers(setting: Setting) -> tuple[float, float, float | None]:
    return setting.answers.label_loyalty, setting.answers.word_loyalty, setting.answers.accuracy


def settings_table(name: str, caption: str, settings: Sequence[Setting], aside: bool = False) -> Table:
    # A spreadsheet would take 1-2 for a day in February.
    layers = [ranges(setting.cut.layers).replace("-", " to ") for setting in settings]
    rows = [(CUT_NAMES[s.cut.kind], cut, *_numbers(s)) for s, cut in zip(settings, layers, strict=True)]
    columns = ("cut", "layers", "label loyalty", "word loyalty", "accuracy")
    return Table(name, caption, columns, tuple(rows), place="aside" if aside else "open")


#: In a sweep: the two sides, and what is isolated, as in the paper's figure 4.
SIDES = ("first", "last")
ISOLATED: dict[str, CutKind] = {"label words": "text_to_label", "random words": "random_words"}


def numbers(bench: Workbench, settings: Mapping[str, Any], seed: int, progress: Progress) -> dict[str, Any]:
    layers = bench.model.n_layers
    count = min(settings["isolated_layers"], layers)
    sides = {"first": range(count), "last": range(layers - count, layers)}

    def loyalties(kind: CutKind, side: str) -> dict[str, float | None]:
        return bench.ask(Isolate(Cut.of(kind, sides[side], seed), settings["top"]), progress).answers.loyalties

    return {
        "isolated_layers": count,
        "layers": layers,
        "settings": {side: {what: loyalties(kind, side) for what, kind in ISOLATED.items()} for side in SIDES},
    }


SECTION = Section(
    title="Isolation",
    question="How the model reads the prompt",
    fields=IsolationFields,
    requests=requests,
    gather=gather,
    values=values,
    reading=reading,
    blocks=blocks,
    main="settings",
)

ANALYSIS = Analysis("isolation", (Isolation, Setting), SECTION, numbers, ("isolated_layers", "top"))
