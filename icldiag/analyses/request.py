"""What can be asked of a prompt on a model. A `Request` is the one key of its answer.

It is the key of the session's cache, of the store on disk, of the panels' results, of a sweep's numbers and of a job.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Protocol, Self, TypeVar

from icldiag.arguments import check_fields
from icldiag.errors import AnalysisError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from icldiag.analyses.memory import Memory
    from icldiag.model.edits import Edits
    from icldiag.model.facts import ModelFacts
    from icldiag.model.forward import InstrumentedModel, Prefix
    from icldiag.model.readout import Progress, Readout
    from icldiag.prompt.encoded_prompt import EncodedPrompt
    from icldiag.prompt.schema import Prompt

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
Each = Callable[[Any], object]  # is told a part of an answer, such as an epoch's loss, as soon as it is there

_NEVER_STORED = ("prefix", "readout")  # large or quick to make, and what the others are made from


class Workbench(Protocol):
    """A prompt on a loaded model, as a computation sees it; `Session` is one."""

    @property
    def prompt(self) -> Prompt: ...
    @property
    def model(self) -> InstrumentedModel: ...
    @property
    def facts(self) -> ModelFacts:
        """Known also where the model is not loaded."""

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

    def readout(self, progress: Progress, each: Callable[[tuple[int, ...], Readout], object] | None = None) -> Readout:
        """The unmodified model's answers to all queries; `each` as in `read_queries`."""

    def query_tokens(self, query: int) -> object:
        """Keeps a query's tokens with the answers that are shown over them."""

    @property
    def asked(self) -> Memory:
        """What labs asked of the model, for this prompt and for those that it was changed from."""

    def with_prompt(self, prompt: Prompt) -> Workbench:
        """Another prompt on the same model."""

    def ask(self, request: Request[R], progress: Progress = ..., each: Each | None = None) -> R: ...
    def peek(self, request: Request[R]) -> R | None:
        """The answer where it is there already."""


@dataclass(frozen=True)
class Request(ABC, Generic[R_co]):
    """One question to a prompt on a model. Equal requests have equal answers.

    Raises:
        AnalysisError: a field is not of its type. A query or a layer, which `Index` says, is compared with the prompt
            or the model when it is asked.
    """

    job: ClassVar[str]  # what progress and complaints call the work
    without_beta: ClassVar[bool] = False  # asked of the model without the re-weighting that is in force
    keeps_parts: ClassVar[bool] = False  # what it has when it is stopped is worth keeping
    stored: ClassVar[bool] = True  # its answer is good for another day
    of_demonstrations: ClassVar[bool] = False  # reads or changes demonstrations that all queries share

    def __post_init__(self) -> None:
        check_fields(self)

    def resolved(self, bench: Workbench) -> Self:
        """The same with its defaults filled in. Raises AnalysisError for a query or a layer that is not there."""
        return self

    def require(self, prompt: Prompt) -> None:
        """Raises AnalysisError: the prompt has not what is asked about."""
        if self.of_demonstrations and not prompt.demonstrations:
            raise AnalysisError(
                f"this prompt has no demonstrations that all queries share, and {self.job} needs some; "
                "overview, answers, scorings and calibrations need none"
            )

    def so_far(self, bench: Workbench) -> R_co | None:
        """As much of the answer as others that were computed before tell; None for nothing. Computes nothing."""
        return None

    @abstractmethod
    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> R_co:
        """The answer. `progress` is asked now and then whether to go on; `each` is told the parts as they come."""


def is_stored(key: Hashable) -> bool:
    """Whether what is under a key of a session is good for another day: an answer, unless its request says no."""
    return key not in _NEVER_STORED and getattr(key, "stored", True)


class SoFar(NamedTuple):
    """The key in the store of the last part that a request's `each` was told: what is left of one that was stopped."""

    request: Request[Any]


def keeping_parts(
    request: Request[Any], put: Callable[[Hashable, Any], object] | None, each: Each | None
) -> Each | None:
    """What tells `each` the parts, and puts them into the store, if there is one, where they are worth it."""
    if put is None or not request.keeps_parts:
        return each

    def kept(part: Any) -> None:
        put(SoFar(request), part)
        if each is not None:
            each(part)

    return kept
