"""A training step as a recording: on a GPU a step of one token takes as long as Python needs to launch its kernels.

A CUDA graph launches them all at once. It reads and writes the same memory each time, so the examples of a step are
copied there first; beta is changed in place by the optimiser.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from icldiag.analyses.reweighting.step import Step, StepExamples
from icldiag.errors import AnalysisError
from icldiag.lazy import torch
from icldiag.model.forward import InstrumentedModel
from icldiag.quoting import brief

if TYPE_CHECKING:
    from torch import Tensor

_WARM_UP = 3  # steps before a recording, in which libraries set themselves up; as torch's documentation has it
WORTH = 2 * (_WARM_UP + 3)  # steps from which on a recording, and its comparison, take less time than they save
_CLOSE = 1e-3  # of the loss, and of the gradient's largest number

#: work that only launches kernels -> what does all of it again
Record = Callable[[Callable[[], None]], Callable[[], None]]


def recorded_where_possible(
    step: Step, model: InstrumentedModel, beta: Tensor, parts: Sequence[StepExamples], epochs: int
) -> Step:
    """The step, recorded where a single GPU holds the model and there are steps enough; else as it is.

    The recording is compared with the step itself, and what it cannot do is said in the model's notes.

    Args:
        beta: which is changed in place from here on.
        parts: of all steps; a recording is of one shape, that of the first.
    """
    devices = {weight.device for weight in model.model.parameters()}
    if model.device.type != "cuda" or devices != {model.device} or epochs * len(parts) < WORTH:
        return step
    try:
        return checked(step, beta, parts, on_gpu(model.device))
    except (RuntimeError, AnalysisError) as error:  # what cannot be recorded raises, memory that runs out too
        model.notes.append(
            f"the steps of re-weighting could not be recorded as a CUDA graph ({brief(error)}); each was launched by "
            "itself, which gives the same numbers in more time"
        )
        return step


def on_gpu(device: torch.device) -> Record:
    """Recording as a CUDA graph."""

    def record(work: Callable[[], None]) -> Callable[[], None]:
        with torch.cuda.device(device):
            beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch gives it no types
            beside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(beside):
                for _ in range(_WARM_UP):
                    work()
            torch.cuda.current_stream().wait_stream(beside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                work()
        return graph.replay

    return record


def checked(step: Step, beta: Tensor, parts: Sequence[StepExamples], record: Record) -> Step:
    """The step of the first part's shape, recorded and compared with itself on the first part and the last such.

    Raises:
        AnalysisError: it gives other numbers.
        RuntimeError: it cannot be recorded.
    """
    recorded = _recorded(step, beta, parts[0], record)
    alike = [part for part in parts if _shape(part) == _shape(parts[0])]
    for part in (alike[-1], alike[0]):
        for name, wanted, found in zip(("loss", "gradient"), step(beta, part), recorded(beta, part), strict=True):
            off = (wanted - found).abs().max() / wanted.abs().max().clamp(min=torch.finfo(wanted.dtype).tiny)
            if not off <= _CLOSE:
                raise AnalysisError(f"its {name} is another one, by {float(off):.2g} of the largest number")
    return recorded


def _recorded(step: Step, beta: Tensor, first: StepExamples, record: Record) -> Step:
    given = first.copy()
    made: list[tuple[Tensor, Tensor]] = []

    def work() -> None:
        made[:] = [step(beta, given)]

    replay = record(work)

    def recorded(now: Tensor, part: StepExamples) -> tuple[Tensor, Tensor]:
        if now is not beta or _shape(part) != _shape(given):  # the last of several examples a step may be fewer
            return step(now, part)
        for target, source in zip(given.tensors, part.tensors, strict=True):
            target.copy_(source)
        replay()
        loss, gradient = made[0]
        return loss.clone(), gradient  # the loss is kept for the epoch, the gradient is used before the next replay

    return recorded


def _shape(part: StepExamples) -> list[torch.Size]:
    return [tensor.shape for tensor in part.tensors]
