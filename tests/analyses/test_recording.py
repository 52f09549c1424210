"""A step of re-weighting can be recorded, and what a recording gives is compared with the step.

In the place of a CUDA graph there is a tape, which runs the same kernels again on the same memory and, as a graph does,
takes nothing from the host and gives nothing to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from icldiag.analyses.reweighting import recording, training
from icldiag.analyses.reweighting.recording import WORTH, checked, recorded_where_possible
from icldiag.analyses.reweighting.step import Step, StepExamples, plain_step
from icldiag.analyses.reweighting.training import TrainingSettings, step_examples, train_beta
from icldiag.errors import AnalysisError
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.heads import Heads, KeyValues
from icldiag.model.padding import batch_of
from icldiag.model.readout import silent
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.architectures import ARCHITECTURES
from tests.conftest import CONFIGURATIONS, Tiny
from tests.model.test_waits import EXPERTS, META, weightless

TEXTS = ("Who ?", "Where does the sea meet the land ?", "Who is it ?", "How many ?")
ADDED = Calibration("batch", (0.0, 1.0, -1.0))
SCALED = Calibration("affine", (0.0, 1.0, -1.0), scale=(1.0, 2.0, 1.0))


class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Kernels, with the tensors that they read and wrote."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if "lift_fresh" in str(function) or "_local_scalar_dense" in str(function):
            raise RuntimeError(f"{function} is between device and host")
        found = function(*args, **(kwargs or {}))
        self.calls.append((function, args, kwargs or {}, found))
        return found

    @torch.no_grad()
    def replay(self) -> None:
        for function, args, kwargs, found in self.calls:
            for old, new in zip(tree_leaves(found), tree_leaves(function(*args, **kwargs)), strict=True):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():  # no view of what was written before
                    old.copy_(new)


def tape(work: Callable[[], None]) -> Callable[[], None]:
    work()
    made = Tape()
    with made:
        work()
    return made.replay


def prepared(prompt: Prompt, model: InstrumentedModel, size: int = 1) -> tuple[Step, list[StepExamples], Tensor]:
    """The step, the examples of each, as wide as the widest, and some beta."""
    examples = tuple(Example(text, number % 3) for number, text in enumerate(TEXTS))
    session = Session(replace(prompt, examples=examples), model)
    prefix = session.prefix(silent)
    parts = step_examples(model, session.encoded, prefix, examples, size, True, silent)
    torch.manual_seed(0)
    beta = 0.3 * torch.randn(model.n_layers, model.n_heads, len(session.encoded.demonstrations))
    return plain_step(model, session.encoded, prefix), parts, beta.requires_grad_()


def require_same(step: Step, recorded: Step, beta: Tensor, part: StepExamples) -> None:
    for wanted, found in zip(step(beta, part), recorded(beta, part), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("architecture", CONFIGURATIONS)
def test_a_recording_answers_for_every_example_and_every_beta(architecture: str, tiny: Tiny, prompt: Prompt) -> None:
    step, parts, beta = prepared(prompt, tiny(architecture))
    recorded = checked(step, beta, parts, tape)
    for part in parts:
        require_same(step, recorded, beta, part)
        with torch.no_grad():
            beta += 0.1 * torch.randn(beta.shape)


@pytest.mark.parametrize("changes", [{"scoring": "whole"}, {"calibration": ADDED}, {"calibration": SCALED}])
def test_all_scorings_can_be_recorded(changes: dict[str, Any], tiny: Tiny, prompt: Prompt) -> None:
    step, parts, beta = prepared(replace(prompt, **changes), tiny())
    recorded = checked(step, beta, parts, tape)
    require_same(step, recorded, beta, parts[2])


def test_examples_of_another_shape_are_not_replayed(tiny: Tiny, prompt: Prompt) -> None:
    step, parts, beta = prepared(prompt, tiny(), size=3)
    assert [len(part.labels) for part in parts] == [3, 1]
    recorded = checked(step, beta, parts, tape)
    for part in parts:
        require_same(step, recorded, beta, part)


def test_padding_to_one_width_changes_no_number(tiny: Tiny, prompt: Prompt) -> None:
    model = tiny()
    step, parts, beta = prepared(prompt, model)
    examples = tuple(Example(text, number % 3) for number, text in enumerate(TEXTS))
    session = Session(replace(prompt, examples=examples), model)
    narrow = step_examples(model, session.encoded, session.prefix(silent), examples, 1, False, silent)
    widths = [[part.past[0].keys.shape[2] for part in of] for of in (parts, narrow)]
    assert len(set(widths[0])) == 1
    assert len(set(widths[1])) > 1
    for padded, plain in zip(parts, narrow, strict=True):
        for wanted, found in zip(step(beta, plain), step(beta, padded), strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


def test_a_recorded_training_is_the_training(tiny: Tiny, prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    model, settings = tiny(), TrainingSettings(learning_rate=0.1, epochs=4)
    examples = tuple(Example(text, number % 3) for number, text in enumerate(TEXTS))
    session = Session(replace(prompt, examples=examples), model)
    prefix = session.prefix(silent)
    wanted, losses = train_beta(model, session.encoded, prefix, examples, settings)
    replays = []

    def recorded(step: Step, model: InstrumentedModel, beta: Tensor, parts: Any, epochs: int) -> Step:
        def counted(work: Callable[[], None]) -> Callable[[], None]:
            replay = tape(work)

            def counting() -> None:
                replays.append(1)
                replay()

            return counting

        return checked(step, beta, parts, counted)

    def alike(model: InstrumentedModel, encoded: Any, prefix: Any, examples: Any, size: int, *rest: Any) -> Any:
        return step_examples(model, encoded, prefix, examples, size, True, silent)

    monkeypatch.setattr(training, "recorded_where_possible", recorded)
    monkeypatch.setattr(training, "step_examples", alike)
    found, own = train_beta(model, session.encoded, prefix, examples, settings)
    assert len(replays) >= own.size
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-3)
    torch.testing.assert_close(torch.from_numpy(own), torch.from_numpy(losses), rtol=1e-3, atol=0)


class Outside(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses what brings a tensor to the device: a single number may be given to a kernel from outside."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = function(*args, **(kwargs or {}))
        tensors = [one for one in tree_leaves((args, found)) if isinstance(one, Tensor)]
        assert all(one.device == META or not one.dim() for one in tensors), f"{function} is between device and host"
        return found


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name not in EXPERTS])
def test_a_step_brings_nothing_to_the_device(architecture: str, prompt: Prompt) -> None:
    model = weightless(architecture)
    encoded = encode(prompt, *model.reader)
    layers: list[KeyValues] = []

    def keep(layer: int, heads: Heads, output: Tensor) -> None:
        layers.append(heads.key_values)

    with torch.no_grad():
        model.run(batch_of([encoded.prefix], 0, META), observe=keep)
    prefix = Prefix(encoded.prefix, tuple(layers), (), (), ())
    examples = [Example(text, number % 3) for number, text in enumerate(TEXTS)]
    (part, *_) = step_examples(model, encoded, prefix, examples, 1, True, silent)
    beta = torch.zeros(model.n_layers, model.n_heads, len(encoded.demonstrations), device=META, requires_grad=True)
    step = plain_step(model, encoded, prefix)
    step(beta, part)
    with Outside():  # type: ignore[no-untyped-call]
        loss, gradient = step(beta, part)
    assert gradient.shape == beta.shape
    assert loss.shape == ()


def test_a_recording_that_gives_other_numbers_is_refused(tiny: Tiny, prompt: Prompt) -> None:
    step, parts, beta = prepared(prompt, tiny())

    def stuck(work: Callable[[], None]) -> Callable[[], None]:
        work()
        return lambda: None

    with pytest.raises(AnalysisError, match="its loss is another one, by"):
        checked(step, beta, parts, stuck)


def test_where_it_is_recorded_and_where_not(tiny: Tiny, prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    step, parts, beta = prepared(prompt, tiny())
    enough = WORTH // len(parts) + 1
    assert recorded_where_possible(step, tiny(), beta, parts, enough) is step  # on the CPU
    cuda = torch.device("cuda", 0)

    def on(*devices: torch.device) -> Any:
        weights = [SimpleNamespace(device=device) for device in devices]
        return SimpleNamespace(device=cuda, notes=[], model=SimpleNamespace(parameters=lambda: weights))

    monkeypatch.setattr(recording, "on_gpu", lambda device: tape)
    whole = on(cuda, cuda)
    recorded = recorded_where_possible(step, whole, beta, parts, enough)
    assert recorded is not step
    require_same(step, recorded, beta, parts[1])
    assert recorded_where_possible(step, whole, beta, parts, 1) is step  # would take longer than it saves
    assert recorded_where_possible(step, on(cuda, torch.device("cpu")), beta, parts, enough) is step
    assert whole.notes == []

    def refusing(device: torch.device) -> Any:
        def record(work: Callable[[], None]) -> Callable[[], None]:
            raise RuntimeError("operation not permitted when stream is capturing\nmore of it")

        return record

    monkeypatch.setattr(recording, "on_gpu", refusing)
    assert recorded_where_possible(step, whole, beta, parts, enough) is step
    (note,) = whole.notes
    assert note.startswith("the steps of re-weighting could not be recorded as a CUDA graph (operation not permitted")
    assert "more of it" not in note
