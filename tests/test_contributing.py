"""The recipe of CONTRIBUTING.md: an analysis is one folder and one line, and then it is everywhere."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from icldiag.analyses import MODULES
from icldiag.prompt.schema import Prompt
from icldiag.report.document import make_report
from icldiag.report.schema import json_schema
from icldiag.report.write import FORMATS
from icldiag.session import Session
from tests.conftest import Tiny

COMPUTE = '''
from dataclasses import dataclass
from typing import ClassVar

from icldiag.analyses.request import Request
from icldiag.analyses.result import AnalysisResult


@dataclass(frozen=True, repr=False)
class Lengths(AnalysisResult):
    """How long the queries are, in tokens."""

    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Measure(Request[Lengths]):
    job: ClassVar[str] = "lengths"

    def compute(self, bench, progress, each):
        return Lengths(tuple(len(query.ids) for query in bench.encoded.queries))
'''
SECTION = """
from icldiag.analyses.analysis import Analysis, Section, SectionFields
from icldiag.page.blocks import Table
from toy_lengths.compute import Lengths, Measure


class LengthsFields(SectionFields):
    tokens: list[int]


SECTION = Section(
    title="Lengths",
    question="How the model reads the prompt",
    fields=LengthsFields,
    requests=lambda context: [Measure()],
    values=lambda result: {"tokens": result.tokens},
    reading=lambda result, context: f"The longest query has {max(result.tokens)} tokens.",
    blocks=lambda result, context: [
        Table("lengths", "Tokens of each query.", ("number", "tokens"), tuple(enumerate(result.tokens, start=1)))
    ],
    main="lengths",
)


def numbers(bench, settings, seed, progress):
    return {"longest": max(bench.ask(Measure(), progress).tokens)}


ANALYSIS = Analysis("lengths", (Lengths,), SECTION, numbers)
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "toy_lengths"
    folder.mkdir()
    for name, content in {"__init__": "", "compute": COMPUTE, "section": SECTION}.items():
        (folder / f"{name}.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(MODULES, "lengths", "toy_lengths.section")
    for name in [name for name in sys.modules if name.startswith("toy_lengths")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.usefixtures("toy")
def test_it_is_in_every_report_the_schema_and_a_notebook(prompt: Prompt, tiny: Tiny) -> None:
    from toy_lengths.compute import Measure  # type: ignore[import-not-found]

    session = Session(prompt, tiny())
    report = make_report(session, ["lengths"])
    longest = max(len(query.ids) for query in session.encoded.queries)
    assert json.loads(FORMATS["json"](report))["lengths"]["tokens"]
    for name, text in FORMATS.items():
        told = "Tokens of each query." if name == "latex" else f"The longest query has {longest} tokens."
        assert told in text(report), name
    assert "lengths" in json_schema()["properties"]
    assert "lengths" in make_report(session).results  # of all, which is the default
    alone = session.ask(Measure())
    assert repr(alone) == f"<Lengths: The longest query has {longest} tokens.>"
    assert "<table" in alone._repr_html_()
    assert alone.to_frame()["tokens"].max() == longest
    assert session.peek(Measure()) is alone


@pytest.mark.usefixtures("toy")
def test_it_is_in_a_sweep(tmp_path: Path, model_folder: Path) -> None:
    from icldiag.sweeps.sweep import Sweep

    rows = [{"text": f"Who is number {n} ?", "label": "ab"[n % 2]} for n in range(24)]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "s.yaml").write_text(
        f"models: [{{name: {model_folder}}}]\nseeds: 1\nanalyses: [lengths]\n"
        'prompts: {toy: {data: d.jsonl, template: "{text}\\nType:{label}", queries: 4, examples: 0}}\n'
    )
    sweep = Sweep(tmp_path / "s.yaml", output=tmp_path / "out")
    sweep.run()
    frame = sweep.to_frame()
    assert frame[frame.number == "longest"].value.tolist() == [sweep.found[sweep.cells[0]].values["longest"]]
    assert (tmp_path / "out").is_dir()
