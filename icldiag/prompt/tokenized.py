"""Texts as a tokenizer cuts them, with the characters that each token covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from icldiag.errors import ModelError
from icldiag.foreign_errors import is_failure, reason_of
from icldiag.prompt.encoded_prompt import Span


@dataclass(frozen=True)
class Tokenized:
    ids: list[int]
    offsets: list[Span]  # characters
    special: list[bool]

    def span(self, start: int, stop: int) -> Span:
        """Tokens that overlap the characters [start, stop); empty where there are none."""
        places = zip(self.offsets, self.special, strict=True)
        inside = [at for at, ((left, right), own) in enumerate(places) if not own and left < stop and right > start]
        return (inside[0], inside[-1] + 1) if inside else (0, 0)


def tokenize(tokenizer: Any, texts: Sequence[str], in_turns: bool) -> list[Tokenized]:
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(
            f"the tokenizer {type(tokenizer).__name__} gives no character offsets, so spans cannot be exact; "
            "use the model's fast tokenizer (tokenizer.json)"
        )
    begun = bool(tokenizer.bos_token) and texts[0].startswith(tokenizer.bos_token)
    try:
        batch = tokenizer(
            list(texts),
            add_special_tokens=not (in_turns or begun),  # the text has its own
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            verbose=False,
        )
    except BaseException as error:
        if not is_failure(error):
            raise
        raise ModelError(
            f"the model's tokenizer fails on this prompt ({reason_of(error)}); fetch its tokenizer.json again"
        ) from error
    result = []
    for ids, offsets, special in zip(
        batch["input_ids"], batch["offset_mapping"], batch["special_tokens_mask"], strict=True
    ):
        # A user's text may spell a special token; only those that the tokenizer added stand for no characters.
        added = [bool(flag) and left == right for flag, (left, right) in zip(special, offsets, strict=True)]
        kept = len(ids)
        while kept and added[kept - 1]:  # an end-of-sequence token would hide the target position
            kept -= 1
        result.append(Tokenized(list(ids[:kept]), [(a, b) for a, b in offsets[:kept]], added[:kept]))
    return result
