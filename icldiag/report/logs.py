"""Two logs of lm-evaluation-harness side by side: who answers which document right, and McNemar's test."""

from __future__ import annotations

from pathlib import Path

from icldiag.analyses.effect import mcnemar
from icldiag.counting import counted
from icldiag.errors import PromptError
from icldiag.page.blocks import Page, Part, Table, notes
from icldiag.prompt.lm_eval.log import Document, read_log
from icldiag.quoting import quoted


def log_difference(a: Path, b: Path) -> Page:
    """Documents are matched by their doc_id; right is what the harness called right (`acc`, or `exact_match`).

    Raises:
        PromptError: one is no log, or they have no document in common, or one document is not the same in both.
    """
    logs = [{document.id: document for document in read_log(path).documents} for path in (a, b)]
    both = [(logs[0][name], logs[1][name]) for name in logs[0] if name in logs[1]]
    if not both:
        raise PromptError("the logs have no doc_id in common; compare two runs of one task", path=b)
    other = next((old.id for old, new in both if old.fields != new.fields), None)
    if other is not None:
        raise PromptError(f"document {quoted(other)} is another one than in {a.name}; compare runs of one task", path=b)
    mended = sum(new.right and not old.right for old, new in both)
    broken = sum(old.right and not new.right for old, new in both)
    right = [sum(document.right for document in side) for side in zip(*both, strict=True)]
    changed = [(old, new) for old, new in both if old.given != new.given]
    answers = f"{len(changed)} answers differ, {mended} fixed and {broken} broken"
    reading = (
        f"Of {counted(len(both), 'document')}, {right[0]} are answered right in a, {right[1]} in b; {answers} "
        f"(McNemar's exact test, p = {mcnemar(mended, broken):.2g})."
    )
    caption = "Documents whose answer differs: fixed were wrong in a and are right in b, broken the reverse."
    rows = tuple((old.id, old.gold, old.given.strip(), new.given.strip(), _effect(old, new)) for old, new in changed)
    table = Table("changed", caption, ("doc_id", "gold", "a", "b", "effect"), rows, limit=200)
    alone = [
        f"{counted(len(log) - len(both), 'document')} only in {letter}"
        for letter, log in zip("ab", logs, strict=True)
        if len(log) > len(both)
    ]
    part = Part("answers", "Answers", reading, (table, *notes(alone)))
    return Page(
        title="icldiag: two logs compared",
        facts=(f"a: {a}", f"b: {b}"),
        summary={"What differs": (("answers", reading),)},
        parts=(part,),
    )


def _effect(old: Document, new: Document) -> str | None:
    if old.right == new.right:
        return None
    return "fixed" if new.right else "broken"
