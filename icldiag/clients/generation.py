"""The trial of logit biases on a real client: `generate` of transformers, on the model without icldiag's attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from icldiag.clients.text import with_texts
from icldiag.errors import AnalysisError
from icldiag.lazy import no_grad, torch
from icldiag.model.forward import InstrumentedModel
from icldiag.model.parity import TOLERANCE
from icldiag.model.readout import FloatArray, Progress, silent
from icldiag.prompt.schema import Example


@dataclass(frozen=True)
class Agreement:
    """How many of the client's answers are icldiag's; those that differ are near ties, within the model's precision."""

    same: int
    ties: int


def agreement(
    model: InstrumentedModel,
    request: dict[str, Any],
    queries: Sequence[Example],
    scores: FloatArray,
    progress: Progress = silent,
) -> Agreement:
    """Have `generate` answer the queries as the request says.

    Args:
        request: the part "transformers" of `as_requests`.
        scores: (n, C) icldiag's, with the calibration in force; labels in the order of the biases.

    Raises:
        AnalysisError: an answer is no label, or another than icldiag's though that was clear.
    """
    tokens = [ids[0] for ids, _ in request["generate"]["sequence_bias"]]
    near = TOLERANCE.get(model.dtype, TOLERANCE[torch.float32]) * float(abs(scores).max())
    ties = 0
    for number, (query, row) in enumerate(zip(queries, scores, strict=True)):
        progress("trial on transformers' generate", number, len(queries))
        token = generated_token(model, request, query)
        if token not in tokens:
            raise AnalysisError(
                f"query {number + 1}: generate answers with a token that begins no label, {token}, whatever the "
                "biases; use 'icldiag predict'"
            )
        if tokens.index(token) != int(row.argmax()):
            if row.max() - row[tokens.index(token)] > near:
                raise AnalysisError(
                    f"query {number + 1}: generate answers otherwise than icldiag; its generation_config.json may "
                    "change logits in its own way; use 'icldiag predict'"
                )
            ties += 1
    progress("trial on transformers' generate", len(queries), len(queries))
    return Agreement(len(queries) - ties, ties)


@no_grad
def generated_token(model: InstrumentedModel, request: dict[str, Any], query: Example) -> int:
    """The token that `generate` answers one query with."""
    prompt = with_texts(request["prompt"], query)
    ids = model.tokenizer(prompt, add_special_tokens=request["add_special_tokens"], return_tensors="pt").input_ids
    with model.plain() as plain:
        ids = ids.to(model.device)
        found = plain.generate(ids, attention_mask=torch.ones_like(ids), pad_token_id=0, **request["generate"])
    return int(found[0, -1])
