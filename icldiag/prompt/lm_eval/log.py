"""The harness's samples file (`--log_samples`), 0.4.0 to now, as one `Document` per doc_id.

Until 0.4.2 the file is one JSON array, its requests are lists and its numbers are numbers; since 0.4.3 it has an
object a line, requests are objects (`gen_args_0: {arg_0, arg_1}`) and answers and targets are text; since 0.4.8 a row
names its filter, and a document has a row for each filter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from icldiag.errors import PromptError
from icldiag.inputs.files import complaint, read_start
from icldiag.inputs.json_text import parse_json
from icldiag.inputs.literal import parse_list
from icldiag.inputs.values import whole_number
from icldiag.prompt.conversation import is_written_conversation, refuse_conversation
from icldiag.prompt.source import read_rows, read_text
from icldiag.quoting import did_you_mean, listed, quoted

Kind = Literal["multiple_choice", "generate_until"]


_Numbered = Annotated[str, StringConstraints(pattern=r"_\d+$")]
_TRUTHS = ("False", "True")  # in the order of their numbers
_NOT_A_ROW = "not a row that lm-evaluation-harness logs with --log_samples"


class _RowFields(BaseModel):
    """What every row must have, in either age's shape."""

    model_config = ConfigDict(extra="ignore")
    doc_id: int | str
    target: Any
    arguments: (
        Annotated[list[Annotated[list[Any], Field(min_length=1)]], Field(min_length=1)]
        | Annotated[dict[_Numbered, Annotated[dict[_Numbered, Any], Field(min_length=1)]], Field(min_length=1)]
    )
    filtered_resps: Annotated[list[Any], Field(min_length=1)]


@dataclass(frozen=True)
class Document:
    """One document as the harness asked it. Answers are written as the harness scored them, delimiter included."""

    id: str
    context: str
    answers: tuple[str, ...]  # that the harness chose from; none of a generate_until task
    gold: str | None  # None where the harness accepts several
    given: str  # the harness's own answer, by log-likelihood or generated and filtered
    right: bool
    fields: dict[str, str]  # the document's own texts
    scores: tuple[float, ...] = ()  # log-likelihoods of the answers
    metrics: dict[str, float] = field(default_factory=dict)  # what the harness counts, by its names


@dataclass(frozen=True)
class Log:
    """A samples file."""

    path: Path
    kind: Kind
    documents: tuple[Document, ...]


def is_log(path: Path) -> bool:
    """Whether a file looks like the harness's; reads its beginning only. Raises PromptError where it cannot."""
    try:
        start = read_start(path, 1 << 18).decode("utf-8-sig", errors="replace")
    except FileNotFoundError:
        return False
    except OSError as error:
        raise PromptError(complaint(error), path=path) from None
    return start.lstrip()[:1] in ("{", "[") and all(f'"{key}"' in start for key in ("doc_id", "doc", "arguments"))


def read_log(path: Path, filter: str | None = None) -> Log:
    """Read a samples file.

    Args:
        filter: the filter whose rows to take; the first in the file if not given.

    Raises:
        PromptError: the file is no such file, or its task has not a fixed set of labels, named by its kind.
    """
    rows = _rows(path)
    if not rows:
        raise PromptError("the file holds no samples; write one with lm_eval --log_samples", path=path)
    for line, row in rows:
        try:
            _RowFields.model_validate(row)
        except ValidationError as error:
            field = str(error.errors(include_url=False, include_input=False)[0]["loc"][0])
            told = "is missing" if field not in row else "has another shape"
            raise PromptError(f"{_NOT_A_ROW}; {field!r} {told}", path=path, line=line) from None
    rows = _of_filter(rows, filter, path)
    kinds = {_kind(_requests(row), path, line) for line, row in rows}
    if len(kinds) > 1:
        raise PromptError("rows of two kinds of task; a samples file holds one task", path=path)
    (kind,) = kinds
    read = _choice if kind == "multiple_choice" else _generated
    chosen = _as_index(rows) if kind == "multiple_choice" else False
    documents = tuple(read(row, path, line, chosen) for line, row in rows)
    return Log(path, kind, documents)


def _rows(path: Path) -> list[tuple[int | None, dict[str, Any]]]:
    text = read_text(path)
    if not text.lstrip().startswith("["):
        return list(read_rows(path, finite=False))
    rows, _ = parse_json(text, path, finite=False)
    refuse_conversation(rows, path)
    if not all(isinstance(row, dict) for row in rows):
        raise PromptError("expected a list of objects, one for each sample", path=path)
    return [(None, row) for row in rows]


def _of_filter(
    rows: list[tuple[int | None, dict[str, Any]]], filter: str | None, path: Path
) -> list[tuple[int | None, dict[str, Any]]]:
    """One row for each document: of the filter asked for, or of the first there is."""
    names = list(dict.fromkeys(str(row.get("filter", "none")) for _, row in rows))
    if filter is not None and filter not in names:
        raise PromptError(
            f"there is no filter {quoted(filter)}; {did_you_mean(filter, names)}there are {listed(names)}", path=path
        )
    chosen: dict[str, tuple[int | None, dict[str, Any]]] = {}
    for line, row in rows:
        if str(row.get("filter", "none")) == (filter or names[0]):
            chosen.setdefault(str(row["doc_id"]), (line, row))
    return list(chosen.values())


def _requests(row: dict[str, Any]) -> list[list[Any]]:
    """The requests in their order, without the pairs that acc_mutual_info adds to measure the answers alone."""
    requests = _all_requests(row)
    return [requests[place] for place in _asked(requests)]


