"""What the run answered that a log is of: icldiag asks the loaded model again, and says so."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from icldiag.arguments import check_fields
from icldiag.counting import counted
from icldiag.errors import PromptError
from icldiag.private import OMITTED
from icldiag.quoting import shortened


@dataclass(frozen=True)
class Logged:
    """The answers of a run, by the ids of its queries, as the tool wrote them."""

    tool: str
    model: str | None = None  # as the run calls it
    answers: tuple[tuple[str, str], ...] = dataclasses.field(default=(), metadata=OMITTED)

    def __post_init__(self) -> None:
        check_fields(self, PromptError)

    @classmethod
    def of(cls, tool: str, model: Any, answers: Mapping[str, Any]) -> Logged:
        """With what is text of these, as a log is a stranger's."""
        known = tuple((id, answer.strip()) for id, answer in answers.items() if isinstance(answer, str))
        return cls(tool, model.strip() or None if isinstance(model, str) else None, known)

    @property
    def told(self) -> str:
        """What is to be known where no model is loaded."""
        return f"the answers in the log ({self._whose}) are not taken: icldiag asks the model that you load"

    def beside(self, ids: Sequence[str | None], labels: Sequence[str], predicted: Sequence[int] | None) -> str:
        """What is to be known beside the loaded model's answers: whose they are, and how many the log has otherwise.

        Args:
            ids: of the queries.
            labels: the classes; another answer in the log, such as a sentence, is not compared.
            predicted: the class of each query; None where they are not answered yet.
        """
        told = f"the answers are the loaded model's, not those in the log ({self._whose})"
        known = {id: answer for id, answer in self.answers if answer in labels and ids.count(id) == 1}
        answers = [] if predicted is None else [(id, labels[label]) for id, label in zip(ids, predicted, strict=True)]
        pairs = [(known[id], answer) for id, answer in answers if id in known]
        if not pairs:
            return told
        differ = sum(logged != answer for logged, answer in pairs)
        of = "" if len(pairs) == len(ids) else " that are labels in both"
        verb = "differs" if differ == 1 or len(pairs) == 1 else "differ"
        return f"{told}; {differ or 'none'} of {counted(len(pairs), 'answer')}{of} {verb}"

    @property
    def _whose(self) -> str:
        return self.tool + ("" if self.model is None else f", {shortened(self.model)}")
