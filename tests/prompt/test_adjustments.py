"""A calibration and a beta in a prompt file: what is read, refused, written and taken off."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from icldiag.errors import PromptError
from icldiag.prompt.adjustments import Calibration, SavedBeta
from icldiag.prompt.edit import ask, drop, rename_word, swap
from icldiag.prompt.read import read_prompt
from icldiag.prompt.rewrite import rewritten, write_prompt
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.prompt.write import as_yaml
from icldiag.samples import sample_names, sample_path

COMMENTED = """\
# Who and where.
template: "Question: {text}\\nAnswer Type:{label}"   # as in the paper
labels:
    Person: "-who"
    No: '-where'
demonstrations:
  - {text: "Who wrote it ?", label: Person}
  # a hard one
  - text: Where is it ?
    label: No
queries: {file: queries.jsonl, limit: 2}
"""


@pytest.fixture
def commented(tmp_path: Path) -> Path:
    rows = [{"text": "Who ?", "label": "Person"}, {"text": "Where ?", "label": "No"}]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, rows)))
    path = tmp_path / "prompt.yaml"
    path.write_text(COMMENTED)
    return path


def with_fields(path: Path, fields: str) -> Path:
    path.write_text(COMMENTED + fields)
    return path


def test_a_calibration_and_a_beta_are_read_in_the_labels_order(commented: Path) -> None:
    (commented.parent / "b.safetensors").write_bytes(b"beta")
    fields = "calibration: {kind: batch, probabilities: {No: 0.25, Person: 0.75}}\nbeta: b.safetensors\n"
    prompt = read_prompt(with_fields(commented, fields))
    assert prompt.calibration == Calibration("batch", (-math.log(0.75), -math.log(0.25)))
    assert prompt.beta == SavedBeta(commented.parent / "b.safetensors", hashlib.sha256(b"beta").hexdigest())


@pytest.mark.parametrize(
    ("fields", "place", "reason"),
    [
        ("calibration: 3", ":12: calibration: ", "expected {kind: contextual or domain-context or batch"),
        (
            "calibration:\n  kind: other\n  probabilities: {Person: 1}",
            ":13: calibration.kind: ",
            "must be 'contextual'",
        ),
        ("calibration: {kind: batch}", ":12: calibration.probabilities: ", "this field is missing"),
        (
            "calibration:\n  kind: batch\n  probabilities:\n    Person: 0.5\n    Nobody: 0.5",
            ":16: calibration.probabilities.Nobody: ",
            "there is no class 'Nobody'",
        ),
        ("calibration: {kind: batch, probabilities: {Person: 1}}", ":12: ", "no number for the class 'No'"),
        (
            "calibration: {kind: batch, probabilities: {Person: 0, No: 1}}",
            ":12: ",
            "0 is no probability to divide by",
        ),
        ("calibration: {kind: batch, probabilities: {Person: nan, No: 1}}", ":12: ", "nan will not do here"),
        (
            "calibration: {kind: matrix, matrix: {Person: {Person: 1}, No: {}}, bias: {Person: 0, No: 0}}",
            ":12: calibration.matrix.Person: ",
            "no number for the class 'No'",
        ),
        (
            "calibration: {kind: affine, scale: {Person: 1, No: 1}, bias: {Person: inf, No: 0}}",
            ":12: ",
            "inf will not do here; write a number from -1e+06 to 1e+06",
        ),
        (
            "calibration: {kind: affine, scale: {Person: 1, No: -1.0e+308}, bias: {Person: 0, No: 0}}",
            ":12: ",
            "-1e+308 will not do here; write a number from -1e+06 to 1e+06",
        ),
        ("calibration: {kind: affine, scale: {Person: 1, No: 1}}", ":12: calibration.bias: ", "this field is missing"),
        (
            "calibration: {kind: affine, probabilities: {Person: 0.5, No: 0.5}}",
            ":12: ",
            "which has scale and bias; remove it",
        ),
        ("calibration: {kind: batch, bias: {Person: 1, No: 1}}", ":12: ", "which has probabilities; remove it"),
        ("calibration: {kind: batch, probabilities: {Person: 0.5, No: 0.7}}", ":12: ", "the numbers sum to 1.2"),
        ("calibration: {kind: batch, probabilities: {Person: much, No: 1}}", ":12: ", "expected a number"),
        ("beta: none.safetensors", ":12: beta: ", "none.safetensors' cannot be read (No such file"),
        ("scoring: some", ":12: scoring: ", "must be 'first', 'whole', 'terminated', 'per_token', 'per_byte' or 'pmi'"),
    ],
)
def test_complaints_name_line_field_and_cure(commented: Path, fields: str, place: str, reason: str) -> None:
    with pytest.raises(PromptError) as caught:
        read_prompt(with_fields(commented, fields))
    assert place in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e300, -2e6])
def test_numbers_that_drown_all_others_are_refused(number: float) -> None:
    """Python's too: their sums would be no numbers, and be told."""
    sound = Calibration("affine", (0.0, 0.0), scale=(1.0, 1.0))
    wrong: dict[str, Any] = {"bias": (0.0, number), "scale": (number, 1.0), "matrix": ((number, 0.0), (0.0, 1.0))}
    for field, value in wrong.items():
        with pytest.raises(PromptError, match=rf"{field}\[.* must be"):
            replace(sound, **{field: value})
    with pytest.raises(PromptError, match="weight must be"):
        sound.with_votes(3, number)


