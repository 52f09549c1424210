"""docs/theory.md's figures and the report that they are from, on SmolLM2: python tools/theory.py"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.prompt.read import read_prompt
from icldiag.report.document import make_report
from icldiag.report.write import FORMATS, write_figures
from icldiag.samples import sample_path
from icldiag.session import Session

FOLDER = Path(__file__).parents[1] / "docs" / "theory"
SAMPLE, QUERIES = "questions", slice(None, None, 6)  # every sixth: one or two of each class
FIGURES = ("saliency-flows", "extraction-destinations", "extraction-aucroc", "confusion-distance")


def main() -> None:
    """Write the figures, and print the report."""
    prompt = read_prompt(sample_path(SAMPLE))
    session = Session(replace(prompt, queries=prompt.queries[QUERIES]), load_model(ModelSettings("smollm2")))
    report = make_report(session, ["prediction", "saliency", "extraction", "confusion"])
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        write_figures(report, place)
        for name in FIGURES:
            shutil.copy(Path(place) / f"{name}.svg", FOLDER)
    print(FORMATS["text"](report))


if __name__ == "__main__":
    main()
