"""Sweep files: what they say, and what is wrong with them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from icldiag.errors import PromptError
from icldiag.samples import sample_path
from icldiag.sweeps.plan import read_plan
from tests.sweeps.conftest import Write


def test_a_plan_holds_what_the_file_says(sweep_file: Write) -> None:
    plan = read_plan(sweep_file("[prediction, reweighting]", seeds="[7, 9]"))
    (task,) = plan.tasks
    assert (plan.name, plan.seeds, plan.analyses) == ("sweep", (7, 9), ("prediction", "reweighting"))
    assert (task.shots, task.more_shots, len(task.pool), len(task.queries)) == ((1, 1), (2, 2), 20, 12)
    assert plan.settings.epochs == 2
    assert not plan.settings.timed


def test_a_number_of_seeds_counts_from_zero(sweep_file: Write) -> None:
    assert read_plan(sweep_file(seeds="3")).seeds == (0, 1, 2)


def test_data_may_lie_elsewhere(sweep_file: Write, tmp_path: Path) -> None:
    path = sweep_file()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("train.jsonl", "test.jsonl"):
        shutil.move(tmp_path / name, elsewhere / name)
    with pytest.raises(
        PromptError, match=r"sweep.yaml:5: prompts.kind.data: there is no file '.*train.jsonl'; the path"
    ):
        read_plan(path)
    assert len(read_plan(path, elsewhere).tasks[0].pool) == 20


def test_long_texts_and_texts_that_were_shown_are_left_out(sweep_file: Write, tmp_path: Path) -> None:
    path = sweep_file()
    path.write_text(path.read_text().replace("more_shots: 2", "longest: 5"))
    with (tmp_path / "test.jsonl").open("a") as file:
        file.write('\n{"text": "Who train the opera 0 ?", "label": "Person"}')
        file.write('\n{"text": "Where is the sea ?", "label": "Location"}')
    with (tmp_path / "train.jsonl").open("a") as file:
        file.write('\n{"text": "Who ?", "label": "Person"}\n{"text": "Where ?", "label": "Location"}')
    plan = read_plan(path)
    assert [example.text for example in plan.tasks[0].pool] == ["Who ?", "Where ?"]
    assert [query.text for query in plan.tasks[0].queries] == ["Where is the sea ?"]
    assert plan.notes == (
        "kind: texts of more than 5 words are left out: 20 of 22 in train.jsonl, 13 of 14 in test.jsonl",
    )


def test_texts_with_two_labels_are_told(sweep_file: Write, tmp_path: Path) -> None:
    path = sweep_file()
    with (tmp_path / "train.jsonl").open("a") as file:
        file.write('\n{"text": "Who ?", "label": "Person"}' * 2 + '\n{"text": "Who ?", "label": "Location"}')
    plan = read_plan(path)
    assert [example.label for example in plan.tasks[0].pool if example.text == "Who ?"] == [1]
    assert plan.notes == ("kind: 1 text of train.jsonl with more than one label, such as 'Who ?': the last counts",)


def test_a_prompt_file_is_drawn_again_from_its_own_texts(sweep_file: Write) -> None:
    path = sweep_file()
    head, _ = path.read_text().split("prompts:")
    path.write_text(f"{head}prompts:\n  own: {{prompt: {sample_path('emotion')}}}\nanalyses: [prediction]\n")
    (task,) = read_plan(path).tasks
    assert task.shots == (1, 1, 1, 1)
    assert not task.shape.demonstrations
    assert len(task.pool) > 40


@pytest.mark.parametrize(
    ("old", "new", "line", "complaint"),
    [
        ("seeds: 2", "seeds: many", 2, "seeds: expected a number of seeds, or a list"),
        ("queries: 6", "querys: 6", 10, "prompts.kind.querys: there is no such field; did you mean 'queries'?"),
        ("queries: 6", "queries: 0", 10, "prompts.kind.queries: must be at least 1"),
        ("labels: [Person, Location]", "labels: [Person]", 8, "prompts.kind.labels: at least two classes are needed"),
        ("data: train.jsonl", "text: text", 4, "prompts.kind: write either 'prompt', a prompt file, or 'data'"),
        ("{text}", "{test}", 7, "prompts.kind.template: the template names {test}, and train.jsonl has no"),
        ("more_shots: 2", "more_shots: 11", 9, "'Person' has 10 texts to draw 11 demonstrations from"),
        ("[prediction, extraction]", "[accuracy]", 12, "analyses[0]: must be 'overview', 'prediction', 'confusion'"),
        ("[prediction, extraction]", "[prediction, prediction]", 12, "analyses[1]: is listed twice; remove one"),
        ("draws: 2", "draw: 2", 13, "settings.draw: there is no such field; did you mean 'draws'?"),
        (
            "models: [",
            "models: [{name: gpt2, dtyp: float16}, ",
            1,
            "models[0].dtyp: there is no such field; did you mean",
        ),
        ("models:", "modells:", 1, "modells: there is no such field; did you mean 'models'?"),
    ],
)
def test_a_wrong_file_is_told_with_line_field_and_cure(
    sweep_file: Write, old: str, new: str, line: int, complaint: str
) -> None:
    path = sweep_file()
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(PromptError) as caught:
        read_plan(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert complaint in str(caught.value)


def test_a_label_that_is_none_is_told_with_its_row(sweep_file: Write, tmp_path: Path) -> None:
    path = sweep_file()
    with (tmp_path / "test.jsonl").open("a") as file:
        file.write('\n{"text": "How many ?", "label": "Number"}')
    with pytest.raises(PromptError, match=r"test\.jsonl:13: label: there is no class 'Number'"):
        read_plan(path)


def test_the_shipped_sweeps_are_valid(tmp_path: Path) -> None:
    labels = {
        "sst2": ("Negative", "Positive"),
        "trec": ("Abbreviation", "Entity", "Description", "Person", "Location", "Number"),
        "agnews": ("World", "Sports", "Business", "Technology"),
        "emoc": ("Others", "Happy", "Sad", "Angry"),
    }
    for task, names in labels.items():
        (tmp_path / task).mkdir()
        for part in ("train", "test"):
            lines = [f'{{"text": "{part} {name} {i}", "label": "{name}"}}' for name in names for i in range(6)]
            (tmp_path / task / f"{part}.jsonl").write_text("\n".join(lines))
    root = Path(__file__).parents[2]
    files = [*sorted((root / "sample_prompts" / "paper").glob("*.yaml")), root / "benchmarks" / "repairs.yaml"]
    assert {file.stem for file in files} == {"bundled", "gpt-j", "gpt2-xl", "smollm2", "repairs"}
    for file in files:
        assert len(read_plan(file, tmp_path).tasks) == 4


def test_a_prompt_is_told_from_a_sweep_file(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text('name: p\ntemplate: "{text}:{label}"\nlabels: [a, b]\n')
    with pytest.raises(PromptError, match="template: this is a prompt; a sweep file names 'prompts'"):
        read_plan(path)
