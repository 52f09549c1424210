"""Label scores of many texts: of bounded memory, and with what is in force."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from icldiag.analyses.calibration import calibration
from icldiag.classifier import output, predictions, scorer
from icldiag.classifier.predictions import Columns, Writer, survey
from icldiag.classifier.scorer import LabelScorer
from icldiag.classifier.workers import Here
from icldiag.errors import AnalysisError
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.table_stream import TableStream
from icldiag.session import Session
from tests.conftest import Tiny

pytestmark = pytest.mark.usefixtures("small_chunks")

TEXTS = [f"{('Who', 'Where', 'How many')[i % 3]} wrote {i} ?" for i in range(23)]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A hundred times the rows, and the same peak: all but the model's part, which sees chunks."""

    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.csv"
        with path.open("w") as file:
            file.write("text,n\n")
            file.writelines(f"Who wrote the opera in the park ?,{i}\n" for i in range(rows))
        stream = TableStream.of(path, {"text": "text"})
        writer = Writer(stream, Columns("predicted", "all", ("a", "b")), None)
        tracemalloc.start()
        assert survey(stream, writer, rows // 2, False).rows == rows

        class Fixed(LabelScorer):
            def __init__(self) -> None:
                """Without a model."""

            def scores(self, texts: Sequence[Example], progress: Any = None) -> Any:
                return np.zeros((len(texts), 2))

        class Sink(output.Output):
            def append(self, content: str, now: output.Extent) -> None:
                pass

        sink = Sink(None, path)  # type: ignore[arg-type]
        predictions.write_predictions(
            Here(Fixed()),
            stream,
            writer,
            sink,
            rows,
            blank=False,
            progress=lambda *_: None,
        )
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(100)
    assert peak(20_000) < 1.5 * peak(200)


def test_anchors_alone_need_demonstrations(tiny: Tiny, prompt: Prompt) -> None:
    session = Session(replace(prompt, demonstrations=()), tiny())
    assert LabelScorer(session).scores([Example("Who ?", None)]).shape == (1, len(prompt.labels))
    with pytest.raises(AnalysisError, match="no demonstrations whose label words could be read alone"):
        LabelScorer(session, anchors_only=True)


def test_a_calibration_is_in_force(tiny: Tiny, prompt: Prompt) -> None:
    plain, queries = Session(prompt, tiny()), [Example(text, None) for text in TEXTS]
    found = calibration("batch", LabelScorer(plain).scores(queries))
    calibrated = plain.with_prompt(replace(prompt, calibration=found))
    asked = calibrated.with_prompt(calibrated.prompt.with_queries(queries))
    scores = LabelScorer(calibrated).scores(queries)
    np.testing.assert_allclose(scores, asked.prediction().scores, rtol=1e-4, atol=1e-4)
    assert (scores.argmax(1) != LabelScorer(plain).scores(queries).argmax(1)).any()


def test_what_is_answered_of_a_chunk_is_told(prompt: Prompt, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorer, "CHUNK", 16)
    told: list[tuple[str, int, int]] = []
    LabelScorer(Session(prompt, tiny("gpt2"))).scores(
        [Example(text, None) for text in TEXTS], lambda *step: told.append(step)
    )
    counts = [done for what, done, total in told if what == "texts" and total == len(TEXTS)]
    assert counts == sorted(counts)
    assert set(counts) >= {0, 8, 16, 23}  # eight are asked first
    assert {what for what, _, _ in told} == {"demonstrations: layer", "texts"}
