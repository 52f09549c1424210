"""What the app says of every wrong query of the samples: python -m benchmarks.samples

For each: the cause that panel Why names, what a search for a repair of this query finds (`icldiag repair PROMPT --query
N`, or `f` in panel Repair), and the processor seconds of both. Prints a Markdown table and the counts.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Annotated, TypeVar

import typer

from icldiag.analyses.explanation import Explanation
from icldiag.analyses.explanation.weights import NAMES
from icldiag.analyses.repairs import BUDGET, Repairs
from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.samples import sample_names, sample_path
from icldiag.session import Session

T = TypeVar("T")

HOLDS, LOSES, BREAKS, NONE = "mends it and holds", "mends it, does not hold", "mends it, breaks others", "none mends it"


def outcome(found: Repairs) -> tuple[str, str]:
    """What came of a search for one query, and the repair that is spoken of with its effect on other texts."""
    best = found.best
    if best is not None:
        confirmed = found.confirmed
        told = best.repair.name
        if confirmed is not None:
            told += f": {confirmed.right_before} to {confirmed.right_after} of {confirmed.count} others"
        return HOLDS if found.holds else LOSES, told
    if found.mender is None:
        return NONE, "-"
    mender = found.trials[found.mender]
    return BREAKS, f"{mender.repair.name}: {mender.selection.net:+d} of {mender.selection.count} others"


def cause(found: Explanation) -> str:
    return NAMES[found.causes[0].kind] if found.causes else "not explained"


def seconds(work: Callable[[], T]) -> tuple[T, float]:
    begun = time.process_time()
    return work(), time.process_time() - begun


def main(budget: Annotated[int, typer.Option(help="Candidates tried for each query.")] = BUDGET) -> None:
    """Print the table."""
    model = load_model(ModelSettings(device="cpu"))
    causes: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    longest = 0.0
    print("| sample | query | answered, gold | why | repair | which, and its effect | s |\n" + "| --- " * 7 + "|")
    for name in sample_names():
        session = Session(sample_path(name), model)
        prediction = session.prediction()
        for query in prediction.wrong:
            why, explained_in = seconds(partial(session.explanation, query))
            found, repaired_in = seconds(partial(session.repairs, query, budget))
            what, which = outcome(found)
            causes[cause(why)] += 1
            outcomes[what] += 1
            longest = max(longest, explained_in + repaired_in)
            gold = prediction.labels[prediction.gold[query] or 0]
            answers = f"{prediction.labels[prediction.predicted[query]]}, {gold}"
            cells = (name, query + 1, answers, cause(why), what, which.replace("|", "\\|"))
            print(f"| {' | '.join(map(str, cells))} | {explained_in:.1f} + {repaired_in:.1f} |", flush=True)
    for counts in (causes, outcomes):
        print(f"\n{', '.join(f'{what} {count}' for what, count in counts.most_common())}", end="")
    print(f"\n\nThe longest took {longest:.1f} s.")


if __name__ == "__main__":
    typer.run(main)
