"""Five checks of one architecture against the reference in eager.py, each a number that should be 0.

They are what the tests assert and what `python -m benchmarks.architectures` writes into docs/architectures.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from icldiag.analyses.compression.caches import cache_at
from icldiag.analyses.compression.compute import kept_positions
from icldiag.analyses.isolation.cuts import CUTS, Cut
from icldiag.analyses.isolation.edits import on_device, prefix_edits, random_words, target_edits
from icldiag.analyses.reweighting.step import beta_edits
from icldiag.analyses.saliency.compute import flow_of_query
from icldiag.model.edits import merge_edits, on_rows
from icldiag.model.forward import InstrumentedModel
from icldiag.model.padding import batch_of
from icldiag.model.query_batches import query_batches
from icldiag.model.readout import read_queries
from icldiag.prompt.encoded_prompt import EncodedPrompt
from tests.eager import ids_of, plain_run

TOLERANCE = 3e-5  # of the largest number compared; float32 through four layers gives about 1e-6
_EFFECT = 1e-2  # an intervention that changes less than this would prove nothing


@dataclass(frozen=True)
class Parity:
    """The largest difference from the reference, relative to the largest number of the reference."""

    forward: float
    saliency: float
    isolation: float
    reweighting: float
    compression: float

    @property
    def worst(self) -> float:
        return max(self.forward, self.saliency, self.isolation, self.reweighting, self.compression)


def difference(found: Tensor | np.ndarray, wanted: Tensor | np.ndarray) -> float:
    """max |found - wanted| / max |wanted|.

    Where all wanted numbers are 0, as are the flows into the last layer's anchors: max |found|.
    """
    found, wanted = (torch.as_tensor(values).detach().double() for values in (found, wanted))
    size = float(wanted.abs().max())
    different = float((found - wanted).abs().max()) / (size or 1.0)
    return float("inf") if math.isnan(different) else different


def measure(model: InstrumentedModel, encoded: EncodedPrompt) -> Parity:
    return Parity(*(check(model, encoded) for check in CHECKS))


def _effective(changed: Tensor, plain: Tensor) -> None:
    assert difference(changed, plain) > _EFFECT, "the intervention does nothing here"


@torch.no_grad()
def forward(model: InstrumentedModel, encoded: EncodedPrompt) -> float:
    """Logits of all queries, batched on the demonstrations' cache, and of the first query alone."""
    prefix = model.encode_prefix(encoded.prefix)
    rows = [query.ids for query in encoded.queries]
    wanted = torch.stack([plain_run(model, ids_of(encoded, query)) for query in range(len(rows))])
    found = torch.empty_like(wanted)
    for part in query_batches(model, rows, len(encoded.prefix)):
        found[list(part.indices)] = model.run(part.batch, context=prefix.key_values).logits[:, -1]
    alone = model.run(batch_of(rows[:1], len(encoded.prefix)), context=prefix.key_values).logits[:, -1]
    whole = model.run(batch_of([ids_of(encoded, 0)], 0)).logits[:, -1]
    return max(difference(found, wanted), difference(alone, wanted[:1]), difference(whole, wanted[:1]))


def saliency(model: InstrumentedModel, encoded: EncodedPrompt) -> float:
    """I_l into the target and into every label word, and the three means, against autograd, both ways of computing."""
    query, label = 1, 2
    ids, anchors = ids_of(encoded, query), list(encoded.anchors)
    record: dict[int, Tensor] = {}
    logits = plain_run(model, ids, record=record)
    firsts = [tokens[0] for tokens in encoded.label_tokens]
    loss = torch.nn.functional.cross_entropy(logits[firsts][None], torch.tensor([label]))
    loss.backward()  # type: ignore[no-untyped-call]
    found = [flow_of_query(model, encoded, query, label, recompute=recompute) for recompute in (False, True)]
    worst = max(abs(flow.loss - loss.item()) / abs(loss.item()) for flow in found)
    pairs = len(ids) * (len(ids) - 1) / 2
    for layer, attention in record.items():
        assert attention.grad is not None
        flow = (attention * attention.grad).sum(1)[0, :, : len(ids)].abs().fill_diagonal_(0).detach()
        into, read = flow[anchors].sum(), flow[-1, anchors].sum()
        rest = (flow.sum() - into - read) / (pairs - sum(anchors) - len(anchors))
        means = torch.stack([into / sum(anchors), read / len(anchors), rest])
        for one in found:
            worst = max(worst, difference(one.into_target[layer], flow[-1]))
            worst = max(worst, difference(one.into_labels[layer], flow[anchors]))
            worst = max(worst, difference(one.raw[:, layer], means))
    return worst


