"""Special tokens where a user may not expect them: twice at the beginning, or spelled by a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from icldiag.counting import counted
from icldiag.prompt.parts import Parts, text_of
from icldiag.prompt.schema import Prompt
from icldiag.quoting import quoted

_NAMED = 3  # places in a warning


def special_token_warnings(prompt: Prompt, parts: Parts, tokenizer: Any) -> Iterator[str]:
    """Each kind in one line, with what to do."""
    begins = tokenizer.bos_token
    written = text_of((*parts.shown, *parts.queries[0]))
    if begins and written.startswith(begins) and _adds(tokenizer, begins):
        who = "the chat template writes" if parts.in_turns else "the prompt begins with"
        yield (
            f"{who} {begins!r}, and the tokenizer adds one too: icldiag reads one, and code of yours that tokenizes "
            "this text reads two, unless it says add_special_tokens=False"
        )
    for token in dict.fromkeys(tokenizer.all_special_tokens):
        places = [f"demonstration {n}" for n, one in enumerate(prompt.demonstrations, start=1) if token in one.text]
        places += [f"query {n}" for n, one in enumerate(prompt.queries, start=1) if token in one.text]
        if token and places and _is_one(tokenizer, token):
            named = ", ".join(places[:_NAMED])
            more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
            yield (
                f"{quoted(token)} in {counted(len(places), 'text')} ({named}{more}) is read as a special token and not "
                "as these characters; take it out of the data, or write it another way"
            )


def _adds(tokenizer: Any, token: str) -> bool:
    ids = tokenizer("a", verbose=False)["input_ids"]
    return bool(ids) and ids[0] == tokenizer.convert_tokens_to_ids(token)


def _is_one(tokenizer: Any, token: str) -> bool:
    """Whether its characters make the token itself."""
    ids = tokenizer(token, add_special_tokens=False, verbose=False)["input_ids"]
    return list(ids) == [tokenizer.convert_tokens_to_ids(token)]
