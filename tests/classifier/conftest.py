"""`icldiag predict` on a small file of texts, in chunks so small that a few rows are several."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from icldiag.classifier import predictions, scorer
from icldiag.cli import main
from icldiag.prompt.schema import Prompt
from icldiag.prompt.write import as_yaml

Run = Callable[..., tuple[int, str, str]]
TEXTS = [f"{('Who', 'Where', 'How many')[i % 3]} wrote {i} ?" for i in range(23)]
COLUMNS = ["predicted", "predicted_p_Person", "predicted_p_Location", "predicted_p_Number"]


@pytest.fixture
def prompt_file(prompt: Prompt, tmp_path: Path) -> Path:
    path = tmp_path / "prompt.yaml"
    path.write_text(as_yaml(prompt))
    return path


@pytest.fixture
def run(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    def run(texts: Path, *arguments: str) -> tuple[int, str, str]:
        common = ["predict", str(prompt_file), str(texts), "--model", str(model_folder)]
        monkeypatch.setattr("sys.argv", ["icldiag", *common, *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        shown = capsys.readouterr()
        return int(caught.value.code or 0), shown.out, shown.err

    return run


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.csv"
    rows = "".join(f'{i},"{text}","a ""note"",\n{i}"\n' for i, text in enumerate(TEXTS))
    path.write_text("number,text,note\n" + rows)
    return path


def table(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "CHUNK", 5)
    monkeypatch.setattr(scorer, "CHUNK", 3)
