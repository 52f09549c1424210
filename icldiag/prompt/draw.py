"""A new prompt from labelled texts: demonstrations, queries and examples drawn per class, no text in two of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from icldiag.counting import counted
from icldiag.errors import PromptError
from icldiag.inputs.values import whole_number
from icldiag.prompt.conversation import refuse_conversation
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.prompt.tables import Table
from icldiag.prompt.template import LABEL, TEXT, is_template, warnings_of
from icldiag.quoting import listed, quoted, shortened

_TOLD = 8  # columns in a message
_CLASSES = 100  # a column with more values than this is no column of labels


@dataclass(frozen=True)
class Drawing:
    """How to draw; counts are per class."""

    text: str = "text"
    label: str = "label"
    shots: int = 1
    queries: int = 8
    examples: int = 20
    seed: int = 0
    template: str | None = None  # None: made from the names of the columns
    separator: str | None = None  # None: a line break, or two where a text has line breaks
    instruction: str | None = None
    words: Mapping[str, str] | None = None  # class name -> label word, where they differ


@dataclass(frozen=True)
class Drawn:
    """The prompt, and what to write above each field of its file."""

    prompt: Prompt
    comments: dict[str, str]
    notes: tuple[str, ...]


def draw_prompt(table: Table, drawing: Drawing, name: str) -> Drawn:
    """Draw a prompt from the table's rows that have a label; a text that occurs twice counts once.

    Raises:
        PromptError: a column is not there or is none of labels, or a class has too few texts.
    """
    _check_columns(table, drawing)
    texts: dict[str, str] = {}
    dropped: Counter[str] = Counter()
    for _, text, label, _ in table.labelled(drawing.text, drawing.label):
        text = text.strip()
        reason = None if label and text else "without a label" if not label else "without a text"
        if reason is None and text in texts:
            reason = "with a text that another row has too"
        if reason is not None or label is None:
            dropped[reason or ""] += 1
            continue
        texts[text] = label
    names = tuple(dict.fromkeys(texts.values()))
    numbers = {name: number for name in names if (number := whole_number(name)) is not None}
    if len(numbers) == len(names):
        names = tuple(sorted(names, key=numbers.__getitem__))
    _check_classes(names, texts, table, drawing)
    parts = _parted(texts, names, table, drawing)
    prompt = Prompt(
        name=name,
        template=drawing.template or _template(drawing),
        separator=drawing.separator or ("\n\n" if any("\n" in text for text in texts) else "\n"),
        labels=tuple(Label(one, _word(one, drawing)) for one in names),
        demonstrations=parts[0],
        queries=parts[1],
        examples=parts[2],
        instruction=drawing.instruction,
    )
    notes = [f"left out: {counted(count, 'row')} {reason}" for reason, count in dropped.items()]
    notes += [*table.unread((drawing.text, drawing.label)), *warnings_of(prompt.template, prompt.instruction)]
    return Drawn(prompt, _comments(prompt, table, drawing), tuple(notes))


def _check_columns(table: Table, drawing: Drawing) -> None:
    for option, column in (("--text", drawing.text), ("--label", drawing.label)):
        if column not in table.columns:
            refuse_conversation([row.values for row in table.rows], table.path)
            told = ", ".join(_described(table, one) for one in table.columns[:_TOLD])
            reason = f"there is no column {quoted(column)}; choose with {option} from {told}"
            raise PromptError(reason, path=table.path)
    if drawing.template is not None:
        table.refuse_named(drawing.template)
        if not is_template(drawing.template):
            raise PromptError("--template needs {text}, and after it {label}, once each")


def _described(table: Table, column: str) -> str:
    """A column with the number of its values, which tells labels from texts."""
    values = {str(row.values.get(column)) for row in table.rows}
    return f"{shortened(column, 40)} ({len(values)} different)"


def _check_classes(names: tuple[str, ...], texts: Mapping[str, str], table: Table, drawing: Drawing) -> None:
    if len(names) < 2:
        raise PromptError(
            f"the column {quoted(drawing.label)} has {len(names)} labels; two are needed", path=table.path
        )
    if len(names) > _CLASSES or (len(names) > 2 and len(names) == len(texts)):
        told = ", ".join(_described(table, one) for one in table.columns[:_TOLD])
        reason = f"the column {quoted(drawing.label)} has {len(names)} different values, too many for labels"
        raise PromptError(f"{reason}; choose with --label from {told}", path=table.path)
    unknown = [name for name in drawing.words or {} if name not in names]
    if unknown:
        reason = f"--words: there is no label {quoted(unknown[0])}; there are {listed(names)}"
        raise PromptError(reason, path=table.path)


def _parted(
    texts: Mapping[str, str], names: tuple[str, ...], table: Table, drawing: Drawing
) -> tuple[tuple[Example, ...], tuple[Example, ...], tuple[Example, ...]]:
    """Demonstrations, queries and examples: each class shuffled, cut in three, and the parts shuffled again."""
    generator = random.Random(drawing.seed)
    parts: tuple[list[Example], ...] = ([], [], [])
    for index, name in enumerate(names):
        own = [Example(text, index) for text, label in texts.items() if label == name]
        if len(own) <= drawing.shots:
            reason = f"{quoted(name)} has {len(own)} texts; {drawing.shots} as demonstrations leave no query"
            raise PromptError(f"{reason}; use fewer --shots, or add texts", path=table.path)
        generator.shuffle(own)
        stop = drawing.shots + drawing.queries
        cuts = ((0, drawing.shots), (drawing.shots, stop), (stop, stop + drawing.examples))
        for part, (start, end) in zip(parts, cuts, strict=True):
            part.extend(own[start:end])
    generator.shuffle(parts[0])  # demonstrations of one class side by side would favour the last
    return tuple(parts[0]), tuple(parts[1]), tuple(parts[2])


def _template(drawing: Drawing) -> str:
    text, label = (name.replace("_", " ").strip() for name in (drawing.text, drawing.label))
    return f"{text[:1].upper()}{text[1:]}: {TEXT}\n{label[:1].upper()}{label[1:]}:{LABEL}"


def _word(name: str, drawing: Drawing) -> str:
    return " " + (drawing.words or {}).get(name, name).strip()


def _comments(prompt: Prompt, table: Table, drawing: Drawing) -> dict[str, str]:
    numbers = all(label.word.strip().lstrip("-").isdigit() for label in prompt.labels)
    labels = (
        "The label words as they stand in the prompt, the space before them included; short, common words are best."
    )
    if numbers:
        labels += '\nThese are numbers: a model can read more from words, as in {0: " negative", 1: " positive"}.'
    return {
        "": f"Drawn from {table.path.name}: columns {drawing.text!r} and {drawing.label!r}, {drawing.shots} "
        f"demonstrations per class, seed {drawing.seed}.\n"
        "How a model's tokenizer cuts it: icldiag check FILE --model MODEL",
        "template": "{text} and {label} stand once each; a query is the template up to {label}.",
        "separator": "Between two demonstrations, and before the query.",
        "labels": labels,
        "scoring": "first: by the label words' first tokens, as in the paper. whole: where two words share theirs.",
        "demonstrations": "In this order. Swap them, or write others, and see what changes.",
        "queries": "What is asked; without a label where the right one is not known.",
        "examples": "Labelled texts that nothing above holds: to train on, and to test repairs.",
    }
