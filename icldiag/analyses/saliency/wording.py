"""What a share of the flow is counted by: whose loss, and which tokens of label words."""

from __future__ import annotations

from icldiag.prompt.encoded_prompt import EncodedPrompt

LOSSES = {"gold": "the gold label", "predicted": "the predicted label"}
MIXED = "the gold label, or the predicted one where gold is unknown"


def in_words(anchor: str) -> str:
    """Which tokens of a label word are its anchors."""
    return {"first": "their first tokens alone", "last": "their last tokens alone", "all": "all their tokens"}[anchor]


def counted_tokens(encoded: EncodedPrompt) -> str:
    """The same in brackets, where not all tokens of label words count."""
    lengths = [(stop - start, len(one.anchors)) for one in encoded.demonstrations for start, stop in [one.label]]
    return f" ({in_words(encoded.prompt.anchor)})" if any(length > count for length, count in lengths) else ""
