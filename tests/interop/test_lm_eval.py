"""The round trip with lm-evaluation-harness itself: what it logs on the bundled model, imported, gives its answers.

Needs the extra `interop`; .ci/run installs it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from icldiag.errors import PromptError
from icldiag.model.settings import BUNDLED_PATH
from icldiag.prompt.lm_eval.choice import Choice
from icldiag.prompt.lm_eval.convert import import_log
from icldiag.prompt.read import read_prompt
from icldiag.samples import sample_path
from icldiag.session import Session
from tests.eager import plain_word_scores

pytest.importorskip("lm_eval")
pytest.importorskip("accelerate")

CHAT = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content | trim }}<|endoftext|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def _tasks(folder: Path) -> list[str]:
    """Write four tasks on the banking sample's demonstrations and queries, and the data that they read."""
    prompt = read_prompt(sample_path("banking"))
    words = [label.word.strip() for label in prompt.labels]
    for split, examples in (("train", prompt.demonstrations), ("test", prompt.queries[::3])):
        lines = [json.dumps({"message": example.text, "intent": example.label}) for example in examples]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    common: dict[str, Any] = {
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {s: str(folder / f"{s}.jsonl") for s in ("train", "test")}},
        "training_split": "train",
        "test_split": "test",
        "fewshot_split": "train",
        "fewshot_config": {"sampler": "first_n"},
        "num_fewshot": len(prompt.demonstrations),
        "fewshot_delimiter": "\n",
        "doc_to_text": "Message: {{message}}\nIntent:",
        "doc_to_target": "intent",
    }
    choice = {"output_type": "multiple_choice", "doc_to_choice": words}
    named = '{{["' + '", "'.join(words) + '"][intent]}}'
    several = [{"name": name, "filter": [{"function": "take_first"}]} for name in ("one", "two")]
    tasks: dict[str, dict[str, Any]] = {
        "choice": {**choice, "metric_list": [{"metric": "acc"}]},
        "informed": {
            **choice,
            "metric_list": [{"metric": "acc"}, {"metric": "acc_mutual_info"}],
            "description": "Sort the messages.\n\n",
            "doc_to_text": "{{message}} =>",
        },
        "normed": {
            **choice,
            "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
            "doc_to_choice": [
                f"{word} {'question of a customer ' * place}".strip() for place, word in enumerate(words)
            ],
        },
        "sampled": {
            **choice,
            "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
            "num_fewshot": 3,
            "fewshot_config": {"sampler": "default"},
        },
        "generated": {
            "output_type": "generate_until",
            "metric_list": [{"metric": "exact_match"}],
            "generation_kwargs": {"until": ["\n"], "do_sample": False, "max_gen_toks": 8},
            "filter_list": several,
            "doc_to_target": named,
        },
    }
    for name, task in tasks.items():
        (folder / f"bank_{name}.yaml").write_text(yaml.safe_dump({"task": f"bank_{name}", **common, **task}))
    return [f"bank_{name}" for name in tasks]


