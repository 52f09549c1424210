"""A prompt as plain text, ending where a label is asked for -> `Prompt`, its template inferred from the text alone.

The prompt writes the pasted text to the last character, but for line breaks and spaces at its end, or is refused. That
is not enough: a template that cuts examples in the middle writes the text too, so what betrays one is refused as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice, pairwise
from pathlib import Path

from icldiag.errors import PromptError
from icldiag.prompt.conversation import refuse_turns
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.prompt.shape import Shape, ShapeHints, Split, candidate_shapes
from icldiag.prompt.spaces import changed_line_ends, plain_lines
from icldiag.prompt.template import LABEL, TEXT, is_template

_CURE = "write the template with --template '...{text}...{label}'"
_SHOWN = 40  # characters of the user's text in a message
_ENDING = 200  # characters in which the words that ask for a label end
_TRIED = 50  # shapes, after which none is better


def import_text(
    text: str,
    path: Path | None = None,
    *,
    template: str | None = None,
    separator: str | None = None,
    more_labels: Sequence[str] = (),
) -> Prompt:
    """Find the demonstrations and the query in a text.

    Args:
        path: where the text comes from, for messages and the prompt's name.
        template: with {text} and {label}, where the inferred one would be wrong.
        separator: between demonstrations, likewise.
        more_labels: classes that no demonstration has.

    Raises:
        PromptError: the text does not end as its demonstrations do before their labels, numbers them, is a
            conversation, or has parts that no template explains.
    """
    refuse_turns(text, path, but=template or "")
    known, context = _known(template, separator, plain_lines(text), path)
    if template is None:
        _refuse_numbered_end(context, path)
    shape, split = _parted(context, known, template, path)
    words = [word for _, word in split.demonstrations]
    labels = _labels(words, more_labels, path)
    written = [label.word for label in labels]
    instruction, instruction_separator = shape.instruction
    prompt = Prompt(
        name=path.stem if path else "pasted",
        template=shape.template(path),
        separator=shape.separator,
        labels=labels,
        demonstrations=tuple(Example(shown, written.index(word)) for shown, word in split.demonstrations),
        queries=(Example(split.query, None),),
        instruction=instruction,
        instruction_separator=instruction_separator,
        path=path,
    )
    if prompt.written(split.query) != context:
        raise PromptError(f"the template {prompt.template!r} would not write this text; {_CURE}", path=path)
    return prompt


def _parted(context: str, known: ShapeHints, template: str | None, path: Path | None) -> tuple[Shape, Split]:
    """The likeliest shape that nothing betrays, and the parts; a given template is not doubted.

    Where the likeliest finds no two labels, or texts that are none, its label may be asked for by too many words: a
    less likely one that is cut between words, too, and finds as many examples is better.
    """
    doubted: tuple[PromptError | None, Shape, Split] | None = None
    for shape in islice(candidate_shapes([context], None, known), _TRIED):
        split = shape.split(context)
        if split is None:
            continue
        wrong = None if template else _mixed_up(shape, split, path)
        if template or (wrong is None and len({word for _, word in split.demonstrations}) > 1):
            better = shape.between[:1].isspace() and (
                doubted is None or len(split.demonstrations) >= len(doubted[2].demonstrations)
            )
            if template or doubted is None or better:
                return shape, split
        doubted = doubted or (wrong, shape, split)
    if doubted is None:
        raise PromptError(_not_found(context, template), path=path)
    if doubted[0] is not None:
        raise doubted[0]
    return doubted[1:]


def left_out(text: str, prompt: Prompt) -> list[str]:
    """What of a pasted text the imported prompt goes without, in words."""
    found = [*changed_line_ends(text)]
    end = plain_lines(text)[len(prompt.written(prompt.queries[0].text)) :]
    if end:
        found.append(f"left out at the end, as the model answers before it: {end!r:.{_SHOWN}}")
    return found


def _labels(words: Sequence[str], more_labels: Sequence[str], path: Path | None) -> tuple[Label, ...]:
    space = words[0][: len(words[0]) - len(words[0].lstrip())]
    written = dict.fromkeys([*words, *(space + name for name in more_labels)])
    labels = tuple(Label(word.strip(), word) for word in written)
    if len(labels) < 2:
        raise PromptError(
            f"all demonstrations have the label {words[0].strip()!r}; name others with --labels", path=path
        )
    if len({label.name for label in labels}) < len(labels):
        told = ", ".join(repr(label.word) for label in labels)
        raise PromptError(f"label words that differ in spaces only: {told}; write them alike", path=path)
    return labels


def _known(template: str | None, separator: str | None, text: str, path: Path | None) -> tuple[ShapeHints, str]:
    """What is known of the shape, and the text up to where the label is asked for."""
    context = text.rstrip("\n").rstrip(" \t")
    if template is None:
        return ShapeHints(separator=separator), context
    if not is_template(template):
        raise PromptError("--template needs {text}, and after it {label}, once each", path=path)
    before, rest = template.split(TEXT)
    between, after = rest.split(LABEL)
    space = between[len(between.rstrip()) :]
    if "\n" in space and text.startswith(context + space):  # the label has a line of its own
        context += space
    else:
        between = between.rstrip()
    if not between.strip(" \t"):
        raise PromptError("--template needs more than spaces between {text} and {label}", path=path)
    return ShapeHints(before=before, between=between, after=after, separator=separator), context


def _not_found(context: str, template: str | None) -> str:
    if template is not None:
        return (
            f"the text has not this template: it must end as {template!r:.80} does before {LABEL}, after at least one "
            "demonstration that is written so; correct the template, or give --separator too"
        )
    end = context.rsplit("\n", 1)[-1][-_SHOWN:]
    cure = f"end it where the model should answer, or {_CURE}"
    return f"no earlier part of the text asks for a label as its end does: {end!r}; {cure}"


def _refuse_numbered_end(context: str, path: Path | None) -> None:
    """Refuse a text that asks for each label by another number, as in 'Sentiment 3:': a template has but one."""
    end = re.search(r"((?:[^\W\d]+[ \t]*)?[^\w\s]?)(\d+)([^\w\n]*)$", context[-_ENDING:])
    if end is None:
        return
    line = context[: len(context) - len(end[0])].rsplit("\n", 1)[-1]
    head, number, tail = end[1], end[2], end[3].strip()
    alike = re.compile(r"(?<!\w)" + re.escape(head) + r"(\d{1,9})" + re.escape(tail))
    numbers = [found[1] for found in alike.finditer(context)]
    if len(set(numbers)) > 1 and (tail or not line.strip()) and numbers.count(number) == 1:
        raise _numbered(f"{head}{numbers[0]}{tail}", f"{head}{number}{tail}", path)


def _mixed_up(shape: Shape, split: Split, path: Path | None) -> PromptError | None:
    """What betrays a shape: texts that hold more than one example, or a number that counts the examples."""
    texts = [text for text, _ in split.demonstrations] + [split.query]
    begins = shape.separator + shape.before
    for text in texts:
        if not text.strip():
            reason = f"{shape.between!r:.{_SHOWN}} asks for a label, and one of the texts before it would be empty; "
            return PromptError(f"{reason}write all examples alike, or {_CURE}", path=path)
        if begins in text or shape.between in text:
            sign = begins if begins in text else shape.between
            reason = f"{sign!r:.{_SHOWN}} parts the examples, and it stands in the text {text!r:.80} too, whose label "
            return PromptError(
                f"{reason}is not asked for as at the end; write all examples alike, or {_CURE}", path=path
            )
    for counted in (texts, texts[:-1]):  # the query may be announced by a word
        found = [re.match(r"(\D{0,40}?)(\d{1,9})(?!\d)", text) for text in counted]
        heads, numbers = {one and one[1] for one in found}, [int(one[2]) for one in found if one]
        if len(heads) == 1 and {b - a for a, b in pairwise(numbers)} in ({1}, {-1}):
            head = found[0][1] if found[0] else ""
            return _numbered(f"{head}{numbers[0]}", f"{head}{numbers[-1]}", path)
    return None


def _numbered(first: str, last: str, path: Path | None) -> PromptError:
    return PromptError(
        f"the text numbers its examples ({first!r:.{_SHOWN}} to {last!r:.{_SHOWN}}), and a template is the same for "
        f"all; remove the numbers, or {_CURE}",
        path=path,
    )
