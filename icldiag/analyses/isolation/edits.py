"""The edits of attention that cut what label words, or the target, may read; which there are: `isolation.compute`."""

from __future__ import annotations

import random
from collections.abc import Iterable

from icldiag.analyses.isolation.cuts import Cut, CutKind
from icldiag.errors import AnalysisError
from icldiag.lazy import torch
from icldiag.model.attention import Edit
from icldiag.model.edits import Edits
from icldiag.model.forward import InstrumentedModel
from icldiag.prompt.encoded_prompt import EncodedPrompt


def prefix_edits(encoded: EncodedPrompt, cut: Cut) -> Edits:
    """The cut's edits in the pass over the demonstrations."""
    if cut.at_target:
        return {}
    if cut.kind == "forerunner_to_label":
        return dict.fromkeys(cut.layers, _forerunner_edit(encoded, cut.renormalise))
    spans = [demonstration.label for demonstration in encoded.demonstrations]
    if cut.kind == "random_words":
        spans = [(word, word + 1) for word in random_words(encoded, cut.seed)]
    return dict.fromkeys(cut.layers, isolation_edit(encoded, spans, cut.renormalise))


def isolation_edit(encoded: EncodedPrompt, spans: Iterable[tuple[int, int]], renormalise: bool = True) -> Edit:
    """The tokens of these spans may not attend to anything before their span."""
    rows = sorted((row, start) for start, stop in spans for row in range(start, stop))
    columns = torch.arange(len(encoded.prefix))
    blocked = torch.stack([columns < start for _, start in rows])  # (R, P)
    return Edit(torch.tensor([row for row, _ in rows]), blocked, renormalise=renormalise)


def _forerunner_edit(encoded: EncodedPrompt, renormalise: bool) -> Edit:
    """The tokens of each label word may not attend to the token before it."""
    rows = sorted((row, one.forerunner) for one in encoded.demonstrations for row in range(*one.label))
    columns = torch.arange(len(encoded.prefix))
    blocked = torch.stack([columns == forerunner for _, forerunner in rows])  # (R, P)
    return Edit(torch.tensor([row for row, _ in rows]), blocked, renormalise=renormalise)


def target_edits(encoded: EncodedPrompt, cut: Cut, n_heads: int = 0) -> Edits:
    """The cut's edits of the target row in the pass over a query; of some heads alone `n_heads` must be known."""
    if not cut.at_target:
        return {}
    blocked = torch.zeros(1, len(encoded.prefix), dtype=torch.bool)
    blocked[0, cut_columns(encoded, cut.kind)] = True
    found = {}
    for layer in cut.layers:
        of_layer = blocked
        if cut.heads:
            own = torch.zeros(n_heads, 1, 1, dtype=torch.bool)
            own[[head for at, head in cut.heads if at == layer]] = True
            of_layer = (own & blocked)[None]  # (1, H, 1, P)
        found[layer] = Edit(torch.tensor([0]), of_layer, renormalise=cut.renormalise)
    return found


def cut_columns(encoded: EncodedPrompt, kind: CutKind) -> list[int]:
    """The tokens of the demonstrations that the target may not read under a cut of what it reads."""
    forerunners = {one.forerunner for one in encoded.demonstrations}
    if kind == "label_to_target":
        return sorted({place for one in encoded.demonstrations for place in range(*one.label)})
    if kind == "forerunner_to_target":
        return sorted(forerunners)
    if kind == "template_to_target":
        return sorted(set(encoded.template) - forerunners)
    return sorted({place for one in encoded.demonstrations for place in one.text_positions} - forerunners)


def random_words(encoded: EncodedPrompt, seed: int) -> list[int]:
    """As many token positions as there are label tokens, drawn from the demonstrations' texts.

    Raises:
        AnalysisError: the texts have fewer tokens than the label words.
    """
    count = sum(stop - start for start, stop in (d.label for d in encoded.demonstrations))
    words = [position for position, token in enumerate(encoded.tokens) if token.role == "text" and position > 0]
    if len(words) < count:
        raise AnalysisError(f"the demonstrations' texts have {len(words)} tokens, fewer than the {count} to draw")
    return sorted(random.Random(seed).sample(words, count))


def on_device(edits: Edits, model: InstrumentedModel) -> Edits:
    """Edits on the model's device."""
    return {layer: edit.to(model.device) for layer, edit in edits.items()}
