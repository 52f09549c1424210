"""A prompt as plain text, ending where a label is asked for -> `Prompt`, its template inferred from the text alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from icldiag.errors import PromptError
from icldiag.prompt.schema import LABEL, TEXT, Example, Label, Prompt
from icldiag.prompt.splitting import Known, infer
from icldiag.quoting import listed, quoted


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
        PromptError: the text does not end as its demonstrations do before their labels.
    """
    context = text.replace("\r\n", "\n").rstrip("\n").rstrip(" \t")
    shape = infer([context], None, _known(template, separator, path))
    if shape is None:
        end = context.rsplit("\n", 1)[-1][-40:]
        told = "has not this template" if template else f"asks for a label as its end does: {end!r}"
        cure = "end it where the model should answer, or write the template with --template '...{text}...{label}'"
        raise PromptError(f"no earlier part of the text {told}; {cure}", path=path)
    split = shape.split(context)
    assert split is not None  # the shape was found from this context
    words = [word for _, word in split.demonstrations]
    space = words[0][: len(words[0]) - len(words[0].lstrip())]
    words += [space + name for name in more_labels]
    labels = tuple(Label(word.strip(), word) for word in dict.fromkeys(words))
    if len(labels) < 2:
        raise PromptError(
            f"all demonstrations have the label {quoted(words[0].strip())}; name others with --labels", path=path
        )
    if len({label.name for label in labels}) < len(labels):
        told = listed(quoted(label.word) for label in labels)
        raise PromptError(f"label words that differ in spaces only: {told}; write them alike", path=path)
    written = [label.word for label in labels]
    instruction, instruction_separator = shape.instruction
    return Prompt(
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


def _known(template: str | None, separator: str | None, path: Path | None) -> Known:
    if template is None:
        return Known(separator=separator)
    if template.count(TEXT) != 1 or template.count(LABEL) != 1 or template.index(LABEL) < template.index(TEXT):
        raise PromptError("--template needs {text}, and after it {label}, once each", path=path)
    before, rest = template.split(TEXT)
    return Known(before=before, between=rest.split(LABEL)[0].rstrip(" \t"), separator=separator)
