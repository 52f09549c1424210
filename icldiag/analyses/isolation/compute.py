"""Isolation: what is lost when label words cannot read their demonstrations, or the target not the label words.

Wang et al. 2023, section 2.2 (arXiv 2305.14160). In a set of layers, attention is cut before the softmax, so that a row
renormalises over what it may still see, as in the paper's code; its text sets A to 0 after the softmax, which
`renormalise=False` does:

    text_to_label    a label word may not attend to anything before it, A_l(p_k, j) = 0 for j < p_k (the paper's)
    label_to_target  the target may not attend to the label words, A_l(q, p_k) = 0 (the mirror)
    random_words     the paper's control: as many random words of the demonstrations' texts are cut like label words

The label words are not all of it: what their texts mean is first at the token before them, the forerunner, which they
copy (Cho et al. 2024, arXiv 2410.04468), tokens of the template hold the task (Bai et al. 2024, arXiv 2401.11323), and
the target can read texts past the label words. So these can be cut too:

    forerunner_to_label   a label word may not attend to its forerunner
    forerunner_to_target, template_to_target (but for forerunners), text_to_target   the target may not attend to these

All tokens of a label word are cut alike. Isolating the last layer alone changes nothing, since its label positions
feed nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from icldiag.analyses.isolation.cuts import TARGET_CUTS, Cut, CutKind
from icldiag.analyses.isolation.edits import on_device, prefix_edits, target_edits
from icldiag.analyses.isolation.together import cut_contexts
from icldiag.analyses.loyalty import TOP, Answers, compare
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.arguments import Count, Seed
from icldiag.errors import AnalysisError
from icldiag.indices import layer_index
from icldiag.model.edits import Edits, merge_edits
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.heads import KeyValues
from icldiag.model.label_words import label_words
from icldiag.model.readout import KeptInputs, Progress, Readout, read_queries, silent, step_of
from icldiag.prompt.encoded_prompt import EncodedPrompt

_KEPT_BYTES = 2**30  # a sweep keeps the queries' layer inputs while they take less than this


@dataclass(frozen=True, repr=False)
class Setting(AnalysisResult):
    """One cut and what it did."""

    cut: Cut
    answers: Answers


@dataclass(frozen=True, repr=False)
class Isolation(AnalysisResult):
    """First-n and last-n cuts of one kind against the model without them."""

    kind: CutKind
    layers: int
    top: int  # k of the word loyalty
    before: Answers
    settings: tuple[Setting, ...]

    def setting(self, layers: Iterable[int]) -> Setting:
        """The setting that cuts these layers. Raises AnalysisError: it is none of those that were measured."""
        wanted = tuple(sorted({layer_index(layer, self.layers) for layer in layers}))
        for setting in self.settings:
            if setting.cut.layers == wanted:
                return setting
        raise AnalysisError(f"only the first n and the last n layers were cut, not {wanted}; Session.isolate cuts any")

    @property
    def first(self) -> tuple[Setting, ...]:
        """The first 1, 2, ... L layers."""
        return tuple(self.setting(range(n)) for n in range(1, self.layers + 1))

    @property
    def last(self) -> tuple[Setting, ...]:
        """The last 1, 2, ... L layers; the last L are the first L."""
        return tuple(self.setting(range(self.layers - n, self.layers)) for n in range(1, self.layers + 1))


@dataclass(frozen=True)
class Isolate(Request[Setting]):
    """One cut in any set of layers."""

    cut: Cut
    top: Count = TOP
    job: ClassVar[str] = "isolation"
    of_demonstrations: ClassVar[bool] = True

    def resolved(self, bench: Workbench) -> Isolate:
        return replace(self, cut=self.cut.within(bench.facts.n_layers, bench.facts.n_heads))

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Setting:
        return isolate(
            bench.model,
            bench.encoded,
            bench.prefix(progress),
            bench.readout(progress),
            self.cut,
            top=self.top,
            beta=bench.beta_edits,
            progress=progress,
        )


@dataclass(frozen=True)
class SweepLayers(Request[Isolation]):
    """The first n and the last n layers cut, for every n."""

    kind: CutKind = "text_to_label"
    seed: Seed = 0
    renormalise: bool = True
    top: Count = TOP
    job: ClassVar[str] = "sweep"
    of_demonstrations: ClassVar[bool] = True

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Isolation:
        return sweep(
            bench.model,
            bench.encoded,
            bench.prefix(progress),
            bench.readout(progress),
            self.kind,
            seed=self.seed,
            renormalise=self.renormalise,
            top=self.top,
            beta=bench.beta_edits,
            progress=progress,
        )


def isolate(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    before: Readout,
    cut: Cut,
    *,
    top: int = TOP,
    beta: Edits | None = None,
    progress: Progress = silent,
) -> Setting:
    """One cut. Layers below the first isolated one are not computed again in the demonstrations' pass.

    Args:
        prefix, before: the unmodified model's.
        beta: edits of the target row that stay in force (a trained anchor re-weighting).
    """
    cut = cut.within(model.n_layers, model.n_heads)
    cut_prefix = prefix
    if cut.layers and not cut.at_target:
        cut_prefix = model.encode_prefix(
            prefix.ids,
            edits=on_device(prefix_edits(encoded, cut), model),
            resume=(cut.layers[0], prefix),
            before_layer=lambda layer: progress("isolation: demonstrations", layer, model.n_layers),
        )
    edits = merge_edits(on_device(target_edits(encoded, cut, model.n_heads), model), beta)
    after = read_queries(
        model, encoded, cut_prefix, target_edits=edits, top=max(10, top), progress=progress, what="isolation"
    )
    return Setting(cut, compare(before, after, _gold(encoded), top))


def sweep(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    before: Readout,
    kind: CutKind = "text_to_label",
    *,
    seed: int = 0,
    renormalise: bool = True,
    top: int = TOP,
    beta: Edits | None = None,
    progress: Progress = silent,
) -> Isolation:
    """Isolate the first n and the last n layers, for every n.

    On a CPU nothing is computed twice: first-n differs from first-(n-1) only above layer n - 1, and last-n from the
    unmodified model only above layer L - n, for the demonstrations and for the queries alike. A GPU takes as long for a
    part of the layers as for all, so there the demonstrations under all cuts are one batch: 2 L passes in all.
    """
    layers = model.n_layers
    names = [("first", n) for n in range(1, layers + 1)] + [("last", n) for n in range(1, layers)]
    total, found = len(names), {}
    restarts = model.limits.restarts
    kept = KeptInputs() if restarts and _fits(model, encoded) and not beta else None
    base = read_queries(
        model,
        encoded,
        prefix,
        target_edits=beta,
        top=max(10, top),
        keep=kept,
        progress=step_of(progress, "isolation sweep", 0, total),
    )
    chain_prefix, chain_inputs = prefix, kept
    cuts = [
        Cut.of(kind, range(n) if side == "first" else range(layers - n, layers), seed, renormalise) for side, n in names
    ]
    contexts: Iterable[list[KeyValues] | None] = [None] * total
    at_target = kind in TARGET_CUTS
    if not restarts and not at_target:
        each_cut = [on_device(prefix_edits(encoded, cut), model) for cut in cuts]
        contexts = cut_contexts(model, prefix, each_cut, lambda layer: progress("isolation sweep", 0, total))
    for done, ((side, n), cut, context) in enumerate(zip(names, cuts, contexts, strict=True)):
        step = step_of(progress, "isolation sweep", done, total)

        def ask(layer: int, step: Progress = step) -> None:
            step("demonstrations", layer, layers)

        start = n - 1 if side == "first" else layers - n  # the lowest layer that differs from the run resumed
        resumed, inputs = (chain_prefix, chain_inputs) if side == "first" else (prefix, kept)
        cut_prefix = resumed
        if not at_target and context is None:
            cut_prefix = model.encode_prefix(
                prefix.ids,
                edits=on_device(prefix_edits(encoded, cut), model),
                resume=(start, resumed),
                before_layer=ask,
            )
        # Keys and values change above `start`; the target's own row is cut in layer `start` already.
        query_start = start if at_target else min(start + 1, layers - 1)
        fresh = KeptInputs({min(query_start + 1, layers - 1)}) if side == "first" and kept is not None else None
        after = read_queries(
            model,
            encoded,
            cut_prefix,
            context=context,
            target_edits=merge_edits(on_device(target_edits(encoded, cut, model.n_heads), model), beta),
            top=max(10, top),
            resume=(query_start, inputs) if inputs is not None else None,
            keep=fresh,
            progress=step,
        )
        if side == "first":
            chain_prefix = cut_prefix
            chain_inputs = fresh
        found[cut] = Setting(cut, compare(before, after, _gold(encoded), top))
    progress("isolation sweep", total, total)
    return Isolation(kind, layers, top, compare(before, base, _gold(encoded), top), tuple(found.values()))


def _gold(encoded: EncodedPrompt) -> tuple[int | None, ...]:
    return tuple(query.label for query in encoded.prompt.queries)


def _fits(model: InstrumentedModel, encoded: EncodedPrompt) -> bool:
    """Whether the inputs of all layers for all queries may be kept, twice over."""
    further = len(label_words(encoded, model).given)
    tokens = sum(len(query.ids) + further for query in encoded.queries)
    width = int(model.model.get_input_embeddings().weight.shape[1])
    return 2 * tokens * width * model.n_layers * model.dtype.itemsize <= _KEPT_BYTES
