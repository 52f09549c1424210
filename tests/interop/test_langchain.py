"""Against LangChain itself: what it saves is imported, and writes what it formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.prompt.langchain import read_few_shot
from icldiag.prompt.schema import Example

prompts = pytest.importorskip("langchain_core.prompts")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["json", "yaml"])
@pytest.mark.parametrize("template_format", ["f-string", "jinja2"])
def test_saved_by_langchain(tmp_path: Path, kind: str, template_format: str) -> None:
    def variables(text: str) -> str:
        return text if template_format == "f-string" else text.replace("{", "{{").replace("}", "}}")

    template = prompts.FewShotPromptTemplate(
        examples=[
            {"review": "great: 'yes'", "label": "positive"},
            {"review": "on\ntwo lines", "label": "negative"},
            {"review": "No", "label": "Yes"},
        ],
        example_prompt=prompts.PromptTemplate.from_template(
            variables("Review: {review}\nSentiment: {label}"), template_format=template_format
        ),
        prefix="Judge the reviews.",
        suffix=variables("Review: {text}\nSentiment:"),
        input_variables=["text"],
        example_separator="\n###\n",
        template_format=template_format,
    )
    path = tmp_path / f"saved.{kind}"
    template.save(path)
    for query in ("I liked it", "", "What?\nNothing."):
        assert read_few_shot(path).prompt([Example(query, None)]).written(query) == template.format(text=query)
