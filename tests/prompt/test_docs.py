"""docs/formats.md: its example is a prompt file, and no field is missing from it."""

from __future__ import annotations

import re
from pathlib import Path

from icldiag.prompt.fields import FileFields, PromptFields
from icldiag.prompt.read import read_prompt

DOCS = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()


def test_the_example_is_a_prompt_file(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
    assert example is not None
    (tmp_path / "more.csv").write_text("question,answer\nWho ?,Person\n")
    path = tmp_path / "prompt.yaml"
    path.write_text(example[1])
    prompt = read_prompt(path)
    assert prompt.opening == "Name the type of the answer.\n\n"
    assert (len(prompt.demonstrations), len(prompt.queries), len(prompt.examples)) == (2, 1, 1)
    assert prompt.queries[0].id == "17"


def test_every_field_is_documented() -> None:
    for field in PromptFields.model_fields:
        assert re.search(rf"^{field}:", DOCS, re.MULTILINE), field
    for field in FileFields.model_fields:
        assert f"`{field}`" in DOCS, field