def test_a_prompt_without_them_has_the_hash_it_always_had(prompt: Prompt) -> None:
    """Saved betas and stored results of earlier versions are found by it."""
    content = asdict(replace(prompt, name=""))
    for later in (
        "calibration",
        "beta",
        "chat",
        "instruction_separator",
        "notes",
        "query_template",
        "fields",
        "retrieval",
        "logged",
    ):
        del content[later]
    for example in (*content["demonstrations"], *content["queries"], *content["examples"]):
        del example["id"], example["fields"], example["demonstrations"]
    assert prompt.hash == hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    calibrated = replace(prompt, calibration=Calibration.dividing("batch", (0.5, 0.2, 0.3)))
    weighted = replace(prompt, beta=SavedBeta(Path("a"), "1"))
    assert len({prompt.hash, calibrated.hash, weighted.hash}) == 3
    assert weighted.hash == replace(prompt, beta=SavedBeta(Path("elsewhere"), "1")).hash


def test_written_and_read_back(prompt: Prompt, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"beta")
    by = Calibration.dividing("contextual", (1 / 3, 0.6666666, 1e-12))
    changed = replace(prompt, calibration=by, beta=SavedBeta.at(tmp_path / "x.safetensors"))
    text = as_yaml(changed, tmp_path)
    assert "beta: x.safetensors" in text
    assert write_prompt(text, tmp_path / "written.yaml").hash == changed.hash
    scaled = replace(prompt, calibration=Calibration.affine("affine", (0.123456789, 1, 20), (-1e-7, 0, 3.3333333)))
    assert read_back(scaled, tmp_path) == scaled.calibration
    mixed = replace(prompt, calibration=Calibration.affine("matrix", np.arange(9).reshape(3, 3) / 7, (0, 1, 2)))
    assert read_back(mixed, tmp_path) == mixed.calibration
    assert str(tmp_path / "x.safetensors") in as_yaml(changed)


def read_back(prompt: Prompt, folder: Path) -> Calibration | None:
    return write_prompt(as_yaml(prompt, folder), folder / "again.yaml").calibration


def test_changing_the_demonstrations_takes_them_off(prompt: Prompt) -> None:
    adjusted = replace(
        prompt, calibration=Calibration.dividing("batch", (0.5, 0.2, 0.3)), beta=SavedBeta(Path("a"), "1")
    )
    for changed in (swap(adjusted, 0, 1), drop(adjusted, 3), rename_word(adjusted, 1, "Place")):
        assert changed.calibration is None
        assert changed.beta is None
    assert ask(adjusted, "Who ?").calibration == adjusted.calibration


def test_the_users_file_keeps_its_comments_and_style(commented: Path) -> None:
    prompt = read_prompt(commented)
    elsewhere = commented.parent / "repaired"
    elsewhere.mkdir()
    first, second = prompt.demonstrations
    changed = replace(
        prompt,
        demonstrations=(second, Example("Who's: there #1 ?", 0), first),
        labels=(prompt.labels[0], Label("No", "-place")),
        calibration=Calibration.dividing("batch", (0.5, 0.5)),
    )
    old, new = rewritten(prompt, changed, elsewhere)
    assert old == COMMENTED
    kept = ("# Who and where.", "# as in the paper", '    Person: "-who"', "    No: '-place'")
    assert all(line in new for line in kept)
    assert '  - {text: "Who wrote it ?", label: Person}' in new
    assert "../queries.jsonl" in new
    assert write_prompt(new, elsewhere / "p.yaml").hash == changed.hash


