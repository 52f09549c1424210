"""Programs that DSPy saved, without DSPy: what is in the file is in the prompt, or refused by name."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from icldiag.cli import main
from icldiag.errors import PromptError
from icldiag.prompt.dspy_program import read_program
from icldiag.prompt.read import read_prompt

SIGNATURE = {
    "instructions": "Say the mood.",
    "fields": [{"prefix": "Text:", "description": "${text}"}, {"prefix": "Mood:", "description": "${mood}"}],
}
DEMOS: list[Any] = [{"text": "the sun\nis out", "mood": "bright"}, {"augmented": True, "text": "rain", "mood": "dark"}]


def write(folder: Path, demos: Any = None, signature: Any = SIGNATURE, **more: Any) -> Path:
    path = folder / "program.json"
    own = {"traces": [], "train": [], "demos": DEMOS if demos is None else demos, "signature": signature, "lm": None}
    path.write_text(json.dumps({**own, "metadata": {"dependency_versions": {"dspy": "3.4.1"}}, **more}))
    return path


def test_the_command_writes_a_prompt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "prompt.yaml"
    arguments = ["import", "dspy", str(write(tmp_path)), "--query", "fog", "--labels", "dull", "-y", "-o", str(made)]
    monkeypatch.setattr(sys, "argv", ["icldiag", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    prompt = read_prompt(made)
    assert prompt.label_names == ("bright", "dark", "dull")
    assert prompt.written("fog") == (
        "Say the mood.\n\n[[ ## text ## ]]\nthe sun\nis out\n\n[[ ## mood ## ]]\nbright\n\n[[ ## completed ## ]]\n\n"
        "[[ ## text ## ]]\nrain\n\n[[ ## mood ## ]]\ndark\n\n[[ ## completed ## ]]\n\n"
        "[[ ## text ## ]]\nfog\n\n[[ ## mood ## ]]\n"
    )
    assert "the last of them the label" in capsys.readouterr().err.replace("\n", " ")


def test_fields_with_prefixes_and_descriptions_of_their_own(tmp_path: Path) -> None:
    fields = [{"prefix": "The review", "description": "what was said"}, {"prefix": "Its mood:", "description": "x"}]
    found = read_program(write(tmp_path, signature={**SIGNATURE, "fields": fields}, demos=DEMOS[:1] * 2))
    assert found.fields == ("text", "mood")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"demos": []}, "have no demonstrations"),
        ({"demos": [{"text": "a"}, DEMOS[0]]}, "demonstration 1 has nothing for the field 'mood'"),
        ({"demos": [DEMOS[0], {"text": "a"}]}, "demonstration 2 has nothing for the field 'mood'"),
        ({"demos": [{"text": "a", "mood": ["x"]}]}, "'mood' of demonstration 1 is no text"),
        ({"demos": [{"text": "a", "mood": "long\nanswer"}]}, "is no label"),
        ({"demos": ["a"]}, "no mappings"),
        ({"signature": {"fields": "x"}}, "no list of"),
        ({"signature": {"fields": []}}, "needs a field for the text"),
        ({"signature": None}, "no program that DSPy saved"),
    ],
)
def test_what_is_refused(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(PromptError, match=reason) as caught:
        read_program(write(tmp_path, **change))
    assert str(tmp_path) in str(caught.value)


def test_one_label(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="name others with --labels"):
        read_program(write(tmp_path, DEMOS[:1])).prompt()


def test_what_the_signature_does_not_name_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, [{**DEMOS[0], "why": "warm"}, DEMOS[1]])
    monkeypatch.setattr("sys.argv", ["icldiag", "import", "dspy", str(path), "--query", "fog", "--yes", "-o", "-"])
    with pytest.raises(SystemExit):
        main()
    assert "not read: 'why' of the demonstrations, which the signature does not name" in capsys.readouterr().err
