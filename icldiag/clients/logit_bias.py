"""The biases that give a prompt's answers, as requests to clients; why, is in `analyses/search/biases.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from icldiag.analyses.search.biases import USE, label_biases
from icldiag.clients.text import PLACEHOLDER, messages_with_placeholder, text_with_placeholder, with_texts
from icldiag.errors import AnalysisError
from icldiag.model.readout import FloatArray
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.schema import Prompt
from icldiag.prompt.template import in_braces
from icldiag.quoting import listed, quoted
from icldiag.version import __version__

_EITHER = (True, False)


@dataclass(frozen=True)
class LogitBias:
    """For C labels in the prompt's order: the token that answers with each, what it looks like, and its bias."""

    labels: tuple[str, ...]
    tokens: tuple[int, ...]
    words: tuple[str, ...]  # the token's text without spaces around it, as servers may or may not write them
    biases: tuple[float, ...]  # in logits, at most `LIMIT`

    @property
    def by_token(self) -> dict[str, float]:
        """As JSON APIs take it."""
        return {str(token): bias for token, bias in zip(self.tokens, self.biases, strict=True)}

    @property
    def whole(self) -> dict[str, int]:
        """As OpenAI's own API documents them, in whole numbers; see `kept_by_whole`."""
        return {token: round(bias) for token, bias in self.by_token.items()}

    def kept_by_whole(self, scores: FloatArray) -> int:
        """How many answers stay where the biases are rounded, by label scores (n, C) with the exact ones in them."""
        rounded = scores + np.array([round(bias) - bias for bias in self.biases])
        return int((rounded.argmax(1) == scores.argmax(1)).sum())

    @property
    def sequence_bias(self) -> list[list[Any]]:
        """As `generate` of transformers takes it: [[[token], bias], ...]."""
        return [[[token], bias] for token, bias in zip(self.tokens, self.biases, strict=True)]


def logit_bias(encoded: EncodedPrompt, tokenizer: Any) -> LogitBias:
    """The biases that give this prompt's answers.

    Raises:
        AnalysisError: no bias can, see `label_biases`, or the labels' tokens look alike.
    """
    prompt = encoded.prompt
    found = label_biases(prompt, encoded.label_tokens)
    tokens = tuple(found)
    words = tuple(tokenizer.decode([token], clean_up_tokenization_spaces=False).strip() for token in tokens)
    if len(set(words)) < len(words):
        raise AnalysisError(
            f"the labels' first tokens look alike as text ({listed(map(quoted, words))}), so a server's answer does "
            f"not tell them apart; write other label words; {USE} as it is"
        )
    return LogitBias(prompt.label_names, tokens, words, tuple(found.values()))


def adds_special_tokens(encoded: EncodedPrompt, tokenizer: Any, text: str) -> bool:
    """Whether a client has its tokenizer add special tokens to the prompt's text, as clients do if not told.

    Args:
        text: the prompt with `PLACEHOLDER` for the query.

    Raises:
        AnalysisError: the tokenizer makes other ids of the text than icldiag asks the model with, either way.
    """
    asked = [[*encoded.prefix, *query.ids] for query in encoded.queries]
    texts = [with_texts(text, query) for query in encoded.prompt.queries]
    made = {special: tokenizer(texts, add_special_tokens=special, verbose=False)["input_ids"] for special in _EITHER}
    for special in _EITHER:
        if made[special] == asked:
            return special
    query = next(number for number, ids in enumerate(asked) if ids not in (made[True][number], made[False][number]))
    raise AnalysisError(
        f"query {query + 1}: a client's tokenizer makes other tokens of this prompt's text than icldiag asks with "
        "(an end-of-text token added, or spaces around the text that the chat template trims); switch that off in "
        f"tokenizer_config.json, or trim the text; {USE} as it is"
    )


def _signs(prompt: Prompt) -> dict[str, Any]:
    """What stands in the requests for a text, or for each of several."""
    if len(prompt.fields) == 1:
        return {"placeholder": PLACEHOLDER}
    return {"placeholders": {name: in_braces([name]) for name in prompt.fields}}


def as_requests(bias: LogitBias, encoded: EncodedPrompt, tokenizer: Any, model: str, answers: list[str]) -> Any:
    """What each client is sent, as a JSON value: with `PLACEHOLDER` in it where a text's own goes.

    Args:
        answers: icldiag's own, to the prompt's queries.
    """
    prompt = encoded.prompt
    text = text_with_placeholder(prompt, tokenizer)
    special = adds_special_tokens(encoded, tokenizer, text)
    opening = tokenizer.bos_token or "\0"
    greedy = {"max_tokens": 1, "temperature": 0, "logit_bias": bias.by_token}
    asked: dict[str, Any] = {
        "icldiag": __version__,
        "prompt": prompt.name,
        **_signs(prompt),
        "labels": dict(zip(bias.words, bias.labels, strict=True)),
        "tokens": dict(zip(map(str, bias.tokens), bias.labels, strict=True)),
        "whole_numbers": bias.whole,
        "openai": {"model": model, "prompt": text, **greedy},
        "vllm": {"model": model, "prompt": text, "add_special_tokens": special, "repetition_penalty": 1.0, **greedy},
        "llama.cpp": {
            "prompt": text if special else text.removeprefix(opening),  # it begins a text with the model's own
            "n_predict": 1,
            "temperature": 0,
            "repeat_penalty": 1.0,
            "logit_bias": [[token, value] for token, value in zip(bias.tokens, bias.biases, strict=True)],
        },
        "transformers": {
            "prompt": text,
            "add_special_tokens": special,
            "generate": {
                "max_new_tokens": 1,
                "do_sample": False,
                "repetition_penalty": 1.0,
                "sequence_bias": bias.sequence_bias,
            },
        },
    }
    if prompt.chat:
        asked["chat"] = {"model": model, "messages": messages_with_placeholder(prompt), **greedy}
    asked["expected"] = [
        {
            **dict(query.fields or (("text", query.text),)),
            "prompt_tokens": len(encoded.prefix) + len(ids.ids),
            "answer": answer,
        }
        for query, ids, answer in zip(prompt.queries, encoded.queries, answers, strict=True)
    ]
    asked["expected"][0]["tokens"] = [*encoded.prefix, *encoded.queries[0].ids]
    return asked
