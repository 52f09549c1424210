"""Finished prompts without demonstrations: what their texts are told apart from the template by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from icldiag.prompt.shape import Shape, ShapeHints, Split, common_beginning, common_ending
from icldiag.prompt.template import fields_in

ZERO_SHOT = "no demonstrations (zero-shot): examples that stand in an instruction or a text are counted to it"
_FEW = 8  # right answers, of which most must come again to be labels


def is_free_text(golds: Sequence[str]) -> bool:
    """Whether right answers are too many different ones to be labels."""
    return len(golds) >= _FEW and len(set(golds)) > len(golds) / 2


def zero_shot_shape(contexts: Sequence[str], words: Sequence[str] | None, known: ShapeHints) -> Shape | None:
    """The template of prompts that show no examples: what all begin and end with.

    Args:
        contexts: finished prompts, each ending where a label is asked for.
        words: the label words, if they are known.
        known: the opening, the separator, and what each prompt was made from, where they are known.

    Returns:
        None where the texts cannot be told from the template, or what ends the prompts stands earlier too, or two lines
        end with labels, as in prompts that show examples.
    """
    opening = next((one for one in known.openings if all(context.startswith(one) for context in contexts)), "")
    contexts = [context[len(opening) :] for context in contexts]
    before, between = around(contexts)
    if not between:  # the label is asked for in the text's line, as in "fog => "
        tail = common_ending([context[len(before) :] for context in contexts])
        between = tail[tail.find(" ") :] if " " in tail and not tail[-1].isalnum() else ""
    starts, ends = _around_fields(contexts, known.documents)
    if len(set(contexts)) == 1 and not starts:
        return None
    before, between = min(starts, key=len, default=before), min(ends, key=len, default=between)
    if not before and not between.strip():
        return None
    separator = known.separator or ("\n\n" if "\n" in between else "\n")
    shape = Shape(opening, before, between, "", separator, None if words is None else tuple(words))
    return shape if all(_asks_once(shape, opening + context) for context in contexts) else None


def _around_fields(contexts: Sequence[str], documents: Sequence[Mapping[str, str]]) -> tuple[list[str], list[str]]:
    """What stands before, and after, a text of the same name in all prompts."""
    starts: list[str] = []
    ends: list[str] = []
    for name in documents[0] if documents else ():
        pairs = [(document.get(name, ""), context) for document, context in zip(documents, contexts, strict=True)]
        if all(value.strip() and value in context for value, context in pairs):
            before = {context[: context.find(value)] for value, context in pairs}
            after = {context[context.rfind(value) + len(value) :] for value, context in pairs}
            starts += before if len(before) == 1 else ()
            ends += after if len(after) == 1 else ()
    return starts, ends


def around(texts: Sequence[str]) -> tuple[str, str]:
    """What all texts begin and end with: whole lines, or a name with a colon; the rest is the text."""
    head = common_beginning(texts)
    before = head[: max(head.rfind("\n") + 1, head.rfind(": ") + 2 if ": " in head else 0)]
    tail = common_ending([text[len(before) :] for text in texts])
    between = tail[tail.find("\n") :] if "\n" in tail else ""
    if len(set(texts)) == 1 or any(fields_in(piece) for piece in (before, between)):
        return "", ""  # a name in braces there could be taken for a field
    return before, between


def shows_none(splits: Sequence[Split], golds: Sequence[str]) -> bool:
    """Whether what was taken for demonstrations is none, as all right answers are others than their labels."""
    shown = {word.strip() for split in splits for _, word in split.demonstrations}
    return bool(golds) and not shown & set(golds)


def _asks_once(shape: Shape, context: str) -> bool:
    split = shape.split(context)
    sign = shape.between.rstrip()
    alone = not sign or context.count(sign) == 1
    words = tuple(word.strip() for word in shape.words or ())
    answered = sum(line.endswith(words) for line in context.splitlines()) if words else 0
    return split is not None and not split.demonstrations and bool(split.query.strip()) and alone and answered < 2
