"""What `icldiag repair` prints and writes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from icldiag.analyses.repairs import Repairs, Trial, finding, verdict
from icldiag.analyses.reweighting import save_beta
from icldiag.errors import AnalysisError
from icldiag.model.readout import Progress
from icldiag.prompt.adjustments import SavedBeta
from icldiag.prompt.rewrite import rewritten, write_prompt
from icldiag.prompt.schema import Prompt
from icldiag.render.visible import visible
from icldiag.session import Session


def chosen_query(prompt: Prompt, wanted: str) -> int:
    """The query of this number, counted from 1, or the only one whose text holds the words. Raises AnalysisError."""
    if wanted.isdecimal():
        if not 1 <= int(wanted) <= len(prompt.queries):
            raise AnalysisError(f"--query {wanted}: there are queries 1 to {len(prompt.queries)}")
        return int(wanted) - 1
    found = [place for place, query in enumerate(prompt.queries) if wanted.casefold() in query.text.casefold()]
    if len(found) != 1:
        places = ", ".join(str(place + 1) for place in found[:8])
        which = f"queries {places} hold this text; give a number" if found else "no query holds this text"
        raise AnalysisError(f"--query {wanted!r}: {which}")
    return found[0]


def told(repairs: Repairs) -> str:
    """The finding and what it rests on."""
    parts = f"{len(repairs.fitting)} examples to fit on, {len(repairs.selection)} to choose by, {len(repairs.confirmation)} to confirm on"
    shared = "; the prompt's queries are among them, as 'examples' has too few" if repairs.with_queries else ""
    return f"{visible(finding(repairs))}\n({parts}{shared})"


def ranking(repairs: Repairs, count: int) -> Iterator[str]:
    """The best repairs, a line each: net gain, mended and broken on the selection part, p, the queries, the cost."""
    if not count:
        return
    yield f"rank  net  mended broken     p  queries  tokens  repair (selection part: {len(repairs.selection)} examples)"
    for rank, trial in enumerate(repairs.trials[:count], start=1):
        effect = trial.selection
        of = "" if repairs.query is None else f": {verdict(repairs, trial, repairs.query)}"
        yield visible(
            f"{rank:4}  {effect.net:+3}  {len(effect.mended):6} {len(effect.broken):6}  {effect.p_value:.2f}  "
            f"{trial.queries.net:+7}  {trial.tokens - repairs.tokens_before:+6}  {trial.repair.name}{of}"
        )


def repaired_file(
    session: Session, repairs: Repairs, trial: Trial, output: Path | None, progress: Progress
) -> tuple[str, str]:
    """The diff to the old file, and a sentence on what the written file does when it is opened.

    Without `output` nothing is written, and the sentence is left out. A beta goes to a file beside the prompt's.

    Raises:
        AnalysisError: the written file does not answer as the repair did.
    """
    prompt, repair = session.prompt, trial.repair
    folder = output.parent if output is not None else (prompt.path.parent if prompt.path else Path.cwd())
    new_name = str(output) if output is not None else "repaired"
    saved = None
    if repair.beta is not None:
        place = (output or folder / "repaired.yaml").with_suffix(".safetensors")
        if output is None:
            saved = SavedBeta(place, "")
        else:
            save_beta(place, repair.beta, session.model.name, repair.apply(prompt))
            saved = SavedBeta.at(place)
    old, new = rewritten(prompt, repair.apply(prompt, saved), folder)
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), str(prompt.path or prompt.name), new_name
    )
    diff = "\n".join(visible(line.rstrip("\n")) for line in lines)
    if output is None:
        return diff, f"afterwards: {_cost(repairs, trial)}. -o FILE writes it."
    opened = Session(write_prompt(new, output), session.model)
    answers = opened.prediction(progress)
    if not np.array_equal(answers.predicted, trial.predicted):
        changed = int((answers.predicted != trial.predicted).sum())
        raise AnalysisError(f"{output}: {changed} answers differ from those that were verified; do not use this file")
    right = f"{answers.correct} of {len(answers.labelled)} queries right (before: {session.prediction(progress).correct})"
    return diff, f"written to {output}; opened again: {right}. afterwards: {_cost(repairs, trial)}."


def _cost(repairs: Repairs, trial: Trial) -> str:
    tokens = trial.tokens - repairs.tokens_before
    more = "no token more" if tokens == 0 else f"{tokens:+} tokens in every prompt"
    return f"{more}, needs {trial.repair.needs}"
