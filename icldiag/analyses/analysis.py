"""What an analysis is: what can be asked, what is computed, and how the answer is shown.

A `Request` is the one key of an answer: of the session's cache, of the store on disk, of the panels' results, of a job.
An `Analysis` is all that the rest of icldiag knows of one; the registry is `icldiag.analyses.ANALYSES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from icldiag.analyses.prediction.compute import Prediction
    from icldiag.model.forward import Edits, InstrumentedModel, Prefix
    from icldiag.model.readout import Progress, Readout
    from icldiag.page.blocks import Block, Piece
    from icldiag.prompt.encode import EncodedPrompt
    from icldiag.prompt.schema import Prompt

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
Each = Callable[[Any], object]  # is told a part of an answer, such as an epoch's loss, as soon as it is there


class Workbench(Protocol):
    """A prompt on a loaded model, as a computation sees it; `Session` is one."""

    @property
    def prompt(self) -> Prompt: ...
    @property
    def model(self) -> InstrumentedModel: ...
    @property
    def encoded(self) -> EncodedPrompt: ...
    @property
    def beta(self) -> NDArray[np.float32] | None:
        """(layer, head, demonstration) the anchor re-weighting in force."""

    @property
    def beta_edits(self) -> Edits | None:
        """The same as edits of the target row."""

    def prefix(self, progress: Progress) -> Prefix:
        """The encoded demonstrations."""

    def readout(self, progress: Progress) -> Readout:
        """The unmodified model's answers to all queries."""

    def query_tokens(self, query: int) -> object:
        """Keeps a query's tokens with the answers that are shown over them."""

    def ask(self, request: Request[R], progress: Progress = ..., each: Each | None = None) -> R: ...


@dataclass(frozen=True)
class Request(Generic[R_co]):
    """One question to a prompt on a model. Equal requests have equal answers."""

    job: ClassVar[str]  # what progress and complaints call the work
    without_beta: ClassVar[bool] = False  # asked of the model without the re-weighting that is in force

    def resolved(self, bench: Workbench) -> Self:
        """The same with its defaults filled in. Raises AnalysisError for a query or a layer that is not there."""
        return self

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> R_co:
        raise NotImplementedError


# ---- how an answer is shown ------------------------------------------------------------------------------------------

Question = Literal["What failed", "Why", "What mends it", "How the model reads the prompt"]
#: In the order of a report's summary.
QUESTIONS: tuple[Question, ...] = ("What failed", "Why", "What mends it", "How the model reads the prompt")


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

    @property
    def example_query(self) -> int:
        """The query that a page shows: the most confidently wrong one, or the first."""
        return next(iter(self.prediction.wrong), 0)


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


Numbers = Callable[[Workbench, Mapping[str, Any], int, "Progress"], dict[str, Any]]


@dataclass(frozen=True)
class Analysis:
    """One row of the registry."""

    name: str  # in --only, in a report's JSON, in a sweep file
    results: tuple[type, ...]  # what its requests answer with
    section: Section
    #: The numbers that a sweep keeps, as plain JSON values, from the settings of `reads` and a seed; None: no sweep.
    numbers: Numbers | None = None
    reads: tuple[str, ...] = ()  # the settings of a sweep that the numbers depend on
