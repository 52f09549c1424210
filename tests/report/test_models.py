"""One prompt on two models: other architectures, other tokenizers, one after the other in memory."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from icldiag import session
from icldiag.analyses.effect import mcnemar
from icldiag.cli import main
from icldiag.errors import AnalysisError, ModelError, PromptError
from icldiag.model import memory
from icldiag.model.forward import InstrumentedModel
from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.page.blocks import Part, Table
from icldiag.page.html import page_as_html
from icldiag.page.terminal import page_as_text
from icldiag.prompt.schema import Label, Prompt
from icldiag.prompt.write import as_yaml
from icldiag.report.models import ModelComparison, compare_models
from icldiag.session import Session
from tests.conftest import Tiny, tiny_weights
from tests.tokenizers_made_here import CORPUS


def other_tokenizer(size: int) -> Any:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=["<|end|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", bos_token="<|end|>")


@pytest.fixture(scope="session")
def llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama whose tokenizer cuts the labels into other tokens than GPT-2's here."""
    folder: Path = tmp_path_factory.mktemp("llama")
    tiny_weights("llama").save_pretrained(folder)
    other_tokenizer(315).save_pretrained(folder)
    return folder


def part(found: ModelComparison, name: str) -> Part:
    return next(part for part in found.page.parts if part.name == name)


def table(found: Part, name: str) -> Table:
    return next(block for block in found.blocks if isinstance(block, Table) and block.name == name)


def test_what_it_says_is_what_each_model_answers_alone(prompt: Prompt, tiny: Tiny, llama_folder: Path) -> None:
    a, b = tiny(), load_model(ModelSettings(str(llama_folder)))
    found = compare_models(prompt, a, b)
    first, second = (Session(prompt, model).prediction() for model in (a, b))
    tokens = [Session(prompt, model).encoded.label_tokens for model in (a, b)]
    assert [len(row) for row in tokens[0]] != [len(row) for row in tokens[1]]  # cut in other pieces
    right = [
        (gold == first.predicted[query], gold == second.predicted[query])
        for query, gold in enumerate(prompt_gold(prompt))
        if gold is not None
    ]
    only_a, only_b = right.count((True, False)), right.count((False, True))
    assert only_a + only_b > 0
    assert f"p = {mcnemar(only_a, only_b):.2g}" in found.reading
    assert f"answers {max(only_a, only_b)} quer" in found.reading
    listed: dict[Any, Any] = {(row[0], row[1]): row[2:4] for row in table(part(found, "answers"), "probabilities").rows}
    assert listed == {
        (query + 1, name): (
            pytest.approx(first.probabilities[query, label]),
            pytest.approx(second.probabilities[query, label]),
        )
        for query in range(len(prompt.queries))
        for label, name in enumerate(prompt.label_names)
    }
    curves = table(part(found, "depth"), "depth").rows
    depths = [Session(prompt, model).depths() for model in (a, b)]
    assert [row[3] for row in curves] == [pytest.approx(value) for depth in depths for value in depth.accuracy]
    assert [row[2] for row in curves if row[0] == "b"][-1] == 1
    assert [one.name for one in found.page.parts] == ["answers", "overview", "depth", "setup"]
    measures = {row[0]: row[1:] for row in table(part(found, "overview"), "measures").rows}
    assert measures["accuracy"] is not None
    for measure, model in zip(measures["AUC"], (a, b), strict=True):
        separability = Session(prompt, model).overview().separability
        assert separability is not None
        assert measure == str(separability.auc)
    assert "<script>" not in page_as_html(found.page)


def prompt_gold(prompt: Prompt) -> list[int | None]:
    return [query.label for query in prompt.queries]


@pytest.mark.parametrize("queries", [6, 1])
def test_without_gold_labels(prompt: Prompt, tiny: Tiny, queries: int) -> None:
    bare = replace(prompt, queries=tuple(replace(query, label=None) for query in prompt.queries[:queries]))
    found = compare_models(bare, tiny(), tiny("llama"))
    assert "gold label" in found.reading
    text = " ".join(page_as_text(found.page).split())
    assert "accuracy is undefined without gold labels" in text
    assert "By the lens every answer leads" in text
    assert "McNemar" not in text


def test_one_query_and_two_labels(prompt: Prompt, tiny: Tiny) -> None:
    shown = tuple(example for example in prompt.demonstrations if example.label != 2)
    two = replace(prompt, labels=prompt.labels[:2], demonstrations=shown, queries=prompt.queries[:1])
    found = compare_models(two, tiny(), tiny("llama"), only=["prediction", "overview"])
    assert found.reading.startswith(("Both models answer ", "Model a answers "))
    assert len(table(part(found, "answers"), "probabilities").rows) == 2
    assert "depth" not in [one.name for one in found.page.parts]


