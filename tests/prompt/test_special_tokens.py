"""What of tokenization is told: special tokens in texts and at the beginning, and many labels alike in one line."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Example, Label, Prompt
from tests.conftest import tiny_tokenizer


def told(prompt: Prompt) -> list[str]:
    return list(encode(prompt, tiny_tokenizer()).warnings)


def test_special_tokens_in_texts_are_one_line(prompt: Prompt) -> None:
    assert not any("special token" in one for one in told(prompt))
    queries = tuple(Example(f"Who <|end|> {number} ?", None) for number in range(5))
    (line,) = [one for one in told(replace(prompt, queries=queries)) if "special token" in one]
    assert line.startswith("'<|end|>' in 5 texts (query 1, query 2, query 3 and 2 more) is read as a special token")


def test_a_doubled_beginning(prompt: Prompt) -> None:
    tokenizer = deepcopy(tiny_tokenizer())  # others use the same
    begun = replace(prompt, instruction="<|end|>Say it.")
    assert not any("add_special_tokens" in one for one in encode(begun, tokenizer).warnings)  # this one adds none
    from tokenizers.processors import TemplateProcessing

    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|end|> $A", special_tokens=[("<|end|>", tokenizer.bos_token_id)]
    )
    encoded = encode(begun, tokenizer)
    (line,) = [one for one in encoded.warnings if "add_special_tokens" in one]
    assert line.startswith("the prompt begins with '<|end|>', and the tokenizer adds one too: icldiag reads one")
    assert encoded.prefix[:2].count(tokenizer.bos_token_id) == 1
    assert not any("add_special_tokens" in one for one in encode(prompt, tokenizer).warnings)


def test_many_labels_alike_are_one_line(prompt: Prompt) -> None:
    labels = [*prompt.labels, *(Label(f"{word} sea", f" {word} sea") for word in ("the", "slow", "lovely", "last"))]
    lines = [one for one in told(replace(prompt, labels=tuple(labels), scoring="whole")) if "same token" in one]
    assert lines == [
        "4 labels ('the sea', 'slow sea', 'lovely sea', ...) end with the same token: their anchors carry the same word"
    ]
