"""Which documents of a log to import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from icldiag.errors import PromptError
from icldiag.prompt.lm_eval.log import Document
from icldiag.prompt.shape import Split
from icldiag.quoting import listed, quoted

NAMED = 8  # documents named in a message


@dataclass(frozen=True)
class Choice:
    """Which of the documents to import."""

    filter: str | None = None
    document: str | None = None  # with its own demonstrations, where each document has others
    others: bool = False  # ask the documents that had other demonstrations too
    only_wrong: bool = False
    per_document: bool = False  # every document with its own demonstrations


def chosen(documents: Sequence[Document], splits: Sequence[Split], choice: Choice, path: Path) -> list[int]:
    """The documents to ask, the chosen one first."""
    places = {document.id: place for place, document in enumerate(documents)}
    several = len({split.demonstrations for split in splits}) > 1
    wrong = [document.id for document in documents if not document.right]
    if choice.document is None and several and not choice.per_document:
        some = f" (answered wrongly: {listed_ids(wrong)})" if wrong else ""
        reason = "the demonstrations differ from document to document; import all with --per-document, or choose one "
        reason += f"document with 'icldiag import lm-eval FILE --doc ID'{some}, or run the task with "
        raise PromptError(reason + "'fewshot_config: {sampler: first_n}'", path=path)
    if choice.document is not None and choice.document not in places:
        raise PromptError(
            f"there is no document {quoted(choice.document)}; there are {listed_ids(list(places))}", path=path
        )
    first = places[choice.document] if choice.document is not None else 0
    alike = [
        place
        for place, split in enumerate(splits)
        if place != first
        and (choice.others or choice.per_document or split.demonstrations == splits[first].demonstrations)
    ]
    order = [first, *alike] if choice.document is not None else sorted([first, *alike])
    kept = [place for place in order if not (choice.only_wrong and documents[place].right)]
    if not kept:
        raise PromptError("the harness answered all of these documents right; import without --only-wrong", path=path)
    if choice.others and splits[kept[0]].demonstrations != splits[first].demonstrations:
        raise PromptError(f"document {choice.document} was answered right; import it without --only-wrong", path=path)
    return kept


def listed_ids(names: Sequence[str]) -> str:
    return listed(names, NAMED)
