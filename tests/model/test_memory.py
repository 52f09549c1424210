"""Memory: counted before it is taken, refused with a cure, and survived when it runs out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from icldiag.errors import AnalysisError, ModelError
from icldiag.model import memory
from icldiag.model.forward import InstrumentedModel
from icldiag.model.free_memory import free_memory
from icldiag.model.load import load_model
from icldiag.model.memory import GIB, Sizes, Work, cure, is_out_of_memory, shortage, sizes_of, work_of
from icldiag.model.settings import ModelSettings
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.conftest import Tiny, tiny_tokenizer, tiny_weights

ARCHITECTURES = ["gpt2", "gptj", "gpt_bigcode", "bloom", "mpt", "falcon", "falcon_40b", "llama", "gemma2", "gpt_oss"]

# 7 billion weights, as Llama 7B has them
SEVEN = Sizes(6_738_415_616, 6_476_005_376, 0, 32, 32, 32, 128, 4096, 11008, 32000)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_weights_and_cache_are_counted_exactly(architecture: str, tiny: Tiny, prompt: Prompt) -> None:
    model = tiny(architecture)
    sizes = sizes_of(model.model.config)
    held = [*model.model.parameters(), *model.model.buffers()]
    assert sizes.weights("float32") == sum(tensor.nbytes for tensor in held)
    encoded = encode(prompt, model.tokenizer)
    prefix = model.encode_prefix(encoded.prefix)
    taken = sum(cache.keys.nbytes + cache.values.nbytes for cache in prefix.key_values)
    assert sizes.cache(work_of(encoded).prefix, "float32") == taken


def test_quantised_weights_are_smaller_in_the_decoders_linear_layers_only() -> None:
    sizes = sizes_of(tiny_weights("llama").config)
    linear = sum(weight.numel() for name, weight in tiny_weights("llama").named_parameters() if "proj" in name)
    assert sizes.linear == linear
    rest = sizes.parameters - linear
    assert sizes.weights("bfloat16", 8) == rest * 2 + linear + sizes.buffers
    assert SEVEN.weights("bfloat16", 4) < SEVEN.weights("bfloat16", 8) < SEVEN.weights("bfloat16") < 13 * GIB


@pytest.mark.parametrize(
    ("dtype", "device", "free", "words"),
    [
        ("float32", "cpu", 20 * GIB, "--dtype bfloat16 needs 12.6 GiB"),
        ("float32", "cpu", 10 * GIB, "no setting makes it fit; use a smaller model"),
        ("bfloat16", "cuda", 8 * GIB, "--quantize 8 needs 6.5 GiB"),
        ("bfloat16", "cuda", 5 * GIB, "--quantize 4 needs 3.9 GiB"),
        ("bfloat16", "cuda", 3 * GIB, "--device-map auto needs 12.6 GiB"),
    ],
)
def test_the_cure_is_the_first_setting_that_fits(
    dtype: str, device: str, free: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda device: 16 * GIB)
    assert cure(ModelSettings(), SEVEN, dtype, device, free, 0) == words


def test_weights_that_do_not_fit_are_refused_before_they_are_read(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages: list[str] = []
    monkeypatch.setattr(memory, "free_memory", lambda device: 200_000)
    with pytest.raises(ModelError, match=r"weights take .* in float32, and 0 MiB are free on cpu; --dtype bfloat16"):
        load_model(ModelSettings(name=str(model_folder), device="cpu"), stages.append)
    assert "weights" not in stages
    assert free_memory("cpu") > 2**20


def test_work_that_hardly_fits_is_told_with_the_loading(
    model_folder: Path, prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shortage(ModelSettings(), SEVEN, Work(900, 60, 64), "bfloat16", "cpu", 60 * GIB) is None
    told = shortage(ModelSettings(), SEVEN, Work(900, 60, 64), "bfloat16", "cuda", 2 * GIB)
    assert told is not None and told.startswith("memory may run out in ")
    assert "isolation" in told
    stages: list[str] = []
    session = Session(prompt, ModelSettings(name=str(model_folder), device="cpu"))
    answers = iter([GIB])  # when the weights are read, and nothing afterwards
    monkeypatch.setattr(memory, "free_memory", lambda device: next(answers, 1000))
    session.load(stages.append)
    assert any(stage.startswith("warning: memory may run out in prediction") for stage in stages)
    assert any("memory may run out" in warning for warning in session.warnings)


def test_longer_prompts_need_more() -> None:
    small, large = (Work(prefix, 50, 32).analyses(SEVEN, "bfloat16", "cpu", 60 * GIB) for prefix in (200, 800))
    assert all(large[name] > small[name] for name in small)


# ---- when it runs out -----------------------------------------------------------------------------------------------

OUT = {
    "gpu": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "cpu": RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"),
    "python": MemoryError(),
}


@contextmanager
def running_out(
    model: InstrumentedModel, when: Callable[[Any, dict[str, Any]], bool], error: Exception
) -> Iterator[None]:
    """Let the model's passes fail in the middle of a layer whenever `when` says so."""
    plain = model.run

    def run(batch: Any, **options: Any) -> Any:
        if not when(batch, options):
            return plain(batch, **options)

        def fail(layer: int) -> None:
            if layer >= 1:
                raise error

        return plain(batch, **{**options, "before_layer": fail})

    model.run = run  # type: ignore[method-assign]
    try:
        yield
    finally:
        del model.run


