"""Chat templates that come to no end, or write without measure, are one sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from icldiag.errors import PromptError
from icldiag.prompt.chat import chat_parts
from icldiag.prompt.chat_trial import endless
from icldiag.prompt.schema import Prompt

MESSAGES = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
USUAL = "{% for m in messages %}{{ bos_token }}{{ m.content }}{% generation %}{% endgeneration %}{% endfor %}"
ENDING = (USUAL, "{{ raise_exception('no') }}", "{{ nosuch.x.y }}", "{% for", "{{ 1 / 0 }}")


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "comes to no end"),
        ("{{ (messages|length + 7) ** (10 ** 9) }}", "comes to no end"),
        ("{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}", "far more than the turns"),
        ("{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}", "far more"),
        ("{{ 'x' * 10 ** 10 }}", "far more than the turns"),
        ("{{ 'x' | center(10 ** 10) }}", "far more than the turns"),
        ("{{ raise_exception('no') }}{{ 'x' | indent(10 ** 9) }}", "far more"),  # computed before it is reached
        ("{% if false %}{{ 'x' * 10 ** 10 }}{% endif %}", "far more"),
    ],
)
def test_what_is_endless(template: str, words: str) -> None:
    assert words in str(endless(template, MESSAGES, {}))


@pytest.mark.parametrize("template", ENDING)
def test_what_ends_however_is_left_to_the_real_rendering(template: str) -> None:
    assert endless(template, MESSAGES, {"bos_token": "<s>", "other": ["x"]}) is None


class Endless:
    """A tokenizer whose template must not be rendered."""

    chat_template = "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}"
    special_tokens_map: dict[str, Any] = {}  # noqa: RUF012

    def apply_chat_template(self, *_: Any, **__: Any) -> str:
        raise AssertionError("rendered")


def test_a_prompt_in_turns(prompt: Prompt) -> None:
    with pytest.raises(PromptError, match="the model's chat template cannot be used: it writes or needs far more"):
        chat_parts(replace(prompt, chat=True), Endless())