def _all_requests(row: dict[str, Any]) -> list[list[Any]]:
    given = row["arguments"]
    if not isinstance(given, dict):
        return [list(request) for request in given]
    named = sorted(given.items(), key=lambda item: _number(item[0]))
    return [[value for _, value in sorted(r.items(), key=lambda i: _number(i[0]))] for _, r in named]


def _asked(requests: list[list[Any]]) -> list[int]:
    """The places of the requests with a context. Those without were every second one until 0.4.4, now they follow."""
    asked = [place for place, request in enumerate(requests) if request and request[0] != ""]
    return asked if len(requests) == 2 * len(asked) else list(range(len(requests)))


def _number(name: str) -> int:
    return whole_number(name.rsplit("_", 1)[-1]) or 0


def _kind(requests: list[list[Any]], path: Path, line: int | None) -> Kind:
    """What kind of task a row is of; those that have no set of labels are refused by name."""
    sizes = {len(request) for request in requests}
    reason = None
    if any(not isinstance(request[0], str) for request in requests):
        reason = "the contexts are not text"
    elif any(is_written_conversation(request[0]) for request in requests):
        reason = "the contexts are lists of messages, as a chat model's API gets them"
    elif sizes == {1}:
        reason = "a loglikelihood_rolling task measures a text and asks for no label"
    elif max(sizes) > 2:
        reason = "a task with images or sound"
    elif sizes != {2}:
        reason = "some requests have no answer to score"
    elif len(requests) == 1 and isinstance(requests[0][1], dict):
        return "generate_until"
    elif len(requests) == 1:
        reason = "a loglikelihood task scores one continuation and has no other label to choose"
    elif len({request[0] for request in requests}) > 1:
        reason = "a task with a context for each answer, such as winogrande: it compares contexts, not labels"
    else:
        return "multiple_choice"
    raise PromptError(f"{reason}; only multiple_choice and generate_until tasks can be imported", path=path, line=line)


def _choice(row: dict[str, Any], path: Path, line: int | None, as_index: bool) -> Document:
    requests = _requests(row)
    answers = tuple(str(request[1]) for request in requests)
    scores = _scores(row)
    if scores is None:
        reason = "no log-likelihoods of the answers"
        raise PromptError(reason, path=path, line=line, field="filtered_resps")
    given = answers[max(range(len(answers)), key=scores.__getitem__)]
    golds = _golds(row["target"], answers, as_index)
    if golds is None:
        raise PromptError(
            f"the target {quoted(row['target'])} is none of the answers", path=path, line=line, field="target"
        )
    gold = golds[0] if len(golds) == 1 else None
    right, metrics = given in golds, _metrics(row)
    context, name = requests[0][0], str(row["doc_id"])
    return Document(name, context, answers, gold, given, right, _fields(row), tuple(scores), metrics)


def _scores(row: dict[str, Any]) -> list[float] | None:
    """The log-likelihoods of the answers, or None where there are none."""
    try:
        scores = [float(row["filtered_resps"][place][0]) for place in _asked(_all_requests(row))]
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return None
    return None if any(math.isnan(score) or score == math.inf for score in scores) else scores


def _golds(target: Any, answers: Sequence[str], as_index: bool) -> list[str] | None:
    """The right answers, mapped through the order in which this document's answers stand."""
    if isinstance(target, str) and target[:1] == "[" and target[-1:] == "]":
        target = parse_list(target)
        if target is None:
            return None
    found = []
    for one in target if isinstance(target, list) else [target]:
        written = str(one).strip()
        place = whole_number(written)
        if as_index and place is not None and place < len(answers):
            found.append(answers[place])
        elif written in (words := [answer.strip() for answer in answers]):
            found.append(answers[words.index(written)])
        elif written in _TRUTHS and len(answers) == len(_TRUTHS):  # of a document: the place of its answer
            found.append(answers[_TRUTHS.index(written)])
        else:
            return None
    return found


def _as_index(rows: list[tuple[int | None, dict[str, Any]]]) -> bool:
    """Whether targets are places in the list of answers. Where the answers are numbers themselves, `acc` decides."""
    agreeing = {True: 0, False: 0}
    for _, row in rows:
        answers = tuple(str(request[1]) for request in _requests(row))
        if not isinstance(row.get("acc"), int | float) or str(row["target"]) not in [a.strip() for a in answers]:
            continue
        scores = _scores(row)
        if scores is None:
            continue
        given = answers[max(range(len(answers)), key=scores.__getitem__)]
        for as_index in agreeing:
            golds = _golds(row["target"], answers, as_index) or []
            agreeing[as_index] += (given in golds) == bool(row["acc"])
    return agreeing[True] >= agreeing[False]


def _generated(row: dict[str, Any], path: Path, line: int | None, _: bool) -> Document:
    given = row["filtered_resps"][0]
    if isinstance(given, list):  # several samples of the answer
        given = given[0] if given else ""
    given = str(given)
    target = row["target"]
    if isinstance(target, str):
        found = parse_list(target)
        target = target if found is None else found
    golds = [str(one) for one in target if str(one).strip()] if isinstance(target, list) else [str(target)]
    scores = [row[name] for name in ("exact_match", "acc") if isinstance(row.get(name), int | float)]
    right = bool(scores[0]) if scores else given.strip() in [gold.strip() for gold in golds]
    context = _requests(row)[0][0]
    return Document(str(row["doc_id"]), context, (), golds[0] if len(golds) == 1 else None, given, right, _fields(row))


def _metrics(row: dict[str, Any]) -> dict[str, float]:
    named = {name: row.get(name) for name in ("acc", "acc_norm")}
    return {name: float(value) for name, value in named.items() if isinstance(value, int | float)}


def _fields(row: dict[str, Any]) -> dict[str, str]:
    doc = row.get("doc")
    return {str(key): value for key, value in doc.items() if isinstance(value, str)} if isinstance(doc, dict) else {}
