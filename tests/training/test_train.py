from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from training.corpus import Dataset
from training.curriculum import Phase
from training.evaluate import Judge, Trial
from training.export import checkpoint_model, export
from training.train import Settings, fresh, train

MIX = {"clinc150": 1.0, "trec": 1.0}
PHASES = (
    Phase(steps=3, window=48, rows=4, adaptive=True, mix=MIX, offsets=False),
    Phase(steps=3, window=64, rows=2, adaptive=False, mix=MIX),
)


def settings(run: Path, workers: int = 1) -> Settings:
    return Settings(run, seed=1, workers=workers, width=96, heads=3, layers=2, phases=PHASES)


def test_a_stopped_run_goes_on_to_the_same_state(tokenizer: Tokenizer, datasets: list[Dataset], tmp_path: Path) -> None:
    at_once, in_parts = settings(tmp_path / "at_once"), settings(tmp_path / "in_parts")
    train(at_once, tokenizer, datasets)
    train(replace(in_parts, until=2), tokenizer, datasets)
    assert torch.load(in_parts.checkpoint, weights_only=True)["step"] == 2
    train(in_parts, tokenizer, datasets)
    one, two = (torch.load(run.checkpoint, weights_only=True) for run in (at_once, in_parts))
    assert one["step"] == two["step"] == 6
    assert one["curriculum"] == two["curriculum"] and len(one["curriculum"]["recent"]) == 6
    start = fresh(at_once, tokenizer, datasets).state_dict()
    for name, weight in one["model"].items():
        assert torch.equal(weight, two["model"][name]), name
    assert not torch.equal(start["transformer.wte.weight"], one["model"]["transformer.wte.weight"])
    for key, state in one["optimizer"]["state"].items():
        assert torch.equal(state["exp_avg_sq"], two["optimizer"]["state"][key]["exp_avg_sq"])
    assert not list(tmp_path.rglob("*.tmp"))


def test_the_start_is_near_the_circuit_that_copies(tokenizer: Tokenizer, datasets: list[Dataset]) -> None:
    """Before any training, the deeper layers look at the label of the demonstration that equals the query."""
    model = fresh(replace(settings(Path()), layers=4), tokenizer, datasets)
    texts = ("who wrote the song about the city", "where do the birds fly at noon this week")
    shown = f"Question: {texts[0]}\nType: Red\nQuestion: {texts[1]}\nType: Blue\n"
    for asked, right in enumerate(texts):
        encoding = tokenizer.encode(shown + f"Question: {right}\nType:")
        places = [encoding.tokens.index(word) for word in ("ĠRed", "ĠBlue")]
        with torch.inference_mode():
            attention = model(torch.tensor([encoding.ids]), output_attentions=True).attentions[2][0].mean(0)[-1]
        assert attention[places[asked]] > 2 * attention[places[1 - asked]]


def test_exported_folder_loads_and_says_the_same(tokenizer: Tokenizer, datasets: list[Dataset], tmp_path: Path) -> None:
    run = settings(tmp_path / "run")
    train(replace(run, until=1), tokenizer, datasets)
    model = fresh(run, tokenizer, datasets)
    assert checkpoint_model(run.checkpoint, model) == 1
    ids = torch.tensor([tokenizer.encode("Question: who wrote the song ?\nType:").ids])
    with torch.inference_mode():
        expected = model(ids).logits
    target = tmp_path / "model"
    export(model, tokenizer, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "run"]
    loaded = AutoModelForCausalLM.from_pretrained(target)
    assert (
        AutoTokenizer.from_pretrained(target)("Question: who wrote the song ?\nType:")["input_ids"] == ids[0].tolist()
    )
    assert loaded.config.activation_function == "gelu_new" and loaded.config.n_positions == 512
    with torch.inference_mode():
        assert torch.allclose(loaded(ids).logits, expected, atol=1e-4)
    assert expected.std() > 0.01

    judge = Judge(target)
    trec = next(dataset for dataset in datasets if dataset.name == "trec")
    trial = Trial("trec", trec, 3, 1, True, "Question: {text}\nAnswer Type:{label}")
    score = judge.score(trial, draws=range(2), seed=0)
    assert score == judge.score(trial, draws=range(2), seed=0)
    assert len(score.accuracies) == 2 and 0 <= score.mean <= 1
