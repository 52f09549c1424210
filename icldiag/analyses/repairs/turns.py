"""Candidate: the same prompt as turns of the model's own chat template, which instruct models are tuned to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from icldiag.analyses.search.repair import Repair, change
from icldiag.analyses.search.search import Search
from icldiag.prompt.edit import as_chat


def turns(search: Search) -> Iterator[Repair]:
    """Nothing where the prompt is a chat already, or the model has no chat template."""
    prompt = search.prompt
    if prompt.chat or not getattr(search.model.tokenizer, "chat_template", None):
        return
    asked = replace(prompt, retrieval=None)  # which chats do not have
    yield change("chat", "the model's chat template", as_chat(asked), "chat template")
