"""What the harness counted, and which scoring here counts the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from icldiag.prompt.lm_eval.log import Document


def metric_notes(documents: Sequence[Document]) -> Iterator[str]:
    """The harness's acc and acc_norm over these documents, if both are logged."""
    if not all({"acc", "acc_norm"} <= set(document.metrics) for document in documents):
        return
    acc, norm = (float(np.mean([one.metrics[name] for one in documents])) for name in ("acc", "acc_norm"))
    alike = all(_by_bytes(one) == bool(one.metrics["acc_norm"]) for one in documents if one.gold is not None)
    how = "'scoring: per_byte'" if alike else "counted otherwise than by any scoring here"
    yield f"lm-eval's acc is {acc:.2f} ('scoring: whole'), its acc_norm {norm:.2f} ({how})"


def _by_bytes(document: Document) -> bool:
    """Whether the answer with the highest log-likelihood per byte is right."""
    rates = [score / len(word.strip().encode()) for score, word in zip(document.scores, document.answers, strict=True)]
    return document.answers[int(np.argmax(rates))] == document.gold