def test_which_errors_mean_memory() -> None:
    assert all(is_out_of_memory(error) for error in OUT.values())
    assert not is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))


@pytest.mark.parametrize("kind", OUT)
@pytest.mark.parametrize("scoring", ["first", "whole"])
def test_batches_are_halved_and_the_answers_stay(kind: str, scoring: str, tiny: Tiny, prompt: Prompt) -> None:
    prompt = replace(prompt, scoring=scoring)  # type: ignore[arg-type]
    plain, session = Session(prompt, tiny()), Session(prompt, tiny())
    said: list[str] = []
    with running_out(session.model, lambda batch, options: len(batch.ids) > 2, OUT[kind]):
        found = session.prediction(lambda what, done, total: said.append(what))
        extraction = session.extraction()
        isolation = session.isolation()
        compression = session.compression(draws=1)
    wanted = plain.prediction()
    np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-5)
    np.testing.assert_allclose(found.label_mass, wanted.label_mass, atol=1e-6)
    assert [row[0].text for row in found.top_tokens] == [row[0].text for row in wanted.top_tokens]
    np.testing.assert_allclose(extraction.attention, plain.extraction().attention, atol=1e-5)
    np.testing.assert_allclose(session.confusion().distance, plain.confusion().distance, atol=1e-5)
    for mine, other in zip(isolation.settings, plain.isolation().settings, strict=True):
        np.testing.assert_allclose(mine.answers.probabilities, other.answers.probabilities, atol=1e-5)
    full = plain.compression(draws=1).hidden_anchor.answers.probabilities
    np.testing.assert_allclose(compression.hidden_anchor.answers.probabilities, full, atol=1e-5)
    assert any("memory ran out with 6 queries at once; 3 at once" in what for what in said)
    assert [note.split(";")[0] for note in session.warnings if "memory" in note] == [
        "memory ran out with 6 queries at once",
        "memory ran out with 3 queries at once",
    ]
    assert session.model.rows_at_once == 1


def test_saliency_turns_to_computing_layers_twice(tiny: Tiny, prompt: Prompt) -> None:
    plain, session = Session(prompt, tiny()), Session(prompt, tiny())
    session.prediction()
    with running_out(
        session.model, lambda batch, options: torch.is_grad_enabled() and "resume" not in options, OUT["gpu"]
    ):
        found = session.flow(1)
    np.testing.assert_allclose(found.raw, plain.flow(1).raw, rtol=1e-4, atol=1e-9)
    session.flow(0)  # does not try the other way again
    assert sum("each layer is computed twice" in note for note in session.warnings) == 1


@pytest.mark.parametrize("work", ["prediction", "saliency", "isolation", "extraction", "reweighting", "compression"])
def test_where_nothing_helps_there_is_a_sentence_and_the_session_is_still_there(
    work: str, tiny: Tiny, prompt: Prompt
) -> None:
    examples = tuple(Example(f"Who is number {i} ?", i % 3) for i in range(12))
    session = Session(replace(prompt, examples=examples), tiny())
    with (
        running_out(session.model, lambda batch, options: True, OUT["cpu"]),
        pytest.raises(AnalysisError, match="memory ran out, even with the smallest batch; use fewer"),
    ):
        getattr(session, work)()
    assert getattr(session, work)() is not None


# ---- estimated and measured -----------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks are read from Linux' /proc")
@pytest.mark.parametrize(("which", "dtype"), [("bundled", "float32"), ("random", "float32"), ("random", "bfloat16")])
def test_the_peak_of_the_process_is_met_within_half_as_much_again(which: str, dtype: str, tmp_path: Path) -> None:
    """The random model has 320 MB of weights in float32, and its files are of that dtype."""
    name = which if which == "bundled" else str(random_model(tmp_path / "random"))
    prompt = tmp_path / "prompt.yaml"
    prompt.write_text(
        "template: 'Question: {text}\\nAnswer Type:{label}'\nlabels: {Person: ' Person', Place: ' Location'}\n"
        "demonstrations:\n"
        + "".join(f"- {{text: 'Who wrote the opera number {n} in the park ?', label: Person}}\n" for n in range(3))
        + "queries:\n"
        + "".join(f"- {{text: 'Where does the river number {n} meet the sea ?', label: Place}}\n" for n in range(8))
    )
    works = ("prediction", "flow")
    done = subprocess.run(
        [sys.executable, "-m", "tests.model.measured_memory", name, dtype, str(prompt), *works],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    peaks = json.loads(done.stdout)
    assert set(peaks) == {"loading", *works}
    for work, (measured, estimated) in peaks.items():
        assert 1 / 1.5 < measured / estimated < 1.5, (work, measured >> 20, estimated >> 20)


def random_model(folder: Path) -> Path:
    """A Llama of 80 million weights that were never trained."""
    sizes = {"hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 6, "num_attention_heads": 16}
    config = transformers.LlamaConfig(vocab_size=4000, num_key_value_heads=8, max_position_embeddings=512, **sizes)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    model.to_empty(device="cpu")
    for weight in model.parameters():  # much quicker than drawing each number
        weight.data.view(-1).copy_(torch.randn(1000).mul(0.02).repeat(weight.numel() // 1000 + 1)[: weight.numel()])
    model.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder
