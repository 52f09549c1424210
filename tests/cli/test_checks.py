"""The commands `check` and `doctor`, and the samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.samples import DEFAULT_SAMPLE, sample_names, sample_path
from tests.cli.done import Run


def test_check_shows_what_was_read_and_how_it_tokenizes(run: Run, prompt_file: str, model_folder: Path) -> None:
    assert "a valid prompt" in run("check", prompt_file).stdout
    shown = run("check", prompt_file, "--model", str(model_folder)).stdout
    assert "longest prompt" in shown
    assert "of the context window's 256" in shown
    assert "[label]  " in shown
    assert "[|/|r|e|d|]| |[|b| |^[|[|3|1|m" in shown
    assert "\x1b" not in shown


def test_check_asks_the_model_where_it_is_told_to(run: Run, prompt_file: str, model_folder: Path) -> None:
    shown = run("check", prompt_file, "--model", str(model_folder), "--answers").stdout
    said = shown.partition("answered by ")[2]
    assert "of the probability" in said  # the label mass
    assert "the model would write" in said
    assert "scored" in said
    refused = run("check", prompt_file, "--answers")
    assert "--answers asks a model; name one with --model" in refused.stderr


def test_doctor_reports_parity(run: Run, model_folder: Path) -> None:
    shown = run("doctor", "--model", str(model_folder)).stdout
    assert "reached in 4 of 4 layers" in shown
    assert "exact" in shown
    assert "NOT EXACT" not in shown


def test_every_sample_is_valid() -> None:
    from icldiag.prompt.read import read_prompt

    assert DEFAULT_SAMPLE in sample_names()
    assert len(sample_names()) >= 5
    for name in sample_names():
        prompt = read_prompt(sample_path(name))
        assert sum(query.label is not None for query in prompt.queries) >= 12
        assert {query.label for query in prompt.queries} == set(range(len(prompt.labels)))
        assert len(prompt.examples) >= 4 * len(prompt.labels)


def test_doctor_estimates_memory_before_it_loads(run: Run, model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run("doctor", "--model", str(model_folder)).stdout
    assert "for 192 tokens of demonstrations, 64 queries of 64:" in shown
    assert "for the weights in float32" in shown
    assert "verdict       all fit" in shown
    for room in ("memory", "free_memory"):
        monkeypatch.setattr(f"icldiag.model.{room}.free_memory", lambda device: 100_000)
    refused = run("doctor", "--model", str(model_folder))
    assert "verdict       memory may run out in prediction" in refused.stdout
    assert refused.returncode == 3
    assert "its weights take" in refused.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--device", "nowhere"), "--device nowhere: torch knows no such device; choose"),
        (("--dtype", "int8"), "--dtype int8: choose one of"),
        (("--quantize", "3"), "--quantize"),
    ],
)
def test_check_refuses_what_could_not_run(
    run: Run, prompt_file: str, model_folder: Path, options: tuple[str, str], words: str
) -> None:
    done = run("check", prompt_file, "--model", str(model_folder), *options)
    assert (done.returncode, done.stdout) == (3, "")
    assert words in done.stderr


def test_a_broken_configuration_is_named_before_what_is_missing(run: Run, prompt_file: str, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text('{"model_type":')
    done = run("check", prompt_file, "--model", str(tmp_path / "broken"))
    assert done.returncode == 3
    assert "config.json is not valid JSON" in done.stderr
