"""A samples file and, if there is one, its results file -> `Prompt`.

The prompt is refused unless it writes, for every document, the very text that the harness gave to the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from icldiag.errors import PromptError
from icldiag.prompt.lm_eval.choice import Choice, chosen, listed_ids
from icldiag.prompt.lm_eval.fields import Layout, layout_of
from icldiag.prompt.lm_eval.log import Document, Log, read_log
from icldiag.prompt.lm_eval.metrics import metric_notes
from icldiag.prompt.lm_eval.results import TaskConfig, read_task, results_beside, task_in_name
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.prompt.shape import Shape, ShapeHints, Split, infer
from icldiag.prompt.template import ONE, fields_in
from icldiag.prompt.zero_shot import ZERO_SHOT, is_free_text, shows_none, zero_shot_shape
from icldiag.quoting import listed, quoted, shortened


@dataclass(frozen=True)
class ImportedLog:
    """A prompt from a samples file."""

    prompt: Prompt
    given: dict[str, str]  # document id -> what the harness answered, as a class name if it is one
    right: int  # of the documents imported, how many the harness answered right
    notes: tuple[str, ...]
    model: str | None  # that the harness asked, where the results say it
    inferred: bool  # whether the template was found without the task's configuration


def import_log(path: Path, results: Path | None = None, choice: Choice | None = None) -> ImportedLog:
    """Import a samples file.

    Args:
        results: the run's results file; without it, the one that lies beside the samples is taken.

    Raises:
        PromptError: the task cannot be a prompt of icldiag, by name; or which document to take must be told.
    """
    choice = choice or Choice()
    log = read_log(path, choice.filter)
    results = results or results_beside(path)
    config = read_task(results, path) if results else None
    notes: list[str] = []
    documents, words = _with_same_answers(log, notes)
    contexts, words = _without_last_spaces(documents, words, path)
    shape, inferred = _shape(contexts, words, documents, config, path)
    splits = [_split(shape, context) for context in contexts]
    kept = chosen(documents, splits, choice, path)
    own = choice.per_document and len({split.demonstrations for split in splits}) > 1
    pairs = dict.fromkeys(pair for i in kept for pair in splits[i].demonstrations)
    shown = () if own else splits[kept[0]].demonstrations
    space = str(config.values.get("target_delimiter", " ")) if config else " "
    labels = _labels([*pairs] if own else shown, documents, words, space, path)
    gold = _gold_classes(labels, documents)
    instruction, instruction_separator = shape.instruction
    layout = _layout(documents, splits, shape, notes)
    queries = [
        Example.of(
            {"text": split.query} if layout is None else layout.of(document.fields),
            label,
            document.id,
            _examples(split.demonstrations, labels, layout) if own else (),
        )
        for document, split, label in zip(documents, splits, gold, strict=True)
    ]
    prompt = Prompt(
        name=config.name if config else task_in_name(path),
        template=_template(shape, layout, path),
        separator=shape.separator,
        labels=labels,
        demonstrations=_examples(shown, labels, layout),
        queries=tuple(queries[i] for i in kept),
        instruction=instruction,
        instruction_separator=instruction_separator,
        scoring="whole" if log.kind == "multiple_choice" else "first",
        path=path,
        fields=ONE if layout is None else layout.names,
    )
    elsewhere = _shown_elsewhere(splits, shown, labels, {splits[i].query for i in kept}, layout)
    prompt = replace(prompt, examples=_asked_apart(prompt, elsewhere) if own else elsewhere)
    for i, query in zip(kept, prompt.queries, strict=True):
        if (own or splits[i].demonstrations == shown) and prompt.written(query) != contexts[i]:
            raise PromptError(
                f"the prompt of document {shortened(documents[i].id)} cannot be written exactly", path=path
            )
    if not own and not shown:
        notes.append(ZERO_SHOT)
    if own:
        notes.append("each document has its own demonstrations; --doc ID imports one, for what looks at them")
    notes += metric_notes([documents[i] for i in kept])
    notes += _notes([(documents[i], gold[i]) for i in kept], labels, choice)
    return ImportedLog(
        prompt=prompt,
        given={documents[i].id: _class_name(documents[i].given, labels) for i in kept},
        right=sum(documents[i].right for i in kept),
        notes=tuple(notes),
        model=config.model if config else None,
        inferred=inferred,
    )


def _notes(asked: Sequence[tuple[Document, int | None]], labels: Sequence[Label], choice: Choice) -> Iterator[str]:
    """What the user should know of the documents that are imported."""
    if choice.others:
        yield "lm-eval asked the other documents with demonstrations of their own, so it may answer otherwise"
    names = {label.name for label in labels}
    free = [document.id for document, _ in asked if document.given.strip() not in names]
    if free:
        yield f"lm-eval generated none of the labels, icldiag chooses one: documents {listed_ids(free)}"
    several = [document.id for document, gold in asked if gold is None]
    if several:
        yield f"gold label unknown, as several answers are right: documents {listed_ids(several)}"


def _with_same_answers(log: Log, notes: list[str]) -> tuple[list[Document], tuple[str, ...] | None]:
    """The documents that offer the same answers, in whatever order, and those answers."""
    if log.kind == "generate_until":
        return list(log.documents), None
    offered = Counter(frozenset(document.answers) for document in log.documents)
    usual, count = offered.most_common(1)[0]
    if len(log.documents) > 1 and count * 2 <= len(log.documents):
        reason = "the answers differ from document to document, as in hellaswag; there are no labels to compare"
        raise PromptError(reason, path=log.path)
    kept = [document for document in log.documents if frozenset(document.answers) == usual]
    left = [document.id for document in log.documents if frozenset(document.answers) != usual]
    if left:
        notes.append(f"left out, as they offer other answers: documents {listed_ids(left)}")
    return kept, kept[0].answers


def _without_last_spaces(
    documents: Sequence[Document], words: tuple[str, ...] | None, path: Path
) -> tuple[list[str], tuple[str, ...] | None]:
    """Contexts without spaces at the end: as the harness does, they are moved to the answers."""
    contexts = [document.context.rstrip(" \t") for document in documents]
    spaces = {d.context[len(context) :] for d, context in zip(documents, contexts, strict=True)}
    if len(spaces) > 1:
        raise PromptError("some contexts end with a space and some do not; the label words would differ", path=path)
    return contexts, None if words is None else tuple(next(iter(spaces)) + word for word in words)


def _shape(
    contexts: Sequence[str],
    words: tuple[str, ...] | None,
    documents: Sequence[Document],
    config: TaskConfig | None,
    path: Path,
) -> tuple[Shape, bool]:
    """The shape of the contexts, and whether it was found without the configuration's help."""
    fields = ShapeHints(documents=tuple(document.fields for document in documents))
    known = replace(config.known, documents=fields.documents) if config else None
    shots = config.values.get("num_fewshot") if config else None
    found = infer(contexts, words, known) if known and known != fields and shots != 0 else None
    if found is not None:
        return found, False
    found = infer(contexts, words, fields) if shots != 0 else None
    golds = [document.gold.strip() for document in documents if document.gold is not None]
    if not shots and (found is None or shows_none([_split(found, context) for context in contexts], golds)):
        found = zero_shot_shape(contexts, words, known or fields) or found
    if found is not None:
        return found, shots != 0
    bare = tuple(word.strip() for word in words or ())
    if words is not None and bare != words and infer(contexts, bare, fields) is not None:
        reason = f"the harness scored {quoted(words[0])}, but the demonstrations write {quoted(bare[0])}, as its "
        raise PromptError(
            reason + "versions before 0.4.8 do with a chat template; run the task with a newer one", path=path
        )
    if config is not None and config.chat_template and not config.multiturn:
        reason = "all demonstrations are in one chat turn, which ends otherwise than they do; "
        raise PromptError(reason + "run the task with --fewshot_as_multiturn", path=path)
    which = shortened(documents[0].id)
    reason = f"no demonstrations can be told apart in the context of document {which}; it must be few-shot, "
    raise PromptError(reason + "and the query must end as the demonstrations do before their labels", path=path)


