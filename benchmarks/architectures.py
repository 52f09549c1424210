"""`python -m benchmarks.architectures`: the table of docs/architectures.md, from the tests' checks.

Every architecture has a tiny random checkpoint; each number is the largest difference from transformers' own eager
attention (tests/parity.py), relative to the largest number compared.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path

from icldiag.model.forward import InstrumentedModel
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Prompt
from tests.architectures import ARCHITECTURES
from tests.conftest import tiny_prompt, tiny_tokenizer, tiny_weights
from tests.parity import TOLERANCE, Parity, measure

PAGE = Path(__file__).parent.parent / "docs" / "architectures.md"
BEGIN, END = "<!-- table: python -m benchmarks.architectures -->", "<!-- end of table -->"
HEADER = (
    "| models | transformers' name | beyond GPT-2's attention | seam | forward | saliency | isolation | re-weighting "
    "| compression |"
)


def measured(architecture: str, prompt: Prompt) -> tuple[InstrumentedModel, Parity]:
    """All checks of one architecture."""
    model = InstrumentedModel(tiny_weights(architecture), tiny_tokenizer(), architecture)
    return model, measure(model, encode(prompt, model.tokenizer))


def row(architecture: str, seam: str, parity: Parity) -> str:
    """One line of the table; a difference beyond the tolerance is shown as such."""
    about = ARCHITECTURES[architecture]
    numbers = [f"{value:.0e}" if value < TOLERANCE else f"**NOT EXACT** {value:.0e}" for value in astuple(parity)]
    return f"| {' | '.join([about.models, f'`{architecture}`', about.special or '-', seam, *numbers])} |"


def table(rows: Iterable[str]) -> str:
    return "\n".join([HEADER, "| " + " | ".join(["---"] * (HEADER.count("|") - 1)) + " |", *rows])


def main() -> None:
    prompt = tiny_prompt()
    rows = []
    for architecture in ARCHITECTURES:
        print(architecture, file=sys.stderr)
        model, parity = measured(architecture, prompt)
        rows.append(row(architecture, model.seam.name, parity))
    made = table(rows)
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf-8")
    print(made)


if __name__ == "__main__":
    main()
