"""Spaces that were not meant: two before a label word, one behind it, and line ends of other systems."""

from __future__ import annotations

from collections.abc import Iterator

from icldiag.prompt.schema import Prompt
from icldiag.quoting import quoted

_BLANKS = (" ", "\t")


def plain_lines(text: str) -> str:
    """Line ends of Windows, and of what cut one in two, as Python's own text files read them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def changed_line_ends(text: str) -> Iterator[str]:
    """That `plain_lines` changes this text, in words."""
    windows, single = "\r\n" in text, "\r" in text.replace("\r\n", "")
    ends = " and ".join(shown for shown, there in (("\\r\\n", windows), ("\\r", single)) if there)
    if ends:
        yield f"line ends {ends} are written as \\n"


def space_warnings(prompt: Prompt) -> Iterator[str]:
    """Where a blank of the template meets the label word's own: tokenizers have other tokens for two than for one."""
    yield from _own_blanks(prompt)
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


def _own_blanks(prompt: Prompt) -> Iterator[str]:
    """Label words that begin with two blanks, as a list that writes the space itself makes them, or end with one."""
    doubled = [label.word for label in prompt.labels if label.word[:2].isspace() and len(label.word) > 1]
    if doubled:
        bare, count = doubled[0].lstrip(" \t"), len(doubled[0]) - len(doubled[0].lstrip(" \t"))
        yield (
            f"the label word {quoted(doubled[0])} begins with {count} spaces{_more(doubled)}; a list of labels writes "
            f"one before each name (in a chat none), so write {quoted(bare)} there"
        )
    ended = [label.word for label in prompt.labels if label.word.endswith(_BLANKS)]
    if ended:
        told = f"the label word {quoted(ended[0])} ends with a space{_more(ended)}, which is scored as a part of it"
        yield f"{told}; write {quoted(ended[0].rstrip())}"


def _more(words: list[str]) -> str:
    return f", and so do {len(words) - 1} more" if len(words) > 1 else ""
