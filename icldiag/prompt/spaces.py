"""Two spaces where one was meant: before a label word."""

from __future__ import annotations

from collections.abc import Iterator

from icldiag.prompt.schema import Prompt

_BLANKS = (" ", "\t")


def space_warnings(prompt: Prompt) -> Iterator[str]:
    """Where a blank of the template meets the label word's own: tokenizers have other tokens for two than for one."""
    words = [label.word for label in prompt.labels if label.word.startswith(_BLANKS)]
    if not words:
        return
    for name, template in (("template", prompt.template), ("query template", prompt.query_template)):
        before = template and template.partition("{label}")[0]
        if before and before.endswith(_BLANKS):
            end = (before.rstrip(" \t").rsplit(maxsplit=1) or [""])[-1]
            yield (
                f"the {name} has a space before {{label}}, and the label word {words[0]!r} brings its own: the model "
                f"reads two; write {end + '{label}'!r}"
            )
