"""`chat: true`: turns by the tokenizer's chat template, and every span still exact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer

from icldiag.errors import PromptError
from icldiag.model.forward import InstrumentedModel
from icldiag.prompt.encode import encode, query_tokens
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.prompt.write import as_yaml
from icldiag.session import Session
from tests.conftest import tiny_tokenizer, tiny_weights

IM = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HEADERS = (
    "{{ bos_token }}{% for m in messages %}<|start|>{{ m.role }}<|end_header|>\n\n{{ m.content | trim }}<|eot|>"
    "{% endfor %}{% if add_generation_prompt %}<|start|>assistant<|end_header|>\n\n{% endif %}"
)
TURNS = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content.strip() }}"
    "<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
BARE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
DEFAULT_SYSTEM = "{% if messages[0].role != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n{% endif %}" + IM
INST = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'assistant' %} {{ m.content | trim }}<|im_end|>"
    "{% else %}[INST] {{ m.content }} [/INST]{% endif %}{% endfor %}"
)
THINKING = IM.replace("assistant\n{% endif %}", "assistant\n<think>\n\n</think>\n\n{% endif %}")
TEMPLATES = {"im": IM, "headers": HEADERS, "turns": TURNS, "bare": BARE, "default": DEFAULT_SYSTEM, "inst": INST}
SIGNS = ["<|im_start|>", "<|im_end|>", "<|start|>", "<|end_header|>", "<|eot|>", "<start_of_turn>", "<end_of_turn>"]
SIGNS += ["<|user|>", "<|assistant|>", "<|system|>", "[INST]", "[/INST]"]


def chatty(template: str | None) -> Any:
    """The tests' byte-level BPE with the signs of the chat templates as special tokens."""
    inner = Tokenizer.from_str(tiny_tokenizer().backend_tokenizer.to_str())
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<|end|>", bos_token="<|end|>", additional_special_tokens=SIGNS
    )
    tokenizer.chat_template = template
    return tokenizer


@pytest.fixture
def chat(prompt: Prompt) -> Prompt:
    """The tests' prompt as turns; texts and words with spaces at their ends, and one that looks like a sign."""
    return replace(
        prompt,
        chat=True,
        template="Question: {text}\nAnswer Type:{label}",
        labels=(Label("Person", "Person"), Label("Location", " Location"), Label("Number", "Number")),
        demonstrations=(*prompt.demonstrations, Example("  What is <think> \n", 1)),
        queries=(*prompt.queries, Example(" Who ? ", 0)),
    )


def messages(prompt: Prompt, query: str) -> list[dict[str, str]]:
    (before,), between, after = prompt.template_pieces
    made = [] if prompt.instruction is None else [{"role": "system", "content": prompt.instruction}]
    for example in prompt.demonstrations:
        word = prompt.labels[example.label or 0].word
        made += [
            {"role": "user", "content": before + example.text + between},
            {"role": "assistant", "content": word + after},
        ]
    return [*made, {"role": "user", "content": before + query + between}]


def wanted_ids(prompt: Prompt, tokenizer: Any, query: str) -> list[int]:
    """What transformers itself makes of the conversation."""
    text = tokenizer.apply_chat_template(messages(prompt, query), tokenize=False, add_generation_prompt=True)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def covered(encoded: EncodedPrompt, span: tuple[int, int]) -> str:
    return "".join(token.text for token in encoded.tokens[slice(*span)])


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("instruction", [None, "Name the type."])
def test_ids_are_those_of_the_chat_template_and_spans_are_exact(
    chat: Prompt, name: str, instruction: str | None
) -> None:
    if name == "turns" and instruction:
        pytest.skip("refused, see below")
    chat = replace(chat, instruction=instruction)
    tokenizer = chatty(TEMPLATES[name])
    encoded = encode(chat, tokenizer)
    for index, (query, own) in enumerate(zip(chat.queries, encoded.queries, strict=True)):
        ids = [*encoded.prefix, *own.ids]
        assert ids == wanted_ids(chat, tokenizer, query.text)
        assert own.target == len(ids) - 1
        shown = [*encoded.tokens, *query_tokens(encoded, tokenizer, index)]
        written = "".join(token.text for token in shown)
        assert written == tokenizer.apply_chat_template(
            messages(chat, query.text), tokenize=False, add_generation_prompt=True
        )
        text = "".join(token.text for token in shown[slice(*own.text)])
        assert text.strip() == query.text.strip() or not query.text.strip()
    assert len(encoded.demonstrations) == len(chat.demonstrations)
    for example, place in zip(chat.demonstrations, encoded.demonstrations, strict=True):
        assert covered(encoded, place.text).strip() == example.text.strip()
        assert covered(encoded, place.label).strip() == chat.label_names[example.label or 0]
        assert place.span[0] < place.text[0] < place.text[1] <= place.label[0] < place.label[1] <= place.span[1]
        roles = {encoded.tokens[index].role for index in range(*place.label)}
        assert roles == {"label"}
    assert all(token.role == "instruction" for token in encoded.tokens if token.text == " type")


