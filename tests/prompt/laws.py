"""What the laws of importers draw from, and how they read an answer."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from icldiag.commands.prompt_output import check_round_trip
from icldiag.errors import IcldiagError
from icldiag.prompt.schema import Prompt
from icldiag.prompt.write import as_yaml

CASES = int(os.environ.get("ICLDIAG_LAW_CASES", "60"))  # of each law; docs/reliability.md gives the command
law = settings(
    max_examples=CASES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

#: Words, spaces, and what templates, quotes and tables are made of.
_WORDS = (
    "great dull 1 2 : . , ; \" ' { } {{ }} é {text} {label} {x} positive negative \\n # - 日本語 🙂 % <b> | null No |>"
)
_SPACED = (" ", "  ", "\n", "\n\n", "\t", "\r\n", "\u2028", "\x85", "\x07", "\ufeff", "Review: ", "\nSentiment:", " =>")
PIECES = st.sampled_from([*_WORDS.split(), *_SPACED])
TEXTS = st.lists(PIECES, min_size=1, max_size=5).map("".join)
PLAIN = st.lists(st.sampled_from(["a", "warm", "film", "12", "so-so", "été", "it's"]), min_size=1, max_size=4).map(
    " ".join
)
LABELS = st.sampled_from([" positive", " negative", "\nyes", " No", "1", " very good"])
ROWS = st.lists(st.tuples(TEXTS, LABELS), min_size=1, max_size=5)
SHOTS: st.SearchStrategy[Any] = ROWS | st.just([])  # few-shot, or none


def refused(make: Callable[[], Any]) -> Any:
    """What is made, or None where it was refused as a person is told."""
    try:
        made = make()
    except IcldiagError as error:
        assert str(error)
        assert "\n" not in str(error)
        return None
    return made


def is_a_file(prompt: Prompt) -> bool:
    """Whether the prompt can be written; `check_round_trip` refuses what would be read back otherwise."""

    def write_it() -> bool:
        check_round_trip(as_yaml(prompt), prompt)
        return True

    return refused(write_it) is not None


def pasted(before: str, between: str, after: str, separator: str, opening: str, rows: list[Any], query: str) -> str:
    shown = "".join(before + text + between + word + after + separator for text, word in rows)
    return opening + shown + before + query + between
