"""README's first example, by a pretrained model: python tools/first_screen.py [--write]

A sample that fails, what is wrong with it and what fixes it, in icldiag's own sentences. `pytest -m real` compares.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from icldiag.analyses.overview import headline
from icldiag.analyses.overview.compute import Judge
from icldiag.analyses.repairs import TryCalibrations, in_short
from icldiag.model.forward import InstrumentedModel
from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.samples import sample_path
from icldiag.session import Session

README = Path(__file__).parents[1] / "README.md"
MODEL, SAMPLE = "smollm2", "sentiment"
BEGIN, END = "<!-- first screen: python tools/first_screen.py --write -->\n", "<!-- end of it -->"
_BLOCK = re.compile(f"(?<={re.escape(BEGIN)}).*?(?={END})", re.DOTALL)


def block(model: InstrumentedModel) -> str:
    """The example as Markdown."""
    session = Session(sample_path(SAMPLE), model)
    found, repairs = session.ask(Judge()), session.ask(TryCalibrations())
    best, confirmed = repairs.best, repairs.confirmed
    if best is None or confirmed is None:
        raise SystemExit(f"nothing mends {SAMPLE} on {MODEL}; take another sample")
    wrong = next(place for place, gold in enumerate(found.gold) if gold is not None and found.predicted[place] != gold)
    query = session.prompt.queries[wrong]
    answer = f"{found.labels[found.predicted[wrong]]}, and the gold label is {found.labels[query.label or 0]}"
    fitted = len(repairs.fitting) + len(repairs.selection)
    option = f"icldiag --model {MODEL}"
    rows = {
        "this prompt fails": f"SmolLM2-135M answers {answer}",
        "what is wrong": headline(found),
        "what fixes it": f"{best.repair.name}, fitted on {fitted} labelled examples; {len(repairs.trials)} were tried",
        "by how much": f"on {confirmed.count} held-out texts, each left out of fit and choice: {in_short(confirmed)}",
        "by a command": f"`{option} repair {SAMPLE} --budget 6 -o mended.yaml`",
        "on new texts": f"`{option} predict mended.yaml TEXTS.csv -o labels.csv`",
    }
    table = "".join(f"| {name} | {said} |\n" for name, said in rows.items())
    return f"```text\n{session.prompt.written(query)} ?\n```\n\n| | |\n| --- | --- |\n{table}\n"


def written() -> str:
    """The example as it stands in the README."""
    found = _BLOCK.search(README.read_text(encoding="utf-8"))
    assert found is not None
    return found[0]


def main(write: Annotated[bool, typer.Option("--write", help="Into the README.")] = False) -> None:
    """Compute the example."""
    made = block(load_model(ModelSettings(name=MODEL, device="cpu")))
    if write:
        README.write_text(_BLOCK.sub(lambda _: made, README.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(made, end="")


if __name__ == "__main__":
    typer.run(main)
