"""A new prompt from labelled texts: demonstrations, queries and examples drawn per class, no text in two of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from icldiag.counting import counted
from icldiag.errors import PromptError
from icldiag.inputs.values import whole_number
from icldiag.prompt.choosable import scoring_for
from icldiag.prompt.conversation import refuse_conversation
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.prompt.tables import Table
from icldiag.prompt.template import LABEL, ONE, complaint, fields_of, in_braces, warnings_of
from icldiag.quoting import did_you_mean, listed, quoted, shortened

_TOLD = 8  # columns in a message
FEWEST = 8  # labelled texts that repairs need, as a search says (analyses/search/partition.py)
_CLASSES = 100  # a column with more values than this is no column of labels


@dataclass(frozen=True)
class Drawing:
    """How to draw; counts are per class."""

    text: str = "text"
    label: str = "label"
    fields: Mapping[str, str] = field(default_factory=dict)  # the columns of several texts, by the template's fields
    shots: int = 1
    queries: int = 8
    examples: int = 20
    seed: int = 0
    template: str | None = None  # None: made from the names of the columns
    separator: str | None = None  # None: a line break, or two where a text has line breaks
    instruction: str | None = None
    words: Mapping[str, str] | None = None  # class name -> label word, where they differ

    def column(self, field: str) -> str:
        """Where the texts of a field are: by default in the column of its name."""
        return self.fields.get(field, self.text if field == "text" else field)


_Texts = tuple[str, ...]  # of a row, in the order of the fields
_Labelled = dict[_Texts, str]  # each row's label by its texts


@dataclass(frozen=True)
class Drawn:
    """The prompt, and what to write above each field of its file."""

    prompt: Prompt
    comments: dict[str, str]
    notes: tuple[str, ...]


def draw_prompt(table: Table, drawing: Drawing, name: str) -> Drawn:
    """Draw a prompt from the table's rows that have a label; a text that occurs twice counts once.

    Of a text with two labels nobody knows which is right: it is left out, as a row without a label is.

    Raises:
        PromptError: a column is not there or is none of labels, or a class has too few texts.
    """
    fields = _fields(table, drawing)
    columns = {name: drawing.column(name) for name in fields}
    _check_columns(table, columns, drawing)
    rows: dict[_Texts, list[tuple[str, int]]] = {}  # the label and line of each row with these texts
    dropped: Counter[str] = Counter()
    for line, by_field, label, _ in table.labelled(columns, drawing.label):
        row = tuple(text.strip() for text in by_field.values())
        if label and label.strip() and any(row):
            rows.setdefault(row, []).append((label, line))
        else:
            dropped["without a text" if label and label.strip() else "without a label"] += 1
    names = tuple(dict.fromkeys(label for own in rows.values() for label, _ in own))
    texts = {row: own[0][0] for row, own in rows.items() if len({label for label, _ in own}) == 1}
    dropped["with a text that another row has too"] = sum(len(rows[row]) - 1 for row in texts)
    disputed = _disputed({row: own for row, own in rows.items() if row not in texts})
    numbers = {name: number for name in names if (number := whole_number(name)) is not None}
    if len(numbers) == len(names):
        names = tuple(sorted(names, key=numbers.__getitem__))
    lines = {label: line for own in reversed(rows.values()) for label, line in reversed(own)}  # the first of each
    left_out = [f"left out: {counted(count, 'row')} {reason}" for reason, count in dropped.items() if count]
    _check_classes(names, lines, len(rows), table, drawing, left_out)
    parts = _parted(texts, fields, lines, names, table, drawing, disputed)
    several_lines = any("\n" in text for row in texts for text in row)
    prompt = Prompt(
        name=name,
        template=drawing.template or _template(drawing),
        separator=drawing.separator or ("\n\n" if several_lines else "\n"),
        labels=tuple(Label(one, _word(one, drawing)) for one in names),
        demonstrations=parts[0],
        queries=parts[1],
        examples=parts[2],
        instruction=drawing.instruction,
        scoring=scoring_for([_word(one, drawing) for one in names]),
        fields=fields,
    )
    notes = left_out + ([f"left out: {disputed}"] if disputed else [])
    notes += [bare] if drawing.examples and (bare := _without_examples(prompt)) else []
    notes += table.unread((*columns.values(), drawing.label))
    notes += warnings_of(prompt.template, prompt.instruction, fields)
    return Drawn(prompt, _comments(prompt, table, drawing), tuple(notes))


def _without_examples(prompt: Prompt) -> str | None:
    """The classes that have no text left as an example, and what leaves some; None where all have."""
    known = {example.label for example in prompt.examples}
    bare = {label: quoted(name) for label, name in enumerate(prompt.label_names) if label not in known}
    if not bare:
        return None
    asked = Counter(query.label for query in prompt.queries)
    half = min(asked[label] for label in bare) // 2
    cure = f"--queries {half} leaves some, as more texts would" if half else "add texts"
    if not known:
        made = "repairs are made from the queries and compared on them"
        if len(prompt.queries) < FEWEST:
            made, cure = f"repairs need {FEWEST} labelled texts beside the demonstrations", "add texts"
        return f"no text is left as an example: {made}, and re-weighting has nothing to train on; {cure}"
    return (
        f"no text is left of {listed(bare.values())} as an example: what is fitted on the examples, such as a "
        f"calibration, knows nothing of it; {cure}"
    )


def _disputed(rows: Mapping[_Texts, Sequence[tuple[str, int]]]) -> str | None:
    """The rows whose texts have several labels, in words, with the first of them; None where there are none."""
    if not rows:
        return None
    row, own = next(iter(rows.items()))
    pair = own[0], next(one for one in own if one[0] != own[0][0])
    where = ", ".join(f"{shortened(label)} in line {line}" for label, line in pair)
    count = counted(sum(map(len, rows.values())), "row")
    return f"{count} with a text that has two labels, such as {quoted(row[0])} ({where})"


def _fields(table: Table, drawing: Drawing) -> tuple[str, ...]:
    """Of the template: those named, or {text}, where it is made here."""
    if drawing.template is None:
        return tuple(drawing.fields) or ONE
    fields = fields_of(drawing.template, (*table.columns, *drawing.fields))
    table.refuse_named(drawing.template, fields)
    if wrong := complaint(drawing.template, fields):
        raise PromptError(f"--template: {wrong}")
    unused = next((name for name in drawing.fields if name not in fields), None)
    if unused is not None:
        raise PromptError(
            f"--field {shortened(unused)}: --template does not hold {in_braces([unused])}, so its texts would be lost"
        )
    return fields


def _check_columns(table: Table, columns: Mapping[str, str], drawing: Drawing) -> None:
    options = [("--text" if name == "text" else "--field", column) for name, column in columns.items()]
    unchosen = drawing.text == "text" and len(table.columns) > 2  # of which several may hold texts
    for option, column in (*options, ("--label", drawing.label)):
        if column not in table.columns:
            refuse_conversation([row.values for row in table.rows], table.path)
            told = ", ".join(_described(table, one) for one in table.columns[:_TOLD])
            close = did_you_mean(column, table.columns)
            how = f"{option} COLUMN"
            if option == "--text" and unchosen:
                how += ", or with --field COLUMN for each of several texts,"
            reason = f"there is no column {quoted(column)}; {close}choose with {how} from {told}"
            raise PromptError(reason, path=table.path)


def _described(table: Table, column: str) -> str:
    """A column with the number of its values, which tells labels from texts."""
    if not table.rows:
        return shortened(column, 40)
    values = {str(row.values.get(column)) for row in table.rows}
    return f"{shortened(column, 40)} ({len(values)} different)"


def _check_classes(
    names: tuple[str, ...],
    lines: Mapping[str, int],
    texts: int,
    table: Table,
    drawing: Drawing,
    left_out: Sequence[str],
) -> None:
    if len(names) < 2:
        found = f"the column {quoted(drawing.label)} has {counted(len(names), 'label')}"
        beside = f" beside what is {'; '.join(left_out)}" if left_out else ""
        raise PromptError(f"{found}{beside}; two are needed", path=table.path)
    if len(names) > _CLASSES or (len(names) > 2 and len(names) >= texts):
        told = ", ".join(_described(table, one) for one in table.columns[:_TOLD])
        reason = f"the column {quoted(drawing.label)} has {len(names)} different values, too many for labels"
        raise PromptError(f"{reason}; choose with --label COLUMN from {told}", path=table.path)
    spellings: dict[str, str] = {}
    for name in names:
        like = spellings.setdefault(" ".join(name.split()), name)
        if like != name:
            reason = f"the label {quoted(name)} differs from {quoted(like)} in line {lines[like]} by spaces alone"
            raise PromptError(f"{reason}; write both alike", path=table.path, line=lines[name])
    unknown = [name for name in drawing.words or {} if name not in names]
    if unknown:
        close = did_you_mean(unknown[0], names)
        reason = f"--words: there is no label {quoted(unknown[0])}; {close}there are {listed(names)}"
        raise PromptError(reason, path=table.path)


def _parted(
    texts: _Labelled,
    fields: tuple[str, ...],
    lines: Mapping[str, int],
    names: tuple[str, ...],
    table: Table,
    drawing: Drawing,
    disputed: str | None,
) -> tuple[tuple[Example, ...], tuple[Example, ...], tuple[Example, ...]]:
    """Demonstrations, queries and examples: each class shuffled, cut in three, and the parts shuffled again."""
    generator = random.Random(drawing.seed)
    parts: tuple[list[Example], ...] = ([], [], [])
    for index, name in enumerate(names):
        own = [Example.of(dict(zip(fields, row, strict=True)), index) for row, label in texts.items() if label == name]
        if len(own) <= drawing.shots:
            count = counted(len(own), "text")
            reason = f"{quoted(name)} has {count}, and demonstrations take {drawing.shots}: no query is left"
            fewer = "use fewer --shots" if len(own) > 1 else "remove the rows of this label"
            cure = f"left out: {disputed}; correct these" if disputed else fewer
            raise PromptError(f"{reason}; {cure}, or add texts of it", path=table.path, line=lines[name])
        generator.shuffle(own)
        stop = drawing.shots + drawing.queries
        cuts = ((0, drawing.shots), (drawing.shots, stop), (stop, stop + drawing.examples))
        for part, (start, end) in zip(parts, cuts, strict=True):
            part.extend(own[start:end])
    generator.shuffle(parts[0])  # demonstrations of one class side by side would favour the last
    return tuple(parts[0]), tuple(parts[1]), tuple(parts[2])


def _template(drawing: Drawing) -> str:
    """A line for each field, named as it is; for {text}, as its column."""
    lines = [
        f"{_title(drawing.column(name) if name == 'text' else name)}: {in_braces([name])}\n"
        for name in tuple(drawing.fields) or ONE
    ]
    return "".join(lines) + f"{_title(drawing.label)}:{LABEL}"


def _title(column: str) -> str:
    name = column.replace("_", " ").strip()
    return name[:1].upper() + name[1:]


def _word(name: str, drawing: Drawing) -> str:
    return " " + (drawing.words or {}).get(name, name).strip()


def _comments(prompt: Prompt, table: Table, drawing: Drawing) -> dict[str, str]:
    columns = ", ".join(repr(drawing.column(name)) for name in prompt.fields)
    numbers = all(label.word.strip().lstrip("-").isdigit() for label in prompt.labels)
    labels = (
        "The label words as they stand in the prompt, the space before them included; short, common words are best."
    )
    if numbers:
        labels += '\nThese are numbers: a model can read more from words, as in {0: " negative", 1: " positive"}.'
    return {
        "": f"Drawn from {table.path.name}: columns {columns} and {drawing.label!r}, "
        f"{counted(drawing.shots, 'demonstration')} per class, seed {drawing.seed}.\n"
        "How a model's tokenizer cuts it: icldiag check FILE --model MODEL",
        "template": f"{in_braces(prompt.fields)} and {LABEL} stand once each; a query is the template up to {LABEL}.",
        "separator": "Between two demonstrations, and before the query.",
        "labels": labels,
        "scoring": "first: by the label words' first tokens, as in the paper. whole: where two words share theirs.\n"
        "terminated: where one word begins another.",
        "demonstrations": "In this order. Swap them, or write others, and see what changes.",
        "queries": "What is asked; without a label where the right one is not known.",
        "examples": "Labelled texts that nothing above holds: to train on, and to test repairs.",
    }
