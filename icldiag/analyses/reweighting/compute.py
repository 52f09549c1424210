"""Anchor re-weighting: train how much each head listens to each demonstration's label word.

Wang et al. 2023, section 3.1 (arXiv 2305.14160):

    A'_{h,l}(q, p_i) = exp(beta^i_{h,l}) * A_{h,l}(q, p_i)        (no renormalisation)

beta has shape (layer, head, demonstration), starts at zero and is trained with Adam on the cross entropy of a few
labelled examples. Only the target's row changes, so with the keys and values of everything before it cached, one step
is the forward and backward pass of one token. All tokens of a label word share its beta.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.circuits.compute import RankHeads
from icldiag.analyses.circuits.reading import reading
from icldiag.analyses.loyalty import Answers, compare
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.analyses.reweighting.step import beta_edits
from icldiag.analyses.reweighting.training import TrainingSettings, silent_epoch, train_beta
from icldiag.errors import AnalysisError
from icldiag.indices import head_index, layer_index
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.readout import FloatArray, Progress, Readout, read_queries, silent
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.schema import Example, Prompt

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, repr=False)
class Reweighting(AnalysisResult):
    """A trained beta and what it did to the queries."""

    beta: NDArray[np.float32]  # (L, H, demonstrations)
    settings: TrainingSettings  # with the heads that "anchor" stood for
    examples: int
    loss: tuple[float, ...]  # mean per epoch, each step's taken before its update
    loss_per_step: FloatArray  # (epochs, steps)
    before: Answers
    after: Answers

    @property
    def stopped_early(self) -> bool:
        return len(self.loss) < self.settings.epochs

    @property
    def changed(self) -> tuple[int, ...]:
        """Queries whose predicted label changed."""
        return self.after.flipped


@dataclass(frozen=True)
class Reweight(Request[Reweighting]):
    """Train beta on the prompt's examples: always from zero, and on the model without any beta.

    `each` is told the mean loss of every epoch.
    """

    settings: TrainingSettings = field(default_factory=TrainingSettings)
    job: ClassVar[str] = "reweighting"
    of_demonstrations: ClassVar[bool] = True
    without_beta: ClassVar[bool] = True

    def resolved(self, bench: Workbench) -> Reweight:
        heads = self.settings.heads
        if heads == "anchor" or not heads:
            return self
        facts = bench.facts
        named = {(layer_index(layer, facts.n_layers), head_index(head, facts.n_heads)) for layer, head in heads}
        return replace(self, settings=replace(self.settings, heads=tuple(sorted(named))))

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Reweighting:
        settings = self.settings
        if settings.heads == "anchor":
            settings = replace(settings, heads=self._anchor_heads(bench, progress))
        return reweight(
            bench.model,
            bench.encoded,
            bench.prefix(progress),
            bench.readout(progress),
            settings,
            progress=progress,
            each_epoch=each or silent_epoch,
        )

    def _anchor_heads(self, bench: Workbench, progress: Progress) -> tuple[tuple[int, int], ...]:
        found = bench.ask(RankHeads(), progress)
        if not found.anchor_heads:
            raise AnalysisError(f"there are no anchor heads to re-weight alone; {reading(found)} Weight all heads")
        return tuple(sorted(found.anchor_heads))


def draw_examples(prompt: Prompt, per_class: int, seed: int) -> tuple[Example, ...]:
    """Draw labelled examples that are neither demonstrations nor queries, taking turns between the classes.

    Raises:
        AnalysisError: the prompt has too few `examples`.
    """
    used = {example.text for example in (*prompt.demonstrations, *prompt.queries)}
    generator = random.Random(seed)
    by_class: list[list[Example]] = [[] for _ in prompt.labels]
    for example in prompt.examples:
        if example.label is not None and example.text not in used:
            by_class[example.label].append(example)
    drawn = []
    for label, found in zip(prompt.labels, by_class, strict=True):
        if len(found) < per_class:
            raise AnalysisError(
                f"re-weighting needs {per_class} labelled examples of {label.name!r} that are not in the prompt, the "
                f"field 'examples' has {len(found)}; add some, or train on fewer per class"
            )
        drawn.append(generator.sample(found, per_class))
    return tuple(example for turn in zip(*drawn, strict=True) for example in turn)


def reweight(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    before: Readout,
    settings: TrainingSettings | None = None,
    *,
    examples: Sequence[Example] | None = None,
    progress: Progress = silent,
    each_epoch: Callable[[float], object] = silent_epoch,
) -> Reweighting:
    """Train beta on examples drawn from the prompt's (or those given, in their order) and answer the queries with it.

    `each_epoch` is called with the mean loss of every epoch as it ends.

    Raises:
        AnalysisError: too few examples, or the training diverges, or the settings name heads as "anchor" alone.
        PromptError: an example makes a prompt longer than the context window.
    """
    settings = settings or TrainingSettings()
    if settings.heads == "anchor":
        raise AnalysisError('heads "anchor" are looked for by session.reweighting; name them here')
    if examples is None:
        examples = draw_examples(encoded.prompt, settings.per_class, settings.seed)
    beta, losses = train_beta(model, encoded, prefix, examples, settings, progress, each_epoch)
    edits = beta_edits(encoded, beta)
    after = read_queries(model, encoded, prefix, target_edits=edits, progress=progress, what="queries with beta")
    gold = tuple(query.label for query in encoded.prompt.queries)
    return Reweighting(
        beta=beta.cpu().numpy(),
        settings=settings,
        examples=len(examples),
        loss=tuple(float(epoch.mean()) for epoch in losses),
        loss_per_step=losses,
        before=compare(before, before, gold),
        after=compare(before, after, gold),
    )
