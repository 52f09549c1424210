"""What an analysis is to the rest of icldiag: how its answers are shown, and what a sweep keeps of them.

The registry is `icldiag.analyses.ANALYSES`; what is asked and computed is in `request`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from icldiag.analyses.prediction.compute import Prediction
    from icldiag.analyses.request import Request, Workbench
    from icldiag.model.readout import Progress
    from icldiag.page.blocks import Block, Piece
    from icldiag.prompt.encoded_prompt import Span
    from icldiag.prompt.schema import Prompt

Question = Literal["What failed", "Why", "What fixes it", "How the model reads the prompt"]
#: In the order of a report's summary.
QUESTIONS: tuple[Question, ...] = ("What failed", "Why", "What fixes it", "How the model reads the prompt")


class Fields(BaseModel):
    """Base of the report's JSON shapes. Readers ignore fields that they do not know: a later version may have more."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class SectionFields(Fields):
    """What every section has."""

    reading: str | None = None  # absent from reports of icldiag before it was told


@dataclass(frozen=True)
class Context:
    """What a section may use beside its answers: the prompt as it was answered, and how the report was asked for."""

    prompt: Prompt
    prediction: Prediction
    layers: int  # of the model
    settings: Any  # `ReportSettings`
    pieces: Callable[[int], tuple[Piece, ...]]  # the prompt that ends with a query, token by token
    token_texts: Callable[[int], tuple[str, ...]]
    text_spans: tuple[tuple[Span, ...], ...]  # of each field, in each demonstration
    query: int | None = None  # the one that is asked about, where not about all

    @property
    def example_query(self) -> int:
        """The query that a page shows: the one asked about, else the most confidently wrong one, or the first."""
        return self.query if self.query is not None else next(iter(self.prediction.wrong), 0)


def the_only(answers: Sequence[Any], context: Context | None) -> Any:
    """How most sections take their answers: they ask for one."""
    (answer,) = answers
    return answer


@dataclass(frozen=True)
class Section:
    """One analysis in a report, as values, a sentence and blocks.

    `reading` and `blocks` also take None for the context, as in a notebook where an answer stands alone: what they
    would need the prompt for is left out then.
    """

    title: str
    question: Question  # the reading answers it in the summary
    fields: type[SectionFields]  # the shape of `values`
    requests: Callable[[Context], Sequence[Request[Any]]]
    values: Callable[[Any], dict[str, Any]]
    reading: Callable[[Any, Context | None], str]
    blocks: Callable[[Any, Context | None], Sequence[Block]]
    main: str  # the table that `to_frame` gives
    #: The answers, in the order of their requests or one alone, as what the last three take.
    gather: Callable[[Sequence[Any], Context | None], Any] = the_only
    partial: bool = False  # some of its answers are a section too


Numbers = Callable[["Workbench", Mapping[str, Any], int, "Progress"], dict[str, Any]]
Needs = Callable[["Prompt", Mapping[str, Any], int], object]


@dataclass(frozen=True)
class Analysis:
    """One row of the registry."""

    name: str  # in --only, in a report's JSON, in a sweep file
    results: tuple[type, ...]  # what its requests answer with
    section: Section
    #: The numbers that a sweep keeps, as plain JSON values, from the settings of `reads` and a seed; None: no sweep.
    numbers: Numbers | None = None
    reads: tuple[str, ...] = ()  # the settings of a sweep that the numbers depend on
    #: Raises AnalysisError for a prompt whose texts do not suffice for the numbers, before a model is loaded.
    needs: Needs | None = None