@pytest.mark.parametrize("name", sample_names())
def test_a_changed_sample_holds_its_examples_and_leaves_home(name: str, tmp_path: Path) -> None:
    prompt = read_prompt(sample_path(name))
    changed = swap(prompt, 0, 1)
    old, new = rewritten(prompt, changed, tmp_path)
    assert "file:" not in new
    assert write_prompt(new, tmp_path / "p.yaml").hash == changed.hash
    assert old.splitlines()[0] == sample_path(name).read_text().splitlines()[0]
    of_changed = set(old.splitlines()) ^ set(new.splitlines())
    assert len(of_changed) == 0  # the same lines in another order: a diff shows no example


def test_a_list_of_labels_becomes_a_mapping_for_another_word(commented: Path) -> None:
    text = COMMENTED.replace("""labels:\n    Person: "-who"\n    No: '-where'\n""", "labels: [Person, No]\n")
    commented.write_text(text)
    prompt = read_prompt(commented)
    changed = rename_word(prompt, 1, "Place")
    new = rewritten(prompt, changed, commented.parent)[1]
    assert write_prompt(new, commented.parent / "p.yaml").labels == changed.labels


def test_a_prompt_that_is_no_yaml_file_is_written_in_full(prompt: Prompt, tmp_path: Path) -> None:
    changed = drop(prompt, 0)
    old, new = rewritten(prompt, changed, tmp_path)
    assert (old, new) == (as_yaml(prompt, tmp_path), as_yaml(changed, tmp_path))
    document = {
        "template": "{text} =>{label}",
        "labels": ["a", "b"],
        "demonstrations": [{"text": "x", "label": "a"}, {"text": "y", "label": "b"}],
        "queries": [{"text": "z"}],
    }
    path = tmp_path / "p.json"
    path.write_text(json.dumps(document))
    read = read_prompt(path)
    assert write_prompt(rewritten(read, drop(read, 0), tmp_path)[1], tmp_path / "q.yaml").hash == drop(read, 0).hash


@pytest.mark.parametrize(
    "named",
    [
        "demonstrations: {file: shown.csv}   # from last year\n\n# to be asked\n",
        "demonstrations:   # from last year\n    file: shown.csv\n    limit: 2\n\n# to be asked\n",
    ],
)
def test_demonstrations_in_a_data_file_are_listed_when_they_change(commented: Path, named: str) -> None:
    (commented.parent / "shown.csv").write_text("id,text,label\n7,Who wrote it ?,Person\n8,Where is it ?,No\n")
    before, _, queries = COMMENTED.partition("demonstrations:")
    commented.write_text(before + named + queries[queries.index("queries:") :])
    prompt = read_prompt(commented)
    elsewhere = commented.parent / "repaired"
    elsewhere.mkdir()
    kept = rename_word(prompt, 1, "Place")
    new = rewritten(prompt, kept, elsewhere)[1]
    assert "../shown.csv" in new
    assert write_prompt(new, elsewhere / "kept.yaml").hash == kept.hash
    changed = swap(prompt, 0, 1)
    new = rewritten(prompt, changed, elsewhere)[1]
    assert "shown.csv" not in new
    assert '  - {text: "Where is it ?", label: No, id: ' in new
    assert all(comment in new for comment in ("# Who and where.", "# from last year", "\n# to be asked\nqueries:"))
    assert write_prompt(new, elsewhere / "p.yaml").hash == changed.hash
    assert write_prompt(as_yaml(changed, elsewhere), elsewhere / "full.yaml").hash == changed.hash


def test_a_calibration_says_what_it_was_fitted_on(prompt: Prompt, tmp_path: Path) -> None:
    plain = Calibration.dividing("batch", (0.5, 0.3, 0.2))
    fitted = plain.fitted_on("/models/small")
    assert fitted.model == "small"  # no folder of the user goes into a file
    assert replace(prompt, calibration=fitted).hash == replace(prompt, calibration=plain).hash
    assert plain.warning("large") is fitted.warning("elsewhere/small") is None
    assert "fitted on the scores of 'small' and is applied to those of 'large'" in (fitted.warning("a/large") or "")
    file = tmp_path / "fitted.yaml"
    file.write_text(as_yaml(replace(prompt, calibration=fitted)), encoding="utf-8")
    assert read_prompt(file).calibration == fitted
