"""A prompt's answers from a server that chooses one token of its whole vocabulary.

icldiag's answer is the label with the greatest z(y) + b(y), where z is the logit of the label word's first token and b
is the calibration, or nothing. A server that adds B(v) to the logit of every token v, and takes the greatest, answers
the same if B(y) = b(y) + c for the labels' tokens and 0 for all others, and c lifts the labels above those. APIs take
biases up to 100: c is what brings the greatest B there, so that the labels are lifted as far as they can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from icldiag.clients.text import PLACEHOLDER, messages_with_placeholder, text_with_placeholder, with_texts
from icldiag.errors import AnalysisError
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.schema import Prompt
from icldiag.prompt.template import in_braces
from icldiag.quoting import listed, quoted
from icldiag.version import __version__

LIMIT = 100.0  # of a bias, either way, in the API that OpenAI defined and others took over
_DIGITS = 6
_EITHER = (True, False)
_USE = "'icldiag predict' and icldiag.Classifier answer with it"


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
    def sequence_bias(self) -> list[list[Any]]:
        """As `generate` of transformers takes it: [[[token], bias], ...]."""
        return [[[token], bias] for token, bias in zip(self.tokens, self.biases, strict=True)]


def logit_bias(encoded: EncodedPrompt, tokenizer: Any) -> LogitBias:
    """The biases that give this prompt's answers.

    Raises:
        AnalysisError: no bias can: a re-weighting or a retrieval is in force, the calibration does more than add a
            number to each label's score, these numbers lie further apart than an API takes, or a label's tokens are
            scored together.
    """
    prompt = encoded.prompt
    require_text_alone(prompt)
    if not adds_alone(prompt.calibration):
        assert prompt.calibration is not None
        raise AnalysisError(
            f"the {prompt.calibration.kind} calibration multiplies scores, which no bias of logits does; take a "
            f"contextual, domain-context or batch one; {_USE} as it is"
        )
    long = [label.name for label, ids in zip(prompt.labels, encoded.label_tokens, strict=True) if len(ids) > 1]
    if prompt.scoring in ("per_byte", "pmi"):
        raise AnalysisError(
            f"'scoring: {prompt.scoring}' does more to scores than a server's bias does; set 'scoring: first' if that "
            f"answers as well; {_USE} as it is"
        )
    if prompt.scoring == "terminated" or (prompt.whole_words and long):
        raise AnalysisError(
            f"a server's one token cannot score label words of several tokens ({listed(long) or prompt.scoring}); "
            f"write words of one token, or set 'scoring: first' if that answers as well; {_USE} as it is"
        )
    own = _own_biases(prompt)
    offset = LIMIT - max(own)
    biases = tuple(round(bias + offset, _DIGITS) for bias in own)
    if min(biases) < -LIMIT:
        raise AnalysisError(f"the calibration moves labels by more than a bias may ({2 * LIMIT:g}); {_USE}")
    tokens = tuple(ids[0] for ids in encoded.label_tokens)
    words = tuple(tokenizer.decode([token], clean_up_tokenization_spaces=False).strip() for token in tokens)
    if len(set(words)) < len(words):
        raise AnalysisError(
            f"the labels' first tokens look alike as text ({listed(map(quoted, words))}), so a server's answer does "
            f"not tell them apart; write other label words; {_USE} as it is"
        )
    return LogitBias(prompt.label_names, tokens, words, biases)


def require_text_alone(prompt: Prompt) -> None:
    """Raise AnalysisError where answers come of more than one text for all queries: a re-weighting, a retrieval."""
    if prompt.retrieval is not None:
        raise AnalysisError(f"each query is shown examples of its own, which one text cannot hold; {_USE}")
    if prompt.beta is not None:
        raise AnalysisError(f"a re-weighting scales attention, which other programs do not; {_USE}")


def adds_alone(calibration: Calibration | None) -> bool:
    """Whether all that a calibration does is to add a number to each label's score."""
    return calibration is None or (calibration.scale is None and calibration.matrix is None)


def _own_biases(prompt: Prompt) -> list[float]:
    """What the calibration adds to each label's logit."""
    return [0.0] * len(prompt.labels) if prompt.calibration is None else list(prompt.calibration.bias)


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
        f"tokenizer_config.json, or trim the text; {_USE} as it is"
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