@torch.no_grad()
def isolation(model: InstrumentedModel, encoded: EncodedPrompt) -> float:
    """Logits under all three cuts of three layers, against the same mask written into the scores."""
    query, worst = 1, 0.0
    plain = plain_run(model, ids_of(encoded, query))
    for kind in CUTS:
        cut = Cut.of(kind, [0, 1, 2], seed=3)
        labels = [row for one in encoded.demonstrations for row in range(*one.label)]
        cut_to = {row: one.label[0] for one in encoded.demonstrations for row in range(*one.label)}
        if kind == "random_words":
            cut_to = {word: word for word in random_words(encoded, 3)}

        def masked(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
            if layer not in cut.layers:  # noqa: B023 - called before the next cut
                return attention
            scores = scores.clone()
            if kind == "label_to_target":  # noqa: B023
                scores[:, :, -1, labels] = -torch.inf  # noqa: B023
            else:
                for row, start in cut_to.items():  # noqa: B023
                    scores[:, :, row, :start] = -torch.inf
            return scores.softmax(-1)

        wanted = plain_run(model, ids_of(encoded, query), masked)
        prefix = model.encode_prefix(encoded.prefix, edits=on_device(prefix_edits(encoded, cut), model))
        batch = batch_of([encoded.queries[query].ids], len(encoded.prefix))
        edits = on_rows(
            merge_edits(on_device(target_edits(encoded, cut), model), None), [batch.ids.shape[1] - 1], model.device
        )
        found = model.run(batch, context=prefix.key_values, edits=edits).logits[0, -1]
        _effective(wanted, plain)
        worst = max(worst, difference(found, wanted))
    return worst


def reweighting(model: InstrumentedModel, encoded: EncodedPrompt) -> float:
    """Logits under a random beta and the gradient of a loss with respect to it, against an explicit product."""
    query = 1
    torch.manual_seed(1)
    start = torch.randn(model.n_layers, model.n_heads, len(encoded.demonstrations))
    prefix = model.encode_prefix(encoded.prefix)
    batch = batch_of([encoded.queries[query].ids], len(encoded.prefix))

    def graded(run: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        beta = start.clone().requires_grad_()
        logits = run(beta)
        loss = torch.nn.functional.cross_entropy(logits[None], torch.tensor([encoded.label_tokens[1][0]]))
        return logits.detach(), torch.autograd.grad(loss, beta)[0]

    def product(beta: Tensor) -> Tensor:
        def scaled(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
            factor = torch.ones_like(attention)
            for index, one in enumerate(encoded.demonstrations):
                factor[0, :, -1, slice(*one.label)] = beta[layer, :, index, None].exp()
            return attention * factor

        return plain_run(model, ids_of(encoded, query), scaled)

    def ours(beta: Tensor) -> Tensor:
        edits = on_rows(beta_edits(encoded, beta), [batch.ids.shape[1] - 1], model.device)
        return model.run(batch, context=prefix.key_values, edits=edits).logits[0, -1]

    (wanted, wanted_gradient), (found, gradient) = graded(product), graded(ours)
    with torch.no_grad():
        _effective(wanted, plain_run(model, ids_of(encoded, query)))
    return max(difference(found, wanted), difference(gradient, wanted_gradient))


@torch.no_grad()
def compression(model: InstrumentedModel, encoded: EncodedPrompt) -> float:
    """Logits on a cache without the demonstrations' texts, against a full prompt whose query cannot see them."""
    prefix = model.encode_prefix(encoded.prefix)
    kept = kept_positions(encoded)
    dropped = sorted(set(range(len(encoded.prefix))) - set(kept))

    def hidden(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
        scores = scores.clone()
        scores[:, :, len(encoded.prefix) :, dropped] = -torch.inf
        return scores.softmax(-1)

    found = read_queries(model, encoded, prefix, context=cache_at(prefix, kept)).label_scores
    firsts = [tokens[0] for tokens in encoded.label_tokens]
    queries = range(len(encoded.queries))
    wanted = torch.stack([plain_run(model, ids_of(encoded, query), hidden)[firsts] for query in queries])
    _effective(wanted, torch.stack([plain_run(model, ids_of(encoded, query))[firsts] for query in queries]))
    return difference(found, wanted)


CHECKS: tuple[Callable[[InstrumentedModel, EncodedPrompt], float], ...] = (
    forward,
    saliency,
    isolation,
    reweighting,
    compression,
)
