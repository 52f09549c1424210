"""Finished few-shot prompts as text, each with another query -> `Prompt`, the template inferred from all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from icldiag.errors import PromptError
from icldiag.prompt.conversation import refuse_turns
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.prompt.shape import Shape, ShapeHints, Split, infer
from icldiag.prompt.spaces import changed_line_ends, plain_lines
from icldiag.prompt.zero_shot import ZERO_SHOT, is_free_text, shows_none, zero_shot_shape
from icldiag.quoting import listed, quoted


@dataclass(frozen=True)
class Context:
    """One prompt as the model got it, up to where it answers; `texts` are what was filled in, by name."""

    text: str
    gold: str | None = None
    id: str | None = None
    texts: dict[str, str] = field(default_factory=dict)


def prompt_of(found: Sequence[Context], path: Path, more_labels: Sequence[str] = ()) -> Prompt:
    """The prompt that writes every one of these texts, but for what `changes` says.

    Raises:
        PromptError: no template explains them all, their demonstrations differ, or their labels are none.
    """
    for one in found:
        refuse_turns(one.text, path)
    contexts = [_without_end(plain_lines(one.text) if _of_windows(one.text) else one.text) for one in found]
    golds = [one.gold.strip() for one in found if one.gold is not None and one.gold.strip()]
    known = ShapeHints(documents=tuple(one.texts for one in found))
    shape = infer(contexts, None, known)
    if shape is None or shows_none(_splits(shape, contexts), golds):
        shape = zero_shot_shape(contexts, None, known) or shape
    parts = [] if shape is None else _splits(shape, contexts)
    if shape is None or len(parts) < len(contexts):
        raise PromptError(
            "no demonstrations can be told apart in these prompts: each must show examples, and end as they do before "
            "their labels, or be one template with another text and no examples",
            path=path,
        )
    shown = parts[0].demonstrations
    other = next((place for place, split in enumerate(parts) if split.demonstrations != shown), 0)
    if other:
        raise PromptError(f"prompt {other + 1} shows other demonstrations than the first", path=path)
    words = list(dict.fromkeys(word for _, word in shown))
    if len(words) == 1 and not more_labels:  # what looks like a label may be a part of the only example
        raise PromptError(f"all demonstrations have the label {quoted(words[0])}; name others with --labels", path=path)
    if not shown and is_free_text(golds):
        raise PromptError("the right answers are free text, so there are no labels to compare", path=path)
    if not shown and len({*golds, *more_labels}) < 2:
        told = "the prompts show no examples (zero-shot) and fewer than two different right answers"
        raise PromptError(f"{told}; name the labels with --labels a,b", path=path)
    space = words[0][: len(words[0]) - len(words[0].lstrip())] if words else (_end(found[0].text) or " ")
    words = list(dict.fromkeys([*words, *(space + name for name in (*more_labels, *golds))]))
    names = [word.strip() for word in words]
    if len(set(names)) < max(2, len(names)):
        raise PromptError(f"the labels are no two different words: {listed(map(quoted, words))}", path=path)
    instruction, instruction_separator = shape.instruction
    prompt = Prompt(
        name=path.stem,
        template=shape.template(path),
        separator=shape.separator,
        labels=tuple(map(Label, names, words)),
        demonstrations=tuple(Example(text, words.index(word)) for text, word in shown),
        queries=tuple(
            Example(split.query, names.index(one.gold.strip()) if one.gold and one.gold.strip() else None, one.id)
            for split, one in zip(parts, found, strict=True)
        ),
        instruction=instruction,
        instruction_separator=instruction_separator,
        path=path,
    )
    for number, (query, context) in enumerate(zip(prompt.queries, contexts, strict=True), start=1):
        if prompt.written(query) != context:
            raise PromptError(f"prompt {number} cannot be written exactly", path=path)
    return prompt


def _splits(shape: Shape, contexts: Sequence[str]) -> list[Split]:
    return [split for context in contexts if (split := shape.split(context)) is not None]


def changes(found: Sequence[Context], prompt: Prompt) -> Iterator[str]:
    """How what the prompt writes differs from these texts, in words."""
    if any(_of_windows(one.text) for one in found):
        yield from changed_line_ends("\r\n")
    if not prompt.demonstrations:
        yield ZERO_SHOT
    ends = dict.fromkeys(end for one in found if (end := _end(one.text)))
    if ends:
        yield f"left out at the end, as the model answers before it: {listed(map(quoted, ends))}"


def _without_end(text: str) -> str:
    return text.rstrip("\r\n").rstrip(" \t")


def _end(text: str) -> str:
    return text[len(_without_end(text)) :]


def _of_windows(text: str) -> bool:
    """Whether all lines end as in files of Windows, the template's with them; a text alone keeps its own."""
    return 0 < text.count("\n") == text.count("\r\n")
