"""The stages of loading only go on."""

from __future__ import annotations

import re
from pathlib import Path

from icldiag.tui.panels.overview import OverviewPanel
from icldiag.tui.state import State

GGUF = ["importing torch and transformers", "reading 4 of 93 MiB", "configuration", "tokenizer", "dequantising"]
GGUF += ["keeping the weights", "tokenizer", "weights", "weights 0 of 272 tensors", "checking the model"]


def test_no_stage_comes_back() -> None:
    state = State(path=Path("p.yaml"))
    panel = OverviewPanel(state)
    steps, details = [], []
    for doing in [*(f"loading: {stage}" for stage in GGUF), "demonstrations: layer 3 of 30", "queries 8 of 60"]:
        state.doing["session"] = doing
        text = panel._loading().plain
        step = re.search(r"(\d) of 7", text)
        assert step is not None
        steps.append(int(step[1]))
        details.append(text)
    assert steps == sorted(steps)
    assert steps[-1] == 7
    assert "reading 4 of 93 MiB" in details[1]
    assert "dequantising" in details[4]
    assert "> demonstrations  layer 3 of 30" in details[-2]
    state.doing["session"] = "loading the model"
    assert "1 of 7" in panel._loading().plain
    state.doing["session"] = "answering again"
    assert "6 of 7" in panel._loading().plain