def _split(shape: Shape, context: str) -> Split:
    found = shape.split(context)
    assert found is not None  # the shape was found from these contexts
    return found


def _labels(
    shown: Sequence[tuple[str, str]],
    documents: Sequence[Document],
    words: tuple[str, ...] | None,
    space: str,
    path: Path,
) -> tuple[Label, ...]:
    """The classes: the answers to choose from, or those that are demonstrated or wanted.

    Args:
        space: what stands before a label that no demonstration shows.
    """
    if words is None:
        written = [word for _, word in shown]
        if written:
            space = written[0][: len(written[0]) - len(written[0].lstrip())]
        golds = [space + document.gold.strip() for document in documents if document.gold is not None]
        if is_free_text(golds):
            raise PromptError("the targets are free text, as in gsm8k; there are no labels to compare", path=path)
        if golds and written and not set(golds) & set(written):
            shown_as, wanted = (listed_ids([word.strip() for word in words]) for words in (written, golds))
            reason = f"the labels of the demonstrations ({shown_as}) are none of the targets ({wanted})"
            raise PromptError(reason, path=path)
        words = tuple(dict.fromkeys([*written, *golds]))
    names = [word.strip() for word in words]
    if len(set(names)) < max(2, len(names)) or not all(names):
        raise PromptError(f"the answers are no two different words: {listed(map(quoted, words))}", path=path)
    return tuple(Label(name, word) for name, word in zip(names, words, strict=True))


