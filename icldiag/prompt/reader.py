"""What of a model the encoding of a prompt depends on: its tokenizer, its window, and which tokens it knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from icldiag.errors import PromptError

if TYPE_CHECKING:
    from icldiag.prompt.encoded_prompt import EncodedPrompt


class Reader(NamedTuple):
    """The arguments of `encode` that a model gives."""

    tokenizer: Any
    context_window: int | None  # tokens
    embeddings: int | None  # tokens that the model has numbers for; None where it is not known

    @property
    def notes(self) -> list[str]:
        """What a user should know of tokenizer and model together."""
        tokens = len(self.tokenizer)
        if self.embeddings is None or tokens <= self.embeddings:
            return []
        return [
            f"the tokenizer has {tokens} tokens and the model embeddings for {self.embeddings}: a prompt that needs "
            "one of the others is refused"
        ]


def require_embeddings(encoded: EncodedPrompt, tokenizer: Any, embeddings: int | None) -> None:
    """Raise PromptError where the prompt or a label word needs a token that the model has no embedding for."""
    if embeddings is None:
        return
    for field, ids in _ids(encoded):
        unknown = next((token for token in ids if token >= embeddings), None)
        if unknown is not None:
            raise PromptError(
                f"the token {tokenizer.decode([unknown])!r} ({unknown}) has no embedding: the model has {embeddings}, "
                "its tokenizer more; write it another way, or take the tokenizer that belongs to the model",
                path=encoded.prompt.path,
                field=field,
            )


def _ids(encoded: EncodedPrompt) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Token ids, by the field of the prompt that they come from."""
    reached = 0
    for index, demonstration in enumerate(encoded.demonstrations):
        start, stop = demonstration.span
        yield "template", encoded.prefix[reached:start]
        yield f"demonstrations[{index}]", encoded.prefix[start:stop]
        reached = stop
    yield "template", encoded.prefix[reached:]
    for index, query in enumerate(encoded.queries):
        yield f"queries[{index}]", query.ids
    for label, tokens in zip(encoded.prompt.labels, encoded.label_tokens, strict=True):
        yield f"labels.{label.name}", tokens