def test_a_label_that_one_model_cannot_score_is_refused_by_name(prompt: Prompt, tiny: Tiny) -> None:
    bytes_only = InstrumentedModel(tiny_weights("llama"), other_tokenizer(257), "bytes")
    with pytest.raises(PromptError, match="on model 'bytes': 'Person' and 'Location' begin with the same token"):
        compare_models(prompt, tiny(), bytes_only)
    short = replace(prompt, scoring="whole", demonstrations=prompt.demonstrations[:1], queries=prompt.queries[2:4])
    whole = compare_models(short, tiny(), bytes_only, only=["prediction"])
    assert whole.b["prediction"]["labels"] == list(prompt.label_names)


def test_the_first_model_is_gone_before_the_second_is_loaded(
    prompt: Prompt, model_folder: Path, llama_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[weakref.ref[Any]] = []

    def load(settings: ModelSettings, stage: Callable[[str], None]) -> InstrumentedModel:
        assert [model() for model in loaded] == [None] * len(loaded)
        found = load_model(settings, stage)
        loaded.append(weakref.ref(found.model))
        return found

    monkeypatch.setattr(session, "load_model", load)
    told: list[str] = []
    compare_models(prompt, model_folder, llama_folder, progress=lambda what, done, total: told.append(what))
    assert len(loaded) == 2
    for sentence, folder in zip(told[:2], (model_folder, llama_folder), strict=True):  # before anything is computed
        assert sentence.startswith(f"model '{folder}': ")
        assert "of weights in float32" in sentence


def test_both_that_do_not_fit_are_refused_with_the_cure_before_any_is_loaded(
    prompt: Prompt, model_folder: Path, llama_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda device: 1000)
    monkeypatch.setattr(session, "load_model", lambda *given: pytest.fail("loaded"))
    with pytest.raises(ModelError) as caught:
        compare_models(prompt, model_folder, llama_folder)
    for folder in (model_folder, llama_folder):
        assert f"model '{folder}': its weights take" in str(caught.value)
    assert str(caught.value).count("use a smaller model") == 2


def test_the_same_model_twice_is_refused(prompt: Prompt, model_folder: Path) -> None:
    with pytest.raises(AnalysisError, match="the same; name another"):
        compare_models(prompt, model_folder, str(model_folder))


def test_redacted_texts_are_nowhere(prompt: Prompt, tiny: Tiny) -> None:
    named = replace(prompt, labels=(Label("person", " Person"), *prompt.labels[1:]))
    found = compare_models(named, tiny(), tiny("llama"), redact=True)
    text = page_as_html(found.page)
    assert "person" in text
    assert not [query.text for query in prompt.queries if query.text and query.text in text]
    assert len(found.a["prediction"]["queries"]) == 6
    assert "6 answers differ" in found.reading or "answers are the same" in found.reading


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["icldiag", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        shown = capsys.readouterr()
        return int(caught.value.code or 0), shown.out, shown.err

    return call


def test_the_command(
    prompt: Prompt,
    model_folder: Path,
    llama_folder: Path,
    tmp_path: Path,
    run: Callable[..., tuple[int, str, str]],
) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(as_yaml(prompt))
    common = ("report", str(path), "--model", str(model_folder), "--against")
    code, out, told = run(*common, str(llama_folder))
    assert code == 0, told
    assert out.startswith("icldiag: one prompt on two models\n")
    assert "loading: model b: weights" in told
    folder = tmp_path / "tables"
    assert run(*common, str(llama_folder), "--format", "csv", "-o", str(folder))[0] == 0
    assert {"answers-probabilities.csv", "overview-measures.csv", "depth-depth.csv"} <= {
        file.name for file in folder.iterdir()
    }
    for more, words in (
        ((str(model_folder),), "--against names the same model as --model; name another"),
        ((str(llama_folder), "--format", "json"), "--format json is a report of one model"),
        ((str(llama_folder), "-o", str(tmp_path / "r.json")), "--format json is a report of one model"),
        ((str(llama_folder), "--beta", "b.safetensors"), "--beta is for one model"),
        ((str(llama_folder), "--layer", "1"), "--layer is for confusion, which --only leaves out"),
        (("./nowhere",), "nowhere"),
    ):
        code, out, told = run(*common, *more)
        assert (code > 0, out, told.count("\n")) == (True, "", 1), (more, told)
        assert words in told
