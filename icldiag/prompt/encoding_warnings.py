"""What a user should know about how a model's tokenizer cuts their prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from icldiag.prompt.encoded_prompt import EncodedDemonstration
from icldiag.prompt.schema import Prompt
from icldiag.prompt.spaces import space_warnings
from icldiag.prompt.template import warnings_of

_NAMED = 3  # pairs of labels in a warning


def encoding_warnings(
    prompt: Prompt,
    demonstrations: Sequence[EncodedDemonstration],
    label_tokens: Sequence[tuple[int, ...]],
    ids: Sequence[int],
) -> tuple[str, ...]:
    warnings = []
    shown = {demonstration.label_class for demonstration in demonstrations}
    missing = [label.name for index, label in enumerate(prompt.labels) if index not in shown]
    if missing:
        warnings.append(f"no demonstration of {', '.join(missing)}: without a label anchor it is rarely predicted")
    for number, demonstration in enumerate(demonstrations, start=1):
        start, stop = demonstration.label
        if tuple(ids[start:stop]) != label_tokens[demonstration.label_class]:
            name = prompt.labels[demonstration.label_class].name
            warnings.append(
                f"the label word of {name!r} is tokenized differently in demonstration {number} than after a query"
            )
    if prompt.anchor != "all":
        end, verb = (0, "begin") if prompt.anchor == "first" else (-1, "end")
        for j, tokens in enumerate(label_tokens):
            for i in range(j):
                if tokens[end] == label_tokens[i][end]:
                    warnings.append(
                        f"{prompt.labels[i].name!r} and {prompt.labels[j].name!r} {verb} with the same token: "
                        "their anchors carry the same word"
                    )
    if prompt.scoring == "whole":
        warnings += _never_chosen(prompt, label_tokens)
    warnings += space_warnings(prompt)
    return (*warnings, *warnings_of(prompt.template, prompt.instruction, prompt.fields))


def _never_chosen(prompt: Prompt, label_tokens: Sequence[tuple[int, ...]]) -> Iterator[str]:
    """A word whose tokens begin with another's is at most as probable as that: scored whole, it never wins."""
    classes = {tokens: label.name for tokens, label in zip(label_tokens, prompt.labels, strict=True)}
    pairs = [
        (label.name, classes[tokens[:count]])
        for tokens, label in zip(label_tokens, prompt.labels, strict=True)
        for count in range(1, len(tokens))
        if tokens[:count] in classes
    ]
    if pairs:
        told = ", ".join(f"{longer!r} begins with the tokens of {shorter!r}" for longer, shorter in pairs[:_NAMED])
        more = f", and so do {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else ""
        which = "the longer" if len(pairs) == 1 else "each longer one"
        yield (
            f"{told}{more}: scored whole, {which} can never be more probable and is never predicted without a "
            "calibration; set 'scoring: terminated', which scores what ends a label too, or write label words of which "
            "none begins another"
        )
