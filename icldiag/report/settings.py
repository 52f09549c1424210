"""What the analyses of a report are computed with; every default is the paper's or METHOD's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from icldiag.analyses.compression.compute import DRAWS, Positions
from icldiag.analyses.extraction.compute import Against
from icldiag.analyses.loyalty import TOP
from icldiag.analyses.repairs import BUDGET
from icldiag.analyses.reweighting.training import TrainingSettings
from icldiag.analyses.saliency.compute import LossTarget
from icldiag.analyses.saliency.rows import HeadSum
from icldiag.errors import WrongRequest
from icldiag.indices import head_index, layer_index
from icldiag.inputs.values import whole_number
from icldiag.model.anchors import KEYS, Keys
from icldiag.quoting import quoted

_MOST = 100_000  # far more layers than any model has


@dataclass(frozen=True)
class ReportSettings:
    """Options that change a number, by the analysis that reads them."""

    layer: int | None = None  # confusion: the layer of the anchors' keys; None takes the default one
    keys: Keys = KEYS  # confusion: with the positions that rotary embeddings give them, or without
    loss_target: LossTarget = "gold"  # saliency
    heads: HeadSum = "signed"  # saliency: "absolute" as the paper's formula reads, not its code
    token_layers: tuple[int, ...] = ()  # saliency: layers whose token view is reported
    isolate: tuple[tuple[int, ...], ...] = ()  # isolation: sets of layers besides the first n and the last n
    top: int = TOP  # isolation and compression: the k of word loyalty
    random_words_seed: int = 0  # isolation: the control's words
    renormalise: bool = True  # isolation: False sets attention to 0 after the softmax, as the paper's text reads
    against: Against = "predicted"  # extraction: the labels that AUCROC is taken against
    draws: int = DRAWS  # compression: random anchors
    draws_seed: int = 42
    positions: Positions = "kept"  # compression: "restart" as the paper's code does
    training: TrainingSettings = field(default_factory=TrainingSettings)  # reweighting
    budget: int = BUDGET  # repairs: candidates tried

    def check(self, layers: int, heads: int) -> None:
        """Whether the model has what is named, before anything is computed. Raises AnalysisError."""
        weighted = () if self.training.heads == "anchor" else self.training.heads
        named = [() if self.layer is None else (self.layer,), self.token_layers, *self.isolate]
        for layer in (*(one for of in named for one in of), *(layer for layer, _ in weighted)):
            layer_index(layer, layers)
        for _, head in weighted:
            head_index(head, heads)


def heads_from(text: str | None) -> Literal["anchor"] | tuple[tuple[int, int], ...]:
    """Heads as people write them: '17.3,18.1', or 'anchor'; () for all. Raises AnalysisError for anything else."""
    if text is None:
        return ()
    if text == "anchor":
        return "anchor"
    heads = []
    for part in text.split(","):
        layer, head = map(whole_number, part.strip().partition(".")[::2])
        if layer is None or head is None:
            raise WrongRequest(f"--weighted-heads {quoted(text)}: write layer.head as in 17.3,18.1, or anchor")
        heads.append((layer, head))
    return tuple(heads)


def heads_text(heads: Literal["anchor"] | tuple[tuple[int, int], ...]) -> str:
    """The text that gives these."""
    return heads if heads == "anchor" else ",".join(f"{layer}.{head}" for layer, head in heads)


def layers_from(text: str, option: str = "--isolate") -> tuple[int, ...]:
    """Layers as people write them: '0-2,5' is 0, 1, 2 and 5. Raises AnalysisError for anything else."""
    layers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        start, stop = whole_number(first), whole_number(last if dash else first)
        if start is None or stop is None or start > stop:
            raise WrongRequest(f"{option} {quoted(text)}: write layers as in 0-2,5")
        if stop >= _MOST:
            raise WrongRequest(f"{option} {quoted(text)}: no model has {_MOST:,} layers; write layers as in 0-2,5")
        layers.update(range(start, stop + 1))
    return tuple(sorted(layers))