@pytest.mark.parametrize("name", TEMPLATES)
def test_label_words_are_scored_as_the_demonstrations_write_them(chat: Prompt, name: str) -> None:
    """' Location' is trimmed by a chat template that trims, and kept by one that does not."""
    encoded = encode(chat, chatty(TEMPLATES[name]))
    for place in encoded.demonstrations:
        assert encoded.prefix[slice(*place.label)] == encoded.label_tokens[place.label_class]
    assert not encoded.warnings


def test_the_demonstrations_are_shared_by_all_queries(chat: Prompt) -> None:
    encoded = encode(chat, chatty(IM))
    last = encoded.demonstrations[-1].label[1]
    assert len(encoded.prefix) >= last + 2  # the end of the last turn, and its line break
    assert encoded.tokens[last].text == "<|im_end|>"
    assert last in encoded.template


def test_a_generation_prompt_that_differs_is_told(chat: Prompt) -> None:
    encoded = encode(chat, chatty(THINKING))
    assert "asks for the query's label with" in encoded.warnings[0]
    assert "".join(t.text for t in query_tokens(encoded, chatty(THINKING), 0)).endswith("</think>\n\n")


@pytest.mark.parametrize(
    ("template", "instruction", "words"),
    [
        (None, None, "has no chat template; remove 'chat'"),
        (TURNS, "Name it.", "System role not supported; write the instruction into the template"),
        (IM.replace("{{ m.content }}", "{{ m.content | upper }}"), None, "changes the turn"),
        (IM.replace("{{ m.content }}", "{{ m.content }}{{ m.content }}"), None, "leaves out, repeats or reorders"),
        (IM.replace("in messages", "in messages[1:]"), None, "leaves out, repeats or reorders"),
        (IM.replace("in messages", "in messages | reverse"), None, "leaves out, repeats or reorders"),
        (IM.replace("{{ m.content }}", "{{ m.content.replace('the', 'a') }}"), None, "changes the turn"),
        ("{% for", None, "refuses these turns"),
    ],
)
def test_a_chat_template_that_cannot_be_followed_is_refused(
    chat: Prompt, template: str | None, instruction: str | None, words: str
) -> None:
    with pytest.raises(PromptError) as caught:
        encode(replace(chat, instruction=instruction), chatty(template))
    assert words in caught.value.message
    assert caught.value.field == "chat"


@pytest.mark.parametrize("name", ["im", "headers", "bare"])
def test_the_model_answers_as_on_the_plain_text(chat: Prompt, name: str) -> None:
    """Label scores against transformers' own forward on the ids of its own chat template."""
    tokenizer = chatty(TEMPLATES[name])
    weights = tiny_weights("gpt2")
    weights.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model = InstrumentedModel(weights, tokenizer, "chatty")
    prediction = Session(chat, model).prediction()
    encoded = encode(chat, tokenizer)
    first = [ids[0] for ids in encoded.label_tokens]
    for index, query in enumerate(chat.queries):
        with torch.no_grad(), model.plain():
            logits = weights(torch.tensor([wanted_ids(chat, tokenizer, query.text)])).logits[0, -1]
        chances = torch.softmax(logits[first], 0).numpy()
        assert abs(chances - prediction.probabilities[index]).max() < 1e-4


FILE = """\
template: "Question: {text}\\nAnswer Type:{label}"
chat: true
labels: [Person, Location]
instruction: Name the type.
demonstrations:
  - {text: "Who wrote it ?", label: Person}
  - {text: "Where is it ?", label: Location}
queries:
  - {text: "Who ?"}
"""


def test_the_file(tmp_path: Path) -> None:
    path = tmp_path / "prompt.yaml"
    path.write_text(FILE)
    prompt = read_prompt(path)
    assert prompt.chat
    assert [label.word for label in prompt.labels] == ["Person", "Location"]  # a turn begins with no space
    path.write_text(as_yaml(prompt))
    assert read_prompt(path).hash == prompt.hash
    assert "separator" not in path.read_text()
    path.write_text(FILE.replace("chat: true", "chat: true\nseparator: x"))
    with pytest.raises(PromptError, match="a chat prompt has no separator") as caught:
        read_prompt(path)
    assert (caught.value.line, caught.value.field) == (3, "separator")
    path.write_text(FILE.replace("chat: true", "chat: maybe"))
    with pytest.raises(PromptError, match="must be true or false"):
        read_prompt(path)