def _gold_classes(labels: Sequence[Label], documents: Sequence[Document]) -> list[int | None]:
    names = [label.name for label in labels]
    golds = [None if document.gold is None else document.gold.strip() for document in documents]
    return [names.index(gold) if gold in names else None for gold in golds]


def _layout(documents: Sequence[Document], splits: Sequence[Split], shape: Shape, notes: list[str]) -> Layout | None:
    """The fields of the document that the queries are made from, where all demonstrations can be parted alike."""
    layout = layout_of([split.query for split in splits], [document.fields for document in documents])
    if layout is None or fields_in(_template(shape, layout, None)) != (*layout.names, "label"):
        return None
    pairs = dict.fromkeys(pair for split in splits for pair in split.demonstrations)
    joined = next((text for text, _ in pairs if layout.split(text) is None), None)
    if joined is None:
        return layout
    told = f"{' and '.join(layout.names)} are one text, as they cannot be told apart in a demonstration"
    notes.append(f"{told}: {quoted(joined)}")
    return None


def _template(shape: Shape, layout: Layout | None, path: Path | None) -> str:
    """Raises PromptError: the template itself holds {text} or {label}."""
    if layout is None:
        return shape.template(path)
    return f"{shape.before}{layout.template}{shape.between}{{label}}{shape.after}"


def _demonstration(text: str, label: int, layout: Layout | None) -> Example:
    texts = {} if layout is None else layout.split(text) or {}
    return Example.of(texts or {"text": text}, label)


def _examples(pairs: Sequence[tuple[str, str]], labels: Sequence[Label], layout: Layout | None) -> tuple[Example, ...]:
    classes = {label.word: index for index, label in enumerate(labels)}
    return tuple(_demonstration(text, classes[word], layout) for text, word in pairs if word in classes)


def _shown_elsewhere(
    splits: Sequence[Split],
    shown: Sequence[tuple[str, str]],
    labels: Sequence[Label],
    asked: set[str],
    layout: Layout | None,
) -> tuple[Example, ...]:
    """What only other documents were shown: labelled texts to try repairs on."""
    pairs = dict.fromkeys(pair for split in splits for pair in split.demonstrations)
    texts = asked | {text for text, _ in shown}
    return _examples([pair for pair in pairs if pair[0] not in texts], labels, layout)


def _asked_apart(prompt: Prompt, examples: Sequence[Example]) -> tuple[Example, ...]:
    """Each with the demonstrations of a query that is not shown it itself, so that it is asked as the queries are."""
    found = []
    for place, example in enumerate(examples):
        turns = (prompt.queries[(place + turn) % len(prompt.queries)] for turn in range(len(prompt.queries)))
        free = (query.demonstrations for query in turns if all(o.texts != example.texts for o in query.demonstrations))
        found.append(replace(example, demonstrations=next(free, ())))
    return tuple(one for one in found if one.demonstrations)


def _class_name(answer: str, labels: Sequence[Label]) -> str:
    return answer.strip() if answer.strip() in {label.name for label in labels} else answer
