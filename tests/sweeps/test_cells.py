"""Draws and cells: what is shared between prompts of a seed, and what a key depends on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from icldiag.prompt.schema import Example
from icldiag.sweeps.cells import Cell, cells_of
from icldiag.sweeps.draw import draw_prompt
from icldiag.sweeps.plan import Plan, read_plan
from tests.sweeps.conftest import Write


def texts(examples: tuple[Example, ...]) -> set[str]:
    return {example.text for example in examples}


def test_no_text_is_in_two_parts_and_seeds_differ(plan: Plan) -> None:
    (task,) = plan.tasks
    one, again, other = (draw_prompt(task, seed, task.shots) for seed in (0, 0, 1))
    assert one == again != other
    assert sorted(example.label or 0 for example in one.demonstrations) == [0, 1]
    assert len(one.queries) == 6
    assert len(one.examples) == 8
    assert not texts(one.demonstrations) & (texts(one.examples) | texts(one.queries))
    assert not texts(one.examples) & texts(one.queries)


def test_more_shots_show_more_and_ask_the_same(plan: Plan) -> None:
    (task,) = plan.tasks
    few, many = (draw_prompt(task, 0, shots) for shots in task.variants)
    assert texts(few.demonstrations) < texts(many.demonstrations)
    assert len(many.demonstrations) == 4
    assert (few.queries, few.examples) == (many.queries, many.examples)
    assert not texts(many.demonstrations) & texts(many.examples)


def test_one_file_for_all_asks_what_it_does_not_show(plan: Plan) -> None:
    task = replace(plan.tasks[0], queries=plan.tasks[0].pool, query_limit=100)
    few, many = (draw_prompt(task, 0, shots) for shots in task.variants)
    assert few.queries == many.queries
    assert len(many.queries) == 20 - 4 - 8
    assert not texts(few.queries) & texts((*many.demonstrations, *many.examples))


def test_prompts_with_more_shots_are_asked_for_answers_alone(plan: Plan) -> None:
    cells = list(cells_of(plan))
    asked = [(cell.seed, cell.shots, cell.analysis) for cell in cells]
    assert asked == [
        (seed, *rest)
        for seed in (0, 1)
        for rest in (((1, 1), "prediction"), ((1, 1), "extraction"), ((2, 2), "prediction"))
    ]
    assert len({cell.key for cell in cells}) == len(cells)


def keys(plan: Plan) -> dict[str, str]:
    return {f"{cell.analysis} {cell.shots} {cell.seed}": cell.key for cell in cells_of(plan)}


def test_a_key_depends_on_what_its_analysis_reads_alone(sweep_file: Write, tmp_path: Path) -> None:
    plan = read_plan(sweep_file("[prediction, isolation, reweighting]"))
    before = keys(plan)
    assert keys(plan) == before
    other_layers = keys(replace(plan, settings=plan.settings.model_copy(update={"isolated_layers": 2})))
    assert {name for name in before if before[name] != other_layers[name]} == {
        "isolation (1, 1) 0",
        "isolation (1, 1) 1",
    }
    named_otherwise = keys(replace(plan, name="other", tasks=(replace(plan.tasks[0], query_limit=5),)))
    assert not set(before.values()) & set(named_otherwise.values())  # other queries


def test_a_key_follows_the_weights_and_not_the_folder(sweep_file: Write, model_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(model_folder, copy)
    before, moved = (keys(read_plan(sweep_file(model=folder))) for folder in (model_folder, copy))
    assert before == moved
    other = tmp_path / "other"
    shutil.copytree(model_folder, other)
    weights = other / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert not set(before.values()) & set(keys(read_plan(sweep_file(model=other))).values())


def test_a_hub_model_is_known_by_name_revision_and_dtype(sweep_file: Write) -> None:
    def cell(model: str) -> Cell:
        return next(cells_of(read_plan(sweep_file(model=model))))

    found = {
        cell(model).key for model in ("gpt2-xl", "{name: gpt2-xl, revision: main}", "{name: gpt2-xl, dtype: float16}")
    }
    assert len(found) == 3
