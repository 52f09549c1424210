"""What a user should know about how a model's tokenizer cuts their prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from icldiag.prompt.encoded_prompt import EncodedDemonstration, outscored
from icldiag.prompt.same_texts import same_text_warnings
from icldiag.prompt.schema import Prompt
from icldiag.prompt.spaces import space_warnings
from icldiag.prompt.template import warnings_of
from icldiag.quoting import listed

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
    if missing and shown:
        warnings.append(f"no demonstration of {listed(missing)}: without a label anchor it is rarely predicted")
    warnings += _other_forms(prompt, demonstrations, label_tokens, ids)
    if prompt.anchor != "all":
        warnings += _same_anchors(prompt, label_tokens)
    if prompt.retrieval is not None:
        warnings.append(
            f"each query is shown up to {prompt.retrieval.count} examples of its own, chosen by BM25; every analysis "
            "counts them to the query's text, and its demonstrations are those that all queries share"
        )
    if prompt.per_query:
        warnings.append(
            "queries have demonstrations of their own; every analysis counts them to the query's text, and its "
            "demonstrations are those that all queries share"
        )
    warnings += _never_chosen(prompt, label_tokens)
    warnings += same_text_warnings(prompt)
    warnings += space_warnings(prompt)
    return (*warnings, *warnings_of(prompt.template, prompt.instruction, prompt.fields))


def _other_forms(
    prompt: Prompt,
    demonstrations: Sequence[EncodedDemonstration],
    label_tokens: Sequence[tuple[int, ...]],
    ids: Sequence[int],
) -> Iterator[str]:
    """Classes whose word has other tokens in a demonstration than where it is scored."""
    found: dict[int, list[int]] = {}
    for number, demonstration in enumerate(demonstrations, start=1):
        if tuple(ids[slice(*demonstration.label)]) != label_tokens[demonstration.label_class]:
            found.setdefault(demonstration.label_class, []).append(number)
    for label, numbers in list(found.items())[:_NAMED]:
        told = ", ".join(map(str, numbers[:_NAMED])) + (" and others" if len(numbers) > _NAMED else "")
        yield (
            f"the label word of {prompt.labels[label].name!r} is tokenized differently in demonstration"
            f"{'s' if len(numbers) > 1 else ''} {told} than after a query"
        )
    if len(found) > _NAMED:
        yield f"and so are the label words of {len(found) - _NAMED} more classes"


def _same_anchors(prompt: Prompt, label_tokens: Sequence[tuple[int, ...]]) -> Iterator[str]:
    """Labels whose anchors are the same token, all of one token in a line."""
    end, verb = (0, "begin") if prompt.anchor == "first" else (-1, "end")
    found: dict[int, list[str]] = {}
    for label, tokens in zip(prompt.labels, label_tokens, strict=True):
        found.setdefault(tokens[end], []).append(label.name)
    for names in (names for names in found.values() if len(names) > 1):
        told = " and ".join(map(repr, names))
        if len(names) > 2:
            more = ", ..." if len(names) > _NAMED else ""
            told = f"{len(names)} labels ({', '.join(map(repr, names[:_NAMED]))}{more})"
        yield f"{told} {verb} with the same token: their anchors carry the same word"


def _never_chosen(prompt: Prompt, label_tokens: Sequence[tuple[int, ...]]) -> Iterator[str]:
    names = prompt.label_names
    pairs = [(names[longer], names[shorter]) for longer, shorter in outscored(prompt, label_tokens)]
    if pairs:
        told = ", ".join(f"{longer!r} begins with the tokens of {shorter!r}" for longer, shorter in pairs[:_NAMED])
        more = f", and so do {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else ""
        which = "the longer" if len(pairs) == 1 else "each longer one"
        yield (
            f"{told}{more}: scored whole, {which} can never be more probable and is never predicted without a "
            "calibration; set 'scoring: terminated', which scores what ends a label too, or write label words of which "
            "none begins another"
        )