def _run(folder: Path, model: Path, tasks: list[str], *more: str) -> Path:
    """Run the harness as a user does, offline; returns the folder that holds its files."""
    command = [sys.executable, "-m", "lm_eval", "--model", "hf", "--model_args", f"pretrained={model}"]
    command += ["--tasks", ",".join(tasks), "--include_path", str(folder), "--output_path", str(folder / "out")]
    command += ["--log_samples", "--device", "cpu", "--batch_size", "8", *more]
    offline = dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"), "1")
    done = subprocess.run(
        command, env={**os.environ, **offline, "HF_HOME": str(folder / "hf")}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (made,) = (folder / "out").iterdir()
    return made


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    return _run(folder, BUNDLED_PATH, _tasks(folder))


def samples(folder: Path, task: str) -> Path:
    (found,) = folder.glob(f"samples_bank_{task}_*.jsonl")
    return found


def log_likelihoods(path: Path, classes: int) -> np.ndarray[Any, Any]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return np.array([[float(answer[0]) for answer in row["filtered_resps"][:classes]] for row in rows])


def softmax(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(chances / chances.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("task", ["choice", "informed"])
@pytest.mark.parametrize("with_results", [True, False])
def test_every_document_is_answered_as_the_harness_did(
    logged: Path, task: str, with_results: bool, tmp_path: Path
) -> None:
    path = samples(logged, task)
    if not with_results:
        path = Path(shutil.copy(path, tmp_path / "samples.jsonl"))
    found = import_log(path)
    assert found.inferred == (not with_results)
    prediction = Session(found.prompt, "bundled").prediction()
    assert len(prediction) == 16
    assert [prediction.labels[label] for label in prediction.predicted] == list(found.given.values())
    assert prediction.correct == found.right
    wanted = softmax(log_likelihoods(path, len(prediction.labels)))
    np.testing.assert_allclose(prediction.probabilities, wanted, atol=2e-4)


def test_documents_with_demonstrations_of_their_own(logged: Path) -> None:
    path = samples(logged, "sampled")
    with pytest.raises(PromptError, match="import all with --per-document"):
        import_log(path)
    wanted = softmax(log_likelihoods(path, 6))
    for document in (0, 5, 11):
        found = import_log(path, None, Choice(document=str(document)))
        prediction = Session(found.prompt, "bundled").prediction()
        np.testing.assert_allclose(prediction.probabilities[0], wanted[document], atol=2e-4)


def metric(path: Path, name: str) -> list[bool]:
    """Of each document, in their order."""
    rows = sorted((json.loads(line) for line in path.read_text().splitlines()), key=lambda row: int(row["doc_id"]))
    return [bool(row[name]) for row in rows]


def test_acc_and_acc_norm_are_scorings(logged: Path) -> None:
    """Label words of one to six times as many tokens, so that the two differ; every document to the digit."""
    path = samples(logged, "normed")
    assert metric(path, "acc") != metric(path, "acc_norm")
    found = import_log(path)
    ways = Session(found.prompt, "bundled").scorings()
    for scoring, name in (("whole", "acc"), ("per_byte", "acc_norm")):
        assert list(ways.right(ways.of(scoring)) or ()) == metric(path, name)  # type: ignore[arg-type]
        assert ways.accuracy(ways.of(scoring)) == np.mean(metric(path, name))  # type: ignore[arg-type]
    assert any("acc_norm" in note and "per_byte" in note for note in found.notes)


def test_acc_mutual_info_is_the_score_against_the_word_alone(logged: Path) -> None:
    """The harness subtracts the answer's log-probability after nothing but its first token; `pmi` after the template's
    own end as well."""
    path = samples(logged, "informed")
    session = Session(import_log(path).prompt, "bundled")
    labels, tokenizer = len(session.prompt.labels), session.model.tokenizer
    rows = sorted((json.loads(line) for line in path.read_text().splitlines()), key=lambda row: int(row["doc_id"]))
    logged_alone = [[float(answer[0]) for answer in row["filtered_resps"][labels:]] for row in rows]
    first = [tokenizer.bos_token_id or tokenizer.eos_token_id]
    alone = plain_word_scores(session.model, first, session.encoded.label_tokens).numpy()
    np.testing.assert_allclose(logged_alone, np.tile(alone, (len(rows), 1)), atol=2e-4)
    against = session.prediction().scores - alone
    gold = [query.label for query in session.prompt.queries]
    assert (against.argmax(1) == gold).tolist() == metric(path, "acc_mutual_info")
    assert metric(path, "acc") != metric(path, "acc_mutual_info")


def test_every_document_with_its_own_demonstrations_at_once(logged: Path) -> None:
    path = samples(logged, "sampled")
    prompt = import_log(path, None, Choice(per_document=True)).prompt
    session = Session(prompt, "bundled")
    np.testing.assert_allclose(session.prediction().probabilities, softmax(log_likelihoods(path, 6)), atol=2e-4)
    ways = session.scorings()
    assert list(ways.right(ways.of("whole")) or ()) == metric(path, "acc")
    assert list(ways.right(ways.of("per_byte")) or ()) == metric(path, "acc_norm")
    assert session.overview().verdict


def test_generated_answers(logged: Path) -> None:
    path = samples(logged, "generated")
    first, second = (import_log(path, None, Choice(filter=name)) for name in ("one", "two"))
    assert first == second
    assert len(first.prompt.queries) == 16
    session = Session(first.prompt, "bundled")
    prediction, written = session.prediction(), session.generation()
    given = [first.given[query.id or ""].strip() for query in first.prompt.queries]
    for answer, label in zip(given, prediction.predicted, strict=True):  # where it generated a label, it is ours
        assert answer == prediction.labels[label] or answer not in prediction.labels
    assert sum(answer in prediction.labels for answer in given) >= 8
    for answer, text in zip(given, written.texts, strict=True):  # the harness ends after 8 tokens
        assert text.strip().startswith(answer)


def test_chat_turns(tmp_path: Path) -> None:
    model = tmp_path / "chatty"
    shutil.copytree(BUNDLED_PATH, model)
    settings = json.loads((model / "tokenizer_config.json").read_text())
    (model / "tokenizer_config.json").write_text(json.dumps({**settings, "chat_template": CHAT}))
    _tasks(tmp_path)
    folder = _run(tmp_path, model, ["bank_choice"], "--apply_chat_template")
    found = import_log(samples(folder, "choice"))
    assert "<|assistant|>" in found.prompt.template
    prediction = Session(found.prompt, str(model)).prediction()
    assert [prediction.labels[label] for label in prediction.predicted] == list(found.given.values())
    wanted = softmax(log_likelihoods(samples(folder, "choice"), 6))
    np.testing.assert_allclose(prediction.probabilities, wanted, atol=2e-4)
