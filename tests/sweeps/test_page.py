"""The page: means and deviations by hand, undefined numbers, LaTeX and the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from icldiag.page.blocks import Page, Part, Table
from icldiag.page.latex import page_as_latex
from icldiag.page.markdown import page_as_markdown
from icldiag.sweeps.cells import Cell, cells_of
from icldiag.sweeps.numbers import Numbers, Spread, model_name, number, shots_name
from icldiag.sweeps.page import in_brief, sweep_page
from icldiag.sweeps.parts.repairs import PROMISE, gains
from icldiag.sweeps.plan import Plan, read_plan
from icldiag.sweeps.results import Result
from icldiag.sweeps.watch import Forecast
from icldiag.sweeps.worker import Failure
from icldiag.sweeps.write import write_sweep
from tests.sweeps.conftest import Write

ENVIRONMENT = {"device": "cpu", "dtype": "float32", "packages": {"torch": "2", "transformers": "5"}}


def result(**values: Any) -> Result:
    return Result(values, 1.0, ENVIRONMENT)


@pytest.fixture
def two_tasks(plan: Plan) -> Plan:
    (task,) = plan.tasks
    other = replace(task, name="other", more_shots=None, shots=(3, 3))
    return replace(plan, tasks=(task, other), analyses=("prediction", "reweighting", "extraction"))


def made(plan: Plan, accuracy: dict[tuple[str, int], float]) -> dict[Cell, Result]:
    found = {}
    for cell in cells_of(plan):
        share = accuracy.get((cell.task, cell.seed))
        if share is None:
            continue
        if cell.analysis == "prediction":
            found[cell] = result(accuracy=share)
        elif cell.analysis == "reweighting":
            found[cell] = result(before=share, after=share + 0.1)
        else:
            found[cell] = result(aucroc=[None if cell.seed else 0.5, share], cumulative=[None, None])
    return found


ACCURACY = {("kind", 0): 0.5, ("kind", 1): 0.7, ("other", 0): 0.2, ("other", 1): 0.2}


def test_the_mean_of_prompts_is_taken_seed_by_seed(two_tasks: Plan) -> None:
    numbers = Numbers(two_tasks, made(two_tasks, ACCURACY))
    (model,) = numbers.models
    kind, other = two_tasks.tasks
    spread = numbers.spread(model, kind, "prediction", number("accuracy"))
    assert spread.mean == pytest.approx(0.6)
    assert spread.deviation == pytest.approx(0.02**0.5)
    assert spread.percent() == "60.0 ± 14.1"
    assert numbers.spread(model, other, "prediction", number("accuracy")).percent("+") == "+20.0 ± 0.0"
    assert numbers.mean_spread(model, "prediction", number("accuracy")).values == pytest.approx((0.35, 0.45))


def test_a_seed_that_a_prompt_lacks_is_in_no_mean(two_tasks: Plan) -> None:
    lacking = {place: share for place, share in ACCURACY.items() if place != ("other", 1)}
    numbers = Numbers(two_tasks, made(two_tasks, lacking))
    (model,) = numbers.models
    assert numbers.mean_spread(model, "prediction", number("accuracy")).values == pytest.approx((0.35,))
    assert numbers.mean_spread(model, "prediction", number("accuracy")).percent() == "35.0"
    assert numbers.mean_spread(model, "prediction", number("accuracy"), more=True).percent() is None


def test_undefined_layers_do_not_count(two_tasks: Plan) -> None:
    numbers = Numbers(two_tasks, made(two_tasks, ACCURACY))
    curve = numbers.curve(numbers.models[0], two_tasks.tasks, "extraction", lambda values: values["aucroc"])
    assert curve.mean == pytest.approx((0.5, 0.4))
    assert curve.deviation[0] is None  # one seed alone has it
    assert curve.deviation[1] == pytest.approx(0.1 / 2**0.5)


def test_the_page_has_the_tables_and_says_what_was_found(two_tasks: Plan) -> None:
    found = made(two_tasks, ACCURACY)
    failed = next(iter(found))
    rest = {cell: result for cell, result in found.items() if cell is not failed}
    text = page_as_markdown(sweep_page(two_tasks, rest, {failed: Failure("too <long>")}))
    assert "re-weighting takes the mean accuracy from 40.0% to 50.0%." in text
    assert "| 1-shot (other 3), re-weighted | 70.0 ± 14.1 | 30.0 ± 0.0 | 50.0 ± 7.1 |" in text
    assert "1 cell could not be computed" in text
    assert "too &lt;long>" in text or "too &lt;long&gt;" in text
    assert "ran on cpu in float32 (torch 2, transformers 5)" in text


def test_cells_of_different_machines_are_told(two_tasks: Plan) -> None:
    found = made(two_tasks, ACCURACY)
    first = next(iter(found))
    found[first] = replace(found[first], environment={**ENVIRONMENT, "device": "cuda:0"})
    facts = sweep_page(two_tasks, found, {}).facts
    assert any("come from cpu in float32" in fact and "cuda:0" in fact for fact in facts)


def test_every_number_is_in_one_table(two_tasks: Plan, tmp_path: Path) -> None:
    page = sweep_page(two_tasks, made(two_tasks, ACCURACY), {})
    write_sweep(page, tmp_path, "svg")
    lines = (tmp_path / "csv" / "numbers-cells.csv").read_text().splitlines()
    assert lines[0] == "model,prompt,shots,seed,analysis,number,value"
    assert any(line.endswith(",kind,1-shot,1,reweighting,after,0.7999999999999999") for line in lines)
    assert (tmp_path / "figures").is_dir()
    assert "<svg" in (tmp_path / "sweep.html").read_text()
    assert r"70.0 $\pm$ 14.1" in (tmp_path / "tables.tex").read_text()
    assert all(part.blocks for part in in_brief(page).parts)
    assert "numbers" not in {part.name for part in in_brief(page).parts}


def test_latex_is_never_read_from_a_users_text() -> None:
    table = Table("t", r"50% of $x_1$ & \input{y}", ("name", "value"), (("a~b^c#", "1.0 ± 2.0"), ("{d}", None)))
    text = page_as_latex(Page("", (), {}, (Part("p", "", "", (table,)),)))
    assert r"50\% of \$x\_1\$ \& \textbackslash{}input\{y\}" in text
    assert r"a\textasciitilde{}b\textasciicircum{}c\# & 1.0 $\pm$ 2.0 \\" in text
    assert r"\{d\} & - \\" in text
    assert r"\begin{tabular}{lr}" in text


def test_one_seed_has_no_deviation() -> None:
    assert Spread((0.5,)).text() == "0.50"
    assert Spread(()).text() is None


def test_shots_are_named_once_where_prompts_agree(two_tasks: Plan) -> None:
    assert shots_name(two_tasks.tasks) == "1-shot (other 3)"
    assert shots_name(two_tasks.tasks, more=True) == "2-shot"


def test_the_same_model_loaded_in_two_ways_has_two_names(plan: Plan) -> None:
    (model,) = plan.models
    assert model_name(replace(model, name="gpt2", dtype="float16", quantize=8)) == "gpt2 (float16, 8-bit)"


def test_a_family_without_gain_on_the_selection_part_leaves_the_prompt_as_it_is() -> None:
    trials = [
        {"name": "order 2 1", "family": "order", "selection": 0.05, "gain": -0.02},
        {"name": "batch calibration", "family": "calibration", "selection": 0.0, "gain": 0.03},
        {"name": "order 1 3 2", "family": "order", "selection": -0.1, "gain": 0.2},
    ]
    found = gains({"trials": trials, "winner": 0, "confirmed": False, "sure": False})
    assert found["batch calibration"] == 0.03
    assert found["best calibration"] == 0.0
    assert found["best order"] == found["best of all"] == -0.02
    assert found["best of all, if confirmed"] == 0.0
    assert found[PROMISE] == 0.05


def test_the_time_left_is_that_of_cells_most_alike(sweep_file: Write) -> None:
    cells = list(cells_of(read_plan(sweep_file())))
    forecast = Forecast()
    assert forecast.seconds(cells) is None
    predictions = [cell for cell in cells if cell.analysis == "prediction"]
    extractions = [cell for cell in cells if cell.analysis == "extraction"]
    forecast.learn(predictions[0], 1.0)
    assert forecast.seconds(extractions) == pytest.approx(len(extractions))
    forecast.learn(extractions[0], 3.0)
    assert forecast.seconds(cells) == pytest.approx(len(predictions) + 3 * len(extractions))


def test_a_family_without_a_candidate_counts_as_no_gain(plan: Plan) -> None:
    tried = [{"name": "order 2 1", "family": "order", "selection": 0.1, "gain": 0.2}]
    plan = replace(plan, analyses=("repairs",), tasks=(replace(plan.tasks[0], more_shots=None),))
    found = {
        cell: result(
            accuracy=0.5,
            winner=0 if cell.seed == 0 else None,
            confirmed=True,
            sure=False,
            trials=tried if cell.seed == 0 else [],
        )
        for cell in cells_of(plan)
    }
    text = page_as_markdown(sweep_page(plan, found, {}))
    assert "| best order | +10.0 ± 14.1 | +10.0 ± 14.1 |" in text
    assert "gains +10.0 ± 14.1 points, of +5.0 ± 7.1 promised." in text
