"""Against inspect_ai itself: the logs that it writes, as an archive and as JSON, are imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from icldiag.errors import PromptError
from icldiag.prompt.chats import as_chats
from icldiag.prompt.inspect_log import read_samples

inspect_ai = pytest.importorskip("inspect_ai", reason="needs inspect_ai (extra agents)")
dataset, model, scorer, solver = (
    pytest.importorskip(f"inspect_ai.{part}") for part in ("dataset", "model", "scorer", "solver")
)

LONG = "and more " * 40  # which inspect_ai keeps apart, as an attachment
SHOTS = ((f"the sun is out {LONG}", "bright"), ("rain\nagain 😀", "dark"))
ASKED = (("fog", "dark"), (f"a party {LONG}", "bright"))


def run(folder: Path, samples: list[Any], format: Literal["eval", "json"], epochs: int = 1, steps: Any = None) -> Path:
    outputs = [model.ModelOutput.from_content("mockllm/model", "dark") for _ in range(epochs * len(samples))]
    task = inspect_ai.Task(
        dataset=dataset.MemoryDataset(samples), solver=steps or [solver.generate()], scorer=scorer.exact(), name="mood"
    )
    inspect_ai.eval(
        task,
        model=model.get_model("mockllm/model", custom_outputs=outputs, memoize=False),
        log_dir=str(folder),
        log_format=format,
        display="none",
        epochs=epochs,
    )
    (path,) = folder.glob(f"*.{format}")
    return path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("format", ["eval", "json"])
def test_few_shot_samples(tmp_path: Path, format: Literal["eval", "json"]) -> None:

    if format == "eval":
        pytest.importorskip("zstandard")
    shots = [
        turn
        for text, label in SHOTS
        for turn in (model.ChatMessageUser(content=text), model.ChatMessageAssistant(content=label))
    ]
    samples = [
        dataset.Sample(
            input=[model.ChatMessageSystem(content="One word."), *shots, model.ChatMessageUser(content=text)],
            target=gold,
            id=n,
        )
        for n, (text, gold) in enumerate(ASKED)
    ]
    path = run(tmp_path, samples, format, epochs=2)
    prompt = as_chats(read_samples(path), path).prompt
    assert (prompt.instruction, prompt.chat) == ("One word.", True)
    names = prompt.label_names
    assert [(one.text, names[one.known_label]) for one in prompt.demonstrations] == list(SHOTS)
    assert [(one.text, names[one.known_label]) for one in prompt.queries] == list(ASKED)
    assert [query.id for query in prompt.queries] == ["0", "1"]


@pytest.mark.filterwarnings("ignore")
def test_what_is_no_few_shot_classification(tmp_path: Path) -> None:

    one_turn = run(
        tmp_path / "one",
        [dataset.Sample(input="fog", target="dark")],
        "json",
        steps=[solver.system_message("sun\nbright"), solver.generate()],
    )
    with pytest.raises(PromptError, match="in one turn"):
        read_samples(one_turn)
    choices = [dataset.Sample(input="fog?", choices=["bright", "dark"], target="B")]
    with pytest.raises(PromptError, match="choices of its own"):
        read_samples(run(tmp_path / "choice", choices, "json", steps=[solver.multiple_choice()]))
