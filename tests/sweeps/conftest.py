"""A sweep over two small data files and a tiny random model: every number is meaningless, every identity holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from icldiag.sweeps.plan import Plan, read_plan

Write = Callable[..., Path]

SWEEP = """\
models: [{model}]
seeds: {seeds}
prompts:
  kind:
    data: train.jsonl
    test: test.jsonl
    template: "Question: {{text}}\\nAnswer Type:{{label}}"
    labels: [Person, Location]
    more_shots: 2
    queries: 6
    examples: 4
analyses: {analyses}
settings: {{isolated_layers: 1, draws: 2, timed: false, per_class: 2, epochs: 2, saliency_queries: 2}}
"""


def rows(part: str, count: int) -> list[dict[str, Any]]:
    words = ("opera", "river", "bridge", "film", "park", "sea")
    return [
        {"text": f"{('Who', 'Where')[i % 2]} {part} the {words[i % 6]} {i} ?", "label": ("Person", "Location")[i % 2]}
        for i in range(count)
    ]


@pytest.fixture
def sweep_file(tmp_path: Path, model_folder: Path) -> Write:
    """Writes a sweep file with its data; the model is a tiny GPT-2."""

    def write(
        analyses: str = "[prediction, extraction]", seeds: str = "2", model: object = model_folder, add: str = ""
    ) -> Path:
        for part, count in (("train", 20), ("test", 12)):
            (tmp_path / f"{part}.jsonl").write_text("\n".join(json.dumps(row) for row in rows(part, count)))
        path = tmp_path / "sweep.yaml"
        path.write_text(SWEEP.format(model=model, seeds=seeds, analyses=analyses) + add)
        return path

    return write


@pytest.fixture
def plan(sweep_file: Write) -> Plan:
    return read_plan(sweep_file())
